//! A request head in HTTP/2's shape (RFC 9113 section 8.3.1).

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use gateway_core::headers::Headers;
use http::header::{CONTENT_LENGTH, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri};

use crate::h1::Method;
use crate::h2::fields;

/// What a request says before its body.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// `:method`
    pub method: &'a Method,
    /// `:scheme`: whether the connection is TLS.
    pub tls: bool,
    /// `:authority`: what Host says.
    pub authority: &'a [u8],
    /// `:path`: the target in origin form, or `*`.
    pub target: &'a [u8],
    /// The fields. Those of a connection, Host and Content-Length are passed over.
    pub headers: &'a Headers,
    /// Length of the body, where it is known.
    pub length: Option<u64>,
    /// Whether trailers of the answer will be passed on: `TE: trailers`.
    pub trailers: bool,
}

/// A head that HTTP/2 cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The method is no token.
    Method,
    /// Host is no authority of a URI.
    Authority,
    /// The target is no path of a URI.
    Target,
}

impl Head<'_> {
    /// The request as [`Connection::send`](super::Connection::send) takes it.
    ///
    /// # Errors
    /// [`Unfit`]: nothing to be sent. The parsers of requests refuse what leads here, but for what
    /// a configuration writes.
    pub fn build(&self) -> Result<Request<()>, Unfit> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if self.tls { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(Authority::try_from(self.authority).map_err(|_| Unfit::Authority)?);
        let path = PathAndQuery::try_from(&*escaped(self.target)).map_err(|_| Unfit::Target)?;
        parts.path_and_query = Some(path);
        let mut request = Request::new(());
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Unfit::Target)?;
        let method = http::Method::from_bytes(self.method.as_str().as_bytes());
        *request.method_mut() = method.map_err(|_| Unfit::Method)?;
        let mut headers = fields::map_of(self.headers);
        if let Some(length) = self.length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        if self.trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// The target with what the `http` crate takes into no URI percent-encoded, as RFC 3986 has it. An
/// HTTP/1 upstream is sent these bytes as they came.
fn escaped(target: &[u8]) -> Cow<'_, [u8]> {
    const NOT_IN_URI: &[u8] = b"<>`";
    if !target.iter().any(|byte| NOT_IN_URI.contains(byte)) {
        return Cow::Borrowed(target);
    }
    let mut out = Vec::with_capacity(target.len() + 16);
    for byte in target {
        if NOT_IN_URI.contains(byte) {
            let digit = |n: u8| b"0123456789ABCDEF"[usize::from(n)];
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(*byte);
        }
    }
    Cow::Owned(out)
}

impl Display for Unfit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "method is no token",
            Self::Authority => "Host is no authority that HTTP/2 could name",
            Self::Target => "target is no path that HTTP/2 could name",
        })
    }
}

impl std::error::Error for Unfit {}
