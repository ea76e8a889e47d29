//! Texts with variables in them as APISIX reads them (`core.utils.resolve_var`).

use super::{Escape, Segment, Template};

impl<A> Template<A> {
    /// Compile a text of APISIX: `$name` and `${name}` are variables, the latter perhaps with a
    /// default, `${name ?? default}`. A missing variable without one is nothing. Names may have
    /// dots; a dollar sign after a backslash, or before anything that is no name, is left as it
    /// is, the backslash with it. So every text is valid.
    pub fn interpolate(text: &str, resolve: &mut dyn FnMut(&str) -> A) -> Self {
        let mut segments = Vec::new();
        let (mut plain, mut at) = (0, 0);
        while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
            at = dollar + 1;
            if text[..dollar].ends_with('\\') {
                continue;
            }
            let Some((name, default, length)) = variable(&text[at..]) else { continue };
            if plain < dollar {
                segments.push(Segment::Text(text.as_bytes()[plain..dollar].into()));
            }
            let default = default.map(|default| default.as_bytes().into());
            segments.push(Segment::Variable(resolve(name), default));
            at += length;
            plain = at;
        }
        if plain < text.len() {
            segments.push(Segment::Text(text.as_bytes()[plain..].into()));
        }
        Self { segments: segments.into_boxed_slice(), escape: Escape::None }
    }
}

/// The name that follows a dollar sign, its default, and how many bytes they take.
fn variable(text: &str) -> Option<(&str, Option<&str>, usize)> {
    let Some(braced) = text.strip_prefix('{') else {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let length = text.bytes().position(|byte| !is_name(byte)).unwrap_or(text.len());
        return (length > 0).then(|| (&text[..length], None, length));
    };
    let length = braced.find('}').filter(|length| *length > 0)?;
    let mut parts = braced[..length].split("??").map(str::trim);
    let name = parts.next()?;
    let default = parts.next().filter(|default| !default.is_empty());
    Some((name, default, length + 2))
}
