//! What a server that gives tokens, or one that takes them, cannot get out of us: our credentials for another server, our
//! secrets into a message, our memory.

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::{Failure, FailureKind, KeyService, Providers, WrapError};
use serde_json::json;

use super::cloud::providers;
use crate::azure_key_vault::{self, AzureKeyVault, entra};
use crate::gcp_kms::{self, GcpKms};
use crate::huawei_kms;
use crate::stand_in::{Fault, Response, StandIn};

/// In Base64 of every alphabet, and as it is in an answer.
const PLAINTEXT: &str = "S0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0s";

fn refusal(service: &Providers, key: &MasterKey) -> Failure {
    match service.wrap(key, &SecretBytes::new(vec![b'K'; 32])).unwrap_err() {
        WrapError::Service(failure) => *failure,
        other => panic!("{other:?}"),
    }
}

fn of_gcp() -> MasterKey {
    MasterKey::GcpKms { resource_id: gcp_kms::key("team") }
}

fn of_azure(vault_url: &str) -> MasterKey {
    MasterKey::AzureKeyVault {
        vault_url: vault_url.to_owned(),
        name: "team".to_owned(),
        version: azure_key_vault::VERSION.to_owned(),
    }
}

/// Somebody who logs in to GCP at this server as a user, and as a machine.
fn gcp_logins(kms: &GcpKms, login: &GcpKms) -> [Providers; 2] {
    let endpoint = || ("SOPS_GCP_KMS_ENDPOINT", kms.server.url());
    let machine = login.server.url().replace("http://", "");
    [
        providers([endpoint(), ("GOOGLE_CREDENTIALS", login.authorized_user())]),
        providers([endpoint(), ("GCE_METADATA_HOST", machine)]),
    ]
}

/// An application that logs in to Azure at this server.
fn azure_login(vault: &AzureKeyVault, login: &StandIn) -> Providers {
    providers([
        ("SEAL_AZURE_KEYVAULT_ENDPOINT", vault.server.url()),
        ("SEAL_AZURE_LOGIN_ENDPOINT", login.url()),
        ("AZURE_TENANT_ID", "acme".to_owned()),
        ("AZURE_CLIENT_ID", "app".to_owned()),
        ("AZURE_CLIENT_SECRET", "SECRET-HUNTER2".to_owned()),
    ])
}

#[test]
fn a_token_of_azure_goes_to_the_public_cloud() {
    let vault = AzureKeyVault::start(&["team"]);
    let token = || ("SEAL_AZURE_ACCESS_TOKEN", azure_key_vault::TOKEN.to_owned());
    for url in ["https://x.vault.azure.cn", "https://x.managedhsm.usgovcloudapi.net"] {
        let failure = refusal(&providers([token()]), &of_azure(url));
        assert_eq!(failure.kind, FailureKind::NotAllowed, "{failure}");
        let step = failure.next_step().unwrap_or_default();
        assert!(step.contains(&format!("SEAL_ALLOW_AZURE_VAULTS={url}")), "{step}");
    }
    // Where the user says where requests go, the file does not.
    let endpoint = ("SEAL_AZURE_KEYVAULT_ENDPOINT", vault.server.url());
    let service = providers([token(), endpoint]);
    let key = of_azure("https://x.vault.azure.cn");
    service.wrap(&key, &SecretBytes::new(vec![b'K'; 32])).unwrap();
    // Whether somebody listens there or not, it is allowed; nobody does at the proxy.
    let proxy = ("HTTPS_PROXY", super::cloud::nobody());
    let allowed = ("SEAL_ALLOW_AZURE_VAULTS", "https://x.vault.azure.cn".to_owned());
    let failure = refusal(&providers([token(), allowed, proxy]), &key);
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    let gone = of_azure("https://x.vault.microsoftazure.de");
    assert_eq!(refusal(&providers([token()]), &gone).kind, FailureKind::NotAllowed);
}

#[test]
fn a_region_of_huawei_is_no_other_service() {
    for region in ["obs", "obs-west-1", "kms", "s3", "eu", "eu-west", "eu-101", "1-2", "eu--1"] {
        let key = MasterKey::HuaweiKms { key_id: format!("{region}:{}", huawei_kms::TEAM) };
        assert!(seal_keys::check(&key).is_err(), "{region}");
    }
    for region in ["eu-west-101", "cn-north-4", "na-mexico-1", "my-kualalumpur-1"] {
        let key = MasterKey::HuaweiKms { key_id: format!("{region}:{}", huawei_kms::TEAM) };
        assert!(seal_keys::check(&key).is_ok(), "{region}");
    }
}
