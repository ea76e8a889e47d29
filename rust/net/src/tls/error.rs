//! Handshakes that came to nothing.

use std::fmt::{self, Display, Formatter};
use std::io;

use tokio::net::TcpStream;

/// Why a handshake failed: what to count it under, and the words for the log.
#[derive(Debug)]
pub enum HandshakeError {
    /// The client does not speak TLS: a scanner, noise.
    NotTls,
    /// The client speaks plain HTTP, and can be told so.
    PlainHttp(Box<PlainHttp>),
    /// No virtual host has the name the client asked for (`None`: it asked for none).
    NoCertificate(Option<Box<str>>),
    /// The handshake is longer than anybody needs.
    TooLong,
    /// The two could not agree, or one of them did not keep to the protocol.
    Tls(rustls::Error),
    /// The server chose no protocol of those it was offered (ALPN).
    NotAgreed,
    /// The peer went away before the handshake was done.
    Closed,
    /// The operating system reported an error.
    Io(io::Error),
}

/// A client that speaks plain HTTP where TLS is spoken.
#[derive(Debug)]
pub struct PlainHttp {
    /// The connection.
    pub socket: TcpStream,
    /// What was read of its request.
    pub received: Vec<u8>,
}

/// [`HandshakeError`] as the label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum HandshakeFailure {
    /// Not TLS at all.
    NotTls,
    /// Plain HTTP.
    PlainHttp,
    /// No certificate for the name.
    NoCertificate,
    /// Against the protocol, or no agreement.
    Protocol,
    /// The peer's certificate was refused.
    Certificate,
    /// The peer refused ours, or us, with an alert.
    Refused,
    /// The peer left, or the network failed.
    Closed,
    /// It was not done in time, which is for the caller to say.
    TimedOut,
}

impl HandshakeError {
    /// What to count it under.
    pub fn failure(&self) -> HandshakeFailure {
        use rustls::Error as Tls;
        match self {
            Self::NotTls => HandshakeFailure::NotTls,
            Self::PlainHttp(_) => HandshakeFailure::PlainHttp,
            Self::NoCertificate(_) => HandshakeFailure::NoCertificate,
            Self::Tls(Tls::InvalidCertificate(_) | Tls::NoCertificatesPresented) => {
                HandshakeFailure::Certificate
            }
            Self::Tls(Tls::AlertReceived(_)) => HandshakeFailure::Refused,
            Self::Tls(_) | Self::TooLong | Self::NotAgreed => HandshakeFailure::Protocol,
            Self::Closed | Self::Io(_) => HandshakeFailure::Closed,
        }
    }
}

impl HandshakeFailure {
    /// Each with its label's text, in the order of their numbers.
    pub const ALL: [(Self, &str); 8] = [
        (Self::NotTls, "not_tls"),
        (Self::PlainHttp, "plain_http"),
        (Self::NoCertificate, "no_certificate"),
        (Self::Protocol, "protocol"),
        (Self::Certificate, "certificate"),
        (Self::Refused, "refused"),
        (Self::Closed, "closed"),
        (Self::TimedOut, "timed_out"),
    ];
}

impl Display for HandshakeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls => f.write_str("the client does not speak TLS"),
            Self::PlainHttp(_) => f.write_str("plain HTTP was sent to a port that speaks HTTPS"),
            // rustls lets no control character into a name, so it may stand in a log line.
            Self::NoCertificate(Some(name)) => {
                write!(f, "failed to find any SSL certificate by SNI: {name}")
            }
            Self::NoCertificate(None) => {
                f.write_str("failed to find SNI: the client sent none and there is no fallback_sni")
            }
            Self::TooLong => f.write_str("the handshake is too long"),
            Self::Tls(error) => write!(f, "TLS handshake failed: {error}"),
            Self::NotAgreed => f.write_str("the server does not agree on HTTP/2 (ALPN)"),
            Self::Closed => f.write_str("the peer closed the connection during the TLS handshake"),
            Self::Io(error) => write!(f, "TLS handshake failed: {error}"),
        }
    }
}

impl std::error::Error for HandshakeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tls(error) => Some(error),
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rustls::Error> for HandshakeError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error)
    }
}

impl From<HandshakeError> for io::Error {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
