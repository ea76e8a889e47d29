//! One node of one upstream as checks know it. Lives across changes of the configuration.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use gateway_core::config::Host;

use super::tally::{Seen, Tally};

/// One node of one upstream, shared by its checker, the workers and the background thread.
#[derive(Debug)]
pub(crate) struct Node {
    /// Address or name.
    pub(crate) host: Host,
    /// The port that requests go to; probes may go to another.
    pub(crate) port: u16,
    tally: AtomicU64,
    /// When it last turned unhealthy, in microseconds of the workers' clock; 0 for never.
    turned_us: AtomicU64,
    /// When it is to be probed next, likewise.
    due_us: AtomicU64,
    address_turn: AtomicUsize,
}

impl Node {
    pub(super) fn new(host: Host, port: u16) -> Self {
        Self {
            host,
            port,
            tally: AtomicU64::new(Tally::default().to_bits()),
            turned_us: AtomicU64::new(0),
            due_us: AtomicU64::new(0),
            address_turn: AtomicUsize::new(0),
        }
    }

    /// `host:port`
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Its status and counters.
    #[inline]
    pub(crate) fn tally(&self) -> Tally {
        Tally::from_bits(self.tally.load(Ordering::Relaxed))
    }

    /// Whether requests go to it.
    #[inline]
    pub(crate) fn usable(&self) -> bool {
        self.tally().status.usable()
    }

    /// When it last turned unhealthy, in microseconds of the workers' clock; 0 for never.
    pub(crate) fn last_turned_us(&self) -> u64 {
        self.turned_us.load(Ordering::Relaxed)
    }

    /// Counts one of `seen`. What it was and what it is, if that is another; each change is told
    /// to one caller only.
    pub(super) fn note(&self, seen: Seen, limit: u8) -> Option<(Tally, Tally)> {
        let next = |bits| {
            let after = Tally::from_bits(bits).after(seen, limit).to_bits();
            (after != bits).then_some(after)
        };
        let before = self.tally.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        let before = Tally::from_bits(before);
        Some((before, before.after(seen, limit)))
    }

    pub(super) fn turned_unhealthy(&self, now_us: u64) {
        self.turned_us.store(now_us, Ordering::Relaxed);
    }

    /// When it is to be probed next, in microseconds of the workers' clock; 0 if nobody has said.
    pub(super) fn due_us(&self) -> u64 {
        self.due_us.load(Ordering::Relaxed)
    }

    pub(super) fn set_due_us(&self, due_us: u64) {
        self.due_us.store(due_us, Ordering::Relaxed);
    }

    /// Which of its name's addresses the next probe goes to, if one counts on and on.
    pub(super) fn address_turn(&self) -> usize {
        self.address_turn.fetch_add(1, Ordering::Relaxed)
    }
}
