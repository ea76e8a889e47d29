//! What a plain scalar means: YAML 1.1, as the reader that APISIX uses has it.

use serde_json::{Number, Value};

/// The value of a plain scalar. The error says why it can have none.
pub(super) fn plain(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => {
            return Err(format!("{text} is not a number that JSON has"));
        }
        text if looks_numeric(text) => return number(text),
        text => Value::String(text.to_owned()),
    })
}

/// Most text is seen not to be a number by its first characters.
fn looks_numeric(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '_')
}

fn number(text: &str) -> Result<Value, String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(magnitude) = whole(unsigned) {
        return Ok(value_of(sign * magnitude));
    }
    if !is_decimal(unsigned) {
        return Ok(Value::String(text.to_owned()));
    }
    match unsigned.replace('_', "").parse::<f64>() {
        Ok(magnitude) if magnitude.is_finite() => Ok(value_of(sign * magnitude)),
        _ => Err(format!("{text} is too large a number")),
    }
}

/// A whole number: decimal, `0x` hexadecimal, `0b` binary, or octal after a `0`. Underscores between
/// digits are ignored.
fn whole(text: &str) -> Option<f64> {
    let of = |digits: &str, radix: u32| {
        let digits = digits.trim_start_matches('_');
        let valid = digits.starts_with(|c: char| c.is_digit(radix))
            && digits.chars().all(|c| c.is_digit(radix) || c == '_');
        let digit = |n, c: char| n * f64::from(radix) + f64::from(c.to_digit(radix).unwrap_or(0));
        valid.then(|| digits.chars().filter(|c| *c != '_').fold(0.0, digit))
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return of(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0b") {
        return of(digits, 2);
    }
    text.strip_prefix('0').and_then(|digits| of(digits, 8)).or_else(|| {
        // Summing up digits would round each; parsing rounds once.
        of(text, 10)?;
        text.replace('_', "").parse().ok()
    })
}

/// Digits with a point or an exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let has_digit = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        has_digit(exponent) && digits(exponent)
    });
    has_digit(mantissa) && digits(whole) && digits(fraction) && exponent_fits
}

/// A number that is whole becomes an integer, as far as its digits are exact.
fn value_of(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    if value.fract() == 0.0 && value.abs() <= EXACT {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}
