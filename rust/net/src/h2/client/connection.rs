//! One connection: who asks on it, and the task that carries it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::Request;

use super::pool::{Endpoint, Opening};
use super::stream::Stream;
use super::{CONNECTION_WINDOW, Fault, HEADER_LIST, SEND_BUFFER, STREAM_WINDOW, STREAMS};
use crate::h2::Guard;
use crate::h2::wire::{Out, Wire, gathering_after};

/// A connection to an upstream. It closes once it is dropped and its streams have ended.
#[derive(Debug)]
pub struct Connection {
    sender: RefCell<SendRequest<Bytes>>,
    /// The address it was opened to.
    pub peer: SocketAddr,
    /// When it was opened, by the caller's clock.
    pub opened_us: u64,
    out: Rc<Out>,
    pub(super) life: Rc<Life>,
}

/// What the pool, the streams and the task know of a connection.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) endpoint: Rc<Endpoint>,
    /// Streams on it.
    pub(super) active: Cell<usize>,
    /// Requests it was given.
    pub(super) served: Cell<u32>,
    /// When it is closed if it stays idle; 0 while that is not known.
    pub(super) idle_until: Cell<u64>,
    /// How long it may idle; 0 to close it with its last stream.
    pub(super) idle_ms: Cell<u64>,
    /// Whether its server has spoken, and with that said how many streams it takes.
    pub(super) settled: Cell<bool>,
    /// Whether nothing more may be asked on it.
    pub(super) retired: Cell<bool>,
    /// Whether its server was left because it sent too much of no use.
    pub(super) overrun: Cell<bool>,
}

/// The task of a connection: reads, writes and keeps the protocol until the connection ends. To be
/// spawned on the worker.
#[derive(Debug)]
#[must_use = "a connection does nothing unless its task runs"]
pub struct Driver {
    connection: h2::client::Connection<Wire, Bytes>,
    out: Rc<Out>,
    life: Rc<Life>,
}

/// Begins HTTP/2 on a byte stream. The first request may be sent at once: nothing is waited for
/// but room for the preface.
///
/// # Errors
/// When the preface could not be written.
pub async fn connect(
    stream: crate::stream::Stream,
    peer: SocketAddr,
    opening: Opening,
    now_us: u64,
) -> Result<(Rc<Connection>, Driver), Fault> {
    let (wire, out) = gathering_after(stream, Vec::new(), Some(Guard::default()));
    let out = Rc::new(out);
    let (sender, connection) = Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADER_LIST)
        .max_send_buffer_size(SEND_BUFFER)
        .handshake(wire)
        .await?;
    let life = Rc::new(Life {
        endpoint: opening.endpoint(),
        active: Cell::new(0),
        served: Cell::new(0),
        idle_until: Cell::new(0),
        idle_ms: Cell::new(opening.idle_ms()),
        settled: Cell::new(false),
        retired: Cell::new(false),
        overrun: Cell::new(false),
    });
    let driver = Driver { connection, out: Rc::clone(&out), life: Rc::clone(&life) };
    let connection =
        Rc::new(Connection { sender: RefCell::new(sender), peer, opened_us: now_us, out, life });
    opening.opened(&connection);
    Ok((connection, driver))
}

impl Connection {
    /// Begins a request; `ended` says that it has no body.
    ///
    /// # Errors
    /// When the connection takes none any more; nothing was sent then.
    pub fn send(self: &Rc<Self>, request: Request<()>, ended: bool) -> Result<Stream, Fault> {
        let begun = self.sender.borrow_mut().send_request(request, ended);
        let (response, body) = begun.map_err(|error| {
            self.retire();
            Fault::Unprocessed(error.to_string())
        })?;
        self.life.served.set(self.life.served.get() + 1);
        Ok(Stream::new(response, (!ended).then_some(body), self))
    }

    /// Whether it carried requests before.
    pub fn reused(&self) -> bool {
        self.life.served.get() > 0
    }

    /// Takes no further request; those on it are finished.
    pub fn retire(&self) {
        self.life.retired.set(true);
    }

    /// Bytes that came on it so far.
    pub(super) fn received(&self) -> u64 {
        self.out.received()
    }

    /// Whether a request may be put on it now, as far as is known.
    pub(super) fn has_room(&self) -> bool {
        self.life.active.get() < self.limit()
    }

    /// Streams that it takes at a time.
    pub(super) fn limit(&self) -> usize {
        match self.life.settled.get() {
            true => self.sender.borrow().current_max_send_streams().min(STREAMS),
            false => 1,
        }
    }

    /// Whether it is still worth keeping at `now_ms`.
    pub(super) fn stays(&self, now_ms: u64) -> bool {
        self.out.forgive();
        let life = &self.life;
        if life.retired.get() {
            return false;
        }
        if life.active.get() == 0 && life.idle_until.get() == 0 {
            life.idle_until.set(now_ms + life.idle_ms.get());
        }
        life.active.get() > 0 || life.idle_until.get() > now_ms
    }

    /// Whether it may be used at all: it may have been told to go away.
    pub(super) fn usable(&self, requests: u32) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        !self.life.retired.get()
            && self.life.served.get() < requests
            && !matches!(self.sender.borrow_mut().poll_ready(&mut cx), Poll::Ready(Err(_)))
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let polled = Pin::new(&mut self.connection).poll(cx);
            if !self.life.settled.get() && self.out.received() > 0 {
                self.life.settled.set(true);
                self.life.endpoint.changed.notify_waiters();
            }
            self.life.overrun.set(self.out.overrun().is_some());
            if polled.is_ready() || self.life.overrun.get() {
                self.life.retired.set(true);
                self.life.endpoint.changed.notify_waiters();
                return Poll::Ready(());
            }
            if let Ok(()) = ready!(self.out.send(cx)) {
                return Poll::Pending;
            }
        }
    }
}
