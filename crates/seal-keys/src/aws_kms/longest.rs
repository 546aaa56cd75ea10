//! The longest answer that is read: a server that never ends its answer must not fill the memory.

use aws_sdk_kms::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_kms::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kms::error::BoxError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{LengthLimitError, Limited};

use crate::rest::LONGEST_ANSWER;

/// Gives every answer an end, before the SDK reads all of it.
#[derive(Debug)]
pub(super) struct Longest;

impl Intercept for Longest {
    fn name(&self) -> &'static str {
        "longest answer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().take_body();
        let limited = SdkBody::from_body_1_x(Limited::new(body, LONGEST_ANSWER));
        *context.response_mut().body_mut() = limited;
        Ok(())
    }
}

/// Whether an answer was too long.
pub(super) fn was_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return true;
        }
        next = error.source();
    }
    false
}
