//! What the chart lets the controller and others do. That each of it is needed, and nothing else, is shown against a real
//! API server in `tests/controller/permissions.rs`.

use serde_json::{Value, json};

use crate::release::Helm;
use crate::rendered::{SETS, values};

/// A rule of a role: who has it (kind, namespace, name of the role), and the rule.
type Rule = (String, Value);

/// All rules that reach the controller's service account, or those of the proxier role.
fn rules(objects: &[Value], of_proxier: bool) -> Vec<Rule> {
    let roles = objects.iter().filter(|object| object["rules"].is_array());
    roles
        .filter(|role| {
            role["metadata"]["name"].as_str().unwrap().ends_with("-service-proxier") == of_proxier
        })
        .flat_map(|role| {
            let namespace = role["metadata"]["namespace"].as_str().unwrap_or("*").to_owned();
            role["rules"]
                .as_array()
                .unwrap()
                .iter()
                .map(move |rule| (namespace.clone(), rule.clone()))
        })
        .collect()
}

fn verbs(rules: &[Rule], namespace: &str, resource: &str) -> Vec<String> {
    let mut verbs: Vec<String> = rules
        .iter()
        .filter(|(of, rule)| {
            of == namespace && rule["resources"].as_array().unwrap().contains(&json!(resource))
        })
        .flat_map(|(_, rule)| {
            rule["verbs"].as_array().unwrap().iter().map(|verb| verb.as_str().unwrap().to_owned())
        })
        .collect();
    verbs.sort();
    verbs
}

#[test]
fn no_rule_holds_a_star_and_none_is_there_to_update_secrets() {
    let Some(helm) = Helm::find("no_rule_holds_a_star_and_none_is_there_to_update_secrets") else {
        return;
    };
    for set in SETS {
        for (_, rule) in rules(&helm.objects(&values(set)), false) {
            assert!(!rule.to_string().contains('*'), "{set}: {rule}");
            let verbs = rule["verbs"].as_array().unwrap();
            if rule["resources"] == json!(["secrets"]) {
                assert!(!verbs.contains(&json!("update")), "{set}: {rule}");
                assert!(!verbs.contains(&json!("delete")) || set == "everything", "{set}: {rule}");
            }
            assert!(!verbs.contains(&json!("deletecollection")), "{set}: {rule}");
        }
    }
}

#[test]
fn a_namespaced_install_has_no_right_in_the_cluster() {
    let Some(helm) = Helm::find("a_namespaced_install_has_no_right_in_the_cluster") else { return };
    for values in ["additionalNamespaces: [shop, secrets]", "allNamespaces: false"] {
        let objects = helm.objects(values);
        assert!(
            !objects.iter().any(|object| object["kind"].as_str().unwrap().starts_with("Cluster")),
            "{values}"
        );
        let rules = rules(&objects, false);
        let places: Vec<&str> =
            if values.contains("shop") { vec!["secrets", "shop"] } else { vec!["secrets"] };
        for place in &places {
            assert_eq!(
                verbs(&rules, place, "sealedsecrets"),
                ["list", "watch"],
                "{values}: {place}"
            );
            assert_eq!(
                verbs(&rules, place, "secrets"),
                ["create", "get", "list", "patch", "watch"],
                "{values}: {place}"
            );
        }
        assert!(rules.iter().all(|(place, _)| places.contains(&place.as_str())), "{values}");
    }
}

#[test]
fn sealing_keys_can_be_read_and_made_in_every_shape_of_install() {
    let Some(helm) = Helm::find("sealing_keys_can_be_read_and_made_in_every_shape_of_install")
    else {
        return;
    };
    for values in [
        "{}",
        "skipRecreate: true",
        "additionalNamespaces: [shop]",
        "{additionalNamespaces: [shop], skipRecreate: true}",
        "rbac: {clusterRole: false}",
        "{skipRecreate: true, rbac: {clusterRole: false}}",
    ] {
        let rules = rules(&helm.objects(values), false);
        let mut has = verbs(&rules, "*", "secrets");
        has.extend(verbs(&rules, "secrets", "secrets"));
        for verb in ["get", "list", "watch", "create"] {
            assert_eq!(
                has.iter().filter(|it| *it == verb).count(),
                1,
                "{values}: {verb} once, not {has:?}"
            );
        }
    }
}

#[test]
fn leases_are_limited_to_the_one_that_the_controller_has() {
    let Some(helm) = Helm::find("leases_are_limited_to_the_one_that_the_controller_has") else {
        return;
    };
    for (values, lease) in
        [("{}", "seal-controller"), ("secretName: shop-keys", "seal-controller-shop-keys")]
    {
        let all = rules(&helm.objects(values), false);
        let named: Vec<&Rule> =
            all.iter().filter(|(_, rule)| rule["resources"] == json!(["leases"])).collect();
        for (place, rule) in named {
            assert_eq!(place, "secrets");
            match rule["verbs"].as_array().unwrap().contains(&json!("create")) {
                // Kubernetes cannot limit this to a name.
                true => assert_eq!(rule["verbs"], json!(["create"])),
                false => assert_eq!(rule["resourceNames"], json!([lease]), "{values}"),
            }
        }
    }
}

#[test]
fn others_may_reach_the_service_through_the_api_server_and_nothing_else() {
    let Some(helm) =
        Helm::find("others_may_reach_the_service_through_the_api_server_and_nothing_else")
    else {
        return;
    };
    let objects = helm.objects("{}");
    let expected = [
        json!({"apiGroups": [""], "resources": ["services"], "resourceNames": ["sealed-secrets-controller"], "verbs": ["get"]}),
        json!({
            "apiGroups": [""],
            "resources": ["services/proxy"],
            "resourceNames": ["http:sealed-secrets-controller:", "http:sealed-secrets-controller:http", "sealed-secrets-controller"],
            "verbs": ["get", "create"],
        }),
    ];
    let found: Vec<Value> = rules(&objects, true).into_iter().map(|(_, rule)| rule).collect();
    assert_eq!(found, expected);
    let binding = |objects: &[Value]| {
        objects
            .iter()
            .find(|object| {
                object["kind"] == "RoleBinding"
                    && object["roleRef"]["name"] == "seal-controller-service-proxier"
            })
            .map(|binding| binding["subjects"].clone())
    };
    let everybody = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}]);
    assert_eq!(binding(&objects), Some(everybody));
    assert_eq!(binding(&helm.objects("rbac: {serviceProxier: {bind: false}}")), None);
}

#[test]
fn without_rbac_there_is_no_role() {
    let Some(helm) = Helm::find("without_rbac_there_is_no_role") else { return };
    let objects = helm.objects("rbac: {create: false}");
    assert!(!objects.iter().any(|object| object["kind"].as_str().unwrap().contains("Role")));
}
