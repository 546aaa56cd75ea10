//! What the contracts of the services that speak HTTP have in common.

use std::time::Duration;

use seal_core::envelope::MasterKey;
use seal_keys::{Environment, Failure, KeyService, Limits, Providers, Settings, WrapError};

use super::suite::{Situation, TRIES, secret};
use crate::stand_in::{Fault, Response, StandIn};

/// For everything that ends by itself, on a busy machine too.
pub(crate) fn patient() -> Limits {
    Limits { per_call: Duration::from_secs(20), in_all: Duration::from_secs(60), ..hasty() }
}

/// For servers that never answer.
pub(crate) fn hasty() -> Limits {
    Limits {
        per_call: Duration::from_millis(500),
        in_all: Duration::from_secs(3),
        tries: TRIES,
        first_pause: Duration::from_millis(1),
    }
}

/// Somebody with these variables, in no hurry.
pub(crate) fn providers<V: Into<String>>(
    variables: impl IntoIterator<Item = (&'static str, V)>,
) -> Providers {
    Providers::new(settings(variables))
}

/// Somebody with these variables, and no patience.
pub(crate) fn hurried<V: Into<String>>(
    variables: impl IntoIterator<Item = (&'static str, V)>,
) -> Providers {
    Providers::new(Settings { limits: hasty(), ..settings(variables) })
}

pub(crate) fn settings<V: Into<String>>(
    variables: impl IntoIterator<Item = (&'static str, V)>,
) -> Settings {
    let variables = variables.into_iter().map(|(name, value)| (name, value.into()));
    Settings { limits: patient(), ..Settings::of(Environment::of(variables)) }
}

/// An address where nothing listens.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// How many requests arrive from now on.
pub(crate) fn counter(server: &StandIn) -> Option<Box<dyn Fn() -> usize>> {
    let (server, before) = (server.clone(), server.requests().len());
    Some(Box::new(move || server.requests().len() - before))
}

/// What a server does that fails as servers of any kind do; `error` makes its own answer of a status.
pub(crate) fn fault(situation: Situation, error: impl Fn(u16) -> Response) -> Option<Fault> {
    Some(match situation {
        Situation::ThrottledTwice => Fault::Answers(2, error(429)),
        Situation::Throttled => Fault::Always(error(429)),
        Situation::ServerError => Fault::Always(error(503)),
        Situation::TimedOut => Fault::Hangs,
        Situation::Malformed => {
            Fault::Always(Response::text(200, "<html>Welcome to the proxy</html>"))
        }
        Situation::Redirected => {
            Fault::Always(Response::text(307, "").with("location", "https://elsewhere.example/"))
        }
        _ => return None,
    })
}

/// The failure of an attempt to wrap.
pub(crate) fn refusal(service: &Providers, key: &MasterKey) -> Failure {
    match service.wrap(key, &secret()).unwrap_err() {
        WrapError::Service(failure) => *failure,
        other => panic!("{other:?}"),
    }
}
