//! What templates compute with: Go's values, as far as they can occur. Strings are bytes, as in Go, and wiped.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use zeroize::Zeroizing;

use super::functions::dates::Time;
use super::functions::versions::Version;

/// A string: bytes that need not be UTF-8, wiped when the last owner lets go.
#[derive(Clone)]
pub(super) struct Text(Rc<Zeroizing<Vec<u8>>>);

impl Text {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Rc::new(Zeroizing::new(bytes)))
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

/// Which of Go's integer types a number has: functions tell `int` from `int64`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Int,
    Int64,
    Uint8,
    /// `time.Month`, which prints as a name.
    Month,
    /// `time.Weekday`, likewise.
    Weekday,
}

/// What a list may hold, as Go's type says it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Elements {
    Any,
    Strings,
    Ints,
    Lists,
}

/// A slice.
pub(super) struct List {
    pub(super) elements: Elements,
    pub(super) items: Vec<Value>,
    /// How many lists lie within one another here, which bounds the recursion of dropping them.
    pub(super) depth: usize,
}

/// The entries of a map.
pub(super) type Entries = BTreeMap<Vec<u8>, Value>;

/// A map. Its owners see each other's changes, as in Go. The machine owns each one too, and empties them at the end, so
/// that a map that holds itself is wiped all the same.
pub(super) struct Map {
    /// `map[string]string`, not `map[string]interface {}`.
    pub(super) of_strings: bool,
    pub(super) entries: RefCell<Entries>,
}

/// A certificate with its key, from `genCA` and its like.
pub(super) struct Certificate {
    pub(super) cert: Text,
    pub(super) key: Text,
}

/// One value.
#[derive(Clone)]
pub(super) enum Value {
    /// What a map without that key gives. Never an element of a collection.
    Missing,
    /// Go's `nil`.
    Nil,
    Bool(bool),
    Int(Width, i64),
    Float(f64),
    Text(Text),
    List(Rc<List>),
    Map(Rc<Map>),
    Time(Rc<Time>),
    Certificate(Rc<Certificate>),
    Version(Rc<Version>),
}

impl Value {
    pub(super) fn int(number: i64) -> Self {
        Self::Int(Width::Int, number)
    }

    pub(super) fn int64(number: i64) -> Self {
        Self::Int(Width::Int64, number)
    }

    pub(super) fn text(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Text(bytes.into().into())
    }

    /// What Go calls the type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(Width::Int, _) => "int",
            Self::Int(Width::Int64, _) => "int64",
            Self::Int(Width::Uint8, _) => "uint8",
            Self::Int(Width::Month, _) => "time.Month",
            Self::Int(Width::Weekday, _) => "time.Weekday",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(list) => match list.elements {
                Elements::Any => "[]interface {}",
                Elements::Strings => "[]string",
                Elements::Ints => "[]int",
                Elements::Lists => "[][]interface {}",
            },
            Self::Map(map) if map.of_strings => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Time(_) => "time.Time",
            Self::Certificate(_) => "sprig.certificate",
            Self::Version(_) => "*semver.Version",
        }
    }

    /// What Go calls the kind of the type.
    pub(super) fn kind_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "invalid",
            Self::Int(Width::Month | Width::Weekday, _) => "int",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Time(_) | Self::Certificate(_) => "struct",
            Self::Version(_) => "ptr",
            _ => self.type_name(),
        }
    }

    /// Whether it is nothing at all.
    pub(super) fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// What `if` takes for true: anything but zero, nothing and empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(flag) => *flag,
            Self::Int(_, number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.bytes().is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.entries.borrow().is_empty(),
            Self::Time(_) | Self::Certificate(_) | Self::Version(_) => true,
        }
    }

    /// How many lists lie within one another.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::List(list) => list.depth,
            _ => 0,
        }
    }
}
