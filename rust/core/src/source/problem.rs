//! What is wrong, and where.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::spans::Spans;

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// One mistake in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, where the text is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Box<str>>,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// The field, as `routes[0].upstream.type`; empty for the text as a whole.
    pub path: String,
    /// What is wrong, without the place.
    pub message: String,
    /// The known name that is most like the wrong one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Problem {
    /// A problem with the text at a place.
    pub(super) fn in_text(position: Position, message: String) -> Self {
        let Position { line, column } = position;
        Self { file: None, line, column, path: String::new(), message, suggestion: None }
    }

    /// A problem with the value at a JSON pointer.
    pub(super) fn at(pointer: &str, root: &Value, spans: &Spans, message: String) -> Self {
        let path = Self::path_of("", pointer, root);
        Self { path, ..Self::in_text(spans.position(pointer), message) }
    }

    /// The path, after `prefix`, of the value at a JSON pointer into `root`:
    /// `routes[0].upstream.nodes["127.0.0.1:80"]`.
    pub(super) fn path_of(prefix: &str, pointer: &str, root: &Value) -> String {
        let mut path = prefix.to_owned();
        let mut at = Some(root);
        for segment in segments(pointer) {
            let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            if at.is_some_and(Value::is_array) {
                path = format!("{path}[{segment}]");
            } else if segment.is_empty() || !segment.chars().all(plain) {
                path = format!("{path}[{segment:?}]");
            } else {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&segment);
            }
            at = at.and_then(|value| match value {
                Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
                value => value.get(&segment),
            });
        }
        path
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(name) => write!(f, " (did you mean {name}?)"),
            None => Ok(()),
        }
    }
}

/// The segments of a JSON pointer, unescaped.
pub(super) fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
}
