//! A client's connection: requests in, one after the other.
//!
//! While a connection waits for its next request it owns this struct and nothing else: the
//! exchange and its future are boxed apart and live from the first byte of a head to the last
//! byte of the answer.

mod ip_text;
mod serve;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use gateway_net::h1::{Persistence, Reject, RequestReader, Version};
use gateway_net::socket::Socket as _;
use gateway_net::stream::Stream;

use crate::exchange::Exchange;
use crate::forward::Upload;
use crate::observe::metrics::{Connection, ConnectionState};
use crate::worker::deadlines::Deadline;
use crate::worker::scratch::ROOM;
use crate::worker::{Purpose, Worker};

pub(crate) use ip_text::IpText;
pub(crate) use serve::serve;

/// How long bytes are read and thrown away after an answer that came before its request was
/// complete, in milliseconds; nginx's `lingering_time`.
const LINGER_MS: u64 = 30_000;
/// How long the next of such bytes are waited for, in milliseconds; nginx's `lingering_timeout`.
const LINGER_PAUSE_MS: u64 = 5_000;
/// How long a connection may wait with its first request once the worker drains, in
/// milliseconds: who has just connected is about to ask.
const LAST_CALL_MS: u64 = 1_000;
/// How long one may wait with a further request then: a busy client's is on its way, and would be
/// lost if the connection were closed now.
const NEXT_CALL_MS: u64 = 200;

/// Where a connection came from.
#[derive(Debug, Clone)]
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

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Client {
    /// The byte stream.
    pub(crate) stream: Stream,
    /// Bytes received and not used yet: part of a head, or a request sent ahead of its turn.
    pub(crate) unread: Vec<u8>,
    /// Ends what the client, or the upstream for its sake, takes too long for.
    pub(crate) deadline: Deadline,
    /// Where it came from.
    pub(crate) origin: Origin,
    /// Requests answered on it.
    pub(crate) requests: u32,
    /// Whether another request may follow the present one.
    pub(crate) keep_alive: bool,
    /// Whether an answer lacks its end: TLS must not say that nothing is missing.
    pub(crate) cut: bool,
    /// Whether bytes of a request may still be under way that nobody will use.
    pub(crate) linger: bool,
    /// The connection in the metrics.
    pub(crate) counted: Connection,
    /// Whether its first request is waited for while the worker drains.
    last_call: bool,
    reader: RequestReader,
    /// A head that is not complete yet.
    partial: Option<Box<Exchange>>,
}

/// What a client did next.
#[derive(Debug)]
pub(crate) enum Next {
    /// It sent a request.
    Request(Box<Exchange>, Upload),
    /// It sent something else; its exchange holds what could be read.
    Rejected(Box<Exchange>, Reject),
    /// It began a request and did not finish it in time.
    TimedOut(Box<Exchange>),
    /// It was idle for too long.
    Idle,
    /// It left.
    Left,
}

impl Client {
    /// A connection just accepted.
    pub(crate) fn new(
        stream: Stream,
        deadline: Deadline,
        origin: Origin,
        counted: Connection,
    ) -> Self {
        Self {
            stream,
            unread: Vec::new(),
            deadline,
            origin,
            requests: 0,
            keep_alive: true,
            cut: false,
            linger: false,
            last_call: false,
            counted,
            reader: RequestReader::default(),
            partial: None,
        }
    }

    /// Waits for the next request head.
    pub(crate) async fn next(&mut self, worker: &Worker) -> Next {
        self.keep_alive = true;
        self.deadline.set_idle(self.unread.is_empty());
        if worker.draining() && self.unread.is_empty() {
            self.hurry(worker);
        }
        self.counted.enter(ConnectionState::Waiting);
        let next = poll_fn(|cx| self.poll_next(cx, worker)).await;
        self.counted.enter(ConnectionState::Serving);
        self.deadline.set_idle(false);
        next
    }

    /// The worker drains: what has come already is served, and little more is waited for.
    fn hurry(&mut self, worker: &Worker) {
        let called = std::mem::replace(&mut self.last_call, true) || worker.killed();
        let wait = match self.requests {
            _ if called => 1,
            0 => LAST_CALL_MS,
            _ => NEXT_CALL_MS,
        };
        self.deadline.set(worker.now_ms() + wait);
        self.deadline.set_idle(false);
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, worker: &Worker) -> Poll<Next> {
        // A request that came ahead of its turn is read from what was kept.
        if self.partial.is_none() && !self.unread.is_empty() {
            let unread = std::mem::take(&mut self.unread);
            if let Some(next) = self.parse(&unread, None, worker) {
                return Poll::Ready(next);
            }
        }
        loop {
            let scratch = &mut *worker.scratch.borrow_mut();
            let n = match self.stream.poll_read(cx, scratch.space()) {
                Poll::Ready(Ok(n)) if n > 0 => n,
                Poll::Ready(_) => return Poll::Ready(Next::Left),
                // Asked only now, so that no request that lies in the socket is passed over.
                Poll::Pending if self.deadline.expired() => return self.expired(worker),
                Poll::Pending => return Poll::Pending,
            };
            let parsed = if self.unread.is_empty() {
                self.parse(scratch.read(n), Some(scratch.generation), worker)
            } else {
                let mut unread = std::mem::take(&mut self.unread);
                unread.extend_from_slice(scratch.read(n));
                self.parse(&unread, None, worker)
            };
            if let Some(next) = parsed {
                return Poll::Ready(next);
            }
        }
    }

    /// The time for a head, or for the first byte of one, is over.
    fn expired(&mut self, worker: &Worker) -> Poll<Next> {
        match self.partial.take() {
            Some(mut exchange) if !worker.killed() => {
                self.reader.abandon(&self.unread, &mut exchange.request);
                Poll::Ready(Next::TimedOut(exchange))
            }
            None if worker.draining() && !self.last_call => {
                self.hurry(worker);
                Poll::Pending
            }
            _ => Poll::Ready(Next::Idle),
        }
    }

    /// Reads a head from `input`, which begins with it. What is not used is kept in `unread`.
    /// `scratch` is the generation of the scratch buffer if `input` is what was read into it.
    fn parse(&mut self, input: &[u8], scratch: Option<u64>, worker: &Worker) -> Option<Next> {
        let begun = self.partial.is_some();
        let mut exchange = self.partial.take().unwrap_or_else(|| worker.take_exchange());
        match self.reader.parse(input, &worker.limits.request, &mut exchange.request) {
            Ok(Some(used)) => {
                let mut upload = Upload::new(&exchange.request, worker.limits.max_body);
                let rest = &input[used..];
                let lent = scratch
                    .map_or(0, |generation| upload.lend(ROOM + used, rest.len(), generation));
                let taken = if lent > 0 { Ok(lent) } else { upload.take_first(worker, rest) };
                match taken {
                    Ok(body) => {
                        self.unread.extend_from_slice(&rest[body..]);
                        exchange.request_length = (used + body) as u64;
                        Some(Next::Request(exchange, upload))
                    }
                    Err(reject) => Some(Next::Rejected(exchange, reject)),
                }
            }
            Ok(None) => {
                // Once for the whole head: one that drips in must not win time with every drop.
                if !begun {
                    self.deadline.set_idle(false);
                    self.deadline.set(worker.now_ms() + worker.limits.client_header_ms);
                }
                self.unread.clear();
                self.unread.extend_from_slice(input);
                self.partial = Some(exchange);
                None
            }
            Err(reject) => Some(Next::Rejected(exchange, reject)),
        }
    }

    /// What an answer tells a client of `version` about the connection.
    pub(crate) fn persistence(&self, version: Version) -> Persistence<'static> {
        match (self.keep_alive, version) {
            (false, _) => Persistence::Close,
            (true, Version::Http10) => Persistence::KeepAlive,
            (true, Version::Http11) => Persistence::Open,
        }
    }

    /// Whether the client has left. To be asked while nothing is expected of it: what it sends is
    /// its next request and is kept; after that its leaving shows only when it is written to.
    pub(crate) fn has_left(&mut self, cx: &mut Context<'_>, worker: &Worker) -> bool {
        if !self.unread.is_empty() {
            return false;
        }
        let scratch = &mut *worker.scratch.borrow_mut();
        match self.stream.poll_read(cx, scratch.space()) {
            Poll::Pending => false,
            Poll::Ready(Ok(n)) if n > 0 => {
                self.unread.extend_from_slice(&scratch.space()[..n]);
                false
            }
            Poll::Ready(_) => true,
        }
    }

    /// Sends `bytes` whole. False if the client left or took too long.
    pub(crate) async fn send(&mut self, worker: &Worker, bytes: &[u8]) -> bool {
        let mut sent = 0;
        self.deadline.set(worker.now_ms() + worker.limits.send_us / 1_000);
        poll_fn(|cx| {
            while sent < bytes.len() {
                if self.deadline.expired() {
                    return Poll::Ready(false);
                }
                match ready!(self.stream.poll_write(cx, &bytes[sent..])) {
                    Ok(n) => sent += n,
                    Err(_) => return Poll::Ready(false),
                }
            }
            Poll::Ready(ready!(self.stream.poll_flush(cx)).is_ok())
        })
        .await
    }

    /// Closes the connection. If the client may still be sending, what it sends is read and
    /// thrown away for a while: closing at once would reset the connection and could take the
    /// answer away from the client before it read it (RFC 9112 section 9.6).
    pub(crate) async fn close(&mut self, worker: &Worker) {
        let end = worker.now_ms() + LINGER_MS;
        self.deadline.set(worker.now_ms() + LINGER_PAUSE_MS);
        poll_fn(|cx| {
            if self.deadline.expired() || ready!(self.stream.poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            while self.linger {
                let scratch = &mut *worker.scratch.borrow_mut();
                match ready!(self.stream.poll_read(cx, scratch.space())) {
                    Ok(n) if n > 0 => {
                        self.deadline.set(end.min(worker.now_ms() + LINGER_PAUSE_MS));
                    }
                    _ => break,
                }
            }
            Poll::Ready(())
        })
        .await;
    }
}
