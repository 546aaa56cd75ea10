//! Puts files where others fetch them: S3, Google Cloud Storage, the key-value engine of Vault and OpenBao.
//!
//! With the credentials, limits of time and trust that the key services of the same clouds are asked with. Buckets get
//! encrypted files; Vault gets the values in clear, so it is asked only where the user named its address.

mod gcs;
mod s3;

use std::fmt;
use std::sync::Arc;

use seal_core::secret::SecretBytes;

use crate::aws_kms::AwsLogin;
use crate::failure::Failure;
use crate::gcp_kms::GcpKms;
use crate::session::{Session, Settings};
use crate::vault::Vault;

/// A place for files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A bucket of S3.
    S3 {
        /// Its name.
        bucket: String,
        /// What stands before the names of files, as it is.
        prefix: String,
    },
    /// A bucket of Google Cloud Storage.
    Gcs {
        /// Its name.
        bucket: String,
        /// What stands before the names of files, as it is.
        prefix: String,
    },
    /// A key-value engine.
    Vault {
        /// `http(s)://HOST[:PORT]`
        address: String,
        /// Where the engine is mounted.
        mount: String,
        /// What stands before the names of files, without slashes at its ends; may be empty.
        path: String,
        /// 1 or 2.
        version: u8,
    },
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is there now.
    Written,
    /// It was there already, and equal.
    Unchanged,
}

impl Destination {
    /// Whether it takes values in clear instead of encrypted files.
    pub fn takes_values(&self) -> bool {
        matches!(self, Self::Vault { .. })
    }

    /// The address of a file there, as SOPS names it.
    pub fn of(&self, name: &str) -> String {
        match self {
            Self::S3 { bucket, prefix } => format!("s3://{bucket}/{prefix}{name}"),
            Self::Gcs { bucket, prefix } => format!("gcs://{bucket}/{prefix}{name}"),
            Self::Vault { address, .. } => format!("{address}/v1/{}", self.vault_path(name)),
        }
    }

    fn vault_path(&self, name: &str) -> String {
        let Self::Vault { mount, path, version, .. } = self else { return String::new() };
        let data = if *version == 2 { "data" } else { "" };
        let parts = [mount.as_str(), data, path.as_str(), name];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

/// Publishes during one run.
pub struct Publisher {
    session: Arc<Session>,
    aws: AwsLogin,
    gcp: GcpKms,
    vault: Vault,
}

impl Publisher {
    /// Prepares it; nothing is read or asked yet.
    pub fn new(settings: Settings) -> Self {
        let session = Session::new(settings);
        Self {
            aws: AwsLogin::default(),
            gcp: GcpKms::new(Arc::clone(&session)),
            vault: Vault::new(Arc::clone(&session)),
            session,
        }
    }

    /// Puts a file there. `content` is the encrypted file, or, where the place [takes values](Destination::takes_values),
    /// a JSON object with them.
    ///
    /// # Errors
    ///
    /// The service cannot be asked, or refuses.
    pub fn put(
        &self,
        destination: &Destination,
        name: &str,
        content: &SecretBytes,
    ) -> Result<Published, Failure> {
        let subject = destination.of(name);
        match destination {
            Destination::S3 { bucket, prefix } => {
                let key = format!("{prefix}{name}");
                let object = s3::Object { bucket, key: &key, subject: &subject };
                s3::put(&self.session, &self.aws, object, content.expose())?;
                Ok(Published::Written)
            }
            Destination::Gcs { bucket, prefix } => {
                let object = format!("{prefix}{name}");
                gcs::put(&self.gcp, bucket, &object, &subject, content.expose())?;
                Ok(Published::Written)
            }
            Destination::Vault { address, version, .. } => {
                let path = destination.vault_path(name);
                self.vault.put(address, &path, *version, &subject, content)
            }
        }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publisher")
    }
}

/// `%` escapes for all but what every reader of addresses takes as it is (RFC 3986, 2.3) and the bytes in `kept`.
fn escaped(text: &str, kept: &[u8]) -> String {
    use std::fmt::Write;

    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_sops() {
        let vault = |path: &str, version| Destination::Vault {
            address: "https://v:8200".to_owned(),
            mount: "secret".to_owned(),
            path: path.to_owned(),
            version,
        };
        assert_eq!(vault("a/b", 2).of("c.yaml"), "https://v:8200/v1/secret/data/a/b/c.yaml");
        assert_eq!(vault("", 1).of("c.yaml"), "https://v:8200/v1/secret/c.yaml");
        let s3 = Destination::S3 { bucket: "b".to_owned(), prefix: "p/".to_owned() };
        assert_eq!(s3.of("x/c.yaml"), "s3://b/p/x/c.yaml");
    }

    #[test]
    fn a_name_in_an_address_hides_nothing() {
        assert_eq!(escaped("a/b c?d#é", b"/"), "a/b%20c%3Fd%23%C3%A9");
        assert_eq!(escaped("a/b", b""), "a%2Fb");
    }
}
