//! `sops keyservice`, and asking one.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::runner::{case, identity, real, run};

#[test]
fn refuses_what_sops_refuses() {
    run("keyservice", &[case(1, "keyservice --network foo"), case(1, "keyservice --net udp")]);
}

/// Both programs ask ours, which has the key that they have not.
#[test]
fn uses_this_machines_keys_for_others() {
    let root = tempfile::tempdir().unwrap();
    let sops = root.path().join("sops");
    symlink(env!("CARGO_BIN_EXE_seal"), &sops).unwrap();
    let socket = root.path().join("private/keys.sock");
    let mut service = Command::new(&sops)
        .args(["keyservice", "--network", "unix", "--address"])
        .arg(&socket)
        .env("SOPS_AGE_KEY", identity())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !socket.exists() {
        assert!(started.elapsed() < Duration::from_secs(20), "the service does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/compat/files/e.env");
    for program in std::iter::once(sops.clone()).chain(real("keyservice")) {
        for local in ["true", "false"] {
            let output = Command::new(&program)
                .args(["decrypt", "--keyservice", &format!("unix://{}", socket.display())])
                .args([&format!("--enable-local-keyservice={local}"), file])
                .env_clear()
                .env("HOME", root.path())
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {stderr}", program.display());
            assert_eq!(String::from_utf8_lossy(&output.stdout), "K=v\n");
        }
    }
    service.kill().unwrap();
    service.wait().unwrap();
}
