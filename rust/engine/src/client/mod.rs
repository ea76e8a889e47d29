//! Clients: their connections, and one of them as an exchange sees it.
//!
//! | module | part |
//! |---|---|
//! | [`http1`] | a connection whose requests come one after the other |
//! | [`serve`] | its life |
//!
//! An exchange reads its request's body from a [`Client`] and writes its answer to it, and asks
//! it what kind it is once per step: [`Wire`] is an enum, not a trait object.

mod http1;
mod ip_text;
mod serve;

use std::cell::OnceCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use gateway_core::headers::Lines;
use gateway_core::method::Method;
use gateway_net::h1::{Fields, Framing, Upgrade, Version, append_response};
use gateway_net::socket::Socket as _;

use crate::exchange::Exchange;
use crate::worker::deadlines::Deadline;
use crate::worker::{Purpose, Worker};

pub(crate) use http1::{Http1, persistence};
pub(crate) use ip_text::IpText;
pub(crate) use serve::serve;

/// Where a connection came from.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The client's end.
    pub(crate) peer: SocketAddr,
    /// Its address as text, which every request names several times.
    pub(crate) peer_text: IpText,
    /// Our end.
    pub(crate) local: SocketAddr,
    /// What is served on it.
    pub(crate) purpose: Purpose,
    /// What the TLS handshake settled, on a TLS listener.
    pub(crate) tls: Option<Box<TlsFacts>>,
    /// What every request of it tells an upstream alike; laid out by the first.
    pub(crate) forwarded: OnceCell<Forwarded>,
}

impl Origin {
    /// A connection from `peer` to `local`, without TLS so far.
    pub(crate) fn new(peer: SocketAddr, local: SocketAddr, purpose: Purpose) -> Self {
        let (peer_text, forwarded) = (IpText::new(peer.ip()), OnceCell::new());
        Self { peer, peer_text, local, purpose, tls: None, forwarded }
    }
}

/// Forwarding fields of a client that is not believed.
#[derive(Debug)]
pub(crate) struct Forwarded {
    /// The version of the requests they are for, which `Via` names.
    pub(crate) version: Version,
    /// The fields.
    pub(crate) lines: Lines,
}

/// What a TLS handshake settled.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsFacts {
    /// The server name that the client asked for, in lower case.
    pub(crate) sni: Option<Box<str>>,
    /// As nginx's `$ssl_protocol` has it.
    pub(crate) protocol: &'static str,
    /// As OpenSSL names it.
    pub(crate) cipher: Box<str>,
}

/// A client, as one exchange sees it.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    /// What the exchange is carried on.
    pub(crate) wire: Wire<'a>,
    /// Ends what the client, or the upstream for its sake, takes too long for.
    pub(crate) deadline: &'a Deadline,
    /// Where it came from.
    pub(crate) origin: &'a Origin,
    /// Requests answered before this one.
    pub(crate) requests: u32,
    /// Whether another request may follow the present one.
    pub(crate) keep_alive: bool,
    /// Whether bytes of the request may still be under way that nobody will use.
    pub(crate) linger: bool,
    /// Whether an answer lacks its end: the client must not be told that nothing is missing.
    pub(crate) cut: bool,
}

/// What carries one exchange with a client.
#[derive(Debug)]
pub(crate) enum Wire<'a> {
    /// The bytes of an HTTP/1 connection, until the exchange is over.
    Http1(&'a mut Http1),
}

impl Client<'_> {
    /// Whether the client has left. To be asked while nothing is expected of it.
    pub(crate) fn has_left(&mut self, cx: &mut Context<'_>, worker: &Worker) -> bool {
        match &mut self.wire {
            Wire::Http1(http1) => http1.has_left(cx, worker),
        }
    }

    /// Sends some of `bytes`, which are framed for the client already.
    ///
    /// # Errors
    /// The client takes no more.
    #[inline]
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.wire {
            Wire::Http1(http1) => http1.stream.poll_write(cx, bytes),
        }
    }

    /// Ready when nothing that was written is held back here.
    ///
    /// # Errors
    /// The client takes no more.
    #[inline]
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Http1(http1) => http1.stream.poll_flush(cx),
        }
    }

    /// Tells the client to go on with its body. False if it left or took too long.
    pub(crate) async fn go_on(&mut self, worker: &Worker) -> bool {
        self.send(worker, b"HTTP/1.1 100 Continue\r\n\r\n").await
    }

    /// Sends the answer whose head is in `exchange`, with `body`. False if the client left or
    /// took too long.
    pub(crate) async fn answer(
        &mut self,
        worker: &Worker,
        exchange: &mut Exchange,
        body: &[u8],
    ) -> bool {
        let bodiless = exchange.request.method == Method::Head;
        let mut out = Vec::with_capacity(512 + body.len());
        let response = &exchange.response;
        let fields = Fields {
            headers: &response.headers,
            framing: Framing::Length(body.len() as u64),
            persistence: persistence(self.keep_alive, exchange.request.version),
        };
        append_response(&mut out, response.status, None, &fields);
        if !bodiless {
            out.extend_from_slice(body);
            exchange.body_sent = body.len() as u64;
        }
        exchange.bytes_sent += out.len() as u64;
        self.send(worker, &out).await
    }

    /// Sends `bytes` whole. False if the client left or took too long.
    async fn send(&mut self, worker: &Worker, bytes: &[u8]) -> bool {
        let mut sent = 0;
        self.deadline.set(worker.now_ms() + worker.limits.send_us / 1_000);
        poll_fn(|cx| {
            while sent < bytes.len() {
                if self.deadline.expired() {
                    return Poll::Ready(false);
                }
                match ready!(self.poll_write(cx, &bytes[sent..])) {
                    Ok(n) => sent += n,
                    Err(_) => return Poll::Ready(false),
                }
            }
            Poll::Ready(ready!(self.poll_flush(cx)).is_ok())
        })
        .await
    }

    /// The exchange is over, with `complete` saying whether its request was received whole:
    /// decides whether another may follow.
    pub(crate) fn settle(&mut self, exchange: &Exchange, complete: bool) {
        match &self.wire {
            Wire::Http1(http1) => {
                let ahead = !http1.unread.is_empty();
                // Bytes sent ahead of an answer to a request for any other protocol may be of
                // that protocol.
                let other = exchange.request.upgrade != Upgrade::None && ahead;
                // A body that nobody reads would be taken for the next request.
                self.keep_alive &= complete && !other;
                self.linger = (!complete || ahead) && !self.keep_alive;
            }
        }
    }
}
