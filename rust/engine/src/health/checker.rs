//! What an upstream's `checks` ask for, ready.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use gateway_core::config::{Checks, Healthy, Host, ProbeType, Unhealthy};

use super::probe::Outcome;
use super::tally::Seen;
use super::{Health, Node, Owner, Probe, Sight};
use crate::observe::metrics::UpstreamFailure;
use crate::upstream::endpoint::Endpoint;

/// The checks of one upstream.
#[derive(Debug)]
pub(crate) struct Checker {
    /// Whose nodes these are.
    pub(crate) owner: Owner,
    /// The nodes, each once.
    pub(crate) nodes: Vec<Arc<Node>>,
    /// What requests to them are sent to, in the same order.
    endpoints: Vec<Arc<Endpoint>>,
    /// What is sent to them.
    pub(super) probe: Probe,
    /// The document.
    checks: Checks,
    active: Rules,
    passive: Option<Rules>,
}

/// What counts as what, and how much of it settles the matter.
#[derive(Debug)]
struct Rules {
    healthy: StatusSet,
    unhealthy: StatusSet,
    /// By [`Seen`].
    limits: [u8; Seen::ALL.len()],
}

impl Rules {
    fn new(healthy: &Healthy, unhealthy: &Unhealthy) -> Self {
        Self {
            healthy: StatusSet::of(&healthy.http_statuses),
            unhealthy: StatusSet::of(&unhealthy.http_statuses),
            limits: [
                healthy.successes,
                unhealthy.http_failures,
                unhealthy.tcp_failures,
                unhealthy.timeouts,
            ],
        }
    }

    /// What an answer with `status` counts as. One that is in both lists is a success.
    #[inline]
    fn judge(&self, status: u16) -> Option<Seen> {
        if self.healthy.has(status) {
            Some(Seen::Success)
        } else {
            self.unhealthy.has(status).then_some(Seen::HttpFailure)
        }
    }
}

impl Checker {
    /// What `checks` ask, by `probe`, of the nodes at `endpoints`. `before` is the owner's last checker:
    /// its nodes keep their state, and if nothing has changed it goes on as it is.
    pub(crate) fn new<'e>(
        owner: Owner,
        checks: &Checks,
        probe: Probe,
        endpoints: impl Iterator<Item = &'e Arc<Endpoint>>,
        before: Option<Arc<Self>>,
    ) -> Arc<Self> {
        let known = before.as_ref().map_or(&[][..], |before| &before.nodes);
        let known: HashMap<(&Host, u16), &Arc<Node>> =
            known.iter().map(|node| ((&node.host, node.port), node)).collect();
        let mut placed = HashSet::new();
        let endpoints = endpoints.filter(|endpoint| placed.insert(endpoint.key.place()));
        let (nodes, endpoints) = endpoints
            .map(|endpoint| {
                let (host, port) = endpoint.key.place();
                let node = match known.get(&(host, port)) {
                    Some(node) => Arc::clone(node),
                    None => Arc::new(Node::new(host.clone(), port)),
                };
                (node, Arc::clone(endpoint))
            })
            .unzip();
        let made = Self {
            owner,
            nodes,
            endpoints,
            probe,
            checks: checks.clone(),
            active: Rules::new(&checks.active.healthy, &checks.active.unhealthy),
            passive: checks.passive.as_ref().map(|p| Rules::new(&p.healthy, &p.unhealthy)),
        };
        match before {
            Some(before) if before.asks_the_same(&made) => before,
            _ => Arc::new(made),
        }
    }

    fn asks_the_same(&self, other: &Self) -> bool {
        self.checks == other.checks
            && self.probe.is_like(&other.probe)
            && self.nodes.len() == other.nodes.len()
            && self.nodes.iter().zip(&other.nodes).all(|(a, b)| Arc::ptr_eq(a, b))
            && self.endpoints.iter().zip(&other.endpoints).all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// Lets a node that is back come to its share of the requests slowly, if the upstream wants.
    pub(super) fn warm_up(&self, node: &Node, now_us: u64) {
        let of = self.nodes.iter().zip(&self.endpoints);
        for (_, endpoint) in of.filter(|(known, _)| std::ptr::eq(Arc::as_ptr(known), node)) {
            endpoint.warm_up.restart(now_us / 1_000);
        }
    }

    /// The nodes by where they are.
    pub(crate) fn by_place(&self) -> HashMap<(&Host, u16), &Arc<Node>> {
        self.nodes.iter().map(|node| ((&node.host, node.port), node)).collect()
    }

    /// The kind of probe, as the document names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.checks.active.probe {
            ProbeType::Http => "http",
            ProbeType::Https => "https",
            ProbeType::Tcp => "tcp",
        }
    }

    /// The name that a node's probes ask for: the check's own, or where the node is.
    pub(crate) fn hostname(&self, node: &Node) -> String {
        self.checks.active.host.clone().unwrap_or_else(|| node.host.to_string())
    }

    /// Nodes probed at the same time.
    pub(super) fn concurrency(&self) -> usize {
        self.checks.active.concurrency as usize
    }

    /// Time between two probes of a node.
    pub(super) fn interval(&self, node: &Node) -> Duration {
        match node.usable() {
            true => self.checks.active.healthy.interval,
            false => self.checks.active.unhealthy.interval,
        }
    }

    /// What a probe's answer counts as.
    pub(super) fn judge(&self, status: u16) -> Option<Seen> {
        self.active.judge(status)
    }

    /// Notes what a probe saw.
    pub(super) fn probed(&self, health: &Health, node: &Node, outcome: &Outcome, now_us: u64) {
        let Some(seen) = outcome.seen else { return };
        health.count_probe(seen);
        let limit = self.active.limits[seen as usize];
        health.note(self, node, &Sight { seen, limit, check: "active", why: &outcome.why }, now_us);
    }

    /// Notes the status that a node answered a request with.
    #[inline]
    pub(crate) fn answered(&self, health: &Health, node: &Node, status: u16, now_us: u64) {
        let Some(passive) = &self.passive else { return };
        let Some(seen) = passive.judge(status) else { return };
        let limit = passive.limits[seen as usize];
        let why = &format_args!("status {status}");
        health.note(self, node, &Sight { seen, limit, check: "passive", why }, now_us);
    }

    /// Notes that a request to a node failed.
    pub(crate) fn failed(&self, health: &Health, node: &Node, how: UpstreamFailure, now_us: u64) {
        let (Some(passive), Some(seen)) = (&self.passive, seen(how)) else { return };
        let limit = passive.limits[seen as usize];
        let why = &how.name();
        health.note(self, node, &Sight { seen, limit, check: "passive", why }, now_us);
    }
}

/// What a failed request counts as; none if the node is not to blame, or was blamed already.
fn seen(how: UpstreamFailure) -> Option<Seen> {
    how.is_news_of_the_node().then_some(match how {
        UpstreamFailure::ConnectTimeout | UpstreamFailure::Timeout => Seen::Timeout,
        UpstreamFailure::Protocol => Seen::HttpFailure,
        _ => Seen::TcpFailure,
    })
}

/// Statuses, a bit each.
#[derive(Debug)]
struct StatusSet([u64; 10]);

impl StatusSet {
    fn of(statuses: &[u16]) -> Self {
        let mut set = [0; 10];
        for status in statuses {
            if let Some(bits) = set.get_mut(usize::from(status / 64)) {
                *bits |= 1 << (status % 64);
            }
        }
        Self(set)
    }

    #[inline]
    fn has(&self, status: u16) -> bool {
        self.0.get(usize::from(status / 64)).is_some_and(|bits| bits & 1 << (status % 64) != 0)
    }
}
