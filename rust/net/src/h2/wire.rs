//! The byte stream under an HTTP/2 connection.
//!
//! The `h2` crate flushes after every frame of some size, so a turn in which ten streams move
//! would cost ten writes. [`Wire`] gathers what it is given, and the task that drives the
//! connection sends all of it with [`Out::send`] when the crate has nothing more to do: one write
//! a turn.
//!
//! What surprises: a flush of [`Wire`] is ready although nothing was sent yet. Back-pressure comes
//! from [`GATHERED`]: beyond it, writes wait for the socket.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::Socket as _;
use crate::stream::Stream;

/// Bytes gathered before the socket is waited for: more than an answer of the usual size, and
/// little enough for thousands of connections.
pub const GATHERED: usize = 64 << 10;
/// Memory of a gathering buffer that is kept between two turns.
const KEPT: usize = 16 << 10;

/// What the `h2` crate reads from and writes to.
#[derive(Debug)]
pub struct Wire(Rc<RefCell<Gathering>>);

/// The other handle of a [`Wire`]: that of the connection's task.
#[derive(Debug)]
pub struct Out(Rc<RefCell<Gathering>>);

#[derive(Debug)]
struct Gathering {
    stream: Stream,
    bytes: Vec<u8>,
    sent: usize,
    failed: Option<io::Error>,
    heard: bool,
}

/// A byte stream as the crate wants it, and the handle that sends what gathered.
pub fn gathering(stream: Stream) -> (Wire, Out) {
    let shared = Gathering { stream, bytes: Vec::new(), sent: 0, failed: None, heard: false };
    let shared = Rc::new(RefCell::new(shared));
    (Wire(Rc::clone(&shared)), Out(shared))
}

impl Out {
    /// Whether the peer has sent anything. Its settings come first (RFC 9113 section 3.4).
    pub fn heard(&self) -> bool {
        self.0.borrow().heard
    }

    /// Sends what gathered; ready when nothing is left. A failure is kept for the next read of
    /// the connection, where the crate tells its streams of it.
    ///
    /// # Errors
    /// When writing failed: the connection is to be polled once more.
    pub fn send(&self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        let mut shared = self.0.borrow_mut();
        match ready!(shared.send(cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => {
                shared.bytes = Vec::new();
                shared.sent = 0;
                shared.failed = Some(error);
                Poll::Ready(Err(()))
            }
        }
    }
}

impl Gathering {
    fn send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.bytes.len() {
            match ready!(self.stream.poll_write(cx, &self.bytes[self.sent..])) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(n) => self.sent += n,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.sent = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        self.stream.poll_flush(cx)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut shared = self.0.borrow_mut();
        if let Some(error) = shared.failed.take() {
            return Poll::Ready(Err(error));
        }
        let n = ready!(shared.stream.poll_read(cx, buf.initialize_unfilled()))?;
        shared.heard |= n > 0;
        buf.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut shared = self.0.borrow_mut();
        if shared.bytes.len() >= GATHERED {
            ready!(shared.send(cx))?;
        }
        let take = buf.len().min(GATHERED - shared.bytes.len());
        shared.bytes.extend_from_slice(&buf[..take]);
        Poll::Ready(Ok(take))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut shared = self.0.borrow_mut();
        ready!(shared.send(cx))?;
        shared.stream.poll_shutdown(cx)
    }
}
