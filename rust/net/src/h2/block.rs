//! Finds in header blocks what the `h2` crate lets pass without a word.
//!
//! A `:path` that holds `#`: whoever cuts a fragment off asks for another resource than whoever
//! does not, so HTTP/1 requests with one are refused; the crate cuts it off. And pseudo-header
//! fields, which have no place in trailers (RFC 9113 section 8.1); the crate drops them there.
//!
//! What surprises: this reads HPACK (RFC 7541) without its table. An index counts back from the
//! entry added last, so all that has to be known of an entry is what was added how long ago: a
//! bit each. A block that is malformed, or refers to an entry that is no longer there, is none of
//! our concern: the crate ends its connection.

/// Entries of the dynamic table, at most: 4,096 bytes, of which each takes 32 and more.
const ENTRIES: u64 = 128;
/// The first index of the dynamic table.
const DYNAMIC: u64 = 62;
/// The entries of the static table that are named `:path`.
const PATH: [u64; 2] = [4, 5];
/// Those that are named as a pseudo-header field.
const PSEUDO: std::ops::RangeInclusive<u64> = 1..=14;
/// `#` in the Huffman code.
const HASH: (u32, u32) = (0xffa, 12);

/// What is remembered of a connection's header blocks: entries of the dynamic table, the newest
/// in the lowest bit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Blocks {
    /// Those named `:path`.
    paths: u128,
    /// Those of them that hold `#`.
    tainted: u128,
    /// Those whose name is that of a pseudo-header field.
    pseudo: u128,
}

/// What was found in a block, or in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// A `:path` that holds `#`.
    pub(super) fragment: bool,
    /// A pseudo-header field.
    pub(super) pseudo: bool,
}

impl Blocks {
    /// Reads a whole header block.
    pub(super) fn read(&mut self, mut block: &[u8]) -> Found {
        let mut found = Found::default();
        while let Some(field) = self.field(&mut block) {
            found.fragment |= field.fragment;
            found.pseudo |= field.pseudo;
        }
        found
    }

    /// Reads one field; None at the end.
    fn field(&mut self, block: &mut &[u8]) -> Option<Found> {
        let first = *block.first()?;
        if first & 0x80 != 0 {
            let index = integer(block, 7)?;
            return Some(Found {
                fragment: bit(self.tainted, index),
                pseudo: self.is_pseudo(index),
            });
        }
        if first & 0xe0 == 0x20 {
            integer(block, 5)?; // the table's size
            return Some(Found::default());
        }
        let indexed = first & 0x40 != 0;
        let index = integer(block, if indexed { 6 } else { 4 })?;
        let (path, pseudo) = if index == 0 {
            let (huffman, name) = string(block)?;
            // `:` is 1011100 in the Huffman code.
            let colon = |byte: &u8| if huffman { byte & 0xfe == 0xb8 } else { *byte == b':' };
            (is_path(huffman, name), name.first().is_some_and(colon))
        } else {
            (PATH.contains(&index) || bit(self.paths, index), self.is_pseudo(index))
        };
        let (huffman, value) = string(block)?;
        let fragment = path && holds_hash(huffman, value);
        if indexed {
            self.paths = self.paths << 1 | u128::from(path);
            self.tainted = self.tainted << 1 | u128::from(fragment);
            self.pseudo = self.pseudo << 1 | u128::from(pseudo);
        }
        Some(Found { fragment, pseudo })
    }

    fn is_pseudo(&self, index: u64) -> bool {
        PSEUDO.contains(&index) || bit(self.pseudo, index)
    }
}

/// The bit of the entry with this index.
fn bit(entries: u128, index: u64) -> bool {
    index.checked_sub(DYNAMIC).is_some_and(|age| age < ENTRIES && entries >> age & 1 != 0)
}

/// An integer whose first byte has `prefix` bits for it (RFC 7541 section 5.1).
fn integer(block: &mut &[u8], prefix: u32) -> Option<u64> {
    let (&first, mut rest) = block.split_first()?;
    let most = (1 << prefix) - 1;
    let mut value = u64::from(first) & most;
    if value == most {
        for shift in (0..28).step_by(7) {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            value += u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                *block = rest;
                return Some(value);
            }
        }
        return None;
    }
    *block = rest;
    Some(value)
}

/// A string, and whether it is in the Huffman code (RFC 7541 section 5.2).
fn string<'b>(block: &mut &'b [u8]) -> Option<(bool, &'b [u8])> {
    let huffman = block.first()? & 0x80 != 0;
    let length = integer(block, 7)?;
    let (string, rest) = block.split_at_checked(usize::try_from(length).ok()?)?;
    *block = rest;
    Some((huffman, string))
}

/// Whether a name is `:path`.
fn is_path(huffman: bool, name: &[u8]) -> bool {
    if huffman {
        // `:` 1011100, `p` 101011, `a` 00011, `t` 01001, `h` 100111, and ones to fill.
        name == [0b1011_1001, 0b0101_1000, 0b1101_0011, 0b0011_1111]
    } else {
        name == b":path"
    }
}

/// Whether a value holds `#`.
fn holds_hash(huffman: bool, value: &[u8]) -> bool {
    if !huffman {
        return value.contains(&b'#');
    }
    let (mut bits, mut there) = (0_u64, 0_u32);
    let mut rest = value.iter();
    loop {
        while there <= 32
            && let Some(byte) = rest.next()
        {
            bits |= u64::from(*byte) << (56 - there);
            there += 8;
        }
        let code = (bits >> 34) as u32;
        let Some(&(length, _)) = LENGTHS.iter().find(|(_, end)| code < *end) else { return false };
        if length > there {
            return false;
        }
        if (code >> (30 - length), length) == HASH {
            return true;
        }
        bits <<= length;
        there -= length;
    }
}

/// Lengths of codes in bits, and what the first 30 bits are below for codes of that length (RFC
/// 7541 appendix B: longer codes are greater ones).
const LENGTHS: [(u32, u32); 21] = [
    (5, 0xa << 25),
    (6, 0x2e << 24),
    (7, 0x7c << 23),
    (8, 0xfe << 22),
    (10, 0x3fd << 20),
    (11, 0x7fd << 19),
    (12, 0xffc << 18),
    (13, 0x1ffe << 17),
    (14, 0x3ffe << 16),
    (15, 0x7fff << 15),
    (19, 0x7_fff3 << 11),
    (20, 0xf_ffee << 10),
    (21, 0x1f_ffe9 << 9),
    (22, 0x3f_ffec << 8),
    (23, 0x7f_fff5 << 7),
    (24, 0xff_fff6 << 6),
    (25, 0x1ff_fff0 << 5),
    (26, 0x3ff_ffef << 4),
    (27, 0x7ff_fff1 << 3),
    (28, 0xfff_ffff << 2),
    (30, 1 << 30),
];

#[cfg(test)]
mod tests {
    use super::{Blocks, Found};

    /// Literal with indexing, name from the static table.
    fn path(value: &[u8]) -> Vec<u8> {
        [&[0x44, value.len() as u8][..], value].concat()
    }

    /// `/a#b` and `/aab` in the Huffman code.
    const WITH: [u8; 5] = [0x84, 0x60, 0x7f, 0xf5, 0x1f];
    const WITHOUT: [u8; 5] = [0x83, 0x60, 0x63, 0x8f, 0xff];

    #[test]
    fn a_fragment_is_found_plain_and_coded() {
        let mut blocks = Blocks::default();
        assert!(blocks.read(&path(b"/a#b")).fragment);
        assert!(!blocks.read(&path(b"/ab")).fragment);
        assert!(blocks.read(&[&[0x04][..], &WITH].concat()).fragment);
        assert!(!blocks.read(&[&[0x04][..], &WITHOUT[..4]].concat()).fragment);
    }

    #[test]
    fn it_is_found_behind_other_fields_and_names() {
        let mut blocks = Blocks::default();
        // `:method: GET`, `x: #`, and the name in letters and in the code.
        let others = [0x82, 0x40, 1, b'x', 1, b'#'];
        assert!(!blocks.read(&others).fragment);
        assert!(blocks.read(&[&others[..], b"\x00\x05:path\x02/#"].concat()).fragment);
        assert!(blocks.read(b"\x00\x84\xb9\x58\xd3\x3f\x02/#").fragment);
    }

    #[test]
    fn it_is_found_where_the_table_is_referred_to() {
        let mut blocks = Blocks::default();
        assert!(blocks.read(&path(b"/#")).fragment);
        assert!(blocks.read(&[0xbe]).fragment, "the entry added last");
        assert!(!blocks.read(&[0x40, 1, b'x', 1, b'y']).fragment);
        assert!(!blocks.read(&[0xbe]).fragment);
        assert!(blocks.read(&[0xbf]).fragment, "the entry before it");
        // A name from the table, and a value of its own.
        assert!(blocks.read(&[0x7f, 0, 2, b'/', b'#']).fragment);
        // The one added without a fragment.
        assert!(!blocks.read(&[0x0f, 62 - 15, 1, b'/']).fragment);
    }

    #[test]
    fn a_pseudo_header_field_is_found_by_any_name() {
        let mut blocks = Blocks::default();
        let mut pseudo = |block: &[u8]| blocks.read(block).pseudo;
        assert!(pseudo(&[0x82]), "from the static table");
        assert!(pseudo(b"\x02\x03PUT"), "a name from it");
        assert!(pseudo(b"\x00\x05:path\x01/"), "in letters");
        assert!(pseudo(b"\x00\x84\xb9\x58\xd3\x3f\x01/"), "in the Huffman code");
        assert!(pseudo(b"\x42\x03PUT") && pseudo(&[0xbe]), "from the dynamic table");
        assert!(!pseudo(&[0x90]) && !pseudo(b"\x00\x01x\x01:"), "others are none");
    }

    #[test]
    fn what_is_no_block_is_not_read_past_its_end() {
        for block in
            [&b"\x44"[..], b"\x44\x7f", b"\x44\x05/#", b"\xff\xff\xff\xff\xff\xff", b"\x3f"]
        {
            assert_eq!(Blocks::default().read(block), Found::default(), "{block:?}");
        }
    }
}
