//! Since when an endpoint serves, for upstreams with `slow_start`.

use std::sync::atomic::{AtomicU64, Ordering};

/// The part of its share that an endpoint begins with, so that it gets requests to warm up on.
const FIRST_PART: f32 = 0.1;

/// When an endpoint began to serve, in milliseconds of the workers' clock; 0 until an upstream with
/// `slow_start` first thinks of it.
#[derive(Debug, Default)]
pub(crate) struct WarmUp(AtomicU64);

impl WarmUp {
    /// The endpoint is back: it begins anew.
    pub(crate) fn restart(&self, now_ms: u64) {
        self.0.store(now_ms, Ordering::Relaxed);
    }

    /// The part of its share that it is due, from a tenth to 1.
    pub(crate) fn part(&self, slow_start_ms: u64, now_ms: u64) -> f32 {
        let mut since = self.0.load(Ordering::Relaxed);
        if since == 0 {
            // Of two workers the first tells when.
            let first = self.0.compare_exchange(0, now_ms, Ordering::Relaxed, Ordering::Relaxed);
            since = first.map_or_else(|earlier| earlier, |_| now_ms);
        }
        let elapsed = now_ms.saturating_sub(since);
        if elapsed >= slow_start_ms {
            return 1.0;
        }
        (elapsed as f32 / slow_start_ms as f32).max(FIRST_PART)
    }
}
