//! A worker: one thread, one runtime, its own listeners, pools and figures.
//!
//! Everything here is reached through `&Worker` by the tasks of one thread, so state is `Cell`
//! and `RefCell`; nothing is borrowed across a wait.

pub(crate) mod deadlines;
mod figures;
mod forwarding;
mod ids;
mod recycle;
mod run;
pub(crate) mod scratch;
mod sweep;

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_kit::template::Template;
use gateway_kit::uri;
use gateway_net::h1;
use gateway_net::h2::client::Connections;
use gateway_net::pool::{EndpointId, Pool};
use gateway_net::resolve::{self, Resolver};

use crate::balance::{Balancers, Tried};
use crate::client::Client;
use crate::exchange::Exchange;
use crate::observe::access_log::AccessLog;
use crate::observe::clock::Clock as TextClock;
use crate::observe::metrics::{Recorder, RequestRecord, UpstreamFailure};
use crate::settings::{Settings, millis};
use crate::shared::{CLOCK_STARTS_US, Shared};
use crate::snapshot::Snapshot;
use crate::upstream::Upstream;
use crate::upstream::endpoint::Endpoint;
use crate::variables::{Variable, View};
use deadlines::Deadlines;
use figures::Figures;
use forwarding::Forwarding;
use ids::Ids;
use recycle::Exchanges;
use scratch::{Buffers, Scratch};

pub(crate) use run::{Command, Listening, Port, Purpose, run};

/// What clients may take and send.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Heads of requests.
    pub(crate) request: h1::Limits,
    /// Heads of answers.
    pub(crate) response: h1::Limits,
    /// Largest request body; 0 for no limit.
    pub(crate) max_body: u64,
    /// For a request head.
    pub(crate) client_header_ms: u64,
    /// Between two requests; 0 closes after each.
    pub(crate) keepalive_ms: u64,
    /// Between two reads of a body.
    pub(crate) client_body_us: u64,
    /// Between two writes to a client.
    pub(crate) send_us: u64,
}

impl Limits {
    fn new(settings: &Settings) -> Self {
        Self {
            request: h1::Limits::default(),
            response: h1::Limits { line: 16 << 10, block: 64 << 10, fields: 200 },
            max_body: settings.client_max_body_size,
            client_header_ms: millis(settings.client_header_timeout),
            keepalive_ms: match settings.keepalive_timeout > 0.0 {
                true => millis(settings.keepalive_timeout),
                false => 0,
            },
            client_body_us: millis(settings.client_body_timeout) * 1_000,
            send_us: millis(settings.send_timeout) * 1_000,
        }
    }
}

/// Pools bound to server names, at most: clients choose the names where Host is passed on.
const NAMED_POOLS: usize = 4_096;

/// An upstream connection that carries a request.
pub(crate) struct Busy<'a>(&'a Cell<u64>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The worker as the task of one connection, or of a stream on it, holds it. Tells a drain when the last has ended.
pub(crate) struct Serving(Rc<Worker>);

impl Serving {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.connections.set(worker.connections.get() + 1);
        Self(Rc::clone(worker))
    }
}

impl Clone for Serving {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl std::ops::Deref for Serving {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        &self.0
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.connections.set(self.connections.get() - 1);
        if self.draining() {
            self.connection_ended.notify_waiters();
        }
    }
}

/// The state of one worker.
pub(crate) struct Worker {
    /// What all workers share.
    pub(crate) shared: Arc<Shared>,
    /// Limits on clients.
    pub(crate) limits: Limits,
    /// What is told of clients to upstreams, and of the gateway to clients.
    pub(crate) forwarding: Forwarding,
    /// Deadlines of the tasks.
    pub(crate) deadlines: Rc<Deadlines>,
    /// Idle upstream connections of HTTP/1.
    pub(crate) pool: RefCell<Pool>,
    /// Upstream connections of HTTP/2.
    pub(crate) http2: RefCell<Connections>,
    /// Memory shared between two waits.
    pub(crate) scratch: RefCell<Scratch>,
    /// Owned buffers for reuse.
    pub(crate) buffers: RefCell<Buffers>,
    /// Figures.
    pub(crate) recorder: Rc<Recorder>,
    resolver: Resolver,
    address_turn: Cell<usize>,
    named_pools: RefCell<HashMap<(EndpointId, Box<str>), EndpointId>>,
    last_named_pool: Cell<EndpointId>,
    exchanges: RefCell<Exchanges>,
    balancers: RefCell<Balancers>,
    figures: RefCell<Figures>,
    log: Option<(AccessLog, Arc<Template<Variable>>)>,
    text_clock: TextClock,
    ids: Ids,
    snapshot: RefCell<Arc<Snapshot>>,
    version: Cell<u64>,
    base: Instant,
    /// Milliseconds since 1970 at `base`, corrected by each sweep.
    unix_base_ms: Cell<u64>,
    turn_us: Cell<u64>,
    /// Upstream connections of HTTP/1 that carry a request.
    busy: Cell<u64>,
    /// Tasks of client connections and their streams, those in a TLS handshake included.
    connections: Cell<u64>,
    draining: Cell<bool>,
    killed: Cell<bool>,
    /// Told when accepting is over.
    drain_accepts: tokio::sync::Notify,
    /// Told when a connection has ended during a drain.
    connection_ended: tokio::sync::Notify,
}

/// Checks what workers would stumble over, before any is started.
///
/// # Errors
/// In words, with the key of the setting that is to blame.
pub(crate) fn check(settings: &Settings) -> Result<(), String> {
    resolver_options(settings)?;
    Forwarding::new(settings).map(|_| ())
}

/// How names are resolved.
///
/// # Errors
/// A name server that is none, with the key it stands under.
pub(crate) fn resolver_options(settings: &Settings) -> Result<resolve::Options, String> {
    let given = &settings.resolver;
    let servers = resolve::Options::parse_servers(given.servers.iter().map(String::as_str))
        .map_err(|error| format!("apisix.dns_resolver: {error}"))?;
    Ok(resolve::Options {
        servers,
        valid: given.valid.map(Duration::from_secs_f64),
        timeout: Duration::from_secs_f64(given.timeout),
        ipv6: given.ipv6,
        search: given.search,
    })
}

impl Worker {
    /// Microseconds of the clock that all workers share; never 0.
    #[inline]
    pub(crate) fn now_us(&self) -> u64 {
        let now = self.base.elapsed().as_micros() as u64 + CLOCK_STARTS_US;
        self.turn_us.set(now);
        now
    }

    /// The same in milliseconds.
    #[inline]
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_us() / 1_000
    }

    /// What the clock showed when it was last read, in microseconds.
    #[inline]
    pub(crate) fn turn_us(&self) -> u64 {
        self.turn_us.get()
    }

    /// What the clock showed when it was last read: good enough for pools and penalties.
    #[inline]
    pub(crate) fn turn_ms(&self) -> u64 {
        self.turn_us.get() / 1_000
    }

    /// The time as text, as of the last reading of the clock.
    pub(crate) fn text_clock(&self) -> &TextClock {
        self.text_clock.refresh(self.unix_base_ms.get() + self.turn_ms());
        &self.text_clock
    }

    /// The configuration in force. One atomic load unless a new one was published.
    #[inline]
    pub(crate) fn snapshot(&self) -> Ref<'_, Snapshot> {
        if self.shared.published.version() != self.version.get() {
            let (version, snapshot) = self.shared.published.current();
            let old = self.snapshot.replace(snapshot);
            self.version.set(version);
            // What only this worker still held is freed elsewhere: a large table takes long.
            self.shared.discard(old);
        }
        Ref::map(self.snapshot.borrow(), |snapshot| &**snapshot)
    }

    /// Whether no further request is to be accepted on a connection.
    #[inline]
    pub(crate) fn draining(&self) -> bool {
        self.draining.get()
    }

    /// Whether the time to drain is over.
    pub(crate) fn killed(&self) -> bool {
        self.killed.get()
    }

    /// The request's id, made when it is first asked for.
    pub(crate) fn id_of(&self, exchange: &mut Exchange) -> u128 {
        *exchange.id.get_or_insert_with(|| self.ids.next())
    }

    /// The node to try next.
    pub(crate) fn pick(&self, upstream: &Upstream, tried: &mut Tried) -> Option<usize> {
        self.balancers.borrow_mut().pick(upstream, tried, self.turn_ms())
    }

    /// Whether the upstream's retry budget pays for one more try, which is counted either way.
    pub(crate) fn may_retry(&self, upstream: &Upstream) -> bool {
        let paid = self.balancers.borrow_mut().retry(upstream, self.turn_ms());
        if paid {
            self.recorder.upstream_retried();
        } else {
            self.recorder.upstream_retry_refused();
        }
        paid
    }

    /// An exchange to fill.
    #[inline]
    pub(crate) fn take_exchange(&self) -> Box<Exchange> {
        self.exchanges.borrow_mut().take()
    }

    /// Takes an exchange back.
    #[inline]
    pub(crate) fn give_exchange(&self, exchange: Box<Exchange>) {
        self.exchanges.borrow_mut().give(exchange);
    }

    /// `Server` of answers.
    pub(crate) fn server_name(&self) -> &str {
        &self.forwarding.server
    }

    /// The machine's name.
    pub(crate) fn hostname(&self) -> &str {
        &self.shared.hostname
    }

    /// Counts a try at a node.
    pub(crate) fn count_try(&self, endpoint: &Arc<Endpoint>, reused: bool) {
        let mut figures = self.figures.borrow_mut();
        self.recorder.upstream_requested(figures.of(endpoint, &self.recorder), reused);
    }

    /// Counts a failed try and remembers it.
    pub(crate) fn count_failure(&self, endpoint: &Arc<Endpoint>, kind: UpstreamFailure) {
        if kind.is_news_of_the_node() {
            endpoint.failures.failed(self.now_ms());
        }
        let mut figures = self.figures.borrow_mut();
        self.recorder.upstream_failed(figures.of(endpoint, &self.recorder), kind);
    }

    /// Counts an upstream connection as busy until the guard is dropped.
    pub(crate) fn count_busy(&self) -> Busy<'_> {
        self.busy.set(self.busy.get() + 1);
        Busy(&self.busy)
    }

    /// Where connections to an endpoint that TLS has bound to a server name are pooled.
    pub(crate) fn pool_for(&self, endpoint: EndpointId, name: &str) -> EndpointId {
        let mut named = self.named_pools.borrow_mut();
        if let Some(id) = named.get(&(endpoint, name.into())) {
            return *id;
        }
        if named.len() >= NAMED_POOLS {
            named.clear();
        }
        // Counted down from the top, where the endpoints' own numbers never get to.
        let id = self.last_named_pool.get() - 1;
        self.last_named_pool.set(id);
        named.insert((endpoint, name.into()), id);
        id
    }

    /// The addresses of a name that need no waiting.
    pub(crate) fn resolved(&self, name: &str) -> Option<Arc<[IpAddr]>> {
        let now = self.base + Duration::from_micros(self.turn_us.get());
        self.resolver.cached(name, now)
    }

    /// The resolver, to wait for.
    pub(crate) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// One of a name's addresses, each in its turn.
    pub(crate) fn first_address(&self, addresses: &[IpAddr]) -> Option<IpAddr> {
        let turn = self.address_turn.get();
        self.address_turn.set(turn.wrapping_add(1));
        addresses.get(turn % addresses.len().max(1)).copied()
    }

    /// Counts and logs an exchange that is over.
    pub(crate) fn observe(&self, client: &Client<'_>, exchange: &mut Exchange, now_us: u64) {
        self.recorder.request_finished(&RequestRecord {
            status: exchange.response.status,
            route: exchange.route.as_ref().map(|route| route.slot),
            flags: exchange.flags,
            elapsed_us: now_us.saturating_sub(exchange.started),
            received_bytes: exchange.request_length,
            sent_bytes: exchange.bytes_sent,
            upstream_sent_bytes: 0,
            upstream_received_bytes: 0,
        });
        let Some((log, format)) = &self.log else { return };
        if self.shared.log_needs_id {
            self.id_of(exchange);
        }
        let view = View { worker: self, client, exchange };
        log.append_with(|line| {
            format.render(&view, line);
        });
    }

    /// Brings the path into the form that routes are matched against.
    ///
    /// # Errors
    /// Why the path is refused.
    pub(crate) fn normalize(&self, exchange: &mut Exchange) -> Result<(), String> {
        let settings = &self.shared.settings;
        let Exchange { request, uri: out, .. } = exchange;
        let path = request.path();
        let normalized = uri::normalize(path).map_err(|error| error.to_string())?;
        let mut matched: &[u8] = &normalized;
        let kept;
        if settings.match_uri_encoded_slash
            && let Some(with_slashes) = uri::keep_encoded_slashes(path, &normalized)
        {
            kept = with_slashes;
            matched = &kept;
        }
        let servlet;
        if settings.normalize_uri_like_servlet {
            servlet = uri::like_servlet(matched).map_err(|error| error.to_string())?;
            matched = &servlet;
        }
        if settings.delete_uri_tail_slash {
            matched = uri::without_tail_slash(matched);
        }
        out.clear();
        out.extend_from_slice(matched);
        Ok(())
    }
}
