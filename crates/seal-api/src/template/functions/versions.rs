//! Semantic versions and constraints on them, as lenient as sprig's: `v1.2` is one.

use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

use super::super::arguments::Type;
use super::super::error::Fallible;
use super::super::machine::Machine;
use super::super::value::{Value, Width};
use super::{Failure, Function};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("semver", &[Type::Text], |_, arguments| {
        let version = Version::parse(text(arguments.text(0)?.bytes())?).ok_or(NO_VERSION)?;
        Ok(Value::Version(Rc::new(version)))
    }),
    Function::new("semverCompare", &[Type::Text, Type::Text], |_, arguments| {
        let constraint = arguments.text(0)?;
        let constraint = constraints(text(constraint.bytes())?)
            .ok_or("its first argument is no constraint on versions")?;
        let version = arguments.text(1)?;
        let version = Version::parse(text(version.bytes())?).ok_or(NO_VERSION)?;
        let fits = constraint.iter().any(|all| all.iter().all(|one| one.allows(&version)));
        Ok(Value::Bool(fits))
    }),
];

const NO_VERSION: &str = "its argument is no semantic version";

fn text(bytes: &[u8]) -> Result<&str, Failure> {
    Ok(std::str::from_utf8(bytes).ok().filter(|text| text.len() <= 256).ok_or(NO_VERSION)?)
}

/// A version, and how it was written.
#[derive(PartialEq, Clone)]
pub(in crate::template) struct Version {
    numbers: [u64; 3],
    prerelease: String,
    metadata: String,
    original: String,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (version, wild) = Self::parse_partly(text)?;
        (wild == 3 || !text.contains(['x', 'X', '*'])).then_some(version)
    }

    /// Reads a version in which the last numbers may be missing or wild, and how many are there.
    fn parse_partly(text: &str) -> Option<(Self, usize)> {
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (rest, metadata) = match rest.split_once('+') {
            Some((rest, metadata)) => (rest, Some(metadata)),
            None => (rest, None),
        };
        let (numbers, prerelease) = match rest.split_once('-') {
            Some((numbers, prerelease)) => (numbers, Some(prerelease)),
            None => (rest, None),
        };
        let is_good = |suffix: &str| {
            suffix.split('.').all(|part| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            })
        };
        if !prerelease.is_none_or(is_good) || !metadata.is_none_or(is_good) {
            return None;
        }
        let zero_led = |part: &str| {
            part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit())
        };
        if prerelease.is_some_and(|suffix| suffix.split('.').any(zero_led)) {
            return None;
        }
        let mut version = Self {
            numbers: [0; 3],
            prerelease: prerelease.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        };
        let mut there = 0;
        let mut is_wild = false;
        for (index, part) in numbers.split('.').enumerate() {
            let place = version.numbers.get_mut(index)?;
            if matches!(part, "x" | "X" | "*") {
                is_wild = true;
                continue;
            }
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            *place = part.parse().ok()?;
            there += usize::from(!is_wild);
        }
        Some((version, there))
    }

    pub(super) fn original(&self) -> &str {
        &self.original
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.prerelease.as_str(), other.prerelease.as_str()) {
                (one, other) if one == other => Ordering::Equal,
                // A release comes behind what precedes it.
                ("", _) => Ordering::Greater,
                (_, "") => Ordering::Less,
                (one, other) => compare_prereleases(one, other),
            }
        })
    }
}

fn compare_prereleases(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => match (one.parse::<u64>(), other.parse::<u64>()) {
                (Ok(one), Ok(other)) => one.cmp(&other),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => one.cmp(other),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// One comparison with a version, of which only the first numbers may be there.
struct Constraint {
    operator: &'static str,
    version: Version,
    there: usize,
}

/// Longer ones before their beginnings.
const OPERATORS: &[(&str, &str)] = &[
    ("=<", "<="),
    ("=>", ">="),
    ("!=", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("~>", "~"),
    ("=", "="),
    (">", ">"),
    ("<", "<"),
    ("~", "~"),
    ("^", "^"),
];

/// Alternatives (`||`) of comparisons that hold together.
fn constraints(text: &str) -> Option<Vec<Vec<Constraint>>> {
    text.split("||").map(all_of).collect()
}

fn all_of(text: &str) -> Option<Vec<Constraint>> {
    // `1.2 - 1.4` is a range.
    let mut parts: Vec<String> = Vec::new();
    let words: Vec<&str> = text
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if words.peek() == Some(&"-") {
            words.next();
            parts.push(format!(">={word}"));
            parts.push(format!("<={}", words.next()?));
        } else if OPERATORS.iter().any(|(spelled, _)| *spelled == word) {
            parts.push(format!("{word}{}", words.next()?));
        } else {
            parts.push(word.to_owned());
        }
    }
    if parts.is_empty() {
        return None;
    }
    parts.iter().map(|part| one_of(part)).collect()
}

fn one_of(text: &str) -> Option<Constraint> {
    let known = OPERATORS.iter().find(|(spelled, _)| text.starts_with(spelled));
    let (rest, operator) = match known {
        Some((spelled, operator)) => (&text[spelled.len()..], *operator),
        None => (text, ""),
    };
    let (version, there) = Version::parse_partly(rest)?;
    Some(Constraint { operator, version, there })
}

impl Constraint {
    fn allows(&self, version: &Version) -> bool {
        // A prerelease is asked for by name only.
        if !version.prerelease.is_empty() && self.version.prerelease.is_empty() {
            return false;
        }
        let order = version.compare(&self.version);
        let same = |count: usize| version.numbers[..count] == self.version.numbers[..count];
        let is_partial = self.there < 3;
        match self.operator {
            "" | "=" if is_partial => self.tilde(version, order),
            "" | "=" => order == Ordering::Equal,
            "!=" if is_partial => !same(self.there),
            "!=" => order != Ordering::Equal,
            ">" if is_partial => version.numbers[..self.there] > self.version.numbers[..self.there],
            ">" => order == Ordering::Greater,
            "<" => order == Ordering::Less,
            ">=" => order != Ordering::Less,
            "<=" if is_partial => {
                version.numbers[..self.there] <= self.version.numbers[..self.there]
            }
            "<=" => order != Ordering::Greater,
            "~" => self.tilde(version, order),
            _ => self.caret(version, order),
        }
    }

    /// The first two numbers stay, or those that are there.
    fn tilde(&self, version: &Version, order: Ordering) -> bool {
        let kept = self.there.min(2);
        order != Ordering::Less && version.numbers[..kept] == self.version.numbers[..kept]
    }

    /// All up to the first number that is not zero stays.
    fn caret(&self, version: &Version, order: Ordering) -> bool {
        if order == Ordering::Less {
            return false;
        }
        let first = self.version.numbers.iter().position(|number| *number > 0).unwrap_or(2);
        let kept = (first + 1).min(self.there);
        version.numbers[..kept] == self.version.numbers[..kept]
    }
}

/// What templates ask of a version. None where there is nothing of this name.
pub(super) fn method(
    machine: &mut Machine<'_>,
    version: &Rc<Version>,
    name: &str,
) -> Fallible<Option<Value>> {
    // Go has `uint64` here, which prints alike.
    let number = |index: usize| {
        Value::Int(Width::Int64, i64::try_from(version.numbers[index]).unwrap_or(i64::MAX))
    };
    Ok(Some(match name {
        "Major" => number(0),
        "Minor" => number(1),
        "Patch" => number(2),
        "Prerelease" => machine.text(version.prerelease.as_str())?,
        "Metadata" => machine.text(version.metadata.as_str())?,
        "Original" => machine.text(version.original.as_str())?,
        "String" => machine.text(version.to_string())?,
        "IncMajor" | "IncMinor" | "IncPatch" => {
            let mut next = (**version).clone();
            let is_before = !next.prerelease.is_empty();
            let [major, minor, patch] = next.numbers;
            next.numbers = match name {
                "IncMajor" => [major.saturating_add(1), 0, 0],
                "IncMinor" => [major, minor.saturating_add(1), 0],
                // What precedes a patch becomes it.
                _ if is_before => [major, minor, patch],
                _ => [major, minor, patch.saturating_add(1)],
            };
            next.prerelease.clear();
            next.metadata.clear();
            let prefix = if version.original.starts_with('v') { "v" } else { "" };
            next.original = format!("{prefix}{next}");
            Value::Version(Rc::new(next))
        }
        _ => return Ok(None),
    }))
}
