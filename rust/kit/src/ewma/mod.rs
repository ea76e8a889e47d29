//! A moving average whose samples fade with time, as APISIX's `ewma` balancer keeps one for each
//! node: what was measured ten seconds ago counts 37 %.
//!
//! ```
//! use gateway_kit::ewma::Average;
//!
//! let average = Average::default().with(800.0, 1_000);
//! assert_eq!(average.at(1_000), 800.0);
//! assert!(average.at(11_000) < 300.0, "unheard of, it fades");
//! ```
//!
//! What surprises: the weight of a sample is the time since the one before it. Of a thousand
//! answers a second each moves the average by a ten-thousandth, of one a minute each replaces it.
//! And a node that is not asked fades towards zero, so that it is tried again.

#[cfg(test)]
mod tests;

/// Time in which a sample's part falls to 1/e: `DECAY_TIME` of APISIX's `ewma.lua`, in milliseconds.
const DECAY_MS: f32 = 10_000.0;

/// Beyond all averages: what a request costs on a node of which nothing is known while it has not
/// answered what it was sent.
const UNPROVEN: f32 = 1e18;

/// The average and when it was last changed. Eight bytes, to be kept in one atomic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Average {
    value: f32,
    touched_ms: u32,
}

impl Average {
    /// The average at a time, in milliseconds of any clock; 0 if there was no sample for long. A
    /// time before the last sample is taken for the time of it.
    pub fn at(self, now_ms: u32) -> f32 {
        self.value * self.fading(now_ms)
    }

    /// The average with one more sample, which is not negative.
    #[must_use]
    pub fn with(self, sample: f32, now_ms: u32) -> Self {
        if self == Self::default() {
            return Self { value: sample, touched_ms: now_ms };
        }
        let kept = self.fading(now_ms);
        let late = self.since(now_ms) == 0;
        Self {
            value: self.value * kept + sample * (1.0 - kept),
            touched_ms: if late { self.touched_ms } else { now_ms },
        }
    }

    /// What one more request is expected to cost on a node that already has `active` ones: the
    /// average for each, as finagle's peak EWMA has it. APISIX leaves `active` out, so that a node
    /// that hangs fades into the best one.
    pub fn cost(self, active: u32, now_ms: u32) -> f32 {
        let average = self.at(now_ms);
        let requests = active as f32;
        if average == 0.0 && active > 0 { UNPROVEN * requests } else { average * (requests + 1.0) }
    }

    /// As one number, for an atomic; 0 is the default.
    pub fn to_bits(self) -> u64 {
        u64::from(self.value.to_bits()) << 32 | u64::from(self.touched_ms)
    }

    /// From what [`Average::to_bits`] gave.
    pub fn from_bits(bits: u64) -> Self {
        Self { value: f32::from_bits((bits >> 32) as u32), touched_ms: bits as u32 }
    }

    fn fading(self, now_ms: u32) -> f32 {
        (-(self.since(now_ms) as f32) / DECAY_MS).exp()
    }

    /// The clock may wrap (after 49 days), and another thread's sample may be the later one.
    fn since(self, now_ms: u32) -> u32 {
        let since = now_ms.wrapping_sub(self.touched_ms);
        if since > u32::MAX / 2 { 0 } else { since }
    }
}
