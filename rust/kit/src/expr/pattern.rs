//! `~~` and `~*`: PCRE as nginx runs it (bytes, ASCII classes), on an engine
//! whose work is bounded.
//!
//! Patterns without look-around or back-references run in linear time. Others
//! backtrack at most [`BACKTRACK_LIMIT`] steps and then count as not matching,
//! as PCRE's own match limit has it.

use std::fmt::Write;

use fancy_regex::{BytesMode, Regex, RegexBuilder};

/// Steps a match may take; reached in a few milliseconds.
const BACKTRACK_LIMIT: usize = 100_000;
/// Bytes that one compiled pattern may occupy.
const SIZE_LIMIT: usize = 1 << 20;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern as PCRE writes it.
    ///
    /// # Errors
    /// Why the pattern cannot be used, for a person.
    pub fn new(pattern: &str, ignore_case: bool) -> Result<Self, String> {
        RegexBuilder::new(&translate(pattern))
            .bytes_mode(BytesMode::Ascii)
            .case_insensitive(ignore_case)
            .backtrack_limit(BACKTRACK_LIMIT)
            .delegate_size_limit(SIZE_LIMIT)
            .max_prog_size(SIZE_LIMIT / 64)
            .build()
            .map(Self)
            .map_err(|error| format!("invalid regular expression '{pattern}': {error}"))
    }

    /// Whether it matches anywhere in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text).unwrap_or(false)
    }
}

/// Rewrite what PCRE reads otherwise than our engine: braces that are no
/// quantifier, brackets and set operators inside a class, `\h`, `\Q…\E`.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    // Where the open class began in `out`: a `]` in first place is literal.
    let mut class: Option<usize> = None;
    while let Some(char) = rest.chars().next() {
        let after = &rest[char.len_utf8()..];
        rest = match (char, class) {
            ('\\', _) => escape(after, class.is_some(), &mut out),
            ('[', None) => {
                out.push('[');
                let body = after.strip_prefix('^').inspect(|_| out.push('^')).unwrap_or(after);
                class = Some(out.len());
                body
            }
            ('[', Some(_)) => {
                out.push_str(if after.starts_with(':') { "[" } else { r"\[" });
                match after.strip_prefix(':').and_then(|name| name.split_once(":]")) {
                    Some((name, below)) => {
                        let _ = write!(out, ":{name}:]");
                        below
                    }
                    None => after,
                }
            }
            (']', Some(start)) if out.len() > start => {
                out.push(']');
                class = None;
                after
            }
            (']', Some(_)) => {
                out.push_str(r"\]");
                after
            }
            ('&' | '~' | '-', Some(_)) if after.starts_with(char) => {
                out.push('\\');
                out.push(char);
                after
            }
            ('{', None) if !is_quantifier(after) => {
                out.push_str(r"\{");
                after
            }
            _ => {
                out.push(char);
                after
            }
        };
    }
    out
}

/// Write the escape whose text after the backslash is `after`; returns what
/// follows it.
fn escape<'p>(after: &'p str, in_class: bool, out: &mut String) -> &'p str {
    let Some(char) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[char.len_utf8()..];
    match char {
        'Q' => {
            let (literal, rest) = rest.split_once(r"\E").unwrap_or((rest, ""));
            for char in literal.chars() {
                if char.is_ascii_punctuation() {
                    out.push('\\');
                }
                out.push(char);
            }
            return rest;
        }
        'h' => out.push_str(if in_class { r" \t" } else { r"[ \t]" }),
        'H' if !in_class => out.push_str(r"[^ \t]"),
        // Word boundaries to our engine.
        '<' | '>' => out.push(char),
        _ => {
            out.push('\\');
            out.push(char);
            // `\p{L}`, `\x{2f}`, `\k{name}`: these braces belong to the escape.
            if let Some(end) = rest.starts_with('{').then(|| rest.find('}')).flatten()
                && "pPxkgoN".contains(char)
            {
                out.push_str(&rest[..=end]);
                return &rest[end + 1..];
            }
        }
    }
    rest
}

/// What follows an opening brace makes it `{n}`, `{n,}` or `{n,m}`.
fn is_quantifier(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else {
        return false;
    };
    let (least, most) = inside.split_once(',').unwrap_or((inside, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}
