//! Master keys: wraps and unwraps the data key of an envelope.

pub mod keygen;
