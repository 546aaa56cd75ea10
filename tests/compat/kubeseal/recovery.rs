//! `--recovery-unseal`

use super::{Kubeseal, SECRET};

const UNSEAL: &str = "--recovery-unseal --recovery-private-key";

#[test]
fn output_is_byte_for_byte_that_of_kubeseal() {
    let kubeseal = Kubeseal::new();
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        let file = format!("sealed-{scope}.yaml");
        let opened = kubeseal.done(&format!("{UNSEAL} sealing-key.yaml -o yaml -f {file}"), "");
        assert_eq!(opened, kubeseal.fixture(&format!("unsealed-{scope}.yaml")), "{scope}");
    }
    let json = kubeseal.done(&format!("{UNSEAL} sealing-key.yaml -f sealed-strict.json"), "");
    let order: Vec<_> = json.lines().filter(|line| line.starts_with("  \"")).collect();
    let keys: Vec<_> = order.iter().map(|line| line.split('"').nth(1).unwrap()).collect();
    assert_eq!(keys, ["kind", "apiVersion", "metadata", "data", "type"]);
}

#[test]
fn keys_come_as_pem_secret_and_list_one_or_several() {
    let kubeseal = Kubeseal::new();
    let secret = kubeseal.fixture("sealing-key.yaml");
    let indented: String = secret.lines().map(|line| format!("  {line}\n")).collect();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n-{}", &indented[1..]);
    kubeseal.write("list.yaml", &list);
    kubeseal.write("pem", &pem(&secret));
    kubeseal.write("other.pem", OTHER_KEY);
    for keys in ["pem", "list.yaml", "other.pem,pem", "other.pem --recovery-private-key sealing-key.yaml"] {
        let opened = kubeseal.done(&format!("{UNSEAL} {keys} -o yaml -f sealed-strict.json"), "");
        assert_eq!(opened, kubeseal.fixture("unsealed-strict.yaml"), "{keys}");
    }
}

#[test]
fn a_missing_key_is_said_in_kubeseals_words_and_explained() {
    let kubeseal = Kubeseal::new();
    kubeseal.write("other.pem", OTHER_KEY);
    let sealed = kubeseal.fixture("sealed-strict.yaml");
    let moved = sealed.replace("name: db", "name: elsewhere");
    let mut golden = String::new();
    for (line, stdin) in [
        ("--recovery-unseal", &sealed),
        ("--recovery-unseal --recovery-private-key other.pem", &sealed),
        ("--recovery-unseal --recovery-private-key sealing-key.yaml", &moved),
        ("--recovery-unseal --recovery-private-key sealing-cert.pem", &sealed),
        ("--recovery-unseal --recovery-private-key secret.yaml", &sealed),
        ("--recovery-unseal --recovery-private-key missing", &sealed),
        ("--recovery-unseal --recovery-private-key sealing-key.yaml", &SECRET.to_owned()),
        ("--recovery-unseal --recovery-private-key sealing-key.yaml", &format!("{sealed}{sealed}")),
        ("--recovery-unseal --recovery-private-key sealing-key.yaml", &sealed.replace("password: Ag", "password: %%")),
    ] {
        let error = kubeseal.failed(line, stdin);
        golden.push_str(&format!("$ kubeseal {line}\n{error}\n"));
    }
    assert!(golden.contains("error: no key could decrypt secret (dsn, password, token, username)\n"));
    crate::golden::golden("compat", "kubeseal-recovery-refused", &golden);
}

#[test]
fn a_new_file_of_plaintext_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let kubeseal = Kubeseal::new();
    kubeseal.done(&format!("{UNSEAL} sealing-key.yaml -f sealed-strict.json -w plain.yaml"), "");
    assert_eq!(kubeseal.read("plain.yaml"), kubeseal.fixture("unsealed-strict.yaml"));
    let mode = std::fs::metadata(kubeseal.path("plain.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The private key inside the Secret that the fixtures were sealed for.
fn pem(secret: &str) -> String {
    use base64::Engine as _;
    let line = secret.lines().find(|line| line.trim().starts_with("tls.key:")).unwrap();
    let value = line.split_once(": ").unwrap().1;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Opens nothing here; made for this test.
const OTHER_KEY: &str = include_str!("other-key.pem");
