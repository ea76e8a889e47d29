//! One choice among the nodes of an upstream.

use std::ops::Range;

use super::{Method, Turns};
use crate::upstream::Upstream;

/// Nodes drawn at random before the next one is taken that will do.
const DRAWS: usize = 4;

/// What a choice is made with.
pub(super) struct Choice<'a> {
    upstream: &'a Upstream,
    turns: &'a mut Turns,
    random: &'a mut fastrand::Rng,
    hash: u32,
    now_ms: u64,
    /// Nodes whose part of their share is below this stand back, once others are there.
    draw: f32,
}

impl<'a> Choice<'a> {
    /// A choice for the request whose key is at `hash`.
    pub(super) fn new(
        upstream: &'a Upstream,
        turns: &'a mut Turns,
        random: &'a mut fastrand::Rng,
        hash: u32,
        now_ms: u64,
    ) -> Self {
        let draw = if upstream.slow_start_ms > 0 { random.f32() } else { 0.0 };
        Self { upstream, turns, random, hash, now_ms, draw }
    }

    /// A node that `accept` takes, of the highest priority that has one.
    pub(super) fn among(&mut self, accept: impl Fn(usize) -> bool) -> Option<usize> {
        let upstream = self.upstream;
        upstream.groups.iter().enumerate().find_map(|(number, group)| {
            // A key belongs to its node, however cold that is.
            let even = upstream.slow_start_ms == 0
                || matches!(upstream.method, Method::ConsistentHash(..));
            if even {
                return self.in_group(number, group, &accept);
            }
            let (draw, now_ms) = (self.draw, self.now_ms);
            let part =
                |n: usize| upstream.nodes[n].endpoint.warm_up.part(upstream.slow_start_ms, now_ms);
            self.in_group(number, group, &|n| accept(n) && part(n) > draw)
                .or_else(|| self.in_group(number, group, &accept))
        })
    }

    fn in_group(
        &mut self,
        number: usize,
        group: &Range<usize>,
        accept: &impl Fn(usize) -> bool,
    ) -> Option<usize> {
        match &self.upstream.method {
            Method::RoundRobin => {
                let turns = &mut self.turns.weighted[number];
                turns.pick(|n| !accept(group.start + n)).map(|n| group.start + n)
            }
            Method::ConsistentHash(_, rings) => {
                let node = rings[number].find(self.hash, |n| accept(group.start + n));
                node.map(|n| group.start + n)
            }
            Method::LeastConnections => self.least_connections(group, accept),
            Method::Ewma => self.better_of_two(group, accept),
        }
    }

    /// The node with the lowest (requests under way + 1) / weight, as in APISIX; of equal ones each
    /// in its turn.
    fn least_connections(
        &mut self,
        group: &Range<usize>,
        accept: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let nodes = &self.upstream.nodes;
        let start = group.start + self.turns.next % group.len();
        self.turns.next = self.turns.next.wrapping_add(1);
        let mut best: Option<(usize, u64, u64)> = None;
        for n in (start..group.end).chain(group.start..start).filter(|n| accept(*n)) {
            let (load, weight) =
                (u64::from(nodes[n].endpoint.load.active()) + 1, u64::from(nodes[n].weight));
            // load / weight < its load / its weight; neither product exceeds 64 bits.
            if best.is_none_or(|(_, its_load, its_weight)| load * its_weight < its_load * weight) {
                best = Some((n, load, weight));
            }
        }
        best.map(|(n, ..)| n)
    }

    /// Of two nodes taken at random the one on which a request costs less. Weights are ignored, as
    /// in APISIX.
    fn better_of_two(
        &mut self,
        group: &Range<usize>,
        accept: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let one = self.any(group, &accept)?;
        let Some(two) = self.any(group, |n| n != one && accept(n)) else { return Some(one) };
        let cost = |n: usize| self.upstream.nodes[n].endpoint.load.cost(self.now_ms);
        Some(if cost(two) < cost(one) { two } else { one })
    }

    /// Any node that `accept` takes. A few are drawn before all are asked, since most are taken.
    fn any(&mut self, group: &Range<usize>, accept: impl Fn(usize) -> bool) -> Option<usize> {
        for _ in 0..DRAWS {
            let drawn = self.random.usize(group.clone());
            if accept(drawn) {
                return Some(drawn);
            }
        }
        let from = self.random.usize(group.clone());
        (from..group.end).chain(group.start..from).find(|n| accept(*n))
    }
}
