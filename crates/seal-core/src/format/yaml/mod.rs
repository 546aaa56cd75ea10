//! YAML as go-yaml v3 reads it, because that is what SOPS reads with.
//!
//! `scanner` (with `cursor`, `scalars`, `properties`, `comments`) → tokens → `parser` → events → `compose` → nodes →
//! `arrange` and `dropped` → [`Document`]s whose comments stand where SOPS puts them.
//!
//! A document is arranged as soon as it is composed, in time and memory linear in its bytes, and nothing recurses.

use crate::document::{Content, Document, Position, Span, Stream};
use crate::format::{SyntaxError, check_size};

mod arrange;
mod block_scalar;
pub(crate) mod change;
mod characters;
mod comments;
mod compose;
mod cursor;
mod dropped;
pub mod edit;
mod event;
pub mod metadata_block;
mod parser;
pub mod placement;
mod properties;
pub(crate) mod quoting;
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
    let mut placed = Vec::new();
    let mut arranged = Vec::new();
    while let Some(document) = composer.next_document().map_err(|error| *error)? {
        arranged.push(arrange::arrange(text, document, &mut placed));
    }
    let lines = std::mem::take(&mut composer.parser.scanner.comment_lines);
    let has_aliases = composer.has_aliases;
    drop(composer);

    // Feet of a document may stand behind the next `---`, so what is missing shows only at the end.
    placed.sort_unstable_by_key(|span| span.start);
    let is_dropped =
        |line: &Span| placed.binary_search_by_key(&line.start, |span| span.start).is_err();
    let dropped: Vec<Span> = lines.into_iter().filter(is_dropped).collect();
    let mut dropped = dropped.as_slice();
    let mut end = text.len();
    let mut spans = Vec::with_capacity(arranged.len());
    for document in arranged.iter_mut().rev() {
        let (before, own) =
            dropped.split_at(dropped.partition_point(|line| line.start < document.start));
        dropped::add_dropped(text, document, own);
        dropped = before;
        spans.push(Span::new(document.start, end));
        end = document.start;
    }
    if has_aliases {
        point_aliases(&mut arranged);
    }
    let documents = arranged.into_iter().zip(spans.into_iter().rev());
    let documents = documents.map(|(document, span)| Document {
        span,
        nodes: document.nodes,
        is_manifest: true,
    });
    Ok(Stream { documents: documents.collect() })
}

/// Comments moved the nodes that aliases mean.
fn point_aliases(documents: &mut [arrange::Arranged<'_>]) {
    let maps: Vec<_> = documents.iter_mut().map(|document| document.map.take()).collect();
    for node in documents.iter_mut().flat_map(|document| &mut document.nodes) {
        if let Content::Alias { document, node, .. } = &mut node.content
            && let Some(map) = &maps[*document]
        {
            node.0 = map[node.index()];
        }
    }
}

/// UTF-8 without the characters that YAML forbids.
fn checked_text(source: &[u8]) -> Result<&str, SyntaxError> {
    let start = Position { line: 1, column: 1 };
    if source.starts_with(&[0xFF, 0xFE]) || source.starts_with(&[0xFE, 0xFF]) {
        let problem = "the file is UTF-16; convert it to UTF-8".to_owned();
        return Err(SyntaxError { position: start, problem });
    }
    check_size(source)?;
    let text = std::str::from_utf8(source).map_err(|error| SyntaxError {
        position: Position::of(source, error.valid_up_to()),
        problem: "the file is not UTF-8 here".to_owned(),
    })?;
    match forbidden_character(text) {
        None => Ok(text),
        Some((offset, character)) => Err(SyntaxError {
            position: Position::of(source, offset),
            problem: format!("the character U+{:04X} may not stand in YAML", character as u32),
        }),
    }
}

/// The first character that YAML forbids, and where it stands.
fn forbidden_character(text: &str) -> Option<(usize, char)> {
    // A whole chunk of text is looked at without a branch for each byte.
    const CHUNK: usize = 64;
    let is_plain = |chunk: &&[u8]| {
        !chunk
            .iter()
            .fold(false, |odd, byte| odd | !matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r'))
    };
    let allowed = |character: char| {
        matches!(character,
            '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{D7FF}'
            | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
    };
    let mut at = 0;
    while at < text.len() {
        let plain = text.as_bytes()[at..].chunks(CHUNK).take_while(is_plain);
        at += plain.map(<[u8]>::len).sum::<usize>();
        let chunk = &text[at..text.floor_char_boundary(at + CHUNK)];
        let forbidden = chunk.char_indices().find(|(_, character)| !allowed(*character));
        if let Some((offset, character)) = forbidden {
            return Some((at + offset, character));
        }
        at += chunk.len();
    }
    None
}
