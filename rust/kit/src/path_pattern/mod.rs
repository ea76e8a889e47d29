//! A route's path as written (`/users/:id/*rest`): the key it is filed under in
//! the radix tree, and the check and captures that the key alone cannot give.
//! The meaning is lua-resty-radixtree 2.9.2's.
//!
//! ```
//! use gateway_kit::path_pattern::{Parameters, PathPattern};
//! use gateway_kit::radix::Kind;
//!
//! let pattern = PathPattern::new("/users/:id/*rest", Parameters::On).unwrap();
//! assert_eq!((pattern.key(), pattern.kind()), (&b"/users/"[..], Kind::Prefix));
//! assert_eq!(pattern.param(b"/users/7/a/b", "rest"), Some(&b"a/b"[..]));
//! assert!(!pattern.matches(b"/users/7"));
//! ```
//!
//! What surprises, all of it APISIX's:
//! - Without parameters `:` is a letter, but `*` still is a wildcard: the key
//!   ends at the first one, and `/a/*/b` is checked after the lookup.
//! - A segment is a parameter only if it *begins* with `:` or `*`. With
//!   parameters on, `/a:b` is filed under `/a` and, having no parameter to
//!   check, is the prefix `/a`.
//! - Where there is something to check, the other segments are regular
//!   expressions: `.` stands for any byte, and `/items/:id/?` may end in a slash.
//! - With parameters on the key ends at the first `:` even if a `*` comes
//!   before it, so `/*a/:b` is filed under the letters `/*a/`.
//! - An unnamed `*` captures as `:ext`.
//!
//! Not taken over: captures after a `*` that is not last (the original fills
//! them with a single letter), and checking the literal part of `/a+b/*` as a
//! regular expression (which then would not match itself).

mod chunks;
#[cfg(test)]
mod tests;

use std::fmt;

use fancy_regex::{BytesMode, Regex, RegexBuilder};

use crate::radix::Kind;
use chunks::Chunks;

/// Whether `:name` is a parameter: only in `radixtree_uri_with_parameter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// `:` is an ordinary byte.
    Off,
    /// The key ends at the first `:`.
    On,
}

/// The path; see the [module](self).
#[derive(Debug)]
pub struct PathPattern {
    source: Box<str>,
    /// Bytes of `source` that are the key.
    key: usize,
    kind: Kind,
    rest: Rest,
}

/// What remains to be done once the key has matched.
#[derive(Debug)]
enum Rest {
    /// Nothing.
    Nothing,
    /// All after the key is the value of this name.
    Tail(Box<str>),
    /// Segments are compared one by one.
    Segments(Chunks),
    /// A segment is a regular expression; the n-th name is captured by the
    /// group `g<n>`.
    Regex { regex: Regex, names: Box<[Box<str>]> },
}

/// A segment meant as a regular expression is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError(String);

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PatternError {}

impl PathPattern {
    /// Read a route's `uri`.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn new(source: &str, parameters: Parameters) -> Result<Self, PatternError> {
        let colon = match parameters {
            Parameters::On => source.find(':'),
            Parameters::Off => None,
        };
        let (key, kind) = match colon.or_else(|| source.find('*')) {
            Some(key) => (key, Kind::Prefix),
            None => (source.len(), Kind::Exact),
        };
        let rest = match kind {
            Kind::Exact => Rest::Nothing,
            Kind::Prefix => rest(source, key)?,
        };
        Ok(Self { source: source.into(), key, kind, rest })
    }

    /// The path as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The key in the tree.
    pub fn key(&self) -> &[u8] {
        &self.source.as_bytes()[..self.key]
    }

    /// Whether the key must be the whole path.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether [`PathPattern::matches`] could say no.
    pub fn needs_check(&self) -> bool {
        matches!(self.rest, Rest::Segments(_) | Rest::Regex { .. })
    }

    /// Whether a path for which the tree gave this pattern's key matches.
    #[inline]
    pub fn matches(&self, path: &[u8]) -> bool {
        !self.needs_check() || self.captures(path, |_, _| {})
    }

    /// The value of one parameter in a path that matches. Of parameters of the
    /// same name the last counts.
    pub fn param<'p>(&self, path: &'p [u8], name: &str) -> Option<&'p [u8]> {
        let mut found: Option<&[u8]> = None;
        self.captures(path, |captured, value| {
            // Values come in any order; the last is the furthest to the right.
            if captured == name && found.is_none_or(|other| other.as_ptr() <= value.as_ptr()) {
                found = Some(value);
            }
        })
        .then_some(found)?
    }

    /// Whether the path matches; if so, each parameter with its value is
    /// handed over. After a mismatch what was handed over means nothing.
    pub fn captures<'p>(&self, path: &'p [u8], mut capture: impl FnMut(&str, &'p [u8])) -> bool {
        match &self.rest {
            Rest::Nothing => true,
            Rest::Tail(name) => match path.get(self.key..) {
                Some(tail) => {
                    capture(name, tail);
                    true
                }
                None => false,
            },
            Rest::Segments(chunks) => chunks.captures(path, &mut capture),
            Rest::Regex { regex, names } => match regex.captures(path) {
                Ok(Some(groups)) => {
                    for (index, name) in names.iter().enumerate() {
                        if let Some(group) = groups.name(&format!("g{index}")) {
                            capture(name, &path[group.start()..group.end()]);
                        }
                    }
                    true
                }
                Ok(None) | Err(_) => false,
            },
        }
    }
}

/// One segment between slashes.
#[derive(Clone, Copy, Debug)]
enum Segment<'s> {
    Literal(&'s str),
    /// `:name`: one segment, not empty.
    One(&'s str),
    /// `*name`: anything, slashes included.
    Any(&'s str),
}

impl<'s> Segment<'s> {
    fn parse(text: &'s str) -> Self {
        match (text.strip_prefix(':'), text.strip_prefix('*')) {
            (Some(name), _) => Self::One(name),
            (_, Some("")) => Self::Any(":ext"),
            (_, Some(name)) => Self::Any(name),
            _ => Self::Literal(text),
        }
    }
}

/// The segments of a path. Of the slashes at its end only one counts.
fn segments(source: &str) -> impl Iterator<Item = Segment<'_>> {
    let trimmed = source.trim_end_matches('/');
    let slash = if trimmed.len() < source.len() { Some("") } else { None };
    trimmed.split('/').chain(slash).map(Segment::parse)
}

fn rest(source: &str, key: usize) -> Result<Rest, PatternError> {
    // Bytes that make a literal more than what it says, the dot aside.
    const OPERATORS: &[char] = &['\\', '^', '$', '|', '(', ')', '[', ']', '{', '}', '?', '+', '*'];
    let segments: Vec<Segment<'_>> = segments(source).collect();
    if segments.iter().all(|segment| matches!(segment, Segment::Literal(_))) {
        return Ok(Rest::Nothing);
    }
    let tail = &source[key..];
    if let (Segment::Any(name), false) = (Segment::parse(tail), tail.contains('/'))
        && (key == 0 || source[..key].ends_with('/'))
    {
        return Ok(Rest::Tail(name.into()));
    }
    let has_operators = segments.iter().any(|segment| match segment {
        Segment::Literal(text) => text.contains(OPERATORS),
        _ => false,
    });
    if has_operators {
        return by_regex(&segments);
    }
    Ok(Rest::Segments(Chunks::new(&segments)))
}

fn by_regex(segments: &[Segment<'_>]) -> Result<Rest, PatternError> {
    let (mut names, mut parts) = (Vec::new(), Vec::new());
    for segment in segments {
        let (name, body) = match segment {
            Segment::Literal(text) => {
                parts.push((*text).to_owned());
                continue;
            }
            Segment::One(name) => (*name, r"[^/]+"),
            Segment::Any(name) => (*name, r"(?:.|\n)*"),
        };
        parts.push(format!("(?<g{}>{body})", names.len()));
        names.push(name.into());
    }
    let source = parts.join("/");
    let regex = RegexBuilder::new(&format!(r"\A(?:{source})\z"))
        .bytes_mode(BytesMode::Ascii)
        .backtrack_limit(100_000)
        .build()
        .map_err(|error| PatternError(format!("invalid regular expression in path: {error}")))?;
    Ok(Rest::Regex { regex, names: names.into_boxed_slice() })
}
