//! Encrypted files of each layout, and changes to their text.

use seal_core::cipher::Cipher;
use seal_core::document::{Edit, NodeId, Path, Span, apply};
use seal_core::envelope::mac::{open_mac, seal_mac};
use seal_core::file::{
    Class, DecryptOptions, Decrypted, EncryptOptions, FileError, Layout, decrypt,
};
use seal_core::format::Format;
use seal_core::secret::DataKey;

use super::support;

/// Two Secrets with the same keys, so that additional data alone does not tell them apart.
pub(crate) fn secret(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: prod\n  labels: {{app: shop}}\n\
         type: Opaque\nstringData:\n  password: hunter2-{name}\n  user: '{name}'\n  empty: \"\"\n  digits: \"123\"\n  \
         list: [one, two]\ndata:\n  password: aHVudGVyMg==\n"
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One document, bound.
    Bound,
    /// Two documents, each with a bound envelope.
    BoundStream,
    /// One document as SOPS leaves it.
    Unbound,
    /// Two documents under one envelope.
    SopsStream,
}

pub(crate) const ALL: [Kind; 4] = [Kind::Bound, Kind::BoundStream, Kind::Unbound, Kind::SopsStream];
pub(crate) const BOUND: [Kind; 2] = [Kind::Bound, Kind::BoundStream];

impl Kind {
    pub(crate) fn file(self) -> File {
        let two = format!("{}---\n{}", secret("a"), secret("b"));
        let sops = EncryptOptions {
            layout: Layout::Sops,
            mac_only_encrypted: Some(true),
            ..support::options()
        };
        let text = match self {
            Self::Bound => support::encrypted(Format::Yaml, &secret("a"), &support::options()),
            Self::BoundStream => support::encrypted(Format::Yaml, &two, &support::options()),
            Self::Unbound => {
                unbound(&support::encrypted(Format::Yaml, &secret("a"), &support::options()))
            }
            Self::SopsStream => support::encrypted(Format::Yaml, &two, &sops),
        };
        File { text }
    }

    pub(crate) fn is_bound(self) -> bool {
        BOUND.contains(&self)
    }
}

/// Every `mac` encrypted again with a nonce that binds nothing, as SOPS would write it.
pub(crate) fn unbound(text: &str) -> String {
    let mut file = File { text: text.to_owned() };
    let documents = Format::Yaml.parse(text.as_bytes()).unwrap().documents.len();
    for document in 0..documents {
        let mac = file.value(document, "sops/mac");
        let cipher = Cipher::new(&DataKey::new(support::KEY));
        let opened = open_mac(&cipher, &mac, support::DATE).unwrap();
        let sealed = seal_mac(&cipher, &[document as u8 + 1; 32], support::DATE, opened.hex());
        file = file.set(document, "sops/mac", &sealed.unwrap());
    }
    file.text
}

/// An encrypted file. Each change makes another one.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) text: String,
}

impl File {
    /// The text of a value as it stands.
    pub(crate) fn value(&self, document: usize, path: &str) -> String {
        self.text[self.find(document, path).0.range()].to_owned()
    }

    pub(crate) fn set(&self, document: usize, path: &str, value: &str) -> Self {
        self.edit(self.find(document, path).0, value)
    }

    /// Renames the key of an entry.
    pub(crate) fn rename(&self, document: usize, path: &str, key: &str) -> Self {
        self.edit(self.find(document, path).1, key)
    }

    /// Adds a line in front of an entry, at its indentation.
    pub(crate) fn insert(&self, document: usize, before: &str, line: &str) -> Self {
        let start = self.find(document, before).1.start;
        let column = start - self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let text = format!("{line}\n{}", " ".repeat(column));
        self.edit(Span::new(start, start), &text)
    }

    /// Takes an entry of one line away.
    pub(crate) fn remove(&self, document: usize, path: &str) -> Self {
        let start = self.find(document, path).1.start;
        let line = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let end = start + self.text[start..].find('\n').unwrap() + 1;
        self.edit(Span::new(line, end), "")
    }

    pub(crate) fn replace(&self, from: &str, to: &str) -> Self {
        assert!(self.text.contains(from), "{from} is not there:\n{}", self.text);
        Self { text: self.text.replacen(from, to, 1) }
    }

    /// The documents by themselves, each with its `---`.
    pub(crate) fn documents(&self) -> Vec<String> {
        self.text
            .split("---\na")
            .enumerate()
            .map(|(n, text)| match n {
                0 => text.to_owned(),
                _ => format!("a{text}"),
            })
            .collect()
    }

    fn edit(&self, span: Span, text: &str) -> Self {
        let edit = Edit { span, text: text.as_bytes().to_vec() };
        let bytes = apply(self.text.as_bytes(), 0..self.text.len(), vec![edit]);
        Self { text: String::from_utf8(bytes).unwrap() }
    }

    /// Spans of value and key.
    fn find(&self, document: usize, path: &str) -> (Span, Span) {
        let stream = Format::Yaml.parse(self.text.as_bytes()).unwrap();
        let document = &stream.documents[document];
        let id: NodeId = document.lookup(&Path::parse(path).unwrap()).unwrap();
        let node = document.node(id);
        (node.span, node.key.as_ref().map_or(node.span, |key| key.span))
    }

    pub(crate) fn decrypted(&self) -> Result<Decrypted, FileError> {
        support::try_decrypt(Format::Yaml, &self.text)
    }

    pub(crate) fn decrypted_with(
        &self,
        options: &DecryptOptions<'_>,
    ) -> Result<Decrypted, FileError> {
        decrypt(Format::Yaml, self.text.as_bytes(), options, &support::unwrap)
    }

    /// The file is refused as altered, and the document is named.
    pub(crate) fn is_refused(&self, object: &str) -> FileError {
        let error = match self.decrypted() {
            Err(error) => error,
            Ok(_) => panic!("was decrypted:\n{}", self.text),
        };
        assert_eq!(error.class, Class::Refused, "{}", support::describe(&error));
        assert_eq!(error.object.as_deref(), Some(object), "{}", support::describe(&error));
        assert!(error.position.is_some(), "{}", support::describe(&error));
        error
    }

    /// The same, and the value is named.
    pub(crate) fn is_refused_at(&self, object: &str, path: &str) {
        let error = self.is_refused(object);
        let named = error.path.as_ref().map(ToString::to_string);
        assert_eq!(named.as_deref(), Some(path), "{}", support::describe(&error));
    }

    pub(crate) fn is_accepted(&self) -> String {
        match self.decrypted() {
            Ok(decrypted) => support::text(&decrypted).unwrap(),
            Err(error) => panic!("{}\n{}", support::describe(&error), self.text),
        }
    }
}
