//! Paths inside a document.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathElement {
    /// Key of a mapping.
    Key(Box<str>),
    /// Index in a sequence, comments not counted.
    Index(usize),
}

/// The way from the root of a document (or of an item of a `List`) to a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Path(pub Vec<PathElement>);

impl std::fmt::Display for Path {
    /// SOPS's form: `["data"]["list"][0]`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for element in &self.0 {
            match element {
                PathElement::Key(key) => write!(f, "[{key:?}]")?,
                PathElement::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
