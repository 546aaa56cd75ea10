//! Many files under one key of a KMS that takes its time: a stand-in for AWS KMS, 20 ms a call.

use std::time::Duration;

use serde_json::json;

use crate::measure::{Cost, Run};
use crate::stand_in::{Fault, Request, Response, StandIn};
use crate::table::{self, Row};
use crate::{FILES, Place, app, release, spread_out};

const CALL: Duration = Duration::from_millis(20);
const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/bench";

/// "Encrypts" by handing back what it got: the time of the call is what counts.
fn kms() -> StandIn {
    let server = StandIn::start(|request: &Request| {
        let body = request.json();
        let answer = match request.header("x-amz-target") {
            "TrentService.Encrypt" => json!({
                "CiphertextBlob": body["Plaintext"], "KeyId": ARN, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            }),
            "TrentService.Decrypt" => json!({
                "Plaintext": body["CiphertextBlob"], "KeyId": ARN, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            }),
            other => panic!("unknown call {other:?}"),
        };
        Response::json(200, &answer).with("content-type", "application/x-amz-json-1.1")
    });
    server.inject(Fault::Slow(CALL));
    server
}

/// Each file with its own data key, then all with a shared one; a single round each, because the calls decide.
pub(crate) fn files(sops: bool) -> Vec<Row> {
    let parent = spread_out();
    let fill = || {
        let place = Place::below(parent.path());
        let rules = format!(
            "creation_rules:\n  - kms: {ARN}\n    encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n"
        );
        place.write(".sops.yaml", &rules);
        std::fs::create_dir(place.path("files")).unwrap();
        for number in 0..FILES {
            place.write(&app(number), &release::secret(number));
        }
        place
    };
    let server = kms();
    let url = server.url();
    let variables = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
    ];
    let counted = |run: Run| -> (Cost, usize) {
        let before = server.requests().len();
        let cost = run.with(&variables).go();
        (cost, server.requests().len() - before)
    };
    let both_ways = |options: &[&str]| {
        let place = fill();
        let encrypt: Vec<&str> =
            ["encrypt", "-i", "files"].iter().chain(options).copied().collect();
        let encrypted = counted(place.seal(&encrypt));
        let decrypted = counted(place.seal(&["decrypt", "-i", "files"]));
        let last = std::fs::read_to_string(place.path(&app(FILES - 1))).unwrap();
        assert_eq!(last, release::secret(FILES - 1));
        (encrypted, decrypted)
    };
    let (own_encrypted, own_decrypted) = both_ways(&[]);
    let (shared_encrypted, shared_decrypted) = both_ways(&["--shared-data-key"]);
    assert_eq!((own_encrypted.1, own_decrypted.1), (FILES, FILES));
    assert_eq!((shared_encrypted.1, shared_decrypted.1), (1, 1));
    let theirs = sops.then(|| {
        let place = fill();
        let loop_over = |verb| {
            let script =
                format!("for file in files/*.yaml; do sops {verb} -i \"$file\" || exit 1; done");
            Run::new("sh", place.path("").as_path(), &["-c", &script]).with(&variables).go()
        };
        (loop_over("encrypt"), loop_over("decrypt"))
    });
    let (encrypt_theirs, decrypt_theirs) = (theirs.map(|cost| cost.0), theirs.map(|cost| cost.1));
    let row = |verb: &str, how: &str, (cost, calls): (Cost, usize), theirs| {
        let files = table::thousands(FILES);
        let calls = match calls {
            1 => "1 call".to_owned(),
            calls => format!("{} calls", table::thousands(calls)),
        };
        let name = format!("{verb} {files} files under a KMS of 20 ms a call{how}: {calls}");
        Row::wall(&name, cost, None, theirs)
    };
    vec![
        row("encrypt", "", own_encrypted, encrypt_theirs),
        row("decrypt", "", own_decrypted, decrypt_theirs),
        row("encrypt", ", `--shared-data-key`", shared_encrypted, encrypt_theirs),
        row("decrypt", ", shared data key", shared_decrypted, decrypt_theirs),
    ]
}
