//! Huawei Cloud KMS, against a stand-in.

use seal_core::envelope::MasterKey;
use seal_keys::{FailureKind, KeyService, Providers};

use super::cloud::{counter, fault, hurried, nobody, providers, refusal};
use super::suite::{Provider, Scene, Situation, secret};
use crate::huawei_kms::{
    ACCESS_KEY, ENDPOINT, HuaweiKms, OTHER, POOR_ACCESS_KEY, PROJECT, SECRET_KEY, TEAM, error,
};

pub(crate) struct Huawei {
    stand_in: HuaweiKms,
}

fn variables(endpoint: &str, access_key: &str) -> Vec<(&'static str, String)> {
    vec![
        (ENDPOINT, endpoint.to_owned()),
        ("HUAWEICLOUD_SDK_AK", access_key.to_owned()),
        ("HUAWEICLOUD_SDK_SK", SECRET_KEY.to_owned()),
        ("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT.to_owned()),
    ]
}

impl Provider for Huawei {
    fn start() -> Option<Self> {
        Some(Self { stand_in: HuaweiKms::start() })
    }

    fn key(&self) -> MasterKey {
        key(TEAM)
    }

    fn holder(&self) -> Providers {
        providers(variables(&self.stand_in.server.url(), ACCESS_KEY))
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        let (mut used, mut service, mut enc) = (self.key(), self.holder(), enc.to_owned());
        let server = &self.stand_in.server;
        let mut says = None;
        if situation == Situation::TimedOut {
            service = hurried(variables(&self.stand_in.server.url(), ACCESS_KEY));
        }
        match situation {
            Situation::WrongKey => {
                enc = service.wrap(&key(OTHER), &secret()).unwrap().enc;
                says = Some("another key");
            }
            Situation::NoCredentials => {
                service = providers([(ENDPOINT, server.url())]);
                says = Some("HUAWEICLOUD_SDK_AK");
            }
            Situation::Denied => {
                service = providers(variables(&server.url(), POOR_ACCESS_KEY));
                says = Some("No permissions to use the key.");
            }
            Situation::NotFound => {
                used = key(&TEAM.replace('0', "9"));
                says = Some("The key does not exist.");
            }
            Situation::Disabled => {
                self.stand_in.disable(TEAM);
                says = Some("The key has been disabled.");
            }
            Situation::Unreachable => service = providers(variables(&nobody(), ACCESS_KEY)),
            Situation::WrongContext | Situation::Sealed | Situation::NotAllowed => return None,
            _ => server.inject(fault(situation, |status| {
                error(status, "KMS.0100", &format!("not now, {SECRET_KEY}"))
            })?),
        }
        Some(Scene {
            key: used,
            service,
            enc,
            secrets: vec!["HUNTER2".to_owned()],
            says: says.map(str::to_owned).into_iter().collect(),
            requests: counter(server),
            wrapping_fails: situation != Situation::WrongKey,
        })
    }
}

fn key(id: &str) -> MasterKey {
    MasterKey::HuaweiKms { key_id: format!("eu-west-101:{id}") }
}

#[test]
fn requests_are_those_of_huaweis_own_client() {
    let huawei = Huawei::start().unwrap();
    let service = huawei.holder();
    let enc = service.wrap(&key(TEAM), &secret()).unwrap().enc;
    service.unwrap(&key(TEAM), &enc).unwrap();
    let requests = huawei.stand_in.server.requests();
    assert_eq!(requests[0].path, format!("/v1.0/{PROJECT}/kms/encrypt-data"));
    assert_eq!(requests[1].path, format!("/v1.0/{PROJECT}/kms/decrypt-data"));
    let plain_text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert_eq!(requests[0].json(), serde_json::json!({ "key_id": TEAM, "plain_text": plain_text }));
    assert_eq!(requests[1].json(), serde_json::json!({ "key_id": TEAM, "cipher_text": enc }));
}

#[test]
fn credentials_come_from_a_file_too() {
    let huawei = Huawei::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".huaweicloud/credentials");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let home = home.path().to_str().unwrap().to_owned();
    let try_with = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let service = providers([(ENDPOINT, huawei.stand_in.server.url()), ("HOME", home.clone())]);
        service.wrap(&key(TEAM), &secret())
    };
    let keys = format!("[basic]\nak = {ACCESS_KEY}\nsk = {SECRET_KEY}\n");
    try_with(&format!("{keys}project_id = {PROJECT}\n")).unwrap();
    for (text, says) in [
        (keys.clone(), "no `project_id`"),
        (format!("{keys}project_id = ../evil\n"), "`project_id` is not made of"),
        (String::new(), "no `ak`"),
    ] {
        let error = format!("{:?}", try_with(&text).unwrap_err());
        assert!(error.contains(says) && error.contains("NoCredentials"), "{error}");
        assert!(!error.contains("HUNTER2"), "{error}");
    }
    assert_eq!(huawei.stand_in.server.requests().len(), 1);
}

#[test]
fn a_name_that_could_lead_elsewhere_is_sent_nowhere() {
    let huawei = Huawei::start().unwrap();
    let service = huawei.holder();
    for name in [
        TEAM.to_owned(),
        format!("evil.example/:{TEAM}"),
        format!("evil@host:{TEAM}"),
        format!("EU-WEST-101:{TEAM}"),
        format!("eu-west-101:{TEAM}/../x"),
        format!("eu-west-101:{TEAM}\",\"x\":\""),
        "eu-west-101:".to_owned(),
    ] {
        let key = MasterKey::HuaweiKms { key_id: name };
        let failure = refusal(&service, &key);
        assert_eq!(failure.kind, FailureKind::Name, "{failure}");
        assert!(seal_keys::check(&key).is_err());
    }
    for endpoint in ["https://user@kms.corp", "https://kms.corp/path", "?"] {
        let failure = refusal(&providers(variables(endpoint, ACCESS_KEY)), &key(TEAM));
        assert_eq!(failure.kind, FailureKind::Local, "{failure}");
    }
    assert_eq!(huawei.stand_in.server.requests().len(), 0);
}
