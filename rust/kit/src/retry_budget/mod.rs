//! How many retries the requests of the last ten seconds pay for. While a few nodes fail every
//! request is tried again; when all are overloaded, retries stop multiplying the load.
//!
//! ```
//! use gateway_kit::retry_budget::{Budget, RetryBudget};
//!
//! let mut retries = RetryBudget::new(Budget { percent: 20, min_per_second: 0 });
//! (0..10).for_each(|_| retries.request(1_000));
//! assert!(retries.retry(1_000) && retries.retry(1_000));
//! assert!(!retries.retry(1_000), "ten requests pay for two");
//! ```
//!
//! What surprises: the budget counts requests of a span of time, as linkerd's does, not those under
//! way, as Envoy's. When one of two nodes dies, half of what is under way fails at the same moment:
//! a fifth of it could not be saved by a fifth of it.

#[cfg(test)]
mod tests;

/// Seconds that a request pays for. linkerd's `ttl`.
const SECONDS: usize = 10;

/// What a budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Retries for each hundred requests of the last ten seconds.
    pub percent: u32,
    /// Retries a second besides, so that a few requests can be tried again, too.
    pub min_per_second: u32,
}

/// The requests and retries of the last ten seconds. Times are milliseconds of any clock.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    budget: Budget,
    requests: [u32; SECONDS],
    retries: [u32; SECONDS],
    /// The second that is being counted.
    at: usize,
    ends_ms: u64,
}

impl RetryBudget {
    /// A budget of which nothing is spent.
    pub fn new(budget: Budget) -> Self {
        Self { budget, requests: [0; SECONDS], retries: [0; SECONDS], at: 0, ends_ms: 0 }
    }

    /// A request has come.
    #[inline]
    pub fn request(&mut self, now_ms: u64) {
        self.advance(now_ms);
        self.requests[self.at] += 1;
    }

    /// Whether a retry is paid for; if so, it is counted.
    pub fn retry(&mut self, now_ms: u64) -> bool {
        self.advance(now_ms);
        let sum = |counts: &[u32]| counts.iter().map(|count| u64::from(*count)).sum::<u64>();
        let share = sum(&self.requests) * u64::from(self.budget.percent) / 100;
        let floor = u64::from(self.budget.min_per_second) * SECONDS as u64;
        let paid = sum(&self.retries) < share + floor;
        self.retries[self.at] += u32::from(paid);
        paid
    }

    #[inline]
    fn advance(&mut self, now_ms: u64) {
        if now_ms >= self.ends_ms {
            self.forget(now_ms);
        }
    }

    #[cold]
    fn forget(&mut self, now_ms: u64) {
        let passed = (now_ms - self.ends_ms) / 1_000 + 1;
        for _ in 0..passed.min(SECONDS as u64) {
            self.at = (self.at + 1) % SECONDS;
            self.requests[self.at] = 0;
            self.retries[self.at] = 0;
        }
        self.ends_ms += passed * 1_000;
    }
}
