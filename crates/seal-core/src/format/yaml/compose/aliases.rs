//! Anchors and aliases, and what keeps aliases from multiplying.

use std::borrow::Cow;

use super::{Composer, PendingKey, UNFINISHED};
use crate::document::{Content, Key, NodeId, Span};
use crate::format::yaml::event::Remarks;
use crate::format::yaml::scanner::Scan;
use crate::format::yaml::token::Mark;

/// Aliases that stand for keys may write out so many times the bytes of the source, which few ever do once.
const KEY_COPIES: usize = 10;

/// And in a short source so many bytes.
const FEW_COPIED: usize = 1 << 16;

const ENDLESS_ALIASES: &str = "the aliases of this document multiply without end";

pub(super) struct Anchor<'s> {
    pub(super) document: usize,
    pub(super) node: u32,
    /// Nodes and keys below it, aliases expanded.
    pub(super) weight: u64,
    pub(super) target: Target<'s>,
}

/// What an anchor stands on. A text comes with whether it is a string.
pub(super) enum Target<'s> {
    Mapping,
    Sequence,
    Scalar(Cow<'s, str>, bool),
    /// The key of the node.
    Key(Cow<'s, str>, bool),
}

impl<'s> Composer<'s> {
    pub(super) fn alias(
        &mut self,
        name: &'s str,
        span: Span,
        mark: Mark,
        remarks: Option<Box<Remarks>>,
    ) -> Scan<()> {
        let Some(anchor) = self.anchors.get(name) else {
            // Not by its name: a password without quotes may begin with `*`.
            return self.error(mark, "the anchor of this alias stands nowhere above it");
        };
        let Anchor { document, node, weight, ref target } = *anchor;
        let (is_mapping, of_key, text) = match target {
            Target::Mapping => (true, false, None),
            Target::Sequence => (false, false, None),
            Target::Scalar(text, is_string) => (false, false, Some((text, *is_string))),
            Target::Key(text, is_string) => (false, true, Some((text, *is_string))),
        };
        let is_open = document == self.documents
            && !of_key
            && self.nodes.get(node as usize).is_some_and(|node| node.end == UNFINISHED);
        if is_open {
            return self.error(mark, &format!("the alias `*{name}` contains itself"));
        }
        self.has_aliases = true;
        self.weight = self.weight.saturating_add(weight + 1);
        self.alias_weight = self.alias_weight.saturating_add(weight);
        if self.awaits_key() {
            let Some((text, is_string)) = text else {
                return self.error(mark, "a key has to be a plain or quoted text");
            };
            self.copied += text.len();
            if self.copied > FEW_COPIED.max(KEY_COPIES * self.parser.scanner.text.len()) {
                return self.error(mark, ENDLESS_ALIASES);
            }
            let key = Key { text: text.clone(), span, is_string };
            let frame = self.frames.last_mut().expect("a mapping awaits a key");
            if !frame.alias_keys.get_or_insert_default().insert(name) {
                return self.error(mark, &format!("the alias `*{name}` is a key here twice"));
            }
            return self.key(PendingKey { key, merge: false, remarks }, mark);
        }
        let id = self.push(Content::Alias { document, node: NodeId(node), of_key }, span);
        self.check_merge(is_mapping, mark)?;
        self.finish_value(id, remarks);
        Ok(())
    }

    pub(super) fn register(
        &mut self,
        anchor: Option<&'s str>,
        node: u32,
        weight: u64,
        target: Target<'s>,
    ) {
        if let Some(name) = anchor {
            let document = self.documents;
            self.anchors.insert(name, Anchor { document, node, weight, target });
            self.anchored = true;
        }
    }

    /// go-yaml's guard against a few anchors that multiply into millions of values.
    pub(super) fn check_expansion(&self, mark: Mark) -> Scan<()> {
        const LOW: f64 = 400_000.0;
        const HIGH: f64 = 4_000_000.0;
        if self.alias_weight <= 100 || self.weight <= 1000 {
            return Ok(());
        }
        let weight = self.weight as f64;
        let allowed = if weight <= LOW {
            0.99
        } else if weight >= HIGH {
            0.10
        } else {
            0.99 - 0.89 * ((weight - LOW) / (HIGH - LOW))
        };
        if self.alias_weight as f64 / weight > allowed {
            return self.error(mark, ENDLESS_ALIASES);
        }
        Ok(())
    }
}
