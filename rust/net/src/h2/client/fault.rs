//! Why a stream ended before its time.

use std::fmt::{self, Display, Formatter};
use std::io;

use h2::Reason;

/// Why a request on a connection got no answer, or not all of it.
#[derive(Debug)]
pub enum Fault {
    /// The upstream says that it did nothing with the request: its GOAWAY names an earlier stream
    /// as the last, or it refused the stream (RFC 9113 sections 6.8 and 8.7). It may be sent again
    /// whatever its method. In words.
    Unprocessed(String),
    /// The connection ended or failed.
    Closed(io::Error),
    /// The upstream reset the stream.
    Reset(Reason),
    /// The upstream broke the protocol, in words. Nothing more may be asked of the connection.
    Protocol(String),
}

impl Fault {
    /// A violation that the `h2` crate does not look for.
    pub(super) fn protocol(words: &str) -> Self {
        Self::Protocol(words.into())
    }
}

impl From<h2::Error> for Fault {
    fn from(error: h2::Error) -> Self {
        match error.reason() {
            Some(_) if error.is_go_away() && error.is_remote() => {
                Self::Unprocessed(error.to_string())
            }
            Some(Reason::REFUSED_STREAM) if error.is_remote() => {
                Self::Unprocessed("stream refused".into())
            }
            Some(reason) if error.is_reset() && error.is_remote() => Self::Reset(reason),
            Some(reason) => Self::Protocol(reason.description().into()),
            None => {
                Self::Closed(error.into_io().unwrap_or_else(|| io::ErrorKind::NotConnected.into()))
            }
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unprocessed(words) => write!(f, "request was not processed: {words}"),
            Self::Closed(error) => write!(f, "connection ended: {error}"),
            Self::Reset(reason) => write!(f, "stream reset: {}", reason.description()),
            Self::Protocol(words) => write!(f, "HTTP/2 broken by the upstream: {words}"),
        }
    }
}

impl std::error::Error for Fault {}
