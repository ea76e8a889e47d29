//! Fields that are laid out once and added to many messages.

use super::{Field, Headers, Known, Span, check};

/// Fields of known names as wire lines, in their order: what every request of a connection gets
/// alike. Adding all of them costs one copy, where each on its own costs three.
///
/// ```
/// use gateway_core::headers::{Headers, Known, Lines};
///
/// let mut lines = Lines::default();
/// lines.append(Known::XRealIp, "X-Real-IP", b"192.0.2.7");
/// let mut headers = Headers::default();
/// headers.append("X-Real-IP", b"a lie")?;
/// headers.set_lines(&lines);
/// assert_eq!(headers.get("x-real-ip"), Some(&b"192.0.2.7"[..]));
/// # Ok::<(), gateway_core::headers::InvalidField>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    fields: Vec<Field>,
    /// The bits of the names ([`Known::bit`]).
    names: u64,
}

impl Lines {
    /// Adds a field that the gateway made itself: `name` is `known` spelled out, and the value free
    /// of control characters, which debug builds assert.
    pub fn append(&mut self, known: Known, name: &str, value: &[u8]) {
        debug_assert_eq!(check(name.as_bytes(), value), Ok(()));
        debug_assert_eq!(Known::of(name.as_bytes()), known, "the name is another");
        debug_assert_ne!(known, Known::Other, "a name without a bit cannot be replaced");
        let start = self.bytes.len();
        let colon = start + name.len();
        let end = colon + 2 + value.len();
        self.bytes.reserve_exact(end + 2 - start);
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.bytes.extend_from_slice(part);
        }
        let (name, value) = (Span::new(start, colon), Span::new(colon + 2, end));
        self.fields.push(Field { name, value, known, line: true });
        self.names |= known.bit();
    }
}

impl Headers {
    /// Gives the names in `lines` the values there and no others.
    pub fn set_lines(&mut self, lines: &Lines) {
        self.remove_all_known(lines.names);
        if self.hidden & lines.names != 0 {
            self.purge();
        }
        self.seen |= lines.names;
        let moved = self.arena.len() as u32;
        self.arena.extend_from_slice(&lines.bytes);
        self.fields.extend(lines.fields.iter().map(|field| {
            let at = |span: Span| Span { start: span.start + moved, ..span };
            Field { name: at(field.name), value: at(field.value), ..*field }
        }));
    }
}
