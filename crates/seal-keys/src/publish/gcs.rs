//! Google Cloud Storage: one object, by a simple upload (`POST /upload/storage/v1/b/BUCKET/o?uploadType=media&name=…`).

use serde::Deserialize;

use super::escaped;
use crate::failure::{Failure, FailureKind, Subject};
use crate::gcp_kms::GcpKms;
use crate::rest::{self, Asked};

/// What Google's own clients take instead of its server, without credentials.
const EMULATOR: &str = "STORAGE_EMULATOR_HOST";

#[derive(Deserialize)]
struct Stored {
    name: String,
}

pub(super) fn put(
    login: &GcpKms,
    bucket: &str,
    object: &str,
    subject: &Subject,
    content: &[u8],
) -> Result<(), Failure> {
    let session = login.session();
    let environment = &session.environment;
    let emulator = rest::variable(environment, EMULATOR);
    let server = match &emulator {
        Some(named) => {
            let named =
                if named.contains("://") { named.clone() } else { format!("http://{named}") };
            rest::endpoint(&named).ok_or_else(|| {
                let reason = format!("{EMULATOR} is no address");
                Failure::new(FailureKind::Local, subject, "upload", reason)
                    .hint(format!("correct or unset {EMULATOR}"))
            })?
        }
        None => "https://storage.googleapis.com".to_owned(),
    };
    let operation = format!("upload to {server}");
    let asked = Asked { key: subject, operation: &operation, secrets: &[] };
    let client = login.client(asked)?;
    let address = format!(
        "{server}/upload/storage/v1/b/{}/o?uploadType=media&name={}",
        escaped(bucket, b""),
        escaped(object, b"")
    );
    session.calls.run(subject, &operation, async {
        // An emulator gets a token only where the user set one by hand.
        let wants_token = emulator.is_none()
            || rest::variable(environment, "GOOGLE_OAUTH_ACCESS_TOKEN").is_some();
        let token = match wants_token {
            true => {
                let log_in = || login.token(client, asked);
                Some(session.calls.request(subject, "log in to GCP", log_in).await?)
            }
            false => None,
        };
        let secrets: Vec<&str> = token.iter().map(|token| token.as_str()).collect();
        let asked = Asked { secrets: &secrets, ..asked };
        let request = || {
            let mut request =
                client.post(&address).header("content-type", "application/octet-stream");
            if let Some(token) = &token
                && let Ok(bearer) = rest::bearer(token)
            {
                request = request.header("authorization", bearer);
            }
            rest::call::<Stored>(asked, request.body(content.to_vec()), |_| None)
        };
        let stored = session.calls.request(subject, &operation, request).await?;
        match stored.name == object {
            true => Ok(()),
            false => {
                Err(asked.failure(FailureKind::Malformed, "the answer is about another object"))
            }
        }
    })
}
