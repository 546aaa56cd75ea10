//! Templates with what Go's `text/template` and sprig 3 make of them, in `tests/corpus/template`.
//!
//! A case is a line `> template` and a line `= output`, or `! class` where it fails. `⏎` is a line break in both; other
//! odd bytes of outputs are escaped. A line `~ reason` between them says why Go's answer is another one.
//! `SEAL_BLESS=1` writes our answers into the files. Go itself answers through `tests/setup/template-oracle.sh`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use seal_api::template::render_at;
use seal_core::secret::SecretBytes;

use super::not_run::not_run;

/// What every template of the corpus is given.
pub(crate) fn fields() -> BTreeMap<String, SecretBytes> {
    let fields: &[(&str, &[u8])] = &[
        ("name", b"World"),
        ("password", b"s3cr\"et$&<>'`"),
        ("empty", b""),
        ("a.b", b"dotted"),
        ("binary", b"\xff\xfe\x00x"),
        ("lines", b"one\ntwo\n"),
        ("json", br#"{"a":{"b":[1,2.5,"x",null,true]},"n":null,"z":"<&>"}"#),
        ("list", b"c,a,b,a"),
        ("number", b"42"),
        ("negative", b"-7"),
        ("float", b"3.14"),
        ("german", "Gr\u{fc}\u{df}e aus K\u{f6}ln".as_bytes()),
        ("padded", b"  padded\t"),
    ];
    fields.iter().map(|(key, value)| ((*key).into(), SecretBytes::new(value.to_vec()))).collect()
}

struct Case {
    template: String,
    /// Why Go's answer is another one.
    differs: Option<String>,
    answer: String,
    line: usize,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/template")
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(template) = line.strip_prefix("> ") {
            let template = template.replace('⏎', "\n");
            cases.push(Case { template, differs: None, answer: String::new(), line: number + 1 });
        } else if let Some(reason) = line.strip_prefix("~ ") {
            cases.last_mut().unwrap().differs = Some(reason.to_owned());
        } else if line.starts_with(['=', '!']) {
            cases.last_mut().unwrap().answer = line.to_owned();
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "line {}: {line}", number + 1);
        }
    }
    cases
}

fn shown(output: &[u8]) -> String {
    let mut text = String::new();
    for chunk in output.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => text.push('⏎'),
                '\\' => text.push_str("\\\\"),
                ' '..='~' | '\u{a1}'.. => text.push(character),
                _ => write!(text, "\\x{:02x}", u32::from(character)).unwrap(),
            }
        }
        chunk.invalid().iter().for_each(|byte| write!(text, "\\x{byte:02x}").unwrap());
    }
    format!("= {text}").trim_end().to_owned() + if text.ends_with(' ') { " ␃" } else { "" }
}

fn ours(template: &str) -> String {
    let now: Timestamp = "2026-11-20T22:04:05.123456789Z".parse().unwrap();
    match render_at("key", template, &fields(), now) {
        Ok(rendered) => shown(rendered.text.expose()),
        Err(error) => format!("! {}", error.class()),
    }
}

#[test]
fn renders_the_corpus() {
    let mut wrong = String::new();
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        if std::env::var_os("SEAL_BLESS").is_some() {
            std::fs::write(&file, blessed(&text)).unwrap();
            continue;
        }
        for case in cases(&text) {
            let ours = ours(&case.template);
            if ours != case.answer {
                writeln!(wrong, "{}:{}: {:?}", file.display(), case.line, case.template).unwrap();
                writeln!(wrong, "  expected {}\n  rendered {ours}", case.answer).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn blessed(text: &str) -> String {
    let mut out = String::new();
    let mut pending: Option<String> = None;
    for line in text.lines() {
        if line.starts_with(['=', '!']) {
            continue;
        }
        if !line.starts_with("~ ")
            && let Some(answer) = pending.take()
        {
            out.push_str(&answer);
            out.push('\n');
        }
        if let Some(template) = line.strip_prefix("> ") {
            pending = Some(ours(&template.replace('⏎', "\n")));
        }
        out.push_str(line);
        out.push('\n');
    }
    if let Some(answer) = pending {
        out.push_str(&answer);
        out.push('\n');
    }
    out
}

#[test]
fn go_renders_the_corpus_alike() {
    let script = directory().join("../../setup/template-oracle.sh");
    let built = Command::new(script).output().unwrap();
    if built.status.code() == Some(3) {
        return not_run("go_renders_the_corpus_alike", &String::from_utf8_lossy(&built.stderr));
    }
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let oracle = String::from_utf8(built.stdout).unwrap();
    let mut all = Vec::new();
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        all.extend(cases(&text).into_iter().map(|case| (file.clone(), case)));
    }
    let data: BTreeMap<String, String> =
        fields().into_iter().map(|(key, value)| (key, STANDARD.encode(value.expose()))).collect();
    let mut questions = String::new();
    for (_, case) in &all {
        let template = STANDARD.encode(&case.template);
        let question = serde_json::json!({ "template": template, "data": data });
        writeln!(questions, "{question}").unwrap();
    }
    let mut child =
        Command::new(oracle.trim()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), all.len(), "one answer each");
    let mut wrong = String::new();
    for ((file, case), answer) in all.iter().zip(answers.lines()) {
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        let theirs = match answer["ok"].as_bool().unwrap() {
            true => shown(&STANDARD.decode(answer["out"].as_str().unwrap_or_default()).unwrap()),
            false => "!".to_owned(),
        };
        // Which class an error has is ours alone.
        let golden = if case.answer.starts_with('!') { "!" } else { &case.answer };
        let place = format!("{}:{}: {:?}", file.display(), case.line, case.template);
        match (&case.differs, theirs == golden) {
            (None, false) => {
                let error = answer["error"].as_str().unwrap_or_default();
                writeln!(wrong, "{place}\n  golden {}\n  Go     {theirs} {error}", case.answer)
                    .unwrap();
            }
            (Some(reason), true) => {
                writeln!(wrong, "{place}\n  no difference any more: {reason}").unwrap();
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
