//! What an endpoint has to do, and how fast it does it: what `least_conn` and `ewma` go by.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use gateway_kit::ewma::Average;

/// Requests under way and the average time to an answer, of all workers and of all upstreams that
/// choose by one of the two; others do not count here, so that they pay nothing.
#[derive(Debug, Default)]
pub(crate) struct Load {
    active: AtomicU32,
    /// An [`Average`] of microseconds.
    latency: AtomicU64,
}

impl Load {
    /// Requests under way.
    #[inline]
    pub(crate) fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }

    /// Counts a request as under way until what is returned is dropped.
    #[inline]
    pub(crate) fn hold(&self) -> Held<'_> {
        self.active.fetch_add(1, Ordering::Relaxed);
        Held(&self.active)
    }

    /// An answer's head came at `now_ms`, so many microseconds after the request was begun. Of two
    /// workers that tell at the same moment one may be unheard: it is an average.
    #[inline]
    pub(crate) fn answered(&self, elapsed_us: u64, now_ms: u64) {
        let average = self.average().with(elapsed_us as f32, now_ms as u32);
        self.latency.store(average.to_bits(), Ordering::Relaxed);
    }

    /// What one more request is expected to cost here.
    #[inline]
    pub(crate) fn cost(&self, now_ms: u64) -> f32 {
        self.average().cost(self.active(), now_ms as u32)
    }

    fn average(&self) -> Average {
        Average::from_bits(self.latency.load(Ordering::Relaxed))
    }
}

/// A request that is under way at an endpoint.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a AtomicU32);

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
