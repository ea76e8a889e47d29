//! What carries one attempt at a node: the bytes of an HTTP/1 connection, or a stream of an
//! HTTP/2 one.
//!
//! An upload hands its body over framed for HTTP/1, since that is how it is kept for another
//! attempt; for HTTP/2 the chunks are opened again here. The data lies between its chunk lines
//! already, so this copies nothing.

use std::io;
use std::task::{Context, Poll, ready};

use gateway_net::h1::{ChunkedDecoder, Framing, Part};
use gateway_net::h2::client::Stream as Http2Stream;
use gateway_net::socket::Socket as _;
use gateway_net::stream::Stream;

/// What carries one attempt.
#[derive(Debug)]
pub(super) enum Link<'a> {
    /// A connection of its own.
    Http1(&'a mut Stream),
    /// A stream of a shared one.
    Http2(Box<Http2>),
}

/// A stream to an upstream, and where the body stands that is sent on it.
#[derive(Debug)]
pub(super) struct Http2 {
    pub(super) stream: Http2Stream,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// This many bytes are still to come.
    Length(u64),
    /// Chunks; of the present one, `due` bytes were not sent yet.
    Chunked { decoder: Box<ChunkedDecoder>, due: usize },
}

/// What stands between the last byte of data and the end of a chunked body without trailers.
const END: &[u8] = b"\r\n0\r\n\r\n";

impl Link<'_> {
    /// Sends some of `bytes`, which are framed as HTTP/1 has it, and says how many.
    ///
    /// # Errors
    /// The upstream takes no more; it may have answered all the same.
    #[inline]
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Http1(stream) => stream.poll_write(cx, bytes),
            Self::Http2(http2) => http2.poll_write(cx, bytes),
        }
    }

    /// Ready when nothing that was written is held back here and, in HTTP/2, the request has
    /// its end.
    ///
    /// # Errors
    /// As [`Link::poll_write`].
    #[inline]
    pub(super) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Http1(stream) => stream.poll_flush(cx),
            Self::Http2(http2) => Poll::Ready(http2.finish()),
        }
    }
}

impl Http2 {
    /// A stream that a body with this framing is sent on.
    pub(super) fn new(stream: Http2Stream, framing: Framing) -> Self {
        let body = match framing {
            Framing::Chunked => Body::Chunked { decoder: Box::default(), due: 0 },
            Framing::Length(length) => Body::Length(length),
            Framing::None | Framing::UntilClose => Body::Length(0),
        };
        Self { stream, body }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.body {
            Body::Length(left) => {
                let last = *left <= bytes.len() as u64;
                let sent = ready!(self.stream.poll_send(cx, bytes, last));
                let n = sent.map_err(io::Error::other)?;
                *left = left.saturating_sub(n as u64);
                Poll::Ready(Ok(n))
            }
            Body::Chunked { decoder, due } => {
                if *due == 0 {
                    let before = open_chunk(decoder, due, bytes)?;
                    if *due == 0 || before > 0 {
                        return Poll::Ready(Ok(before));
                    }
                }
                let (data, rest) = bytes.split_at(*due);
                let sent = ready!(self.stream.poll_send(cx, data, rest == END));
                let n = sent.map_err(io::Error::other)?;
                *due -= n;
                Poll::Ready(Ok(n))
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let trailers = match &self.body {
            Body::Chunked { decoder, .. } => decoder.trailers(),
            Body::Length(_) => None,
        };
        self.stream.finish(trailers).map_err(io::Error::other)
    }
}

/// How many of `bytes` stand before the next data, which is `due` then.
fn open_chunk(decoder: &mut ChunkedDecoder, due: &mut usize, bytes: &[u8]) -> io::Result<usize> {
    let decoded = decoder.decode(bytes).map_err(io::Error::other)?;
    match decoded.part {
        Part::Data(data) => {
            *due = data.len();
            Ok(data.start)
        }
        Part::More | Part::End => Ok(decoded.consumed),
    }
}
