//! From a matched request to its upstream and back: nodes are tried until one answers.
//!
//! | module | part |
//! |---|---|
//! | [`connect`] | a pooled, a shared or a new connection |
//! | [`link`] | what carries one try: a connection of HTTP/1, or a stream of HTTP/2 |
//! | [`upload`] | the request on its way, kept for another try |
//! | [`relay`] | both directions of one try, polled together |
//! | [`watch`] | a try that health checks call off |
//! | [`download`] | the answer on its way |
//! | [`tunnel`] | what follows a 101 |
//! | [`head`] | what a gateway changes in a request head |
//!
//! Another node is tried only while the client has seen nothing and all that was sent can be
//! sent again; a request that may have been acted upon and is not idempotent (RFC 9110 section
//! 9.2.2) is not sent twice.

mod connect;
mod download;
mod head;
mod link;
mod relay;
mod tunnel;
mod upload;
mod watch;

use std::rc::Rc;
use std::sync::Arc;

use gateway_net::h1::{Fields, Framing, Persistence};
use gateway_net::h2::client as http2;

use crate::balance::Tried;
use crate::client::Client;
use crate::exchange::{Attempt, Exchange};
use crate::grpc;
use crate::observe::error_log;
use crate::observe::flags::Flag;
use crate::respond::{self, Answer};
use crate::upstream::Upstream;
use crate::upstream::endpoint::Endpoint;
use crate::variables::View;
use crate::worker::Worker;
use connect::{Connection, Patience, Way};
use link::{Http2, Link};
use relay::{Failure, Outcome, Relay};
use watch::NodeWatch;

pub(crate) use upload::{Ungathered, Upload};

/// What to do after a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The connection had gone stale in the pool, or the node did nothing with the request: the
    /// same node again, once, on another one.
    Reconnect,
    /// Another node.
    NextNode,
    /// Tell the client.
    GiveUp,
}

/// A try at a node.
#[derive(Debug, Clone, Copy)]
struct Try<'a> {
    upstream: &'a Upstream,
    node: usize,
    /// What calls it off; none if no other node may follow.
    watch: Option<NodeWatch<'a>>,
}

impl<'a> Try<'a> {
    fn endpoint(&self) -> &'a Arc<Endpoint> {
        &self.upstream.nodes[self.node].endpoint
    }

    /// Whether a connection opened then may carry a request, as far as health checks know.
    fn trusts(&self, opened_us: u64) -> bool {
        self.upstream.nodes[self.node].trusts(opened_us)
    }
}

/// Sends the exchange's request to its upstream and the answer to the client.
pub(crate) async fn forward(
    worker: &Worker,
    client: &mut Client<'_>,
    exchange: &mut Exchange,
    upload: &mut Upload,
) {
    let Some(upstream) = exchange.upstream.clone() else { return };
    // A key is taken of the request as the client sent it.
    let hash = upstream.method.hash(&View { worker, client, exchange });
    let mut tried = Tried::new(hash);
    head::prepare(worker, client, exchange, &upstream);
    let mut tries_left = upstream.tries();
    let retry_until = match upstream.retry_timeout_us {
        0 => u64::MAX,
        limit => exchange.started + limit,
    };
    loop {
        let Some(node) = worker.pick(&upstream, &mut tried) else {
            // APISIX's statuses: nothing to choose from, and nothing that may be chosen.
            let status = if upstream.nodes.is_empty() { 503 } else { 502 };
            let failure = Failure::new(Flag::NoHealthyNode, status, "no node is left to try");
            return give_up(worker, client, exchange, upload, failure).await;
        };
        tries_left -= 1;
        let watch = match tries_left {
            0 => None,
            _ => NodeWatch::new(&upstream, node, &tried, retry_until),
        };
        let attempt = Try { upstream: &upstream, node, watch };
        let held = upstream.method.hold(attempt.endpoint());
        let tried_node = try_node(worker, client, exchange, upload, attempt).await;
        drop(held);
        let Err((failure, then)) = tried_node else {
            upstream.answered(worker, node, exchange.response.status);
            return;
        };
        blame(worker, exchange, attempt, &failure);
        let over = worker.now_us() > retry_until;
        if then == Then::GiveUp || tries_left == 0 || over {
            if then != Then::GiveUp && upstream.tries() > 1 {
                exchange.flags.raise(Flag::RetriesExhausted);
            }
            return give_up(worker, client, exchange, upload, failure).await;
        }
        if failure.is_move() {
            // The budget keeps retries from piling up on nodes that live; a request leaves a node
            // that was found dead once.
            worker.recorder.upstream_retried();
        } else if !worker.may_retry(&upstream) {
            exchange.flags.raise(Flag::RetryBudgetSpent);
            return give_up(worker, client, exchange, upload, failure).await;
        }
    }
}

/// Remembers, counts and logs what a node did wrong.
fn blame(worker: &Worker, exchange: &mut Exchange, attempt: Try<'_>, failure: &Failure) {
    let now = worker.now_us();
    if let Some(attempt) = exchange.attempts.last_mut() {
        attempt.ended.get_or_insert(now);
        if failure.node.is_some() {
            attempt.status.get_or_insert(failure.status);
        }
    }
    exchange.flags.raise(failure.flag);
    let Some(kind) = failure.node else { return };
    let endpoint = attempt.endpoint();
    worker.count_failure(endpoint, kind);
    attempt.upstream.failed(worker, attempt.node, kind);
    let id = worker.id_of(exchange);
    let fields: error_log::Fields<'_> = &[
        ("node", &endpoint.authority),
        ("failure", &kind.name()),
        ("reason", &failure.detail),
        ("request_id", &format_args!("{id:032x}")),
    ];
    error_log::warn("upstream node failed", fields);
}

/// One node, twice if its connection had gone stale or did not take the request.
async fn try_node(
    worker: &Worker,
    client: &mut Client<'_>,
    exchange: &mut Exchange,
    upload: &mut Upload,
    attempt: Try<'_>,
) -> Result<(), (Failure, Then)> {
    let (upstream, endpoint) = (attempt.upstream, attempt.endpoint());
    let timeouts = exchange.timeouts();
    let patience = Patience {
        connect: timeouts.connect,
        until: match timeouts.total {
            0 => u64::MAX,
            total => exchange.started + total,
        },
        watch: client.may_be_watched(upload.complete()),
        node: attempt.watch,
    };
    head::for_node(exchange, upstream, attempt.node);
    let mut fresh = false;
    loop {
        let first = exchange.attempts.is_empty();
        let started = if first { exchange.started } else { worker.now_us() };
        exchange.attempts.push(Attempt::new(endpoint, started));
        let next = |failure: Failure| {
            let then = if failure.node.is_some() { Then::NextNode } else { Then::GiveUp };
            (failure, then)
        };
        let address = if let Some(address) = connect::known_address(worker, endpoint) {
            address
        } else {
            upload.settle(worker);
            connect::resolve(worker, client, endpoint, patience).await.map_err(next)?
        };
        let host = exchange.request.host().unwrap_or_default();
        let way = Way::new(worker, upstream, endpoint, host, address);
        let pooled = if fresh { None } else { connect::pooled(worker, attempt, &way) };
        let connection = if let Some(connection) = pooled {
            connection
        } else {
            upload.settle(worker);
            connect::open(worker, client, attempt, &way, patience).await.map_err(next)?
        };
        worker.count_try(endpoint, connection.reused());
        if let Some(attempt) = exchange.attempts.last_mut() {
            attempt.peer = Some(address);
            attempt.connected = Some(if connection.reused() { started } else { worker.now_us() });
        }
        match exchange_on(worker, client, exchange, upload, attempt, &way, connection).await {
            Err((_, Then::Reconnect)) if !fresh => {
                exchange.attempts.pop();
                fresh = true;
            }
            Err((failure, Then::Reconnect)) => return Err((failure, Then::NextNode)),
            ended => return ended,
        }
    }
}

/// One exchange on one connection.
async fn exchange_on(
    worker: &Worker,
    client: &mut Client<'_>,
    exchange: &mut Exchange,
    upload: &mut Upload,
    attempt: Try<'_>,
    way: &Way,
    mut connection: Connection,
) -> Result<(), (Failure, Then)> {
    let reused = connection.reused();
    let mut busy = None;
    let link = match &mut connection {
        Connection::Http1(pooled) => {
            busy = Some(worker.count_busy());
            begin(worker, exchange, upload);
            Link::Http1(&mut pooled.stream)
        }
        Connection::Http2(shared) => {
            let stream = ask(worker, exchange, upload, attempt.upstream, shared)?;
            Link::Http2(Box::new(Http2::new(stream, exchange.request.framing)))
        }
    };
    let (outcome, heard, answered, reusable) = {
        let mut relay = Relay::new(worker, client, exchange, upload, link);
        relay.watch = attempt.watch;
        let outcome = (&mut relay).await;
        let download = &relay.download;
        (outcome, download.heard(), download.answered(), relay.reusable())
    };
    drop(busy);
    match outcome {
        Outcome::Answered => {
            if reusable && let Connection::Http1(pooled) = connection {
                let limits = attempt.upstream.keepalive;
                worker.pool.borrow_mut().put(way.pool, pooled, limits, worker.turn_ms());
            }
            Ok(())
        }
        Outcome::Switched => {
            let Connection::Http1(pooled) = &mut connection else {
                unreachable!("HTTP/2 has no 101 (RFC 9113 section 8.6)")
            };
            exchange.params = Vec::new(); // a tunnel needs none, and there may be ten thousand
            let idle_ms = exchange.timeouts().read / 1_000;
            let carried = tunnel::run(worker, client, &mut pooled.stream, idle_ms).await;
            exchange.request_length += carried.from_client;
            exchange.bytes_sent += carried.to_client;
            exchange.body_sent += carried.to_client;
            client.keep_alive = false;
            Ok(())
        }
        Outcome::Failed(failure) => {
            if answered {
                // The head is out, and perhaps part of the body: the only honest end is to
                // close, so that the client sees an answer that lacks its end.
                client.keep_alive = false;
                return Err((failure, Then::GiveUp));
            }
            let then = after(&failure, upload, reused, heard);
            exchange.response.clear();
            Err((failure, then))
        }
    }
}

/// Begins a request on a connection of HTTP/1.
#[inline]
fn begin(worker: &Worker, exchange: &Exchange, upload: &mut Upload) {
    let request = &exchange.request;
    upload.begin(
        worker,
        &request.method,
        head::target(request),
        &Fields {
            headers: &request.headers,
            framing: match request.framing {
                // A body that a client announced as empty stays announced.
                Framing::None | Framing::UntilClose => Framing::None,
                other => other,
            },
            persistence: match exchange.upgrading {
                true => Persistence::Upgrade("websocket"),
                false => Persistence::Open,
            },
        },
    );
}

/// Begins a request on a shared connection of HTTP/2.
fn ask(
    worker: &Worker,
    exchange: &Exchange,
    upload: &mut Upload,
    upstream: &Upstream,
    connection: &Rc<http2::Connection>,
) -> Result<http2::Stream, (Failure, Then)> {
    let request = &exchange.request;
    let length = match request.framing {
        Framing::Length(length) => Some(length),
        Framing::None | Framing::Chunked | Framing::UntilClose => None,
    };
    let head = http2::Head {
        method: &request.method,
        tls: upstream.tls.is_some(),
        authority: request.host().unwrap_or_default(),
        target: head::target(request),
        headers: &request.headers,
        length,
        trailers: request.te_trailers || upstream.grpc,
    };
    let head = head.build().map_err(|unfit| {
        (Failure::new(Flag::ClientRequest, 400, unfit.to_string()), Then::GiveUp)
    })?;
    let bodiless = matches!(request.framing, Framing::None | Framing::Length(0));
    let stream = connection.send(head, bodiless).map_err(|fault| {
        let failure = Failure::stream(&fault);
        let then = after(&failure, upload, true, false);
        (failure, then)
    })?;
    upload.begin_after_head(worker);
    Ok(stream)
}

/// Whether, after a failure before any final head, the request may be sent again, and where.
fn after(failure: &Failure, upload: &Upload, reused: bool, heard: bool) -> Then {
    if failure.is_move() {
        return Then::NextNode;
    }
    if failure.unprocessed {
        return if upload.kept() { Then::Reconnect } else { Then::GiveUp };
    }
    let upstream_broke =
        matches!(failure.flag, Flag::UpstreamClosed | Flag::UpstreamTimeout) && !heard;
    if !upstream_broke || !upload.may_repeat() {
        return Then::GiveUp;
    }
    if reused && failure.flag == Flag::UpstreamClosed { Then::Reconnect } else { Then::NextNode }
}

/// Tells the client, unless an answer is out already or it has left.
async fn give_up(
    worker: &Worker,
    client: &mut Client<'_>,
    exchange: &mut Exchange,
    upload: &Upload,
    failure: Failure,
) {
    // A body that nobody reads would be taken for the next request.
    client.keep_alive &= upload.complete();
    let begun = exchange.bytes_sent > 0 && exchange.response.status >= 200;
    exchange.flags.raise(failure.flag);
    if begun && failure.flag == Flag::TotalTimeout && grpc::is_spoken(&exchange.request) {
        client.cut = !client.end_in_grpc(grpc::DEADLINE_EXCEEDED, &failure.detail);
        return;
    }
    if begun || failure.status == 499 {
        client.keep_alive = false;
        client.cut = true;
        if exchange.response.status == 0 {
            exchange.response.status = 499;
        }
        return;
    }
    let answer = Answer::failure(&failure.detail, failure.flag, failure.status);
    respond::send(worker, client, exchange, answer).await;
}
