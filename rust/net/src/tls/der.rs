//! The few fields of an X.509 certificate that are needed without verifying it.
//!
//! Just enough DER to walk to them (X.690 section 8, RFC 5280 section 4.1), because the verifier's
//! parser neither shows validity nor reads version 1 certificates, which are old but served.

/// Fields of a certificate, borrowed from it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    /// Seconds since the epoch from which it is valid.
    pub(super) not_before: i64,
    /// Seconds since the epoch until which it is valid.
    pub(super) not_after: i64,
    /// The serial number's content.
    pub(super) serial: &'a [u8],
    /// The issuer's `Name`, its content.
    pub(super) issuer: &'a [u8],
    /// The subject's `Name`, its content.
    pub(super) subject: &'a [u8],
    /// The `SubjectPublicKeyInfo`, whole.
    pub(super) public_key: &'a [u8],
}

const INTEGER: u8 = 0x02;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
const EXPLICIT_VERSION: u8 = 0xa0;

/// Reads a certificate; `None` if it is none.
pub(super) fn read(certificate: &[u8]) -> Option<Fields<'_>> {
    let (outer, rest) = expect(certificate, SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    let (mut body, _signature) = expect(outer, SEQUENCE)?;
    if let Some((_, after)) = expect(body, EXPLICIT_VERSION) {
        body = after;
    }
    let (serial, body) = expect(body, INTEGER)?;
    let (_algorithm, body) = expect(body, SEQUENCE)?;
    let (issuer, body) = expect(body, SEQUENCE)?;
    let (validity, body) = expect(body, SEQUENCE)?;
    let (subject, body) = expect(body, SEQUENCE)?;
    let (_, after) = expect(body, SEQUENCE)?;
    let public_key = &body[..body.len() - after.len()];

    let (not_before, validity) = time(validity)?;
    let (not_after, _) = time(validity)?;
    Some(Fields { not_before, not_after, serial, issuer, subject, public_key })
}

/// Splits one element of the given tag off: its content and what follows.
pub(super) fn expect(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(input)?;
    (found == tag).then_some((content, rest))
}

/// Splits one element off: tag, content, rest. Single-byte tags and definite lengths, as DER has.
pub(super) fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, input) = input.split_first()?;
    let (&first, mut input) = input.split_first()?;
    let length = if first < 0x80 {
        usize::from(first)
    } else {
        let digits = usize::from(first & 0x7f);
        if digits == 0 || digits > 3 {
            return None; // indefinite, or past 16 MiB
        }
        let (length, after) = input.split_at_checked(digits)?;
        input = after;
        length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte))
    };
    let (content, rest) = input.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Seconds since the epoch of a `Time`, and what follows it (RFC 5280 section 4.1.2.5: always in
/// UTC with seconds).
fn time(input: &[u8]) -> Option<(i64, &[u8])> {
    let (tag, text, rest) = element(input)?;
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        let all = digits.iter().all(u8::is_ascii_digit);
        all.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    };
    let (year, at) = match tag {
        UTC_TIME => match number(0..2)? {
            year @ 50.. => (1900 + year, 2),
            year => (2000 + year, 2),
        },
        GENERALIZED_TIME => (number(0..4)?, 4),
        _ => return None,
    };
    if text.get(at + 10..)? != b"Z" {
        return None;
    }
    let mut fields = [0; 5];
    for (field, range) in fields.iter_mut().zip((at..).step_by(2)) {
        *field = number(range..range + 2)?;
    }
    let [month, day, hour, minute, second] = fields;
    let sound = (1..=12).contains(&month) && (1..=31).contains(&day);
    let sound = sound && hour < 24 && minute < 60 && second <= 60;
    sound.then(|| {
        let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        (seconds, rest)
    })
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day
/// comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::{days, time};

    #[test]
    fn days_are_counted_from_the_epoch() {
        for (date, expected) in [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2024, 12, 31), 20_088),
            ((2100, 3, 1), 47_541),
        ] {
            assert_eq!(days(date.0, date.1, date.2), expected, "{date:?}");
        }
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        let utc = b"\x17\x0d491231235959Z";
        let generalized = b"\x18\x0f20491231235959Z";
        assert_eq!(time(utc).expect("a time").0, 2_524_607_999);
        assert_eq!(time(generalized), time(utc));
        assert!(time(b"\x17\x0d500101000000Z").expect("a time").0 < 0, "1950");
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        for text in
            ["4912312359Z", "491231235959", "49123123595xZ", "491331235959Z", "491231245959Z"]
        {
            let mut bytes = vec![0x17, text.len() as u8];
            bytes.extend_from_slice(text.as_bytes());
            assert_eq!(time(&bytes), None, "{text}");
        }
    }
}
