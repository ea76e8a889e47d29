//! The HTTP/2 connections of one worker.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::sync::Notify;

use super::{Connection, STREAMS};
use crate::pool::{ByEndpoint, EndpointId, Limits};

/// The connections of one worker, by endpoint.
#[derive(Debug, Default)]
pub struct Connections {
    endpoints: ByEndpoint<Rc<Endpoint>>,
}

/// The connections to one endpoint.
#[derive(Debug, Default)]
pub(super) struct Endpoint {
    connections: RefCell<Vec<Rc<Connection>>>,
    /// Connections being opened.
    opening: Cell<usize>,
    /// Requests that wait for room.
    waiting: Cell<usize>,
    /// Told when there may be room.
    pub(super) changed: Notify,
}

/// Where a request may go.
#[derive(Debug)]
pub enum Place {
    /// On this connection.
    Ready(Rc<Connection>),
    /// Nowhere yet: wait, and ask again.
    Wait(Waiting),
    /// On a new connection, which the caller opens.
    Open(Opening),
}

/// A wait for room.
#[derive(Debug)]
pub struct Waiting(Rc<Endpoint>);

/// The leave to open a connection. Dropped unused, it goes to one of those who wait.
#[derive(Debug)]
pub struct Opening {
    endpoint: Rc<Endpoint>,
    idle_ms: u64,
}

impl Connections {
    /// Where a request to `endpoint` at the address `peer` may go. The fullest connection with
    /// room is taken, so that few are open and the others reach their idle time; at most
    /// `limits.size` are opened, and a request waits where they are full.
    pub fn place(&mut self, endpoint: EndpointId, peer: SocketAddr, limits: Limits) -> Place {
        let idle_ms = if limits.size == 0 { 0 } else { limits.idle_ms };
        let endpoint = self.endpoints.entry(endpoint).or_default();
        let mut connections = endpoint.connections.borrow_mut();
        connections.retain(|connection| connection.usable(limits.requests));
        let to_peer = || connections.iter().filter(|connection| connection.peer == peer);
        let fullest = to_peer()
            .filter(|connection| connection.has_room())
            .max_by_key(|connection| connection.life.active.get());
        if let Some(connection) = fullest {
            connection.life.idle_ms.set(idle_ms);
            return Place::Ready(Rc::clone(connection));
        }
        // Those that will soon say how many streams they take, or have just said none.
        let unsettled = to_peer().filter(|c| !c.life.settled.get() || c.limit() == 0).count();
        let coming = endpoint.opening.get() + unsettled;
        let full = connections.len() + endpoint.opening.get() >= limits.size.max(1);
        if full || endpoint.waiting.get() < coming * STREAMS {
            endpoint.waiting.set(endpoint.waiting.get() + 1);
            return Place::Wait(Waiting(Rc::clone(endpoint)));
        }
        endpoint.opening.set(endpoint.opening.get() + 1);
        Place::Open(Opening { endpoint: Rc::clone(endpoint), idle_ms })
    }

    /// Closes what idled too long, and forgets endpoints that have nothing left. Called by the
    /// worker's sweep, and as exact as that is.
    pub fn sweep(&mut self, now_ms: u64) {
        self.endpoints.retain(|_, endpoint| {
            endpoint.connections.borrow_mut().retain(|connection| connection.stays(now_ms));
            Rc::strong_count(endpoint) > 1
        });
    }

    /// Lets go of every connection (the worker is stopping); those with streams end with them.
    pub fn clear(&mut self) {
        for (_, endpoint) in self.endpoints.drain() {
            endpoint.connections.borrow_mut().clear();
        }
    }

    /// Connections, and those of them without a request.
    pub fn count(&self) -> (usize, usize) {
        let mut count = (0, 0);
        for endpoint in self.endpoints.values() {
            for connection in endpoint.connections.borrow().iter() {
                count.0 += 1;
                count.1 += usize::from(connection.life.active.get() == 0);
            }
        }
        count
    }
}

impl Endpoint {
    /// A stream has ended.
    pub(super) fn freed(&self) {
        if self.waiting.get() > 0 {
            self.changed.notify_one();
        }
    }
}

impl Waiting {
    /// Waits until there may be room.
    pub async fn changed(self) {
        self.0.changed.notified().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}

impl Opening {
    pub(super) fn endpoint(&self) -> Rc<Endpoint> {
        Rc::clone(&self.endpoint)
    }

    pub(super) fn idle_ms(&self) -> u64 {
        self.idle_ms
    }

    /// The connection stands.
    pub(super) fn opened(self, connection: &Rc<Connection>) {
        self.endpoint.connections.borrow_mut().push(Rc::clone(connection));
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.endpoint.opening.set(self.endpoint.opening.get() - 1);
        self.endpoint.changed.notify_waiters();
    }
}
