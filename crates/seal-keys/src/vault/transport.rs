//! What requests of `vaultrs` are sent with. The client that comes with it reads an answer to its end, however far that is.

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use rustify::client::Client;
use rustify::errors::ClientError;

/// No answer of these requests is longer than a few kilobytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// A client for one server.
pub(super) struct Transport {
    pub(super) address: String,
    pub(super) http: reqwest::Client,
}

/// An answer was not read to its end.
#[derive(Debug, thiserror::Error)]
#[error("too long")]
pub(super) struct TooLong;

#[async_trait]
impl Client for Transport {
    fn base(&self) -> &str {
        &self.address
    }

    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, ClientError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|source| ClientError::ReqwestBuildError { source })?;
        let broken = |error: reqwest::Error| ClientError::ResponseError { source: error.into() };
        let mut answer = self.http.execute(request).await.map_err(broken)?;
        let mut body = Vec::with_capacity(8192);
        while let Some(part) = answer.chunk().await.map_err(broken)? {
            if body.len() + part.len() > LONGEST_ANSWER {
                return Err(ClientError::ResponseError { source: TooLong.into() });
            }
            body.extend_from_slice(&part);
        }
        let mut read = http::Response::new(body);
        *read.status_mut() = answer.status();
        if let Some(content_type) = answer.headers().get(CONTENT_TYPE) {
            read.headers_mut().insert(CONTENT_TYPE, content_type.clone());
        }
        Ok(read)
    }
}
