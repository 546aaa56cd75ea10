//! Whom the SDK asks: it resolves the endpoint itself, and its errors of connections do not name it.

use std::sync::{Arc, OnceLock};

use aws_sdk_kms::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_kms::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kms::error::BoxError;

/// The host of a client, known from its first request on.
#[derive(Clone, Debug, Default)]
pub(super) struct Host(Arc<OnceLock<String>>);

impl Host {
    #[cfg(test)]
    pub(super) fn of(name: &str) -> Self {
        Self(Arc::new(OnceLock::from(name.to_owned())))
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

impl Intercept for Host {
    fn name(&self) -> &'static str {
        "host"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let url = reqwest::Url::parse(context.request().uri()).ok();
        if let Some(host) = url.as_ref().and_then(reqwest::Url::host_str) {
            self.0.get_or_init(|| host.to_owned());
        }
        Ok(())
    }
}
