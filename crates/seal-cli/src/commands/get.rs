//! `seal get`

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use seal_core::document::{Content, Document, NodeId, Scalar, Stream, Value};
use seal_core::emit::Node;
use seal_core::file::DecryptOptions;
use seal_core::format::Format;
use zeroize::Zeroizing;

use super::conversion::Conversion;
use super::decrypt::Decryption;
use super::documents::{self, Found};
use super::files::{self, STDIN};
use super::sealing::{self, SealingKeys};
use super::{Context, Outcome};
use crate::args::GetArgs;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, is_stdin};
use crate::reason::Reason;
use crate::ui::{Report, escape};
use crate::write::{self, NewFile, Writer};

pub(super) fn run(arguments: &GetArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let path = documents::path(&arguments.path)?;
    let stdin = is_stdin(&arguments.file);
    let name = if stdin { Path::new(STDIN) } else { &arguments.file };
    let (format, source) = if stdin {
        let source = write::read_stdin()?;
        (files::format_of_stdin(arguments.file_type, None, source.expose())?, source)
    } else {
        inputs::check_file(name)?;
        if name.is_dir() {
            return Err(CommandError::failed("is a directory")
                .in_file(name)
                .because(Reason::CannotRead)
                .hint("name a file"));
        }
        (files::format(arguments.file_type, Some(name))?, write::read(name)?.bytes)
    };
    let namespace = arguments.namespace.as_deref();
    let GetArgs { ignore_mac, as_data, .. } = *arguments;
    let options = DecryptOptions { namespace, ignore_mac, as_data, ..DecryptOptions::default() };
    let mut decryption = Decryption::new(context, options, &arguments.key_access)?;
    if !as_data {
        decryption.sealing_keys = SealingKeys::new(&arguments.sealing_keys, context.environment);
    }
    let decrypted = decryption.decrypt(name, format, source.expose());
    files::warn_at_end(context, &decryption.configs, &decryption.key_access);
    let text = decrypted?.bytes.unwrap_or(source);
    let stream = format
        .parse(text.expose())
        .map_err(|error| CommandError::failed(error.problem).at(name, error.position))?;
    let opens_sealed = decryption.sealing_keys.are_there();
    let choice = arguments.document.as_ref().map(|choice| match opens_sealed {
        true => sealing::as_opened(choice),
        false => choice.clone(),
    });
    let mut decode = arguments.decode;
    let found = documents::value_at(&stream, choice.as_ref(), &path)
        .or_else(|error| {
            // A value that was sealed stands below `data` now, whichever way it is named.
            let below_data =
                sealing::below_data(&path).filter(|_| opens_sealed).ok_or_else(|| error.clone())?;
            let found = documents::value_at(&stream, choice.as_ref(), &below_data);
            decode |= found.is_ok();
            found.map_err(|_| error)
        })
        .map_err(|error| error.in_file(name))?;
    if as_data && documents::has_comments_beside(&stream, found) {
        context.ui.warn("an index counts the values of a list; SOPS counts its comments as well");
    }
    let put = |bytes: &[u8]| match &arguments.output {
        Some(path) => {
            let writer = Writer::default();
            writer.put(path, bytes, NewFile::Private)?;
            writer.finish();
            Ok(())
        }
        None => context.ui.write_stdout(bytes),
    };
    if decode {
        let decoded = decoded(&stream, found).map_err(|error| error.in_file(name))?;
        put(&decoded)?;
        return Ok(Outcome { report: Report::silent(), code: ExitCode::Done });
    }
    let conversion = Conversion::of(&arguments.conversion);
    match conversion.target(format).filter(|_| !is_text(&stream, found)) {
        Some(output) => {
            let node = Node::read(&stream.documents, found.0, found.1).map_err(|error| {
                let out = CommandError::failed(escape(&error.to_string())).in_file(name);
                error.hint().into_iter().fold(out, CommandError::hint)
            })?;
            let config = decryption.configs.for_file(name).ok().flatten();
            let printed = conversion.print_node(output, &node, config.as_deref(), name)?;
            put(printed.expose())?;
        }
        None => {
            let printed = printed(format, text.expose(), &stream, found)
                .map_err(|error| error.in_file(name))?;
            put(&printed)?;
        }
    }
    Ok(Outcome { report: Report::silent(), code: ExitCode::Done })
}

/// What a text stands for in Base64.
fn decoded(stream: &Stream<'_>, (document, id): Found) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let Content::Scalar(Scalar { value: Value::String(text), .. }) =
        &stream.documents[document].node(id).content
    else {
        return Err(CommandError::failed(
            "only a text can be decoded, and something else stands there",
        )
        .hint("name one value, as in `data/password`"));
    };
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    match BASE64_STANDARD.decode(&*compact) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(_) => Err(CommandError::failed("the value is no Base64")
            .hint("leave out `--decode`: only values below `data` of a Secret are encoded")),
    }
}

/// Whether a text stands there, which has no format.
fn is_text(stream: &Stream<'_>, (document, id): Found) -> bool {
    match &stream.documents[document].node(id).content {
        Content::Scalar(scalar) => matches!(scalar.value, Value::String(_) | Value::Bytes(_)),
        _ => false,
    }
}

/// Strings raw and without a line break; anything else as it stands in the file.
fn printed(
    format: Format,
    source: &[u8],
    stream: &Stream<'_>,
    (document, id): Found,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let document = &stream.documents[document];
    let node = document.node(id);
    let text = &source[node.span.range()];
    Ok(Zeroizing::new(match &node.content {
        Content::Scalar(Scalar { value: Value::String(value), .. }) => value.as_bytes().to_vec(),
        Content::Scalar(Scalar { value: Value::Bytes(value), .. }) => value.to_vec(),
        Content::Scalar(_) => line(text),
        Content::Mapping { flow: false } | Content::Sequence { flow: false }
            if format == Format::Yaml =>
        {
            dedented(source, document, id)
        }
        Content::Alias { .. } => {
            return Err(CommandError::failed(
                "an alias stands there; give the path of what it repeats",
            ));
        }
        _ => line(text),
    }))
}

fn line(text: &[u8]) -> Vec<u8> {
    let mut line = text.to_vec();
    line.push(b'\n');
    line
}

/// A block collection moved to the left margin.
fn dedented(source: &[u8], document: &Document<'_>, id: NodeId) -> Vec<u8> {
    let span = document.node(id).span;
    let start = source[..span.start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = span.start - start;
    let mut out = Vec::with_capacity(span.end - span.start + 1);
    for (number, line) in source[span.range()].split_inclusive(|byte| *byte == b'\n').enumerate() {
        let blanks = line.iter().take(column).take_while(|byte| **byte == b' ').count();
        out.extend_from_slice(if number == 0 { line } else { &line[blanks..] });
    }
    if !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    out
}
