//! Which leaves are secret: SOPS's six selection settings, applied to a document in one pass.

use crate::document::{Comment, Content, Document, Node, NodeId};
use crate::envelope::{Rule, RuleKind};

mod re2;

pub use re2::{Pattern, PatternError, Problem, translate};

/// The entry that holds the envelope; no rule reaches it.
const ENVELOPE_KEY: &str = "sops";

/// A rule that selects nothing because it is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The setting is there, but without text. SOPS takes that for an absent one.
    #[error("{kind} is empty")]
    Empty {
        /// Which setting.
        kind: RuleKind,
    },
    /// The regular expression is not one of Go's, or cannot be translated.
    #[error("{kind} is no regular expression that SOPS could use")]
    Pattern {
        /// Which setting.
        kind: RuleKind,
        /// Its text.
        pattern: String,
        /// What is wrong, and where.
        source: PatternError,
    },
}

impl SelectError {
    /// The pattern with a caret below the place that is wrong, as two lines.
    pub fn excerpt(&self) -> Option<String> {
        let Self::Pattern { pattern, source, .. } = self else {
            return None;
        };
        // One column for each character, whatever a terminal makes of it.
        let printable: String = pattern
            .chars()
            .map(|character| if character.is_control() { '\u{fffd}' } else { character })
            .collect();
        Some(format!("{printable}\n{:>column$}", '^', column = source.at))
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "give it a text, or leave it out",
            Self::Pattern { source, .. } => source.problem.hint(),
        }
    }
}

/// A rule, ready to be applied.
#[derive(Clone, Debug)]
pub struct Selector {
    kind: RuleKind,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Suffix(String),
    Pattern(re2::Pattern),
}

impl Selector {
    /// Compiles the rule.
    ///
    /// # Errors
    ///
    /// Whatever would make SOPS ignore the rule, and so leave secrets in clear.
    pub fn new(rule: &Rule) -> Result<Self, SelectError> {
        let kind = rule.kind;
        if rule.text.is_empty() {
            return Err(SelectError::Empty { kind });
        }
        let matcher = match kind {
            RuleKind::UnencryptedSuffix | RuleKind::EncryptedSuffix => {
                Matcher::Suffix(rule.text.clone())
            }
            RuleKind::UnencryptedRegex
            | RuleKind::EncryptedRegex
            | RuleKind::UnencryptedCommentRegex
            | RuleKind::EncryptedCommentRegex => {
                let pattern = re2::Pattern::new(&rule.text).map_err(|source| {
                    SelectError::Pattern { kind, pattern: rule.text.clone(), source }
                })?;
                Matcher::Pattern(pattern)
            }
        };
        Ok(Self { kind, matcher })
    }

    /// Returns a flag for each node of the subtree of `within`, whose own is the first: true for the scalars and
    /// comments that are to be encrypted.
    ///
    /// With [`NodeId::ROOT`] these are all nodes of the document, comments beside its root included. Keys count from
    /// `within` on, so a rule sees an item of a `List` as it would see a document. The entry `sops` of `within` and
    /// all below it stay false. An alias gets the flag that a scalar would have in its place. Empty values are flagged
    /// like others.
    pub fn select(&self, document: &Document<'_>, within: NodeId) -> Vec<bool> {
        let is_outermost = document.node(within).parent.is_none();
        let base = if within == NodeId::ROOT { document.root() } else { within };
        let first = if is_outermost { 0 } else { within.index() };
        let last = match within {
            NodeId::ROOT => document.nodes.len(),
            _ => document.node(within).end.index(),
        };
        let mut pass = Pass::new(self, first);
        let mut index = first;
        while index < last {
            let id = NodeId(index as u32);
            let node = document.node(id);
            if node.parent == Some(base) && has_key(node, ENVELOPE_KEY) {
                index = node.end.index();
                pass.leave_clear(index);
                continue;
            }
            pass.visit(node, id, id == base);
            index += 1;
        }
        pass.selected.split_off(within.index() - first)
    }

    /// Whether an encrypted comment would itself be taken for one that marks clear values, once it stands in the file
    /// as `enc`. SOPS could not decrypt such a file, so it must not be written.
    pub fn mistakes(&self, enc: &str) -> bool {
        self.kind == RuleKind::UnencryptedCommentRegex && self.matches(enc)
    }

    fn matches(&self, text: &str) -> bool {
        match &self.matcher {
            Matcher::Suffix(suffix) => text.ends_with(suffix),
            Matcher::Pattern(pattern) => pattern.matches(text),
        }
    }

    fn is_by_comments(&self) -> bool {
        matches!(self.kind, RuleKind::UnencryptedCommentRegex | RuleKind::EncryptedCommentRegex)
    }

    /// What the rule says of a leaf to which it applies, or does not.
    fn decide(&self, applies: bool) -> bool {
        match self.kind {
            RuleKind::EncryptedSuffix
            | RuleKind::EncryptedRegex
            | RuleKind::EncryptedCommentRegex => applies,
            RuleKind::UnencryptedSuffix
            | RuleKind::UnencryptedRegex
            | RuleKind::UnencryptedCommentRegex => !applies,
        }
    }
}

/// One walk over the preorder list.
struct Pass<'r> {
    rule: &'r Selector,
    first: usize,
    selected: Vec<bool>,
    /// For each node, whether a key on its path matches.
    matched: Vec<bool>,
    /// The containers around the current node. The outermost one is shared by the entries of the root and the comments
    /// beside it, as in SOPS's tree, and never ends.
    levels: Vec<Level>,
}

/// Comments in a container that are in force.
struct Level {
    end: usize,
    /// A comment further out matches.
    inherited: bool,
    /// A comment that stands directly before the next item of this container matches.
    active: bool,
}

impl<'r> Pass<'r> {
    fn new(rule: &'r Selector, first: usize) -> Self {
        let outermost = Level { end: usize::MAX, inherited: false, active: false };
        Self { rule, first, selected: Vec::new(), matched: Vec::new(), levels: vec![outermost] }
    }

    fn visit(&mut self, node: &Node<'_>, id: NodeId, is_base: bool) {
        while self.levels.len() > 1 && self.level().end <= id.index() {
            self.levels.pop();
            // The container was an item of the one around it.
            self.level().active = false;
        }
        let matched = !is_base && self.path_matches(node);
        self.matched.push(matched);
        let selected = match &node.content {
            Content::Comment(comment) => self.comment(comment, matched),
            Content::Scalar(_) | Content::Alias { .. } => {
                let selected = self.rule.decide(self.applies(matched));
                self.level().active = false;
                selected
            }
            Content::Mapping { .. } | Content::Sequence { .. } => {
                if !is_base {
                    let outer = self.level();
                    let inherited = outer.inherited || outer.active;
                    let end = node.end.index();
                    self.levels.push(Level { end, inherited, active: false });
                }
                false
            }
        };
        self.selected.push(selected);
    }

    /// Passes over nodes up to `end` that no rule reaches. In SOPS's tree they do not exist.
    fn leave_clear(&mut self, end: usize) {
        self.selected.resize(end - self.first, false);
        self.matched.resize(end - self.first, false);
    }

    fn path_matches(&self, node: &Node<'_>) -> bool {
        if self.rule.is_by_comments() {
            return false;
        }
        let above = match node.parent {
            Some(parent) => self.matched[parent.index() - self.first],
            None => false,
        };
        above || node.key.as_ref().is_some_and(|key| self.rule.matches(&key.text))
    }

    /// A comment is judged by its container, and by the comments before it.
    fn comment(&mut self, comment: &Comment<'_>, path_matches: bool) -> bool {
        if !self.rule.is_by_comments() {
            return self.rule.decide(path_matches);
        }
        let matches = self.rule.matches(comment.text);
        // A comment that marks values as secret stays readable unless another one makes it secret.
        let before = self.applies(false);
        // One that SOPS's reader does not see cannot be in force for SOPS.
        self.level().active |= matches && !comment.dropped;
        match self.rule.kind {
            RuleKind::EncryptedCommentRegex => self.rule.decide(before),
            _ => self.rule.decide(before || matches),
        }
    }

    fn applies(&mut self, path_matches: bool) -> bool {
        if self.rule.is_by_comments() {
            let level = self.level();
            level.inherited || level.active
        } else {
            path_matches
        }
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the outermost level never ends")
    }
}

fn has_key(node: &Node<'_>, key: &str) -> bool {
    node.key.as_ref().is_some_and(|own| own.text == key)
}

#[cfg(test)]
mod tests;
