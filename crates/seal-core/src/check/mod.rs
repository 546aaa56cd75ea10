//! Looks for secrets in clear and for files that would not be accepted. Needs no key, and never names a value.
//!
//! ```text
//! source ─shapes→ texts that give themselves away ┐
//!        └pieces→ objects ─envelope│object→ ──────┴→ Sink ─allow→ findings, each with its place
//! ```

use crate::document::{Content, NodeId, Path, Position};
use crate::envelope::{Metadata, Rule};
use crate::file::decrypt::shares_one_envelope;
use crate::file::encrypt::{holds_kubernetes, may_hold, may_hold_alias};
use crate::file::pieces::{self, Piece};
use crate::file::selectors::Selectors;
use crate::file::{Member, members};
use crate::format::{Format, SyntaxError};
use crate::kubernetes::{self, may_hold_secret, profile_rule};
use crate::select::Selector;

mod allow;
mod copies;
mod envelope;
mod lines;
pub mod lint;
mod object;
mod sealed;
mod shapes;
mod sink;
mod status;

pub use lint::{Lint, Severity};
pub use status::{EnvelopeStatus, Status, is_sops_file, status};

use shapes::Leak;
use sink::Sink;

/// What is asked of a source.
#[derive(Clone, Copy)]
pub struct CheckOptions<'a> {
    /// The selection rule, where a creation rule sets one; else the manifest profile.
    pub rule: Option<&'a Rule>,
    /// A creation rule means this very file: every value of a source that holds no Kubernetes object has to be
    /// encrypted.
    pub whole_file: bool,
    /// The file was named by itself, so that it not being readable is a finding.
    pub explicit: bool,
    /// How the recipients of an envelope differ from those that it should have, in words.
    pub recipients: &'a (dyn Fn(&Metadata) -> Option<String> + Sync),
}

impl CheckOptions<'_> {
    /// Formats that hold no manifests are secret only where a rule means the file, and binary files then as a whole.
    fn of_format(self, format: Format) -> Self {
        match format {
            Format::Yaml | Format::Json => self,
            Format::Dotenv | Format::Ini => {
                Self { rule: self.rule.filter(|_| self.whole_file), ..self }
            }
            Format::Binary => Self { rule: None, ..self },
        }
    }
}

impl std::fmt::Debug for CheckOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckOptions")
            .field("rule", &self.rule)
            .field("whole_file", &self.whole_file)
            .field("explicit", &self.explicit)
            .finish_non_exhaustive()
    }
}

/// Something that was found. Holds no value of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub lint: &'static Lint,
    /// Where in the source.
    pub position: Position,
    /// Which object, as `Secret prod/db`.
    pub object: Option<String>,
    /// Which leaf, seen from the object.
    pub path: Option<Path>,
    /// What: lower-case, no period.
    pub message: String,
}

/// The result of [`check`].
#[derive(Debug, Default)]
pub struct Checked {
    /// In the order of the source.
    pub findings: Vec<Finding>,
    /// How many more there are than are listed.
    pub more: usize,
    /// Envelopes that were looked at.
    pub envelopes: usize,
    /// The source is not of its format, and nothing in it is of interest: a template, a fragment.
    pub passed_over: bool,
}

/// Checks a source. It may be anything; what cannot be read is a finding.
pub fn check(format: Format, source: &[u8], options: &CheckOptions<'_>) -> Checked {
    let options = &options.of_format(format);
    let leaks = shapes::leaks(source);
    let mut sink = Sink::default();
    let mut passed_over = false;
    match read(format, source, options, &leaks) {
        Ok((pieces, whole)) => {
            let run = Run::new(format, options, whole);
            let work = |piece| Ok::<_, std::convert::Infallible>(run.piece(piece, &leaks));
            let parts = pieces::each(source, &pieces, work).unwrap_or_else(|never| match never {});
            parts.into_iter().for_each(|part| sink.add(part));
            run.check_outcome(&mut sink);
            if shares_one_envelope(&pieces) {
                sink.keep_first_of(&[&lint::ENVELOPE, &lint::RECIPIENTS]);
                sink.envelopes = 1;
            }
        }
        Err(error) => {
            passed_over = !unreadable(source, options, &error, &mut sink);
            // Their bytes tell, whatever stands around them.
            leaks.iter().for_each(|leak| sink.leak(leak, None));
        }
    }
    let envelopes = sink.envelopes;
    let (findings, more) = sink.finish(source);
    passed_over &= findings.is_empty();
    Checked { findings, more, envelopes, passed_over }
}

/// The pieces of a source, and whether all of it has to be encrypted.
fn read<'s>(
    format: Format,
    source: &'s [u8],
    options: &CheckOptions<'_>,
    leaks: &[Leak],
) -> Result<(Vec<Piece<'s>>, bool), SyntaxError> {
    let reads_all = !leaks.is_empty() || options.rule.is_some_and(|rule| *rule != profile_rule());
    let crosses = may_hold(source, b"Secret") && memchr::memchr(b'&', source).is_some();
    let wanted = |text: &[u8]| {
        reads_all
            // Another encoding spells every word otherwise.
            || memchr::memchr(0, text).is_some()
            || may_hold(text, b"Secret")
            || ["sops", "ENC[AES256_GCM"]
                .iter()
                .any(|sign| memchr::memmem::find(text, sign.as_bytes()).is_some())
            || (crosses && may_hold_alias(text))
    };
    if !options.whole_file && !options.explicit && !wanted(source) {
        return Ok((vec![Piece { before: &[], text: source, stream: None }], false));
    }
    let mut pieces = pieces::read(format, source, wanted)?;
    let whole = options.whole_file && !holds_kubernetes(format, &pieces);
    if whole {
        pieces::read_rest(format, source, &mut pieces)?;
    }
    Ok((pieces, whole))
}

/// Reports what cannot be read, unless it is a template or a fragment without a Secret.
fn unreadable(
    source: &[u8],
    options: &CheckOptions<'_>,
    error: &SyntaxError,
    sink: &mut Sink,
) -> bool {
    let is_template =
        ["{{", "{%"].iter().any(|sign| memchr::memmem::find(source, sign.as_bytes()).is_some());
    let is_meant = options.whole_file || may_hold_secret(source);
    if !is_meant && (is_template || !options.explicit) {
        return false;
    }
    let at = error.position;
    match is_template && !options.whole_file {
        true => sink.at_position(&lint::TEMPLATE, at, "a template that may hold a Secret".into()),
        false => sink.at_position(&lint::BROKEN_FILE, at, error.problem.clone()),
    }
    true
}

/// What is the same for all pieces of a source.
struct Run<'a> {
    format: Format,
    options: &'a CheckOptions<'a>,
    /// The rule that every document has to follow, where it is not the manifest profile's.
    explicit: Option<Result<(Rule, Selector), String>>,
    selectors: Selectors,
    whole: bool,
}

impl<'a> Run<'a> {
    fn new(format: Format, options: &'a CheckOptions<'a>, whole: bool) -> Self {
        let rule = match options.rule {
            Some(rule) if *rule != profile_rule() || whole => Some(rule.clone()),
            None if whole => Some(Rule::implied()),
            _ => None,
        };
        let compiled = rule.map(|rule| match Selector::new(&rule) {
            Ok(selector) => Ok((rule, selector)),
            Err(error) => Err(error.to_string()),
        });
        Self { format, options, explicit: compiled, selectors: Selectors::default(), whole }
    }

    /// The rule that documents without an envelope have to follow, compiled.
    fn rule(&self) -> Option<&(Rule, Selector)> {
        self.explicit.as_ref().and_then(|rule| rule.as_ref().ok())
    }

    fn piece(&self, piece: &Piece<'_>, leaks: &[Leak]) -> Sink {
        let mut sink = Sink::default();
        let Some(stream) = &piece.stream else { return sink };
        let mut covered = vec![Vec::new(); stream.documents.len()];
        for member in members(piece.before, piece.text, stream) {
            let document = member.document();
            let entry = document.entry(member.object, "sops");
            let entry = entry.filter(|sops| envelope::is_meant(member, *sops));
            match entry {
                Some(sops) => {
                    envelope::check(self, member, sops, &mut sink);
                    covered[member.document].push(member.object);
                }
                None if object::check(self, member, &mut sink) => {
                    covered[member.document].push(member.object);
                }
                None => {}
            }
        }
        for (index, (document, covered)) in stream.documents.iter().zip(&covered).enumerate() {
            let (before, source) = (piece.before, piece.text);
            let (documents, object) = (&stream.documents[..], document.root());
            let root = Member { before, source, documents, document: index, object, place: 0 };
            let secrets = kubernetes::unprotected_secrets(document, covered);
            for secret in secrets.filter(|secret| envelope::is_in_clear(document, *secret)) {
                let message = "a Secret stands here in clear where nothing looks for one";
                sink.at(root, secret, &lint::HIDDEN_SECRET, message);
            }
        }
        place_leaks(self.format, piece, leaks, &mut sink);
        sink
    }

    /// What can only be said of the whole source.
    fn check_outcome(&self, sink: &mut Sink) {
        let start = Position { line: 1, column: 1 };
        match &self.explicit {
            Some(Err(problem)) => sink.at_position(&lint::CONFIG, start, problem.clone()),
            Some(Ok((rule, _)))
                if self.whole
                    && self.options.rule.is_some()
                    && sink.has_values
                    && !sink.has_selected
                    && sink.envelopes == 0 =>
            {
                let message = format!("`{}: {}` selects nothing here", rule.kind.name(), rule.text);
                sink.at_position(&lint::SELECTS_NOTHING, start, message);
            }
            _ => {}
        }
    }
}

/// Reports the texts of a piece that give themselves away, but for those in values that are reported anyway.
fn place_leaks(format: Format, piece: &Piece<'_>, leaks: &[Leak], sink: &mut Sink) {
    let Some(stream) = &piece.stream else { return };
    let is_binary = format == Format::Binary;
    let first = piece.before.len();
    let own = first..first + piece.text.len();
    for leak in leaks.iter().filter(|leak| own.contains(&leak.range.start)) {
        let offset = leak.range.start - first;
        if sink.reported(offset) {
            continue;
        }
        let documents = stream.documents.iter().enumerate().filter(|_| !is_binary);
        let node = documents.into_iter().find_map(|(index, document)| {
            let holds = |node: &crate::document::Node<'_>| {
                matches!(node.content, Content::Scalar(_) | Content::Comment(_))
                    && node.span.range().contains(&offset)
            };
            let node = document.nodes.iter().position(holds)?;
            Some((index, NodeId(node as u32)))
        });
        let place = node.map(|(index, node)| {
            let (before, source) = (piece.before, piece.text);
            let documents = &stream.documents[..];
            let object = object::around(&documents[index], node);
            let member = Member { before, source, documents, document: index, object, place: 0 };
            (member, node)
        });
        sink.leak(leak, place);
    }
}
