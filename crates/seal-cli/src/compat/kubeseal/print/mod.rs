//! Objects as kubeseal prints them: JSON by `encoding/json` with two blanks per level, YAML by `sigs.k8s.io/yaml` behind
//! `---`, to the byte, because people keep the output in git and compare it.

mod json;
mod yaml;

use seal_core::secret::SecretBytes;
use zeroize::Zeroizing;

use super::options::OutputFormat;

/// What is printed. Texts may be secret, so they are wiped.
pub(super) enum Printed {
    Text(Zeroizing<String>),
    Bool(bool),
    Number(i64),
    /// In the order of Go's structs, which JSON keeps and YAML does not.
    Map(Vec<(String, Printed)>),
    List(Vec<Printed>),
}

impl Printed {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }

    /// A map in the order in which Go prints one: by key.
    pub(super) fn map<'t>(entries: impl IntoIterator<Item = (&'t String, &'t String)>) -> Self {
        let mut entries: Vec<_> = entries
            .into_iter()
            .map(|(key, value)| (key.clone(), Self::text(value.as_str())))
            .collect();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self::Map(entries)
    }
}

/// One object; several are printed one behind the other.
pub(super) fn print(object: &Printed, format: OutputFormat) -> SecretBytes {
    let mut out = Zeroizing::new(String::with_capacity(16 << 10));
    match format {
        OutputFormat::Json => json::print(object, 0, &mut out),
        OutputFormat::Yaml => {
            out.push_str("---\n");
            yaml::print(object, &mut out);
        }
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    SecretBytes::new(out.as_bytes().to_vec())
}
