//! A consistent-hash ring, the one of nginx and of APISIX's `lua-resty-chash`: the same key goes to
//! the same node here as there.
//!
//! ```
//! use gateway_kit::ketama::{Ring, hash, node_id};
//!
//! let nodes = ["127.0.0.1:1980", "127.0.0.1:1981", "127.0.0.1:1982"];
//! let ring = Ring::new(nodes.map(|address| (node_id(address), 1)));
//! let key = hash(b"session-7");
//! assert_eq!(ring.find(key, |_| true), Some(0));
//! assert_eq!(ring.find(key, |node| node != 0), Some(1), "the next on the ring");
//! ```
//!
//! What surprises: a node's points depend on its id alone, not on its position or on the other
//! nodes, but on its weight after all weights were divided by their greatest common divisor: 2 and
//! 2 make the ring of 1 and 1, and a third node of weight 1 then adds points to all.

#[cfg(test)]
mod tests;

use crc32fast::Hasher;

/// Points of a node for each unit of its weight, as in nginx and in lua-resty-chash.
const POINTS: u32 = 160;

/// Units of weight on one ring, at most (8 MiB of points). APISIX has no limit and runs out of
/// memory where weights such as 1,000,003 and 999,983 have no common divisor.
const UNITS: u64 = 6_553;

/// The nodes of a group on a circle of 2^32 places; nodes go by their position.
#[derive(Clone, Debug)]
pub struct Ring {
    /// In the order of their places.
    points: Box<[Point]>,
    nodes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    place: u32,
    node: u32,
}

/// The place of a key: its CRC-32.
pub fn hash(key: &[u8]) -> u32 {
    crc32fast::hash(key)
}

/// What nginx and APISIX hash of a node's address: a zero byte stands for each colon.
pub fn node_id(address: &str) -> Vec<u8> {
    address.bytes().map(|byte| if byte == b':' { 0 } else { byte }).collect()
}

impl Ring {
    /// A ring of nodes with their ids and weights. A node of weight 0 gets no point.
    pub fn new(nodes: impl IntoIterator<Item = (Vec<u8>, u32)>) -> Self {
        let (ids, weights): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
        let units = units(&weights);
        let mut points = Vec::with_capacity(units.iter().sum::<u32>() as usize * POINTS as usize);
        for (node, (id, units)) in ids.iter().zip(units).enumerate() {
            let mut base = Hasher::new();
            base.update(id);
            // Each point hashes the id followed by the point before it, as ngx_http_upstream_hash
            // does since nginx 1.7.2.
            let mut place = 0_u32;
            for _ in 0..units * POINTS {
                let mut hasher = base.clone();
                hasher.update(&place.to_le_bytes());
                place = hasher.finalize();
                points.push(Point { place, node: node as u32 });
            }
        }
        points.sort_unstable();
        Self { points: points.into_boxed_slice(), nodes: ids.len() }
    }

    /// The node of the first point at or after `place` that `accept` takes, going around; none if
    /// it takes no node. So the keys of a node that is refused go to the next on the ring, each
    /// point's to its own next, all others stay where they are, and all come back with the node.
    #[inline]
    pub fn find(&self, place: u32, mut accept: impl FnMut(usize) -> bool) -> Option<usize> {
        let at = self.points.partition_point(|point| point.place < place);
        let first = self.points.get(at).or(self.points.first())?.node as usize;
        if accept(first) { Some(first) } else { self.step_over(at, accept) }
    }

    #[cold]
    fn step_over(&self, at: usize, mut accept: impl FnMut(usize) -> bool) -> Option<usize> {
        // Asking each node once is cheaper than going around for nothing.
        if !(0..self.nodes).any(&mut accept) {
            return None;
        }
        let (before, after) = self.points.split_at(at);
        after.iter().chain(before).map(|point| point.node as usize).find(|node| accept(*node))
    }
}

/// Weights divided by what they have in common, and once more where they are still too large for a
/// ring; none but 0 becomes 0.
fn units(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let total: u64 = weights.iter().map(|weight| u64::from(weight / divisor)).sum();
    let fit = |weight: &u32| {
        let units = weight / divisor;
        if total <= UNITS || units == 0 {
            return units;
        }
        (u64::from(units) * UNITS / total).max(1) as u32
    };
    weights.iter().map(fit).collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
