//! Recipients, and how they change, for people and for machines.

use std::path::Path;

use seal_core::envelope::MasterKey;
use serde_json::{Value, json};

use super::Drift;
use crate::commands::rewrapping::Plan;
use crate::ui::Mark;

/// What would change in files: those in which the same changes together.
pub(in crate::commands) fn plan_lines(plans: &[Plan]) -> Vec<(Mark, String)> {
    const NAMED: usize = 10;
    let mut kinds: Vec<(Vec<&Drift>, Vec<&Path>)> = Vec::new();
    for plan in plans {
        let (path, drifts) = (plan.file.path.as_path(), plan.drifts().collect());
        match kinds.iter_mut().find(|(known, _)| *known == drifts) {
            Some((_, paths)) => paths.push(path),
            None => kinds.push((drifts, vec![path])),
        }
    }
    let mut lines = Vec::new();
    for (drifts, paths) in kinds {
        let named = paths.iter().take(NAMED);
        lines.extend(named.map(|path| (Mark::Plain, path.display().to_string())));
        if paths.len() > NAMED {
            lines.push((Mark::Plain, format!("… and {} more files", paths.len() - NAMED)));
        }
        drifts.iter().for_each(|drift| lines.extend(drift_lines(drift)));
    }
    lines
}

/// The same for machines, file by file.
pub(in crate::commands) fn plan_fields(plans: &[Plan]) -> Value {
    let fields = |plan: &Plan| {
        let drifts: Vec<_> = plan.drifts().map(drift_fields).collect();
        json!({ "file": plan.file.path.display().to_string(), "envelopes": drifts })
    };
    plans.iter().map(fields).collect()
}

/// What changes in an envelope, group by group where there are several.
fn drift_lines(drift: &Drift) -> Vec<(Mark, String)> {
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

fn drift_fields(drift: &Drift) -> Value {
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
