use super::{directory, fixture};

#[test]
fn cert_prints_the_certificate_alone_and_says_until_when_it_seals() {
    let directory = directory();
    directory.write("chatty.pem", format!("subject=x\n{}\ntrailer\n", fixture("sealing-cert.pem")));
    let run = directory.done(&["cert", "--cert", "chatty.pem"]);
    assert_eq!(run.out(), fixture("sealing-cert.pem"));
    run.golden("sealing/cert");
}

#[test]
fn cert_checks_that_a_backup_has_the_newest_key() {
    let directory = directory();
    let check = |key: &str| {
        directory.seal(&["cert", "--check", "--cert", "cert.pem", "--sealing-key", key]).run()
    };
    check("key.yaml").golden("sealing/cert-with-key");
    check("other-key.pem").golden("sealing/cert-stale-backup");
}

#[test]
fn cert_has_an_object_for_machines() {
    let directory = directory();
    let run = directory.done(&["cert", "--check", "--json", "--cert", "cert.pem"]);
    let object: serde_json::Value = serde_json::from_str(run.out()).unwrap();
    assert_eq!(object["certificate"]["not_before"], "2026-11-20T12:49:54Z");
    assert_eq!(object["private_key"], serde_json::Value::Null);
}

#[test]
fn the_variable_of_kubeseal_names_the_certificate() {
    let directory = directory();
    let run = directory.seal(&["cert"]).env("SEALED_SECRETS_CERT", "cert.pem").run();
    assert_eq!(run.out(), fixture("sealing-cert.pem"));
}
