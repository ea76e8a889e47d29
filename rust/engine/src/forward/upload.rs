//! The client's body on its way to the upstream, with what was sent kept for another try.
//!
//! The buffer is laid out as `[room for the head | body so far]`. The head of each attempt is
//! put in front of the body, so that both go out in one write, and a failed attempt starts over
//! with a new head in front of the same body. The body kept is bounded by [`REPLAY`]; a longer
//! one streams through the same buffer and can no longer be replayed.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use gateway_net::h1::{
    CHUNK_END, CHUNK_ROOM, ChunkedDecoder, Fields, Framing, Method, Part, Reject,
    append_last_chunk, write_chunk_size, write_request,
};
use gateway_net::socket::Socket as _;
use gateway_net::stream::Stream;

use crate::client::Client;
use crate::worker::Worker;
use crate::worker::scratch::READ;

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
}

/// A request body under way.
#[derive(Debug)]
pub(crate) struct Upload {
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
    /// An upload for a request framed as `framing`, in a recycled buffer. `max_body` is the
    /// limit of its body in bytes, 0 for none.
    pub(crate) fn new(buf: Vec<u8>, framing: Framing, max_body: u64) -> Self {
        let body = match framing {
            Framing::Length(length) if length > 0 => Body::Length(length),
            Framing::Chunked => Body::Chunked(Box::default()),
            _ => Body::Complete,
        };
        let mut upload = Self {
            buf,
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
        };
        upload.grow(HEAD_ROOM);
        upload
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

    /// Whether all that was sent can be sent again.
    pub(super) fn replayable(&self) -> bool {
        self.kept
    }

    /// Whether any byte of the present attempt went out.
    pub(super) fn sent_any(&self) -> bool {
        self.pos > self.start || !self.kept
    }

    /// Starts an attempt: this head and the kept body are what is sent next.
    pub(super) fn begin(&mut self, method: &Method, target: &[u8], fields: &Fields) {
        debug_assert!(self.kept, "an attempt starts only while the body can be replayed");
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

    /// The answer has begun: nothing needs to be kept for another try.
    pub(super) fn forget(&mut self) {
        self.kept = false;
    }

    /// Takes body bytes that came in the same read as the head. Says how many were used; the
    /// rest belongs to the next request.
    pub(crate) fn take_first(&mut self, bytes: &[u8]) -> Result<usize, Reject> {
        match self.body {
            Body::Complete => Ok(0),
            Body::Length(left) => {
                let n = (left.min(REPLAY as u64) as usize).min(bytes.len());
                self.append(&bytes[..n]);
                self.took(n);
                Ok(n)
            }
            Body::Chunked(_) => self.decode(bytes),
        }
    }

    /// Receives the body whole, up to `limit` bytes, before anything is sent: for matching on
    /// it. None if it is larger; it then streams as any other.
    pub(crate) async fn gather(
        &mut self,
        worker: &Worker,
        client: &mut Client,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Ungathered> {
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
        let kept = &self.buf[self.room..self.end];
        if self.received == kept.len() as u64 {
            return kept.to_vec();
        }
        let mut out = Vec::with_capacity(self.received as usize);
        let mut decoder = ChunkedDecoder::default();
        let mut used = 0;
        // Our own framing decodes; anything else ends the loop.
        while let Ok(decoded) = decoder.decode(&kept[used..]) {
            match decoded.part {
                Part::Data(data) => out.extend_from_slice(&kept[used + data.start..used + data.end]),
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
        client: &mut Client,
        upstream: &mut Stream,
    ) -> Poll<Result<(), Broken>> {
        loop {
            while self.pos < self.end {
                self.waits = Waits::Upstream;
                let sent = ready!(upstream.poll_write(cx, &self.buf[self.pos..self.end]));
                self.pos += sent.map_err(Broken::Upstream)?;
                self.moved = true;
            }
            if self.complete() {
                self.waits = Waits::Upstream;
                ready!(upstream.poll_flush(cx)).map_err(Broken::Upstream)?;
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

    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        client: &mut Client,
    ) -> Poll<Result<(), Broken>> {
        if !client.unread.is_empty() {
            let mut unread = std::mem::take(&mut client.unread);
            let used = self.take_first(&unread).map_err(Broken::ClientMalformed)?;
            unread.drain(..used);
            client.unread = unread;
            return Poll::Ready(Ok(()));
        }
        if let Body::Length(left) = self.body {
            let want = (left.min(READ as u64) as usize).min(self.room + self.keep - self.end);
            self.grow(self.end + want);
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
        let used = self.decode(&space[..n]).map_err(Broken::ClientMalformed)?;
        client.unread.extend_from_slice(&space[used..n]);
        Poll::Ready(Ok(()))
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
    fn decode(&mut self, bytes: &[u8]) -> Result<usize, Reject> {
        let Body::Chunked(mut decoder) = std::mem::replace(&mut self.body, Body::Complete) else {
            return Ok(0);
        };
        let mut used = 0;
        loop {
            let decoded = decoder.decode(&bytes[used..])?;
            match decoded.part {
                Part::Data(data) => {
                    self.received += data.len() as u64;
                    self.append_chunk(&bytes[used + data.start..used + data.end]);
                }
                Part::End => {
                    let mut last = Vec::new();
                    append_last_chunk(&mut last, decoder.trailers());
                    self.append(&last);
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

    fn append_chunk(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let mut room = [0; CHUNK_ROOM];
        let start = write_chunk_size(&mut room, data.len());
        self.append(&room[start..]);
        self.append(data);
        self.append(CHUNK_END);
    }

    fn append(&mut self, bytes: &[u8]) {
        self.grow(self.end + bytes.len());
        self.buf[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Makes the buffer at least `len` long. It never shrinks, so its bytes are zeroed once in
    /// its life and not once per request.
    fn grow(&mut self, len: usize) {
        if self.buf.len() < len {
            self.buf.resize(len, 0);
        }
    }
}
