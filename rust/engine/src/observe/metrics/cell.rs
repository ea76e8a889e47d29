//! Cells that one thread writes and any thread reads.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number with one writer.
///
/// It is added to with a plain load and store: no locked instruction, so counting costs a worker
/// what it would cost in a local variable. Two writers would lose counts, nothing worse; that there
/// is one is what [`Recorder`](super::Recorder) is for, which cannot leave its thread.
#[derive(Debug, Default)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    #[inline]
    pub(super) fn add(&self, count: u64) {
        self.set(self.get().wrapping_add(count));
    }

    #[inline]
    pub(super) fn subtract(&self, count: u64) {
        self.set(self.get().wrapping_sub(count));
    }

    #[inline]
    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the buckets of every duration, in microseconds, with their labels in seconds.
///
/// APISIX's default buckets (1 ms to 60 s), with 0.1 and 0.5 ms below for what happens on one
/// machine. The labels are written as `OpenMetrics` wants them, in both formats, so that a series is
/// the same series whichever format a scraper asks for.
pub(super) const BOUNDS: [(u64, &str); 17] = [
    (100, "0.0001"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_000, "0.002"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (20_000, "0.02"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (200_000, "0.2"),
    (500_000, "0.5"),
    (1_000_000, "1.0"),
    (2_000_000, "2.0"),
    (5_000_000, "5.0"),
    (10_000_000, "10.0"),
    (30_000_000, "30.0"),
    (60_000_000, "60.0"),
];

/// Durations in buckets, with one writer.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [Cell; BOUNDS.len() + 1],
    sum_us: Cell,
}

impl Histogram {
    #[inline]
    pub(super) fn observe(&self, us: u64) {
        let bucket = BOUNDS.partition_point(|(bound, _)| *bound < us);
        self.buckets[bucket].add(1);
        self.sum_us.add(us);
    }
}

/// The sum of several histograms, read once.
#[derive(Debug, Default)]
pub(super) struct HistogramTotal {
    pub(super) buckets: [u64; BOUNDS.len() + 1],
    pub(super) sum_us: u64,
}

impl HistogramTotal {
    pub(super) fn of<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Self {
        let mut total = Self::default();
        for histogram in histograms {
            for (sum, bucket) in total.buckets.iter_mut().zip(&histogram.buckets) {
                *sum += bucket.get();
            }
            total.sum_us = total.sum_us.wrapping_add(histogram.sum_us.get());
        }
        total
    }
}
