//! One connection: what its task does.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, Handshake};

use super::request::Incoming;
use super::{
    CONNECTION_WINDOW, HEADER_LIST, PROVOKED_RESETS, RESETS_KEPT, SEND_BUFFER, STREAM_WINDOW,
    STREAMS, UNSEEN_RESETS,
};
use crate::h2::Guard;
use crate::h2::answers::Answers;
use crate::h2::wire::{Out, Wire, gathering_after};
use crate::stream::Stream;

/// The bytes with which a client begins HTTP/2 (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A client's connection. Does nothing unless it is polled.
pub struct Connection {
    state: State,
    out: Out,
    /// Whether it was told to end with the streams that it has.
    leaving: bool,
    /// Whether it was ended for what the client sent.
    refused: bool,
}

enum State {
    /// The client's preface is awaited.
    Begun(Handshake<Wire, Bytes>),
    Open(h2::server::Connection<Wire, Bytes>),
    Over,
}

impl Connection {
    /// HTTP/2 on a byte stream of which `read` has been received already.
    pub fn new(stream: Stream, read: Vec<u8>) -> Self {
        let (wire, out) = gathering_after(stream, read, Some(Guard::of_client()));
        let handshake = Builder::new()
            .max_concurrent_streams(STREAMS)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEADER_LIST)
            .max_send_buffer_size(SEND_BUFFER)
            .max_local_error_reset_streams(Some(PROVOKED_RESETS))
            .max_pending_accept_reset_streams(UNSEEN_RESETS)
            .max_concurrent_reset_streams(RESETS_KEPT)
            .handshake(wire);
        Self { state: State::Begun(handshake), out, leaving: false, refused: false }
    }

    /// The next request; None once the connection is over. Carries on with the streams there are,
    /// and sends what they have to send.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        loop {
            let polled = match &mut self.state {
                State::Begun(handshake) => match Pin::new(handshake).poll(cx) {
                    Poll::Ready(Ok(connection)) => {
                        self.state = State::Open(connection);
                        if self.leaving {
                            self.leave();
                        }
                        continue;
                    }
                    Poll::Ready(Err(_)) => Poll::Ready(()),
                    Poll::Pending => Poll::Pending,
                },
                State::Open(connection) => {
                    if let Some(reason) = self.out.overrun()
                        && !std::mem::replace(&mut self.refused, true)
                    {
                        connection.abrupt_shutdown(reason);
                    }
                    match connection.poll_accept(cx) {
                        Poll::Ready(Some(Ok((request, respond)))) => {
                            let fragment = self.out.has_fragment(respond.stream_id().as_u32());
                            let out = self.out.share();
                            let incoming = Incoming::new(request, (respond, out), fragment);
                            return Poll::Ready(Some(incoming));
                        }
                        Poll::Ready(_) => Poll::Ready(()),
                        Poll::Pending => Poll::Pending,
                    }
                }
                State::Over => return Poll::Ready(None),
            };
            if polled.is_ready() {
                self.state = State::Over;
                return Poll::Ready(None);
            }
            // A failure is told to the streams by polling once more.
            if let Ok(()) = ready!(self.out.send(cx)) {
                if self.out.overrun().is_some() && !self.refused {
                    continue;
                }
                return Poll::Pending;
            }
        }
    }

    /// Takes no further request and ends with the streams that it has (GOAWAY). The client's
    /// requests that are under way now are still taken.
    pub fn leave(&mut self) {
        self.leaving = true;
        if let State::Open(connection) = &mut self.state {
            connection.graceful_shutdown();
        }
    }

    /// Ends now, and tells the client that nothing is wrong: its streams that are left are not
    /// finished.
    pub fn end(&mut self) {
        match &mut self.state {
            State::Open(connection) => connection.abrupt_shutdown(Reason::NO_ERROR),
            _ => self.state = State::Over,
        }
    }

    /// Whether answers stand unsent whose streams were dropped: they wait for the client's window.
    pub fn has_unsent(&self) -> bool {
        self.out.answers(|answers| answers.any_left())
    }

    /// Whether nothing was sent of one of those since this was asked before.
    pub fn stalled(&mut self) -> bool {
        self.out.answers(Answers::stalled)
    }

    /// Why the client was ended, if it was for what it sent: the name of the error code.
    pub fn ended_for(&self) -> Option<&'static str> {
        self.out.overrun().filter(|_| self.refused).map(|reason| match reason {
            Reason::ENHANCE_YOUR_CALM => "ENHANCE_YOUR_CALM",
            _ => "PROTOCOL_ERROR",
        })
    }

    /// Gives a client its credit back; see [`Guard::forgive`].
    pub fn forgive(&mut self) {
        self.out.forgive();
    }

    /// After the end: says so to the client.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.out.poll_close(cx)
    }

    /// After the end: reads and throws away. Ready with false at the client's end.
    pub fn poll_discard(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<bool> {
        self.out.poll_discard(cx, into)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("out", &self.out).finish_non_exhaustive()
    }
}
