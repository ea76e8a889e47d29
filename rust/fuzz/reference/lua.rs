//! Lua's two conversions between texts and numbers, as LuaJIT does them.

/// `tonumber`: decimal, `0x` with a binary exponent, `0b`, `inf`, `infinity`, `nan`; blanks around.
pub fn tonumber(text: &[u8]) -> Option<f64> {
    let text: String = text.iter().map(|b| char::from(*b).to_ascii_lowercase()).collect();
    let text = text.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let (sign, body) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(body), _) => (-1.0, body),
        (_, Some(body)) => (1.0, body),
        _ => (1.0, text),
    };
    let value = if let Some(hex) = body.strip_prefix("0x") {
        hexadecimal(hex)?
    } else if let Some(binary) = body.strip_prefix("0b") {
        digits(binary, 2).filter(|d| !d.is_empty())?;
        u128::from_str_radix(binary, 2).ok()? as f64
    } else {
        match body {
            "inf" | "infinity" => f64::INFINITY,
            "nan" => f64::NAN,
            _ => decimal(body)?,
        }
    };
    Some(sign * value)
}

/// `text` if all of it are digits to that base.
fn digits(text: &str, radix: u32) -> Option<&str> {
    text.chars().all(|c| c.is_digit(radix)).then_some(text)
}

/// Digits before and after a point that need not be there.
fn mantissa(text: &str, radix: u32) -> Option<(&str, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (whole, fraction) = (digits(whole, radix)?, digits(fraction, radix)?);
    (whole.len() + fraction.len() > 0).then_some((whole, fraction))
}

/// What stands after the letter: at least a digit, and less than 2^20.
fn exponent(text: &str) -> Option<i32> {
    let (sign, body) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(body), _) => (-1, body),
        (_, Some(body)) => (1, body),
        _ => (1, text),
    };
    let value: i32 = digits(body, 10)?.parse().ok()?;
    (value < 1 << 20).then_some(sign * value)
}

fn decimal(text: &str) -> Option<f64> {
    let (number, power) = match text.split_once('e') {
        Some((number, power)) => (number, exponent(power)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa(number, 10)?;
    format!("0{whole}.{fraction}0e{power}").parse().ok()
}

/// Exact for as many digits as the targets write.
fn hexadecimal(text: &str) -> Option<f64> {
    let (number, power) = match text.split_once('p') {
        Some((number, power)) => (number, exponent(power)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa(number, 16)?;
    let value = u128::from_str_radix(&format!("{whole}{fraction}"), 16).ok()? as f64;
    let power = power - 4 * i32::try_from(fraction.len()).ok()?;
    let half = power / 2;
    Some(value * 2_f64.powi(half) * 2_f64.powi(power - half))
}

/// `tostring`: C's `%.14g`.
pub fn tostring(number: f64) -> String {
    let scientific = format!("{number:.13e}");
    let Some((digits, power)) = scientific.split_once('e') else {
        return scientific; // inf
    };
    let power: i32 = power.parse().expect("it was written as a number");
    let bare = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..14).contains(&power) {
        let places = usize::try_from(13 - power).expect("it is at most 13");
        return bare(&format!("{number:.places$}"));
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", bare(digits), power.abs())
}
