//! `seal get`

use std::path::Path;

use seal_core::document::{Content, Document, NodeId, Path as LeafPath, Scalar, Stream, Value};
use seal_core::emit::Node;
use seal_core::file::DecryptOptions;
use seal_core::format::Format;
use seal_core::kubernetes;
use zeroize::Zeroizing;

use super::conversion::Conversion;
use super::decrypt::Decryption;
use super::files::{self, STDIN};
use super::{Context, Outcome};
use crate::args::{DocumentChoice, GetArgs};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, is_stdin};
use crate::reason::Reason;
use crate::ui::{Report, escape};
use crate::write;

pub(super) fn run(arguments: &GetArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let path = LeafPath::parse(&arguments.path).map_err(|error| {
        CommandError::usage(format!("the path cannot be read: {error}"))
            .because(Reason::BadPath)
            .hint("write it like `[\"stringData\"][\"password\"]` or `stringData/password`")
    })?;
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
    let decryption = Decryption::new(context, options, &arguments.key_access)?;
    let decrypted = decryption.decrypt(name, format, source.expose());
    files::warn_at_end(context, &decryption.configs, &decryption.key_access);
    let text = decrypted?.bytes.unwrap_or(source);
    let stream = format
        .parse(text.expose())
        .map_err(|error| CommandError::failed(error.problem).at(name, error.position))?;
    let found = find(&stream, arguments.document.as_ref(), &path).map_err(|error| match error {
        NotFound::Value(error) => match with_slashes(&arguments.path) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error,
        },
        NotFound::Choice(error) => error,
    });
    let found = found.map_err(|error| error.in_file(name).because(Reason::NotFound))?;
    let conversion = Conversion::of(&arguments.conversion);
    match conversion.target(format).filter(|_| !is_text(&stream, found)) {
        Some(output) => {
            let node = Node::read(&stream.documents, found.0, found.1).map_err(|error| {
                let out = CommandError::failed(escape(&error.to_string())).in_file(name);
                error.hint().into_iter().fold(out, CommandError::hint)
            })?;
            let config = decryption.configs.for_file(name).ok().flatten();
            let printed = conversion.print_node(output, &node, config.as_deref(), name)?;
            context.ui.write_stdout(printed.expose())?;
        }
        None => {
            let printed = printed(format, text.expose(), &stream, found)
                .map_err(|error| error.in_file(name))?;
            context.ui.write_stdout(&printed)?;
        }
    }
    Ok(Outcome { report: Report::silent(), code: ExitCode::Done })
}

/// Index of the document, and the node in it.
pub(super) type Found = (usize, NodeId);

fn find(
    stream: &Stream<'_>,
    choice: Option<&DocumentChoice>,
    path: &LeafPath,
) -> Result<Found, NotFound> {
    let chosen = chosen(stream, choice);
    if chosen.is_empty() {
        return Err(NotFound::Choice(match choice {
            Some(DocumentChoice::Index(index)) => CommandError::failed(format!(
                "there is no document {index}: the file has {}",
                stream.documents.len()
            )),
            Some(DocumentChoice::Named { kind, name }) => {
                let there = there_is(stream);
                CommandError::failed(format!("there is no {kind}/{name} in this file{there}"))
            }
            None => CommandError::failed("the file holds no document"),
        }));
    }
    let mut found = Vec::new();
    let mut first_error = None;
    for (document, top) in &chosen {
        match stream.documents[*document].lookup_from(*top, path) {
            Ok(node) => found.push((*document, node)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match (found.as_slice(), first_error) {
        ([one], _) => Ok(*one),
        ([], Some(error)) if chosen.len() == 1 => {
            Err(NotFound::Value(CommandError::failed(error.to_string())))
        }
        ([], _) => Err(NotFound::Value(CommandError::failed(format!(
            "no document of this file has {path}{}",
            there_is(stream)
        )))),
        (several, _) => Err(NotFound::Choice(
            CommandError::usage(format!("{} documents of this file have {path}", several.len()))
                .hint("say which with `--document KIND/NAME` or `--document INDEX`"),
        )),
    }
}

/// What is not there, or is there more than once.
enum NotFound {
    /// The value: the path may be meant otherwise.
    Value(CommandError),
    /// The document.
    Choice(CommandError),
}

/// A path as other tools write it, `a.b`, in our spelling.
fn with_slashes(path: &str) -> Option<String> {
    let dotted = path.contains('.') && !path.contains(['/', '[']);
    dotted.then(|| path.trim_start_matches('.').replace('.', "/"))
}

/// The objects of a stream, for a message that names what there is: `; it has Secret/db, Secret/api`.
fn there_is(stream: &Stream<'_>) -> String {
    const NAMED: usize = 10;
    let objects = stream.documents.iter().flat_map(kubernetes::named);
    let name = |object: kubernetes::Named<'_>| {
        escape(&format!("{}/{}", object.kind, object.name.unwrap_or_default())).into_owned()
    };
    let names: Vec<_> = objects.map(name).collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match names.is_empty() {
        true => String::new(),
        false => format!("; it has {}{more}", names[..names.len().min(NAMED)].join(", ")),
    }
}

/// The objects that the choice means; without one, all.
pub(super) fn chosen(stream: &Stream<'_>, choice: Option<&DocumentChoice>) -> Vec<Found> {
    let all = stream.documents.iter().enumerate();
    match choice {
        Some(DocumentChoice::Index(wanted)) => all
            .filter(|(index, _)| index == wanted)
            .map(|(index, document)| (index, document.root()))
            .collect(),
        Some(DocumentChoice::Named { kind, name }) => all
            .flat_map(|(index, document)| {
                kubernetes::named(document)
                    .into_iter()
                    .filter(|object| {
                        object.kind.eq_ignore_ascii_case(kind) && object.name == Some(name)
                    })
                    .map(move |object| (index, object.mapping))
            })
            .collect(),
        None => all.map(|(index, document)| (index, document.root())).collect(),
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
