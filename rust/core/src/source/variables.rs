//! `${{VAR}}` and `${{VAR:=default}}`.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::Environment;
use super::problem::Problem;
use super::spans::Spans;
use crate::schema::push_segment;

/// A stretch of text that a variable was put in place of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    /// Where it begins in the text after substitution.
    start: usize,
    /// How long it is there.
    length: usize,
    /// Where the `${{…}}` was in the text before.
    origin: usize,
    /// How long that was.
    origin_length: usize,
}

impl Edit {
    /// The offset in the text before substitution of an offset in the text after it. Within a
    /// value, it is where its variable stands. `edits` are in the order of the text.
    pub(super) fn origin(edits: &[Self], offset: usize) -> usize {
        let before = edits.partition_point(|edit| edit.start <= offset);
        match before.checked_sub(1).map(|last| edits[last]) {
            None => offset,
            Some(edit) if offset < edit.start + edit.length => edit.origin,
            Some(edit) => offset - edit.start - edit.length + edit.origin + edit.origin_length,
        }
    }
}

/// A text with its variables replaced.
pub(super) struct Substituted<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) edits: Vec<Edit>,
}

impl<'a> Substituted<'a> {
    pub(super) fn nothing(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), edits: Vec::new() }
    }
}

/// A variable as it stands in a text.
struct Variable<'a> {
    name: &'a str,
    default: Option<&'a str>,
    /// Bytes from `${{` to `}}`.
    length: usize,
}

/// Reads a variable at the beginning of `text`, which begins with `${{`.
fn variable(text: &str) -> Option<Variable<'_>> {
    let inner = text.strip_prefix("${{")?;
    let end = inner.find("}}")?;
    let content = inner[..end].trim_matches(is_blank);
    let (name, default) = match content.split_once(":=") {
        Some((name, default)) => (name.trim_end_matches(is_blank), Some(default)),
        None => (content, None),
    };
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then(|| Variable {
        name,
        default: default.map(|default| default.trim_matches(is_blank)),
        length: "${{".len() + end + "}}".len(),
    })
}

fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace()
}

/// A variable that the environment lacks and that has no default.
struct Missing<'a> {
    name: &'a str,
    origin: usize,
}

impl Missing<'_> {
    fn message(&self) -> String {
        let name = self.name;
        format!("failed to handle configuration: can't find environment variable {name}")
    }
}

/// Replaces all variables but those that are missing where `may_miss` allows it, by offset.
fn replace<'a>(
    text: &'a str,
    environment: Environment<'_>,
    may_miss: impl Fn(usize) -> bool,
) -> Result<Substituted<'a>, Missing<'a>> {
    let mut out = String::new();
    let mut edits = Vec::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find("${{") {
        let origin = from + found;
        let Some(Variable { name, default, length }) = variable(&text[origin..]) else {
            from = origin + 1;
            continue;
        };
        from = origin + length;
        match environment(name).or_else(|| default.map(str::to_owned)) {
            Some(value) => {
                out.push_str(&text[copied..origin]);
                let (start, origin_length) = (out.len(), length);
                edits.push(Edit { start, length: value.len(), origin, origin_length });
                out.push_str(&value);
                copied = from;
            }
            None if may_miss(origin) => {}
            None => return Err(Missing { name, origin }),
        }
    }
    if edits.is_empty() {
        return Ok(Substituted::nothing(text));
    }
    out.push_str(&text[copied..]);
    Ok(Substituted { text: Cow::Owned(out), edits })
}

/// Replaces the variables in a text before it is parsed. In a line that is a comment, an unknown
/// variable is left alone.
pub(super) fn in_text<'a>(
    text: &'a str,
    environment: Environment<'_>,
) -> Result<Substituted<'a>, Problem> {
    replace(text, environment, |origin| is_comment(text, origin)).or_else(|missing| {
        let place = Spans::of(text, Vec::new())?.place(missing.origin);
        Err(Problem::in_text(place, missing.message()))
    })
}

/// Whether the line that `offset` is in begins with `#`.
fn is_comment(text: &str, offset: usize) -> bool {
    let line = text[..offset].rsplit('\n').next().unwrap_or_default();
    line.trim_start().starts_with('#')
}

/// Replaces the variables in the strings and keys of a value. A string that then reads as a number
/// or boolean becomes one. The error has the JSON pointer of the string.
pub(super) fn in_values(
    value: &mut Value,
    environment: Environment<'_>,
) -> Result<(), (String, String)> {
    let within = |segment: &str, (pointer, message): (String, String)| {
        let mut outer = String::new();
        push_segment(&mut outer, segment);
        (outer + &pointer, message)
    };
    match value {
        Value::String(text) => {
            if let Some(text) = in_string(text, environment).map_err(|m| (String::new(), m))? {
                *value = typed(text);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                in_values(item, environment).map_err(|e| within(&i.to_string(), e))?;
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                in_values(member, environment).map_err(|e| within(name, e))?;
            }
            if members.keys().any(|name| name.contains("${{")) {
                let renamed = std::mem::take(members).into_iter().map(|(name, member)| {
                    let text = in_string(&name, environment);
                    let text = text.map_err(|message| within(&name, (String::new(), message)))?;
                    Ok((text.unwrap_or(name), member))
                });
                *members = renamed.collect::<Result<Map<_, _>, (String, String)>>()?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The string with its variables replaced, if it has any.
fn in_string(text: &str, environment: Environment<'_>) -> Result<Option<String>, String> {
    let replaced = replace(text, environment, |_| false).map_err(|missing| missing.message())?;
    Ok((!replaced.edits.is_empty()).then(|| replaced.text.into_owned()))
}

fn typed(text: String) -> Value {
    match text.as_str() {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    let trimmed = text.trim();
    if let Ok(whole) = trimmed.parse::<i64>() {
        return whole.into();
    }
    let numeric = trimmed.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    match trimmed.parse::<f64>().ok().filter(|_| numeric).and_then(Number::from_f64) {
        Some(number) => Value::Number(number),
        None => Value::String(text),
    }
}
