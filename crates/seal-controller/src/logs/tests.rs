use std::sync::{Arc, Mutex};

use super::*;

/// Keeps lines instead of printing them.
struct Kept {
    log: Log,
    lines: Arc<Mutex<Vec<String>>>,
}

impl<S: Subscriber> Layer<S> for Kept {
    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.log.enabled(metadata, context)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let time = "2026-11-20T23:00:00.1234567Z".parse().unwrap();
        self.lines.lock().unwrap().push(line(self.log.settings.format, time, event));
    }
}

fn logged(format: LogFormat, level: LogLevel, events: impl FnOnce()) -> Vec<String> {
    let lines = Arc::default();
    let settings = LogSettings { level, format, info_to_stdout: true };
    let kept = Kept { log: Log { settings }, lines: Arc::clone(&lines) };
    tracing::subscriber::with_default(Registry::default().with(kept), events);
    std::mem::take(&mut *lines.lock().unwrap())
}

fn one(format: LogFormat, events: impl FnOnce()) -> String {
    let lines = logged(format, LogLevel::Info, events);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn a_line_of_text_has_the_fields_of_sealed_secrets() {
    let line = one(LogFormat::Text, || {
        tracing::info!(object = "shop/db", tries = 3, "could not unseal");
    });
    assert_eq!(
        line,
        "time=2026-11-20T23:00:00.123Z level=INFO msg=\"could not unseal\" object=shop/db tries=3\n"
    );
}

#[test]
fn a_line_of_json_is_one_object() {
    let line = one(LogFormat::Json, || {
        tracing::error!(object = %"shop/\"db\"", after = 1.5, again = true, "failed\nhere");
    });
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line.lines().count(), 1);
    assert_eq!(
        value,
        serde_json::json!({
            "time": "2026-11-20T23:00:00.123Z",
            "level": "ERROR",
            "msg": "failed\nhere",
            "object": "shop/\"db\"",
            "after": 1.5,
            "again": true,
        })
    );
}

#[test]
fn a_name_cannot_begin_a_line_a_field_or_a_colour() {
    for (name, shown) in [
        ("a\nlevel=ERROR", r#""a\nlevel=ERROR""#),
        ("\u{1b}[31mred", r#""\u{1b}[31mred""#),
        ("a\u{202e}b", r#""a\u{202e}b""#),
        ("a\u{a0}b=c", r#""a\u{a0}b=c""#),
        ("back\\slash\"quote", r#""back\\slash\"quote""#),
        ("", "\"\""),
        ("größe", "größe"),
        ("two – words", "\"two – words\""),
    ] {
        let line = one(LogFormat::Text, || tracing::info!(name, "x"));
        assert!(line.ends_with(&format!(" name={shown}\n")), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
}

#[test]
fn a_line_of_json_holds_no_control_characters_either() {
    let name = "a\u{1b}[31m\u{9b}31m\u{202e}b\u{1f600}";
    let line = one(LogFormat::Json, || tracing::info!(name, "x"));
    assert!(line.trim_end().bytes().all(|byte| byte.is_ascii_graphic()), "{line}");
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["name"], name);
}

#[test]
fn libraries_are_silent_as_they_may_quote_a_secret() {
    let lines = logged(LogFormat::Text, LogLevel::Debug, || {
        tracing::error!(target: "kube_client::client", "{{\"data\":{{\"password\":\"hunter2\"}}}}");
        tracing::error!(target: "seal_controllers", "not ours");
        tracing::debug!("ours");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn levels_below_the_one_asked_for_are_left_out() {
    let events = || {
        tracing::error!("e");
        tracing::warn!("w");
        tracing::info!("i");
        tracing::debug!("d");
    };
    let count = |level| logged(LogFormat::Text, level, events).len();
    assert_eq!(
        [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug].map(count),
        [1, 2, 3, 4]
    );
}
