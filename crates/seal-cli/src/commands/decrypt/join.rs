//! Several YAML texts as one stream.

use seal_core::document::{Content, Stream, Value};
use seal_core::format::Format;
use seal_core::secret::SecretBytes;
use zeroize::Zeroizing;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Joins the texts, with `---` between them where it is missing.
///
/// # Errors
///
/// The index of a text that cannot be followed by another: it ends without a line break inside of a value, and the
/// break that the next text needs would become a part of it.
pub(super) fn join(texts: &[SecretBytes]) -> Result<Zeroizing<Vec<u8>>, usize> {
    // Room for all of it: a buffer that grows leaves copies of the plaintext behind.
    let length = texts.iter().map(|text| text.expose().len() + "\n...\n---\n".len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    let mut last = 0;
    for (index, text) in texts.iter().enumerate() {
        let mut text = text.expose();
        if !out.is_empty() {
            // It stands only at the start of a stream.
            text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        }
        if text.is_empty() {
            continue;
        }
        if !out.is_empty() {
            if !out.ends_with(b"\n") {
                if line_break_matters(texts[last].expose()) {
                    return Err(last);
                }
                out.push(b'\n');
            }
            match Start::of(text) {
                Start::Marker => {}
                Start::Directive => out.extend_from_slice(b"...\n"),
                Start::Content => out.extend_from_slice(b"---\n"),
            }
        }
        out.extend_from_slice(text);
        last = index;
    }
    Ok(out)
}

/// What the first line of a text is, comments and blank lines aside.
enum Start {
    Marker,
    Directive,
    Content,
}

impl Start {
    fn of(text: &[u8]) -> Self {
        let is_marker = text.starts_with(b"---")
            && matches!(text.get(3), None | Some(b' ' | b'\t' | b'\r' | b'\n'));
        if is_marker {
            return Self::Marker;
        }
        let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_start());
        match lines.find(|line| !line.is_empty() && !line.starts_with(b"#")) {
            Some([b'%', ..]) => Self::Directive,
            _ => Self::Content,
        }
    }
}

/// Whether the text means something else with a line break at its end.
fn line_break_matters(text: &[u8]) -> bool {
    let mut longer = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    longer.extend_from_slice(text);
    longer.push(b'\n');
    match (Format::Yaml.parse(text), Format::Yaml.parse(&longer)) {
        (Ok(before), Ok(after)) => last_value(&before) != last_value(&after),
        _ => true,
    }
}

fn last_value<'s>(stream: &'s Stream<'_>) -> Option<&'s Value<'s>> {
    let nodes = stream.documents.iter().flat_map(|document| &document.nodes);
    nodes.rev().find_map(|node| match &node.content {
        Content::Scalar(scalar) => Some(&scalar.value),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use seal_core::secret::SecretBytes;

    use super::join;

    fn joined(texts: &[&str]) -> Result<String, usize> {
        let texts: Vec<_> =
            texts.iter().map(|text| SecretBytes::new(text.as_bytes().to_vec())).collect();
        join(&texts).map(|joined| String::from_utf8(joined.to_vec()).unwrap())
    }

    #[test]
    fn a_marker_stands_between_texts_once() {
        for (texts, expected) in [
            (["a: 1\n", "b: 2\n"], "a: 1\n---\nb: 2\n"),
            (["a: 1\n", "---\nb: 2\n"], "a: 1\n---\nb: 2\n"),
            (["a: 1\n", "---"], "a: 1\n---"),
            (["a: 1\n", "---b: 2\n"], "a: 1\n---\n---b: 2\n"),
            (["a: 1", "b: 2"], "a: 1\n---\nb: 2"),
            (["", "b: 2\n"], "b: 2\n"),
            (["a: 1\n", ""], "a: 1\n"),
        ] {
            assert_eq!(joined(&texts).as_deref(), Ok(expected), "{texts:?}");
        }
    }

    #[test]
    fn a_directive_keeps_its_place_at_the_start_of_a_document() {
        let texts = ["a: 1\n", "# c\n%YAML 1.1\n---\nb: 2\n"];
        assert_eq!(joined(&texts).unwrap(), "a: 1\n...\n# c\n%YAML 1.1\n---\nb: 2\n");
        let stream = joined(&texts).unwrap();
        let stream = seal_core::format::Format::Yaml.parse(stream.as_bytes()).unwrap();
        assert_eq!(stream.documents.len(), 2);
    }

    #[test]
    fn a_byte_order_mark_stays_only_at_the_front() {
        assert_eq!(
            joined(&["\u{feff}a: 1\n", "\u{feff}b: 2\n"]).unwrap(),
            "\u{feff}a: 1\n---\nb: 2\n"
        );
    }

    #[test]
    fn a_value_that_a_line_break_would_change_is_not_followed() {
        assert_eq!(joined(&["a: |\n  x", "b: 2\n"]), Err(0));
        assert_eq!(joined(&["b: 2\n", "a: |\n  x"]).as_deref(), Ok("b: 2\n---\na: |\n  x"));
        assert_eq!(joined(&["a: |-\n  x", "b: 2\n"]).as_deref(), Ok("a: |-\n  x\n---\nb: 2\n"));
    }
}
