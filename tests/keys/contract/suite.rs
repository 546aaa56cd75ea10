//! The suite that every provider passes unchanged.

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::{Failure, FailureKind, KeyService, Providers, UnwrapError, WrapError};

/// A kind of master keys, with its server. `S` is what it is used through.
pub(crate) trait Provider<S: KeyService = Providers>: Sized {
    /// Starts what it takes. `None` where that cannot be had here; the implementation has said so through
    /// [`crate::not_run`].
    fn start() -> Option<Self>;

    /// A key, and somebody who may use it.
    fn key(&self) -> MasterKey;

    /// Somebody who may use the key; each time with nothing known or connected yet.
    fn holder(&self) -> S;

    /// Sets the scene; `None` where it cannot happen to this kind of keys. `enc` was wrapped by the key while all was
    /// well.
    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene<S>>;
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Situation {
    /// Another key's, or nobody's, wrapped text.
    WrongKey,
    /// Another encryption context.
    WrongContext,
    /// Nothing to log in with.
    NoCredentials,
    /// The service knows who asks, and says no.
    Denied,
    /// There is no such key.
    NotFound,
    /// The key is disabled.
    Disabled,
    /// The server is sealed.
    Sealed,
    /// Two requests are throttled, the third is not.
    ThrottledTwice,
    /// Every request is throttled.
    Throttled,
    /// Every request gets a 5xx.
    ServerError,
    /// No answer.
    TimedOut,
    /// Nothing listens.
    Unreachable,
    /// An answer that is no answer: the right status, another body.
    Malformed,
    /// The server sends the client elsewhere.
    Redirected,
    /// The reference leads where the user did not allow to go.
    NotAllowed,
}

/// A situation, ready to be met. Limits must be short where there is no answer, half a second for a call; else they must
/// bear a busy machine. Pauses are of a millisecond.
pub(crate) struct Scene<S = Providers> {
    /// The key to use.
    pub(crate) key: MasterKey,
    /// Who uses it.
    pub(crate) service: S,
    /// What to unwrap.
    pub(crate) enc: String,
    /// Texts that no message may hold.
    pub(crate) secrets: Vec<String>,
    /// Words of the server, or of ours, that the message must hold.
    pub(crate) says: Vec<String>,
    /// How often the server was asked to wrap or unwrap since the scene was set; `None` for kinds without a server.
    pub(crate) requests: Option<Box<dyn Fn() -> usize>>,
    /// Whether wrapping fails in this situation too.
    pub(crate) wrapping_fails: bool,
}

/// How often a passing failure is tried; scenes have to set the same limit.
pub(crate) const TRIES: u32 = 3;

impl Situation {
    fn kind(self) -> FailureKind {
        match self {
            Self::WrongKey | Self::WrongContext => FailureKind::NotForThisKey,
            Self::NoCredentials => FailureKind::NoCredentials,
            Self::Denied => FailureKind::Denied,
            Self::NotFound => FailureKind::NotFound,
            Self::Disabled => FailureKind::Disabled,
            Self::Sealed => FailureKind::Sealed,
            Self::ThrottledTwice | Self::Throttled => FailureKind::Throttled,
            Self::ServerError => FailureKind::ServerError,
            Self::TimedOut => FailureKind::TimedOut,
            Self::Unreachable => FailureKind::Unreachable,
            Self::Malformed | Self::Redirected => FailureKind::Malformed,
            Self::NotAllowed => FailureKind::NotAllowed,
        }
    }

    /// How many requests there may be.
    fn requests(self) -> usize {
        match self {
            Self::ThrottledTwice => 3,
            Self::Throttled | Self::ServerError => TRIES as usize,
            Self::NotAllowed | Self::NoCredentials | Self::Unreachable => 0,
            _ => 1,
        }
    }
}

/// A data key.
pub(crate) fn secret() -> SecretBytes {
    SecretBytes::new((0..32).collect())
}

pub(crate) fn round_trip<S: KeyService, P: Provider<S>>() {
    let Some(provider) = P::start() else { return };
    let (key, holder) = (provider.key(), provider.holder());
    assert_eq!(seal_keys::check(&key), Ok(()));
    // A data key, and a share of one.
    for length in [32, 33] {
        let secret = SecretBytes::new((0..length).collect());
        let wrapped = holder.wrap(&key, &secret).unwrap();
        assert!(key.stands_for(&wrapped.key), "{key} became {}", wrapped.key);
        let opened = provider.holder().unwrap(&wrapped.key, &wrapped.enc).unwrap();
        assert_eq!(opened.expose(), secret.expose(), "{key}");
    }
}

pub(crate) fn never_the_same_text_twice<S: KeyService, P: Provider<S>>() {
    let Some(provider) = P::start() else { return };
    let (key, holder) = (provider.key(), provider.holder());
    let one = holder.wrap(&key, &secret()).unwrap();
    assert_ne!(one.enc, holder.wrap(&key, &secret()).unwrap().enc);
}

pub(crate) fn altered_texts_do_not_open<S: KeyService, P: Provider<S>>() {
    let Some(provider) = P::start() else { return };
    let (key, holder) = (provider.key(), provider.holder());
    let wrapped = holder.wrap(&key, &secret()).unwrap();
    let mut altered = wrapped.enc.clone().into_bytes();
    let middle = altered.len() / 2;
    altered[middle] = if altered[middle] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    for enc in [altered.as_str(), &wrapped.enc[..wrapped.enc.len() / 2], "", "x", "\n\u{1b}[2J"] {
        let error = holder.unwrap(&wrapped.key, enc).unwrap_err();
        let shown = error.to_string();
        assert!(!shown.contains('\u{1b}'), "{shown}");
        let is_for_another = match &error {
            UnwrapError::Damaged { .. } | UnwrapError::NotForThisKey { .. } => true,
            UnwrapError::Service(failure) => failure.kind == FailureKind::NotForThisKey,
            _ => false,
        };
        assert!(is_for_another, "{error:?}");
        assert!(error.next_step().is_some());
    }
}

pub(crate) fn meets<S: KeyService, P: Provider<S>>(situation: Situation) {
    let Some(provider) = P::start() else { return };
    let wrapped = provider.holder().wrap(&provider.key(), &secret()).unwrap();
    let Some(scene) = provider.arrange(situation, &wrapped.enc) else { return };
    let unwrapped = scene.service.unwrap(&scene.key, &scene.enc);
    if let Some(requests) = &scene.requests {
        assert_eq!(requests(), situation.requests(), "requests to unwrap");
    }
    if situation == Situation::ThrottledTwice {
        assert_eq!(unwrapped.unwrap().expose(), secret().expose());
        return;
    }
    match unwrapped.unwrap_err() {
        UnwrapError::Service(failure) => expect(&failure, situation, &scene),
        // age has its own words for the only thing that can be wrong with it.
        UnwrapError::NoIdentity { .. } | UnwrapError::NotForThisKey { .. }
            if situation == Situation::WrongKey => {}
        other => panic!("{situation:?}: {other:?}"),
    }
    if scene.wrapping_fails {
        match scene.service.wrap(&scene.key, &secret()).unwrap_err() {
            WrapError::Service(failure) => expect(&failure, situation, &scene),
            other => panic!("{situation:?}: {other:?}"),
        }
    }
}

fn expect<S>(failure: &Failure, situation: Situation, scene: &Scene<S>) {
    assert_eq!(failure.kind, situation.kind(), "{failure}");
    assert_eq!(failure.key, scene.key.to_string());
    let shown = format!("{failure}\n{failure:?}\n{}", failure.next_step().unwrap_or_default());
    let by_itself = match situation {
        Situation::Throttled | Situation::ServerError => "(tried 3 times)",
        Situation::TimedOut => " within ",
        _ => "",
    };
    assert!(shown.contains(by_itself), "{by_itself}\n{shown}");
    for words in &scene.says {
        assert!(!words.is_empty(), "an empty text is in every message");
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    for secret in &scene.secrets {
        assert!(!secret.is_empty() && !shown.contains(secret), "{shown}");
    }
    assert!(failure.next_step().is_some_and(|step| !step.is_empty()), "no hint: {shown}");
}

/// One test for each promise and each situation.
macro_rules! contract {
    ($name:ident, $provider:ty) => {
        mod $name {
            use crate::contract::suite::{self, Situation};

            #[test]
            fn what_is_wrapped_unwraps_to_the_same() {
                suite::round_trip::<_, $provider>();
            }

            #[test]
            fn the_same_key_is_never_wrapped_to_the_same_text() {
                suite::never_the_same_text_twice::<_, $provider>();
            }

            #[test]
            fn an_altered_text_never_unwraps() {
                suite::altered_texts_do_not_open::<_, $provider>();
            }

            crate::contract::suite::contract!(@situations $provider;
                wrong_key WrongKey, wrong_context WrongContext, no_credentials NoCredentials,
                denied Denied, not_found NotFound, disabled Disabled, sealed Sealed,
                throttled_twice ThrottledTwice, throttled Throttled, server_error ServerError,
                timed_out TimedOut, unreachable Unreachable, malformed Malformed,
                redirected Redirected, not_allowed NotAllowed);
        }
    };
    (@situations $provider:ty; $($name:ident $situation:ident),*) => {
        $(
            #[test]
            fn $name() {
                suite::meets::<_, $provider>(Situation::$situation);
            }
        )*
    };
}
pub(crate) use contract;
