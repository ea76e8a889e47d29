//! A line of the error log as text or JSON, with everything from outside escaped.

use std::fmt::Write;

use jiff::Timestamp;

use super::{Fields, Level};

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Time, level, message and `name=value`, for people and `grep`.
    #[default]
    Text,
    /// One JSON object a line, for collectors. Values are strings, save the count of `suppressed`.
    Json,
}

/// A line without its time, which is what lines are compared by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Body {
    format: Format,
    level: Level,
    text: String,
}

impl Body {
    pub(super) fn new(format: Format, level: Level, message: &str, fields: Fields<'_>) -> Self {
        let mut text = String::with_capacity(160);
        match format {
            Format::Text => {
                text.push_str(capital(level));
                text.push(' ');
                push_escaped(&mut text, message);
            }
            Format::Json => {
                text.push_str("\"level\":\"");
                text.push_str(level.name());
                text.push_str("\",\"message\":");
                push_quoted(&mut text, message);
            }
        }
        let mut value = String::new();
        for (name, shown) in fields {
            value.clear();
            // A `Display` that fails leaves what it wrote, which is better than no line.
            let _ = write!(value, "{shown}");
            match format {
                Format::Text => push_text_field(&mut text, name, &value),
                Format::Json => push_json_field(&mut text, name, &value),
            }
        }
        Self { format, level, text }
    }

    /// The same message with no field: what is said of lines that differed only in those.
    pub(super) fn of_message(&self, message: &str) -> Self {
        Self::new(self.format, self.level, message, &[])
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// The whole line, with its time, its end and how many like it were left out.
    pub(super) fn line(&self, unix_ms: u64, suppressed: u64) -> String {
        let at = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let at = at.unwrap_or(Timestamp::MAX);
        let text = &self.text;
        match (self.format, suppressed) {
            (Format::Text, 0) => format!("{at:.3} {text}\n"),
            (Format::Text, count) => format!("{at:.3} {text} suppressed={count}\n"),
            (Format::Json, 0) => format!("{{\"time\":\"{at:.3}\",{text}}}\n"),
            (Format::Json, count) => {
                format!("{{\"time\":\"{at:.3}\",{text},\"suppressed\":{count}}}\n")
            }
        }
    }
}

fn capital(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    }
}

/// `name=value`, the value in quotes unless it is one word of plain ASCII.
fn push_text_field(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push('=');
    let plain = |byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'\\' | b'=');
    if !value.is_empty() && value.bytes().all(plain) {
        out.push_str(value);
    } else {
        push_quoted(out, value);
    }
}

fn push_json_field(out: &mut String, name: &str, value: &str) {
    out.push(',');
    push_quoted(out, name);
    out.push(':');
    push_quoted(out, value);
}

/// A JSON string, which reads well as text too.
fn push_quoted(out: &mut String, value: &str) {
    out.push('"');
    push_escaped(out, value);
    out.push('"');
}

fn push_escaped(out: &mut String, value: &str) {
    // Nearly every value is plain, and a flood of lines should cost little.
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        out.push_str(value);
        return;
    }
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => {
                // All of them lie in the basic plane, so four digits are enough.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
}

/// What could end a line, drive a terminal or turn the order of what is read: control characters
/// of both sets, line and paragraph separators, and the bidirectional controls (CVE-2021-42574).
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
