//! YAML as go-yaml v3 reads it, because that is what SOPS reads with.
//!
//! `scanner` (with `scalars`, `properties`, `comments`) → tokens → `parser` → events → `compose` → nodes →
//! `arrange` → [`Document`]s whose comments stand where SOPS puts them.

use crate::document::{Content, Document, Position, Span, Stream};
use crate::format::SyntaxError;

mod arrange;
mod block_scalar;
mod comments;
mod compose;
pub mod edit;
pub mod metadata_block;
mod parser;
pub mod placement;
mod properties;
mod resolve;
mod scalars;
mod scanner;
mod token;

const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// Reads all documents of a source.
///
/// Accepts what go-yaml v3 accepts, with its types and values; a differential test holds it to that.
///
/// # Errors
/// Text that is no YAML 1.1 in go-yaml's reading, is not UTF-8, or holds characters that YAML forbids; duplicate
/// keys; tags that their text does not fit; aliases without anchor.
pub fn parse(source: &[u8]) -> Result<Stream<'_>, SyntaxError> {
    let text = checked_text(source)?;
    let mut composer = compose::Composer::new(text);
    composer.compose()?;
    let has_aliases = composer.has_aliases;
    let lines = std::mem::take(&mut composer.parser.scanner.comment_lines);
    let composed = composer.documents;

    let starts: Vec<usize> = composed.iter().map(|document| document.start).collect();
    let mut placed = Vec::new();
    let arranged: Vec<_> = composed
        .into_iter()
        .map(|document| arrange::arrange(text, document, &mut placed))
        .collect();
    // Feet of a document may stand behind the next `---`, so what is missing shows only at the end.
    placed.sort_unstable_by_key(|span| span.start);
    let dropped: Vec<Span> = lines
        .into_iter()
        .filter(|line| placed.binary_search_by_key(&line.start, |span| span.start).is_err())
        .collect();

    let mut documents = Vec::with_capacity(arranged.len());
    let mut maps = Vec::new();
    let mut first = 0;
    for (index, document) in arranged.into_iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(text.len());
        let span = Span::new(starts[index], end);
        let count = dropped[first..].partition_point(|line| line.start < end);
        let arranged = arrange::add_dropped(text, document, &dropped[first..first + count]);
        first += count;
        documents.push(Document { span, nodes: arranged.nodes });
        if has_aliases {
            maps.push(arranged.map);
        }
    }
    if has_aliases {
        for document in &mut documents {
            for node in &mut document.nodes {
                if let Content::Alias { document, node, .. } = &mut node.content
                    && let Some(map) = &maps[*document]
                {
                    node.0 = map[node.index()];
                }
            }
        }
    }
    Ok(Stream { documents })
}

/// UTF-8 without the characters that YAML forbids.
fn checked_text(source: &[u8]) -> Result<&str, SyntaxError> {
    if source.starts_with(&[0xFF, 0xFE]) || source.starts_with(&[0xFE, 0xFF]) {
        let problem = "the file is UTF-16; convert it to UTF-8".to_owned();
        return Err(SyntaxError { position: Position { line: 1, column: 1 }, problem });
    }
    let text = std::str::from_utf8(source).map_err(|error| SyntaxError {
        position: Position::of(source, error.valid_up_to()),
        problem: "the file is not UTF-8 here".to_owned(),
    })?;
    match text
        .bytes()
        .position(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || byte >= 0x7F)
    {
        None => Ok(text),
        Some(first) => {
            let forbidden = text[first..].char_indices().find(|(_, character)| {
                !matches!(character,
                    '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{D7FF}'
                    | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
            });
            match forbidden {
                None => Ok(text),
                Some((offset, character)) => Err(SyntaxError {
                    position: Position::of(source, first + offset),
                    problem: format!(
                        "the character U+{:04X} may not stand in YAML",
                        character as u32
                    ),
                }),
            }
        }
    }
}
