//! The HTTP side: certificate, verify, rotate, health, metrics.
