//! Waits for what somebody else does, without knowing how long that takes.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// What a question may answer: `bool`, an `Option` of what was found, or a `Result` of these that says what is missing.
pub(crate) trait Answer {
    type Found;

    fn found(self) -> Result<Self::Found, String>;
}

impl Answer for bool {
    type Found = ();

    fn found(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "no".to_owned())
    }
}

impl<T> Answer for Option<T> {
    type Found = T;

    fn found(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing there".to_owned())
    }
}

impl Answer for () {
    type Found = ();

    fn found(self) -> Result<(), String> {
        Ok(())
    }
}

impl<A: Answer, E: Debug> Answer for Result<A, E> {
    type Found = A::Found;

    fn found(self) -> Result<A::Found, String> {
        self.map_err(|error| format!("{error:?}"))?.found()
    }
}

/// Asks again and again until there is an answer, and gives it. After `within` the test fails with `what` and the last
/// answer; it is to be long enough for a machine five times slower than this one.
pub(crate) async fn eventually<A, Asking>(
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> Asking,
) -> A::Found
where
    A: Answer,
    Asking: Future<Output = A>,
{
    let deadline = Instant::now() + within;
    let mut pause = Duration::from_millis(20);
    loop {
        match ask().await.found() {
            Ok(found) => return found,
            Err(missing) if Instant::now() >= deadline => {
                panic!("{what}: not within {} s, at last: {missing}", within.as_secs())
            }
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 3 / 2).min(Duration::from_millis(250));
    }
}
