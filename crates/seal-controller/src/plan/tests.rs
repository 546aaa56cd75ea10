use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use seal_api::unseal::Unsealed;
use serde_json::{Value, json};

use super::*;
use crate::sealing_keys::KEY_LABEL;

const INPUTS: &str = "sha256:now";

fn identity() -> Identity {
    Identity { namespace: "shop".to_owned(), name: "db".to_owned(), uid: "uid-1".to_owned() }
}

fn texts(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A Secret as `assemble` makes it.
fn unsealed(data: &[(&str, &str)]) -> Unsealed {
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString((*value).into())));
    let secret = Secret { data: Some(data.collect()), ..Secret::default() };
    Unsealed { secret, changing: Vec::new() }
}

fn desired(unsealed: Unsealed) -> Desired {
    Desired::of(&identity(), unsealed, ("kube-system", "sealed-secrets-key")).unwrap()
}

/// A Secret in the cluster, made by us for `identity()`.
fn ours() -> Value {
    json!({
        "metadata": {
            "name": "db", "namespace": "shop", "uid": "secret-1", "resourceVersion": "7",
            "ownerReferences": [{
                "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": "uid-1",
                "controller": true,
            }],
        },
        "type": "Opaque",
        "data": { "password": "aHVudGVyMg==" },
    })
}

/// The same, made by somebody else.
fn foreign() -> Value {
    let mut secret = ours();
    secret["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    secret
}

fn annotated(mut secret: Value, annotations: Value) -> Value {
    secret["metadata"]["annotations"] = annotations;
    secret
}

fn managed_fields(mut secret: Value, manager: &str, fields: Value) -> Value {
    secret["metadata"]["managedFields"] = json!([{
        "manager": manager, "operation": "Update", "fieldsType": "FieldsV1",
        "fieldsV1": { "f:metadata": fields },
    }]);
    secret
}

fn existing(secret: Value) -> Existing {
    Existing::from(serde_json::from_value::<Secret>(secret).unwrap())
}

fn plan_for(desired: Desired, existing_secret: Option<Value>) -> Plan {
    plan_with(desired, existing_secret, false, true)
}

fn plan_with(desired: Desired, secret: Option<Value>, was_synced: bool, heal_drift: bool) -> Plan {
    let identity = identity();
    let wish =
        Wish { identity: &identity, desired, inputs: INPUTS.to_owned(), was_synced, heal_drift };
    plan(wish, secret.map(existing).as_ref())
}

fn body(plan: &Plan) -> &Value {
    match plan.write.as_ref().expect("a write") {
        Write::Create(body) | Write::Apply(body) | Write::Merge(body) => body.expose(),
    }
}

fn password() -> Unsealed {
    unsealed(&[("password", "hunter2")])
}

#[test]
fn an_absent_secret_is_created_with_its_owner() {
    let mut unsealed = password();
    unsealed.secret.metadata = ObjectMeta {
        labels: Some(texts(&[("app", "shop")])),
        annotations: Some(texts(&[("note", "x")])),
        finalizers: Some(vec!["example.com/hold".to_owned()]),
        ..ObjectMeta::default()
    };
    let plan = plan_for(desired(unsealed), None);
    assert!(matches!(plan.write, Some(Write::Create(_))));
    assert!(plan.report.is_synced());
    assert_eq!(
        *body(&plan),
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {
                "name": "db", "namespace": "shop",
                "labels": { "app": "shop" }, "annotations": { "note": "x" },
                "finalizers": ["example.com/hold"],
                "ownerReferences": [{
                    "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db",
                    "uid": "uid-1", "controller": true,
                }],
            },
            "data": { "password": "aHVudGVyMg==" },
        })
    );
}

#[test]
fn what_is_as_it_should_be_is_not_written() {
    let plan = plan_for(desired(password()), Some(ours()));
    assert!(plan.write.is_none() && plan.report.is_synced());
    let with_foreign_marks = annotated(ours(), json!({ "tool.example.com/seen": "yes" }));
    assert!(plan_for(desired(password()), Some(with_foreign_marks)).write.is_none());
}

#[test]
fn a_changed_value_is_applied_to_the_very_secret_that_was_read() {
    let plan = plan_for(desired(unsealed(&[("password", "new")])), Some(ours()));
    assert!(matches!(plan.write, Some(Write::Apply(_))));
    let body = body(&plan);
    assert_eq!(body["metadata"]["uid"], "secret-1");
    assert_eq!(body["metadata"]["resourceVersion"], "7");
    assert_eq!(body["data"], json!({ "password": "bmV3" }));
    assert_eq!(body["metadata"]["ownerReferences"][0]["uid"], "uid-1");
}

#[test]
fn keys_that_left_go_in_the_same_request_in_which_new_ones_come() {
    let plan = plan_for(desired(unsealed(&[("token", "new")])), Some(ours()));
    assert!(matches!(plan.write, Some(Write::Merge(_))));
    let body = body(&plan);
    assert_eq!(body["data"], json!({ "token": "bmV3", "password": null }));
    assert_eq!(body["metadata"]["resourceVersion"], "7");
}

#[test]
fn labels_and_annotations_of_ours_that_left_go_and_those_of_others_stay() {
    for manager in ["seal-controller", "controller"] {
        let mut secret = annotated(ours(), json!({ "ours": "1", "theirs": "1" }));
        secret["metadata"]["labels"] = json!({ "old": "1", "theirs": "1" });
        let fields =
            json!({ "f:labels": { ".": {}, "f:old": {} }, "f:annotations": { "f:ours": {} } });
        let plan = plan_for(desired(password()), Some(managed_fields(secret, manager, fields)));
        let body = body(&plan);
        assert_eq!(body["metadata"]["labels"], json!({ "old": null }), "{manager}");
        assert_eq!(body["metadata"]["annotations"], json!({ "ours": null }), "{manager}");
    }
}

#[test]
fn a_foreign_secret_is_refused_and_the_way_out_is_said() {
    let mut other_owner = ours();
    other_owner["metadata"]["ownerReferences"][0]["uid"] = json!("uid-of-another");
    let mut no_controller = ours();
    no_controller["metadata"]["ownerReferences"][0]["controller"] = json!(false);
    for secret in [
        foreign(),
        other_owner,
        no_controller,
        annotated(foreign(), json!({ MANAGED: "True" })),
        annotated(foreign(), json!({ MADE_FOR: "uid-of-another" })),
    ] {
        let plan = plan_for(desired(password()), Some(secret.clone()));
        assert!(plan.write.is_none(), "{secret}");
        assert_eq!(plan.report.reason, Reason::NotManaged);
        let message = &plan.report.message;
        assert!(
            message.contains("Resource \"db\" already exists and is not managed by SealedSecret")
        );
        assert!(message.contains("shop/db") && message.contains(MANAGED), "{message}");
    }
}

#[test]
fn the_wish_for_a_takeover_counts_on_the_existing_secret_only() {
    let mut wished = password();
    wished.secret.metadata.annotations = Some(texts(&[(MANAGED, "true"), (PATCH, "true")]));
    let plan = plan_for(desired(wished), Some(foreign()));
    assert_eq!(plan.report.reason, Reason::NotManaged);
}

#[test]
fn a_managed_secret_is_taken_over_whole() {
    let mut secret = annotated(foreign(), json!({ MANAGED: "true", "theirs": "1" }));
    secret["data"] = json!({ "old": "AA==" });
    let plan = plan_for(desired(password()), Some(secret));
    let body = body(&plan);
    assert_eq!(body["data"], json!({ "password": "aHVudGVyMg==", "old": null }));
    assert_eq!(body["metadata"]["ownerReferences"][0]["uid"], "uid-1");
    assert_eq!(body["metadata"]["annotations"], json!({ MANAGED: null }));
}

#[test]
fn the_controller_before_us_makes_place_when_a_secret_is_handed_over() {
    let mut secret = annotated(foreign(), json!({ MANAGED: "true" }));
    secret["metadata"]["ownerReferences"] = json!([
        { "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "a" },
        { "apiVersion": "x/v1", "kind": "X", "name": "b", "uid": "b", "controller": true },
    ]);
    let plan = plan_for(desired(password()), Some(secret));
    assert!(matches!(plan.write, Some(Write::Merge(_))));
    let owners = body(&plan)["metadata"]["ownerReferences"].as_array().unwrap().clone();
    let uids: Vec<_> = owners.iter().map(|owner| owner["uid"].as_str().unwrap()).collect();
    assert_eq!(uids, ["a", "uid-1"]);
}

#[test]
fn a_secret_open_to_additions_loses_nothing_and_gets_no_owner() {
    let mut secret = annotated(foreign(), json!({ PATCH: "true" }));
    secret["type"] = json!("example.com/theirs");
    let plan = plan_for(desired(unsealed(&[("token", "new")])), Some(secret));
    assert!(
        matches!(plan.write, Some(Write::Merge(_))),
        "server-side apply would own what it adds"
    );
    let body = body(&plan);
    assert_eq!(body["data"], json!({ "token": "bmV3" }));
    assert_eq!(body.get("type"), None);
    assert_eq!(body["metadata"].get("ownerReferences"), None);
}

#[test]
fn a_secret_open_to_additions_that_has_them_is_not_written() {
    let mut secret = annotated(foreign(), json!({ PATCH: "true" }));
    secret["data"]["more"] = json!("AA==");
    assert!(plan_for(desired(password()), Some(secret)).write.is_none());
}

#[test]
fn additions_to_a_managed_secret_bring_an_owner() {
    let secret = annotated(foreign(), json!({ PATCH: "true", MANAGED: "true" }));
    let plan = plan_for(desired(password()), Some(secret));
    let body = body(&plan);
    assert_eq!(body["metadata"]["ownerReferences"][0]["uid"], "uid-1");
    assert_eq!(body["data"], json!({}), "the value is there");
    assert_eq!(body["metadata"].get("annotations"), None);
}

#[test]
fn a_secret_without_owner_is_known_again_by_its_mark() {
    let mut wished = password();
    wished.secret.metadata.annotations = Some(texts(&[(SKIP_OWNER, "true")]));
    let plan = plan_for(desired(wished), None);
    let made = body(&plan).clone();
    assert_eq!(made["metadata"].get("ownerReferences"), None);
    assert_eq!(made["metadata"]["annotations"][MADE_FOR], "uid-1");

    let mut secret = made;
    secret["metadata"]["uid"] = json!("secret-1");
    secret["metadata"]["resourceVersion"] = json!("7");
    let mut wished = password();
    wished.secret.metadata.annotations = Some(texts(&[(SKIP_OWNER, "true")]));
    let plan = plan_for(desired(wished), Some(secret));
    assert!(plan.write.is_none() && plan.report.is_synced(), "{:?}", plan.report);
}

#[test]
fn an_owner_goes_when_it_is_no_longer_wanted_and_comes_when_it_is() {
    let mut wished = password();
    wished.secret.metadata.annotations = Some(texts(&[(SKIP_OWNER, "true")]));
    let plan = plan_for(desired(wished), Some(ours()));
    assert_eq!(body(&plan)["metadata"]["ownerReferences"], json!([]));
    assert_eq!(body(&plan)["metadata"]["annotations"][MADE_FOR], "uid-1");

    let marked = annotated(foreign(), json!({ MADE_FOR: "uid-1" }));
    let plan = plan_for(desired(password()), Some(marked));
    assert_eq!(body(&plan)["metadata"]["ownerReferences"][0]["uid"], "uid-1");
    assert_eq!(body(&plan)["metadata"]["annotations"], json!({ MADE_FOR: null }));
}

#[test]
fn nobody_marks_secrets_through_a_template() {
    let mut wished = password();
    wished.secret.metadata.annotations =
        Some(texts(&[(MADE_FOR, "another"), (TEMPLATE_INPUTS, "another"), ("kept", "1")]));
    let plan = plan_for(desired(wished), None);
    assert_eq!(body(&plan)["metadata"]["annotations"], json!({ "kept": "1" }));
}

#[test]
fn an_immutable_secret_that_would_have_to_change_is_explained() {
    let mut secret = ours();
    secret["immutable"] = json!(true);
    let mut other_value = unsealed(&[("password", "new")]);
    other_value.secret.immutable = Some(true);
    for wished in [password(), other_value] {
        let plan = plan_for(desired(wished), Some(secret.clone()));
        assert!(plan.write.is_none());
        assert_eq!(plan.report.reason, Reason::Immutable);
        assert!(
            plan.report
                .message
                .starts_with("Error updating shop/db: the target Secret is immutable.")
        );
    }
}

#[test]
fn metadata_of_an_immutable_secret_still_changes() {
    let mut secret = ours();
    secret["immutable"] = json!(true);
    let mut wished = password();
    wished.secret.immutable = Some(true);
    wished.secret.metadata.labels = Some(texts(&[("app", "shop")]));
    let plan = plan_for(desired(wished), Some(secret));
    assert_eq!(body(&plan)["metadata"]["labels"], json!({ "app": "shop" }));
}

#[test]
fn a_secret_becomes_immutable_when_the_template_says_so() {
    let mut wished = password();
    wished.secret.immutable = Some(true);
    let plan = plan_for(desired(wished), Some(ours()));
    assert_eq!(body(&plan)["immutable"], true);
}

#[test]
fn another_type_is_explained() {
    let mut wished = password();
    wished.secret.type_ = Some("kubernetes.io/basic-auth".to_owned());
    let plan = plan_for(desired(wished), Some(ours()));
    assert!(plan.write.is_none());
    assert_eq!(plan.report.reason, Reason::TypeChanged);
    let message = plan.report.message;
    assert!(message.contains("\"Opaque\"") && message.contains("delete the Secret"), "{message}");
}

#[test]
fn no_sealed_secret_makes_what_the_cluster_trusts() {
    let refused = |unsealed, legacy| {
        let report = Desired::of(&identity(), unsealed, legacy).unwrap_err();
        assert_eq!(report.reason, Reason::Refused, "{report:?}");
    };
    let nowhere = ("kube-system", "sealed-secrets-key");
    for type_ in ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"] {
        let mut wished = password();
        wished.secret.type_ = Some(type_.to_owned());
        refused(wished, nowhere);
    }
    let mut labelled = password();
    labelled.secret.metadata.labels = Some(texts(&[(KEY_LABEL, "compromised")]));
    refused(labelled, nowhere);
    refused(password(), ("shop", "db"));
}

#[test]
fn no_sealed_secret_writes_a_sealing_key_whatever_stands_on_it() {
    for mark in [MANAGED, PATCH] {
        let mut key = annotated(foreign(), json!({ mark: "true" }));
        key["metadata"]["labels"] = json!({ KEY_LABEL: "active" });
        let mut token = annotated(foreign(), json!({ mark: "true" }));
        token["type"] = json!("kubernetes.io/service-account-token");
        for secret in [key, token] {
            let plan = plan_for(desired(password()), Some(secret));
            assert!(plan.write.is_none());
            assert_eq!(plan.report.reason, Reason::Refused);
        }
    }
}

#[test]
fn a_secret_that_is_being_deleted_is_left_alone() {
    let mut secret = ours();
    secret["metadata"]["deletionTimestamp"] = json!("2026-11-20T23:00:00Z");
    let plan = plan_for(desired(unsealed(&[("password", "new")])), Some(secret));
    assert!(plan.write.is_none());
    assert_eq!(plan.report.reason, Reason::UpdateFailed);
}

#[test]
fn drift_is_healed_unless_told_otherwise() {
    let drifted = || {
        let mut secret = ours();
        secret["data"]["password"] = json!("ZWRpdGVk");
        Some(secret)
    };
    assert!(plan_with(desired(password()), drifted(), true, true).write.is_some());
    let plan = plan_with(desired(password()), drifted(), true, false);
    assert!(plan.write.is_none() && plan.report.is_synced());
    let new_generation = plan_with(desired(password()), drifted(), false, false);
    assert!(new_generation.write.is_some());
    assert!(plan_with(desired(password()), None, true, false).write.is_some(), "deleted");
}

fn drawn(text: &str) -> Desired {
    let mut unsealed = unsealed(&[("password", "hunter2"), ("drawn", text)]);
    unsealed.changing = vec!["drawn".to_owned()];
    desired(unsealed)
}

#[test]
fn a_drawn_text_stays_while_its_inputs_stay() {
    let made = plan_for(drawn("first"), None);
    let mut secret = body(&made).clone();
    assert_eq!(secret["metadata"]["annotations"][TEMPLATE_INPUTS], INPUTS);
    secret["metadata"]["uid"] = json!("secret-1");
    secret["metadata"]["resourceVersion"] = json!("7");

    assert!(plan_for(drawn("second"), Some(secret.clone())).write.is_none());

    let mut drifted = secret.clone();
    drifted["data"]["password"] = json!("ZWRpdGVk");
    let plan = plan_for(drawn("second"), Some(drifted));
    assert_eq!(body(&plan)["data"]["drawn"], secret["data"]["drawn"]);

    let mut other_inputs = secret.clone();
    other_inputs["metadata"]["annotations"][TEMPLATE_INPUTS] = json!("sha256:before");
    let plan = plan_for(drawn("second"), Some(other_inputs));
    assert_eq!(body(&plan)["data"]["drawn"], "c2Vjb25k");
    assert_eq!(body(&plan)["metadata"]["annotations"][TEMPLATE_INPUTS], INPUTS);

    let mut removed = secret;
    removed["data"].as_object_mut().unwrap().remove("drawn");
    let plan = plan_for(drawn("second"), Some(removed));
    assert_eq!(body(&plan)["data"]["drawn"], "c2Vjb25k");
}

#[test]
fn a_text_that_sealed_secrets_drew_stays_if_it_was_made_from_the_same() {
    let mut secret = ours();
    secret["data"]["drawn"] = json!("Zmlyc3Q=");
    let plan = plan_with(drawn("second"), Some(secret.clone()), true, true);
    assert_eq!(body(&plan)["data"]["drawn"], "Zmlyc3Q=");
    let plan = plan_with(drawn("second"), Some(secret), false, true);
    assert_eq!(body(&plan)["data"]["drawn"], "c2Vjb25k");
}

#[test]
fn a_template_that_no_longer_draws_takes_its_stamp_along() {
    let secret = annotated(ours(), json!({ TEMPLATE_INPUTS: "sha256:before" }));
    let plan = plan_for(desired(password()), Some(secret));
    assert_eq!(body(&plan)["metadata"]["annotations"], json!({ TEMPLATE_INPUTS: null }));
}

#[test]
fn nothing_secret_is_printed() {
    let plan = plan_for(desired(password()), None);
    let existing = existing(ours());
    let printed = format!("{plan:?} {existing:?} {:?}", desired(password()));
    for secret in ["hunter2", "aHVudGVyMg"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

mod answers {
    use std::time::Duration;

    use kube::core::Status;

    use super::*;

    fn sorted(code: u16, message: &str) -> Refusal {
        let status = Status { code, message: message.to_owned(), ..Status::default() };
        refusal(&kube::Error::Api(Box::new(status)), "update", &identity(), true)
    }

    #[test]
    fn what_passes_by_itself_is_told_from_what_somebody_has_to_mend() {
        for (code, passing, conflict) in [
            (400, false, false),
            (401, false, false),
            (403, false, false),
            (404, false, true),
            (409, true, true),
            (422, false, false),
            (429, true, false),
            (500, true, false),
            (503, true, false),
        ] {
            let refusal = sorted(code, "words");
            assert_eq!((refusal.passing, refusal.conflict), (passing, conflict), "{code}");
            assert!(refusal.report.message.contains("shop/db"), "{}", refusal.report.message);
        }
        let silent = kube::Error::Service("hunter2".into());
        let refusal = refusal(&silent, "update", &identity(), true);
        assert!(refusal.passing && !refusal.report.message.contains("hunter2"));
    }

    #[test]
    fn a_missing_right_a_quota_and_a_namespace_that_goes_are_told_apart() {
        let message = |words| sorted(403, words).report.message;
        assert!(message("secrets is forbidden").contains("RBAC"));
        assert!(message("exceeded quota: small").contains("quota or make room"));
        assert!(
            message("because it is being terminated").contains("namespace shop is being deleted")
        );
    }

    #[test]
    fn immutable_is_recognised_in_the_words_of_the_server() {
        let refusal = sorted(422, "data: Forbidden: field is immutable when `immutable` is set");
        assert_eq!(refusal.report.reason, Reason::Immutable);
    }

    #[test]
    fn the_words_of_the_server_stay_back_where_they_could_quote_what_was_sealed() {
        let status = Status {
            code: 422,
            message: "type: Invalid value: \"hunter2\"".to_owned(),
            ..Status::default()
        };
        let error = kube::Error::Api(Box::new(status));
        assert!(!refusal(&error, "create", &identity(), false).report.message.contains("hunter2"));
        // Its sentences about invalid values quote them, so these are never handed on.
        assert!(!refusal(&error, "create", &identity(), true).report.message.contains("hunter2"));
    }

    #[test]
    fn the_server_says_how_long_it_wants_to_be_left_alone() {
        let status: Status =
            serde_json::from_value(json!({ "code": 429, "details": { "retryAfterSeconds": 7 } }))
                .unwrap();
        let refusal = refusal(&kube::Error::Api(Box::new(status)), "update", &identity(), true);
        assert_eq!(refusal.retry_after, Duration::from_secs(7));
    }
}
