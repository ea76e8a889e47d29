//! Clients: their connections, and one of them as an exchange sees it.
//!
//! | module | part |
//! |---|---|
//! | [`http1`] | a connection whose requests come one after the other |
//! | [`serve`] | its life |
//! | [`http2`] | a connection whose requests are side by side |
//!
//! An exchange reads its request's body from a [`Client`] and writes its answer to it, and asks
//! it what kind it is once per step: [`Wire`] is an enum, not a trait object.

mod http1;
mod http2;
mod ip_text;
mod serve;

use std::cell::OnceCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gateway_core::headers::{Headers, Lines};
use gateway_core::method::Method;
use gateway_net::h1::{Fields, Framing, Upgrade, Version, append_response};
use gateway_net::h2::server::{Gone, ServerStream};
use gateway_net::proxy_protocol::Addresses;
use gateway_net::socket::Socket as _;
use gateway_net::tls::{ClientCertificate, ClientVerification};

use crate::exchange::Exchange;
use crate::grpc;
use crate::worker::deadlines::Deadline;
use crate::worker::scratch::READ;
use crate::worker::{Purpose, Worker};

pub(crate) use http1::{Http1, persistence};
pub(crate) use http2::serve as serve_http2;
pub(crate) use ip_text::IpText;
pub(crate) use serve::{refuse_plain_http, serve};

/// Content of an HTTP/2 frame, unless both sides want larger ones (RFC 9113 section 4.2).
const FRAME: usize = 16 << 10;

/// Where a connection came from.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The client's end: the connection's, unless a PROXY header names another.
    pub(crate) peer: SocketAddr,
    /// Its address as text, which every request names several times.
    pub(crate) peer_text: IpText,
    /// Our end.
    pub(crate) local: SocketAddr,
    /// What is served on it.
    pub(crate) purpose: Purpose,
    /// Whether HTTP/2 may be spoken without being agreed on in a TLS handshake.
    pub(crate) http2: bool,
    /// What a PROXY header said, on a listener that takes one.
    pub(crate) proxied: Option<Box<Proxied>>,
    /// What the TLS handshake settled, on a TLS listener.
    pub(crate) tls: Option<Box<TlsFacts>>,
    /// What every request of it tells an upstream alike; laid out by the first.
    pub(crate) forwarded: OnceCell<Forwarded>,
}

/// Forwarding fields of a client that is not believed.
#[derive(Debug)]
pub(crate) struct Forwarded {
    /// The version of the requests they are for, which `Via` names.
    pub(crate) version: Version,
    /// The fields.
    pub(crate) lines: Lines,
}

impl Origin {
    /// A connection from `peer` to `local`, of which nothing more is known so far; with HTTP/1
    /// alone.
    pub(crate) fn new(peer: SocketAddr, local: SocketAddr, purpose: Purpose) -> Self {
        let peer_text = IpText::new(peer.ip());
        let forwarded = OnceCell::new();
        Self { peer, peer_text, local, purpose, http2: false, proxied: None, tls: None, forwarded }
    }

    /// The other end of the connection itself, a load balancer's where there is one.
    pub(crate) fn connection(&self) -> SocketAddr {
        self.proxied.as_ref().map_or(self.peer, |proxied| proxied.connection)
    }
}

/// What a PROXY header said.
#[derive(Debug, Clone)]
pub(crate) struct Proxied {
    /// The other end of the connection that it came on.
    pub(crate) connection: SocketAddr,
    /// Both ends of the connection that it speaks for.
    pub(crate) addresses: Addresses,
}

/// What a TLS handshake settled.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsFacts {
    /// The server name that the client asked for, in lower case.
    pub(crate) sni: Option<Box<str>>,
    /// As nginx's `$ssl_protocol` has it.
    pub(crate) protocol: &'static str,
    /// As OpenSSL names it.
    pub(crate) cipher: &'static str,
    /// Whether a session was resumed.
    pub(crate) resumed: bool,
    /// Which client certificates were asked for.
    pub(crate) verification: Option<Arc<ClientVerification>>,
    /// The one that the client showed.
    pub(crate) client: Option<ClientCertificate>,
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
    /// A stream of an HTTP/2 connection.
    Http2(&'a mut ServerStream),
}

impl Client<'_> {
    /// Whether its leaving can be seen now; over HTTP/1 only once `complete`, its request, came.
    pub(crate) fn may_be_watched(&self, complete: bool) -> bool {
        complete || matches!(self.wire, Wire::Http2(_))
    }

    /// Whether the client has left. To be asked while it [may be
    /// watched](Client::may_be_watched).
    pub(crate) fn has_left(&mut self, cx: &mut Context<'_>, worker: &Worker) -> bool {
        match &mut self.wire {
            Wire::Http1(http1) => http1.has_left(cx, worker),
            Wire::Http2(stream) => stream.poll_gone(cx).is_ready(),
        }
    }

    /// Bytes of an answer to be read at once: what a client does not take is held for it, and one
    /// of HTTP/2 asks for many answers and takes none.
    #[inline]
    pub(crate) fn most(&self) -> usize {
        match self.wire {
            Wire::Http1(_) => READ,
            Wire::Http2(_) => FRAME,
        }
    }

    /// Sends some of `bytes`, which are framed for the client already; `last` says that the
    /// answer ends with them.
    ///
    /// # Errors
    /// The client takes no more.
    #[inline]
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        last: bool,
    ) -> Poll<Result<usize, Gone>> {
        match &mut self.wire {
            Wire::Http1(http1) => http1.stream.poll_write(cx, bytes).map_err(|_| Gone::Left),
            Wire::Http2(stream) => stream.poll_send(cx, bytes, last),
        }
    }

    /// Ends the answer where its bytes do not say so, with trailers if they are not among its
    /// bytes; ready when nothing that was written is held back here.
    ///
    /// # Errors
    /// The client takes no more.
    #[inline]
    pub(crate) fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        trailers: Option<&Headers>,
    ) -> Poll<Result<(), Gone>> {
        match &mut self.wire {
            Wire::Http1(http1) => http1.stream.poll_flush(cx).map_err(|_| Gone::Left),
            Wire::Http2(stream) => Poll::Ready(stream.finish(trailers)),
        }
    }

    /// Ends an answer in gRPC that has begun with this status. False where that cannot be said.
    pub(crate) fn end_in_grpc(&mut self, status: u8, detail: &str) -> bool {
        let Wire::Http2(stream) = &mut self.wire else { return false };
        let mut trailers = Headers::default();
        trailers.append_checked("grpc-status", itoa::Buffer::new().format(status).as_bytes());
        trailers.append_checked("grpc-message", grpc::message(detail).as_bytes());
        stream.finish(Some(&trailers)).is_ok()
    }

    /// Tells the client to go on with its body. False if it left or took too long.
    pub(crate) async fn go_on(&mut self, worker: &Worker) -> bool {
        match &mut self.wire {
            Wire::Http1(_) => self.send(worker, b"HTTP/1.1 100 Continue\r\n\r\n").await,
            Wire::Http2(stream) => stream.send_interim(100, &Headers::default()).is_ok(),
        }
    }

    /// Sends the answer whose head is in `exchange`, with `body`. False if the client left or
    /// took too long.
    pub(crate) async fn answer(
        &mut self,
        worker: &Worker,
        exchange: &mut Exchange,
        body: &[u8],
    ) -> bool {
        let length = body.len() as u64;
        let body = if exchange.request.method == Method::Head { &[] } else { body };
        let response = &exchange.response;
        exchange.body_sent = body.len() as u64;
        if let Wire::Http2(stream) = &mut self.wire {
            let (status, headers) = (response.status, &response.headers);
            exchange.bytes_sent += headers.arena_len() as u64 + exchange.body_sent;
            return stream.send_head(status, headers, Some(length), body.is_empty()).is_ok()
                && self.send(worker, body).await;
        }
        let mut out = Vec::with_capacity(512 + body.len());
        let fields = Fields {
            headers: &response.headers,
            framing: Framing::Length(length),
            persistence: persistence(self.keep_alive, exchange.request.version),
        };
        append_response(&mut out, response.status, None, &fields);
        out.extend_from_slice(body);
        exchange.bytes_sent += out.len() as u64;
        self.send(worker, &out).await
    }

    /// Sends `bytes`, with which the answer ends. False if the client left or took too long.
    async fn send(&mut self, worker: &Worker, bytes: &[u8]) -> bool {
        let mut sent = 0;
        self.deadline.set(worker.now_ms() + worker.limits.send_us / 1_000);
        poll_fn(|cx| {
            while sent < bytes.len() {
                if self.deadline.expired() {
                    return Poll::Ready(false);
                }
                match ready!(self.poll_write(cx, &bytes[sent..], true)) {
                    Ok(n) => sent += n,
                    Err(_) => return Poll::Ready(false),
                }
            }
            Poll::Ready(ready!(self.poll_end(cx, None)).is_ok())
        })
        .await
    }

    /// The exchange is over, with `complete` saying whether its request was received whole:
    /// decides whether another may follow.
    pub(crate) fn settle(&mut self, exchange: &Exchange, complete: bool) {
        match &mut self.wire {
            Wire::Http1(http1) => {
                let ahead = !http1.unread.is_empty();
                // Bytes sent ahead of an answer to a request for any other protocol may be of
                // that protocol.
                let other = exchange.request.upgrade != Upgrade::None && ahead;
                // A body that nobody reads would be taken for the next request.
                self.keep_alive &= complete && !other;
                self.linger = (!complete || ahead) && !self.keep_alive;
            }
            Wire::Http2(stream) if self.cut => stream.reset_broken(),
            Wire::Http2(_) => {}
        }
    }
}
