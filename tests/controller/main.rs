//! Tests of `seal-controller` against a real API server. One file per theme.
