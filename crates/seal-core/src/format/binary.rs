//! Files of any content. Encrypted, such a file is a JSON object with one member, `data`, and the metadata.

use crate::cipher::is_enc_text;
use crate::document::{
    Content, Document, Edit, Key, Node, NodeId, Scalar, Span, Stream, Style, Value,
};
use crate::envelope::Field;
use crate::format::{EditError, SyntaxError, check_size, json};

/// The member that holds the content.
const DATA: &str = "data";

/// What stands around the content, laid out as SOPS does it.
const TEMPLATE: &[u8] = b"{\n\t\"data\": \"\"\n}\n";

/// Reads a file: what is JSON with an object `sops` is encrypted; all else is content, whatever it is.
///
/// # Errors
/// A file of 4 GiB or more.
pub fn parse(source: &[u8]) -> Result<Stream<'_>, SyntaxError> {
    if may_be_encrypted(source)
        && let Ok(mut stream) = json::parse(source)
        && stream.documents.iter().all(is_encrypted)
    {
        stream.documents.iter_mut().for_each(|document| document.is_manifest = false);
        return Ok(stream);
    }
    check_size(source)?;
    let span = Span::new(0, source.len());
    let root = Node {
        parent: None,
        key: None,
        position: 0,
        span,
        end: NodeId(2),
        content: Content::Mapping { flow: true },
    };
    let value = match std::str::from_utf8(source) {
        Ok(text) => Value::String(text.into()),
        Err(_) => Value::Bytes(source.into()),
    };
    let data = Node {
        parent: Some(NodeId::ROOT),
        key: Some(Key { text: DATA.into(), span: Span::new(0, 0), is_string: true }),
        position: 0,
        span,
        end: NodeId(2),
        content: Content::Scalar(Scalar { style: Style::Plain, value, tag: None }),
    };
    Ok(Stream { documents: vec![Document { span, nodes: vec![root, data], is_manifest: false }] })
}

/// Whether a file is in its encrypted form.
pub(crate) fn is_encrypted(document: &Document<'_>) -> bool {
    let sops = document.entry(document.root(), "sops");
    sops.is_some_and(|sops| matches!(document.node(sops).content, Content::Mapping { .. }))
}

/// Puts the beginning of the JSON object in the place of the content. [`inserted`] adds the rest.
pub(crate) fn encrypted(document: &Document<'_>, node: NodeId, enc: &str) -> Edit {
    let span = document.node(node).span;
    match is_encrypted(document) {
        true => json::edit::encrypted(document, node, enc),
        false => Edit {
            span,
            text: format!("{{\n\t\"data\": {}", json::edit::string_literal(enc)).into(),
        },
    }
}

/// Puts the content in the place of the whole file.
///
/// # Errors
/// Another value than that of `data`.
pub(crate) fn decrypted(
    source: &[u8],
    document: &Document<'_>,
    node: NodeId,
    value: &Value<'_>,
) -> Result<Vec<Edit>, EditError> {
    if content(document) != Some(node) {
        let problem =
            "a file of any content has one value, `data`: this is another format".to_owned();
        return Err(EditError { problem });
    }
    let span = Span::new(0, source.len());
    Ok(vec![Edit { span, text: value.canonical().to_vec() }])
}

/// Ends the JSON object: the metadata as SOPS lays them out. `indent` is that of what is inside them.
pub(crate) fn inserted(
    source: &[u8],
    document: &Document<'_>,
    mapping: NodeId,
    fields: &Field,
    indent: Option<&str>,
) -> Edit {
    if is_encrypted(document) {
        return json::metadata_block::insert(source, document, mapping, fields, indent);
    }
    let end = Span::new(source.len(), source.len());
    let template = json::parse(TEMPLATE).expect("the template is JSON");
    let document = &template.documents[0];
    let block = json::metadata_block::insert(TEMPLATE, document, document.root(), fields, indent);
    let mut text = block.text;
    text.extend_from_slice(b"\n}\n");
    Edit { span: end, text }
}

/// What is left to do for a file whose content [`decrypted`] did not write: it is empty, or was never encrypted.
pub(crate) fn removed(source: &[u8], document: &Document<'_>) -> Vec<Edit> {
    let value = content(document).map(|node| &document.node(node).content);
    match value {
        Some(Content::Scalar(Scalar { value: Value::String(text), .. })) if !is_enc_text(text) => {
            let span = Span::new(0, source.len());
            vec![Edit { span, text: text.as_bytes().to_vec() }]
        }
        _ => Vec::new(),
    }
}

/// The value of `data`, if there is nothing else beside the metadata.
fn content(document: &Document<'_>) -> Option<NodeId> {
    let root = document.root();
    let only = document.children(root).count() == 1 + usize::from(is_encrypted(document));
    document.entry(root, DATA).filter(|_| only)
}

/// A look that costs nothing, before the file is read as JSON.
fn may_be_encrypted(source: &[u8]) -> bool {
    let text = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    text.trim_ascii_start().starts_with(b"{") && memchr::memmem::find(source, b"sops").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::apply;

    #[test]
    fn any_bytes_are_the_value_of_data() {
        for source in
            [&b""[..], b"text\n", b"\xff\0", b"{\"data\": 1}", b"{\"sops\": [{}]}", b"{\"sops\": {"]
        {
            let stream = parse(source).unwrap();
            let document = &stream.documents[0];
            assert!(!is_encrypted(document));
            let Content::Scalar(scalar) = &document.node(content(document).unwrap()).content else {
                panic!("no value");
            };
            assert_eq!(&*scalar.value.canonical(), source);
        }
    }

    #[test]
    fn an_encrypted_file_is_the_json_that_sops_writes() {
        let source = b"\xffhunter2";
        let stream = parse(source).unwrap();
        let document = &stream.documents[0];
        let fields = Field::Map(vec![("version".to_owned(), Field::Text("3.13.2".to_owned()))]);
        let edits = vec![
            encrypted(document, NodeId(1), "ENC[AES256_GCM,data:x]"),
            inserted(source, document, NodeId(0), &fields, None),
        ];
        let written = apply(source, 0..source.len(), edits);
        let expected = "{\n\t\"data\": \"ENC[AES256_GCM,data:x]\",\n\t\"sops\": {\n\t\t\"version\": \"3.13.2\"\n\t}\n}\n";
        assert_eq!(String::from_utf8(written.clone()).unwrap(), expected);
        let stream = parse(&written).unwrap();
        let document = &stream.documents[0];
        assert!(is_encrypted(document) && removed(&written, document).is_empty());
        let value = Value::Bytes(source[..].into());
        let edits = decrypted(&written, document, content(document).unwrap(), &value).unwrap();
        assert_eq!(apply(&written, 0..written.len(), edits), source);
    }

    #[test]
    fn content_that_is_not_encrypted_comes_out_all_the_same() {
        let source = b"{\"sops\": {}, \"data\": \"\\u00e9\\n\"}";
        let stream = parse(source).unwrap();
        let edits = removed(source, &stream.documents[0]);
        assert_eq!(apply(source, 0..source.len(), edits), "\u{e9}\n".as_bytes());
    }
}
