//! The upstream's answer on its way to the client.
//!
//! What a read brought is framed for the client where it lies in the worker's scratch buffer:
//! the head is written in front of the first body bytes, a chunk line in front of later ones,
//! and all of it goes out in one write. Only what the client did not take is copied.

use std::io;
use std::ops::Range;
use std::task::{Context, Poll, ready};

use gateway_core::headers::Headers;
use gateway_net::h1::{
    CHUNK_END, ChunkedDecoder, Fields, Framing, Part, Persistence, Reject, ResponseHead,
    ResponseReader, Upgrade, Version, append_last_chunk, append_response, strip_hop_by_hop,
    write_chunk_size, write_response,
};
use gateway_net::h2::client::{Fault, Stream as Http2Stream};
use gateway_net::h2::server::Gone;
use gateway_net::socket::Socket as _;

use super::link::Link;
use crate::client::{Client, Wire, persistence};
use crate::exchange::Exchange;
use crate::respond;
use crate::worker::Worker;
use crate::worker::scratch::{ROOM, Scratch};

/// Interim answers (1xx) passed on per request; a peer that sends more is broken.
const MAX_INTERIM: u8 = 16;

/// Why an answer could not be relayed whole.
#[derive(Debug)]
pub(super) enum Broken {
    /// The client does not take the answer.
    ClientLeft,
    /// The upstream closed before its answer, or before the end of it.
    UpstreamClosed,
    /// Reading from the upstream failed.
    Upstream(io::Error),
    /// A stream of HTTP/2 ended before its answer did.
    Stream(Fault),
    /// The answer is malformed.
    UpstreamMalformed(Reject),
    /// More interim answers than [`MAX_INTERIM`].
    TooManyInterim,
}

impl From<Gone> for Broken {
    fn from(_: Gone) -> Self {
        Self::ClientLeft
    }
}

/// What the download waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// More of the upstream's answer.
    Upstream,
    /// Room in the client's socket.
    Client,
}

/// How the answer ends for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToClient {
    /// There is no body.
    Empty,
    /// As many bytes as the head says.
    Length,
    /// Chunks.
    Chunked,
    /// The end of the stream.
    Stream,
    /// When the connection closes.
    Close,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
    UntilClose,
    /// HTTP/2: the stream says where it ends.
    Streamed,
    Complete,
    /// 101: the bytes that follow belong to the other protocol.
    Switched,
}

/// What has come of an answer.
struct Came {
    /// The final head, in the exchange: what becomes of the client's connection after it.
    head: Option<Persistence<'static>>,
    /// Content behind it, in the scratch buffer, still framed.
    content: Range<usize>,
    /// HTTP/2: the answer ends here, with the trailers that were received.
    ended: bool,
}

impl Came {
    /// No final head and no content.
    const NOTHING: Self = Self { head: None, content: ROOM..ROOM, ended: false };
}

/// An answer under way.
#[derive(Debug)]
pub(super) struct Download {
    reader: ResponseReader,
    /// Bytes of a head that did not come in one read.
    partial: Vec<u8>,
    /// Bytes that the client has not taken yet.
    pending: Vec<u8>,
    taken: usize,
    state: State,
    to_client: ToClient,
    interim: u8,
    /// What follows the last bytes on a stream.
    trailers: Option<Box<Headers>>,
    /// Whether the upstream sent bytes beyond its answer.
    excess: bool,
    /// Whether the client's request is not complete yet.
    pub(super) early: bool,
    pub(super) waits: Waits,
    /// Set whenever bytes moved; taken by whoever arms the deadline.
    pub(super) moved: bool,
}

impl Download {
    pub(super) fn new() -> Self {
        Self {
            reader: ResponseReader::default(),
            partial: Vec::new(),
            pending: Vec::new(),
            taken: 0,
            state: State::Head,
            to_client: ToClient::Empty,
            interim: 0,
            trailers: None,
            excess: false,
            early: false,
            waits: Waits::Upstream,
            moved: false,
        }
    }

    /// Whether the final head has been read.
    pub(super) fn answered(&self) -> bool {
        !matches!(self.state, State::Head)
    }

    /// Whether any byte of an answer came.
    pub(super) fn heard(&self) -> bool {
        self.answered() || !self.partial.is_empty() || self.interim > 0
    }

    /// Whether the answer was 101 and the connection is a tunnel now.
    pub(super) fn switched(&self) -> bool {
        matches!(self.state, State::Switched)
    }

    /// Whether the upstream's connection may carry another request.
    pub(super) fn reusable(&self, exchange: &Exchange) -> bool {
        matches!(self.state, State::Complete) && !self.excess && exchange.response.keep_alive
    }

    /// Relays until the answer is complete or a socket makes it wait.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        exchange: &mut Exchange,
        client: &mut Client<'_>,
        upstream: &mut Link<'_>,
    ) -> Poll<Result<(), Broken>> {
        loop {
            ready!(self.drain(cx, exchange, client))?;
            if matches!(self.state, State::Complete | State::Switched) {
                self.waits = Waits::Client;
                return client.poll_end(cx, self.trailers.as_deref()).map_err(Broken::from);
            }
            self.waits = Waits::Upstream;
            let scratch = &mut *worker.scratch.borrow_mut();
            let came = match upstream {
                Link::Http1(stream) => {
                    let space = &mut scratch.space()[..client.most()];
                    let read = ready!(stream.poll_read(cx, space));
                    self.moved = true;
                    match read {
                        Ok(0) => {
                            self.upstream_ended()?;
                            continue;
                        }
                        Ok(n) => self.take(scratch, n, worker, exchange, client)?,
                        // A reset after a complete answer was handled above; here it lacks.
                        Err(error) => return Poll::Ready(Err(Broken::Upstream(error))),
                    }
                }
                Link::Http2(http2) => {
                    let stream = &mut http2.stream;
                    ready!(self.receive(cx, worker, scratch, exchange, client, stream))?
                }
            };
            let body = self.frame(scratch, came.content, exchange)?;
            if came.ended {
                self.state = State::Complete;
            }
            let out = match came.head {
                Some(persistence) => self.put_head(scratch, body, exchange, client, persistence)?,
                None => body,
            };
            self.write(cx, &scratch.bytes[out], exchange, client)?;
            if came.ended && self.to_client == ToClient::Chunked {
                append_last_chunk(&mut self.pending, self.trailers.as_deref());
            }
        }
    }

    /// Sends what the client did not take so far.
    fn drain(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange,
        client: &mut Client<'_>,
    ) -> Poll<Result<(), Broken>> {
        while self.taken < self.pending.len() {
            self.waits = Waits::Client;
            let last = self.ends();
            let n = ready!(client.poll_write(cx, &self.pending[self.taken..], last))?;
            self.taken += n;
            exchange.bytes_sent += n as u64;
            self.moved = true;
        }
        self.pending.clear();
        self.taken = 0;
        Poll::Ready(Ok(()))
    }

    /// Sends `bytes` and keeps what the client does not take.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        exchange: &mut Exchange,
        client: &mut Client<'_>,
    ) -> Result<(), Broken> {
        let mut sent = 0;
        let last = self.ends();
        if self.pending.is_empty() {
            while sent < bytes.len() {
                match client.poll_write(cx, &bytes[sent..], last) {
                    Poll::Ready(Ok(n)) => sent += n,
                    Poll::Ready(Err(gone)) => return Err(gone.into()),
                    Poll::Pending => break,
                }
            }
            exchange.bytes_sent += sent as u64;
        }
        self.pending.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// Whether the answer ends with the bytes that are to be written.
    #[inline]
    fn ends(&self) -> bool {
        matches!(self.state, State::Complete) && self.trailers.is_none()
    }

    /// The upstream closed its side.
    fn upstream_ended(&mut self) -> Result<(), Broken> {
        if !matches!(self.state, State::UntilClose) {
            return Err(Broken::UpstreamClosed);
        }
        self.state = State::Complete;
        if self.to_client == ToClient::Chunked {
            self.pending.extend_from_slice(b"0\r\n\r\n");
        }
        Ok(())
    }

    /// Takes the heads out of `n` bytes just read into the scratch buffer.
    fn take(
        &mut self,
        scratch: &mut Scratch,
        n: usize,
        worker: &Worker,
        exchange: &mut Exchange,
        client: &mut Client<'_>,
    ) -> Result<Came, Broken> {
        let mut content = ROOM..ROOM + n;
        let mut head = None;
        while matches!(self.state, State::Head) {
            if content.is_empty() && self.partial.is_empty() {
                return Ok(Came::NOTHING);
            }
            let Some(rest) = self.read_head(scratch, content, worker, exchange)? else {
                return Ok(Came::NOTHING);
            };
            content = rest;
            head = self.on_head(worker, exchange, client)?;
        }
        Ok(Came { head, content, ended: false })
    }

    /// Sends the final head, or writes it in front of `body`, and says which bytes go out.
    fn put_head(
        &mut self,
        scratch: &mut Scratch,
        body: Range<usize>,
        exchange: &mut Exchange,
        client: &mut Client<'_>,
        persistence: Persistence<'_>,
    ) -> Result<Range<usize>, Broken> {
        let response = &exchange.response;
        if let Wire::Http2(stream) = &mut client.wire {
            let ended = self.ends() && body.is_empty();
            let framed = self.framing_to_client(response) != Framing::None;
            let length = response.content_length.filter(|_| framed);
            stream.send_head(response.status, &response.headers, length, ended)?;
            exchange.bytes_sent += response.headers.arena_len() as u64;
            return Ok(body);
        }
        let reason = response.headers.bytes(response.reason);
        let reason =
            (!reason.is_empty() && !is_plain_ok(response.status, reason)).then_some(reason);
        let fields = Fields {
            headers: &response.headers,
            framing: self.framing_to_client(response),
            persistence,
        };
        if let Some(start) =
            write_response(&mut scratch.bytes[..body.start], response.status, reason, &fields)
        {
            return Ok(start..body.end);
        }
        append_response(&mut self.pending, response.status, reason, &fields);
        Ok(body)
    }

    /// Takes what has come on a stream of HTTP/2: the next head, and one piece of content. Apart
    /// from the loop, which is HTTP/1's and would grow by it.
    #[inline(never)]
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        scratch: &mut Scratch,
        exchange: &mut Exchange,
        client: &mut Client<'_>,
        upstream: &mut Http2Stream,
    ) -> Poll<Result<Came, Broken>> {
        // The client has taken all that was handed out, so the upstream may send as much again.
        upstream.release();
        let mut came = Came::NOTHING;
        if matches!(self.state, State::Head) {
            let Exchange { request, response, .. } = exchange;
            let polled = ready!(upstream.poll_head(cx, &request.method, response));
            self.moved = true;
            polled.map_err(Broken::Stream)?;
            came.head = self.on_head(worker, exchange, client)?;
            if came.head.is_none() {
                return Poll::Ready(Ok(came)); // an interim one
            }
            self.state = State::Streamed;
        }
        match upstream.poll_data(cx) {
            Poll::Pending if came.head.is_none() => return Poll::Pending,
            Poll::Pending => {}
            Poll::Ready(Some(data)) => {
                let data = data.map_err(Broken::Stream)?;
                scratch.space()[..data.len()].copy_from_slice(&data);
                came.content.end += data.len();
                came.ended = upstream.ended();
            }
            Poll::Ready(None) => {
                let trailers = ready!(upstream.poll_trailers(cx)).map_err(Broken::Stream)?;
                self.trailers = trailers.map(Box::new);
                came.ended = true;
            }
        }
        self.moved = true;
        Poll::Ready(Ok(came))
    }

    /// What the head says of the body's end. An answer to HEAD and a 304 keep their length.
    fn framing_to_client(&self, response: &ResponseHead) -> Framing {
        match self.to_client {
            ToClient::Empty if response.status == 101 || response.status == 204 => Framing::None,
            ToClient::Empty => response.content_length.map_or(Framing::None, Framing::Length),
            ToClient::Length => response.framing,
            ToClient::Chunked => Framing::Chunked,
            ToClient::Stream | ToClient::Close => Framing::None,
        }
    }

    /// Reads a head out of `read`; Some(rest) once it is complete.
    fn read_head(
        &mut self,
        scratch: &mut Scratch,
        read: Range<usize>,
        worker: &Worker,
        exchange: &mut Exchange,
    ) -> Result<Option<Range<usize>>, Broken> {
        let limits = &worker.limits.response;
        let method = &exchange.request.method;
        let head = &mut exchange.response;
        if self.partial.is_empty() {
            let bytes = &scratch.bytes[read.clone()];
            let parsed = self
                .reader
                .parse(bytes, method, limits, head)
                .map_err(Broken::UpstreamMalformed)?;
            if let Some(used) = parsed {
                return Ok(Some(read.start + used..read.end));
            }
            self.partial.extend_from_slice(bytes);
            return Ok(None);
        }
        self.partial.extend_from_slice(&scratch.bytes[read]);
        let parsed = self
            .reader
            .parse(&self.partial, method, limits, head)
            .map_err(Broken::UpstreamMalformed)?;
        let Some(used) = parsed else { return Ok(None) };
        let rest = self.partial.len() - used;
        scratch.bytes[ROOM..ROOM + rest].copy_from_slice(&self.partial[used..]);
        self.partial.clear();
        Ok(Some(ROOM..ROOM + rest))
    }

    /// Acts on a complete head. Some if it is the final one: what becomes of the client's
    /// connection after it.
    #[inline]
    fn on_head(
        &mut self,
        worker: &Worker,
        exchange: &mut Exchange,
        client: &mut Client<'_>,
    ) -> Result<Option<Persistence<'static>>, Broken> {
        let status = exchange.response.status;
        if status == 101 {
            if exchange.response.upgrade != Upgrade::WebSocket || !exchange.upgrading {
                return Err(Broken::UpstreamMalformed(Reject::Status));
            }
            self.state = State::Switched;
            worker.recorder.upstream_answered(exchange.answered(worker.now_us()));
            let names = exchange.response.connection_names;
            strip_hop_by_hop(&mut exchange.response.headers, names);
            return Ok(Some(Persistence::Upgrade("websocket")));
        }
        if status < 200 {
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(Broken::TooManyInterim);
            }
            let names = exchange.response.connection_names;
            let headers = &mut exchange.response.headers;
            strip_hop_by_hop(headers, names);
            match &mut client.wire {
                Wire::Http1(_) if exchange.request.version == Version::Http10 => {}
                Wire::Http1(_) => {
                    append_response(&mut self.pending, status, None, &Fields::of(headers));
                }
                Wire::Http2(stream) => stream.send_interim(status, headers)?,
            }
            exchange.response.clear();
            return Ok(None);
        }
        worker.recorder.upstream_answered(exchange.answered(worker.now_us()));
        self.state = match exchange.response.framing {
            Framing::None | Framing::Length(0) => State::Complete,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Box::default()),
            Framing::UntilClose => State::UntilClose,
        };
        self.to_client = match exchange.response.framing {
            Framing::None => ToClient::Empty,
            Framing::Length(_) => ToClient::Length,
            _ => match exchange.request.version {
                Version::Http10 => ToClient::Close,
                Version::Http11 => ToClient::Chunked,
                Version::Http2 => ToClient::Stream,
            },
        };
        // A worker that drains serves no further one. An answer that comes before its request is complete ends the connection: what is left
        // of the body would be taken for the next request.
        if self.to_client == ToClient::Close || self.early || worker.draining() {
            client.keep_alive = false;
        }
        respond::prepare_upstream_answer(worker, exchange);
        Ok(Some(persistence(client.keep_alive, exchange.request.version)))
    }

    /// Frames body bytes for the client in place and says which bytes go out.
    fn frame(
        &mut self,
        scratch: &mut Scratch,
        read: Range<usize>,
        exchange: &mut Exchange,
    ) -> Result<Range<usize>, Broken> {
        let (data, last) = match &mut self.state {
            State::Head => return Ok(read.start..read.start),
            State::Switched | State::UntilClose | State::Streamed => (read, false),
            State::Complete => {
                self.excess |= !read.is_empty();
                (read.start..read.start, false)
            }
            State::Length(left) => {
                let take = (*left).min(read.len() as u64);
                *left -= take;
                let data = read.start..read.start + take as usize;
                self.excess |= data.end < read.end;
                if *left == 0 {
                    self.state = State::Complete;
                }
                (data, false)
            }
            State::Chunked(reader) => {
                let bytes = &mut scratch.bytes[read.clone()];
                let (data, used) = unchunk(reader, bytes).map_err(Broken::UpstreamMalformed)?;
                self.excess |= used < read.len();
                (read.start..read.start + data, reader.is_done())
            }
        };
        exchange.body_sent += data.len() as u64;
        let out = match self.to_client {
            ToClient::Chunked => frame_chunk(scratch, data),
            _ => data,
        };
        if last {
            return self.finish_chunked(scratch, out);
        }
        Ok(out)
    }

    /// The upstream's last chunk was read: ends the client's body, with the trailers if any.
    fn finish_chunked(
        &mut self,
        scratch: &mut Scratch,
        out: Range<usize>,
    ) -> Result<Range<usize>, Broken> {
        let State::Chunked(reader) = std::mem::replace(&mut self.state, State::Complete) else {
            return Ok(out);
        };
        if self.to_client == ToClient::Stream {
            self.trailers = reader.trailers().cloned().map(Box::new);
        }
        if self.to_client != ToClient::Chunked {
            return Ok(out);
        }
        let mut end = Vec::new();
        append_last_chunk(&mut end, reader.trailers());
        if out.end + end.len() > scratch.bytes.len() {
            return Err(Broken::UpstreamMalformed(Reject::BlockTooLarge));
        }
        scratch.bytes[out.end..out.end + end.len()].copy_from_slice(&end);
        Ok(out.start..out.end + end.len())
    }
}

/// Moves the data of a chunked piece together at its start. Returns how much data there is and
/// how many bytes of the piece were used.
fn unchunk(decoder: &mut ChunkedDecoder, bytes: &mut [u8]) -> Result<(usize, usize), Reject> {
    let (mut data, mut used) = (0, 0);
    loop {
        let decoded = decoder.decode(&bytes[used..])?;
        match decoded.part {
            Part::Data(range) => {
                bytes.copy_within(used + range.start..used + range.end, data);
                data += range.len();
                used += decoded.consumed;
            }
            Part::End | Part::More => return Ok((data, used + decoded.consumed)),
        }
    }
}

/// Whether a reason phrase is the one that is written for 200 anyway.
fn is_plain_ok(status: u16, reason: &[u8]) -> bool {
    status == 200 && reason == b"OK"
}

/// Writes a chunk line in front of `data` and CRLF behind it.
fn frame_chunk(scratch: &mut Scratch, data: Range<usize>) -> Range<usize> {
    if data.is_empty() {
        return data;
    }
    let start = write_chunk_size(&mut scratch.bytes[..data.start], data.len());
    scratch.bytes[data.end..data.end + 2].copy_from_slice(CHUNK_END);
    start..data.end + 2
}
