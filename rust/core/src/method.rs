//! The method of a request.
//!
//! Known methods are one byte each; an extension method is kept inline, so that a method is
//! `Copy` and never allocates.
//!
//! ```
//! use gateway_core::method::Method;
//!
//! assert_eq!(Method::of(b"GET"), Some(Method::Get));
//! assert_eq!(Method::of(b"PROPFIND").map(|m| m.to_string()).as_deref(), Some("PROPFIND"));
//! assert_eq!(Method::of(b"get"), None);
//! ```
//!
//! What surprises: methods are case-sensitive (RFC 9110 section 9.1), and a known method in
//! another case is refused rather than passed on as an extension, because the next hop might
//! read it as the known one and frame the answer differently.

use std::fmt;

/// The longest extension method, in bytes. The longest registered one has 17.
pub const MAX_EXTENSION: usize = 24;

/// A request method (RFC 9110 section 9), or an extension token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `PATCH`
    Patch,
    /// `OPTIONS`
    Options,
    /// `CONNECT`
    Connect,
    /// `TRACE`
    Trace,
    /// `PURGE`, which caches understand.
    Purge,
    /// Any other token.
    Extension(Extension),
}

/// The token of a method that is not in [`Method`]: ASCII, since tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extension {
    len: u8,
    bytes: [u8; MAX_EXTENSION],
}

/// The methods that have a name of their own.
pub(crate) const KNOWN: [(Method, &str); 10] = [
    (Method::Get, "GET"),
    (Method::Head, "HEAD"),
    (Method::Post, "POST"),
    (Method::Put, "PUT"),
    (Method::Delete, "DELETE"),
    (Method::Patch, "PATCH"),
    (Method::Options, "OPTIONS"),
    (Method::Connect, "CONNECT"),
    (Method::Trace, "TRACE"),
    (Method::Purge, "PURGE"),
];

impl Method {
    /// The method that `token` spells. None if it is no token (RFC 9110 section 5.6.2), is
    /// longer than [`MAX_EXTENSION`], or is a known method in another case.
    #[inline]
    pub fn of(token: &[u8]) -> Option<Self> {
        match token {
            b"GET" => Some(Self::Get),
            b"POST" => Some(Self::Post),
            b"HEAD" => Some(Self::Head),
            b"PUT" => Some(Self::Put),
            _ => Self::of_rare(token),
        }
    }

    /// As it is written on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
            Self::Options => "OPTIONS",
            Self::Connect => "CONNECT",
            Self::Trace => "TRACE",
            Self::Purge => "PURGE",
            Self::Extension(token) => {
                std::str::from_utf8(&token.bytes[..token.len as usize]).unwrap_or_default()
            }
        }
    }

    /// Whether the request may be sent again after a failure that hides whether it was
    /// performed (RFC 9110 section 9.2.2). False for extension methods.
    pub const fn is_idempotent(&self) -> bool {
        matches!(
            self,
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options | Self::Trace
        )
    }

    fn of_rare(token: &[u8]) -> Option<Self> {
        if token.is_empty()
            || token.len() > MAX_EXTENSION
            || !token.iter().copied().all(crate::headers::is_token_byte)
        {
            return None;
        }
        for (method, name) in KNOWN {
            if name.as_bytes().eq_ignore_ascii_case(token) {
                return (name.as_bytes() == token).then_some(method);
            }
        }
        let mut bytes = [0; MAX_EXTENSION];
        bytes[..token.len()].copy_from_slice(token);
        Some(Self::Extension(Extension { len: token.len() as u8, bytes }))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, Method};

    #[test]
    fn every_known_method_reads_back() {
        for (method, name) in KNOWN {
            assert_eq!(Method::of(name.as_bytes()), Some(method));
            assert_eq!(method.as_str(), name);
        }
    }

    #[test]
    fn another_case_of_a_known_method_is_refused() {
        for token in ["get", "Post", "hEAD", "purge"] {
            assert_eq!(Method::of(token.as_bytes()), None, "{token}");
        }
    }

    #[test]
    fn an_extension_is_a_token_of_bounded_length() {
        assert_eq!(Method::of(b"M-SEARCH").map(|m| m.to_string()).as_deref(), Some("M-SEARCH"));
        assert_eq!(Method::of(b""), None);
        assert_eq!(Method::of(b"A B"), None);
        assert_eq!(Method::of(&[b'A'; 25]), None);
    }
}
