//! The PROXY protocol, versions 1 and 2: how a load balancer says whom it speaks for
//! (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>).
//!
//! ```
//! use gateway_net::proxy_protocol::parse;
//!
//! let header = parse(b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\nGET / HTTP/1.1\r\n");
//! let header = header.expect("well formed").expect("complete");
//! assert_eq!(header.length, 44);
//! let addresses = header.addresses.expect("known");
//! assert_eq!(addresses.source.to_string(), "203.0.113.7:56324");
//! ```
//!
//! What surprises:
//! - A header is wanted on every connection of a port that takes it: what does not begin with one
//!   is no client's, and guessing would let clients write their own address.
//! - A header without addresses is a good one: health checks of the load balancer send `LOCAL` or
//!   `UNKNOWN`, and speak for themselves.
//! - Additional fields of version 2 (TLVs) are passed over, [`LONGEST`] at most with all the rest.
//! - The parser is our own: `ppp`, the crate for it, takes `+80` for a port and refuses a version 1
//!   header that arrives in two pieces parted behind a space. It is the counterpart in the fuzz
//!   target.

#[cfg(test)]
mod tests;
mod v1;
mod v2;

use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// The longest header that is read, in bytes; nginx's limit. Addresses take 232 at most, and the
/// rest is left for fields that nobody here reads.
pub const LONGEST: usize = 4_096;

/// Read at once: what usually comes with a header is read in the same call.
const FIRST_READ: usize = 1_024;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its length in bytes; what follows belongs to the protocol above.
    pub length: usize,
    /// Whom the sender speaks for; none if it speaks for itself, or for what has no address.
    pub addresses: Option<Addresses>,
}

/// Both ends of the connection that is spoken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The client's.
    pub source: SocketAddr,
    /// The one that the client connected to.
    pub destination: SocketAddr,
}

/// Why a connection has no header: it is to be closed without a word.
#[derive(Debug)]
pub enum HeaderError {
    /// It begins with something else; the words say with what.
    Malformed(Malformed),
    /// It ended within the header.
    Closed,
    /// The operating system reported an error.
    Io(io::Error),
}

/// What is wrong with a header, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

/// Reads a header that `input` begins with; none if more bytes are needed.
///
/// # Errors
/// [`Malformed`], without waiting for more bytes where a length or a beginning tells already.
pub fn parse(input: &[u8]) -> Result<Option<Header>, Malformed> {
    match input.first() {
        None => Ok(None),
        Some(b'P') => v1::parse(input),
        Some(b'\r') => v2::parse(input),
        Some(_) => Err(Malformed("no PROXY header")),
    }
}

/// Takes the header off a connection: whom it speaks for, and what came behind. The caller bounds
/// its time.
///
/// # Errors
/// [`HeaderError`] if there is none.
pub async fn receive(socket: &mut TcpStream) -> Result<(Option<Addresses>, Vec<u8>), HeaderError> {
    let mut received = Vec::with_capacity(FIRST_READ);
    loop {
        if socket.read_buf(&mut received).await.map_err(HeaderError::Io)? == 0 {
            return Err(HeaderError::Closed);
        }
        if let Some(header) = parse(&received).map_err(HeaderError::Malformed)? {
            received.drain(..header.length);
            return Ok((header.addresses, received));
        }
    }
}

/// Compares what has come of a fixed beginning; false if more is needed.
fn begins(input: &[u8], with: &[u8]) -> Result<bool, Malformed> {
    let length = input.len().min(with.len());
    match input[..length] == with[..length] {
        true => Ok(length == with.len()),
        false => Err(Malformed("no PROXY header")),
    }
}

impl Display for HeaderError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => f.write_str(what.0),
            Self::Closed => f.write_str("the connection ended within its PROXY header"),
            Self::Io(error) => Display::fmt(error, f),
        }
    }
}

impl std::error::Error for HeaderError {}
