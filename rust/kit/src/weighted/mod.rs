//! Smooth weighted round robin, as nginx balances: nodes of weight 5, 1, 1
//! are picked a a b a c a a, not a a a a a b c.
//!
//! ```
//! use gateway_kit::weighted::SmoothWeighted;
//!
//! let mut nodes = SmoothWeighted::new([5, 1, 1]);
//! let picks: Vec<_> = (0..7).filter_map(|_| nodes.pick(|_| false)).collect();
//! assert_eq!(picks, [0, 0, 1, 0, 2, 0, 0]);
//! ```
//!
//! What surprises: a node of weight 0 is never picked, not even when it is the
//! only one left. Skipped nodes gain no credit, so a node that comes back does
//! not get a burst.

#[cfg(test)]
mod tests;

/// The nodes' weights and credits; nodes go by their position. One per worker:
/// it is not shared.
#[derive(Clone, Debug)]
pub struct SmoothWeighted {
    nodes: Box<[Node]>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    weight: i64,
    /// How much the node is owed; the credits of all sum to zero.
    credit: i64,
}

impl SmoothWeighted {
    /// Nodes of the given weights, none owed anything.
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let node = |weight: u32| Node { weight: i64::from(weight), credit: 0 };
        Self { nodes: weights.into_iter().map(node).collect() }
    }

    /// The node whose turn it is among those that `skip` does not name (the
    /// ones already tried, or down); `None` if all are skipped or of weight 0.
    pub fn pick(&mut self, mut skip: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if node.weight == 0 || skip(index) {
                continue;
            }
            total += node.weight;
            node.credit += node.weight;
            if best.is_none_or(|(_, credit)| node.credit > credit) {
                best = Some((index, node.credit));
            }
        }
        let (index, _) = best?;
        self.nodes[index].credit -= total;
        Some(index)
    }
}
