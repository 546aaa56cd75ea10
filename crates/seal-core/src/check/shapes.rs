//! Texts that give themselves away: private keys, tokens with the prefix of their issuer, passwords in URLs. They are
//! looked for in the bytes of a file, so also in templates and comments.

use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::bytes::{Regex, RegexBuilder};

use super::lint::{Lint, PRIVATE_KEY, TOKEN, URL_PASSWORD};

/// A text that looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leak {
    pub(super) range: Range<usize>,
    pub(super) lint: &'static Lint,
    /// `a token of GitHub`
    pub(super) what: &'static str,
}

/// More of them in one source are no news.
const MOST: usize = 1_000;

/// Finds them, in order.
pub(super) fn leaks(source: &[u8]) -> Vec<Leak> {
    let mut found: Vec<Leak> = Vec::new();
    for hit in PREFIXES.find_iter(source) {
        let Some(shape) = SHAPES.iter().find(|shape| shape.prefix.as_bytes() == hit.as_bytes())
        else {
            continue;
        };
        if found.last().is_some_and(|last| hit.start() < last.range.end) {
            continue;
        }
        if let Some(range) = shape.fits(source, hit.range()) {
            found.push(Leak { range, lint: shape.lint, what: shape.what });
            if found.len() == MOST {
                break;
            }
        }
    }
    found
}

struct Shape {
    prefix: &'static str,
    what: &'static str,
    lint: &'static Lint,
    body: Body,
}

/// What has to follow a prefix.
enum Body {
    /// At least so many characters of the class.
    Run(fn(u8) -> bool, usize),
    /// Just so many characters of the class, and then another one.
    Exactly(fn(u8) -> bool, usize),
    /// A PEM block with a key in it.
    Pem,
    /// The same in Base64.
    PemInBase64,
    /// Three parts in base64url, the second an object too.
    Jwt,
    /// User, password and host.
    Url,
}

const fn token(prefix: &'static str, what: &'static str, body: Body) -> Shape {
    Shape { prefix, what, lint: &TOKEN, body }
}

const fn key(prefix: &'static str, what: &'static str, body: Body) -> Shape {
    Shape { prefix, what, lint: &PRIVATE_KEY, body }
}

use Body::{Exactly, Run};

/// No prefix may be the beginning of another one that comes later.
static SHAPES: &[Shape] = &[
    key("-----BEGIN ", "a private key in PEM", Body::Pem),
    key("LS0tLS1CRUdJTi", "a private key in PEM, in Base64", Body::PemInBase64),
    key("AGE-SECRET-KEY-PQ-1", "an age identity", Run(upper_or_digit, 40)),
    key("AGE-SECRET-KEY-1", "an age identity", Run(upper_or_digit, 40)),
    key("AGE-PLUGIN-", "an age plugin's identity", Run(upper_digit_or_hyphen, 16)),
    token("AKIA", "an access key of AWS", Exactly(upper_or_digit, 16)),
    token("ASIA", "an access key of AWS", Exactly(upper_or_digit, 16)),
    token("github_pat_", "a token of GitHub", Run(word, 60)),
    token("ghp_", "a token of GitHub", Run(alphanumeric, 36)),
    token("gho_", "a token of GitHub", Run(alphanumeric, 36)),
    token("ghu_", "a token of GitHub", Run(alphanumeric, 36)),
    token("ghs_", "a token of GitHub", Run(alphanumeric, 36)),
    token("ghr_", "a token of GitHub", Run(alphanumeric, 36)),
    token("glpat-", "a token of GitLab", Run(url_word, 20)),
    token("gldt-", "a token of GitLab", Run(url_word, 20)),
    token("glrt-", "a token of GitLab", Run(url_word, 20)),
    token("glcbt-", "a token of GitLab", Run(url_word, 20)),
    token("glptt-", "a token of GitLab", Run(url_word, 20)),
    token("glagent-", "a token of GitLab", Run(url_word, 20)),
    token("xoxb-", "a token of Slack", Run(url_word, 20)),
    token("xoxp-", "a token of Slack", Run(url_word, 20)),
    token("xoxa-", "a token of Slack", Run(url_word, 20)),
    token("xoxr-", "a token of Slack", Run(url_word, 20)),
    token("xoxs-", "a token of Slack", Run(url_word, 20)),
    token("xapp-", "a token of Slack", Run(url_word, 20)),
    token("hooks.slack.com/services/", "a webhook of Slack", Run(word_or_slash, 40)),
    token("AIza", "an API key of Google", Run(url_word, 35)),
    token("GOCSPX-", "a client secret of Google", Run(url_word, 28)),
    token("ya29.", "an access token of Google", Run(url_word, 30)),
    token("sk_live_", "a key of Stripe", Run(alphanumeric, 16)),
    token("rk_live_", "a key of Stripe", Run(alphanumeric, 16)),
    token("whsec_", "a signing secret of a webhook", Run(base64, 24)),
    token("eyJ", "a JSON Web Token", Body::Jwt),
    token("npm_", "a token of npm", Exactly(alphanumeric, 36)),
    token("pypi-AgE", "a token of PyPI", Run(url_word, 50)),
    token("rubygems_", "a key of RubyGems", Run(hex, 48)),
    token("hvs.", "a token of Vault", Run(url_word, 24)),
    token("hvb.", "a token of Vault", Run(url_word, 24)),
    token("hvr.", "a token of Vault", Run(url_word, 24)),
    token("AccountKey=", "an account key of Azure", Run(base64, 44)),
    token("SharedAccessKey=", "a shared access key of Azure", Run(base64, 40)),
    token("dop_v1_", "a token of DigitalOcean", Run(hex, 64)),
    token("doo_v1_", "a token of DigitalOcean", Run(hex, 64)),
    token("dckr_pat_", "a token of Docker Hub", Run(url_word, 27)),
    token("hf_", "a token of Hugging Face", Exactly(alphanumeric, 34)),
    token("sk-proj-", "a key of OpenAI", Run(url_word, 40)),
    token("sk-ant-", "a key of Anthropic", Run(url_word, 40)),
    token("SG.", "a key of SendGrid", Run(url_word_or_dot, 60)),
    token("shpat_", "a token of Shopify", Run(hex, 32)),
    token("dapi", "a token of Databricks", Exactly(hex, 32)),
    token("glsa_", "a token of Grafana", Run(word, 40)),
    token("NRAK-", "a key of New Relic", Exactly(upper_or_digit, 27)),
    token("dp.pt.", "a token of Doppler", Run(alphanumeric, 40)),
    token("pul-", "a token of Pulumi", Exactly(hex, 40)),
    Shape { prefix: "://", what: "a URL with a password", lint: &URL_PASSWORD, body: Body::Url },
];

static PREFIXES: LazyLock<Regex> = LazyLock::new(|| {
    let prefixes: Vec<String> = SHAPES.iter().map(|shape| regex::escape(shape.prefix)).collect();
    RegexBuilder::new(&prefixes.join("|"))
        .unicode(false)
        .build()
        .expect("an alternation of escaped texts is a regular expression")
});

impl Shape {
    /// The whole text, where the prefix at `hit` begins one.
    fn fits(&self, source: &[u8], hit: Range<usize>) -> Option<Range<usize>> {
        let rest = &source[hit.end..];
        if let Body::Url = self.body {
            return url(source, hit);
        }
        // In the middle of a longer word a prefix means nothing.
        let before = hit.start.checked_sub(1).map(|at| source[at]);
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            // Behind an escaped line break a key begins, too.
            let escaped =
                hit.start >= 2 && matches!(&source[hit.start - 2..hit.start], b"\\n" | b"\\t");
            if !escaped {
                return None;
            }
        }
        let length = match self.body {
            Run(class, least) => {
                let length = run(rest, class);
                (length >= least && is_varied(&rest[..length])).then_some(length)
            }
            Exactly(class, count) => {
                let length = run(rest, class);
                (length == count && is_varied(&rest[..length])).then_some(length)
            }
            Body::Pem => pem(rest),
            Body::PemInBase64 => pem_in_base64(&source[hit.start..]).map(|end| end - hit.len()),
            Body::Jwt => jwt(rest),
            Body::Url => None,
        };
        length.map(|length| hit.start..hit.end + length)
    }
}

/// How many bytes at the start are of a class; more than any token has are not looked at.
fn run(text: &[u8], class: fn(u8) -> bool) -> usize {
    const LONGEST: usize = 4096;
    text.iter().take(LONGEST).take_while(|byte| class(**byte)).count()
}

/// Not a placeholder such as `xxxxxxxx` or the one in AWS's documentation, nor words with hyphens.
fn is_varied(text: &[u8]) -> bool {
    let mut seen = [false; 256];
    text.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count() >= 6
        && text.iter().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && memchr::memmem::find(text, b"EXAMPLE").is_none()
}

/// `RSA PRIVATE KEY-----`, and behind it so much Base64 that it is no mere mention.
fn pem(rest: &[u8]) -> Option<usize> {
    const LEAST: usize = 32;
    const HEADERS: usize = 400;
    let label = run(&rest[..rest.len().min(60)], |byte| byte.is_ascii_uppercase() || byte == b' ');
    let name = &rest[..label];
    if !(name.ends_with(b"PRIVATE KEY") || name == b"PGP PRIVATE KEY BLOCK") {
        return None;
    }
    let body = rest[label..].strip_prefix(b"-----")?;
    let mut at = 0;
    while at < body.len().min(HEADERS) {
        let length = run(&body[at..], base64);
        if length >= LEAST && is_varied(&body[at..at + length]) {
            return Some(label + 5 + at + length);
        }
        // `\n` in a JSON string: the `n` would count as Base64.
        at += length.max(1) + usize::from(body[at] == b'\\');
        if body[at.min(body.len())..].starts_with(b"-----END") {
            return None;
        }
    }
    None
}

/// As `data` of a Secret has it. The beginning tells a key from a certificate.
fn pem_in_base64(text: &[u8]) -> Option<usize> {
    const HEAD: usize = 160;
    let length = run(text, base64);
    let head = &text[..length.min(HEAD) / 4 * 4];
    let head = STANDARD.decode(head).ok()?;
    pem(head.strip_prefix(b"-----BEGIN ")?)?;
    Some(length)
}

fn jwt(rest: &[u8]) -> Option<usize> {
    let header = run(rest, url_word);
    let payload = rest[header..].strip_prefix(b".eyJ").map(|rest| run(rest, url_word))?;
    let signature = header + 4 + payload;
    let length = rest[signature..].strip_prefix(b".").map(|rest| run(rest, url_word))?;
    (header >= 8 && payload >= 8 && length >= 16).then_some(signature + 1 + length)
}

/// `scheme://user:password@host`, but for a reference in place of the password.
fn url(source: &[u8], hit: Range<usize>) -> Option<Range<usize>> {
    const LONGEST: usize = 512;
    let scheme = source[..hit.start]
        .iter()
        .rev()
        .take(20)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte))
        .count();
    let rest = &source[hit.end..];
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'`<>[]\\,".contains(byte);
    let end = rest.iter().take(LONGEST).position(ends).unwrap_or(rest.len().min(LONGEST));
    let at = memchr::memrchr(b'@', &rest[..end])?;
    let colon = memchr::memchr(b':', &rest[..at])?;
    let password = &rest[colon + 1..at];
    let is_reference = password.iter().any(|byte| b"${}()%*".contains(byte));
    let has_host = end > at + 1;
    (scheme > 1 && has_host && !password.is_empty() && !is_reference)
        .then_some(hit.start - scheme..hit.end + end)
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn upper_or_digit(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn upper_digit_or_hyphen(byte: u8) -> bool {
    upper_or_digit(byte) || byte == b'-'
}

fn hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn word(byte: u8) -> bool {
    alphanumeric(byte) || byte == b'_'
}

fn word_or_slash(byte: u8) -> bool {
    word(byte) || byte == b'/'
}

fn url_word(byte: u8) -> bool {
    word(byte) || byte == b'-'
}

fn url_word_or_dot(byte: u8) -> bool {
    url_word(byte) || byte == b'.'
}

fn base64(byte: u8) -> bool {
    alphanumeric(byte) || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests;
