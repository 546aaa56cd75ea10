//! Recipients for people and for machines.

use seal_core::envelope::MasterKey;
use serde_json::{Value, json};

use crate::commands::recipients::Drift;
use crate::ui::Mark;

/// What changes in an envelope, group by group where there are several.
pub(in crate::commands) fn drift_lines(drift: &Drift) -> Vec<(Mark, String)> {
    let mut lines = Vec::new();
    let several = drift.groups.len() > 1;
    for (index, group) in drift.groups.iter().enumerate() {
        let indent = if several { "    " } else { "  " };
        if several {
            lines.push((Mark::Plain, format!("  group {}", index + 1)));
        }
        for (mark, sign, keys) in [
            (Mark::Plain, ' ', &group.kept),
            (Mark::Added, '+', &group.missing),
            (Mark::Removed, '-', &group.superfluous),
        ] {
            let line = |key: &MasterKey| (mark, format!("{indent}{sign} {}", shown(key)));
            lines.extend(keys.iter().map(line));
        }
    }
    if let Some((there, wanted)) = drift.threshold {
        lines.push((Mark::Removed, format!("  - groups needed: {there}")));
        lines.push((Mark::Added, format!("  + groups needed: {wanted}")));
    }
    lines
}

/// The same for machines.
pub(in crate::commands) fn drift_fields(drift: &Drift) -> Value {
    let texts = |keys: &[MasterKey]| keys.iter().map(MasterKey::text).collect::<Vec<_>>();
    let groups = drift.groups.iter().map(|group| {
        json!({
            "kept": texts(&group.kept),
            "missing": texts(&group.missing),
            "superfluous": texts(&group.superfluous),
        })
    });
    let threshold = drift.threshold.map(|(there, wanted)| json!({ "file": there, "rule": wanted }));
    json!({ "groups": groups.collect::<Vec<_>>(), "groups_needed": threshold })
}

/// A key, with what tells it from others of the same name.
pub(in crate::commands) fn shown(key: &MasterKey) -> String {
    match key {
        MasterKey::AwsKms { .. } => format!("AWS KMS {}", key.text()),
        key => key.to_string(),
    }
}
