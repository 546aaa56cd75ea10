//! Asking the user: passphrases, plugins that want a touch or a PIN. One question at a time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

/// A person at a terminal, or nobody.
pub trait Prompt: Send + Sync {
    /// Asks for a passphrase, without showing what is typed. `None` where nobody can be asked, or nobody answers.
    fn passphrase(&self, question: &str) -> Option<Zeroizing<String>>;

    /// Asks for something that is no secret.
    fn text(&self, question: &str) -> Option<String>;

    /// Asks a question with two answers; true for the first. `None` where nobody can be asked.
    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool>;

    /// Tells the user to do something, such as to touch a key.
    fn tell(&self, message: &str);
}

/// Nobody is there to be asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Prompt for Nobody {
    fn passphrase(&self, _: &str) -> Option<Zeroizing<String>> {
        None
    }

    fn text(&self, _: &str) -> Option<String> {
        None
    }

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn tell(&self, _: &str) {}
}

/// Whoever may ask waits here for their turn: two questions at once on one terminal get one answer each to the wrong
/// one.
#[derive(Clone)]
pub(crate) struct Prompts {
    prompt: Arc<dyn Prompt>,
    turn: Arc<Mutex<()>>,
}

impl Prompts {
    pub(crate) fn new(prompt: Arc<dyn Prompt>) -> Self {
        Self { prompt, turn: Arc::default() }
    }

    /// Waits until nobody else asks. Programs that ask by themselves (gpg, plugins, commands) run while it is held. Not
    /// to be taken twice by one thread.
    pub(crate) fn turn(&self) -> Turn<'_> {
        let guard = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        Turn { prompt: Arc::clone(&self.prompt), _guard: guard }
    }
}

/// The right to ask.
pub(crate) struct Turn<'p> {
    pub(crate) prompt: Arc<dyn Prompt>,
    _guard: MutexGuard<'p, ()>,
}

impl fmt::Debug for Prompts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prompts")
    }
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn nobody_asks_while_somebody_else_does() {
        let prompts = Prompts::new(Arc::new(Nobody));
        let asking = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _turn = prompts.turn();
                    assert!(!asking.swap(true, Ordering::SeqCst));
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    asking.store(false, Ordering::SeqCst);
                });
            }
        });
    }
}
