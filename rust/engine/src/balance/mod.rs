//! Which node of an upstream a try goes to.
//!
//! | module | part |
//! |---|---|
//! | [`method`] | an upstream's way of choosing, made ready when it is published |
//! | [`key`] | what a consistent hash is taken of |
//! | [`choice`] | one choice among the nodes of a group |
//!
//! A try goes to a node of the highest priority that is [usable](crate::upstream::Node::usable) and
//! was not tried. If there is none, health is left aside and the same is asked of all: a wrong
//! memory of failures must not refuse a request. (APISIX's rule, too: if no node is healthy, all
//! are used.)

mod choice;
mod key;
mod method;
#[cfg(test)]
mod tests;

use gateway_kit::retry_budget::RetryBudget;
use gateway_kit::weighted::SmoothWeighted;
use gateway_net::pool::ByEndpoint;

use crate::upstream::Upstream;
use choice::Choice;

pub(crate) use method::Method;

/// How long the state of an upstream without requests is kept: longer than a retry budget counts.
const KEPT_MS: u64 = 60_000;

/// What one request has to do with the nodes of its upstream: those that it tried, and its key's
/// place on their ring.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tried {
    first: u64,
    more: Vec<usize>,
    hash: u32,
}

impl Tried {
    /// Nothing was tried yet; `hash` is [`Method::hash`]'s.
    pub(crate) fn new(hash: u32) -> Self {
        Self { hash, ..Self::default() }
    }

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

    fn none(&self) -> bool {
        self.first == 0 && self.more.is_empty()
    }
}

/// The state of balancing on one worker, by upstream. What all workers should know of a node is
/// with its endpoint.
#[derive(Debug, Default)]
pub(crate) struct Balancers {
    upstreams: ByEndpoint<State>,
    random: fastrand::Rng,
}

impl Balancers {
    /// The node to try next, which is added to `tried`. None if there is none or all were.
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
        let state = state_of(&mut self.upstreams, upstream, now_ms);
        if tried.none() {
            state.retries.request(now_ms);
        }
        let turns = &mut state.turns;
        let mut choice = Choice::new(upstream, turns, &mut self.random, tried.hash, now_ms);
        let nodes = &upstream.nodes;
        let untried = |n: usize| nodes[n].weight > 0 && !tried.has(n);
        let node = choice
            .among(|n| untried(n) && nodes[n].usable(now_ms))
            .or_else(|| choice.among(untried))?;
        nodes[node].endpoint.failures.tried(now_ms);
        Some(node)
    }

    /// Whether the upstream's budget pays for one more try of a request; if so, it is counted.
    pub(crate) fn retry(&mut self, upstream: &Upstream, now_ms: u64) -> bool {
        state_of(&mut self.upstreams, upstream, now_ms).retries.retry(now_ms)
    }

    /// Forgets upstreams that had no request for a minute. One that comes back starts its round
    /// anew.
    pub(crate) fn prune(&mut self, now_ms: u64) {
        self.upstreams.retain(|_, state| now_ms.saturating_sub(state.used_ms) < KEPT_MS);
    }
}

/// What a worker remembers of an upstream.
#[derive(Debug)]
struct State {
    turns: Turns,
    retries: RetryBudget,
    used_ms: u64,
}

/// Whose turn it is.
#[derive(Debug)]
struct Turns {
    /// One for each group, where nodes are taken in turn.
    weighted: Box<[SmoothWeighted]>,
    /// Where the next look at equal nodes begins.
    next: usize,
}

fn state_of<'a>(
    upstreams: &'a mut ByEndpoint<State>,
    upstream: &Upstream,
    now_ms: u64,
) -> &'a mut State {
    let state = upstreams.entry(upstream.number).or_insert_with(|| State::new(upstream));
    state.used_ms = now_ms;
    state
}

impl State {
    fn new(upstream: &Upstream) -> Self {
        let groups = match upstream.method {
            Method::RoundRobin => &*upstream.groups,
            _ => &[],
        };
        let weights = |n: usize| upstream.nodes[n].weight;
        let weighted = groups.iter().map(|group| SmoothWeighted::new(group.clone().map(weights)));
        Self {
            turns: Turns { weighted: weighted.collect(), next: 0 },
            retries: RetryBudget::new(upstream.retry_budget),
            used_ms: 0,
        }
    }
}
