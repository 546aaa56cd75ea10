//! Keys that nobody reads: SOPS ignores them in silence, and a mistyped `encrypted_regex` leaves secrets in clear.

use std::path::Path;

use serde_ignored::Path as KeyPath;

use super::ConfigWarning;

/// The warning for a key that nothing read. `None` where people keep anchors: `keys` at the top, and keys that begin
/// with `x-`, `_` or `.`.
pub(super) fn unknown_key(file: &Path, path: &KeyPath<'_>) -> Option<ConfigWarning> {
    let KeyPath::Map { parent, key } = skip_wrappers(path) else {
        return None;
    };
    let place = place(parent);
    let holds_anchors = key.starts_with("x-") || key.starts_with(['_', '.']);
    if holds_anchors || (place.is_empty() && key == "keys") {
        return None;
    }
    Some(ConfigWarning::UnknownKey {
        file: file.to_owned(),
        place,
        key: key.clone(),
        similar: similar(key),
    })
}

fn skip_wrappers<'a>(mut path: &'a KeyPath<'a>) -> &'a KeyPath<'a> {
    while let KeyPath::Some { parent }
    | KeyPath::NewtypeStruct { parent }
    | KeyPath::NewtypeVariant { parent } = path
    {
        path = parent;
    }
    path
}

/// `creation rule 2, key_groups[0]`; empty at the top.
fn place(path: &KeyPath<'_>) -> String {
    match skip_wrappers(path) {
        KeyPath::Seq { parent, index } => match place(parent).as_str() {
            "creation_rules" => format!("creation rule {}", index + 1),
            "destination_rules" => format!("destination rule {}", index + 1),
            list => format!("{list}[{index}]"),
        },
        KeyPath::Map { parent, key } => match place(parent).as_str() {
            "" => key.clone(),
            parent => format!("{parent}, {key}"),
        },
        _ => String::new(),
    }
}

/// The known key that was probably meant.
fn similar(key: &str) -> Option<&'static str> {
    const KNOWN: [&str; 36] = [
        "creation_rules",
        "destination_rules",
        "stores",
        "seal",
        "path_regex",
        "age",
        "pgp",
        "kms",
        "aws_profile",
        "gcp_kms",
        "hckms",
        "azure_keyvault",
        "hc_vault_transit_uri",
        "hc_vault",
        "key_groups",
        "merge",
        "shamir_threshold",
        "unencrypted_suffix",
        "encrypted_suffix",
        "unencrypted_regex",
        "encrypted_regex",
        "unencrypted_comment_regex",
        "encrypted_comment_regex",
        "mac_only_encrypted",
        "resource_id",
        "indent",
        "s3_bucket",
        "s3_prefix",
        "gcs_bucket",
        "gcs_prefix",
        "vault_path",
        "vault_address",
        "vault_kv_mount_name",
        "vault_kv_version",
        "omit_extensions",
        "recreation_rule",
    ];
    let key = key.to_lowercase().replace('-', "_");
    // Each is right in the other place.
    match key.as_str() {
        "hc_vault" => return Some("hc_vault_transit_uri"),
        "hc_vault_transit_uri" => return Some("hc_vault"),
        _ => {}
    }
    let distance = |known: &&str| (edit_distance(&key, known), known.len().abs_diff(key.len()));
    let nearest = KNOWN.into_iter().min_by_key(distance)?;
    // Two thirds of a short word must be right.
    (edit_distance(&key, nearest) <= (nearest.len() / 3).min(3)).then_some(nearest)
}

/// Levenshtein's distance, in bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_finds_the_one_that_was_meant() {
        for (key, meant) in [
            ("encryted_regex", Some("encrypted_regex")),
            ("unencrypted_sufix", Some("unencrypted_suffix")),
            ("encrypted-regex", Some("encrypted_regex")),
            ("Path_Regex", Some("path_regex")),
            ("ages", Some("age")),
            ("description", None),
            ("x", None),
        ] {
            assert_eq!(similar(key), meant, "{key}");
        }
    }

    #[test]
    fn the_distance_counts_single_edits() {
        for (a, b, distance) in
            [("", "abc", 3), ("abc", "abc", 0), ("abcd", "acbd", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }
}
