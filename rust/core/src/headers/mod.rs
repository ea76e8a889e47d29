//! The header fields of one message.
//!
//! One arena of bytes and a list of spans into it. An HTTP/1 head is copied into the arena
//! once, as it stood on the wire, so order and case survive and a field costs no allocation;
//! an HTTP/2 block is decoded into the same arena. Whoever reads or edits fields does not see
//! which of the two it was.
//!
//! ```
//! use gateway_core::headers::{Headers, Known};
//!
//! let mut headers = Headers::default();
//! headers.append("X-Answer", b"42")?;
//! headers.append("Host", b"example.com")?;
//! assert_eq!(headers.get("x-answer"), Some(&b"42"[..]));
//! assert_eq!(headers.known(Known::Host), Some(&b"example.com"[..]));
//! # Ok::<(), gateway_core::headers::InvalidField>(())
//! ```
//!
//! What surprises: names are matched without regard to case and kept as they were written;
//! an edit appends to the arena and never moves what is there, so a value that is replaced
//! keeps its bytes until the message ends.

mod known;
mod lines;
#[cfg(test)]
mod tests;

pub use known::{Known, NAMES};
pub use lines::Lines;

/// A field name or value that RFC 9110 section 5 does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidField {
    /// The name is empty or holds a byte that is no token character.
    Name,
    /// The value holds a control character (CR, LF and NUL among them).
    Value,
}

impl std::fmt::Display for InvalidField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Name => "header name is not a token (RFC 9110 section 5.6.2)",
            Self::Value => "header value holds a control character (RFC 9110 section 5.5)",
        })
    }
}

impl std::error::Error for InvalidField {}

/// A run of bytes in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

impl Span {
    /// The span of `start..end`.
    #[inline]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 }
    }

    /// As a range to index with.
    #[inline]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

#[derive(Debug, Clone, Copy)]
struct Field {
    name: Span,
    value: Span,
    known: Known,
    /// Whether the arena holds name and value as a wire line: `: ` between and CRLF after them.
    /// Encoders copy such lines without a look.
    line: bool,
}

/// The header fields of one message, in their order.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    arena: Vec<u8>,
    fields: Vec<Field>,
    /// One bit per [`Known`] name that has ever been present: a clear bit proves absence. The
    /// lowest, of [`Known::Other`], means nothing.
    seen: u64,
    /// Known names that were removed while their fields still lie in `fields`. Removing one is
    /// setting its bit; the fields go when one of that name comes back.
    hidden: u64,
}

impl Headers {
    /// Empties the map and keeps its memory, for the next message on a connection.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.fields.clear();
        self.seen = 0;
        self.hidden = 0;
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        if self.hidden == 0 { self.fields.len() } else { self.present().count() }
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.present().next().is_none()
    }

    /// Bytes held by the arena, replaced values included.
    pub fn arena_len(&self) -> usize {
        self.arena.len()
    }

    /// Starts a message: copies a whole head as received, for [`Headers::push_span`] to point into.
    pub fn load(&mut self, head: &[u8]) {
        self.clear();
        self.arena.extend_from_slice(head);
    }

    /// Copies a whole head in under fields that were already added with [`Headers::push_span`]:
    /// how a parser copies a head only once it knows that the head is good.
    ///
    /// Until then the spans point at nothing, and fields read as empty.
    pub fn fill(&mut self, head: &[u8]) {
        debug_assert!(self.arena.is_empty(), "spans of a head start at its first byte");
        self.arena.extend_from_slice(head);
    }

    /// The bytes at `span`, which may also lie outside any field (a request line, say).
    #[inline]
    pub fn bytes(&self, span: Span) -> &[u8] {
        self.arena.get(span.range()).unwrap_or_default()
    }

    /// Appends bytes that belong to no field and says where they are (a rewritten target, say).
    pub fn stash(&mut self, bytes: &[u8]) -> Span {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        Span::new(start, self.arena.len())
    }

    /// Adds a field whose name and value are already in the arena. For parsers, which have
    /// checked both; to a map from which nothing was removed since it was emptied.
    ///
    /// `line` says that `: ` stands between them and CRLF after them, and nothing else.
    #[inline]
    pub fn push_span(&mut self, name: Span, value: Span, known: Known, line: bool) {
        debug_assert_eq!(self.hidden, 0, "a head that is being read has no removed fields");
        self.seen |= 1 << known as u8;
        self.fields.push(Field { name, value, known, line });
    }

    /// Adds a field that has just been written at the end of the arena as a wire line.
    #[inline]
    fn push_line(&mut self, name: Span, value: Span, known: Known) {
        let bit = 1 << known as u8;
        if self.hidden & bit != 0 {
            self.purge();
        }
        self.seen |= bit;
        self.fields.push(Field { name, value, known, line: true });
    }

    /// Number of fields, those that were removed but still lie there included: what a parser
    /// counts against its limit.
    #[inline]
    pub fn pushed(&self) -> usize {
        self.fields.len()
    }

    /// The first value of `name`, matched without regard to case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// The first value of a known name. A clear bit answers without a search.
    #[inline]
    pub fn known(&self, name: Known) -> Option<&[u8]> {
        if !self.has(name) {
            return None;
        }
        self.fields.iter().find(|f| f.known == name).map(|f| self.bytes(f.value))
    }

    /// The fields that were not removed, in order.
    #[inline]
    fn present(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|f| self.hidden & f.known.bit() == 0)
    }

    /// Drops the fields that were removed by name.
    #[cold]
    fn purge(&mut self) {
        let hidden = std::mem::take(&mut self.hidden);
        self.fields.retain(|f| hidden & f.known.bit() == 0);
    }

    /// Whether a known name may be present: false is certain, true needs a look.
    #[inline]
    pub fn has(&self, name: Known) -> bool {
        self.seen & name.bit() != 0
    }

    /// Whether one of several known names may be present; `bits` are theirs, or-ed
    /// ([`Known::bit`]).
    #[inline]
    pub fn has_any(&self, bits: u64) -> bool {
        self.seen & bits != 0
    }

    /// Every value of `name`, in order.
    pub fn get_all<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let known = Known::of(name.as_bytes());
        let absent = known != Known::Other && !self.has(known);
        let fields = if absent { &[] } else { &self.fields[..] };
        fields
            .iter()
            .filter(move |f| self.is(f, known, name.as_bytes()))
            .map(|f| self.bytes(f.value))
    }

    /// Whether `name` is present.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Every field as name (as written) and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.present().map(|f| (self.bytes(f.name), self.bytes(f.value)))
    }

    /// Every field with its classified name, in order.
    #[inline]
    pub fn iter_known(&self) -> impl Iterator<Item = (Known, &[u8], &[u8])> {
        self.present().map(|f| (f.known, self.bytes(f.name), self.bytes(f.value)))
    }

    /// Hands the fields as wire lines to `put`, in order and neighbours in the arena at once,
    /// without those of the known names whose bits ([`Known::bit`]) are in `except`.
    #[inline]
    pub fn write_lines(&self, except: u64, mut put: impl FnMut(&[u8])) {
        let except = except | self.hidden;
        let mut run = 0..0;
        for field in &self.fields {
            if except & field.known.bit() != 0 {
                continue;
            }
            let (name, value) = (field.name.range(), field.value.range());
            if field.line {
                if run.end != name.start {
                    if !run.is_empty() {
                        put(&self.arena[run.clone()]);
                    }
                    run.start = name.start;
                }
                run.end = value.end + 2;
            } else {
                put(&self.arena[std::mem::take(&mut run)]);
                for part in [&self.arena[name], b": ", &self.arena[value], b"\r\n"] {
                    put(part);
                }
            }
        }
        put(&self.arena[run]);
    }

    /// Adds a field after the others.
    ///
    /// # Errors
    /// [`InvalidField`] if name or value could not stand on the wire; nothing is added.
    pub fn append(&mut self, name: &str, value: &[u8]) -> Result<(), InvalidField> {
        check(name.as_bytes(), value)?;
        self.append_checked(name, value);
        Ok(())
    }

    /// Adds a field that the gateway made itself: the name is a literal token and the value
    /// free of control characters, which debug builds assert.
    pub fn append_checked(&mut self, name: &str, value: &[u8]) {
        self.append_known(Known::of(name.as_bytes()), name, value);
    }

    /// [`Headers::append_checked`] for a name that is classified already.
    #[inline]
    pub fn append_known(&mut self, known: Known, name: &str, value: &[u8]) {
        debug_assert_eq!(check(name.as_bytes(), value), Ok(()));
        debug_assert_eq!(Known::of(name.as_bytes()), known, "the name is another");
        // Laid out as a line of the wire, so that an encoder copies it whole.
        let start = self.arena.len();
        let colon = start + name.len();
        self.arena.reserve(name.len() + value.len() + 4);
        self.arena.extend_from_slice(name.as_bytes());
        self.arena.extend_from_slice(b": ");
        self.arena.extend_from_slice(value);
        self.arena.extend_from_slice(b"\r\n");
        let value = Span::new(colon + 2, colon + 2 + value.len());
        self.push_line(Span::new(start, colon), value, known);
    }

    /// Appends the first value of `from` under another name; an empty one if there is none.
    pub fn copy_known(&mut self, from: Known, known: Known, name: &str) {
        debug_assert_eq!(Known::of(name.as_bytes()), known, "the name is another");
        let source = self.fields.iter().find(|f| f.known == from).map_or(0..0, |f| f.value.range());
        let start = self.arena.len();
        let colon = start + name.len();
        let end = colon + 2 + source.len();
        self.arena.extend_from_slice(name.as_bytes());
        self.arena.extend_from_slice(b": ");
        self.arena.extend_from_within(source);
        self.arena.extend_from_slice(b"\r\n");
        self.push_line(Span::new(start, colon), Span::new(colon + 2, end), known);
    }

    /// Gives `name` this one value: the first such field keeps its place and its case, further
    /// ones go, and without one the field is appended.
    ///
    /// # Errors
    /// [`InvalidField`] if name or value could not stand on the wire; nothing is changed.
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<(), InvalidField> {
        check(name.as_bytes(), value)?;
        let known = Known::of(name.as_bytes());
        let first = if known != Known::Other && !self.has(known) {
            None
        } else {
            self.fields.iter().position(|f| self.is(f, known, name.as_bytes()))
        };
        let Some(first) = first else {
            self.append_checked(name, value);
            return Ok(());
        };
        let span = self.stash(value);
        self.fields[first].value = span;
        self.fields[first].line = false;
        let arena = &self.arena;
        let mut index = 0;
        self.fields.retain(|f| {
            index += 1;
            index - 1 <= first || !same(arena, f, known, name.as_bytes())
        });
        Ok(())
    }

    /// Gives a known name this one value, which the gateway made itself: the first such field
    /// keeps its place and its case.
    pub fn set_known(&mut self, known: Known, name: &str, value: &[u8]) {
        debug_assert_eq!(check(name.as_bytes(), value), Ok(()));
        let mut there = self.fields.iter_mut().filter(|f| f.known == known);
        match (there.next(), there.next()) {
            (Some(field), None) if self.seen & known.bit() != 0 => {
                let start = self.arena.len();
                self.arena.extend_from_slice(value);
                field.value = Span::new(start, self.arena.len());
                field.line = false;
            }
            _ => {
                self.remove_known(known);
                self.append_known(known, name, value);
            }
        }
    }

    /// Removes every field called `name`.
    pub fn remove(&mut self, name: &str) {
        let known = Known::of(name.as_bytes());
        if known != Known::Other {
            return self.remove_known(known);
        }
        let arena = &self.arena;
        self.fields.retain(|f| !same(arena, f, known, name.as_bytes()));
    }

    /// Removes every field of a known name, at the cost of setting a bit.
    #[inline]
    pub fn remove_known(&mut self, name: Known) {
        self.remove_all_known(name.bit());
    }

    /// Removes the fields of several known names; `bits` are theirs, or-ed ([`Known::bit`]).
    #[inline]
    pub fn remove_all_known(&mut self, bits: u64) {
        let there = self.seen & bits;
        self.hidden |= there;
        self.seen &= !there;
    }

    /// Keeps the fields for which `keep` holds. For rules that look at several names in one pass.
    pub fn retain(&mut self, mut keep: impl FnMut(Known, &[u8], &[u8]) -> bool) {
        self.purge();
        let arena = &self.arena;
        let mut seen = 0;
        self.fields.retain(|f| {
            let stays = keep(f.known, &arena[f.name.range()], &arena[f.value.range()]);
            if stays {
                seen |= f.known.bit();
            }
            stays
        });
        self.seen = seen;
    }

    #[inline]
    fn is(&self, field: &Field, known: Known, name: &[u8]) -> bool {
        same(&self.arena, field, known, name)
    }
}

#[inline]
fn same(arena: &[u8], field: &Field, known: Known, name: &[u8]) -> bool {
    field.known == known
        && (known != Known::Other || arena[field.name.range()].eq_ignore_ascii_case(name))
}

/// Whether `byte` may stand in a token (RFC 9110 section 5.6.2).
#[inline]
pub const fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Whether `byte` may stand in a field value: visible characters, space, tab and obs-text
/// (RFC 9110 section 5.5).
#[inline]
pub const fn is_value_byte(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7f || byte == b'\t'
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        table[byte] = c.is_ascii_alphanumeric()
            || matches!(
                c,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

fn check(name: &[u8], value: &[u8]) -> Result<(), InvalidField> {
    if name.is_empty() || !name.iter().copied().all(is_token_byte) {
        return Err(InvalidField::Name);
    }
    if !value.iter().copied().all(is_value_byte) {
        return Err(InvalidField::Value);
    }
    Ok(())
}
