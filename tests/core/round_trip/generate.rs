//! Documents made from a list of choices. Fewer and smaller choices make a smaller document, so a failure shrinks.

/// Answers questions from a list of bytes; the first answer to everything once they are used up.
pub(crate) struct Choices<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Only spellings that come back byte for byte.
    pub(crate) exact: bool,
}

impl<'b> Choices<'b> {
    pub(crate) fn new(bytes: &'b [u8], exact: bool) -> Self {
        Self { bytes, at: 0, exact }
    }

    /// A number below `count`.
    fn pick(&mut self, count: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % count
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.pick(of.len())]
    }

    fn once_in(&mut self, count: usize) -> bool {
        self.pick(count) == count - 1
    }
}

const WORDS: &[&str] = &[
    "a",
    "hunter2",
    "aHVudGVyMg==",
    "grüße",
    "\u{1F510}",
    "it's",
    "say-hi",
    "x:y",
    "a b",
    "http://h:1/p?q=1",
    "x#y",
    "yes",
    "-x",
    "?x",
    ":x",
    "a\\b",
    "1.2.3",
    "v1",
    "12:30",
    "a&b",
    "a*b",
    "100%",
    "~user",
    "<<x",
];
const TYPED: &[&str] = &[
    "1", "-7", "+7", "1.0", "1e3", ".5", "-.5", "true", "True", "TRUE", "false", "False", "0",
    "-0", "1E5",
];
const QUOTED: &[&str] = &[
    "",
    " ",
    "a",
    ": ",
    " #",
    "#",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&",
    "*",
    "!",
    "|",
    ">",
    "%",
    "@",
    "`",
    "- ",
    "? ",
    "---",
    "null",
    "~",
    "true",
    "1",
    "0x1F",
    "2024-01-01",
    "ENC[",
    "ä",
    "\u{1F600}",
    "\t",
    "x",
    "=",
    "<<",
    ".inf",
    "...",
];
const ESCAPES: &[&str] =
    &["\\n", "\\t", "\\\"", "\\\\", "\\r", "\\0", "\\L", "\\N", "\\e", "\\x01"];
const OTHER_ESCAPES: &[&str] = &["\\x41", "\\u00e9", "\\U0001F600", "\\/", "\\_", "\\ "];
const COMMENTS: &[&str] = &[
    "# c",
    "#",
    "#c",
    "# password: old",
    "#  é \u{1F510}",
    "# 'q\"",
    "##",
    "# a: b",
    "#\ttab",
    "# - x",
    "#!shebang",
];
const KEYS: &[&str] = &[
    "a",
    "b",
    "password",
    "\"quoted key\"",
    "'s'",
    "with space",
    "x.y/z",
    "é",
    "tls.crt",
    "1a",
    "-k",
    "k_unencrypted",
];

/// A Secret with everything that may stand around its region.
pub(crate) fn secret(c: &mut Choices<'_>, number: usize) -> String {
    let indent = 1 + c.pick(4);
    let mut parts = vec!["apiVersion: v1\n".to_owned(), "kind: Secret\n".to_owned()];
    parts.push(match c.pick(3) {
        0 => format!("metadata:\n  name: s{number}\n"),
        1 => format!("metadata: {{name: s{number}, namespace: \"n\"}} # {number}\n"),
        _ => format!("metadata:\n    namespace: n\n    labels: {{a: b}}\n    name: 's{number}'\n"),
    });
    if c.once_in(2) {
        parts.push("type: Opaque\n".to_owned());
    }
    let mut region = String::from("stringData:");
    if c.once_in(4) {
        region.push_str(&format!(" {}", c.one(COMMENTS)));
    }
    region.push('\n');
    region.push_str(&mapping(c, indent, 0));
    parts.push(region);
    if c.once_in(2) {
        parts.push(format!("data: {}\n", flow(c, 0)));
    }
    let mut text = String::new();
    // Top-level order is free.
    while !parts.is_empty() {
        let next = if c.once_in(3) { c.pick(parts.len()) } else { 0 };
        text.push_str(&between(c, 0));
        text.push_str(&parts.remove(next));
    }
    text.push_str(&between(c, 0));
    text
}

/// A mapping that is no Kubernetes object.
pub(crate) fn file(c: &mut Choices<'_>) -> String {
    if c.once_in(8) {
        return format!("{}{{k: {}}}{}\n", between(c, 0), flow(c, 0), tail(c));
    }
    let mut text = between(c, 0);
    text.push_str(&mapping(c, 0, 0));
    text.push_str(&between(c, 0));
    text
}

/// A `List` of Secrets and others, its items at some indentation.
pub(crate) fn list(c: &mut Choices<'_>) -> String {
    let mut text = String::from("apiVersion: v1\nkind: List\nitems:\n");
    let indent = 2 * c.pick(2);
    for number in 0..1 + c.pick(3) {
        let item = if c.once_in(3) {
            format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  a: x{number}\n")
        } else {
            secret(c, number)
        };
        let pad = " ".repeat(indent);
        let mut first = true;
        for line in item.split_inclusive('\n') {
            let is_blank = line.trim().is_empty();
            match (first, is_blank) {
                (_, true) => text.push_str(line),
                (true, false) if line.starts_with('#') => text.push_str(&format!("{pad}{line}")),
                (true, false) => {
                    text.push_str(&format!("{pad}- {line}"));
                    first = false;
                }
                (false, false) => text.push_str(&format!("{pad}  {line}")),
            }
        }
    }
    text
}

/// Several documents, with all that may stand between them.
pub(crate) fn stream(
    c: &mut Choices<'_>,
    document: &mut dyn FnMut(&mut Choices<'_>, usize) -> String,
) -> String {
    let mut text = String::new();
    for number in 0..1 + c.pick(3) {
        if number > 0 || c.once_in(3) {
            if number > 0 && c.once_in(6) {
                text.push_str("...\n");
            }
            text.push_str(c.one(&["---\n", "--- # c\n", "---   \n", "---\n# Source: x\n"]));
        }
        if c.once_in(8) {
            text.push_str("---\n");
        }
        text.push_str(&document(c, number));
    }
    finished(c, text)
}

/// Line breaks, byte order mark and end as files have them.
pub(crate) fn finished(c: &mut Choices<'_>, mut text: String) -> String {
    if c.once_in(4) && text.ends_with('\n') {
        text.pop();
    }
    if c.once_in(5) {
        text = text.replace('\n', "\r\n");
    }
    if c.once_in(10) {
        text.insert(0, '\u{FEFF}');
    }
    text
}

fn between(c: &mut Choices<'_>, indent: usize) -> String {
    let mut text = String::new();
    for _ in 0..c.pick(8).saturating_sub(5) {
        if c.once_in(3) {
            text.push('\n');
        } else {
            let indent = if c.once_in(4) { indent + 1 } else { indent };
            text.push_str(&format!("{}{}\n", " ".repeat(indent), c.one(COMMENTS)));
        }
    }
    text
}

fn tail(c: &mut Choices<'_>) -> String {
    match c.pick(6) {
        4 => format!(" {}", c.one(COMMENTS)),
        5 => format!("   {}", c.one(COMMENTS)),
        _ => String::new(),
    }
}

fn mapping(c: &mut Choices<'_>, indent: usize, depth: usize) -> String {
    let mut text = String::new();
    let mut used = Vec::new();
    for _ in 0..1 + c.pick(4) {
        let key = KEYS[c.pick(KEYS.len())];
        if used.contains(&key) {
            continue;
        }
        used.push(key);
        text.push_str(&between(c, indent));
        text.push_str(&format!("{}{key}:", " ".repeat(indent)));
        text.push_str(&value(c, indent, depth));
    }
    text.push_str(&between(c, indent));
    text
}

/// A value behind its key and the rest of its lines.
fn value(c: &mut Choices<'_>, indent: usize, depth: usize) -> String {
    match c.pick(if depth < 3 { 14 } else { 10 }) {
        0..4 => format!(" {}{}\n", scalar(c, false), tail(c)),
        4 | 5 => block(c, indent, '|'),
        // A line below a folded text that is indented as far belongs to it, comment or not.
        6 => block(c, indent, if c.exact { '|' } else { '>' }),
        7 => format!(" {}{}\n", flow(c, depth), tail(c)),
        8 => format!("\n{}{}{}\n", " ".repeat(indent + 1), scalar(c, false), tail(c)),
        9 => format!("   {}{}\n", scalar(c, false), tail(c)),
        10 | 11 => {
            let step = 1 + c.pick(4);
            format!("{}\n{}", tail(c), mapping(c, indent + step, depth + 1))
        }
        _ => {
            // Items may stand as far left as their key.
            let step = if indent > 0 || c.once_in(2) { c.pick(3) } else { 0 };
            format!("{}\n{}", tail(c), sequence(c, indent + step, depth + 1))
        }
    }
}

fn sequence(c: &mut Choices<'_>, indent: usize, depth: usize) -> String {
    let mut text = String::new();
    let pad = " ".repeat(indent);
    for _ in 0..1 + c.pick(3) {
        text.push_str(&between(c, indent));
        match c.pick(6) {
            0..3 => text.push_str(&format!("{pad}- {}{}\n", scalar(c, false), tail(c))),
            3 => text.push_str(&format!("{pad}-{}", block(c, indent, '|'))),
            4 => text.push_str(&format!(
                "{pad}- - {}\n{pad}  - {}\n",
                scalar(c, false),
                flow(c, depth)
            )),
            _ => {
                let entries = mapping(c, indent + 2, depth + 1);
                let entries = entries.trim_start_matches(['\n', ' ']);
                if entries.starts_with('#') {
                    text.push_str(&format!("{pad}- k: {}\n", scalar(c, false)));
                } else {
                    text.push_str(&format!("{pad}- {entries}"));
                }
            }
        }
    }
    text
}

fn flow(c: &mut Choices<'_>, depth: usize) -> String {
    let (open, close) = if c.once_in(3) { ("[", "]") } else { ("{", "}") };
    let mut text = String::from(open);
    for number in 0..c.pick(4) {
        if number > 0 {
            text.push_str(c.one(&[", ", ",", " , ", ",\n      ", ", # in flow\n      "]));
        }
        if open == "{" {
            text.push_str(&format!("k{number}: "));
        }
        match c.pick(6) {
            5 if depth < 3 => text.push_str(&flow(c, depth + 1)),
            _ => text.push_str(&scalar(c, true)),
        }
    }
    if !text.ends_with(open) && c.once_in(8) {
        text.push(',');
    }
    text.push_str(close);
    text
}

fn scalar(c: &mut Choices<'_>, in_flow: bool) -> String {
    let prefix = match c.pick(20) {
        18 => "&anchor ",
        19 => "!!str ",
        _ => "",
    };
    let text = match c.pick(8) {
        0..3 => {
            let word = c.one(WORDS);
            if in_flow && word.contains(['?', '[', ']', '{', '}', ',']) {
                "w".into()
            } else {
                word.to_owned()
            }
        }
        3 => c.one(TYPED).to_owned(),
        4 | 5 => single(c),
        6 => double(c),
        _ if c.exact => double(c),
        _ => c
            .one(&[
                "0x1F",
                "0o17",
                ".inf",
                "-.INF",
                ".NaN",
                "'a\n         b'",
                "\"a\\\n         b\"",
            ])
            .to_owned(),
    };
    // An anchor may not stand twice as such, and a tag changes what a number is.
    let prefix = if prefix.starts_with('&') && !c.at.is_multiple_of(7) { "" } else { prefix };
    format!("{prefix}{text}")
}

fn single(c: &mut Choices<'_>) -> String {
    let mut text = String::new();
    for _ in 0..c.pick(4) {
        text.push_str(c.one(QUOTED));
        if c.once_in(5) {
            text.push_str("''");
        }
    }
    format!("'{text}'")
}

fn double(c: &mut Choices<'_>) -> String {
    let mut text = String::new();
    for _ in 0..c.pick(4) {
        match c.pick(4) {
            0 => text.push_str(c.one(ESCAPES)),
            1 if !c.exact => text.push_str(c.one(OTHER_ESCAPES)),
            _ => text.push_str(c.one(QUOTED)),
        }
    }
    // A tab inside `"…"` comes back as `\t`.
    format!("\"{}\"", text.replace('\t', "\\t"))
}

/// A block scalar behind its key or dash.
fn block(c: &mut Choices<'_>, indent: usize, style: char) -> String {
    let chomping = c.one(&["", "", "-", "+"]);
    let step = 1 + c.pick(4);
    let explicit = c.once_in(4);
    let width = indent + step;
    let indicator = if explicit { step.to_string() } else { String::new() };
    let indicators = if c.once_in(2) {
        format!("{indicator}{chomping}")
    } else {
        format!("{chomping}{indicator}")
    };
    let mut text = format!(" {style}{indicators}{}\n", tail(c));
    let pad = " ".repeat(width);
    let lines = 1 + c.pick(4);
    if explicit && c.once_in(3) {
        text.push_str(&format!("{pad}  deeper\n"));
    }
    for _ in 0..lines {
        let blanks = c.pick(6).saturating_sub(4);
        text.push_str(&"\n".repeat(blanks));
        if !c.exact && c.once_in(6) {
            text.push_str(&format!("{}\n", " ".repeat(c.pick(width + 1))));
        }
        let line = c.one(&[
            "text",
            "key = value",
            "# no comment",
            "a: b",
            "- x",
            "trailing  ",
            "\ttab",
            "é\u{1F600}",
            "'q\"",
            "x\\n",
            "-----BEGIN KEY-----",
            "ENC[AES",
            "%x",
            "---",
            "... ",
        ]);
        text.push_str(&format!("{pad}{line}\n"));
    }
    text.push_str(&"\n".repeat(c.pick(8).saturating_sub(5)));
    text
}
