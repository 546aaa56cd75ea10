//! The bodies of answers, as a real server forms them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::transit_key::{TransitKey, random};

/// Seconds since 1970 at which everything was made.
const MADE: u64 = 1_795_178_998;

/// Status and body; no body for 204.
pub(super) type Answer = (u16, Option<Value>);

/// Twenty-four characters that nobody has seen before.
pub(super) fn text() -> String {
    random()[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

pub(super) fn errors(status: u16, errors: &[&str]) -> Answer {
    (status, Some(json!({ "errors": errors })))
}

pub(super) fn no_handler(path: &str) -> Answer {
    errors(404, &[&format!("no handler for route \"{path}\". route entry not found.")])
}

pub(super) fn result(data: Value) -> Value {
    json!({
        "request_id": text(), "lease_id": "", "renewable": false, "lease_duration": 0, "data": data,
        "wrap_info": null, "warnings": null, "auth": null,
    })
}

pub(super) fn authorised(
    token: &str,
    policies: &[String],
    lease: u64,
    metadata: &Value,
    by_login: bool,
) -> Value {
    let mut answer = result(Value::Null);
    answer["auth"] = json!({
        "client_token": token, "accessor": text(), "policies": policies,
        "token_policies": policies, "metadata": metadata, "lease_duration": lease,
        "renewable": true, "entity_id": if by_login { text() } else { String::new() },
        "token_type": "service", "orphan": by_login, "mfa_requirement": null, "num_uses": 0,
    });
    answer
}

pub(super) fn described(name: &str, key: &TransitKey) -> Value {
    let versions: BTreeMap<String, u64> =
        (1..=key.versions.len()).map(|version| (version.to_string(), MADE)).collect();
    result(json!({
        "allow_plaintext_backup": false, "auto_rotate_period": 0, "deletion_allowed": false,
        "derived": false, "exportable": false, "imported_key": false, "keys": versions,
        "latest_version": key.versions.len(), "min_available_version": 0,
        "min_decryption_version": key.oldest_for_decryption.max(1), "min_encryption_version": 0,
        "name": name, "soft_deleted": false, "supports_decryption": true,
        "supports_derivation": true, "supports_encryption": true, "supports_signing": false,
        "type": "aes256-gcm96",
    }))
}
