//! A stream in pieces that can be read independently.
//!
//! A `---` at column 0 ends a document wherever it stands in YAML: it cannot be part of a block scalar, and inside
//! quotes or brackets it is an error. So a stream can be cut before any of it is parsed, pieces without interest need
//! no parsing, and the others can be read in parallel.

use memchr::memmem::Finder;
use rayon::prelude::*;

use crate::document::Stream;
use crate::format::{Format, SyntaxError};

/// Below this many bytes threads cost more than they save.
const PARALLEL_FROM: usize = 1 << 17;

/// A part of the source.
pub(crate) struct Piece<'s> {
    /// What stands before it, to count lines for messages.
    pub(crate) before: &'s [u8],
    pub(crate) text: &'s [u8],
    /// `None` where nothing of interest can stand.
    pub(crate) stream: Option<Stream<'s>>,
}

/// Cuts and reads a source; pieces for which `wanted` is false are not read.
///
/// # Errors
/// The position is that in the whole source.
pub(crate) fn read<'s>(
    format: Format,
    source: &'s [u8],
    wanted: impl Fn(&[u8]) -> bool + Sync,
) -> Result<Vec<Piece<'s>>, SyntaxError> {
    let cuts = match format {
        Format::Yaml => cut(source),
        Format::Json | Format::Dotenv | Format::Ini | Format::Binary => vec![0],
    };
    if cuts.len() == 1 {
        return whole(format, source);
    }
    let ends = cuts.iter().skip(1).copied().chain([source.len()]);
    let spans: Vec<(usize, usize)> = cuts.iter().copied().zip(ends).collect();
    let read_one = |(start, end): (usize, usize)| {
        let text = &source[start..end];
        let stream = if wanted(text) { Some(format.parse(text)?) } else { None };
        Ok(Piece { before: &source[..start], text, stream })
    };
    let pieces: Result<Vec<Piece<'s>>, SyntaxError> = if source.len() >= PARALLEL_FROM {
        spans.into_par_iter().map(read_one).collect()
    } else {
        spans.into_iter().map(read_one).collect()
    };
    // An alias to an earlier document, or a directive before the `---`: only the whole stream tells.
    pieces.or_else(|_| whole(format, source))
}

/// Reads the pieces that were not wanted at first.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_rest<'s>(
    format: Format,
    source: &'s [u8],
    pieces: &mut Vec<Piece<'s>>,
) -> Result<(), SyntaxError> {
    if pieces.iter().any(|piece| piece.stream.is_none()) {
        *pieces = read(format, source, |_| true)?;
    }
    Ok(())
}

/// The source as a single piece: where comments stand before a `---`, only the whole stream tells to whom they belong.
///
/// # Errors
/// As [`read`].
pub(crate) fn whole(format: Format, source: &[u8]) -> Result<Vec<Piece<'_>>, SyntaxError> {
    let stream = Some(format.parse(source)?);
    Ok(vec![Piece { before: &[], text: source, stream }])
}

/// Runs `work` on each piece, in parallel where that pays, and keeps the order. Of several errors the first one in the
/// file is returned, however the threads ran.
pub(crate) fn each<'p, 's, T: Send, E: Send>(
    source: &[u8],
    pieces: &'p [Piece<'s>],
    work: impl Fn(&'p Piece<'s>) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    if source.len() >= PARALLEL_FROM && pieces.len() > 1 {
        let done: Vec<Result<T, E>> = pieces.par_iter().map(&work).collect();
        done.into_iter().collect()
    } else {
        pieces.iter().map(&work).collect()
    }
}

/// Offsets at which a document may begin: 0 and every `---` line.
fn cut(source: &[u8]) -> Vec<usize> {
    let mut cuts = vec![0];
    for at in Finder::new(b"\n---").find_iter(source) {
        if matches!(source.get(at + 4), None | Some(b' ' | b'\t' | b'\n' | b'\r')) {
            cuts.push(at + 1);
        }
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_only_at_markers_in_the_first_column() {
        let source = b"a: 1\n---\nb: |\n  x\n  ---\n---x: 1\n--- # c\nc: 2\n---";
        let texts: Vec<&[u8]> = cut(source).iter().map(|at| &source[*at..]).collect();
        assert_eq!(cut(source).len(), 4);
        assert!(texts[1].starts_with(b"---\nb"));
        assert!(texts[2].starts_with(b"--- # c"));
        assert_eq!(texts[3], b"---");
    }

    #[test]
    fn an_alias_to_an_earlier_document_is_found_by_reading_the_whole() {
        let source = b"a: &x Secret\n---\nb: *x\n";
        let pieces = read(Format::Yaml, source, |_| true).unwrap();
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].stream.as_ref().unwrap().documents.len(), 2);
    }

    #[test]
    fn a_broken_piece_is_reported_where_it_stands() {
        let error = read(Format::Yaml, b"a: 1\n---\nb: [\n", |_| true).err().unwrap();
        assert_eq!(error.position.line, 4);
    }
}
