use super::*;
use crate::environment::Environment;
use crate::session::Settings;

/// The recipient of `tests/fixtures/sops/keys/age-a.b64`.
const RECIPIENT: &str = "age13r7pmm33m5fk6cdkqmthyxcsdp8kqz0te59v85c2e8vzr4kgw4vsgm2cd7";

#[test]
fn wraps_in_the_form_that_sops_writes() {
    let age = Age::new(Session::new(Settings::of(Environment::of::<String, String>([]))));
    let enc = age.access(RECIPIENT).wrap(&SecretBytes::new(vec![7; 32])).unwrap().enc;
    let lines: Vec<&str> = enc.split('\n').collect();
    assert_eq!(lines.first(), Some(&"-----BEGIN AGE ENCRYPTED FILE-----"));
    assert_eq!(lines[lines.len() - 2..], ["-----END AGE ENCRYPTED FILE-----", ""]);
    let body = &lines[1..lines.len() - 2];
    assert!(body[..body.len() - 1].iter().all(|line| line.len() == 64));
    assert!(body.last().unwrap().len() <= 64);
}
