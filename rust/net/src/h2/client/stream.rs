//! One request and its answer on a connection.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gateway_core::headers::Headers;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::header::CONTENT_LENGTH;
use http::response::Parts;

use super::{Connection, Fault};
use crate::h1::{Framing, Method, ResponseHead, Version};
use crate::h2::fields;

/// A request under way. Dropped before its end, it is cancelled (`RST_STREAM`).
#[derive(Debug)]
pub struct Stream {
    body: Option<SendStream<Bytes>>,
    response: ResponseFuture,
    answer: Option<RecvStream>,
    /// Whether the answer may have content.
    content: bool,
    /// Bytes that were handed out and not released.
    held: usize,
    /// What had come on the connection when it began.
    heard: u64,
    connection: Rc<Connection>,
}

impl Stream {
    pub(super) fn new(
        response: ResponseFuture,
        body: Option<SendStream<Bytes>>,
        connection: &Rc<Connection>,
    ) -> Self {
        let life = &connection.life;
        life.active.set(life.active.get() + 1);
        life.idle_until.set(0);
        let (connection, heard) = (Rc::clone(connection), connection.received());
        Self { body, response, answer: None, content: true, held: 0, heard, connection }
    }

    /// Sends some of `data`, copied, and says how much; `last` says that the body ends with it.
    ///
    /// # Errors
    /// When the upstream takes no more. It may have answered all the same.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        last: bool,
    ) -> Poll<Result<usize, Fault>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(0)) };
        if body.capacity() == 0 {
            body.reserve_capacity(data.len());
        }
        while body.capacity() == 0 {
            match ready!(body.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => return Poll::Ready(Err(stopped(body, cx))),
            }
        }
        let n = body.capacity().min(data.len());
        let last = last && n == data.len();
        body.send_data(Bytes::copy_from_slice(&data[..n]), last)?;
        if last {
            self.body = None;
        }
        Poll::Ready(Ok(n))
    }

    /// Ends the body, unless its last piece did.
    ///
    /// # Errors
    /// As [`Stream::poll_send`].
    pub fn finish(&mut self, trailers: Option<&Headers>) -> Result<(), Fault> {
        let Some(mut body) = self.body.take() else { return Ok(()) };
        match trailers {
            Some(trailers) => body.send_trailers(fields::map_of(trailers))?,
            None => body.send_data(Bytes::new(), true)?,
        }
        Ok(())
    }

    /// Receives the next head of the answer to a request with `method`: interim ones, then the
    /// final one.
    ///
    /// # Errors
    /// Why there is none.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
        out: &mut ResponseHead,
    ) -> Poll<Result<(), Fault>> {
        if let Some(interim) = ready!(self.response.poll_informational(cx)) {
            let (parts, ()) = interim.map_err(|error| self.failed(error))?.into_parts();
            // RFC 9113 section 8.6.
            if parts.status == 101 {
                return Poll::Ready(Err(self.broke("101 in HTTP/2")));
            }
            head(&parts, out);
            return Poll::Ready(Ok(()));
        }
        let polled = ready!(Pin::new(&mut self.response).poll(cx));
        let (parts, answer) = polled.map_err(|error| self.failed(error))?.into_parts();
        head(&parts, out);
        out.content_length = match length(&parts) {
            Ok(length) => length,
            Err(words) => return Poll::Ready(Err(self.broke(words))),
        };
        let ended = answer.is_end_stream();
        self.content = !matches!(method, Method::Head) && !matches!(out.status, 204 | 304);
        out.framing = match (self.content, out.content_length) {
            (false, _) => Framing::None,
            (true, Some(length)) => Framing::Length(length),
            (true, None) if ended => Framing::Length(0),
            (true, None) => Framing::Chunked,
        };
        self.answer = Some(answer);
        Poll::Ready(Ok(()))
    }

    /// Receives more of the answer's content; None at its end. What is handed out counts against
    /// the stream's window until it is [released](Stream::release).
    ///
    /// # Errors
    /// Why the answer lacks its end.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let Some(answer) = &mut self.answer else { return Poll::Ready(None) };
        match ready!(answer.poll_data(cx)) {
            Some(Ok(data)) if !self.content && !data.is_empty() => {
                Poll::Ready(Some(Err(self.broke("content where there can be none"))))
            }
            Some(Ok(data)) => {
                self.held += data.len();
                Poll::Ready(Some(Ok(data)))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(self.failed(error)))),
            None => Poll::Ready(None),
        }
    }

    /// Whether the answer has come whole and has no trailers.
    pub fn ended(&self) -> bool {
        self.answer.as_ref().is_some_and(RecvStream::is_end_stream)
    }

    /// Receives the trailers, after the content's end; None if there are none.
    ///
    /// # Errors
    /// Why the answer lacks its end.
    pub fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Headers>, Fault>> {
        let Some(answer) = &mut self.answer else { return Poll::Ready(Ok(None)) };
        match ready!(answer.poll_trailers(cx)) {
            Ok(map) => Poll::Ready(Ok(map.map(|map| {
                let mut trailers = Headers::default();
                fields::append_trailers(&map, &mut trailers);
                trailers
            }))),
            Err(error) => Poll::Ready(Err(self.failed(error))),
        }
    }

    /// Lets the upstream send as much again as was handed out: the client has taken it.
    pub fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        if let (Some(answer), 1..) = (&mut self.answer, held) {
            // It fails only for more than was handed out.
            let _ = answer.flow_control().release_capacity(held);
        }
    }

    /// It is given up after a wait. If nothing at all came on the connection meanwhile, that is
    /// taken for dead, and carries nothing more.
    pub fn give_up(&self) {
        if self.connection.received() == self.heard {
            self.connection.retire();
        }
    }

    fn failed(&self, error: h2::Error) -> Fault {
        if self.connection.life.overrun.get() {
            return Fault::protocol("too many frames that are of no use");
        }
        let fault = Fault::from(error);
        if matches!(fault, Fault::Protocol(_)) {
            self.connection.retire();
        }
        fault
    }

    fn broke(&self, words: &str) -> Fault {
        self.connection.retire();
        Fault::protocol(words)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let life = &self.connection.life;
        life.active.set(life.active.get() - 1);
        if life.active.get() == 0 && life.idle_ms.get() == 0 {
            life.retired.set(true);
        }
        life.endpoint.freed();
    }
}

/// Why no more of a body is taken.
fn stopped(body: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Fault {
    match body.poll_reset(cx) {
        Poll::Ready(Ok(reason)) => Fault::Reset(reason),
        Poll::Ready(Err(error)) => error.into(),
        Poll::Pending => Fault::Closed(std::io::ErrorKind::BrokenPipe.into()),
    }
}

fn head(parts: &Parts, out: &mut ResponseHead) {
    out.clear();
    out.status = parts.status.as_u16();
    out.version = Version::Http2;
    out.keep_alive = true;
    fields::append(&parts.headers, &mut out.headers);
}

/// Content-Length. The `h2` crate compares it with what comes, and lets equal ones stand twice.
fn length(parts: &Parts) -> Result<Option<u64>, &'static str> {
    let mut values = parts.headers.get_all(CONTENT_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("Content-Length is repeated");
    }
    let text = value.to_str().unwrap_or_default();
    match text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse()) {
        Some(Ok(length)) => Ok(Some(length)),
        _ => Err("Content-Length is not one decimal number"),
    }
}
