//! Where a key service listens: a unix socket that only its owner can use, or TCP where that is asked for.

use std::fs;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio_stream::wrappers::UnixListenerStream;
use tokio_stream::{Stream, StreamExt};

use super::server::Guard;

/// Something that clients connect to.
#[derive(Debug)]
pub enum Listener {
    /// A socket in the file system.
    Unix(Socket),
    /// A port of this machine. Whoever gets there may use the service.
    Tcp(TcpListener),
}

/// A socket that is removed with it.
#[derive(Debug)]
pub struct Socket {
    listener: net::UnixListener,
    path: PathBuf,
    /// Device and number of the file, so that nobody else's is removed.
    file: (u64, u64),
    owner: u32,
}

/// The service cannot listen there.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Others could reach the socket, or put one of their own in its place.
    #[error("the directory {} of the socket can be used by others (mode {mode:o}, owner {owner})", directory.display())]
    Directory {
        /// Where the socket would be.
        directory: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Its owner's number.
        owner: u32,
    },
    /// Another service answers on it.
    #[error("another key service listens on {}", .0.display())]
    InUse(PathBuf),
    /// Something that is not ours to remove.
    #[error("{} is there already and is no socket of ours", .0.display())]
    Occupied(PathBuf),
    /// An address that others reach, without the flag that says so.
    #[error("{0} can be reached from other machines, and the connection is not encrypted")]
    Remote(String),
    /// No address at all.
    #[error("`{0}` is no address to listen on: write HOST:PORT")]
    Address(String),
    /// The system refused.
    #[error("cannot listen on {at}")]
    System {
        /// Path or address.
        at: String,
        /// Why.
        source: io::Error,
    },
}

impl Listener {
    /// Makes a socket, and the directory for it, that only the user of this process can reach. One that nobody
    /// listens on any more is replaced.
    ///
    /// # Errors
    ///
    /// The directory is open to others, somebody listens there, or something else is in the way.
    pub fn unix(path: &Path) -> Result<Self, ListenError> {
        let system = |source| ListenError::System { at: path.display().to_string(), source };
        let owner = own_user().map_err(system)?;
        let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
        private_directory(directory.unwrap_or(Path::new(".")), owner)?;
        remove_stale(path, owner)?;
        let listener = net::UnixListener::bind(path).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(path.to_owned()),
            _ => system(error),
        })?;
        // The directory keeps others out until here; this one speaks for itself.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(system)?;
        listener.set_nonblocking(true).map_err(system)?;
        let metadata = fs::symlink_metadata(path).map_err(system)?;
        let file = (metadata.dev(), metadata.ino());
        Ok(Self::Unix(Socket { listener, path: path.to_owned(), file, owner }))
    }

    /// Listens on `HOST:PORT`, of the loopback only unless others are allowed in.
    ///
    /// # Errors
    ///
    /// There is no such address, or other machines could reach it.
    pub fn tcp(address: &str, allow_remote: bool) -> Result<Self, ListenError> {
        let system = |source| ListenError::System { at: address.to_owned(), source };
        let addresses = address.to_socket_addrs();
        let addresses: Vec<_> =
            addresses.map_err(|_| ListenError::Address(address.to_owned()))?.collect();
        if !allow_remote && !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(ListenError::Remote(address.to_owned()));
        }
        // Those that were looked at, not the name: it could mean something else the next time.
        let listener = TcpListener::bind(addresses.as_slice()).map_err(system)?;
        listener.set_nonblocking(true).map_err(system)?;
        Ok(Self::Tcp(listener))
    }

    /// The address for `--keyservice`.
    pub fn uri(&self) -> String {
        match self {
            Self::Unix(socket) => format!("unix://{}", socket.path.display()),
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => format!("tcp://{address}"),
                Err(_) => "tcp".to_owned(),
            },
        }
    }
}

impl Socket {
    /// The connections of its owner. Permissions keep others out already; this holds whatever becomes of those, and
    /// whoever opened the socket before.
    pub(super) fn connections(
        &self,
        guard: Arc<dyn Guard>,
    ) -> io::Result<impl Stream<Item = io::Result<UnixStream>> + use<>> {
        let owner = self.owner;
        let listener = UnixListener::from_std(self.listener.try_clone()?)?;
        Ok(UnixListenerStream::new(listener).filter_map(move |connection| {
            let connection = match connection {
                Ok(connection) => connection,
                Err(error) => return Some(Err(error)),
            };
            let user = connection.peer_cred().ok().map(|peer| peer.uid());
            if user == Some(owner) {
                return Some(Ok(connection));
            }
            let user = user.map_or("somebody unknown".to_owned(), |user| format!("user {user}"));
            guard.refused(&format!("a connection of {user}"));
            None
        }))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.file);
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The user that connections of this process come from: what the system says of one to itself.
fn own_user() -> io::Result<u32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    Ok(UnixStream::pair()?.0.peer_cred()?.uid())
}

fn private_directory(directory: &Path, owner: u32) -> Result<(), ListenError> {
    let system = |source| ListenError::System { at: directory.display().to_string(), source };
    if !directory.exists() {
        fs::DirBuilder::new().mode(0o700).recursive(true).create(directory).map_err(system)?;
    }
    let metadata = fs::metadata(directory).map_err(system)?;
    let mode = metadata.mode() & 0o7777;
    if metadata.uid() != owner || mode & 0o077 != 0 {
        let directory = directory.to_owned();
        return Err(ListenError::Directory { directory, mode, owner: metadata.uid() });
    }
    Ok(())
}

fn remove_stale(path: &Path, owner: u32) -> Result<(), ListenError> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() || metadata.uid() != owner {
        return Err(ListenError::Occupied(path.to_owned()));
    }
    match net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)
            .map_err(|source| ListenError::System { at: path.display().to_string(), source }),
        _ => Err(ListenError::InUse(path.to_owned())),
    }
}
