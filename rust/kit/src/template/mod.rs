//! nginx's log formats: literal text with `$name` and `${name}`, compiled once
//! and rendered without allocation into the caller's buffer.
//!
//! ```
//! use gateway_kit::template::{Escape, Source, Template};
//!
//! struct Request;
//! impl Source<String> for Request {
//!     fn write(&self, variable: &String, out: &mut Vec<u8>) -> bool {
//!         if variable == "uri" {
//!             out.extend_from_slice(b"/a\"b");
//!         }
//!         variable == "uri"
//!     }
//! }
//!
//! let resolve = &mut |name: &str| Ok(name.to_owned());
//! let template = Template::compile("${uri} $referer", Escape::Default, resolve).unwrap();
//! let mut line = Vec::new();
//! template.render(&Request, &mut line);
//! assert_eq!(line, br"/a\x22b -");
//! ```
//!
//! What surprises: there is no way to write a dollar sign, as in nginx. A
//! variable that is there but empty renders as nothing; only a missing one is
//! `-`, and that only with [`Escape::Default`].
//!
//! APISIX's own texts with variables in them, such as the `key` of a consistent
//! hash, have rules of their own: [`Template::interpolate`].

mod escape;
mod interpolate;
#[cfg(test)]
mod tests;

use std::fmt;

pub use escape::Escape;

/// Where a template finds its variables; `A` is what their names were resolved
/// to.
pub trait Source<A> {
    /// Append the value of one variable, unescaped; `false` (and nothing
    /// appended) if there is none.
    fn write(&self, variable: &A, out: &mut Vec<u8>) -> bool;
}

/// A compiled format; see the [module](self).
#[derive(Debug)]
pub struct Template<A> {
    segments: Box<[Segment<A>]>,
    escape: Escape,
}

#[derive(Debug)]
enum Segment<A> {
    Text(Box<[u8]>),
    /// A variable, and what stands for it where it is missing, if the text says.
    Variable(A, Option<Box<[u8]>>),
}

/// Why a format is refused, in nginx's words where it has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// What is wrong.
    pub message: String,
    /// The byte of the format where that begins.
    pub at: usize,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FormatError {}

impl<A> Template<A> {
    /// Compile a format. `resolve` turns each variable's name into what
    /// [`Source::write`] is asked with, or says why there is no such variable.
    ///
    /// # Errors
    /// A `$` that no name follows, an open brace, or what `resolve` refuses.
    pub fn compile(
        format: &str,
        escape: Escape,
        resolve: &mut dyn FnMut(&str) -> Result<A, String>,
    ) -> Result<Self, FormatError> {
        let mut segments = Vec::new();
        let mut at = 0;
        while at < format.len() {
            let rest = &format[at..];
            let text = rest.find('$').unwrap_or(rest.len());
            if text > 0 {
                segments.push(Segment::Text(rest.as_bytes()[..text].into()));
                at += text;
                continue;
            }
            let (name, length) = variable(rest).map_err(|message| FormatError { message, at })?;
            let accessor = resolve(name).map_err(|message| FormatError { message, at })?;
            segments.push(Segment::Variable(accessor, None));
            at += length;
        }
        Ok(Self { segments: segments.into_boxed_slice(), escape })
    }

    /// Append the format with its variables filled in. Returns how many of them
    /// had a value or a default.
    pub fn render(&self, source: &impl Source<A>, out: &mut Vec<u8>) -> usize {
        let mut filled = 0;
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => out.extend_from_slice(text),
                Segment::Variable(variable, default) => {
                    let from = out.len();
                    if source.write(variable, out) {
                        self.escape.apply(out, from);
                        filled += 1;
                    } else {
                        out.extend_from_slice(default.as_deref().unwrap_or(self.escape.missing()));
                        filled += usize::from(default.is_some());
                    }
                }
            }
        }
        filled
    }

    /// Every variable of the format, in order, repeats included.
    pub fn variables(&self) -> impl Iterator<Item = &A> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Text(_) => None,
            Segment::Variable(variable, _) => Some(variable),
        })
    }
}

/// The name after the `$` that `text` begins with, and how many bytes the
/// mention takes.
fn variable(text: &str) -> Result<(&str, usize), String> {
    let after = &text[1..];
    let braced = after.strip_prefix('{');
    let body = braced.unwrap_or(after);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let length = body.bytes().position(|byte| !is_name(byte)).unwrap_or(body.len());
    let name = &body[..length];
    if braced.is_some() && !body.is_empty() && !body[length..].starts_with('}') {
        return Err(format!("the closing bracket in \"{name}\" variable is missing"));
    }
    if name.is_empty() {
        return Err(format!("invalid parameter \"{text}\""));
    }
    Ok((name, 1 + length + 2 * usize::from(braced.is_some())))
}
