//! One request and its answer, after the request's head.

use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use gateway_core::headers::Headers;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response, StatusCode};

use crate::h2::fields;
use crate::h2::wire::Out;

/// A stream of a client's connection. Dropped before its answer's end, it is reset; after it, the
/// client is told to send no more of a request that is not complete (`NO_ERROR`, RFC 9113 section
/// 8.1).
pub struct ServerStream {
    respond: SendResponse<Bytes>,
    /// The answer, once its head was sent and until its end.
    answer: Option<SendStream<Bytes>>,
    /// Whether the answer was sent to its end.
    finished: bool,
    request: RecvStream,
    /// Where it is written to.
    out: Out,
}

/// Why a stream is over before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It left, or no longer wants an answer.
    Left,
    /// What it sent breaks the protocol.
    Malformed,
}

impl From<h2::Error> for Gone {
    fn from(error: h2::Error) -> Self {
        match error.is_library() && error.reason() == Some(Reason::PROTOCOL_ERROR) {
            true => Self::Malformed,
            false => Self::Left,
        }
    }
}

impl ServerStream {
    pub(super) fn new(respond: SendResponse<Bytes>, request: RecvStream, out: Out) -> Self {
        out.answers(|answers| answers.begin(respond.stream_id().as_u32()));
        Self { respond, answer: None, finished: false, request, out }
    }

    /// Whether the request has no more to come.
    pub fn is_ended(&self) -> bool {
        self.request.is_end_stream()
    }

    /// Receives more of the request's content, which counts against the windows until it is
    /// [released](ServerStream::release); None at its end.
    ///
    /// # Errors
    /// Why it lacks its end.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Gone>>> {
        self.request.poll_data(cx).map_err(Gone::from)
    }

    /// Receives the trailers, after the content's end.
    ///
    /// # Errors
    /// Why the request lacks its end.
    pub fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Headers>, Gone>> {
        let received = ready!(self.request.poll_trailers(cx))?;
        Poll::Ready(Ok(received.map(|map| {
            let mut trailers = Headers::default();
            fields::append_trailers(&map, &mut trailers);
            trailers
        })))
    }

    /// Lets the client send as much again as `taken` bytes of content.
    pub fn release(&mut self, taken: usize) {
        // It fails only for more than was received.
        let _ = self.request.flow_control().release_capacity(taken);
    }

    /// Ready once the stream was reset or its connection is over.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        let reset = match &mut self.answer {
            Some(answer) => ready!(answer.poll_reset(cx)),
            None if self.finished => return Poll::Pending,
            None => ready!(self.respond.poll_reset(cx)),
        };
        Poll::Ready(match reset {
            Ok(Reason::PROTOCOL_ERROR) => Gone::Malformed,
            Ok(_) => Gone::Left,
            Err(error) => error.into(),
        })
    }

    /// Sends an interim answer.
    ///
    /// # Errors
    /// The client has gone.
    pub fn send_interim(&mut self, status: u16, headers: &Headers) -> Result<(), Gone> {
        Ok(self.respond.send_informational(head(status, headers, None))?)
    }

    /// Sends the head of the final answer; `ended` says that nothing follows it.
    ///
    /// # Errors
    /// The client has gone.
    pub fn send_head(
        &mut self,
        status: u16,
        headers: &Headers,
        length: Option<u64>,
        ended: bool,
    ) -> Result<(), Gone> {
        let answer = self.respond.send_response(head(status, headers, length), ended)?;
        self.answer = (!ended).then_some(answer);
        self.finished = ended;
        Ok(())
    }

    /// Sends some of `data`, copied, as far as the client's windows go, and says how much; `last`
    /// says that the answer ends with it.
    ///
    /// # Errors
    /// The client has gone.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        last: bool,
    ) -> Poll<Result<usize, Gone>> {
        let Some(answer) = &mut self.answer else { return Poll::Ready(Err(Gone::Left)) };
        if answer.capacity() < data.len() {
            answer.reserve_capacity(data.len());
        }
        while answer.capacity() == 0 {
            match ready!(answer.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => return Poll::Ready(Err(Gone::Left)),
            }
        }
        let n = answer.capacity().min(data.len());
        let last = last && n == data.len();
        answer.send_data(Bytes::copy_from_slice(&data[..n]), last)?;
        if last {
            self.answer = None;
            self.finished = true;
        }
        Poll::Ready(Ok(n))
    }

    /// Ends the answer, unless its last piece or its head did.
    ///
    /// # Errors
    /// The client has gone.
    pub fn finish(&mut self, trailers: Option<&Headers>) -> Result<(), Gone> {
        let Some(mut answer) = self.answer.take() else { return Ok(()) };
        match trailers {
            Some(trailers) => answer.send_trailers(fields::map_of(trailers))?,
            None => answer.send_data(Bytes::new(), true)?,
        }
        self.finished = true;
        Ok(())
    }

    /// Says that the answer lacks its end, and why the client cannot know.
    pub fn reset_broken(&mut self) {
        self.respond.send_reset(Reason::INTERNAL_ERROR);
    }

    /// Says that the request was malformed (RFC 9113 section 8.1.1).
    pub fn reset_malformed(&mut self) {
        self.respond.send_reset(Reason::PROTOCOL_ERROR);
    }
}

impl Drop for ServerStream {
    fn drop(&mut self) {
        let stream = self.respond.stream_id().as_u32();
        // Of a stream that was reset by either side, the crate has thrown away what it had.
        let reset = self.respond.poll_reset(&mut Context::from_waker(Waker::noop()));
        self.out.answers(|answers| match reset {
            Poll::Ready(Ok(_)) => answers.end(stream),
            _ => answers.leave(stream),
        });
    }
}

impl std::fmt::Debug for ServerStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerStream")
            .field("id", &self.respond.stream_id())
            .finish_non_exhaustive()
    }
}

fn head(status: u16, headers: &Headers, length: Option<u64>) -> Response<()> {
    let mut response = Response::new(());
    // Heads have been read by a parser that takes three digits from 100 on.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut map = fields::map_of(headers);
    if let Some(length) = length {
        map.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.headers_mut() = map;
    response
}
