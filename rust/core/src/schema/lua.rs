//! Values as Lua writes them, since error texts are made of them.

use std::fmt::Write as _;

use serde_json::Value;

/// Lua's name for the type of a JSON value.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "userdata", // cjson's null
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) | Value::Object(_) => "table",
    }
}

/// `tostring(number)`: C's `%.14g`.
pub(crate) fn number(value: f64) -> String {
    const DIGITS: i32 = 14;
    if value == 0.0 || !value.is_finite() {
        return format!("{}", value + 0.0);
    }
    let scientific = format!("{value:.13e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` writes an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` writes a decimal exponent");
    let trim = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or(0);
        return trim(&format!("{value:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
}

/// `string.format("%q", text)` as `LuaJIT` has it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\\' | '\n' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_ascii_control() => {
                let code = u32::from(c);
                // Three digits where a digit follows, else as few as the number has.
                let width = if chars.peek().is_some_and(char::is_ascii_digit) { 3 } else { 1 };
                let _ = write!(out, "\\{code:0width$}"); // a String takes all
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
