//! Where the value of an entry or of an item begins and ends.

use super::super::placement;
use super::block::{Look, Manners};
use super::has_type;
use crate::change::NewValue;
use crate::document::{Content, Document, Edit, NodeId, Span, Style};
use crate::format::layout;

/// The place of a value in a block collection.
pub(super) struct Slot {
    id: NodeId,
    is_item: bool,
    /// Of the key, or of the dash.
    column: usize,
    /// Behind the `:` or `-`, and behind tag and anchor.
    after: usize,
    /// What stands on the line of the key, or of the dash.
    head: Span,
    /// What stands on further lines, from the end of the line before.
    body: Option<Span>,
}

impl Slot {
    /// Finds the place of a node; `None` for forms such as `? key`.
    pub(super) fn of(source: &[u8], document: &Document<'_>, id: NodeId) -> Option<Self> {
        let node = document.node(id);
        let parent = document.node(node.parent?);
        let column = placement::column(source, parent.span.start);
        let (is_item, indicator) = match &node.key {
            Some(key) => (false, behind_colon(source, key.span.end)?),
            None => (true, dash(source, document, id)? + 1),
        };
        let after = behind_properties(source, indicator).max(indicator);
        let (start, end) = (node.span.start, node.span.end);
        let (head, body) = match &node.content {
            Content::Mapping { flow: false } | Content::Sequence { flow: false } => {
                let end = trimmed(source, start, end_of_text(source, document, id));
                let end = with_own_comments(source, end, column);
                // The comment behind its last line goes with the lines.
                let has_lines = source[node.key.as_ref().map_or(start, |key| key.span.end)..end]
                    .iter()
                    .any(|byte| is_break(*byte));
                let is_ended = is_break(source[end - 1]);
                let end = if has_lines && !is_ended { line_end(source, end) } else { end };
                if source[after..start.max(after)].iter().any(|byte| is_break(*byte)) {
                    let line_end = line_end(source, after);
                    (Span::new(after, after), Some(Span::new(line_end, end.max(line_end))))
                } else {
                    (Span::new(start, end.max(start)), None)
                }
            }
            Content::Scalar(scalar) if matches!(scalar.style, Style::Literal | Style::Folded) => {
                let text = &source[start + 1..end];
                let indicators = text
                    .iter()
                    .take_while(|byte| matches!(byte, b'+' | b'-' | b'0'..=b'9'))
                    .count();
                let line_end = line_end(source, start);
                let end = trimmed(source, line_end, end);
                (Span::new(start, start + 1 + indicators), Some(Span::new(line_end, end)))
            }
            _ if start == end => (Span::new(after, after), None),
            _ => (node.span, None),
        };
        Some(Self { id, is_item, column, after, head, body })
    }

    /// The edits that put a value there.
    pub(super) fn filled(
        &self,
        source: &[u8],
        document: &Document<'_>,
        value: &NewValue,
        manners: &Manners<'_>,
        look: Look,
    ) -> Vec<Edit> {
        let mut text = String::new();
        if self.is_item {
            manners.behind_dash(&mut text, value, self.column, look);
        } else {
            manners.behind_key(&mut text, value, self.column, look);
        }
        let (first, rest) = match text.find(manners.line_break) {
            Some(at) => text.split_at(at),
            None => (text.as_str(), ""),
        };
        let mut edits: Vec<Edit> =
            tag_in_front(source, document, self.id, value).into_iter().collect();
        let mut head = self.head;
        let mut inline = first.trim_start_matches(' ').to_owned();
        let before = &source[self.after..head.start.max(self.after)];
        if inline.is_empty() {
            // Nothing stays behind the key but a comment.
            if before.iter().all(u8::is_ascii_whitespace) && edits.is_empty() {
                head = Span::new(self.after, head.end);
            }
        } else if head.start == self.after {
            inline.insert(0, ' ');
        }
        let head_end = head.end;
        edits.push(Edit { span: head, text: inline.into_bytes() });
        let body = match self.body {
            Some(body) => body,
            None => {
                let end = line_end(source, head_end);
                Span::new(end, end)
            }
        };
        if body.start < body.end || !rest.is_empty() {
            edits.push(Edit { span: body, text: rest.as_bytes().to_vec() });
        }
        edits
    }

    /// The edits that leave an empty collection, `{}` or `[]`, and take the lines of `gone` out of it.
    pub(super) fn emptied(&self, brackets: &str, gone: Edit) -> Vec<Edit> {
        match self.body {
            None => vec![Edit { span: self.head, text: brackets.as_bytes().to_vec() }],
            Some(_) => {
                let at = Span::new(self.after, self.after);
                vec![Edit { span: at, text: format!(" {brackets}").into_bytes() }, gone]
            }
        }
    }
}

/// Takes the tag in front of a value away, unless the new value is a text and any text fits the tag.
pub(super) fn tag_in_front(
    source: &[u8],
    document: &Document<'_>,
    id: NodeId,
    value: &NewValue,
) -> Option<Edit> {
    let node = document.node(id);
    if let (Content::Scalar(scalar), NewValue::String(_)) = (&node.content, value)
        && !has_type(scalar)
    {
        return None;
    }
    let mut from = match (&node.key, dash(source, document, id)) {
        (Some(key), _) => behind_colon(source, key.span.end)?,
        (None, Some(dash)) => dash + 1,
        (None, None) => behind_bracket_or_comma(source, document, id),
    };
    loop {
        let start = from + blanks(source, from);
        let word = word(source, start);
        match source.get(start)? {
            b'!' => {
                // One of the blanks around the tag stays.
                let end =
                    start + word + if from == start { blanks(source, start + word) } else { 0 };
                return Some(Edit { span: Span::new(from, end), text: Vec::new() });
            }
            b'&' => from = start + word,
            _ => return None,
        }
    }
}

/// Behind what stands in front of an item of `[…]`, blanks included.
fn behind_bracket_or_comma(source: &[u8], document: &Document<'_>, id: NodeId) -> usize {
    let node = document.node(id);
    let Some(parent) = node.parent else { return node.span.start };
    let previous = layout::members(document, parent).take_while(|member| *member < id).last();
    let from = match previous {
        Some(previous) => {
            let end = layout::end(document, previous);
            placement::behind_comma(source, end).unwrap_or(end)
        }
        None => document.node(parent).span.start + 1,
    };
    let blanks = source[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    from + blanks
}

/// Behind the `:` of a key; `None` where it is not on the key's line.
pub(super) fn behind_colon(source: &[u8], key_end: usize) -> Option<usize> {
    let at = key_end + blanks(source, key_end);
    (source.get(at) == Some(&b':')).then_some(at + 1)
}

/// Behind the tag and the anchor that follow on the line, if any do.
pub(super) fn behind_properties(source: &[u8], mut at: usize) -> usize {
    loop {
        let start = at + blanks(source, at);
        match source.get(start) {
            Some(b'!' | b'&') => at = start + word(source, start),
            _ => return at,
        }
    }
}

/// The `-` of an item of a block list.
pub(super) fn dash(source: &[u8], document: &Document<'_>, id: NodeId) -> Option<usize> {
    let node = document.node(id);
    let list = document.node(node.parent?);
    if !matches!(list.content, Content::Sequence { flow: false }) {
        return None;
    }
    if node.position == 0 {
        return (source.get(list.span.start) == Some(&b'-')).then_some(list.span.start);
    }
    let column = placement::column(source, list.span.start);
    let mut line = placement::line_start(source, node.span.start);
    while line >= list.span.start {
        let dash = line + column;
        let is_dash = source.get(dash) == Some(&b'-')
            && source.get(dash + 1).is_none_or(u8::is_ascii_whitespace)
            && source[line..dash].iter().all(|byte| *byte == b' ');
        if is_dash {
            return Some(dash);
        }
        line = placement::line_start(source, line.checked_sub(1)?);
    }
    None
}

/// Where the text of a node ends, without the line break and the empty lines that may end a block scalar. Those stay
/// where the scalar keeps them (`|+`).
pub(super) fn end_of_text(source: &[u8], document: &Document<'_>, id: NodeId) -> usize {
    let end = placement::content_end(document, id);
    let last = document.nodes[id.index()..document.node(id).end.index()]
        .iter()
        .rev()
        .find(|node| !matches!(node.content, Content::Comment(_)));
    let Some(last) = last else { return end };
    match &last.content {
        Content::Scalar(scalar) if matches!(scalar.style, Style::Literal | Style::Folded) => {
            let header = &source[last.span.start..line_end(source, last.span.start)];
            if header.iter().take(3).any(|byte| *byte == b'+') {
                end
            } else {
                trimmed(source, last.span.start, end)
            }
        }
        // What stands behind the colon of an empty value.
        Content::Scalar(_) if last.span.start == last.span.end => {
            let indicator = match &last.key {
                Some(key) => behind_colon(source, key.span.end),
                None => Some(last.span.start),
            };
            indicator.map_or(end, |at| end.max(behind_properties(source, at)))
        }
        _ => end,
    }
}

/// Behind the comment lines that follow directly and stand further right than `column`, the last line break left out.
pub(super) fn with_own_comments(source: &[u8], end: usize, column: usize) -> usize {
    let mut at = end;
    let mut line = following_line(source, end);
    loop {
        let blanks = blanks(source, line);
        if line >= source.len() || blanks <= column || source.get(line + blanks) != Some(&b'#') {
            return at;
        }
        at = line_end(source, line);
        line = placement::next_line(source, line);
    }
}

/// Behind the empty lines that follow directly.
pub(super) fn with_empty_lines(source: &[u8], end: usize) -> usize {
    let mut at = end;
    let mut line = following_line(source, end);
    loop {
        let text = &source[line..line_end(source, line)];
        if line >= source.len() || text.iter().any(|byte| *byte != b' ') {
            return at;
        }
        line = placement::next_line(source, line);
        at = line;
    }
}

/// The line behind a text that ends there, with its line break or without.
fn following_line(source: &[u8], end: usize) -> usize {
    match end.checked_sub(1).map(|last| source[last]) {
        Some(b'\n' | b'\r') => end,
        _ => placement::next_line(source, end),
    }
}

/// The end of the line at `at`, its break not included.
pub(super) fn line_end(source: &[u8], at: usize) -> usize {
    memchr::memchr2(b'\n', b'\r', &source[at..]).map_or(source.len(), |found| at + found)
}

/// The end of the last line between two places that has something on it.
fn trimmed(source: &[u8], start: usize, mut end: usize) -> usize {
    while end > start {
        let line = placement::line_start(source, end);
        if source[line..end].iter().any(|byte| *byte != b' ') {
            return end;
        }
        if line <= start {
            break;
        }
        end = line - 1;
        if source[..=end].ends_with(b"\r\n") {
            end -= 1;
        }
    }
    end.max(start)
}

fn blanks(source: &[u8], at: usize) -> usize {
    source[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Length of what stands there up to a blank, or to what ends a member of brackets.
fn word(source: &[u8], at: usize) -> usize {
    let ends = |byte: &&u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'}' | b']');
    source[at..].iter().take_while(|byte| !ends(byte)).count()
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}
