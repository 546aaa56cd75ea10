//! dotenv into a [`Document`](crate::document::Document), line by line.

use std::borrow::Cow;

use super::PREFIX;
use crate::document::{Comment, Key, Position, Span, Stream, Style, Value};
use crate::format::flattened::{self, ENVELOPE, Line};
use crate::format::tree::Tree;
use crate::format::{SyntaxError, check_size};

/// Reads a dotenv file. The metadata become an entry `sops` behind all others, as they stand in other formats.
///
/// Lines end at a line feed; a carriage return before it belongs to the value. Keys may repeat.
///
/// # Errors
/// A line that SOPS does not take, or that could not be told from others once it is encrypted. No message holds any
/// text of the source.
pub fn parse(source: &[u8]) -> Result<Stream<'_>, SyntaxError> {
    let error = |at: usize, problem: &str| SyntaxError {
        position: Position::of(source, at),
        problem: problem.to_owned(),
    };
    check_size(source)?;
    let mut tree = Tree::new(source.len());
    let mut metadata = Vec::new();
    let ends = memchr::memchr_iter(b'\n', source).chain([source.len()]);
    let mut start = 0;
    for end in ends {
        let line = &source[start..end];
        let (at, behind) = (start, end);
        start = end + 1;
        let Some(first) = line.first() else { continue };
        if *first == b'#' {
            let text = std::str::from_utf8(&line[1..])
                .map_err(|_| error(at, "this comment is not valid UTF-8"))?;
            let comment = Comment { text, inline: false, dropped: false };
            tree.comment(Span::new(at + 1, behind), comment);
            continue;
        }
        let Some(equals) = memchr::memchr(b'=', line) else {
            return Err(error(at, problem_of(line)));
        };
        let key = std::str::from_utf8(&line[..equals])
            .map_err(|_| error(at, "this key is not valid UTF-8"))?;
        let key_span = Span::new(at, at + equals);
        let span = Span::new(at + equals + 1, behind);
        let value = &source[span.range()];
        if let Some(key) = key.strip_prefix(PREFIX) {
            let value = std::str::from_utf8(value)
                .map_err(|_| error(span.start, "this value of the metadata is not valid UTF-8"))?;
            metadata.push(Line { key, key_span, value: value.into(), span });
            continue;
        }
        if key == ENVELOPE {
            return Err(error(at, "a key named `sops` could not be told from the metadata"));
        }
        let key = Key { text: key.into(), span: key_span, is_string: true };
        tree.scalar(Some(key), span, Style::Plain, value_of(value));
    }
    if let (Some(first), Some(last)) = (metadata.first(), metadata.last()) {
        let span = Span::new(first.key_span.start, last.span.end);
        flattened::add_envelope(&mut tree, source, metadata, span)?;
    }
    Ok(tree.finish(source.len()))
}

/// What a value means.
fn value_of(value: &[u8]) -> Value<'_> {
    match std::str::from_utf8(value) {
        Ok(text) => Value::String(flattened::line_breaks(Cow::Borrowed(text))),
        Err(_) => Value::Bytes(super::edit::line_breaks(value).into()),
    }
}

/// Why a line without `=` is none.
fn problem_of(line: &[u8]) -> &'static str {
    if line.starts_with(b"\xef\xbb\xbf") {
        "a byte order mark makes this line neither a comment nor `KEY=value`"
    } else if line.trim_ascii().is_empty() {
        "a line that is not empty, but holds nothing except blanks, which sops does not read"
    } else if line.trim_ascii_start().starts_with(b"#") {
        "a comment has to begin in the first column"
    } else {
        "expected `KEY=value` or a comment"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Content, Document};

    /// Keys and values, comments as `#`, and `{` for the metadata.
    fn shape(document: &Document<'_>) -> Vec<Vec<u8>> {
        let nodes = document.nodes.iter().skip(1);
        nodes
            .map(|node| {
                let key = node.key.as_ref().map_or("", |key| &key.text);
                match &node.content {
                    Content::Comment(comment) => format!("#{}", comment.text).into_bytes(),
                    Content::Scalar(scalar) => {
                        [key.as_bytes(), b"=", &scalar.value.canonical()].concat()
                    }
                    _ => format!("{key}{{").into_bytes(),
                }
            })
            .collect()
    }

    #[test]
    fn nothing_is_trimmed_and_nothing_unquoted() {
        let source = b"#c \r\n export A = 'x' # y\n\nB=\nB=a=b\\n\\\\n\r\nC=\xff\\n";
        let stream = parse(source).unwrap();
        let expected: [&[u8]; 5] =
            [b"#c \r", b" export A = 'x' # y", b"B=", b"B=a=b\n\\\n\r", b"C=\xff\n"];
        assert_eq!(shape(&stream.documents[0]), expected);
    }

    #[test]
    fn every_node_stands_where_its_text_is() {
        let source = b"A=x\n#c\n\nlong key=two words";
        let stream = parse(source).unwrap();
        let document = &stream.documents[0];
        let text = |span: Span| std::str::from_utf8(&source[span.range()]).unwrap();
        let spans: Vec<&str> = document.nodes.iter().skip(1).map(|node| text(node.span)).collect();
        assert_eq!(spans, ["x", "c", "two words"]);
        let keys = document.nodes.iter().filter_map(|node| node.key.as_ref());
        assert_eq!(keys.map(|key| text(key.span)).collect::<Vec<_>>(), ["A", "long key"]);
    }

    #[test]
    fn the_metadata_are_one_entry_behind_all_others() {
        let source = b"sops_a__list_0=x\nA=y\nsops_b=z\n";
        let stream = parse(source).unwrap();
        let document = &stream.documents[0];
        let expected: [&[u8]; 5] = [b"A=y", b"sops{", b"a{", b"=x", b"b=z"];
        assert_eq!(shape(document), expected);
        assert!(!document.is_manifest);
    }
}
