//! Figures by upstream node, for as many nodes as a worker may have.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use super::cell::Cell;
use super::worker::UpstreamFailure;

/// Nodes that have figures of their own, by worker. Those beyond share one set, called `other`.
pub const NODES_MAX: usize = 1024;
/// What nodes beyond [`NODES_MAX`] are called.
const OTHER: &str = "other";

/// One node's figures, counted by one worker.
#[derive(Debug, Default)]
struct NodeCells {
    requests: Cell,
    failures: [Cell; UpstreamFailure::ALL.len()],
}

/// A worker's handle to the figures of one node. It stays on its thread.
#[derive(Clone, Debug)]
pub struct Node {
    cells: Arc<NodeCells>,
    stays: PhantomData<Rc<()>>,
}

impl Node {
    #[inline]
    pub(super) fn requested(&self) {
        self.cells.requests.add(1);
    }

    pub(super) fn failed(&self, kind: UpstreamFailure) {
        self.cells.failures[kind as usize].add(1);
    }
}

/// The nodes of one worker. Locked when a node is first met and when somebody reads.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    by_name: Mutex<HashMap<Box<str>, Arc<NodeCells>>>,
}

impl Nodes {
    pub(super) fn get(&self, name: &str) -> Node {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if by_name.len() >= NODES_MAX && !by_name.contains_key(name) {
            // Nodes that nobody holds have left the configuration: their figures may go.
            by_name.retain(|_, cells| Arc::strong_count(cells) > 1);
        }
        let full = by_name.len() >= NODES_MAX && !by_name.contains_key(name);
        let name = if full { OTHER } else { name };
        let cells = by_name.entry(name.into()).or_default();
        Node { cells: Arc::clone(cells), stays: PhantomData }
    }

    pub(super) fn add_to(&self, totals: &mut BTreeMap<Box<str>, NodeTotal>) {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, cells) in by_name.iter() {
            let total = totals.entry(name.clone()).or_default();
            total.requests += cells.requests.get();
            for (sum, cell) in total.failures.iter_mut().zip(&cells.failures) {
                *sum += cell.get();
            }
        }
    }
}

/// The figures of one node over all workers.
#[derive(Debug, Default)]
pub(super) struct NodeTotal {
    pub(super) requests: u64,
    pub(super) failures: [u64; UpstreamFailure::ALL.len()],
}
