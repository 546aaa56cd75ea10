//! What happens when the program itself is wrong: a panic tells where, never with what, and leaves no plaintext behind.

use std::panic;

use crate::{ui, write};

/// Sees to it for the whole process. The standard library would print the message of a panic, and some quote the text
/// that was worked on, as that of a slice in the middle of a character.
pub(crate) fn be_ready() {
    panic::set_hook(Box::new(|info| {
        write::remove_pending();
        let place =
            info.location().map_or_else(|| "an unknown place".to_owned(), |at| at.to_string());
        ui::print_crash(&place);
    }));
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;
    use std::{env, fs};

    use crate::write;

    /// Runs itself in another process, which fails.
    #[test]
    fn a_panic_leaves_no_plaintext_and_quotes_none() {
        const CHILD: &str = "SEAL_TEST_CRASH";
        if let Some(path) = env::var_os(CHILD) {
            super::be_ready();
            let _registration = write::remove_on_signal(PathBuf::from(path));
            panic!("hunter2");
        }
        let directory = tempfile::tempdir().unwrap();
        let private = directory.path().join("private");
        fs::create_dir(&private).unwrap();
        fs::write(private.join("plain.yaml"), "password: hunter2").unwrap();
        let name = "crash::tests::a_panic_leaves_no_plaintext_and_quotes_none";
        let run = Command::new(env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, &private)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success());
        assert!(said.contains("it had to stop at") && said.contains("crash.rs:"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert!(!private.exists());
    }
}
