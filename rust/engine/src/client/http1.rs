//! A client's HTTP/1 connection: requests in, one after the other.
//!
//! While a connection waits for its next request it owns this struct and nothing else: the
//! exchange and its future are boxed apart and live from the first byte of a head to the last
//! byte of the answer.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use gateway_net::h1::{Method, Persistence, Reject, RequestReader, Version};
use gateway_net::socket::Socket as _;
use gateway_net::stream::Stream;

use super::{Client, Origin, Wire};
use crate::exchange::Exchange;
use crate::forward::Upload;
use crate::observe::metrics::{Connection, ConnectionState};
use crate::worker::Worker;
use crate::worker::deadlines::Deadline;
use crate::worker::scratch::ROOM;

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

/// A client's HTTP/1 connection.
#[derive(Debug)]
pub(crate) struct Http1 {
    /// The byte stream.
    pub(crate) stream: Stream,
    /// Bytes received and not used yet: part of a head, or a request sent ahead of its turn.
    pub(crate) unread: Vec<u8>,
}

/// The same between two requests.
#[derive(Debug)]
pub(super) struct Http1Connection {
    pub(super) http1: Http1,
    /// Ends what the client, or the upstream for its sake, takes too long for.
    pub(super) deadline: Deadline,
    /// Where it came from.
    origin: Rc<Origin>,
    /// Requests answered on it.
    pub(super) requests: u32,
    /// Whether bytes of a request may still be under way that nobody will use.
    pub(super) linger: bool,
    /// The connection in the metrics.
    counted: Connection,
    /// Whether its first request is waited for while the worker drains.
    last_call: bool,
    reader: RequestReader,
    /// A head that is not complete yet.
    partial: Option<Box<Exchange>>,
}

/// What a client did next.
#[derive(Debug)]
pub(super) enum Next {
    /// It sent a request.
    Request(Box<Exchange>, Upload),
    /// It sent something else; its exchange holds what could be read.
    Rejected(Box<Exchange>, Reject),
    /// It began a request and did not finish it in time.
    TimedOut(Box<Exchange>),
    /// It was idle for too long.
    Idle,
    /// It sent the preface of another protocol; its exchange holds that.
    Foreign(Box<Exchange>),
    /// It speaks HTTP/2; these bytes are what it sent so far.
    Http2(Vec<u8>),
    /// It left.
    Left,
}

impl Http1Connection {
    /// A connection just accepted.
    pub(super) fn new(
        stream: Stream,
        deadline: Deadline,
        origin: Rc<Origin>,
        counted: Connection,
    ) -> Self {
        Self {
            http1: Http1 { stream, unread: Vec::new() },
            deadline,
            origin,
            requests: 0,
            linger: false,
            counted,
            last_call: false,
            reader: RequestReader::default(),
            partial: None,
        }
    }

    /// The client as the next exchange sees it.
    pub(super) fn client(&mut self) -> Client<'_> {
        Client {
            wire: Wire::Http1(&mut self.http1),
            deadline: &self.deadline,
            origin: &self.origin,
            requests: self.requests,
            keep_alive: true,
            linger: false,
            cut: false,
        }
    }

    /// Waits for the next request head.
    pub(super) async fn next(&mut self, worker: &Worker) -> Next {
        let waiting = self.http1.unread.is_empty();
        self.deadline.set_idle(waiting);
        if worker.draining() && waiting {
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
        if self.partial.is_none() && !self.http1.unread.is_empty() {
            let unread = std::mem::take(&mut self.http1.unread);
            if let Some(next) = self.parse(&unread, None, worker) {
                return Poll::Ready(next);
            }
        }
        loop {
            let scratch = &mut *worker.scratch.borrow_mut();
            let n = match self.http1.stream.poll_read(cx, scratch.space()) {
                Poll::Ready(Ok(n)) if n > 0 => n,
                Poll::Ready(_) => return Poll::Ready(Next::Left),
                // Asked only now, so that no request that lies in the socket is passed over.
                Poll::Pending if self.deadline.expired() => return self.expired(worker),
                Poll::Pending => return Poll::Pending,
            };
            let parsed = if self.http1.unread.is_empty() {
                self.parse(scratch.read(n), Some(scratch.generation), worker)
            } else {
                let mut unread = std::mem::take(&mut self.http1.unread);
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
                self.reader.abandon(&self.http1.unread, &mut exchange.request);
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
                        self.http1.unread.extend_from_slice(&rest[body..]);
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
                self.http1.unread.clear();
                self.http1.unread.extend_from_slice(input);
                self.partial = Some(exchange);
                None
            }
            Err(Reject::Http2Preface) if self.origin.http2 && self.requests == 0 => {
                worker.give_exchange(exchange);
                Some(Next::Http2(input.to_vec()))
            }
            Err(_) if self.origin.http2 && self.requests == 0 && is_foreign(input) => {
                Some(Next::Foreign(exchange))
            }
            Err(reject) => Some(Next::Rejected(exchange, reject)),
        }
    }

    /// What is left of it once it speaks another protocol.
    pub(super) fn into_parts(self) -> (Stream, Rc<Origin>, Connection) {
        (self.http1.stream, self.origin, self.counted)
    }

    /// Closes the connection. If the client may still be sending, what it sends is read and
    /// thrown away for a while: closing at once would reset the connection and could take the
    /// answer away from the client before it read it (RFC 9112 section 9.6).
    pub(super) async fn close(&mut self, worker: &Worker) {
        // Who has nothing to wait for and nothing to say just closes: one system call less.
        if !self.linger && !self.http1.stream.has_last_word() {
            return;
        }
        let end = worker.now_ms() + LINGER_MS;
        self.deadline.set(worker.now_ms() + LINGER_PAUSE_MS);
        poll_fn(|cx| {
            let stream = &mut self.http1.stream;
            if self.deadline.expired() || ready!(stream.poll_shutdown(cx)).is_err() || !self.linger
            {
                return Poll::Ready(());
            }
            loop {
                let scratch = &mut *worker.scratch.borrow_mut();
                match ready!(stream.poll_read(cx, scratch.space())) {
                    Ok(n) if n > 0 => {
                        self.deadline.set(end.min(worker.now_ms() + LINGER_PAUSE_MS));
                    }
                    _ => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}

impl Http1 {
    /// Whether the client has left. What it sends is its next request and is kept; after that its
    /// leaving shows only when it is written to.
    pub(super) fn has_left(&mut self, cx: &mut Context<'_>, worker: &Worker) -> bool {
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
}

/// Whether bytes begin with three words of which none is HTTP/1's: an invalid preface, after which
/// a connection ends (RFC 9113 section 3.4). An answer in HTTP/1 would be read as frames.
#[cold]
fn is_foreign(input: &[u8]) -> bool {
    let line = input.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, _, version] = words[..] else { return false };
    matches!(Method::of(method), Some(Method::Extension(_))) && !version.starts_with(b"HTTP/")
}

/// What an answer tells a client of `version` about a connection that is kept, or is not.
pub(crate) fn persistence(keep_alive: bool, version: Version) -> Persistence<'static> {
    match (keep_alive, version) {
        (false, _) => Persistence::Close,
        (true, Version::Http10) => Persistence::KeepAlive,
        (true, Version::Http11 | Version::Http2) => Persistence::Open,
    }
}
