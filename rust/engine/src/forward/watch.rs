//! A try that is called off because a check finds its node unhealthy while nothing was heard of it.
//!
//! A node that hangs accepts connections and requests and answers none; what was sent to it before
//! a check noticed would wait for `timeout.read`. When a node turns unhealthy, the workers wake
//! whoever waits, and each looks here whether it may go elsewhere.

use super::Failure;
use crate::balance::Tried;
use crate::health;
use crate::observe::metrics::UpstreamFailure;
use crate::upstream::Upstream;
use crate::worker::Worker;

/// The watch over the node of one try.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeWatch<'a> {
    upstream: &'a Upstream,
    health: &'a health::Node,
    tried: &'a Tried,
    /// No further try starts later, in microseconds of the worker's clock.
    until: u64,
}

impl<'a> NodeWatch<'a> {
    /// The watch over the node that was picked; none if it has no checks, or was picked although
    /// they have found it unhealthy: then all are.
    pub(super) fn new(
        upstream: &'a Upstream,
        node: usize,
        tried: &'a Tried,
        until: u64,
    ) -> Option<Self> {
        let health = upstream.nodes[node].health.as_deref()?;
        health.usable().then_some(Self { upstream, health, tried, until })
    }

    /// Whether the node has turned unhealthy and another one may be asked.
    #[inline]
    pub(super) fn calls_off(&self, worker: &Worker) -> bool {
        !self.health.usable() && self.has_another(worker)
    }

    #[cold]
    fn has_another(&self, worker: &Worker) -> bool {
        let (now_us, now_ms) = (worker.now_us(), worker.turn_ms());
        let nodes = self.upstream.nodes.iter().enumerate();
        now_us <= self.until
            && nodes
                .into_iter()
                .any(|(at, node)| node.weight > 0 && !self.tried.has(at) && node.usable(now_ms))
    }
}

impl Failure {
    /// The try is called off.
    pub(super) fn called_off() -> Self {
        let detail = "found unhealthy while it was waited for";
        Self::node(UpstreamFailure::Unhealthy, 504, detail)
    }

    /// Whether it is [`Failure::called_off`].
    pub(super) fn is_move(&self) -> bool {
        self.node == Some(UpstreamFailure::Unhealthy)
    }
}
