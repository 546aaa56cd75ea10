//! Reads fields out of the tree of a `sops` block, as leniently as SOPS does.

use super::metadata::MetadataError;
use crate::cipher::decode::boolean;
use crate::document::{Content, Document, NodeId, Scalar, Timestamp, Value};

/// A mapping inside a `sops` block, or the whole of it.
pub(super) struct Block<'d, 's> {
    document: &'d Document<'s>,
    node: NodeId,
    /// Where it stands, for messages.
    place: String,
}

impl<'d, 's> Block<'d, 's> {
    /// Fails unless the node is a mapping.
    pub(super) fn new(
        document: &'d Document<'s>,
        node: NodeId,
        place: String,
    ) -> Result<Self, MetadataError> {
        match document.node(node).content {
            Content::Mapping { .. } => Ok(Self { document, node, place }),
            _ => Err(MetadataError::Kind { place, expected: "a mapping" }),
        }
    }

    /// A text; an absent one or null is empty. Numbers are accepted where only one text can be meant.
    pub(super) fn text(&self, name: &str) -> Result<String, MetadataError> {
        match self.scalar(name)? {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.to_string()),
            Some(Value::Int(int)) => Ok(int.to_string()),
            Some(Value::UInt(int)) => Ok(int.to_string()),
            Some(_) => Err(self.kind(name, "a string")),
        }
    }

    /// A text; an absent or empty one is none.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>, MetadataError> {
        Ok(Some(self.text(name)?).filter(|text| !text.is_empty()))
    }

    /// A date, in the form in which SOPS writes it back.
    pub(super) fn date(&self, name: &str) -> Result<String, MetadataError> {
        let time = match self.scalar(name)? {
            Some(Value::Time(time)) => Some(*time),
            Some(Value::String(text)) => Timestamp::parse_rfc3339(text),
            _ => None,
        };
        let time = time.ok_or_else(|| MetadataError::Date { place: self.place_of(name) })?;
        Ok(time.whole_seconds().to_rfc3339())
    }

    /// A small number, also as a text or a float without fraction; 0 if absent.
    pub(super) fn number(&self, name: &str) -> Result<u32, MetadataError> {
        let number = match self.scalar(name)? {
            None | Some(Value::Null) => Some(0),
            Some(Value::Int(int)) => u32::try_from(*int).ok(),
            Some(Value::Float(float)) => whole(*float),
            Some(Value::String(text)) if text.is_empty() => Some(0),
            Some(Value::String(text)) => text.parse().ok().and_then(whole),
            Some(_) => None,
        };
        number.ok_or_else(|| self.kind(name, "a number"))
    }

    /// A boolean, also as a text or an integer; false if absent.
    pub(super) fn flag(&self, name: &str) -> Result<bool, MetadataError> {
        let flag = match self.scalar(name)? {
            None | Some(Value::Null) => Some(false),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::Int(int)) => Some(*int != 0),
            Some(Value::String(text)) if text.is_empty() => Some(false),
            Some(Value::String(text)) => boolean(text),
            Some(_) => None,
        };
        flag.ok_or_else(|| self.kind(name, "a boolean"))
    }

    /// The mappings of a list; an absent list or null is empty.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Self>, MetadataError> {
        let Some(list) = self.entry(name)? else {
            return Ok(Vec::new());
        };
        match self.document.node(list).content {
            Content::Sequence { .. } => {}
            Content::Scalar(Scalar { value: Value::Null, .. }) => return Ok(Vec::new()),
            _ => return Err(self.kind(name, "a list")),
        }
        self.children(list)
            .enumerate()
            .map(|(index, item)| {
                Self::new(self.document, item, format!("{}[{index}]", self.place_of(name)))
            })
            .collect()
    }

    /// The entries of a mapping of texts; an absent one or null is empty.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<(String, String)>, MetadataError> {
        let Some(node) = self.entry(name)? else {
            return Ok(Vec::new());
        };
        if matches!(
            self.document.node(node).content,
            Content::Scalar(Scalar { value: Value::Null, .. })
        ) {
            return Ok(Vec::new());
        }
        let texts = Self::new(self.document, node, self.place_of(name))?;
        texts
            .children(node)
            .filter_map(|child| self.document.node(child).key.as_ref())
            .map(|key| Ok((key.text.to_string(), texts.text_of_exactly(&key.text)?)))
            .collect()
    }

    /// Here the keys are the user's, so their case counts.
    fn text_of_exactly(&self, name: &str) -> Result<String, MetadataError> {
        let entry = self.document.entry(self.node, name);
        match entry.map(|entry| &self.document.node(entry).content) {
            Some(Content::Scalar(Scalar { value: Value::String(text), .. })) => {
                Ok(text.to_string())
            }
            // Only the place of the mapping: its keys are not known words.
            _ => Err(MetadataError::Kind {
                place: self.place.clone(),
                expected: "a mapping of strings",
            }),
        }
    }

    fn scalar(&self, name: &str) -> Result<Option<&Value<'s>>, MetadataError> {
        match self.entry(name)?.map(|entry| &self.document.node(entry).content) {
            None => Ok(None),
            Some(Content::Scalar(scalar)) => Ok(Some(&scalar.value)),
            Some(_) => Err(self.kind(name, "a scalar")),
        }
    }

    /// The only entry of that name in any case. SOPS takes one of several at random.
    fn entry(&self, name: &str) -> Result<Option<NodeId>, MetadataError> {
        let mut found = self.children(self.node).filter(|child| {
            let key = self.document.node(*child).key.as_ref();
            key.is_some_and(|key| key.text.eq_ignore_ascii_case(name))
        });
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(MetadataError::Doubled { place: self.place_of(name) }),
            (entry, None) => Ok(entry),
        }
    }

    fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.document
            .children(node)
            .filter(|child| !matches!(self.document.node(*child).content, Content::Comment(_)))
    }

    fn place_of(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    fn kind(&self, name: &str, expected: &'static str) -> MetadataError {
        MetadataError::Kind { place: self.place_of(name), expected }
    }
}

fn whole(float: f64) -> Option<u32> {
    // Casts saturate, so a number out of range does not come back.
    Some(float as u32).filter(|int| f64::from(*int) == float)
}
