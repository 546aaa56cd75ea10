//! Master keys of every kind, typed as options and as variables: a file gets them all, and each of them opens it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::azure_key_vault::{self as azure, AzureKeyVault};
use crate::gcp_kms::{self as google, GcpKms};
use crate::harness::{Run, TestDir};
use crate::huawei_kms::{self as huawei, HuaweiKms};
use crate::keys::{IDENTITY, RECIPIENT};
use crate::manifests::SECRET;
use crate::stand_in::{Request, Response, StandIn};
use crate::vault_server::{ROOT, Vault};

const ARN: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// One key of each kind, and what it takes to use it.
struct Keys {
    aws: StandIn,
    gcp: GcpKms,
    azure: AzureKeyVault,
    vault: Vault,
    huawei: HuaweiKms,
}

/// The list of the envelope; option, variable and key; the variables with which it can be used.
type Typed = (&'static str, [String; 3], Vec<(&'static str, String)>);

/// AWS KMS for one key and one context; its ciphertext is the plaintext.
fn aws() -> StandIn {
    StandIn::start(|request: &Request| {
        let body = request.json();
        if body["EncryptionContext"] != json!({ "app": "shop", "stage": "prod" }) {
            let refused = json!({ "__type": "InvalidCiphertextException" });
            return Response::json(400, &refused);
        }
        let names = match request.header("x-amz-target") {
            "TrentService.Encrypt" => ("Plaintext", "CiphertextBlob"),
            _ => ("CiphertextBlob", "Plaintext"),
        };
        Response::json(200, &json!({ names.1: body[names.0], "KeyId": ARN }))
    })
}

impl Keys {
    fn start() -> Self {
        Self {
            aws: aws(),
            gcp: GcpKms::start(&["team"]),
            azure: AzureKeyVault::start(&["team"]),
            vault: Vault::with_key(),
            huawei: HuaweiKms::start(),
        }
    }

    fn each(&self) -> Vec<Typed> {
        let text = |texts: [&str; 3]| texts.map(str::to_owned);
        let vault = format!("{}/v1/transit/keys/app", self.vault.url());
        let azure = format!("{}/keys/team/{}", azure::URL, azure::VERSION);
        let huawei = format!("eu-west-101:{}", huawei::TEAM);
        vec![
            (
                "age",
                text(["--age", "SOPS_AGE_RECIPIENTS", RECIPIENT]),
                vec![("SOPS_AGE_KEY", IDENTITY.to_owned())],
            ),
            (
                "kms",
                text(["--kms", "SOPS_KMS_ARN", ARN]),
                vec![
                    ("AWS_ENDPOINT_URL", self.aws.url()),
                    ("AWS_ACCESS_KEY_ID", "AKIATEST".to_owned()),
                    ("AWS_SECRET_ACCESS_KEY", "HUNTER2-OF-AWS".to_owned()),
                ],
            ),
            (
                "gcp_kms",
                text(["--gcp-kms", "SOPS_GCP_KMS_IDS", &google::key("team")]),
                vec![
                    ("SOPS_GCP_KMS_ENDPOINT", self.gcp.server.url()),
                    ("GOOGLE_OAUTH_ACCESS_TOKEN", google::TOKEN.to_owned()),
                ],
            ),
            (
                "azure_kv",
                text(["--azure-kv", "SOPS_AZURE_KEYVAULT_URLS", &azure]),
                vec![
                    ("SEAL_AZURE_KEYVAULT_ENDPOINT", self.azure.server.url()),
                    ("SEAL_AZURE_ACCESS_TOKEN", azure::TOKEN.to_owned()),
                ],
            ),
            (
                "hc_vault",
                text(["--hc-vault-transit", "SOPS_VAULT_URIS", &vault]),
                vec![("VAULT_ADDR", self.vault.url()), ("VAULT_TOKEN", ROOT.to_owned())],
            ),
            (
                "hckms",
                text(["--hckms", "SOPS_HUAWEICLOUD_KMS_IDS", &huawei]),
                vec![
                    (huawei::ENDPOINT, self.huawei.server.url()),
                    ("HUAWEICLOUD_SDK_AK", huawei::ACCESS_KEY.to_owned()),
                    ("HUAWEICLOUD_SDK_SK", huawei::SECRET_KEY.to_owned()),
                    ("HUAWEICLOUD_SDK_PROJECT_ID", huawei::PROJECT.to_owned()),
                ],
            ),
        ]
    }
}

/// A directory with a Secret and no rules, and nobody's keys.
fn directory() -> TestDir {
    let directory = TestDir::new();
    directory.write("db.yaml", SECRET);
    directory
}

/// Nothing is found on the machine that the test runs on.
fn seal(directory: &TestDir, arguments: &[&str], variables: &[(&str, String)]) -> Run {
    let mut run = directory
        .seal(arguments)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_GCE_CHECK", "true")
        .env("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential");
    for (name, value) in variables {
        run = run.env(name, value);
    }
    run.run()
}

#[track_caller]
fn opens_with_each(directory: &TestDir, keys: &Keys) {
    let file: Value = serde_yaml::from_str(&directory.read("db.yaml")).unwrap();
    for (list, _, variables) in keys.each() {
        assert_eq!(file["sops"][list].as_array().map(Vec::len), Some(1), "{list}");
        let run = seal(directory, &["decrypt", "-q", "db.yaml"], &variables);
        assert_eq!((run.code, run.out()), (0, SECRET), "{list}: {}", run.stderr);
    }
    assert_eq!(file["sops"]["kms"][0]["context"], json!({ "app": "shop", "stage": "prod" }));
    assert_eq!(file["sops"]["kms"][0]["aws_profile"], "");
    let none = seal(directory, &["decrypt", "db.yaml"], &[]);
    assert_eq!((none.code, none.out()), (4, ""));
    let lines = none.stderr.lines().filter(|line| line.starts_with("      ")).count();
    assert!(lines >= keys.each().len(), "a line for each key: {}", none.stderr);
}

const CONTEXT: [&str; 2] = ["--encryption-context", "app:shop,stage:prod"];

#[test]
fn as_options() {
    let (keys, directory) = (Keys::start(), directory());
    let each = keys.each();
    let mut arguments = vec!["encrypt", "-q", "-i", "db.yaml"];
    arguments.extend(CONTEXT);
    arguments.extend(each.iter().flat_map(|(_, [option, _, key], _)| [option.as_str(), key]));
    let variables: Vec<_> = each.iter().flat_map(|(_, _, variables)| variables.clone()).collect();
    let run = seal(&directory, &arguments, &variables);
    assert_eq!(run.code, 0, "{}", run.stderr);
    opens_with_each(&directory, &keys);
}

#[test]
fn as_variables() {
    let (keys, directory) = (Keys::start(), directory());
    let each = keys.each();
    let mut variables: BTreeMap<&str, String> = BTreeMap::new();
    for (_, [_, variable, key], used) in &each {
        variables.insert(variable, key.clone());
        variables.extend(used.clone());
    }
    let variables: Vec<_> = variables.into_iter().collect();
    let arguments = [&["encrypt", "-q", "-i", "db.yaml"][..], &CONTEXT].concat();
    let run = seal(&directory, &arguments, &variables);
    assert_eq!(run.code, 0, "{}", run.stderr);
    opens_with_each(&directory, &keys);
}

/// A key that cannot wrap fails the whole, whichever place it has.
#[test]
fn one_that_cannot_be_used_writes_nothing() {
    let (keys, directory) = (Keys::start(), directory());
    let each = keys.each();
    let mut arguments = vec!["encrypt", "-i", "db.yaml"];
    arguments.extend(CONTEXT);
    arguments.extend(each.iter().flat_map(|(_, [option, _, key], _)| [option.as_str(), key]));
    for (index, (list, ..)) in each.iter().enumerate().skip(1) {
        let others = each.iter().enumerate().filter(|(other, _)| *other != index);
        let variables: Vec<_> = others.flat_map(|(_, (_, _, used))| used.clone()).collect();
        let run = seal(&directory, &arguments, &variables);
        assert_eq!(run.code, 4, "{list}: {}", run.stderr);
        assert_eq!(directory.read("db.yaml"), SECRET, "{list}");
    }
}

#[test]
fn a_name_that_is_none_says_what_would_be() {
    let directory = directory();
    for (option, key) in [
        ("--kms", "arn:aws:s3:::bucket"),
        ("--gcp-kms", "projects/p"),
        ("--hckms", "eu-west-101"),
        ("--pgp", "me@example.com"),
    ] {
        let run = seal(&directory, &["encrypt", option, key, "db.yaml"], &[]);
        assert_eq!((run.code, run.out()), (2, ""), "{option}: {}", run.stderr);
        let said = run.stderr.lines().any(|line| line.starts_with("hint: "));
        assert!(said && run.stderr.contains(option), "{option}: {}", run.stderr);
    }
}
