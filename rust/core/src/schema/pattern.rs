//! PCRE patterns, as schemas have them, for a regular expression engine with Unicode classes.

use fancy_regex::Regex;

/// Compiles a PCRE pattern. Look-arounds and back-references work; `\d` and `\w` mean ASCII, and
/// within brackets `[`, `&&` and `~~` are plain characters, as PCRE has it. Unlike PCRE's, `$` does
/// not match before a final line feed: a name with a line feed in it is never meant.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&translate(pattern)).map_err(|error| error.to_string())
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('d') => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                Some('w') => out.push_str(if in_class { "_a-zA-Z0-9" } else { "[_a-zA-Z0-9]" }),
                Some(escaped) => out.extend(['\\', escaped]),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                out.extend(chars.next_if_eq(&'^'));
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]"); // a bracket that comes first is a character
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('['); // [:alpha:], up to its own bracket
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' | '&' | '~' if in_class => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
