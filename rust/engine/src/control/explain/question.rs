//! The request that is tried, as it would have come from a client.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};

use gateway_net::socket::Socket;
use gateway_net::stream::Stream;
use serde::Deserialize;

use crate::client::{Http1, Origin, TlsFacts};
use crate::worker::Purpose;

/// A request to be tried.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::control) struct Question {
    pub(super) method: String,
    /// Path and query, not decoded.
    pub(super) target: String,
    /// Names and values, as sent; Host among them.
    pub(super) headers: Vec<(String, String)>,
    /// Whether it comes over TLS, for the server name of its Host.
    #[serde(default)]
    pub(super) https: bool,
    /// Its peer's address; the loopback's if absent.
    pub(super) remote_addr: Option<IpAddr>,
    /// For `post_arg` in `vars`.
    pub(super) body: Option<String>,
}

impl Question {
    /// The request as a client would send it, without its body.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, String> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            // A string takes whatever is written.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let lines = 1 + self.headers.len();
        if text.matches(['\r', '\n']).count() != 2 * lines {
            return Err("a line end stands in the method, the target or a field".into());
        }
        text.push_str("\r\n");
        Ok(text.into_bytes())
    }

    /// Where it would have come from.
    pub(super) fn origin(&self) -> Origin {
        let peer = SocketAddr::new(self.remote_addr.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0);
        let host = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let sni = host.and_then(|(_, value)| server_name(value));
        let tls = TlsFacts { sni, ..TlsFacts::default() };
        let local = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let tls = self.https.then(|| Box::new(tls));
        Origin { tls, ..Origin::new(peer, local, Purpose::Proxy) }
    }
}

/// The server name that a client asks a Host for; none where that is an address (RFC 6066
/// section 3).
fn server_name(host: &str) -> Option<Box<str>> {
    let name = host.split(':').next().unwrap_or_default();
    let named = !name.is_empty() && !name.starts_with('[') && name.parse::<Ipv4Addr>().is_err();
    named.then(|| name.to_lowercase().into())
}

/// A connection to nobody.
pub(super) fn nobody() -> Http1 {
    Http1 { stream: Stream::Other(Box::new(Nobody)), unread: Vec::new() }
}

/// The other end of a connection that is none.
#[derive(Debug)]
struct Nobody;

impl Socket for Nobody {
    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn stale(&self) -> bool {
        true
    }
}
