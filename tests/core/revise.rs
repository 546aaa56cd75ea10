//! A changed plaintext against its encrypted version: what did not change keeps its ciphertext, and what did is protected
//! as before.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use seal_core::envelope::Metadata;
use seal_core::file::{
    BoxError, Encrypted, FileError, FileKey, Fresh, Keys, ReviseOptions, Unwrap, renew, revise,
};
use seal_core::format::Format;
use sha2::{Digest, Sha256};

#[path = "revise/fixtures.rs"]
mod fixtures;
#[path = "revise/generated.rs"]
mod generated;
#[path = "revise/objects.rs"]
mod objects;
#[path = "revise/refused.rs"]
mod refused;
#[path = "revise/renewed.rs"]
mod renewed;
#[path = "support.rs"]
mod support;
#[path = "revise/values.rs"]
mod values;

/// The date and the fresh data key of the run that changes something.
const LATER: &str = "2027-01-01T00:00:00Z";
const LATER_KEY: [u8; 32] = [9; 32];

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: a
  namespace: prod
stringData:
  # about the password
  password: hunter2 # rotate
  user: 'app'
  empty: \"\"
  number: 1.0
data:
  token: dG9rZW4=
";

fn options() -> ReviseOptions<'static> {
    ReviseOptions { last_modified: LATER.to_owned(), ..ReviseOptions::default() }
}

/// Calls [`revise`], or [`renew`] without a changed text. Tells how many data keys were drawn.
fn run(
    format: Format,
    before: &str,
    after: Option<&str>,
    options: &ReviseOptions<'_>,
    unwrap: Unwrap<'_>,
) -> (Result<Encrypted, FileError>, usize) {
    run_over_bytes(format, before.as_bytes(), after.map(str::as_bytes), options, unwrap)
}

fn run_over_bytes(
    format: Format,
    before: &[u8],
    after: Option<&[u8]>,
    options: &ReviseOptions<'_>,
    unwrap: Unwrap<'_>,
) -> (Result<Encrypted, FileError>, usize) {
    static DRAWN: AtomicU64 = AtomicU64::new(1 << 32);
    let keys_drawn = AtomicUsize::new(0);
    let random = || -> Result<[u8; 32], BoxError> {
        Ok(Sha256::digest(DRAWN.fetch_add(1, Ordering::Relaxed).to_be_bytes()).into())
    };
    let file_key = || -> Result<FileKey, BoxError> {
        keys_drawn.fetch_add(1, Ordering::Relaxed);
        Ok(support::file_key(LATER_KEY))
    };
    let keys = Keys { file_key: &file_key, random: &random };
    let done = match after {
        Some(after) => revise(format, before, after, options, &keys, unwrap),
        None => renew(format, before, options, &keys, unwrap),
    };
    (done, keys_drawn.into_inner())
}

/// The changed text, encrypted. It holds what was given, and only what is new has a new data key.
fn revised(format: Format, before: &str, after: &str) -> String {
    let (text, drawn) = revised_with_keys(format, before, after);
    assert_eq!(drawn, 0, "{text}");
    text
}

/// The same, with the number of data keys that were drawn.
fn revised_with_keys(format: Format, before: &str, after: &str) -> (String, usize) {
    let (done, drawn) = run(format, before, Some(after), &options(), &support::unwrap);
    let done = done.unwrap_or_else(|error| panic!("{}\n{after}", support::describe(&error)));
    let text = String::from_utf8(done.bytes.unwrap_or_else(|| before.into())).unwrap();
    assert_eq!(support::decrypted(format, &text), after);
    (text, drawn)
}

fn refusal(before: &str, after: &str) -> FileError {
    run(Format::Yaml, before, Some(after), &options(), &support::unwrap).0.unwrap_err()
}

fn encrypted(source: &str) -> String {
    support::encrypted(Format::Yaml, source, &support::options())
}

fn whole(format: Format, source: &str) -> String {
    support::encrypted(format, source, &support::whole())
}

/// The ENC texts of a file, those of MACs left out.
fn texts(encrypted: &str) -> Vec<&str> {
    let starts = encrypted.match_indices("ENC[AES256_GCM").map(|(at, _)| at);
    starts
        .filter(|at| {
            // In `{…}` it stands on the line of everything else.
            let key = encrypted[..*at].trim_end_matches(['"', '\'', ' ', '\t', ':', '=']);
            !key.ends_with("mac")
        })
        .map(|at| &encrypted[at..at + encrypted[at..].find(']').unwrap() + 1])
        .collect()
}

/// How many ENC texts of `before` are gone, and how many of `after` are new.
fn changes(before: &str, after: &str) -> (usize, usize) {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) =
        (texts(before).into_iter().collect(), texts(after).into_iter().collect());
    (old.difference(&new).count(), new.difference(&old).count())
}

/// Lines of the one that the other does not have.
fn lines_beyond<'t>(text: &'t str, other: &str) -> Vec<&'t str> {
    let other: BTreeSet<&str> = other.lines().collect();
    text.lines().filter(|line| !other.contains(line)).collect()
}

fn bound(format: Format, encrypted: &str) -> Vec<bool> {
    let decrypted = support::try_decrypt(format, encrypted)
        .unwrap_or_else(|error| panic!("{}\n{encrypted}", support::describe(&error)));
    decrypted.objects.iter().map(|object| object.bound).collect()
}

/// What each envelope says, of those at the top of a document.
fn envelopes(encrypted: &str) -> Vec<Metadata> {
    let stream = Format::Yaml.parse(encrypted.as_bytes()).unwrap();
    let with_envelope = stream.documents.iter().filter_map(|document| {
        let entry = document.entry(document.root(), "sops")?;
        Some(Metadata::read(document, entry).unwrap())
    });
    with_envelope.collect()
}
