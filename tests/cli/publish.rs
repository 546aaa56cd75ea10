//! `seal publish`: S3 of moto, stand-ins for Google Cloud Storage and Vault, and what sops sends to the same.

use serde_json::{Value, json};

use crate::harness::not_run::not_run;
use crate::harness::{Run, TestDir};
use crate::keys;
use crate::manifests::SECRET;
use crate::moto::{ACCOUNT, Moto};
use crate::sops::Sops;
use crate::stand_in::{Request, Response, StandIn};
use crate::vault_server::{ROOT, Vault};

const VALUES: &str = "\
a: hunter2
b: {c: 2, t: 2024-01-01, f: 1.50, n: null}
# hunter2 in a comment
l: [1, \"2\", true]
";

/// An encrypted file, a directory of two, and destination rules.
fn directory(rules: &str) -> TestDir {
    let files = [
        ("p.yaml", VALUES),
        ("d/x.yaml", "x: hunter2\n"),
        ("d/e/y.json", "{\"y\": \"hunter2\"}\n"),
    ];
    let directory = TestDir::with(&files);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory.done(&["encrypt", "-qi", "p.yaml", "d/x.yaml", "d/e/y.json"]);
    directory.write(
        ".sops.yaml",
        format!("{}destination_rules:\n{rules}", keys::rules_for_whole_files()),
    );
    directory
}

fn to_vault(directory: &TestDir, vault: &Vault, arguments: &[&str]) -> Run {
    let run =
        directory.seal(arguments).env("VAULT_ADDR", vault.url()).env("VAULT_TOKEN", ROOT).run();
    assert!(!run.stderr.contains(ROOT) || !run.stderr.contains("token root"), "{}", run.stderr);
    Run { stderr: run.stderr.replace(&vault.url(), "[VAULT]"), ..run }
}

fn values() -> Value {
    json!({
        "a": "hunter2",
        "b": {"c": 2, "t": "2024-01-01T00:00:00Z", "f": 1.5, "n": null},
        "l": [1, "2", true],
    })
}

#[test]
fn vault_gets_the_values_unless_it_has_them() {
    let rules = "- {path_regex: ^d/, vault_path: sub/, vault_kv_mount_name: kv/, vault_kv_version: 1}\n- vault_path: top\n";
    let directory = directory(rules);
    let vault = Vault::start();
    vault.store("secret", 2);
    vault.store("kv", 1);
    let writes = || vault.http.requests().iter().filter(|request| request.method != "GET").count();
    let run = to_vault(&directory, &vault, &["publish", "-y", "p.yaml"]);
    assert_eq!((run.code, run.out()), (0, ""), "{}", run.stderr);
    run.golden("publish-to-vault");
    assert_eq!(vault.stored("secret/data/top/p.yaml"), Some(json!({"data": values()})));
    let run = to_vault(&directory, &vault, &["publish", "-y", "p.yaml"]);
    assert_eq!(
        (run.code, run.stderr.as_str(), writes()),
        (0, "[VAULT]/v1/secret/data/top/p.yaml is up to date\n", 1)
    );
    for _ in 0..2 {
        let run = to_vault(&directory, &vault, &["publish", "-y", "--recursive", "d"]);
        assert_eq!((run.code, writes()), (0, 3), "{}", run.stderr);
    }
    assert_eq!(vault.stored("kv/sub/x.yaml"), Some(json!({"x": "hunter2"})));
    assert_eq!(vault.stored("kv/sub/e/y.json"), Some(json!({"y": "hunter2"})));
    let run = to_vault(&directory, &vault, &["publish", "-y", "--omit-extensions", "./p.yaml"]);
    assert_eq!((run.code, vault.stored("secret/data/top/p").is_some()), (0, true));
}

#[test]
fn vault_gets_what_sops_would_send() {
    let directory = directory("- vault_path: top\n");
    let vault = Vault::start();
    vault.store("secret", 2);
    let Some(sops) = Sops::of(&directory, "vault_gets_what_sops_would_send") else { return };
    let sops = sops.with("VAULT_ADDR", &vault.url()).with("VAULT_TOKEN", ROOT);
    sops.run(&["publish", "-y", "p.yaml"]);
    assert_eq!(vault.stored("secret/data/top/p.yaml"), Some(json!({"data": values()})));
    // And we know it for equal.
    let run = to_vault(&directory, &vault, &["publish", "-y", "p.yaml"]);
    assert!(run.stderr.contains("is up to date"), "{}", run.stderr);
}

#[test]
fn as_sops_it_takes_the_options_of_sops() {
    let directory = directory("- vault_path: top\n");
    let vault = Vault::start();
    vault.store("secret", 2);
    let publish = |arguments: &[&str]| {
        to_vault(&directory, &vault, &[&["sops", "publish"], arguments].concat())
    };
    let run = publish(&["-y", "--omit-extensions", "--recursive", "d"]);
    assert_eq!((run.code, run.out()), (0, ""), "{}", run.stderr);
    assert_eq!(vault.stored("secret/data/top/e/y"), Some(json!({"data": {"y": "hunter2"}})));
    assert_eq!(
        (publish(&[]).code, publish(&["-y", "missing"]).code, publish(&["-y", "d"]).code),
        (100, 1, 1)
    );
}

#[test]
fn a_server_that_only_the_rules_name_gets_nothing() {
    let vault = Vault::start();
    let directory =
        directory(&format!("- {{vault_path: top, vault_address: '{}'}}\n", vault.url()));
    let run = directory.seal(&["publish", "-y", "p.yaml"]).env("VAULT_TOKEN", ROOT).run();
    assert_eq!((run.code, vault.http.requests().len()), (1, 0), "{}", run.stderr);
    assert!(run.stderr.contains("a file names this server, and you have not"), "{}", run.stderr);
}

#[test]
fn a_refusal_of_vault_is_told_without_a_value() {
    let directory = directory("- vault_path: top\n");
    let vault = Vault::start();
    vault.store("secret", 1);
    to_vault(&directory, &vault, &["publish", "-y", "p.yaml"])
        .golden("publish-vault-other-version");
    let run = directory
        .seal(&["publish", "-y", "p.yaml"])
        .env("VAULT_ADDR", vault.url())
        .env("VAULT_TOKEN", "wrong")
        .run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("permission denied"), "{}", run.stderr);
}

#[test]
fn a_dry_run_uploads_nothing_and_a_question_needs_a_terminal() {
    let directory =
        directory("- {path_regex: ^d, vault_path: top}\n- {s3_bucket: bucket, s3_prefix: p/}\n");
    let vault = Vault::start();
    let run = to_vault(&directory, &vault, &["publish", "--dry-run", "--recursive", "d"]);
    run.golden("publish-dry-run");
    // As SOPS walks: `d/…`, not `./d/…`, which would go to another place.
    let run = to_vault(&directory, &vault, &["publish", "--dry-run", "--recursive", "."]);
    assert!(run.stderr.contains("would upload ./d/e/y.json to [VAULT]/v1"), "{}", run.stderr);
    assert!(run.stderr.contains("would upload ./p.yaml to s3://bucket/p/p.yaml"), "{}", run.stderr);
    assert_eq!(vault.http.requests().len(), 0);
    let run = directory.bash("seal publish --dry-run p.yaml");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (0, "would upload p.yaml to s3://bucket/p/p.yaml\n")
    );
    let run = directory.bash("setsid -w seal publish p.yaml");
    assert_eq!(run.code, 2);
    run.golden("publish-no-terminal");
    directory.seal(&["publish", "-y", "d"]).run().golden("publish-directory");
}

#[test]
fn a_path_whose_spelling_decides_where_it_goes_is_refused() {
    let directory = directory("- {path_regex: ^p, s3_bucket: bucket}\n- {vault_path: x}\n");
    let vault = Vault::start();
    let run = to_vault(&directory, &vault, &["publish", "--dry-run", "./p.yaml"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("another destination rule"), "{}", run.stderr);
    let run = to_vault(&directory, &vault, &["publish", "--dry-run", "p.yaml"]);
    assert!(run.stderr.contains("s3://bucket/p.yaml"), "{}", run.stderr);
    // Where both ways lead to the same place it does not matter.
    let run = to_vault(&directory, &vault, &["publish", "--dry-run", "./d/x.yaml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn nothing_in_clear_is_uploaded() {
    let directory = directory("- s3_bucket: bucket\n");
    directory.write("clear.yaml", "a: hunter2\n");
    directory.seal(&["publish", "-y", "clear.yaml"]).run().golden("publish-in-clear");
    // One Secret of two is encrypted.
    directory.write(
        ".sops.yaml",
        format!("{}destination_rules: [{{s3_bucket: bucket}}]\n", keys::rules("")),
    );
    directory.write("m.yaml", SECRET);
    directory.done(&["encrypt", "-qi", "m.yaml"]);
    let both =
        format!("{}---\n{}", directory.read("m.yaml"), SECRET.replace("name: ", "name: other-"));
    directory.write("m.yaml", both);
    let run = directory.seal(&["publish", "-y", "m.yaml"]).run();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("nothing was uploaded"), "{}", run.stderr);
}

#[test]
fn rules_that_cannot_be_followed_are_refused_by_name() {
    for (name, rules) in [
        ("none-matches", "- {path_regex: ^other/, s3_bucket: b}\n"),
        ("old-name", "- {s3_bucket: b, reencryption_rule: {age: x}}\n"),
        ("two-places", "- {s3_bucket: b, gcs_bucket: c}\n"),
    ] {
        let directory = directory(rules);
        directory.seal(&["publish", "-y", "p.yaml"]).run().golden(&format!("publish-rule-{name}"));
        // No other verb has to do with them.
        directory.done(&["decrypt", "p.yaml"]);
    }
}

/// A bucket of Google Cloud Storage that takes a token.
fn google(status: u16) -> StandIn {
    StandIn::start(move |request: &Request| {
        if request.header("authorization") != "Bearer ya29.hunter2" {
            return Response::json(
                401,
                &json!({"error": {"code": 401, "message": "Invalid Credentials", "status": "UNAUTHENTICATED"}}),
            );
        }
        let name = request.path.split("name=").nth(1).unwrap_or_default().replace("%2F", "/");
        match status {
            200 => Response::json(
                200,
                &json!({"kind": "storage#object", "name": name, "bucket": "bucket"}),
            ),
            _ => Response::json(
                status,
                &json!({"error": {"code": status, "message": "caller ya29.hunter2 does not have storage.objects.create access"}}),
            ),
        }
    })
}

#[test]
fn a_bucket_of_google_gets_the_file_as_it_is() {
    let directory = directory("- {gcs_bucket: bucket, gcs_prefix: p/}\n");
    let server = google(200);
    let publish = |server: &StandIn, token: &str| {
        let run = directory.seal(&["publish", "-y", "p.yaml"]);
        run.env("STORAGE_EMULATOR_HOST", server.url()).env("GOOGLE_OAUTH_ACCESS_TOKEN", token).run()
    };
    let run = publish(&server, "ya29.hunter2");
    assert_eq!((run.code, run.stderr.as_str()), (0, "uploaded p.yaml to gcs://bucket/p/p.yaml\n"));
    let requests = server.requests();
    assert_eq!(
        (requests[0].method.as_str(), requests[0].path.as_str()),
        ("POST", "/upload/storage/v1/b/bucket/o?uploadType=media&name=p%2Fp.yaml")
    );
    assert_eq!(String::from_utf8(requests[0].body.clone()).unwrap(), directory.read("p.yaml"));
    let run = publish(&server, "ya29.other");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("Invalid Credentials"), "{}", run.stderr);
    let run = publish(&google(403), "ya29.hunter2");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("does not have storage.objects.create access"), "{}", run.stderr);
}

/// moto with a bucket and a user who may do all with S3.
struct S3 {
    moto: Moto,
    id: String,
    secret: String,
}

impl S3 {
    fn start(test: &str) -> Option<Self> {
        let moto = match Moto::start() {
            Ok(moto) => moto,
            Err(why) => {
                not_run(test, &why);
                return None;
            }
        };
        moto.iam("Action=CreateUser&Version=2010-05-08&UserName=u");
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D";
        moto.iam(&format!("Action=PutUserPolicy&Version=2010-05-08&UserName=u&PolicyName=p&PolicyDocument={policy}"));
        let answer = moto.iam("Action=CreateAccessKey&Version=2010-05-08&UserName=u");
        let text = |tag: &str| {
            let (_, rest) = answer.split_once(&format!("<{tag}>")).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        let (id, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
        let this = Self { moto, id, secret };
        this.ask("PUT", "/bucket");
        // From now on signatures count.
        this.moto.check_permissions();
        Some(this)
    }

    fn ask(&self, method: &str, path: &str) -> Response {
        let headers = [
            ("x-moto-account-id", ACCOUNT),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
            ),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.moto.forward(&Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers.into_iter().collect(),
            body: Vec::new(),
        })
    }

    fn publish(&self, directory: &TestDir, secret: &str, path: &str) -> Run {
        let run =
            directory.seal(&["publish", "-y", path]).env("AWS_ENDPOINT_URL_S3", self.moto.url());
        let run = run.env("AWS_ACCESS_KEY_ID", &self.id).env("AWS_SECRET_ACCESS_KEY", secret);
        run.env("AWS_REGION", "us-east-1").run()
    }

    /// An object, as whoever may read it gets it.
    fn object(&self, directory: &TestDir, key: &str) -> String {
        let python = "
import os, sys, boto3
s3 = boto3.client('s3', endpoint_url=os.environ['URL'], region_name='us-east-1')
sys.stdout.write(s3.get_object(Bucket='bucket', Key=sys.argv[1])['Body'].read().decode())";
        directory.write("../read.py", python);
        let moto = std::env::var("SEAL_TEST_MOTO").unwrap();
        let python = std::path::Path::new(&moto).with_file_name("python3");
        let run = directory.bash(&format!(
            "URL={} AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} {} ../read.py '{key}'",
            self.moto.url(),
            self.id,
            self.secret,
            python.display()
        ));
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.out().to_owned()
    }
}

#[test]
fn a_bucket_of_s3_gets_the_file_as_it_is() {
    let Some(s3) = S3::start("a_bucket_of_s3_gets_the_file_as_it_is") else { return };
    let directory = directory(
        "- {path_regex: ^d/, s3_bucket: other-bucket}\n- {s3_bucket: bucket, s3_prefix: 'p é/+'}\n",
    );
    let run = s3.publish(&directory, &s3.secret, "p.yaml");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (0, "uploaded p.yaml to s3://bucket/p é/+p.yaml\n")
    );
    assert_eq!(s3.object(&directory, "p é/+p.yaml"), directory.read("p.yaml"));
    let run = s3.publish(&directory, "hunter2-wrong", "p.yaml");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("SignatureDoesNotMatch"), "{}", run.stderr);
    let run = s3.publish(&directory, &s3.secret, "d/x.yaml");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("NoSuchBucket"), "{}", run.stderr);
}

#[test]
fn a_recreation_rule_encrypts_anew_for_others() {
    let Some(s3) = S3::start("a_recreation_rule_encrypts_anew_for_others") else { return };
    let rule = format!(
        "- s3_bucket: bucket\n  omit_extensions: true\n  recreation_rule: {{age: '{},{}', encrypted_regex: ^a$}}\n",
        keys::RECIPIENT,
        keys::COLLEAGUE
    );
    let directory = directory(&rule);
    let before = directory.read("p.yaml");
    let run = s3.publish(&directory, &s3.secret, "p.yaml");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (0, "uploaded p.yaml to s3://bucket/p, encrypted anew\n")
    );
    assert_eq!(directory.read("p.yaml"), before);
    let there = s3.object(&directory, "p");
    assert!(there.contains(keys::COLLEAGUE) && there.contains("encrypted_regex: ^a$"), "{there}");
    assert!(there.contains("l: [1, \"2\", true]") && !there.contains("hunter2\n"), "{there}");
    directory.write("there.yaml", &there);
    // SOPS spells dates so, and decrypts them so.
    let expected = VALUES.replace("2024-01-01", "2024-01-01T00:00:00Z");
    assert_eq!(directory.decrypted("there.yaml"), expected);
}
