//! An upstream ready to be sent to: its nodes interned, its limits in the workers' units.

pub(crate) mod endpoint;

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use gateway_core::config::{self, Host, KeepalivePool, PassHost, Scheme, Targets};
use gateway_kit::retry_budget::Budget;
use gateway_net::pool;

use crate::balance::Method;
use crate::health::{self, Checker};
use crate::observe::metrics::UpstreamFailure;
use crate::tls::{Identities, UpstreamTls};
use crate::worker::Worker;
use endpoint::{Endpoint, Key, Registry};

#[cfg(test)]
pub(crate) mod tests;

/// Limits on the time spent with an upstream, in microseconds; `total` is 0 for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// For a connection, TLS included.
    pub(crate) connect: u64,
    /// Between two writes.
    pub(crate) send: u64,
    /// Between two reads.
    pub(crate) read: u64,
    /// For the whole exchange.
    pub(crate) total: u64,
}

impl Default for Timeouts {
    /// APISIX's 60 s; 5 s to connect, since a node that takes longer is better left for another.
    fn default() -> Self {
        Self { connect: 5_000_000, send: 60_000_000, read: 60_000_000, total: 0 }
    }
}

impl From<config::Timeout> for Timeouts {
    fn from(timeout: config::Timeout) -> Self {
        Self {
            connect: micros(timeout.connect),
            send: micros(timeout.send),
            read: micros(timeout.read),
            total: timeout.total.map_or(0, micros),
        }
    }
}

/// What holds where an upstream says nothing.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    /// The CA of certificates; none for the system's.
    pub(crate) ca: Option<Arc<str>>,
    /// Idle connections.
    pub(crate) keepalive: pool::Limits,
    /// Whether checks are run.
    pub(crate) checks: bool,
}

impl Defaults {
    /// The limits of an upstream's pool. APISIX fills its own defaults in, so they stand for
    /// nothing said.
    fn keepalive(&self, pool: KeepalivePool) -> pool::Limits {
        if pool == KeepalivePool::default() {
            return self.keepalive;
        }
        pool::Limits {
            size: pool.size as usize,
            idle_ms: pool.idle_timeout.as_millis() as u64,
            requests: pool.requests,
        }
    }
}

/// A server of an upstream.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Where it is.
    pub(crate) endpoint: Arc<Endpoint>,
    /// Share of the requests; 0 for none.
    pub(crate) weight: u32,
    /// The Host field for `pass_host: node`: the port is left out where it is the scheme's.
    pub(crate) host_header: Box<str>,
    /// What checks know of it, if the upstream has any.
    pub(crate) health: Option<Arc<health::Node>>,
}

impl Node {
    /// Whether requests go to it at `now_ms`, if there are others to choose from: checks have not
    /// found it unhealthy, and it has not failed lately.
    #[inline]
    pub(crate) fn usable(&self, now_ms: u64) -> bool {
        !self.endpoint.failures.passed_over(now_ms)
            && self.health.as_ref().is_none_or(|health| health.usable())
    }

    /// Whether a kept connection to it may carry a request: one that stood when the node was last
    /// found unhealthy may lead to where nobody listens any more.
    #[inline]
    pub(crate) fn trusts(&self, opened_us: u64) -> bool {
        self.health.as_ref().is_none_or(|health| opened_us > health.last_turned_us())
    }
}

/// An upstream, ready.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Number for the balancers' state; never given out again.
    pub(crate) number: u32,
    /// The servers, those of the highest priority first.
    pub(crate) nodes: Vec<Node>,
    /// Those of one priority each, in order.
    pub(crate) groups: Box<[Range<usize>]>,
    /// How one is chosen.
    pub(crate) method: Method,
    /// Time in which a node that is new or back comes to its share; 0 for none.
    pub(crate) slow_start_ms: u64,
    /// How many further tries the requests pay for.
    pub(crate) retry_budget: Budget,
    /// What Host the nodes are sent.
    pub(crate) pass_host: PassHost,
    /// Timeouts, unless a route has its own.
    pub(crate) timeouts: Timeouts,
    /// No further try starts later than this after the request came; 0 for no limit.
    pub(crate) retry_timeout_us: u64,
    /// Idle connections.
    pub(crate) keepalive: pool::Limits,
    /// TLS towards the nodes.
    pub(crate) tls: Option<Arc<UpstreamTls>>,
    /// Health checks, if it has any.
    pub(crate) checker: Option<Arc<Checker>>,
    /// Whether they are spoken to in HTTP/2.
    pub(crate) http2: bool,
    /// Whether they speak gRPC.
    pub(crate) grpc: bool,
    tries: u32,
}

impl Upstream {
    /// Makes a valid document ready.
    ///
    /// # Errors
    /// What this release does not serve, or a certificate that cannot be read: where in the
    /// document, and in words.
    pub(crate) fn build(
        config: &config::Upstream,
        number: u32,
        registry: &mut Registry,
        identities: &mut Identities,
        defaults: &Defaults,
    ) -> Result<Self, (&'static str, String)> {
        if !config.scheme.is_http() {
            let message = format!("upstreams of scheme {:?} are not served yet", config.scheme);
            return Err(("/scheme", message.to_lowercase()));
        }
        let Targets::Nodes(nodes) = &config.targets else {
            return Err(("/discovery_type", "service discovery is not served yet".into()));
        };
        let tls = match config.scheme.is_tls() {
            true => {
                let ca = defaults.ca.as_ref();
                Some(UpstreamTls::build(&config.tls, config.http2, ca, identities)?)
            }
            false => None,
        };
        let mut by_priority: Vec<_> = nodes.iter().collect();
        by_priority.sort_by_key(|node| Reverse(node.priority));
        let groups = groups(&by_priority);
        let nodes: Vec<_> = by_priority
            .into_iter()
            .map(|node| {
                let key = Key {
                    host: node.host.clone(),
                    port: node.port,
                    tls: tls.as_ref().map(UpstreamTls::number),
                };
                Node {
                    endpoint: registry.intern(key),
                    weight: node.weight,
                    host_header: host_header(&node.host, node.port, config.scheme),
                    health: None,
                }
            })
            .collect();
        let some = nodes.iter().filter(|node| node.weight > 0).count() as u32;
        let tries = config.retries.map_or(some, |retries| retries.saturating_add(1).min(some));
        let method = Method::build(&config.balancer, &nodes, &groups)
            .map_err(|message| ("/type", message))?;
        Ok(Self {
            number,
            nodes,
            groups,
            method,
            slow_start_ms: config.slow_start.as_millis() as u64,
            retry_budget: Budget {
                percent: config.retry_budget.percent,
                min_per_second: config.retry_budget.min_per_second,
            },
            pass_host: config.pass_host.clone(),
            timeouts: config.timeout.map_or_else(Timeouts::default, Timeouts::from),
            retry_timeout_us: config.retry_timeout.map_or(0, micros),
            keepalive: defaults.keepalive(config.keepalive_pool),
            tls: tls.map(Arc::new),
            checker: None,
            http2: config.http2,
            grpc: config.scheme.is_grpc(),
            tries: tries.max(1),
        })
    }

    /// Puts its nodes under the eyes of `checker`, which was made for them.
    pub(crate) fn check_by(&mut self, checker: Arc<Checker>) {
        let known = checker.by_place();
        for node in &mut self.nodes {
            let health = known.get(&node.endpoint.key.place());
            node.health = health.map(|health| Arc::clone(health));
        }
        drop(known);
        self.checker = Some(checker);
    }

    /// Tells the passive checks that a node answered with `status`.
    #[inline]
    pub(crate) fn answered(&self, worker: &Worker, node: usize, status: u16) {
        if let (Some(checker), Some(health)) = (&self.checker, &self.nodes[node].health) {
            checker.answered(&worker.shared.health, health, status, worker.turn_us());
        }
    }

    /// Tells the passive checks that a request to a node failed.
    pub(crate) fn failed(&self, worker: &Worker, node: usize, how: UpstreamFailure) {
        if let (Some(checker), Some(health)) = (&self.checker, &self.nodes[node].health) {
            checker.failed(&worker.shared.health, health, how, worker.turn_us());
        }
    }

    /// Nodes tried at most for one request.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// Whether the client certificate that it names does not exist, so that it cannot be sent to.
    pub(crate) fn lacks_certificate(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.lacks_certificate)
    }

    /// `http`, `https`, `grpc` or `grpcs`.
    pub(crate) fn scheme(&self) -> &'static str {
        match (self.grpc, self.tls.is_some()) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "grpc",
            (true, true) => "grpcs",
        }
    }
}

/// Where in sorted nodes each priority begins and ends.
fn groups(sorted: &[&config::Node]) -> Box<[Range<usize>]> {
    let mut start = 0;
    sorted
        .chunk_by(|a, b| a.priority == b.priority)
        .map(|group| {
            let range = start..start + group.len();
            start = range.end;
            range
        })
        .collect()
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

fn host_header(host: &Host, port: u16, scheme: Scheme) -> Box<str> {
    if scheme.default_port() == Some(port) {
        host.to_string().into()
    } else {
        format!("{host}:{port}").into()
    }
}
