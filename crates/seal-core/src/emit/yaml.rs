//! YAML as go-yaml v3 prints it for SOPS: blocks, `- ` below its key, the same quotes and literal blocks.
//!
//! It differs where go-yaml writes what go-yaml does not read back: texts that begin with a tab or hold U+2028 come in
//! double quotes, and the indentation indicator of a literal block is the one that its place needs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::error::EmitError;
use super::text::{Text, short_float};
use super::trail::Trail;
use super::tree::{Comment, Entry, Item, Node, Scalar, Tree, comments_first};
use crate::document::Value;
use crate::format::yaml::quoting::{self, Quoting, is_printable};

/// Prints all documents. `step` is the blanks per level; `as_sops`, the key `<<` is written as a merge key.
pub(super) fn print(
    tree: &Tree,
    step: usize,
    as_sops: bool,
    out: &mut Text,
) -> Result<(), EmitError> {
    let comments_follow = tree.comments_follow && !as_sops;
    for (index, entries) in tree.documents.iter().enumerate() {
        if index > 0 {
            out.push("---\n");
        }
        let trail = Trail::default();
        Printer { out, step, as_sops, comments_follow, trail }.top(entries)?;
    }
    Ok(())
}

/// Prints any value as a document.
pub(super) fn print_node(
    node: &Node,
    step: usize,
    as_sops: bool,
    out: &mut Text,
) -> Result<(), EmitError> {
    let trail = Trail::default();
    let mut printer = Printer { out, step, as_sops, comments_follow: false, trail };
    match node {
        Node::Mapping(entries) => printer.top(entries),
        Node::Sequence(items) if has_items(items) => printer.items(items, 0, false),
        Node::Sequence(items) => {
            for item in items {
                if let Item::Comment(comment) = item {
                    printer.comment(comment, 0);
                }
            }
            printer.out.push("[]\n");
            Ok(())
        }
        Node::Scalar(scalar) => {
            printer.scalar(scalar, printer.step, printer.step, None);
            Ok(())
        }
    }
}

/// go-yaml writes longer keys behind a `?`.
const LONGEST_SIMPLE_KEY: usize = 128;

/// go-yaml breaks the base64 of bytes after so many characters.
const BASE64_LINE: usize = 70;

struct Printer<'p> {
    out: &'p mut Text,
    step: usize,
    as_sops: bool,
    /// Comments behind their entry have to come before it.
    comments_follow: bool,
    trail: Trail,
}

impl Printer<'_> {
    fn top(&mut self, entries: &[Entry]) -> Result<(), EmitError> {
        if has_pairs(entries) {
            return self.entries(entries, 0, false);
        }
        for entry in entries {
            if let Entry::Comment(comment) = entry {
                self.comment(comment, 0);
            }
        }
        self.out.push("{}\n");
        Ok(())
    }

    /// Prints a mapping that is not empty. With `started`, its first line has its indentation already, and the comments
    /// before its first entry are printed.
    fn entries(
        &mut self,
        entries: &[Entry],
        indent: usize,
        started: bool,
    ) -> Result<(), EmitError> {
        let mut started = started;
        let first = if started { leading_comments(entries).count() } else { 0 };
        let ordered = match self.comments_follow {
            true => comments_first(&entries[first..]),
            false => entries[first..].iter().collect(),
        };
        let mut inline = None;
        for entry in ordered {
            match entry {
                Entry::Comment(comment) if comment.inline => {
                    if let Some(before) = inline.replace(comment) {
                        self.comment(before, indent);
                    }
                }
                Entry::Comment(comment) => self.comment(comment, indent),
                Entry::Pair { key, value } => {
                    self.trail.enter_key(key)?;
                    let comment = match value {
                        Node::Scalar(_) => inline.take(),
                        _ => None,
                    };
                    if let Some(before) = inline.take() {
                        self.comment(before, indent);
                    }
                    if !std::mem::take(&mut started) {
                        self.out.blanks(indent);
                    }
                    self.pair(key, value, indent, comment)?;
                    self.trail.leave();
                }
            }
        }
        if let Some(last) = inline {
            self.comment(last, indent);
        }
        Ok(())
    }

    fn pair(
        &mut self,
        key: &str,
        value: &Node,
        indent: usize,
        comment: Option<&Comment>,
    ) -> Result<(), EmitError> {
        let inner = self.inner(indent);
        let is_simple = key.len() <= LONGEST_SIMPLE_KEY
            && !key.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
        if is_simple {
            self.simple_key(key);
            self.out.push(":");
        } else {
            self.out.push("? ");
            self.text(key, inner, inner - indent, None);
            self.out.blanks(indent);
            self.out.push(":");
        }
        // Behind `:` on its own line go-yaml goes on with what fits there.
        let room = (!is_simple && inner - indent > 1).then_some(inner - indent - 1);
        match value {
            Node::Mapping(entries) if has_pairs(entries) => {
                let comments = leading_comments(entries).count();
                let started = self.start(room.filter(|_| comments == 0));
                self.entries(entries, inner, started)
            }
            Node::Sequence(items) if has_items(items) => {
                let comments = matches!(items.first(), Some(Item::Comment(_)));
                let started = self.start(room.filter(|_| !comments));
                self.items(items, inner, started)
            }
            Node::Mapping(entries) => {
                let comments = entries.iter().filter_map(|entry| match entry {
                    Entry::Comment(comment) => Some(comment),
                    Entry::Pair { .. } => None,
                });
                self.empty_mapping(comments, indent);
                Ok(())
            }
            Node::Sequence(items) => {
                self.out.push(" []\n");
                for item in items {
                    if let Item::Comment(comment) = item {
                        self.comment(comment, indent);
                    }
                }
                Ok(())
            }
            Node::Scalar(scalar) => {
                self.out.push(" ");
                self.scalar(scalar, inner, inner - indent, comment);
                Ok(())
            }
        }
    }

    /// Goes on behind a `:`, on its line where there is room.
    fn start(&mut self, room: Option<usize>) -> bool {
        match room {
            Some(blanks) => self.out.blanks(blanks),
            None => self.out.push("\n"),
        }
        room.is_some()
    }

    /// Prints a sequence that is not empty. With `started`, its first line has its indentation already.
    fn items(&mut self, items: &[Item], indent: usize, started: bool) -> Result<(), EmitError> {
        let mut started = started;
        let mut index = 0;
        let mut inline: Option<&Comment> = None;
        for item in items {
            let node = match item {
                Item::Comment(comment) => {
                    if let Some(before) = inline.take() {
                        self.comment(before, indent);
                    }
                    match comment.inline {
                        true => inline = Some(comment),
                        false => self.comment(comment, indent),
                    }
                    continue;
                }
                Item::Node(node) => node,
            };
            self.trail.enter_index(index)?;
            let comment = match node {
                Node::Scalar(_) => inline.take(),
                _ => None,
            };
            if let Some(before) = inline.take() {
                self.comment(before, indent);
            }
            if !std::mem::take(&mut started) {
                // go-yaml writes the head of a mapping before the dash.
                self.heads(node, indent);
                self.out.blanks(indent);
            }
            self.item(node, indent, comment)?;
            self.trail.leave();
            index += 1;
        }
        if let Some(last) = inline {
            self.comment(last, indent);
        }
        Ok(())
    }

    fn item(
        &mut self,
        node: &Node,
        indent: usize,
        comment: Option<&Comment>,
    ) -> Result<(), EmitError> {
        self.out.push("-");
        match node {
            Node::Mapping(entries) if has_pairs(entries) => {
                self.out.push(" ");
                self.entries(entries, indent + 2, true)
            }
            Node::Sequence(items) if has_items(items) => {
                self.out.push(" ");
                let first = items.iter().take_while(|item| matches!(item, Item::Comment(_)));
                let first = first.count();
                self.items(&items[first..], indent + 2, true)
            }
            Node::Mapping(_) => {
                self.out.push(" {}\n");
                Ok(())
            }
            Node::Sequence(_) => {
                self.out.push(" []\n");
                Ok(())
            }
            Node::Scalar(scalar) => {
                self.out.push(" ");
                self.scalar(scalar, indent + 2, 2, comment);
                Ok(())
            }
        }
    }

    /// The comments at the beginning of an item that is a collection.
    fn heads(&mut self, node: &Node, indent: usize) {
        match node {
            Node::Mapping(entries) => {
                for comment in leading_comments(entries) {
                    self.comment(comment, indent);
                }
            }
            Node::Sequence(items) => {
                for item in items {
                    match item {
                        Item::Comment(comment) => self.comment(comment, indent),
                        Item::Node(first) => return self.heads(first, indent),
                    }
                }
            }
            Node::Scalar(_) => {}
        }
    }

    /// go-yaml writes comments into the braces of an empty mapping, and behind the brackets of an empty sequence.
    fn empty_mapping<'c>(&mut self, comments: impl Iterator<Item = &'c Comment>, indent: usize) {
        self.out.push(" {");
        let mut comments = comments.peekable();
        if comments.peek().is_some() {
            self.out.push("\n");
            let inner = self.inner(indent);
            for comment in comments {
                self.comment(comment, inner);
            }
            self.out.blanks(indent);
        }
        self.out.push("}\n");
    }

    /// Prints what fits behind a key or dash, and ends the line. Lines of a literal text stand at `indent`, which is
    /// `relative` blanks further than what they belong to.
    fn scalar(
        &mut self,
        scalar: &Scalar,
        indent: usize,
        relative: usize,
        comment: Option<&Comment>,
    ) {
        match scalar.value() {
            Value::Null => self.out.push("null"),
            Value::Bool(bool) => self.out.push(if *bool { "true" } else { "false" }),
            Value::Int(int) => self.out.push(&int.to_string()),
            Value::UInt(int) => self.out.push(&int.to_string()),
            Value::Float(float) if float.is_nan() => self.out.push(".nan"),
            Value::Float(float) if float.is_infinite() => {
                self.out.push(if *float > 0.0 { ".inf" } else { "-.inf" });
            }
            Value::Float(float) => self.out.push(&short_float(*float, 'e')),
            Value::Time(time) => self.out.push(&time.to_rfc3339()),
            Value::String(text) => return self.text(text, indent, relative, comment),
            Value::Bytes(bytes) => {
                self.out.push("!!binary ");
                return self.binary(&Zeroizing::new(STANDARD.encode(bytes)), indent, comment);
            }
        }
        self.end(comment);
    }

    /// Base64 text, in lines of a block where one does not hold it.
    fn binary(&mut self, base64: &str, indent: usize, comment: Option<&Comment>) {
        if base64.len() < BASE64_LINE {
            self.out.push(base64);
            return self.end(comment);
        }
        self.out.push("|");
        self.end(comment);
        let mut rest = base64;
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(BASE64_LINE));
            self.out.blanks(indent);
            self.out.push(line);
            self.out.push("\n");
            rest = more;
        }
    }

    fn quoting(&self, text: &str) -> Quoting {
        match self.as_sops {
            true => quoting::quoting_for_go(text),
            false => quoting::quoting(text),
        }
    }

    fn simple_key(&mut self, key: &str) {
        match self.quoting(key) {
            _ if self.as_sops && key == "<<" => self.out.push("!!merge <<"),
            Quoting::Plain => self.out.push(key),
            Quoting::Single => self.single_quoted(key),
            Quoting::Double | Quoting::Literal => self.double_quoted(key),
        }
    }

    fn text(&mut self, text: &str, indent: usize, relative: usize, comment: Option<&Comment>) {
        if text.contains('\n') && can_be_literal(text) {
            return self.literal(text, indent, relative, comment);
        }
        match self.quoting(text) {
            _ if self.as_sops && text == "<<" => self.out.push("!!merge <<"),
            Quoting::Plain => self.out.push(text),
            Quoting::Single => self.single_quoted(text),
            Quoting::Double | Quoting::Literal => self.double_quoted(text),
        }
        self.end(comment);
    }

    fn literal(&mut self, text: &str, indent: usize, relative: usize, comment: Option<&Comment>) {
        self.out.push("|");
        if text.starts_with([' ', '\n']) {
            let hint = if self.as_sops { self.step } else { relative };
            self.out.push(&hint.to_string());
        }
        match text.strip_suffix('\n') {
            None => self.out.push("-"),
            Some(body) if body.is_empty() || body.ends_with('\n') => self.out.push("+"),
            Some(_) => {}
        }
        self.end(comment);
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            if !line.is_empty() {
                self.out.blanks(indent);
                self.out.push(line);
            }
            self.out.push("\n");
        }
    }

    fn single_quoted(&mut self, text: &str) {
        self.out.push("'");
        for (index, part) in text.split('\'').enumerate() {
            if index > 0 {
                self.out.push("''");
            }
            self.out.push(part);
        }
        self.out.push("'");
    }

    fn double_quoted(&mut self, text: &str) {
        quoting::write_double_quoted(text, &mut |part| self.out.push(part));
    }

    fn end(&mut self, comment: Option<&Comment>) {
        if let Some(comment) = comment {
            self.out.push(" #");
            self.out.push(&comment.text);
        }
        self.out.push("\n");
    }

    /// What a comment of another format holds need not be one line of YAML.
    fn comment(&mut self, comment: &Comment, indent: usize) {
        const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
        for (index, line) in comment.text.trim_end_matches(BREAKS).split(BREAKS).enumerate() {
            self.out.blanks(indent);
            // go-yaml gives further lines a marker and a blank where they bring none.
            match index {
                0 => self.out.push("#"),
                _ if line.starts_with('#') => {}
                _ => self.out.push("# "),
            }
            self.out.push(line);
            self.out.push("\n");
        }
    }

    /// go-yaml goes to the next multiple: entries of a list's item stand two spaces right of its dash.
    fn inner(&self, indent: usize) -> usize {
        (indent / self.step + 1) * self.step
    }
}

fn has_pairs(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| matches!(entry, Entry::Pair { .. }))
}

fn has_items(items: &[Item]) -> bool {
    items.iter().any(|item| matches!(item, Item::Node(_)))
}

fn leading_comments(entries: &[Entry]) -> impl Iterator<Item = &Comment> {
    entries.iter().map_while(|entry| match entry {
        Entry::Comment(comment) if !comment.inline => Some(comment),
        _ => None,
    })
}

/// Texts of several lines that go-yaml writes as a block, without those that it does not read back from one.
fn can_be_literal(text: &str) -> bool {
    !text.ends_with(' ')
        && !text.contains(" \n")
        && !text.starts_with('\t')
        && text.chars().all(|character| matches!(character, '\n' | '\t') || is_printable(character))
}
