//! What was said in the last second, so that it is not said again.
//!
//! Fixed tables, indexed by hash. Two kinds of lines that fall on one slot push each other out,
//! which lets a line through that might have been left out, never the other way round: keys are
//! compared in full (64 bits of a keyed hash).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::line::Body;

/// Lines a second that have one message and different fields.
pub const BURST: u32 = 50;

const WINDOW_MS: u64 = 1000;
const SLOTS: usize = 256;

/// What to do with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Write it, and with it how many like it were left out before.
    Write { suppressed: u64 },
    /// Leave it out; it is counted.
    Suppress,
}

#[derive(Debug, Default)]
pub(super) struct Repeats {
    hasher: RandomState,
    /// Lines by all of their text.
    same: Table,
    /// Lines by their message. Apart from the above, or a flood of lines would soon push out the
    /// count that bounds it.
    alike: Table,
}

#[derive(Debug)]
struct Table {
    slots: Vec<Slot>,
    /// Summaries of slots that another line took over.
    evicted: Vec<(Body, u64)>,
}

/// One kind of line and its last second.
#[derive(Clone, Debug, Default)]
struct Slot {
    key: u64,
    since_ms: u64,
    written: u32,
    suppressed: u64,
    /// What to say of those left out, once there are any.
    body: Option<Body>,
}

impl Repeats {
    /// Decides about a line, given the message that it is made of.
    pub(super) fn judge(&mut self, body: &Body, message: &str, now_ms: u64) -> Verdict {
        let same = self.hasher.hash_one(body);
        let slot = self.same.slot(same);
        if slot.holds(same, now_ms) {
            slot.leave_out(|| body.clone());
            return Verdict::Suppress;
        }
        let alike = self.hasher.hash_one((message, body.level()));
        let slot = self.alike.slot(alike);
        if slot.holds(alike, now_ms) && slot.written >= BURST {
            slot.leave_out(|| body.of_message(message));
            return Verdict::Suppress;
        }
        let suppressed = self.same.claim(same, now_ms) + self.alike.claim(alike, now_ms);
        Verdict::Write { suppressed }
    }

    /// What was left out in windows that are over, taken out of the memory.
    pub(super) fn ended(&mut self, now_ms: u64) -> Vec<(Body, u64)> {
        let mut ended = self.same.ended(now_ms);
        ended.append(&mut self.alike.ended(now_ms));
        ended
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { slots: vec![Slot::default(); SLOTS], evicted: Vec::new() }
    }
}

impl Table {
    fn slot(&mut self, key: u64) -> &mut Slot {
        &mut self.slots[key as usize % SLOTS]
    }

    /// Counts a line that is written, and returns how many of its kind were left out before.
    fn claim(&mut self, key: u64, now_ms: u64) -> u64 {
        let slot = self.slot(key);
        if slot.holds(key, now_ms) {
            slot.written += 1;
            return 0;
        }
        let before = slot.take();
        let same_kind = slot.key == key;
        *slot = Slot { key, since_ms: now_ms, written: 1, ..Slot::default() };
        match before {
            Some((_, count)) if same_kind => count,
            Some(summary) => {
                // Bounded for a process that never sweeps. The metrics count what is not said.
                if self.evicted.len() < SLOTS {
                    self.evicted.push(summary);
                }
                0
            }
            None => 0,
        }
    }

    fn ended(&mut self, now_ms: u64) -> Vec<(Body, u64)> {
        let mut ended = std::mem::take(&mut self.evicted);
        for slot in &mut self.slots {
            if !slot.is_open(now_ms) {
                ended.extend(slot.take());
            }
        }
        ended
    }
}

impl Slot {
    fn holds(&self, key: u64, now_ms: u64) -> bool {
        self.written > 0 && self.key == key && self.is_open(now_ms)
    }

    /// Whether its second is not over. A clock set back ends it.
    fn is_open(&self, now_ms: u64) -> bool {
        now_ms.wrapping_sub(self.since_ms) < WINDOW_MS
    }

    fn leave_out(&mut self, summary: impl FnOnce() -> Body) {
        self.suppressed += 1;
        self.body.get_or_insert_with(summary);
    }

    fn take(&mut self) -> Option<(Body, u64)> {
        let body = self.body.take()?;
        Some((body, std::mem::take(&mut self.suppressed)))
    }
}
