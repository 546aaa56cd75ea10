//! S3: one object, by `PutObject`, signed with Signature Version 4.
//!
//! ```text
//! method, path, query, headers in order of their names, their names, SHA-256 of the body
//!   ─SHA-256→ with date and scope ─HMAC with a key of secret, date, region and service→ signature
//! ```

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use seal_core::document::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::escaped;
use crate::aws_kms::AwsLogin;
use crate::failure::{Failure, FailureKind, Subject};
use crate::rest::{self, Asked};
use crate::session::Session;

/// What is put where.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    /// As messages name it.
    pub(super) subject: &'a Subject,
}

/// Credentials, as they sign.
struct Signer<'a> {
    id: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
    region: &'a str,
}

pub(super) fn put(
    session: &Session,
    login: &AwsLogin,
    object: Object<'_>,
    content: &[u8],
) -> Result<(), Failure> {
    let subject = object.subject;
    if !is_bucket(object.bucket) {
        return Err(Failure::new(FailureKind::Name, subject, "", "this is no name of a bucket"));
    }
    let region = login.region(session, subject)?;
    let address = address(session, &region, object, subject)?;
    let operation = format!("s3:PutObject in {region}{}", login.shown(session, "S3"));
    session.calls.run(subject, &operation, async {
        let credentials = login.credentials(session, subject, &region).await?;
        let asked = Asked { key: subject, operation: &operation, secrets: &[] };
        let secrets: Vec<&str> =
            [Some(credentials.secret_access_key()), credentials.session_token()]
                .into_iter()
                .flatten()
                .collect();
        let asked = Asked { secrets: &secrets, ..asked };
        let client = login.client(session, asked)?;
        let signer = Signer {
            id: credentials.access_key_id(),
            secret: credentials.secret_access_key(),
            token: credentials.session_token(),
            region: &region,
        };
        let request = || async {
            let url = reqwest::Url::parse(&address)
                .map_err(|_| asked.failure(FailureKind::Name, "its address is not valid"))?;
            let mut request = client.put(url.clone());
            for (name, value) in signer.headers(&url, content, &now()) {
                request = request.header(name, value.as_str());
            }
            let answer = request.body(content.to_vec()).send().await;
            let answer = answer.map_err(|error| rest::not_sent(asked, &error))?;
            let status = answer.status().as_u16();
            match (200..300).contains(&status) {
                true => Ok(()),
                false => Err(refused(asked, status, answer).await),
            }
        };
        session.calls.request(subject, &operation, request).await
    })
}

/// Virtual hosts where that is a host of AWS's; an address that the user names has the bucket in its path, as Go's SDK
/// does it for addresses of numbers.
fn address(
    session: &Session,
    region: &str,
    object: Object<'_>,
    subject: &Subject,
) -> Result<String, Failure> {
    let named = AwsLogin::endpoint(session, "S3", subject)?;
    let key = escaped(object.key, b"/");
    let bucket = object.bucket;
    Ok(match named {
        Some(server) => format!("{server}/{bucket}/{key}"),
        // A certificate for all buckets does not fit a name with dots.
        None if bucket.contains('.') => {
            format!("https://s3.{region}.{}/{bucket}/{key}", domain(region))
        }
        None => format!("https://{bucket}.s3.{region}.{}/{key}", domain(region)),
    })
}

fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// A name that cannot lead anywhere else in an address.
fn is_bucket(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (3..=255).contains(&name.len())
        && name.bytes().all(is_word)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !name.contains("..")
}

/// The service's own words stand in XML: `<Error><Code>…</Code><Message>…</Message>`.
async fn refused(asked: Asked<'_>, status: u16, answer: reqwest::Response) -> Failure {
    let body = rest::read(answer).await.unwrap_or_default();
    let body = String::from_utf8_lossy(&body);
    let element = |name: &str| {
        let start = body.find(&format!("<{name}>"))? + name.len() + 2;
        let length = body[start..].find('<')?;
        Some(body[start..start + length].to_owned())
    };
    let code = element("Code").unwrap_or_default();
    let message = element("Message").unwrap_or_else(|| "no reason given".to_owned());
    let kind = match (status, code.as_str()) {
        (_, "NoSuchBucket") => FailureKind::NotFound,
        (
            _,
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException",
        ) => FailureKind::WrongRegion,
        (_, "InvalidAccessKeyId" | "ExpiredToken" | "InvalidToken" | "SignatureDoesNotMatch") => {
            FailureKind::NoCredentials
        }
        (_, "SlowDown") => FailureKind::Throttled,
        (300..400, _) => FailureKind::WrongRegion,
        _ => rest::kind_of_status(status),
    };
    let failure = asked.failure(kind, format!("{message} ({status} {code})"));
    match kind {
        FailureKind::NotFound => failure.hint("check the name of the bucket in destination_rules"),
        FailureKind::WrongRegion => failure.hint("set AWS_REGION to the region of the bucket"),
        FailureKind::Denied => failure
            .hint("ask whoever owns the bucket to allow s3:PutObject, in its policy or in yours"),
        _ => failure,
    }
}

impl Signer<'_> {
    /// The headers of a PUT, the signature among them. `now` is `YYYYMMDDTHHMMSSZ`.
    fn headers(
        &self,
        url: &reqwest::Url,
        body: &[u8],
        now: &str,
    ) -> Vec<(&'static str, Zeroizing<String>)> {
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let digest = hex(&Sha256::digest(body));
        let mut signed = vec![
            ("host", Zeroizing::new(host)),
            ("x-amz-content-sha256", Zeroizing::new(digest.clone())),
            ("x-amz-date", Zeroizing::new(now.to_owned())),
        ];
        if let Some(token) = self.token {
            signed.push(("x-amz-security-token", Zeroizing::new(token.to_owned())));
        }
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let mut request = Zeroizing::new(format!("PUT\n{}\n\n", url.path()));
        for (name, value) in &signed {
            request.extend([*name, ":", value.as_str(), "\n"]);
        }
        request.extend(["\n", &names, "\n", &digest]);
        let date = &now[..8];
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let text = format!(
            "AWS4-HMAC-SHA256\n{now}\n{scope}\n{}",
            hex(&Sha256::digest(request.as_bytes()))
        );
        let secret = Zeroizing::new(format!("AWS4{}", self.secret));
        let mut key = Zeroizing::new(secret.as_bytes().to_vec());
        for part in [date, self.region, "s3", "aws4_request"] {
            key = hmac(&key, part);
        }
        let signature = hex(&hmac(&key, &text));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.id
        );
        // The client adds the host itself.
        signed.remove(0);
        signed.push(("authorization", Zeroizing::new(authorization)));
        signed
    }
}

fn hmac(key: &[u8], text: &str) -> Zeroizing<Vec<u8>> {
    // HMAC takes keys of every length.
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mut mac| {
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    });
    Zeroizing::new(mac.unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The time of a request: `20260101T120000Z`.
fn now() -> String {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_seconds(elapsed.as_secs()).to_rfc3339().replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Amazon's documentation for PUT Object, with the headers that are sent here; computed once with
    /// botocore 1.43 (`S3SigV4Auth`).
    #[test]
    fn a_request_is_signed_as_amazon_does_it() {
        let signer = Signer {
            id: "AKIAIOSFODNN7EXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            token: None,
            region: "us-east-1",
        };
        let url = reqwest::Url::parse(
            "https://examplebucket.s3.us-east-1.amazonaws.com/test%24file.text",
        )
        .unwrap();
        let headers = signer.headers(&url, b"Welcome to Amazon S3.", "20130524T000000Z");
        let authorization = &headers.last().unwrap().1;
        assert_eq!(authorization.as_str(), EXPECTED);
        assert!(headers.iter().all(|(name, _)| *name != "host"));
    }

    const EXPECTED: &str = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=67df5e3b3bbc1cce47b9479a00276b09765f4226ac48d16e52119dc4bd050c80";

    #[test]
    fn buckets_have_names_that_lead_nowhere_else() {
        for name in ["my-bucket", "my.bucket", "b_1"] {
            assert!(is_bucket(name), "{name}");
        }
        for name in ["", "b", "a/b", "evil.com#", "a..b", "-ab", "a b", "b@evil.com"] {
            assert!(!is_bucket(name), "{name}");
        }
    }
}
