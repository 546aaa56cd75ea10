//! The log: one line per event, as text or JSON, with the fields that sealed-secrets has (`time`, `level`, `msg`).
//!
//! Only our own events are written. Libraries may quote what they read, kube a whole answer of the API server, and an answer
//! may be a Secret.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};

use crate::settings::{LogFormat, LogLevel, LogSettings};

/// What the names of our own modules begin with.
const OWN: [&str; 3] = ["seal_controller", "seal_api", "seal_core"];

/// Sends all events of this process to the log from now on. The second call has no effect.
pub(crate) fn install(settings: LogSettings) {
    let subscriber = Registry::default().with(Log { settings });
    let _ = tracing::subscriber::set_global_default(subscriber);
}

struct Log {
    settings: LogSettings,
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let crate_name = metadata.target().split("::").next().unwrap_or_default();
        OWN.contains(&crate_name) && *metadata.level() <= threshold(self.settings.level)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let line = line(self.settings.format, Timestamp::now(), event);
        // A log that nobody can write to is no reason to stop.
        let _ = if self.settings.info_to_stdout && level >= Level::INFO {
            io::stdout().lock().write_all(line.as_bytes())
        } else {
            io::stderr().lock().write_all(line.as_bytes())
        };
    }
}

fn threshold(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    }
}

fn line(format: LogFormat, time: Timestamp, event: &Event<'_>) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let level = event.metadata().level().as_str();
    let mut line = String::new();
    match format {
        LogFormat::Text => {
            let _ = write!(line, "time={time:.3} level={level} msg={}", quoted(&fields.message));
            for (key, value) in &fields.others {
                let text = match value {
                    serde_json::Value::String(text) => quoted(text),
                    other => other.to_string(),
                };
                let _ = write!(line, " {key}={text}");
            }
        }
        LogFormat::Json => {
            let _ = write!(
                line,
                r#"{{"time":"{time:.3}","level":"{level}","msg":{}"#,
                json_text(&fields.message)
            );
            for (key, value) in &fields.others {
                let text = match value {
                    serde_json::Value::String(text) => json_text(text),
                    other => other.to_string(),
                };
                let _ = write!(line, ",{}:{text}", json_text(key));
            }
            line.push('}');
        }
    }
    line.push('\n');
    line
}

/// A text as it is if it has nothing special in it, else in quotes with escapes: a name cannot begin a line, nor a colour.
fn quoted(text: &str) -> String {
    let needs_none = |c: char| is_harmless(c) && !matches!(c, ' ' | '"' | '=' | '\\');
    if !text.is_empty() && text.chars().all(needs_none) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            _ if is_harmless(character) => out.push(character),
            _ => out.extend(character.escape_default()),
        }
    }
    out.push('"');
    out
}

/// A JSON string. JSON itself lets most control characters beyond ASCII pass, which a terminal may obey.
fn json_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for character in serde_json::Value::from(text).to_string().chars() {
        if is_harmless(character) {
            out.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// Shown as what it is, and as nothing else: no control character, no space that looks like another, nothing that turns the
/// direction of writing.
fn is_harmless(character: char) -> bool {
    character == ' '
        || character.is_ascii_graphic()
        || character.is_alphanumeric()
        || "–—…‘’“”".contains(character)
}

/// The message and the other fields of an event, in order.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, serde_json::Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<serde_json::Value>) {
        self.others.push((field.name(), value.into()));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.message = text } else { self.add(field, text) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message)
        } else {
            self.add(field, value)
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

#[cfg(test)]
mod tests;
