//! Text to number as Lua's `tonumber` reads it, because that decides what
//! `["arg_age", ">", "0x10"]` means, and number to text as `tostring` writes it.

use serde_json::Number;

/// Exponents from here on make no number (`STRSCAN_MAXEXP` of `lj_strscan.c`).
const MAX_EXPONENT: u32 = 1 << 20;

/// The number that `text` spells: decimal, hexadecimal (`0x1f`, `0x.8p1`),
/// binary (`0b101`), `inf`, `infinity` or `nan`, with blanks around.
pub(super) fn to_number(text: &[u8]) -> Option<f64> {
    let text = trim(text);
    // Nearly all are short and plain.
    if (1..=15).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
        let value = text.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
        return Some(value as f64);
    }
    let (negative, body) = match text.split_first()? {
        (b'-', body) => (true, body),
        (b'+', body) => (false, body),
        _ => (false, text),
    };
    let value = match body {
        [b'0', b'x' | b'X', digits @ ..] => hexadecimal(digits)?,
        [b'0', b'b' | b'B', digits @ ..] => binary(digits)?,
        _ if is_word(body) => str::from_utf8(body).ok()?.parse().ok()?,
        _ => decimal(body)?,
    };
    Some(if negative { -value } else { value })
}

/// The text that Lua makes of a number: C's `%.14g`, so `5.0` is `5`.
pub(super) fn to_text(number: &Number) -> String {
    let value = number.as_f64().unwrap_or(f64::NAN);
    // One digit before the point, thirteen behind it.
    let scientific = format!("{value:.13e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    match usize::try_from(13 - exponent) {
        Ok(places) if exponent >= -4 => without_zeros(&format!("{value:.places$}")).to_owned(),
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs())
        }
    }
}

/// Without the zeros behind the point that say nothing.
fn without_zeros(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

/// What C's `isspace` holds for a blank: Rust leaves the vertical tab out.
fn trim(mut text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    while let Some((_, rest)) = text.split_first().filter(|(first, _)| blank(first)) {
        text = rest;
    }
    while let Some((_, rest)) = text.split_last().filter(|(last, _)| blank(last)) {
        text = rest;
    }
    text
}

fn is_word(text: &[u8]) -> bool {
    ["inf", "infinity", "nan"].iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

fn decimal(text: &[u8]) -> Option<f64> {
    let (mantissa, exponent) = split_exponent(text, b'e')?;
    // Rust's grammar for the rest is the same once signs and words are out.
    let plain = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    if !mantissa.iter().all(plain) || !exponent.is_none_or(is_exponent) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

fn hexadecimal(text: &[u8]) -> Option<f64> {
    let (mantissa, exponent) = split_exponent(text, b'p')?;
    let mut value = 0_f64;
    let (mut digits, mut point) = (0, None);
    for byte in mantissa {
        if *byte == b'.' && point.is_none() {
            point = Some(digits);
        } else {
            value = value * 16.0 + f64::from(char::from(*byte).to_digit(16)?);
            digits += 1;
        }
    }
    if digits == 0 {
        return None;
    }
    let scale = match exponent {
        None => 0,
        Some(exponent) if is_exponent(exponent) => str::from_utf8(exponent).ok()?.parse().ok()?,
        Some(_) => return None,
    };
    let fraction = point.map_or(0, |point| digits - point);
    Some(value * 2_f64.powi(scale - 4 * fraction))
}

fn binary(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_f64, |value, byte| match byte {
        b'0' | b'1' => Some(value * 2.0 + f64::from(byte - b'0')),
        _ => None,
    })
}

/// Cut at the exponent's letter, of either case; `None` when nothing is
/// before it.
fn split_exponent(text: &[u8], letter: u8) -> Option<(&[u8], Option<&[u8]>)> {
    let at = text.iter().position(|byte| byte.eq_ignore_ascii_case(&letter));
    let (mantissa, exponent) = match at {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    (!mantissa.is_empty()).then_some((mantissa, exponent))
}

/// Digits after at most one sign, not too many.
fn is_exponent(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        && (str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse::<u32>().ok())
            .is_some_and(|exponent| exponent < MAX_EXPONENT)
}
