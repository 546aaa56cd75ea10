//! Signatures of Huawei Cloud's API gateway: `SDK-HMAC-SHA256`.
//!
//! ```text
//! method, path + "/", query, headers in order of their names, their names, SHA-256 of the body
//!   ─SHA-256→ with algorithm and date ─HMAC with the secret key→ signature
//! ```

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// A header of a request; the security token is one, so none is printed.
pub(super) type Header = (&'static str, Zeroizing<String>);

/// The `Authorization` of a POST to `path` without a query. `headers` have names in lower case and in order, with `host`
/// and `x-sdk-date` among them.
pub(super) fn authorization<N: AsRef<str>>(
    access_key: &str,
    secret_key: &str,
    path: &str,
    headers: &[(N, Zeroizing<String>)],
    body: &str,
) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_ref()).collect();
    let names = names.join(";");
    let mut request = Zeroizing::new(format!("POST\n{path}/\n\n"));
    let mut date = "";
    for (name, value) in headers {
        let (name, value) = (name.as_ref(), value.trim());
        request.extend([name, ":", value, "\n"]);
        if name == "x-sdk-date" {
            date = value;
        }
    }
    request.extend(["\n", &names, "\n", &hex(&Sha256::digest(body.as_bytes()))]);
    let to_sign = format!("{ALGORITHM}\n{date}\n{}", hex(&Sha256::digest(request.as_bytes())));
    // HMAC takes keys of every length.
    let signature = Hmac::<Sha256>::new_from_slice(secret_key.as_bytes()).map(|mut hmac| {
        hmac.update(to_sign.as_bytes());
        hex(&hmac.finalize().into_bytes())
    });
    let signature = signature.unwrap_or_default();
    format!("{ALGORITHM} Access={access_key}, SignedHeaders={names}, Signature={signature}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_huaweis_own_client() {
        let recorded = include_str!("../../../../tests/vectors/huawei/requests.json");
        let recorded: serde_json::Value = serde_json::from_str(recorded).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let requests = recorded["requests"].as_array().unwrap();
        assert_eq!(requests.len(), 4);
        for request in requests {
            // In order of their names, as they are read.
            let headers: std::collections::BTreeMap<String, String> =
                serde_json::from_value(request["headers"].clone()).unwrap();
            let headers: Vec<(String, Zeroizing<String>)> =
                headers.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect();
            let authorization = authorization(
                &text(&recorded["access_key"]),
                &text(&recorded["secret_key"]),
                &text(&request["path"]),
                &headers,
                &text(&request["body"]),
            );
            assert_eq!(authorization, text(&request["authorization"]));
        }
    }
}
