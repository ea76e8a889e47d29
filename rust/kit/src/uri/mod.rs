//! The path that routes are matched against, made from the path that was sent,
//! exactly as nginx makes `$uri`: percent-decoded, slashes merged, dot segments
//! resolved. Nothing is allocated when there is nothing to do.
//!
//! ```
//! use gateway_kit::uri::normalize;
//!
//! assert_eq!(*normalize(b"/a/./b//%63/../d").unwrap(), *b"/a/b/d");
//! assert!(normalize(b"/a/../../etc/passwd").is_err());
//! ```
//!
//! What surprises: `%2F` separates segments and `%2e` makes dot segments like
//! their plain forms, but `%25` is decoded once only, and `%3F` and `%23` are
//! part of the path. The upstream is sent the path as the client wrote it.
//!
//! [`without_tail_slash`], [`like_servlet`] and [`keep_encoded_slashes`] are
//! APISIX's options `delete_uri_tail_slash`, `normalize_uri_like_servlet` and
//! `match_uri_encoded_slash`.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

/// Why a path is refused; the client gets 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UriError {
    /// It does not begin with a slash.
    NotAbsolute,
    /// A `?` or `#`, which cannot be inside a path.
    Delimiter,
    /// A `%` without two hexadecimal digits.
    BadEscape,
    /// `%00`.
    Nul,
    /// Dot segments climb above the root.
    AboveRoot,
    /// `..;x`, which one server would resolve and another would not.
    DotSegmentWithParameter,
    /// `/;x/`, likewise.
    EmptySegmentWithParameter,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "path does not begin with a slash",
            Self::Delimiter => "delimiter inside path",
            Self::BadEscape => "bad percent-encoding",
            Self::Nul => "encoded NUL",
            Self::AboveRoot => "path climbs above the root",
            // These two are APISIX's words.
            Self::DotSegmentWithParameter => "dot segment with parameter",
            Self::EmptySegmentWithParameter => "empty segment with parameters",
        })
    }
}

impl std::error::Error for UriError {}

/// nginx's `$uri` for the path of a request target, its query cut off. The
/// empty path, which an absolute target may have, is `/`.
///
/// # Errors
/// See [`UriError`]; the last two are [`like_servlet`]'s.
#[inline]
pub fn normalize(path: &[u8]) -> Result<Cow<'_, [u8]>, UriError> {
    match path.first() {
        None => return Ok(Cow::Borrowed(b"/")),
        Some(b'/') => {}
        Some(_) => return Err(UriError::NotAbsolute),
    }
    let mut before = 0;
    let plain = path.iter().position(|byte| {
        let slash = before == b'/';
        before = *byte;
        SPECIAL[usize::from(*byte)] & if slash { AFTER_SLASH } else { ANYWHERE } != 0
    });
    match plain {
        None => Ok(Cow::Borrowed(path)),
        Some(plain) => rewrite(path, plain).map(Cow::Owned),
    }
}

/// Calls for a rewrite wherever it stands.
const ANYWHERE: u8 = 1;
/// Calls for a rewrite after a slash; all of the above do as well.
const AFTER_SLASH: u8 = 2;

/// What each byte calls for.
static SPECIAL: [u8; 256] = {
    let mut table = [0; 256];
    table[b'%' as usize] = ANYWHERE | AFTER_SLASH;
    table[b'?' as usize] = ANYWHERE | AFTER_SLASH;
    table[b'#' as usize] = ANYWHERE | AFTER_SLASH;
    table[b'/' as usize] = AFTER_SLASH;
    table[b'.' as usize] = AFTER_SLASH;
    table
};

/// Normalize a path whose first `plain` bytes need nothing.
#[cold]
fn rewrite(path: &[u8], plain: usize) -> Result<Vec<u8>, UriError> {
    let mut out = Vec::with_capacity(path.len());
    out.extend_from_slice(&path[..plain]);
    let mut rest = &path[plain..];
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match byte {
            b'?' | b'#' => return Err(UriError::Delimiter),
            b'%' => {
                let (decoded, after) = unescape(after).ok_or(UriError::BadEscape)?;
                match decoded {
                    0 => return Err(UriError::Nul),
                    _ => (decoded, after),
                }
            }
            _ => (byte, after),
        };
        rest = after;
        if byte == b'/' {
            close_segment(&mut out)?;
            if out.last() == Some(&b'/') {
                continue;
            }
        }
        out.push(byte);
    }
    close_segment(&mut out)?;
    Ok(out)
}

/// Resolve the last segment if it is `.` or `..`.
fn close_segment(out: &mut Vec<u8>) -> Result<(), UriError> {
    if out.ends_with(b"/.") {
        out.pop();
    } else if out.ends_with(b"/..") {
        let parent = out.len() - b"/..".len();
        let slash = out[..parent].iter().rposition(|byte| *byte == b'/');
        out.truncate(slash.ok_or(UriError::AboveRoot)? + 1);
    }
    Ok(())
}

/// The byte that two hexadecimal digits spell, and what follows them.
fn unescape(after_percent: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], rest) = after_percent.split_first_chunk()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some(((digit(*high)? << 4 | digit(*low)?) as u8, rest))
}

/// `delete_uri_tail_slash`: the path without one slash at its end. The root
/// stays, where APISIX would make it the empty path that no route can have.
pub fn without_tail_slash(uri: &[u8]) -> &[u8] {
    match uri.strip_suffix(b"/") {
        Some(shorter) if !shorter.is_empty() => shorter,
        _ => uri,
    }
}

/// `normalize_uri_like_servlet`: each segment of a normalized path without its
/// `;parameters`. Where it cuts any it also drops empty segments at the end,
/// as APISIX does.
///
/// # Errors
/// Parameters on a dot segment or on an empty segment that is not the last:
/// means to slip past rules on paths.
pub fn like_servlet(uri: &[u8]) -> Result<Cow<'_, [u8]>, UriError> {
    if !uri.contains(&b';') {
        return Ok(Cow::Borrowed(uri));
    }
    let end = uri.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let mut out = Vec::with_capacity(end);
    let mut segments = uri[..end].split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or(segment);
        let last = segments.peek().is_none();
        if name.len() < segment.len() {
            match name.to_ascii_lowercase().as_slice() {
                b"." | b".." | b"%2e" | b"%2e%2e" => {
                    return Err(UriError::DotSegmentWithParameter);
                }
                b"" if !last => return Err(UriError::EmptySegmentWithParameter),
                _ => {}
            }
        }
        out.extend_from_slice(name);
        if !last {
            out.push(b'/');
        }
    }
    Ok(Cow::Owned(out))
}

/// `match_uri_encoded_slash`: the path to match with its `%2F` kept (in upper
/// case), given the path as sent and its normalized form. `None` where there
/// is none to keep, or where normalizing did more than decode: then the
/// normalized form is what is matched.
pub fn keep_encoded_slashes(sent: &[u8], normalized: &[u8]) -> Option<Vec<u8>> {
    let (mut kept, mut decoded) = (Vec::with_capacity(sent.len()), Vec::with_capacity(sent.len()));
    let (mut rest, mut any) = (sent, false);
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after, escaped) = match unescape(after).filter(|_| byte == b'%') {
            Some((byte, after)) => (byte, after, true),
            None => (byte, after, false),
        };
        rest = after;
        decoded.push(byte);
        if escaped && byte == b'/' {
            any = true;
            kept.extend_from_slice(b"%2F");
        } else {
            kept.push(byte);
        }
    }
    (any && decoded == normalized).then_some(kept)
}
