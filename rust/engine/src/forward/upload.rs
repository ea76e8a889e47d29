//! The client's body on its way to the upstream, with what was sent kept for another try.
//!
//! The head of an attempt is put right in front of the body, so that both go out in one write.
//! Where nothing has to be waited for, that happens in the worker's scratch buffer, where the
//! body was read, and a request that the upstream's socket takes at once is copied nowhere.
//! Otherwise it happens in a buffer of the exchange, `[room for the head | body so far]`, in
//! which a failed attempt starts over with a new head in front of the same body. The body kept
//! is bounded by [`REPLAY`]; a longer one streams through the buffer and cannot be replayed.
//!
//! What surprises: bytes in the scratch buffer are there until the next read on the worker. So
//! whoever waits before they are sent calls [`Upload::settle`] first; a generation number tells
//! if somebody forgot, and then the request is not sent rather than sent wrong.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::task::{Context, Poll, ready};

use gateway_net::h1::{
    CHUNK_END, CHUNK_ROOM, ChunkedDecoder, Fields, Framing, Method, Part, Reject, RequestHead,
    Version, append_last_chunk, write_chunk_size, write_request,
};
use gateway_net::h2::server::{Gone, ServerStream};
use gateway_net::socket::Socket as _;

use super::link::Link;
use crate::client::{Client, Http1, Wire};
use crate::worker::Worker;
use crate::worker::scratch::{READ, ROOM};

/// Body bytes kept for replay until the response head arrives.
pub(crate) const REPLAY: usize = 64 << 10;
/// Room in front of the body; a longer head moves the body once.
const HEAD_ROOM: usize = 4 << 10;

/// Why a request could not be sent whole.
#[derive(Debug)]
pub(super) enum Broken {
    /// The client closed its side or its connection failed before its body was complete.
    ClientLeft,
    /// The client's chunked framing is malformed.
    ClientMalformed(Reject),
    /// The body is larger than allowed.
    TooLarge,
    /// The upstream stopped taking bytes; an answer may be there all the same.
    Upstream(io::Error),
}

/// Why a body was not gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ungathered {
    /// The client closed its side or its connection failed.
    ClientLeft,
    /// The client's chunked framing is malformed.
    Malformed(Reject),
    /// The client paused for too long.
    TimedOut,
    /// The body is larger than the gateway allows.
    TooLarge,
}

impl From<Gone> for Broken {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Left => Self::ClientLeft,
            Gone::Malformed => Self::ClientMalformed(Reject::Content),
        }
    }
}

impl From<Broken> for Ungathered {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::ClientMalformed(reject) => Self::Malformed(reject),
            Broken::TooLarge => Self::TooLarge,
            Broken::ClientLeft | Broken::Upstream(_) => Self::ClientLeft,
        }
    }
}

/// What the upload waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// Nothing: it is complete.
    Nothing,
    /// More of the client's body.
    Client,
    /// Room in the upstream's socket.
    Upstream,
}

#[derive(Debug)]
enum Body {
    Complete,
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
    /// HTTP/2: until the stream ends.
    Streamed,
}

/// Bytes that lie in the worker's scratch buffer.
#[derive(Debug)]
struct Lent {
    range: Range<usize>,
    generation: u64,
}

/// A request body under way.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Body bytes that came with the head and lie where they were read.
    lent: Option<Lent>,
    /// A whole attempt in the scratch buffer: its head, and what is lent.
    ready: Option<Lent>,
    /// Whether a byte of the present attempt went out.
    sent: bool,
    /// Whether the request may be sent again after some of it was sent (RFC 9110 section 9.2.2).
    idempotent: bool,
    buf: Vec<u8>,
    /// Where the body starts in `buf`.
    room: usize,
    /// Where the head starts, while one stands in front of the body.
    start: usize,
    /// The next byte to send.
    pos: usize,
    /// Behind the last byte to send.
    end: usize,
    /// Whether everything since the head is still in `buf`.
    kept: bool,
    /// How much body is kept at most.
    keep: usize,
    body: Body,
    /// Body bytes taken from the client, chunk framing left out.
    pub(super) received: u64,
    /// Bytes read from the client after those that came with the head.
    late: u64,
    max_body: u64,
    pub(super) waits: Waits,
    /// Set whenever bytes moved; taken by whoever arms the deadline.
    pub(super) moved: bool,
}

impl Upload {
    /// An upload for a request. `max_body` is the limit of its body in bytes, 0 for none.
    pub(crate) fn new(request: &RequestHead, max_body: u64) -> Self {
        let body = match request.framing {
            Framing::Length(length) if length > 0 => Body::Length(length),
            Framing::Chunked if request.version == Version::Http2 => Body::Streamed,
            Framing::Chunked => Body::Chunked(Box::default()),
            _ => Body::Complete,
        };
        Self {
            lent: None,
            ready: None,
            sent: false,
            idempotent: is_idempotent(&request.method),
            buf: Vec::new(),
            room: HEAD_ROOM,
            start: HEAD_ROOM,
            pos: HEAD_ROOM,
            end: HEAD_ROOM,
            kept: true,
            keep: REPLAY,
            body,
            received: 0,
            late: 0,
            max_body: if max_body == 0 { u64::MAX } else { max_body },
            waits: Waits::Nothing,
            moved: false,
        }
    }

    /// Gives the buffer back for reuse.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buf
    }

    /// Whether the client's body was received to its end.
    pub(crate) fn complete(&self) -> bool {
        matches!(self.body, Body::Complete)
    }

    /// Whether more came than is allowed.
    pub(crate) fn too_large(&self) -> bool {
        self.received > self.max_body
    }

    /// Bytes read from the client after those that came with the head.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    /// Whether the request can be sent again, and may be: all of it is still here, and either
    /// none of it went out or doing it twice is doing it once.
    pub(super) fn may_repeat(&self) -> bool {
        self.kept && (self.idempotent || !self.sent)
    }

    /// Whether all of the request is still here, to be sent again if it was not processed.
    pub(super) fn kept(&self) -> bool {
        self.kept
    }

    /// Starts an attempt: this head and the kept body are what is sent next.
    pub(super) fn begin(
        &mut self,
        worker: &Worker,
        method: &Method,
        target: &[u8],
        fields: &Fields,
    ) {
        debug_assert!(self.kept, "an attempt starts only while the body can be replayed");
        self.sent = false;
        if self.end == self.room {
            let scratch = &mut *worker.scratch.borrow_mut();
            let body = self.lent.as_ref().map_or(ROOM..ROOM, |lent| lent.range.clone());
            let room = &mut scratch.bytes[..body.start];
            if let Some(start) = write_request(room, method, target, fields) {
                let generation =
                    self.lent.as_ref().map_or(scratch.generation, |lent| lent.generation);
                self.ready = Some(Lent { range: start..body.end, generation });
                self.start = self.room;
                self.pos = self.room;
                return;
            }
        }
        self.settle(worker);
        self.grow(worker, self.room);
        loop {
            if let Some(start) = write_request(&mut self.buf[..self.room], method, target, fields) {
                self.start = start;
                self.pos = start;
                return;
            }
            let more = self.room;
            self.buf.splice(0..0, std::iter::repeat_n(0, more));
            self.room += more;
            self.end += more;
        }
    }

    /// Starts an attempt whose head is on its way already (HTTP/2): the kept body is what is sent
    /// next.
    pub(super) fn begin_after_head(&mut self, worker: &Worker) {
        debug_assert!(self.kept, "an attempt starts only while the body can be replayed");
        self.settle(worker);
        self.ready = None;
        self.sent = true;
        self.start = self.room;
        self.pos = self.room;
    }

    /// Lets body bytes lie in the scratch buffer, where `there` bytes follow the head, from
    /// offset `at` on. Only where a copy would never be needed: of a body that may not be sent
    /// twice. Says how many bytes were taken; 0 if they are to be copied after all.
    pub(crate) fn lend(&mut self, at: usize, there: usize, generation: u64) -> usize {
        let Body::Length(left) = self.body else { return 0 };
        if self.idempotent {
            return 0;
        }
        let n = left.min(there as u64) as usize;
        if n > 0 {
            self.took(n);
            self.lent = Some(Lent { range: at..at + n, generation });
        }
        n
    }

    /// Copies what lies in the scratch buffer: to be called before anything is waited for.
    pub(crate) fn settle(&mut self, worker: &Worker) {
        let Some(lent) = self.lent.take() else { return };
        let scratch = worker.scratch.borrow();
        assert_eq!(scratch.generation, lent.generation, "a body was left in the scratch buffer");
        self.append(worker, &scratch.bytes[lent.range]);
    }

    /// Sends an attempt from the scratch buffer and copies what the socket does not take.
    fn send_ready(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        upstream: &mut Link<'_>,
        ready: &Lent,
    ) -> Result<(), Broken> {
        let scratch = worker.scratch.borrow();
        assert_eq!(
            scratch.generation, ready.generation,
            "a request was left in the scratch buffer"
        );
        let bytes = &scratch.bytes[ready.range.clone()];
        let mut sent = 0;
        while sent < bytes.len() {
            match upstream.poll_write(cx, &bytes[sent..]) {
                Poll::Ready(Ok(n)) => sent += n,
                Poll::Pending => break,
                Poll::Ready(Err(error)) => {
                    self.sent = sent > 0;
                    // A new attempt needs the body, if one is allowed at all.
                    if let Some(lent) = self.lent.take() {
                        self.append(worker, &scratch.bytes[lent.range]);
                    }
                    return Err(Broken::Upstream(error));
                }
            }
        }
        self.sent = true;
        self.moved = true;
        self.kept &= self.lent.take().is_none();
        if sent < bytes.len() {
            self.kept = false;
            self.append(worker, &bytes[sent..]);
            self.start = self.room;
            self.pos = self.room;
        }
        Ok(())
    }

    /// The answer has begun: nothing needs to be kept for another try.
    pub(super) fn forget(&mut self) {
        self.kept = false;
    }

    /// Takes body bytes that came in the same read as the head. Says how many were used; the
    /// rest belongs to the next request.
    pub(crate) fn take_first(&mut self, worker: &Worker, bytes: &[u8]) -> Result<usize, Reject> {
        match self.body {
            Body::Complete | Body::Streamed => Ok(0),
            Body::Length(left) => {
                let n = (left.min(REPLAY as u64) as usize).min(bytes.len());
                self.append(worker, &bytes[..n]);
                self.took(n);
                Ok(n)
            }
            Body::Chunked(_) => self.decode(worker, bytes),
        }
    }

    /// Receives the body whole, up to `limit` bytes, before anything is sent: for matching on
    /// it. None if it is larger; it then streams as any other.
    pub(crate) async fn gather(
        &mut self,
        worker: &Worker,
        client: &mut Client<'_>,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Ungathered> {
        self.settle(worker);
        // Framing of chunks is kept, too; twice the limit is room for the smallest chunks that
        // are worth it.
        self.keep = self.keep.max(limit.saturating_mul(2));
        let last = worker.now_ms() + worker.limits.client_body_us / 1_000;
        client.deadline.set(last);
        let mut seen = self.received;
        while !self.complete() && self.received <= limit.min(self.keep) as u64 {
            if self.received > self.max_body {
                return Err(Ungathered::TooLarge);
            }
            if self.end - self.room >= self.keep {
                return Ok(None);
            }
            poll_fn(|cx| {
                if client.deadline.expired() {
                    return Poll::Ready(Err(Ungathered::TimedOut));
                }
                self.receive(cx, worker, client).map_err(Ungathered::from)
            })
            .await?;
            if self.received > seen {
                seen = self.received;
                client.deadline.set(worker.now_ms() + worker.limits.client_body_us / 1_000);
            }
        }
        if !self.complete() {
            return Ok(None);
        }
        Ok(Some(self.body()))
    }

    /// The body kept, without chunk framing.
    fn body(&self) -> Vec<u8> {
        // Where no body came, there is no room for a head either.
        let kept = self.buf.get(self.room..self.end).unwrap_or_default();
        if self.received == kept.len() as u64 {
            return kept.to_vec();
        }
        let mut out = Vec::with_capacity(self.received as usize);
        let mut decoder = ChunkedDecoder::default();
        let mut used = 0;
        // Our own framing decodes; anything else ends the loop.
        while let Ok(decoded) = decoder.decode(&kept[used..]) {
            match decoded.part {
                Part::Data(data) => {
                    out.extend_from_slice(&kept[used + data.start..used + data.end]);
                }
                Part::End | Part::More => break,
            }
            used += decoded.consumed;
        }
        out
    }

    /// Sends, and receives more to send, until the body is complete or a socket makes it wait.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        client: &mut Client<'_>,
        upstream: &mut Link<'_>,
    ) -> Poll<Result<(), Broken>> {
        if let Some(ready) = self.ready.take() {
            self.send_ready(cx, worker, upstream, &ready)?;
        }
        loop {
            while self.pos < self.end {
                self.waits = Waits::Upstream;
                let sent = ready!(upstream.poll_write(cx, &self.buf[self.pos..self.end]));
                self.pos += sent.map_err(Broken::Upstream)?;
                self.sent = true;
                self.moved = true;
            }
            if self.complete() {
                self.waits = Waits::Upstream;
                ready!(upstream.poll_finish(cx)).map_err(Broken::Upstream)?;
                self.waits = Waits::Nothing;
                return Poll::Ready(Ok(()));
            }
            if !self.kept || self.end - self.room >= self.keep {
                self.kept = false;
                self.start = self.room;
                self.pos = self.room;
                self.end = self.room;
            }
            self.waits = Waits::Client;
            ready!(self.receive(cx, worker, client))?;
            self.moved = true;
            if self.too_large() {
                return Poll::Ready(Err(Broken::TooLarge));
            }
        }
    }

    /// Takes more of the body from the client.
    #[inline]
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        client: &mut Client<'_>,
    ) -> Poll<Result<(), Broken>> {
        match &mut client.wire {
            Wire::Http1(http1) => self.receive_bytes(cx, worker, http1),
            Wire::Http2(stream) => self.receive_data(cx, worker, stream).map_err(Broken::from),
        }
    }

    fn receive_bytes(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        client: &mut Http1,
    ) -> Poll<Result<(), Broken>> {
        if !client.unread.is_empty() {
            let mut unread = std::mem::take(&mut client.unread);
            let used = self.take_first(worker, &unread).map_err(Broken::ClientMalformed)?;
            unread.drain(..used);
            client.unread = unread;
            return Poll::Ready(Ok(()));
        }
        if let Body::Length(left) = self.body {
            let want = (left.min(READ as u64) as usize).min(self.room + self.keep - self.end);
            self.grow(worker, self.end + want);
            let space = &mut self.buf[self.end..self.end + want];
            let n = ready!(client.stream.poll_read(cx, space)).map_err(|_| Broken::ClientLeft)?;
            if n == 0 {
                return Poll::Ready(Err(Broken::ClientLeft));
            }
            self.end += n;
            self.late += n as u64;
            self.took(n);
            return Poll::Ready(Ok(()));
        }
        let mut scratch = worker.scratch.borrow_mut();
        let space = scratch.space();
        let n = ready!(client.stream.poll_read(cx, space)).map_err(|_| Broken::ClientLeft)?;
        if n == 0 {
            return Poll::Ready(Err(Broken::ClientLeft));
        }
        self.late += n as u64;
        let used = self.decode(worker, &space[..n]).map_err(Broken::ClientMalformed)?;
        client.unread.extend_from_slice(&space[used..n]);
        Poll::Ready(Ok(()))
    }

    /// Takes the next piece of content from a stream, and lets the client send as much again: the
    /// buffer that it goes to is what bounds the upload.
    fn receive_data(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        stream: &mut ServerStream,
    ) -> Poll<Result<(), Gone>> {
        let Some(data) = ready!(stream.poll_data(cx)).transpose()? else {
            let trailers = ready!(stream.poll_trailers(cx))?;
            if !matches!(self.body, Body::Streamed) {
                // What came was compared with Content-Length already.
                return Poll::Ready(Err(Gone::Malformed));
            }
            let mut last = Vec::new();
            append_last_chunk(&mut last, trailers.as_ref().filter(|fields| !fields.is_empty()));
            self.append(worker, &last);
            self.body = Body::Complete;
            return Poll::Ready(Ok(()));
        };
        self.late += data.len() as u64;
        if let Body::Streamed = self.body {
            self.received += data.len() as u64;
            self.append_chunk(worker, &data);
        } else {
            self.append(worker, &data);
            self.took(data.len());
        }
        stream.release(data.len());
        Poll::Ready(Ok(()))
    }

    /// Takes what has come of a body already, so that it leaves with the head, and so that a
    /// request that is malformed further down, or no longer wanted, goes nowhere.
    pub(crate) fn take_received(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        stream: &mut ServerStream,
    ) -> Result<(), Gone> {
        while !self.complete() && self.end - self.room < REPLAY {
            match self.receive_data(cx, worker, stream) {
                Poll::Ready(received) => received?,
                Poll::Pending => break,
            }
        }
        match stream.poll_gone(cx) {
            Poll::Ready(gone) => Err(gone),
            Poll::Pending => Ok(()),
        }
    }

    /// Counts `n` bytes of a body of known length.
    fn took(&mut self, n: usize) {
        self.received += n as u64;
        if let Body::Length(left) = &mut self.body {
            *left -= n as u64;
            if *left == 0 {
                self.body = Body::Complete;
            }
        }
    }

    /// Decodes chunked bytes and appends them framed anew: nothing of a client's own framing
    /// reaches the upstream. Says how many bytes were used.
    fn decode(&mut self, worker: &Worker, bytes: &[u8]) -> Result<usize, Reject> {
        let Body::Chunked(mut decoder) = std::mem::replace(&mut self.body, Body::Complete) else {
            return Ok(0);
        };
        let mut used = 0;
        loop {
            let decoded = decoder.decode(&bytes[used..])?;
            match decoded.part {
                Part::Data(data) => {
                    self.received += data.len() as u64;
                    self.append_chunk(worker, &bytes[used + data.start..used + data.end]);
                }
                Part::End => {
                    let mut last = Vec::new();
                    append_last_chunk(&mut last, decoder.trailers());
                    self.append(worker, &last);
                    return Ok(used + decoded.consumed);
                }
                Part::More => {
                    self.body = Body::Chunked(decoder);
                    return Ok(used + decoded.consumed);
                }
            }
            used += decoded.consumed;
        }
    }

    fn append_chunk(&mut self, worker: &Worker, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let mut room = [0; CHUNK_ROOM];
        let start = write_chunk_size(&mut room, data.len());
        self.append(worker, &room[start..]);
        self.append(worker, data);
        self.append(worker, CHUNK_END);
    }

    fn append(&mut self, worker: &Worker, bytes: &[u8]) {
        self.grow(worker, self.end + bytes.len());
        self.buf[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Makes the buffer at least `len` long, a recycled one if there is none yet. It never
    /// shrinks, so its bytes are zeroed once in its life and not once per request.
    fn grow(&mut self, worker: &Worker, len: usize) {
        if self.buf.is_empty() {
            self.buf = worker.buffers.borrow_mut().take();
        }
        if self.buf.len() < len {
            self.buf.resize(len, 0);
        }
    }
}

/// RFC 9110 section 9.2.2; nginx leaves out the same ones (POST, LOCK, PATCH).
fn is_idempotent(method: &Method) -> bool {
    !matches!(method, Method::Post | Method::Patch | Method::Extension(_) | Method::Connect)
}
