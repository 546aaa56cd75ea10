//! Carries the logins of `azure_identity` over our own client, which follows no redirect.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, Url};

use crate::rest::{self, Unread};

/// `HttpClient` over `reqwest`.
pub(super) struct Transport {
    pub(super) client: reqwest::Client,
    /// Requests to the first go to the second instead: the user's own relay.
    pub(super) instead: Option<(Url, Url)>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = azure_core::Result<AsyncRawResponse>> + Send + 'a>>;

impl HttpClient for Transport {
    fn execute_request<'s, 'r, 'a>(&'s self, request: &'r Request) -> Answer<'a>
    where
        's: 'a,
        'r: 'a,
        Self: 'a,
    {
        Box::pin(self.execute(request))
    }
}

impl Transport {
    async fn execute(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut url = request.url().clone();
        if let Some((from, to)) = &self.instead
            && url.origin() == from.origin()
        {
            let path = url.path().to_owned();
            url = to.clone();
            url.set_path(&path);
        }
        let other = |message: String| Error::with_message(ErrorKind::Other, message);
        let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes());
        let method = method.map_err(|_| other("no such method".to_owned()))?;
        let mut to_send = self.client.request(method, url.as_str());
        for (name, value) in request.headers().iter() {
            to_send = to_send.header(name.as_str(), value.as_str());
        }
        let Body::Bytes(body) = request.body() else {
            return Err(other("a login has no body that is a stream".to_owned()));
        };
        let failed = |error: reqwest::Error| {
            let kind = if error.is_builder() { ErrorKind::Other } else { ErrorKind::Connection };
            Error::with_message(kind, rest::cause(&error))
        };
        let answer = to_send.body(body.clone()).send().await.map_err(failed)?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(other(format!(
                "the server sends us elsewhere ({}), which is not followed",
                status.as_u16()
            )));
        }
        let body = rest::read(answer).await.map_err(|unread| match unread {
            Unread::Broken(error) => failed(error),
            Unread::TooLong => other(rest::TOO_LONG.to_owned()),
        })?;
        Ok(AsyncRawResponse::from_bytes(status.as_u16().into(), Headers::new(), body.to_vec()))
    }
}
