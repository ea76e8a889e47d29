//! Distinguished names as RFC 2253 writes them, which is how nginx prints them: the most specific
//! part first, `CN=client,OU=Payments,O=Example\, Inc.,C=DE`.

use std::fmt::Write as _;

use super::der::{self, OBJECT_IDENTIFIER, SEQUENCE, SET};

const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const IA5: u8 = 0x16;
const BMP: u8 = 0x1e;

/// Attribute types with a short name, by their object identifiers in DER.
const TYPES: [(&[u8], &str); 15] = [
    (b"\x55\x04\x03", "CN"),
    (b"\x55\x04\x04", "SN"),
    (b"\x55\x04\x05", "serialNumber"),
    (b"\x55\x04\x06", "C"),
    (b"\x55\x04\x07", "L"),
    (b"\x55\x04\x08", "ST"),
    (b"\x55\x04\x09", "street"),
    (b"\x55\x04\x0a", "O"),
    (b"\x55\x04\x0b", "OU"),
    (b"\x55\x04\x0c", "title"),
    (b"\x55\x04\x2a", "GN"),
    (b"\x55\x04\x2e", "dnQualifier"),
    (b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"),
    (b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"),
];

/// The text of a `Name`'s content; none if it is none.
pub(super) fn text(name: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let (mut attributes, after) = der::expect(rest, SET)?;
        rest = after;
        let mut part = String::new();
        while !attributes.is_empty() {
            let (attribute, after) = der::expect(attributes, SEQUENCE)?;
            attributes = after;
            if !part.is_empty() {
                part.push('+');
            }
            append_attribute(attribute, &mut part)?;
        }
        parts.push(part);
    }
    parts.reverse();
    Some(parts.join(","))
}

fn append_attribute(attribute: &[u8], out: &mut String) -> Option<()> {
    let (kind, value) = der::expect(attribute, OBJECT_IDENTIFIER)?;
    match TYPES.iter().find(|(identifier, _)| *identifier == kind) {
        Some((_, short)) => out.push_str(short),
        None => append_identifier(kind, out)?,
    }
    out.push('=');
    let (tag, content, _) = der::element(value)?;
    let text = match tag {
        UTF8 | PRINTABLE | IA5 => std::str::from_utf8(content).ok().map(str::to_owned),
        // Latin-1 is what those who still write it mean by it.
        TELETEX => Some(content.iter().map(|byte| char::from(*byte)).collect()),
        BMP => {
            let units = content.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        _ => None,
    };
    if let Some(text) = text {
        append_escaped(&text, out);
        return Some(());
    }
    // Section 2.4: what is no text is printed as it is encoded.
    out.push('#');
    for byte in value {
        let _ = write!(out, "{byte:02X}");
    }
    Some(())
}

/// An object identifier with dots.
fn append_identifier(identifier: &[u8], out: &mut String) -> Option<()> {
    let mut arc: u64 = 0;
    let mut first = true;
    for byte in identifier {
        arc = arc.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 != 0 {
            continue;
        }
        let _ = match std::mem::take(&mut first) {
            true => write!(out, "{}.{}", (arc / 40).min(2), arc - (arc / 40).min(2) * 40),
            false => write!(out, ".{arc}"),
        };
        arc = 0;
    }
    Some(())
}

/// Section 2.4, and OpenSSL's way with bytes that are not printable ASCII, so that no name of a
/// stranger's brings a line end into a header field or a log.
fn append_escaped(text: &str, out: &mut String) {
    let last = text.chars().count().saturating_sub(1);
    for (at, char) in text.chars().enumerate() {
        match char {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => out.extend(['\\', char]),
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            ' '..='~' => out.push(char),
            _ => {
                for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\{byte:02X}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short");
        [&[tag, length], content].concat()
    }

    fn part(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let attribute = [element(0x06, kind), element(tag, value)].concat();
        element(0x31, &element(0x30, &attribute))
    }

    #[test]
    fn the_most_specific_part_comes_first() {
        let name = [
            part(b"\x55\x04\x06", 0x13, b"DE"),
            part(b"\x55\x04\x0a", 0x0c, b"Example"),
            part(b"\x55\x04\x03", 0x0c, b"client"),
        ];
        assert_eq!(text(&name.concat()).expect("a name"), "CN=client,O=Example,C=DE");
        assert_eq!(text(b"").expect("an empty one"), "");
    }

    #[test]
    fn what_would_be_read_otherwise_is_escaped() {
        let escaped = |value: &[u8]| text(&part(b"\x55\x04\x03", 0x0c, value)).expect("a name");
        assert_eq!(escaped(b"a,b+c\\d"), "CN=a\\,b\\+c\\\\d");
        assert_eq!(escaped(b"#1 "), "CN=\\#1\\ ");
        assert_eq!(escaped(b"a\r\nb\0"), "CN=a\\0D\\0Ab\\00");
        assert_eq!(escaped("ü".as_bytes()), "CN=\\C3\\BC");
    }

    #[test]
    fn what_is_unknown_is_printed_by_number_or_as_it_is() {
        let unknown = part(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", 0x16, b"x");
        assert_eq!(text(&unknown).expect("a name"), "1.2.840.113549.1.9.2=x");
        let number = part(b"\x55\x04\x03", 0x02, b"\x07");
        assert_eq!(text(&number).expect("a name"), "CN=#020107");
        assert_eq!(text(&part(b"\x55\x04\x03", 0x1e, b"\0a\0b")).expect("a name"), "CN=ab");
    }

    #[test]
    fn what_is_no_name_has_no_text() {
        for broken in [&b"\x31"[..], b"\x30\x00", b"\x31\x02\x30\x05", b"\x31\x02\x30\x00"] {
            assert_eq!(text(broken), None, "{broken:?}");
        }
    }
}
