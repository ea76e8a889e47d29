//! A connection to a node: a pooled one, or a new one.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use gateway_core::config::Host;
use gateway_net::h2::client::{self as http2, Place};
use gateway_net::pool::{EndpointId, Pooled};
use gateway_net::socket::TcpSocket;
use gateway_net::stream::Stream;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::Try;
use super::relay::Failure;
use super::watch::NodeWatch;
use crate::client::Client;
use crate::observe::metrics::UpstreamFailure;
use crate::tls;
use crate::upstream::Upstream;
use crate::upstream::endpoint::Endpoint;
use crate::worker::Worker;

/// The address that a node's connection goes to, if nothing has to be waited for: a literal one,
/// or the next that its name is known to resolve to.
pub(super) fn known_address(worker: &Worker, endpoint: &Endpoint) -> Option<SocketAddr> {
    let ip = match &endpoint.key.host {
        Host::Address(ip) => *ip,
        Host::Name(name) => worker.first_address(&worker.resolved(name)?)?,
    };
    Some(SocketAddr::new(ip, endpoint.key.port))
}

/// How long a connection is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience<'a> {
    /// Microseconds for a lookup, and for a connection.
    pub(super) connect: u64,
    /// When the whole exchange must be over, in microseconds of the worker's clock.
    pub(super) until: u64,
    /// Whether the client has sent all of its request, so that its leaving can be seen.
    pub(super) watch: bool,
    /// What calls the try off.
    pub(super) node: Option<NodeWatch<'a>>,
}

/// The address that a node's name resolves to.
pub(super) async fn resolve(
    worker: &Worker,
    client: &mut Client<'_>,
    endpoint: &Endpoint,
    patience: Patience<'_>,
) -> Result<SocketAddr, Failure> {
    let name = endpoint.key.host.to_string();
    let failed = |status, detail: String| Failure::node(UpstreamFailure::Resolve, status, detail);
    let lookup = worker.resolver().lookup(&name);
    let late = || failed(504, format!("{name}: no answer of the resolver in time"));
    let looked_up = within(worker, client, patience, lookup).await;
    let addresses = looked_up
        .map_err(|failure| failure.unwrap_or_else(late))?
        .map_err(|error| failed(502, error.to_string()))?;
    let ip = worker
        .first_address(&addresses)
        .ok_or_else(|| failed(502, format!("{name} has no address")))?;
    Ok(SocketAddr::new(ip, endpoint.key.port))
}

/// Where connections like the one wanted are pooled, and the name that TLS is for.
pub(super) struct Way {
    pub(super) pool: EndpointId,
    pub(super) address: SocketAddr,
    pub(super) name: Option<String>,
}

impl Way {
    /// The way to `endpoint` for a request whose Host is `host`. With TLS the name asked for is
    /// part of what a connection is: one made for a host carries no request for another.
    pub(super) fn new(
        worker: &Worker,
        upstream: &Upstream,
        endpoint: &Endpoint,
        host: &[u8],
        address: SocketAddr,
    ) -> Self {
        if upstream.tls.is_none() {
            return Self { pool: endpoint.id, address, name: None };
        }
        let name = tls::server_name(host, &endpoint.key.host);
        Self { pool: worker.pool_for(endpoint.id, &name), address, name: Some(name) }
    }
}

/// A connection to a node.
pub(super) enum Connection {
    /// For this request alone, for as long as it takes.
    Http1(Pooled),
    /// Shared with other requests.
    Http2(Rc<http2::Connection>),
}

impl Connection {
    /// Whether it carried requests before, so that its peer may have closed it meanwhile.
    pub(super) fn reused(&self) -> bool {
        match self {
            Self::Http1(pooled) => pooled.reused(),
            Self::Http2(connection) => connection.reused(),
        }
    }
}

/// A connection that is there already, if there is one to the same address that the node's health
/// lets be used.
pub(super) fn pooled(worker: &Worker, attempt: Try<'_>, way: &Way) -> Option<Connection> {
    if attempt.upstream.http2 {
        return match place(worker, attempt, way) {
            Place::Ready(connection) => Some(Connection::Http2(connection)),
            Place::Wait(_) | Place::Open(_) => None,
        };
    }
    let mut pool = worker.pool.borrow_mut();
    loop {
        let connection = pool.take(way.pool, worker.turn_ms())?;
        // A name may resolve to another address than when the connection was opened.
        if connection.peer == way.address && attempt.trusts(connection.opened_us) {
            return Some(Connection::Http1(connection));
        }
    }
}

fn place(worker: &Worker, attempt: Try<'_>, way: &Way) -> Place {
    let mut connections = worker.http2.borrow_mut();
    loop {
        match connections.place(way.pool, way.address, attempt.upstream.keepalive) {
            Place::Ready(connection) if !attempt.trusts(connection.opened_us) => {
                connection.retire();
            }
            place => return place,
        }
    }
}

/// A new connection, TLS included; for HTTP/2, one that another request opens if that has room.
pub(super) async fn open(
    worker: &Worker,
    client: &mut Client<'_>,
    attempt: Try<'_>,
    way: &Way,
    patience: Patience<'_>,
) -> Result<Connection, Failure> {
    let connect = async {
        match attempt.upstream.http2 {
            false => {
                let stream = dial(worker, attempt.upstream, way).await?;
                Ok(Connection::Http1(Pooled::fresh(stream, way.address, worker.turn_us())))
            }
            true => Box::pin(share(worker, attempt, way)).await.map(Connection::Http2),
        }
    };
    let late = || Failure::node(UpstreamFailure::ConnectTimeout, 504, "no connection in time");
    let connected = within(worker, client, patience, connect).await;
    connected.map_err(|failure| failure.unwrap_or_else(late))?
}

/// A connection of HTTP/2 with room: waited for, or opened.
async fn share(
    worker: &Worker,
    attempt: Try<'_>,
    way: &Way,
) -> Result<Rc<http2::Connection>, Failure> {
    loop {
        match place(worker, attempt, way) {
            Place::Ready(connection) => return Ok(connection),
            Place::Wait(waiting) => waiting.changed().await,
            Place::Open(opening) => {
                let stream = dial(worker, attempt.upstream, way).await?;
                let now = worker.turn_us();
                let connected = http2::connect(stream, way.address, opening, now).await;
                let (connection, driver) = connected.map_err(|fault| Failure::stream(&fault))?;
                spawn_local(driver);
                return Ok(connection);
            }
        }
    }
}

/// A byte stream to a node, TLS included.
async fn dial(worker: &Worker, upstream: &Upstream, way: &Way) -> Result<Stream, Failure> {
    let started = worker.now_us();
    let socket = TcpStream::connect(way.address).await.map_err(|e| refused(&e))?;
    socket.set_nodelay(true).map_err(|e| refused(&e))?;
    let stream = match (&upstream.tls, &way.name) {
        (Some(tls), Some(name)) => tls.connect(socket, name).await.map_err(|error| {
            Failure::node(UpstreamFailure::Tls, 502, format!("{name}: {error}"))
        })?,
        _ => Stream::Tcp(TcpSocket(socket)),
    };
    worker.recorder.upstream_connected(worker.now_us() - started);
    Ok(stream)
}

fn refused(error: &io::Error) -> Failure {
    Failure::node(UpstreamFailure::of_connect(error), 502, error.to_string())
}

/// Runs `future` for as long as `patience` has it.
///
/// # Errors
/// Why it was not waited for; None if it took too long itself.
async fn within<F: Future>(
    worker: &Worker,
    client: &mut Client<'_>,
    patience: Patience<'_>,
    future: F,
) -> Result<F::Output, Option<Failure>> {
    let last = patience.until.min(worker.now_us() + patience.connect);
    client.deadline.set(last / 1_000 + 1);
    let mut future = pin!(future);
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if client.deadline.expired() {
            return Poll::Ready(Err(match last == patience.until {
                _ if worker.killed() => Some(Failure::shutting_down()),
                true => Some(Failure::total()),
                false => None,
            }));
        }
        if patience.node.is_some_and(|node| node.calls_off(worker)) {
            return Poll::Ready(Err(Some(Failure::called_off())));
        }
        if patience.watch && client.has_left(cx, worker) {
            return Poll::Ready(Err(Some(Failure::client_left())));
        }
        Poll::Pending
    })
    .await
}
