//! A connection to a node: a pooled one, or a new one.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use gateway_core::config::Host;
use gateway_net::pool::{EndpointId, Pooled};
use gateway_net::socket::TcpSocket;
use gateway_net::stream::Stream;
use tokio::net::TcpStream;

use super::relay::Failure;
use crate::client::Client;
use crate::observe::metrics::UpstreamFailure;
use crate::tls;
use crate::upstream::endpoint::Endpoint;
use crate::upstream::{Timeouts, Upstream};
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

/// The address that a node's name resolves to.
pub(super) async fn resolve(
    worker: &Worker,
    client: &Client,
    endpoint: &Endpoint,
    timeouts: Timeouts,
) -> Result<SocketAddr, Failure> {
    let name = endpoint.key.host.to_string();
    let failed = |status, detail: String| Failure::node(UpstreamFailure::Resolve, status, detail);
    let lookup = worker.resolver().lookup(&name);
    let addresses = match within(worker, client, timeouts.connect, lookup).await {
        Some(Ok(addresses)) => addresses,
        Some(Err(error)) => return Err(failed(502, error.to_string())),
        None => return Err(failed(504, format!("{name}: no answer of the resolver in time"))),
    };
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

/// A pooled connection, if there is one to the same address.
pub(super) fn pooled(worker: &Worker, way: &Way) -> Option<Pooled> {
    let mut pool = worker.pool.borrow_mut();
    loop {
        let connection = pool.take(way.pool, worker.turn_ms())?;
        // A name may resolve to another address than when the connection was opened.
        if connection.peer == way.address {
            return Some(connection);
        }
    }
}

/// A new connection, TLS included.
pub(super) async fn open(
    worker: &Worker,
    client: &Client,
    upstream: &Upstream,
    way: &Way,
    timeouts: Timeouts,
) -> Result<Pooled, Failure> {
    let started = worker.now_us();
    let connect = async {
        let socket = TcpStream::connect(way.address).await.map_err(|e| refused(&e))?;
        socket.set_nodelay(true).map_err(|e| refused(&e))?;
        match (&upstream.tls, &way.name) {
            (Some(tls), Some(name)) => tls.connect(socket, name).await.map_err(|error| {
                Failure::node(UpstreamFailure::Tls, 502, format!("{name}: {error}"))
            }),
            _ => Ok(Stream::Tcp(TcpSocket(socket))),
        }
    };
    match within(worker, client, timeouts.connect, connect).await {
        Some(Ok(stream)) => {
            worker.recorder.upstream_connected(worker.now_us() - started);
            Ok(Pooled::fresh(stream, way.address))
        }
        Some(Err(failure)) => Err(failure),
        None => {
            let kind = UpstreamFailure::ConnectTimeout;
            Err(Failure::node(kind, 504, "no connection in time"))
        }
    }
}

fn refused(error: &io::Error) -> Failure {
    Failure::node(UpstreamFailure::of_connect(error), 502, error.to_string())
}

/// Runs `future` for at most `limit_us`; None when the time is over.
async fn within<F: Future>(
    worker: &Worker,
    client: &Client,
    limit_us: u64,
    future: F,
) -> Option<F::Output> {
    client.deadline.set(worker.now_ms() + limit_us / 1_000 + 1);
    let mut future = pin!(future);
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        if client.deadline.expired() { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}
