//! A Secret in clear, read as strictly as Kubernetes reads it.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seal_core::document::Value;
use seal_core::secret::SecretBytes;
use zeroize::Zeroizing;

use super::input::{Object, objects, parts};
use crate::error::CommandError;

/// A Secret, as far as a SealedSecret keeps it.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) generate_name: String,
    pub(super) namespace: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) finalizers: Vec<String>,
    pub(super) type_: String,
    pub(super) immutable: Option<bool>,
    /// `stringData` wins over `data`.
    pub(super) values: BTreeMap<String, SecretBytes>,
}

/// All Secrets of a text.
///
/// # Errors
/// A text without objects, objects of other kinds, and what Kubernetes would refuse in a Secret.
pub(super) fn secrets(name: &Path, text: &[u8]) -> Result<Vec<Secret>, CommandError> {
    let mut found = Vec::new();
    for part in parts(text)? {
        let stream = part.parse(name)?;
        for object in objects(part.bytes, &stream) {
            found.push(Secret::read(&object).map_err(|error| error.in_file(name))?);
        }
    }
    match found.is_empty() {
        true => Err(CommandError::failed("there is no Secret in it").in_file(name)),
        false => Ok(found),
    }
}

impl Secret {
    fn read(object: &Object<'_, '_>) -> Result<Self, CommandError> {
        let reader = Reader { what: object.describe() };
        let kind = reader.text(object, "kind")?;
        let version = reader.text(object, "apiVersion")?;
        if kind.is_empty() {
            return Err(CommandError::failed("Object 'Kind' is missing"));
        }
        if (kind.as_str(), version.as_str()) != ("Secret", "v1") {
            let error =
                CommandError::failed(format!("{} ({version}) is no v1 Secret", reader.what));
            return Err(match kind.as_str() {
                "SealedSecret" => error.hint("it is sealed already; --re-encrypt seals it anew"),
                _ => error,
            });
        }
        let empty = BTreeMap::new;
        let metadata = reader.mapping(object, "metadata")?;
        let of_metadata = |key| match metadata {
            Some(metadata) => reader.text(&metadata, key),
            None => Ok(String::new()),
        };
        let map_of_metadata = |key| match metadata {
            Some(metadata) => reader.texts(&metadata, key),
            None => Ok(empty()),
        };
        let finalizers = match metadata.and_then(|metadata| metadata.entry("finalizers")) {
            Some(list) => {
                let texts =
                    list.items().into_iter().map(|item| reader.as_text(&item, "finalizers"));
                texts.collect::<Result<_, _>>()?
            }
            None => Vec::new(),
        };
        let mut values = BTreeMap::new();
        if let Some(data) = reader.mapping(object, "data")? {
            for (key, value) in data.entries() {
                let text = Zeroizing::new(reader.as_text(&value, &format!("data.{key}"))?);
                let decoded = decode(&text).ok_or_else(|| {
                    CommandError::failed(format!("{}: data.{key} is no base64", reader.what))
                        .hint("values that are not encoded stand in stringData")
                })?;
                values.insert(key, decoded);
            }
        }
        if let Some(data) = reader.mapping(object, "stringData")? {
            for (key, value) in data.entries() {
                let text = reader.as_text(&value, &format!("stringData.{key}"))?;
                values.insert(key, SecretBytes::new(text.into_bytes()));
            }
        }
        let immutable = match object.entry("immutable").and_then(|value| value.scalar()) {
            Some(Value::Bool(flag)) => Some(flag),
            Some(Value::Null) | None => None,
            Some(_) => return Err(reader.error("immutable", "is neither true nor false")),
        };
        Ok(Self {
            name: of_metadata("name")?,
            generate_name: of_metadata("generateName")?,
            namespace: of_metadata("namespace")?,
            labels: map_of_metadata("labels")?,
            annotations: map_of_metadata("annotations")?,
            finalizers,
            type_: reader.text(object, "type")?,
            immutable,
            values,
        })
    }

    /// `shop/db`, for messages.
    pub(super) fn place(&self) -> String {
        match self.namespace.as_str() {
            "" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }
}

/// Reads the fields of one object; its errors name it and the field.
struct Reader {
    what: String,
}

impl Reader {
    /// The text of a field; none and null are empty.
    fn text(&self, object: &Object<'_, '_>, key: &str) -> Result<String, CommandError> {
        object.entry(key).map_or_else(|| Ok(String::new()), |value| self.as_text(&value, key))
    }

    fn as_text(&self, value: &Object<'_, '_>, key: &str) -> Result<String, CommandError> {
        match value.scalar() {
            Some(Value::String(text)) => Ok(text.into_owned()),
            Some(Value::Null) => Ok(String::new()),
            Some(Value::Bool(_)) => Err(self
                .error(key, "is true or false to Kubernetes, and no text")
                .hint("put it in quotes")),
            Some(Value::Bytes(_)) => Err(self.error(key, "is no UTF-8 text")),
            Some(_) => Err(self
                .error(key, "is a number to Kubernetes, and no text")
                .hint("put it in quotes")),
            None => Err(self.error(key, "is no text")),
        }
    }

    fn texts(
        &self,
        object: &Object<'_, '_>,
        key: &str,
    ) -> Result<BTreeMap<String, String>, CommandError> {
        let Some(map) = self.mapping(object, key)? else { return Ok(BTreeMap::new()) };
        let entries = map.entries().into_iter();
        let texts = entries.map(|(name, value)| {
            let text = self.as_text(&value, &format!("{key}.{name}"))?;
            Ok((name, text))
        });
        texts.collect()
    }

    /// A field that is a mapping; none and null are none.
    fn mapping<'p, 's>(
        &self,
        object: &Object<'p, 's>,
        key: &str,
    ) -> Result<Option<Object<'p, 's>>, CommandError> {
        match object.entry(key) {
            Some(value) if value.is_mapping() => Ok(Some(value)),
            Some(value) if !matches!(value.scalar(), Some(Value::Null)) => {
                Err(self.error(key, "is no mapping"))
            }
            _ => Ok(None),
        }
    }

    fn error(&self, key: &str, problem: &str) -> CommandError {
        CommandError::failed(format!("{}: {key} {problem}", self.what))
    }
}

/// Base64 as Go reads it: padded, and line breaks are passed over.
fn decode(text: &str) -> Option<SecretBytes> {
    let bare: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect());
    STANDARD.decode(&*bare).ok().map(SecretBytes::new)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Secret, secrets};

    fn read(text: &str) -> Result<Vec<Secret>, String> {
        secrets(Path::new("f"), text.as_bytes()).map_err(|error| error.message)
    }

    fn value(text: &str, key: &str) -> String {
        let secrets = read(text).unwrap();
        String::from_utf8(secrets[0].values[key].expose().to_vec()).unwrap()
    }

    const HEAD: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n";

    #[test]
    fn string_data_wins_over_data() {
        let text = format!("{HEAD}data: {{a: b2xk, b: Yg==}}\nstringData: {{a: new}}\n");
        assert_eq!(value(&text, "a"), "new");
        assert_eq!(value(&text, "b"), "b");
    }

    #[test]
    fn base64_may_have_line_breaks_and_nothing_else() {
        assert_eq!(value(&format!("{HEAD}data:\n  a: |\n    aGVs\n    bG8=\n"), "a"), "hello");
        for odd in ["aGVsbG8", "aGVs bG8=", "a_-=", "%%%"] {
            let error = read(&format!("{HEAD}data: {{a: '{odd}'}}\n")).unwrap_err();
            assert_eq!(error, "Secret db: data.a is no base64", "{odd}");
        }
    }

    #[test]
    fn what_is_no_text_to_kubernetes_is_refused() {
        for odd in ["1", "1.5", "true", "yes", "off", "[a]", "{a: b}"] {
            let error = read(&format!("{HEAD}stringData:\n  a: {odd}\n")).unwrap_err();
            assert!(error.starts_with("Secret db: stringData.a is "), "{odd}: {error}");
        }
        assert_eq!(value(&format!("{HEAD}stringData:\n  a: 'yes'\n"), "a"), "yes");
        assert_eq!(value(&format!("{HEAD}stringData:\n  a: 2026-11-20\n"), "a"), "2026-11-20");
        assert_eq!(value(&format!("{HEAD}stringData:\n  a:\n"), "a"), "");
        assert!(read(&format!("{HEAD}data: text\n")).unwrap_err().ends_with("data is no mapping"));
    }

    #[test]
    fn other_kinds_are_refused() {
        let kind = |kind: &str, version: &str| {
            read(&format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: db}}\n"))
                .unwrap_err()
        };
        assert_eq!(kind("ConfigMap", "v1"), "ConfigMap db (v1) is no v1 Secret");
        assert_eq!(kind("Secret", "v2"), "Secret db (v2) is no v1 Secret");
        assert_eq!(read("metadata: {name: db}\n").unwrap_err(), "Object 'Kind' is missing");
        assert_eq!(read("").unwrap_err(), "there is no Secret in it");
        assert_eq!(read("---\n---\n").unwrap_err(), "there is no Secret in it");
    }

    #[test]
    fn streams_lists_and_json_one_behind_the_other_are_read() {
        let names = |text: &str| {
            let found = read(text).unwrap().into_iter();
            found.map(|secret| secret.name).collect::<Vec<_>>().join(" ")
        };
        let yaml = HEAD.replace("db", "a") + "---\n# nothing\n---\n" + &HEAD.replace("db", "b");
        assert_eq!(names(&yaml), "a b");
        let json = |name| {
            format!(r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"{name}"}}}}"#)
        };
        assert_eq!(names(&format!("{}\n{}", json("a"), json("b"))), "a b");
        let list =
            format!(r#"{{"apiVersion":"v1","kind":"List","items":[{},{}]}}"#, json("a"), json("b"));
        assert_eq!(names(&list), "a b");
        assert_eq!(names("{apiVersion: v1, kind: Secret, metadata: {name: flow}}"), "flow");
    }

    #[test]
    fn aliases_and_merge_keys_are_followed() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nx: &x {a: '1', b: '2'}\nstringData:\n  <<: *x\n  b: own\n";
        assert_eq!(value(text, "a"), "1");
        assert_eq!(value(text, "b"), "own");
    }

    #[test]
    fn no_error_holds_a_value() {
        for text in ["stringData: {a: [hunter2]}", "data: {a: hunter2!}", "data: hunter2"] {
            let error = secrets(Path::new("f"), format!("{HEAD}{text}\n").as_bytes()).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{text}");
        }
    }
}
