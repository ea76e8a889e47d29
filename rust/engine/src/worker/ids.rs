//! Request ids: 128 bits that do not repeat.

use std::cell::Cell;

/// A generator of ids. Not secret: 64 random bits of the worker, and a counter mixed so that
/// neighbours do not look alike.
#[derive(Debug)]
pub(super) struct Ids {
    worker: u64,
    count: Cell<u64>,
}

impl Ids {
    /// A generator; `seed` is random and differs between workers and starts.
    pub(super) fn new(seed: u128) -> Self {
        Self { worker: (seed >> 64) as u64, count: Cell::new(seed as u64) }
    }

    /// The next id.
    pub(super) fn next(&self) -> u128 {
        let count = self.count.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.count.set(count);
        // SplitMix64's finaliser is a bijection, so no two counts give the same bits.
        let mut mixed = count;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        u128::from(self.worker) << 64 | u128::from(mixed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Ids;

    #[test]
    fn ids_do_not_repeat() {
        let ids = Ids::new(7);
        let made: HashSet<u128> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 10_000);
    }

    #[test]
    fn workers_differ() {
        assert_ne!(Ids::new(1 << 64).next(), Ids::new(2 << 64).next());
    }
}
