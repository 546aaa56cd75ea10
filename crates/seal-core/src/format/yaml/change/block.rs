//! Values on lines of their own.

use super::super::edit::double_quoted;
use super::super::placement;
use super::super::quoting::{Quoting, quoting};
use super::flow;
use crate::change::NewValue;
use crate::document::{Content, Document, NodeId};

/// Blanks per level where a document shows none.
const DEFAULT_STEP: usize = 2;

/// How much of a value goes on lines of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Collections, and texts of several lines behind `|`.
    Literals,
    /// Collections.
    Lines,
    /// Nothing.
    Brackets,
}

/// How a document is written.
pub(super) struct Manners<'s> {
    pub(super) line_break: &'s str,
    /// Blanks per level.
    step: usize,
    /// Blanks in front of the dash of a list below a key.
    dash: usize,
    /// Keys stand in `"…"`.
    quoted_keys: bool,
}

impl Manners<'_> {
    /// Those of a text that shows none.
    pub(super) fn plain(source: &[u8]) -> Self {
        let line_break = placement::line_break(source);
        Self { line_break, step: DEFAULT_STEP, dash: DEFAULT_STEP, quoted_keys: false }
    }

    /// The manners around a node: those of the nearest collections that show them.
    pub(super) fn of(source: &[u8], document: &Document<'_>, near: NodeId) -> Self {
        let mut top = Some(near);
        let mut seen = 0..0;
        let (mut step, mut dash) = (None, None);
        while let Some(id) = top.filter(|_| step.is_none() || dash.is_none()) {
            let all = id.index()..document.node(id).end.index();
            for below in all.clone().filter(|below| !seen.contains(below)) {
                let node = &document.nodes[below];
                let Some(parent) = node.parent.map(|parent| document.node(parent)) else {
                    continue;
                };
                if !matches!(parent.content, Content::Mapping { flow: false }) {
                    continue;
                }
                let columns = || {
                    let column = |at| placement::column(source, at);
                    column(node.span.start).checked_sub(column(parent.span.start))
                };
                match node.content {
                    Content::Mapping { flow: false } => step = step.or_else(columns),
                    Content::Sequence { flow: false } => dash = dash.or_else(columns),
                    _ => {}
                }
            }
            seen = all;
            top = document.node(id).parent;
        }
        let step = step.filter(|step| *step > 0);
        Self {
            line_break: placement::line_break(source),
            dash: dash.or(step).unwrap_or(DEFAULT_STEP),
            step: step.or(dash.filter(|dash| *dash > 0)).unwrap_or(DEFAULT_STEP),
            quoted_keys: flow::has_quoted_keys(source, document, near),
        }
    }

    pub(super) fn indent(&self, out: &mut String, column: usize) {
        out.extend(std::iter::repeat_n(' ', column));
    }

    fn line(&self, out: &mut String, column: usize) {
        out.push_str(self.line_break);
        self.indent(out, column);
    }

    /// A collection at the left margin; its last line is not ended.
    pub(super) fn at_margin(&self, out: &mut String, value: &NewValue, look: Look) {
        self.first_in_line(out, value, 0, look);
    }

    /// `key: value`, the key standing at `column`.
    pub(super) fn entry(
        &self,
        out: &mut String,
        key: &str,
        value: &NewValue,
        column: usize,
        look: Look,
    ) {
        let plain = !self.quoted_keys && quoting(key) == Quoting::Plain;
        match (plain, quoting(key)) {
            (true, _) => out.push_str(key),
            (false, Quoting::Single) if !self.quoted_keys => {
                out.push('\'');
                out.push_str(&key.replace('\'', "''"));
                out.push('\'');
            }
            _ => out.push_str(&double_quoted(key)),
        }
        out.push(':');
        self.behind_key(out, value, column, look);
    }

    /// What stands behind `key:`, which is at `column`.
    pub(super) fn behind_key(&self, out: &mut String, value: &NewValue, column: usize, look: Look) {
        match value {
            NewValue::Map(entries) if !value.is_inline() && look != Look::Brackets => {
                for (key, value) in entries {
                    self.line(out, column + self.step);
                    self.entry(out, key, value, column + self.step, look);
                }
            }
            NewValue::List(items) if !value.is_inline() && look != Look::Brackets => {
                for item in items {
                    self.line(out, column + self.dash);
                    self.item(out, item, column + self.dash, look);
                }
            }
            _ => {
                out.push(' ');
                self.inline(out, value, column + self.step, look);
            }
        }
    }

    /// `- value`, the dash standing at `column`.
    pub(super) fn item(&self, out: &mut String, value: &NewValue, column: usize, look: Look) {
        out.push('-');
        self.behind_dash(out, value, column, look);
    }

    /// What stands behind a dash at `column`.
    pub(super) fn behind_dash(
        &self,
        out: &mut String,
        value: &NewValue,
        column: usize,
        look: Look,
    ) {
        out.push(' ');
        self.first_in_line(out, value, column + 2, look);
    }

    /// A value whose first line begins at `column` already.
    fn first_in_line(&self, out: &mut String, value: &NewValue, column: usize, look: Look) {
        match value {
            NewValue::Map(entries) if !value.is_inline() && look != Look::Brackets => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        self.line(out, column);
                    }
                    self.entry(out, key, value, column, look);
                }
            }
            NewValue::List(items) if !value.is_inline() && look != Look::Brackets => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.line(out, column);
                    }
                    self.item(out, item, column, look);
                }
            }
            _ => self.inline(out, value, column, look),
        }
    }

    /// A scalar or a collection in brackets; the lines of a text of several lines stand at `column`.
    fn inline(&self, out: &mut String, value: &NewValue, column: usize, look: Look) {
        let NewValue::String(text) = value else {
            out.push_str(&flow::text(value));
            return;
        };
        match quoting(text) {
            Quoting::Plain => out.push_str(text),
            Quoting::Single => {
                out.push('\'');
                out.push_str(&text.replace('\'', "''"));
                out.push('\'');
            }
            Quoting::Literal if look == Look::Literals => {
                let body = text.strip_suffix('\n');
                out.push_str(if body.is_some() { "|" } else { "|-" });
                for line in body.unwrap_or(text).split('\n') {
                    if line.is_empty() {
                        out.push_str(self.line_break);
                    } else {
                        self.line(out, column);
                        out.push_str(line);
                    }
                }
            }
            Quoting::Literal | Quoting::Double => out.push_str(&double_quoted(text)),
        }
    }
}
