//! AWS KMS against moto: a server that others wrote, so that both do not misread the protocol in the same way.

use std::sync::Arc;

use seal_core::envelope::{KeyGroup, MasterKey, WrappedKey};
use seal_core::secret::SecretBytes;
use seal_keys::{DecryptionOrder, FailureKind, KeyService, Providers, UnwrapError, Unwrapper};
use serde_json::json;

use crate::contract::aws_kms::{client, client_with, key_of, with_role};
use crate::contract::suite;
use crate::contract::suite::{Provider, Scene, Situation};
use crate::moto::{ACCOUNT, Moto};
use crate::not_run::not_run;
use crate::stand_in::StandIn;

const REGION: &str = "eu-central-1";

fn secret() -> SecretBytes {
    SecretBytes::new((0..32).collect())
}

/// moto, and a server before it that counts.
struct Counted {
    moto: Arc<Moto>,
    server: StandIn,
}

impl Counted {
    fn start(test: &str) -> Option<Self> {
        match Moto::start() {
            Ok(moto) => {
                let moto = Arc::new(moto);
                let behind = Arc::downgrade(&moto);
                let server = StandIn::start(move |request| {
                    behind.upgrade().expect("moto runs as long as the test").forward(request)
                });
                Some(Self { moto, server })
            }
            Err(why) => {
                not_run(test, &why);
                None
            }
        }
    }

    fn count(&self, target: &str) -> usize {
        let is_it = |request: &&_| {
            let request: &crate::stand_in::Request = request;
            request.header("x-amz-target") == target
        };
        self.server.requests().iter().filter(is_it).count()
    }

    fn client(&self, variables: &[(&str, &str)]) -> Providers {
        client(&self.server.url(), variables)
    }
}

#[track_caller]
fn refused(result: Result<SecretBytes, UnwrapError>) -> FailureKind {
    match result.unwrap_err() {
        UnwrapError::Service(failure) => failure.kind,
        other => panic!("{other:?}"),
    }
}

/// For the promises of the suite.
struct AtMoto {
    counted: Counted,
    key: MasterKey,
}

impl Provider for AtMoto {
    fn start() -> Option<Self> {
        let counted = Counted::start("aws_kms_moto: contract")?;
        let key = key_of(&counted.moto.key(ACCOUNT, REGION), &[("app", "web")]);
        Some(Self { counted, key })
    }

    fn key(&self) -> MasterKey {
        self.key.clone()
    }

    fn holder(&self) -> Providers {
        self.counted.client(&[])
    }

    fn arrange(&self, _: Situation, _: &str) -> Option<Scene> {
        None
    }
}

#[test]
fn what_every_provider_promises() {
    suite::round_trip::<AtMoto>();
    suite::never_the_same_text_twice::<AtMoto>();
    suite::altered_texts_do_not_open::<AtMoto>();
}

#[test]
fn another_context_key_region_or_account_opens_nothing() {
    let Some(aws) = Counted::start("aws_kms_moto: context") else { return };
    let arn = aws.moto.key(ACCOUNT, REGION);
    let service = aws.client(&[]);
    let enc = service.wrap(&key_of(&arn, &[("app", "web"), ("x", "")]), &secret()).unwrap().enc;
    for context in [&[][..], &[("app", "web")], &[("app", "web"), ("x", "y")]] {
        let kind = refused(service.unwrap(&key_of(&arn, context), &enc));
        assert_eq!(kind, FailureKind::NotForThisKey, "{context:?}");
    }
    let context = &[("app", "web"), ("x", "")];
    let same_region = key_of(&aws.moto.key(ACCOUNT, REGION), context);
    // AWS itself says IncorrectKeyException.
    assert_eq!(refused(service.unwrap(&same_region, &enc)), FailureKind::Denied);
    let elsewhere = aws.moto.key(ACCOUNT, "us-east-1");
    let wrapped = service.wrap(&key_of(&elsewhere, context), &secret()).unwrap();
    assert_eq!(service.unwrap(&wrapped.key, &wrapped.enc).unwrap().expose(), secret().expose());
    assert_eq!(refused(service.unwrap(&wrapped.key, &enc)), FailureKind::Denied);
    let not_there = key_of(&arn.replace(REGION, "us-east-1"), context);
    assert_eq!(refused(service.unwrap(&not_there, &enc)), FailureKind::NotFound);
}

#[test]
fn an_alias_names_its_key() {
    let Some(aws) = Counted::start("aws_kms_moto: alias") else { return };
    let arn = aws.moto.key(ACCOUNT, REGION);
    let alias = format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/team/sops");
    let body = json!({"AliasName": "alias/team/sops", "TargetKeyId": arn});
    aws.moto.kms(ACCOUNT, REGION, "CreateAlias", &body);
    let service = aws.client(&[]);
    let wrapped = service.wrap(&key_of(&alias, &[]), &secret()).unwrap();
    assert_eq!(wrapped.key, key_of(&alias, &[]));
    for named in [&alias, &arn] {
        let opened = service.unwrap(&key_of(named, &[]), &wrapped.enc).unwrap();
        assert_eq!(opened.expose(), secret().expose());
    }
}

/// The key is in an account that only the role belongs to: without it, moto knows no such key.
#[test]
fn the_role_is_really_assumed() {
    let Some(aws) = Counted::start("aws_kms_moto: role") else { return };
    let key = key_of(&aws.moto.key("210987654321", REGION), &[]);
    let role = "arn:aws:iam::210987654321:role/sops";
    let service = aws.client(&[("SEAL_ALLOW_AWS_ROLES", role)]);
    let wrapped = service.wrap(&with_role(&key, role), &secret()).unwrap();
    let opened = service.unwrap(&wrapped.key, &wrapped.enc).unwrap();
    assert_eq!(opened.expose(), secret().expose());
    assert_eq!(refused(service.unwrap(&key, &wrapped.enc)), FailureKind::NotFound);
    let assumed = aws.server.requests();
    let assumed = assumed.iter().filter(|request| request.body.starts_with(b"Action=AssumeRole&"));
    assert_eq!(assumed.count(), 1);
}

#[test]
fn fifty_files_with_one_wrapped_key_need_one_call() {
    let Some(aws) = Counted::start("aws_kms_moto: fifty files") else { return };
    let key = key_of(&aws.moto.key(ACCOUNT, REGION), &[("app", "web")]);
    let enc = aws.client(&[]).wrap(&key, &secret()).unwrap().enc;
    let group = [KeyGroup { keys: vec![WrappedKey { key, created_at: None, enc }] }];
    let unwrapper = Unwrapper::new(aws.client(&[]), DecryptionOrder::default());
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let data_key = unwrapper.data_key(&group, None).unwrap();
                assert_eq!(data_key.expose(), secret().expose());
            });
        }
    });
    assert_eq!(aws.count("TrentService.Decrypt"), 1);
}

/// moto computes the signature by itself, with the code of Amazon's own client.
#[test]
fn signatures_and_policies_are_checked() {
    let Some(aws) = Counted::start("aws_kms_moto: signatures and policies") else { return };
    let key = key_of(&aws.moto.key(ACCOUNT, REGION), &[("app", "wéb/ +")]);
    let of_user = |name: &str| {
        aws.moto.iam(&format!("Action=CreateUser&Version=2010-05-08&UserName={name}"));
        let form = format!("Action=CreateAccessKey&Version=2010-05-08&UserName={name}");
        let answer = aws.moto.iam(&form);
        let text = |tag: &str| {
            let (_, rest) = answer.split_once(&format!("<{tag}>")).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        (text("AccessKeyId"), text("SecretAccessKey"))
    };
    let (allowed, stranger) = (of_user("allowed"), of_user("stranger"));
    let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22kms%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D";
    aws.moto.iam(&format!(
        "Action=PutUserPolicy&Version=2010-05-08&UserName=allowed&PolicyName=p&PolicyDocument={policy}"
    ));
    aws.moto.check_permissions();
    let as_user = |id: &str, secret: &str| {
        let keys = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
        client_with(&aws.moto.url(), &keys)
    };
    let service = as_user(&allowed.0, &allowed.1);
    let enc = service.wrap(&key, &secret()).unwrap().enc;
    assert_eq!(service.unwrap(&key, &enc).unwrap().expose(), secret().expose());
    for (id, secret, words) in [
        (&*stranger.0, &*stranger.1, "is not authorized to perform: kms:Decrypt"),
        (&allowed.0, &stranger.1, "SignatureDoesNotMatch"),
        ("AKIANOBODY", &stranger.1, "InvalidClientTokenId"),
    ] {
        let UnwrapError::Service(failure) = as_user(id, secret).unwrap(&key, &enc).unwrap_err()
        else {
            panic!("not the service's");
        };
        // moto says it in XML, which KMS does not speak: only the status tells the kind.
        assert_eq!(failure.kind, FailureKind::Denied, "{failure}");
        assert!(failure.reason.contains(words), "{failure}");
    }
}
