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

use h2::Reason;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Guard;
use super::answers::Answers;
use crate::socket::Socket as _;
use crate::stream::Stream;

/// Bytes gathered before the socket is waited for: more than an answer of the usual size, and
/// little enough for thousands of connections.
pub const GATHERED: usize = 64 << 10;
/// Gathering buffers that a worker keeps for the next connection that has something to send.
const SPARE: usize = 16;
/// Memory of one that is kept.
const KEPT: usize = GATHERED * 2;
/// Bytes read at once.
const READ: usize = 16 << 10;

thread_local! {
    /// What all connections of a worker read into. The crate's own buffer would have to be zeroed
    /// for every read, and an idle connection would hold all of it.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
    /// Buffers between two turns, in which an idle connection has none.
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

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
    /// Bytes that came, all in all.
    received: u64,
    /// Bytes that were received before, from `read_at` on.
    read: Vec<u8>,
    read_at: usize,
    guard: Option<Guard>,
    /// The guard has had enough: nothing more is read.
    overrun: bool,
}

/// A byte stream as the crate wants it, and the handle that sends what gathered.
pub fn gathering(stream: Stream) -> (Wire, Out) {
    gathering_after(stream, Vec::new(), None)
}

/// The same for a stream of which `read` was received already, and with a guard on what comes.
pub fn gathering_after(stream: Stream, read: Vec<u8>, guard: Option<Guard>) -> (Wire, Out) {
    let shared = Rc::new(RefCell::new(Gathering {
        stream,
        bytes: Vec::new(),
        sent: 0,
        failed: None,
        received: 0,
        read,
        read_at: 0,
        guard,
        overrun: false,
    }));
    (Wire(Rc::clone(&shared)), Out(shared))
}

impl Out {
    /// Bytes that came so far. The peer's settings are the first (RFC 9113 section 3.4).
    pub fn received(&self) -> u64 {
        self.0.borrow().received
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

impl Out {
    /// Why nothing more is read, if the guard has had enough.
    pub fn overrun(&self) -> Option<Reason> {
        let shared = self.0.borrow();
        shared.guard.as_ref().filter(|_| shared.overrun).map(Guard::reason)
    }

    /// Does `what` with the answers to a client.
    pub(super) fn answers<T: Default>(&self, what: impl FnOnce(&mut Answers) -> T) -> T {
        let mut shared = self.0.borrow_mut();
        shared.guard.as_mut().and_then(Guard::answers).map(what).unwrap_or_default()
    }

    /// A further handle, for a stream to say that its user is done.
    pub(super) fn share(&self) -> Self {
        Self(Rc::clone(&self.0))
    }

    /// See [`Guard::forgive`].
    pub fn forgive(&self) {
        if let Some(guard) = &mut self.0.borrow_mut().guard {
            guard.forgive();
        }
    }

    /// See [`Guard::has_fragment`].
    pub fn has_fragment(&self, stream: u32) -> bool {
        self.0.borrow_mut().guard.as_mut().is_some_and(|guard| guard.has_fragment(stream))
    }

    /// Tells the peer that nothing more comes. Best effort.
    pub fn poll_close(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.borrow_mut().stream.poll_shutdown(cx).map(drop)
    }

    /// Reads bytes that nobody will use; false at their end.
    pub fn poll_discard(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<bool> {
        self.0.borrow_mut().stream.poll_read(cx, into).map(|read| matches!(read, Ok(1..)))
    }
}

impl Gathering {
    /// Reads into `buf`: first what was received before.
    fn receive(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.overrun {
            return Poll::Pending; // the connection's task sees it and ends the connection
        }
        let before = buf.filled().len();
        let left = &self.read[self.read_at..];
        if left.is_empty() {
            ready!(SCRATCH.with_borrow_mut(|scratch| {
                let most = buf.remaining().min(READ);
                let read = self.stream.poll_read(cx, &mut scratch[..most]);
                read.map_ok(|n| buf.put_slice(&scratch[..n]))
            }))?;
        } else {
            let n = left.len().min(buf.remaining());
            buf.put_slice(&left[..n]);
            self.read_at += n;
            if self.read_at == self.read.len() {
                self.read = Vec::new();
                self.read_at = 0;
            }
        }
        let received = &buf.filled()[before..];
        self.received += received.len() as u64;
        if let Some(guard) = &mut self.guard {
            self.overrun = !guard.received(received);
        }
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.bytes.len() {
            match ready!(self.stream.poll_write(cx, &self.bytes[self.sent..])) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(n) => {
                    self.sent += n;
                    if let Some(guard) = &mut self.guard {
                        guard.sent(n);
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.sent = 0;
        self.give_back();
        self.stream.poll_flush(cx)
    }

    /// Gives the buffer, of which all was sent, to whom needs one next.
    fn give_back(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        BUFFERS.with_borrow_mut(|buffers| {
            if buffers.len() < SPARE && (1..=KEPT).contains(&bytes.capacity()) {
                buffers.push(bytes);
            }
        });
    }

    /// Keeps some of `bytes` to be sent later; says how much.
    fn gather(&mut self, bytes: &[u8]) -> usize {
        if self.bytes.capacity() == 0 {
            self.bytes = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        let take = bytes.len().min(GATHERED - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..take]);
        if let Some(answers) = self.guard.as_mut().and_then(Guard::answers) {
            answers.wrote(&bytes[..take]);
        }
        take
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
        shared.receive(cx, buf)
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
        Poll::Ready(Ok(shared.gather(buf)))
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
