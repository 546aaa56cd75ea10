//! How other services of AWS than KMS are reached: with the same credentials, as nobody but who the user is.

use aws_config::meta::region::ProvideRegion;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_sdk_kms::config::Credentials;

use super::{credentials, endpoint};
use crate::failure::{Failure, FailureKind, Subject};
use crate::rest::{Asked, Rest, variable};
use crate::session::Session;

/// A client; credentials are found anew for each call.
#[derive(Debug, Default)]
pub(crate) struct AwsLogin {
    rest: Rest,
}

impl AwsLogin {
    /// `AWS_REGION`, `AWS_DEFAULT_REGION`, or the one of the profile.
    pub(crate) fn region(&self, session: &Session, subject: &Subject) -> Result<String, Failure> {
        let environment = &session.environment;
        let named = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let named = named.into_iter().find_map(|name| variable(environment, name));
        let region = match named {
            Some(region) => Some(region),
            None => self.region_of_profile(session, subject)?,
        };
        let is_region = |region: &String| {
            !region.is_empty()
                && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        region.filter(is_region).ok_or_else(|| {
            let reason = "no region is set, or it is none";
            Failure::new(FailureKind::Local, subject, "call AWS", reason)
                .hint("set AWS_REGION to the region of the bucket")
        })
    }

    fn region_of_profile(
        &self,
        session: &Session,
        subject: &Subject,
    ) -> Result<Option<String>, Failure> {
        let environment = &session.environment;
        let Some(files) = credentials::profile_files(environment) else { return Ok(None) };
        let name = variable(environment, "AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
        session.calls.run(subject, "call AWS", async {
            let provider =
                ProfileFileRegionProvider::builder().profile_files(files).profile_name(name);
            let region = provider.build().region().await;
            Ok(region.map(|region| region.as_ref().to_owned()))
        })
    }

    pub(crate) async fn credentials(
        &self,
        session: &Session,
        subject: &Subject,
        region: &str,
    ) -> Result<Credentials, Failure> {
        credentials::find(session, subject, None, region).await
    }

    pub(crate) fn client(
        &self,
        session: &Session,
        asked: Asked<'_>,
    ) -> Result<&reqwest::Client, Failure> {
        self.rest.client(&session.environment, asked)
    }

    /// The address that the user named for a service, if any.
    pub(crate) fn endpoint(
        session: &Session,
        service: &str,
        subject: &Subject,
    ) -> Result<Option<String>, Failure> {
        endpoint::of_service(service, &session.environment, subject)
    }

    /// The same for messages.
    pub(crate) fn shown(&self, session: &Session, service: &str) -> String {
        endpoint::shown(service, &session.environment)
    }
}
