//! `seal set`

use std::os::unix::ffi::OsStrExt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use seal_core::change::{self, NewValue, Target};
use seal_core::document::{Path as LeafPath, PathElement};
use seal_core::kubernetes;
use seal_core::secret::SecretBytes;
use seal_keys::Prompt;
use zeroize::Zeroizing;

use super::sealing::{Certificate, Change, SealingKeys};
use super::value_change::{self, Changed, Plain, change_error, from_root};
use super::{Context, Outcome, documents};
use crate::args::{GivenValue, SetArgs};
use crate::error::CommandError;
use crate::inputs::is_stdin;
use crate::reason::Reason;
use crate::terminal::Terminal;
use crate::write;

pub(super) fn run(arguments: &SetArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let typed = &arguments.change;
    let path = documents::path(&typed.path)?;
    value_change::check_file(typed)?;
    if arguments.given.value_stdin && is_stdin(&typed.file) {
        return Err(CommandError::usage("standard input cannot be the file and the value")
            .because(Reason::Conflict)
            .hint("give the value with `--value-file`"));
    }
    let value = value(&arguments.given, &path)?;
    let certificate = Certificate::new(&arguments.sealing.certificate, context.environment);
    let keys = SealingKeys::new(&arguments.sealing.keys, context.environment);
    let sealed = Change::Set { value: &value, certificate: &certificate, keys: &keys };
    value_change::run(typed, &arguments.key_access, context, "set", &sealed, |plain| {
        let found = documents::place_of(plain.stream, typed.document.as_ref(), &path)?;
        let document = found.0;
        let path = from_root(plain.stream, found, &path);
        if !typed.as_sops {
            check_fits(plain, document, &path, &value)?;
        }
        let target = Target { document, path: &path, as_sops: typed.as_sops };
        let text = change::set(plain.format, plain.text, &target, &value)
            .map_err(|error| change_error(error, &path))?;
        Ok(text.map(|text| Changed { document, path, text }))
    })
}

/// The value as it was given.
fn value(given: &GivenValue, path: &LeafPath) -> Result<NewValue, CommandError> {
    if !given.superfluous.is_empty() {
        return Err(CommandError::usage("there is more than one value")
            .because(Reason::BadValue)
            .hint("put quotes around a value with blanks: --string 'two words'"));
    }
    // Elsewhere that is standard input; a secret that is silently a dash would be found out in production.
    if given.value.as_deref().is_some_and(|value| value == "-") {
        return Err(CommandError::usage("`-` is no value")
            .because(Reason::BadValue)
            .hint("`--value-stdin` reads it from standard input; the text of one dash is '\"-\"', without `--string`"));
    }
    let (bytes, is_text, has_lines) = match (&given.value_file, given.value_stdin, &given.value) {
        (Some(file), ..) => (write::read(file)?.bytes, false, true),
        (None, true, _) => (write::read_stdin()?, false, true),
        (None, false, Some(value)) => (SecretBytes::new(value.as_bytes().to_vec()), false, false),
        (None, false, None) => (asked(path)?, true, false),
    };
    if !(is_text || given.string || given.encode) {
        return NewValue::from_json(bytes.expose()).map_err(|error| {
            CommandError::usage(format!("the value is no JSON: {error}"))
                .because(Reason::BadValue)
                .hint("`--string` takes it as a text; in JSON a text has quotes of its own, as in '\"text\"'")
        });
    }
    let text = match bytes.expose() {
        text if has_lines => without_line_break(text),
        text => text,
    };
    if given.encode {
        return Ok(NewValue::string(BASE64_STANDARD.encode(text)));
    }
    match std::str::from_utf8(text) {
        Ok(text) => Ok(NewValue::string(text)),
        Err(_) => Err(CommandError::usage("the value is not UTF-8")
            .because(Reason::BadValue)
            .hint("`--encode` puts any bytes below `data` of a Secret")),
    }
}

/// A text of one line without the line break behind it, which editors and `echo` put there.
fn without_line_break(text: &[u8]) -> &[u8] {
    let line = text.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    match line {
        Some(line) if !line.contains(&b'\n') => line,
        _ => text,
    }
}

fn asked(path: &LeafPath) -> Result<SecretBytes, CommandError> {
    let answer = match Terminal::is_there() {
        true => Terminal.passphrase(&format!("new value of {path}")),
        false => None,
    };
    match answer {
        Some(answer) => Ok(SecretBytes::new(answer.as_bytes().to_vec())),
        None => Err(CommandError::usage("there is no value").because(Reason::BadValue).hint(
            "give it as JSON, as a text with `--string`, or with `--value-file` or `--value-stdin`",
        )),
    }
}

/// Refuses what Kubernetes would refuse later: values of a Secret are texts, those below `data` in Base64.
fn check_fits(
    plain: &Plain<'_>,
    document: usize,
    path: &LeafPath,
    value: &NewValue,
) -> Result<(), CommandError> {
    let Some(document) = plain.stream.documents.get(document) else { return Ok(()) };
    let secrets = kubernetes::named(document).into_iter().filter(|object| object.is_secret);
    let below = secrets
        .filter_map(|secret| path.0.strip_prefix(&document.path(secret.mapping).0[..]))
        .find(|below| !below.is_empty());
    let Some([PathElement::Key(region), keys @ ..]) = below else { return Ok(()) };
    if !kubernetes::REGION_KEYS.contains(&&**region) {
        return Ok(());
    }
    let values: Vec<&NewValue> = match (keys, value) {
        ([], NewValue::Map(entries)) => entries.iter().map(|(_, value)| value).collect(),
        ([], NewValue::Null) => Vec::new(),
        ([_], value) => vec![value],
        ([], _) => {
            let error = CommandError::usage(format!("`{region}` of a Secret is a mapping"));
            return Err(error
                .because(Reason::BadValue)
                .hint(format!("set one key in it, as `{region}/password`")));
        }
        (_, _) => {
            let error =
                CommandError::usage("values of a Secret are texts, and nothing is below them");
            return Err(error
                .because(Reason::BadPath)
                .hint("`/` inside a key is written `~1`, as in `stringData/a~1b`"));
        }
    };
    for value in values {
        let NewValue::String(text) = value else { return Err(not_a_text(region)) };
        if &**region == "data" && !is_base64(text) {
            let error = CommandError::usage(
                "values below `data` of a Secret are Base64, and this one is not",
            );
            return Err(error.because(Reason::BadValue).hint(
                "`--encode` encodes it; or set it below `stringData`, which Kubernetes encodes itself",
            ));
        }
    }
    Ok(())
}

fn not_a_text(region: &str) -> CommandError {
    CommandError::usage(format!("values below `{region}` of a Secret are texts, and this is none"))
        .because(Reason::BadValue)
        .hint("`--string` makes a text of it")
}

/// Whether Kubernetes can decode it; line breaks in it do not count.
fn is_base64(text: &str) -> bool {
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect());
    BASE64_STANDARD.decode(&*compact).map(Zeroizing::new).is_ok()
}
