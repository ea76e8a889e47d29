//! Which node of an upstream a try goes to.

use gateway_kit::weighted::SmoothWeighted;
use gateway_net::pool::ByEndpoint;

use crate::upstream::Upstream;

#[cfg(test)]
mod tests;

/// The nodes of one upstream that a request has tried.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tried {
    first: u64,
    more: Vec<usize>,
}

impl Tried {
    /// Whether `node` was tried.
    pub(crate) fn has(&self, node: usize) -> bool {
        if node < 64 { self.first & (1 << node) != 0 } else { self.more.contains(&node) }
    }

    fn add(&mut self, node: usize) {
        if node < 64 {
            self.first |= 1 << node;
        } else {
            self.more.push(node);
        }
    }
}

/// The state of balancing on one worker: whose turn it is, by upstream.
#[derive(Debug, Default)]
pub(crate) struct Balancers {
    turns: ByEndpoint<Turns>,
}

impl Balancers {
    /// The node to try next, which is added to `tried`: one that has not failed lately if there
    /// is any, otherwise any that was not tried. None if all were.
    pub(crate) fn pick(
        &mut self,
        upstream: &Upstream,
        tried: &mut Tried,
        now_ms: u64,
    ) -> Option<usize> {
        let node = match upstream.nodes.len() {
            0 => None,
            1 => (!tried.has(0) && upstream.nodes[0].weight > 0).then_some(0),
            _ => self.pick_of_many(upstream, tried, now_ms),
        }?;
        tried.add(node);
        Some(node)
    }

    fn pick_of_many(&mut self, upstream: &Upstream, tried: &Tried, now_ms: u64) -> Option<usize> {
        let turns = self.turns.entry(upstream.number).or_insert_with(|| {
            let weights = upstream.nodes.iter().map(|node| node.weight);
            Turns { weighted: SmoothWeighted::new(weights), used: true }
        });
        turns.used = true;
        let failed = |n: usize| upstream.nodes[n].endpoint.failures.passed_over(now_ms);
        let turns = &mut turns.weighted;
        turns.pick(|n| tried.has(n) || failed(n)).or_else(|| turns.pick(|n| tried.has(n)))
    }

    /// Forgets upstreams that no request has used between two calls. One that comes back starts
    /// its round anew.
    pub(crate) fn prune(&mut self) {
        self.turns.retain(|_, turns| std::mem::take(&mut turns.used));
    }
}

#[derive(Debug)]
struct Turns {
    weighted: SmoothWeighted,
    used: bool,
}
