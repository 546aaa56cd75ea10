//! Answering as another program: its command line becomes the requests that `seal`'s own makes, and failures become its
//! exit codes.

pub(crate) mod kubeseal;
pub(crate) mod sops;
