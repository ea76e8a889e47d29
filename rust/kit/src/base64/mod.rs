//! Base64 as RFC 4648 section 4 has it, into a buffer the caller keeps.
//!
//! ```
//! let mut out = Vec::new();
//! assert!(gateway_kit::base64::decode(b"dXNlcjpwYXNz", &mut out));
//! assert_eq!(out, b"user:pass");
//! ```
//!
//! What surprises: padding may be left out, as nginx has it, but nothing else
//! is forgiven: no blanks, no second spelling of the same bytes.

#[cfg(test)]
mod tests;

/// Not a letter of the alphabet.
const NONE: u8 = 64;

static VALUES: [u8; 256] = {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < letters.len() {
        values[letters[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Append the bytes that `text` spells; `false`, with part of them appended,
/// if it spells none.
pub fn decode(text: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(letters) = unpadded(text) else {
        return false;
    };
    out.reserve(letters.len() / 4 * 3 + 2);
    for group in letters.chunks(4) {
        let mut bits = 0;
        for letter in group {
            let value = VALUES[usize::from(*letter)];
            if value == NONE {
                return false;
            }
            bits = bits << 6 | u32::from(value);
        }
        // The group's bits at the top of the last three of four bytes.
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        let (bytes, left) = bytes[1..].split_at(group.len() - 1);
        // Bits that no byte takes must be zero: else two texts spell the same.
        if left.iter().any(|byte| *byte != 0) {
            return false;
        }
        out.extend_from_slice(bytes);
    }
    true
}

/// The text without its padding; `None` if that, or the length, is wrong.
fn unpadded(text: &[u8]) -> Option<&[u8]> {
    let letters = match text {
        [letters @ .., b'=', b'='] if text.len().is_multiple_of(4) => letters,
        [letters @ .., b'='] if text.len().is_multiple_of(4) => letters,
        letters => letters,
    };
    (letters.len() % 4 != 1).then_some(letters)
}
