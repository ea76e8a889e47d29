//! Figures by route: for the operator's eye, not for a scraper, which 100,000 series would choke.

use std::sync::OnceLock;

use super::cell::Cell;

/// Routes whose figures are made at once.
const CHUNK: usize = 1024;
/// Chunks that a worker may have: a million routes. Those beyond are not counted by route.
const CHUNKS: usize = 1024;

/// One route's figures, counted by one worker.
#[derive(Debug, Default)]
struct RouteCells {
    requests: Cell,
    errors: Cell,
}

/// The routes of one worker, by their slots: an array, so that counting looks nothing up. Memory is
/// taken by the chunk, when a request takes one of its routes for the first time.
#[derive(Debug)]
pub(super) struct Routes {
    chunks: Box<[OnceLock<Box<[RouteCells]>>]>,
}

impl Default for Routes {
    fn default() -> Self {
        Self { chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect() }
    }
}

impl Routes {
    #[inline]
    pub(super) fn finished(&self, slot: u32, error: bool) {
        let slot = slot as usize;
        let Some(chunk) = self.chunks.get(slot / CHUNK) else { return };
        let chunk = chunk.get_or_init(|| (0..CHUNK).map(|_| RouteCells::default()).collect());
        let cells = &chunk[slot % CHUNK];
        cells.requests.add(1);
        cells.errors.add(u64::from(error));
    }

    /// Adds the figures of a route to `total`.
    pub(super) fn add_to(&self, slot: u32, total: &mut RouteTotal) {
        let slot = slot as usize;
        let chunk = self.chunks.get(slot / CHUNK).and_then(OnceLock::get);
        if let Some(cells) = chunk.map(|chunk| &chunk[slot % CHUNK]) {
            total.requests += cells.requests.get();
            total.errors += cells.errors.get();
        }
    }
}

/// The figures of one route over all workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteTotal {
    /// Requests that took it and are over.
    pub requests: u64,
    /// Those of them that were answered 500 or above.
    pub errors: u64,
}
