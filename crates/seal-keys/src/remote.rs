//! Key services elsewhere: SOPS's gRPC `KeyService`, as a client and as a server.
//!
//! ```text
//! KeyServices ─→ Providers (here)            serve ←─ Listener: unix socket | TCP
//!            └─→ client → messages ══ gRPC ══→  └─→ Providers (there)
//! ```
//!
//! A service wraps and unwraps data keys for others: a laptop with the keys for a machine without. The wire has no
//! encryption of its own, as SOPS's has none.

mod client;
mod listener;
mod messages;
mod server;
mod services;
mod uri;

pub use listener::{ListenError, Listener, Socket};
pub use server::{Asked, Guard, Operation, serve};
pub use services::KeyServices;
pub use uri::{RemoteUri, RemoteUriError};
