//! The table `audit_event` of one database.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Error, NoTls};

use super::connection::{Target, Tls};
use super::tls::Connector;

/// How long connecting, or recording one event, may take.
const LIMIT: Duration = Duration::from_secs(10);

/// SOPS's statement.
const INSERT: &str = "INSERT INTO audit_event (action, username, file) VALUES ($1, $2, $3)";

/// An open connection.
pub(super) struct Table {
    runtime: Runtime,
    client: Client,
}

impl Table {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Why not, in words without credentials.
    pub(super) fn open(target: Target) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("audit")
            .enable_all()
            .build()
            .map_err(|error| format!("no thread for it can be started: {}", error.kind()))?;
        let place = format!("{}:{}", target.host, target.port);
        let client = runtime.block_on(within(async {
            let config = config(&target);
            if config.get_ssl_mode() == SslMode::Disable {
                let (client, connection) = config.connect(NoTls).await.map_err(|e| words(&e))?;
                tokio::spawn(connection);
                Ok(client)
            } else {
                let connector = Connector::new(target.tls, target.authorities.as_deref())?;
                let connected = config.connect(connector).await;
                let (client, connection) = connected.map_err(|error| words(&error))?;
                tokio::spawn(connection);
                Ok(client)
            }
        }));
        let client = client.map_err(|problem| format!("PostgreSQL at {place}: {problem}"))?;
        Ok(Self { runtime, client })
    }

    /// Adds a row.
    pub(super) fn insert(&mut self, action: &str, user: &str, file: &str) -> Result<(), String> {
        self.runtime.block_on(within(async {
            let added = self.client.execute(INSERT, &[&action, &user, &file]).await;
            added.map(drop).map_err(|error| words(&error))
        }))
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table")
    }
}

fn config(target: &Target) -> Config {
    let own_name = || nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    let user = target.user.clone().or_else(|| own_name().map(|user| user.name));
    let user = user.unwrap_or_else(|| "postgres".to_owned());
    let mut config = Config::new();
    config
        .host(&target.host)
        .port(target.port)
        .application_name("seal")
        .connect_timeout(LIMIT)
        .dbname(target.database.as_deref().unwrap_or(&user))
        .user(&user)
        .ssl_mode(match target.tls {
            Tls::Disable => SslMode::Disable,
            // A socket of this machine has no TLS.
            _ if target.host.starts_with('/') => SslMode::Disable,
            _ => SslMode::Require,
        });
    if let Some(password) = &target.password {
        config.password(password.as_str());
    }
    config
}

async fn within<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(result) => result,
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

/// The server's own words, or those of the nearest cause.
fn words(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return said.message().to_owned();
    }
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
