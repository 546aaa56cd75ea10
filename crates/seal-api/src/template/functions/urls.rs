//! URLs, taken apart and put together as Go's `net/url` does.

use super::super::arguments::{Arguments, Type};
use super::super::machine::Machine;
use super::super::value::{Entries, Value};
use super::{Failure, Function, Outcome};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("urlParse", &[Type::Text], url_parse),
    Function::new("urlJoin", &[Type::Dict], url_join),
];

const NO_URL: &str = "its argument is no URL";

/// Where a part of a URL stands, which decides what is escaped there.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Path,
    User,
    Fragment,
    Host,
}

fn is_allowed(byte: u8, place: Place) -> bool {
    match byte {
        b'-' | b'_' | b'.' | b'~' => true,
        _ if byte.is_ascii_alphanumeric() => true,
        b'!' | b'\'' | b'(' | b')' | b'*' => matches!(place, Place::Fragment | Place::Host),
        b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' => match place {
            Place::Path => byte != b'?' && byte != b'#',
            Place::User => !matches!(byte, b'@' | b'/' | b'?' | b':'),
            Place::Fragment => true,
            Place::Host => matches!(byte, b'$' | b'&' | b'+' | b',' | b';' | b'=' | b':'),
        },
        b'[' | b']' | b'<' | b'>' | b'"' => place == Place::Host,
        _ => false,
    }
}

fn escaped(text: &[u8], place: Place) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if is_allowed(*byte, place) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        if *byte != b'%' {
            out.push(*byte);
            rest = behind;
            continue;
        }
        let digits = behind.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        out.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = &behind[2..];
    }
    Some(out)
}

#[derive(Default)]
struct Url {
    scheme: Vec<u8>,
    opaque: Vec<u8>,
    /// The user and the password, unescaped.
    user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    host: Vec<u8>,
    path: Vec<u8>,
    /// Escaped in another way than Go would.
    raw_path: Vec<u8>,
    query: Vec<u8>,
    fragment: Vec<u8>,
}

fn cut(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == separator) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn parse(text: &[u8]) -> Option<Url> {
    let mut url = Url::default();
    if text.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
        return None;
    }
    let (text, fragment) = cut(text, b'#');
    url.fragment = unescaped(fragment.unwrap_or_default())?;
    if text == b"*" {
        url.path = b"*".to_vec();
        return Some(url);
    }
    let mut rest = text;
    let scheme = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let length = scheme.count();
    if rest.get(length) == Some(&b':') && (length == 0 || rest[0].is_ascii_alphabetic()) {
        if length == 0 {
            return None;
        }
        url.scheme = rest[..length].to_ascii_lowercase();
        rest = &rest[length + 1..];
    }
    let (before, query) = cut(rest, b'?');
    url.query = query.unwrap_or_default().to_vec();
    rest = before;
    if !rest.starts_with(b"/") {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_vec();
            return Some(url);
        }
        // Before the first slash a colon would begin a scheme.
        if cut(rest, b'/').0.contains(&b':') {
            return None;
        }
    }
    let has_authority = !url.scheme.is_empty() || !rest.starts_with(b"///");
    if let Some(authority) = rest.strip_prefix(b"//").filter(|_| has_authority) {
        let end = authority.iter().position(|byte| *byte == b'/').unwrap_or(authority.len());
        rest = &authority[end..];
        authority_of(&authority[..end], &mut url)?;
    }
    url.path = unescaped(rest)?;
    if escaped(&url.path, Place::Path) != rest {
        url.raw_path = rest.to_vec();
    }
    Some(url)
}

fn authority_of(authority: &[u8], url: &mut Url) -> Option<()> {
    let host = match authority.iter().rposition(|byte| *byte == b'@') {
        Some(at) => {
            let user = &authority[..at];
            let is_valid =
                |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
            if !user.iter().all(is_valid) {
                return None;
            }
            let (name, password) = cut(user, b':');
            let password = match password {
                Some(password) => Some(unescaped(password)?),
                None => None,
            };
            url.user = Some((unescaped(name)?, password));
            &authority[at + 1..]
        }
        None => authority,
    };
    let port = match host.strip_prefix(b"[") {
        Some(inner) => cut(inner, b']').1?,
        None => match host.iter().rposition(|byte| *byte == b':') {
            Some(colon) => &host[colon..],
            None => b"",
        },
    };
    let is_port = port.is_empty()
        || port.strip_prefix(b":").is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
    if !is_port {
        return None;
    }
    // Only bytes beyond ASCII may be escaped in a host.
    let plain = unescaped(host)?;
    let good = |byte: &u8| !byte.is_ascii() || is_allowed(*byte, Place::Host);
    if !plain.iter().all(good) || (host.contains(&b'%') && plain.is_ascii()) {
        return None;
    }
    url.host = plain;
    Some(())
}

fn userinfo(url: &Url) -> Vec<u8> {
    let Some((name, password)) = &url.user else { return Vec::new() };
    let mut out = escaped(name, Place::User);
    if let Some(password) = password {
        out.push(b':');
        out.extend_from_slice(&escaped(password, Place::User));
    }
    out
}

fn hostname(host: &[u8]) -> &[u8] {
    match host.strip_prefix(b"[") {
        Some(inner) => cut(inner, b']').0,
        None => cut(host, b':').0,
    }
}

fn to_text(url: &Url) -> Vec<u8> {
    let mut out = Vec::new();
    if !url.scheme.is_empty() {
        out.extend_from_slice(&url.scheme);
        out.push(b':');
    }
    if !url.opaque.is_empty() {
        out.extend_from_slice(&url.opaque);
    } else {
        if !url.scheme.is_empty() || !url.host.is_empty() || url.user.is_some() {
            let is_empty = url.host.is_empty() && url.user.is_none();
            if !is_empty || url.path.starts_with(b"//") || !url.path.is_empty() {
                out.extend_from_slice(b"//");
            }
            if url.user.is_some() {
                out.extend_from_slice(&userinfo(url));
                out.push(b'@');
            }
            out.extend_from_slice(&escaped(&url.host, Place::Host));
        }
        let path = match url.raw_path.is_empty() {
            true if url.path == b"*" => b"*".to_vec(),
            true => escaped(&url.path, Place::Path),
            false => url.raw_path.clone(),
        };
        if !path.is_empty() && !path.starts_with(b"/") && !url.host.is_empty() {
            out.push(b'/');
        }
        // A colon in the first part of a path would look like a scheme.
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        out.extend_from_slice(&path);
    }
    if !url.query.is_empty() {
        out.push(b'?');
        out.extend_from_slice(&url.query);
    }
    if !url.fragment.is_empty() {
        out.push(b'#');
        out.extend_from_slice(&escaped(&url.fragment, Place::Fragment));
    }
    out
}

fn url_parse(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let text = arguments.text(0)?;
    machine.read(text.bytes().len().saturating_mul(16))?;
    machine.reserve(text.bytes().len().saturating_mul(8))?;
    let url = parse(text.bytes()).ok_or(NO_URL)?;
    let parts: [(&str, Vec<u8>); 8] = [
        ("userinfo", userinfo(&url)),
        ("hostname", hostname(&url.host).to_vec()),
        ("scheme", url.scheme),
        ("host", url.host),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
    ];
    let parts = parts.into_iter().map(|(name, part)| (name.as_bytes().to_vec(), Value::text(part)));
    Ok(machine.map(false, parts.collect::<Entries>())?)
}

fn url_join(machine: &mut Machine<'_>, arguments: Arguments) -> Outcome {
    let dict = arguments.dict(0)?;
    let part = |name: &str| -> Result<Vec<u8>, Failure> {
        match dict.entries.borrow().get(name.as_bytes()) {
            None => Ok(Vec::new()),
            Some(Value::Text(text)) => Ok(text.bytes().to_vec()),
            Some(_) => Err("the parts of a URL are strings".into()),
        }
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        ..Url::default()
    };
    let user = part("userinfo")?;
    if !user.is_empty() {
        let text = [b"proto://", user.as_slice(), b"@host"].concat();
        url.user = parse(&text).ok_or("its userinfo is none")?.user;
    }
    let text = to_text(&url);
    machine.read(text.len().saturating_mul(8))?;
    Ok(machine.text(text)?)
}
