//! Exchanges kept for reuse, so that a request costs no allocation for what it holds.

use crate::exchange::Exchange;

/// Exchanges kept; more are given back to the allocator.
const KEPT: usize = 256;
/// An exchange whose fields grew beyond this is not kept.
const KEPT_ARENA: usize = 32 << 10;

/// The exchanges that are not in use.
#[derive(Debug, Default)]
pub(super) struct Exchanges(
    // Boxed, because a box moves between the free list and a connection, and the exchange stays.
    #[expect(clippy::vec_box, reason = "what is handed out is the box")] Vec<Box<Exchange>>,
);

impl Exchanges {
    /// An empty exchange.
    #[inline]
    pub(super) fn take(&mut self) -> Box<Exchange> {
        self.0.pop().unwrap_or_default()
    }

    /// Takes one back, emptied.
    #[inline]
    pub(super) fn give(&mut self, mut exchange: Box<Exchange>) {
        let large = exchange.request.headers.arena_len() + exchange.response.headers.arena_len();
        if self.0.len() < KEPT && large <= KEPT_ARENA {
            exchange.clear();
            self.0.push(exchange);
        }
    }
}
