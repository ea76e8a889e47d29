//! Health checks: which nodes of an upstream are fit to be sent requests.
//!
//! ```text
//! publish ── Checker ──▶ Health ──▶ background thread: probes   ┐
//!                          │                                    ├─▶ Node ──▶ balancers: usable?
//!                          └──────▶ workers: live traffic       ┘
//! ```
//!
//! | module | part |
//! |---|---|
//! | [`tally`] | the state machine: counters in, status out |
//! | [`node`] | a node's tally, shared by all workers |
//! | [`checker`] | what an upstream's document asks for |
//! | [`probe`] | one active check |
//! | [`schedule`] | when each is made |
//!
//! What surprises:
//! - State belongs to an upstream *and* a node: two upstreams may disagree about one address,
//!   since they may ask it different things.
//! - Probes start with the engine, not with the first request as APISIX's do, and each node's at
//!   a moment of its own, so that no host is hit in lock-step.
//! - A node keeps its state when its weight or the checks change.
//! - A name is one node, whatever it resolves to; each probe goes to the address whose turn it
//!   is.
//! - An upstream whose nodes are all unhealthy is used as if all were healthy (APISIX's rule).

mod checker;
mod node;
mod probe;
mod schedule;
pub(crate) mod tally;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_core::config::Kind;
use tokio::sync::{Notify, watch};

use crate::observe::error_log;
pub(crate) use checker::Checker;
pub(crate) use node::Node;
pub(crate) use probe::Probe;
pub(crate) use schedule::run;
use tally::{Seen, Tally};

/// Whose nodes are checked: `upstreams/1`, or `routes/1` for an upstream written out there.
pub(crate) type Owner = Box<str>;

/// The owner's name.
pub(crate) fn owner(kind: Kind, id: &str) -> Owner {
    format!("{}/{id}", kind.directory()).into()
}

/// What is checked. Written by the publishing thread, read by the background thread and by who
/// shows it; the lock is never on the way of a request.
#[derive(Debug, Default)]
pub(crate) struct Health {
    watched: Mutex<Watched>,
    /// Told when there is something in [`Watched::changed`].
    changed: Notify,
    /// Changes whenever a node turns unhealthy.
    turned: watch::Sender<u64>,
    /// Probes made, by what they saw.
    probes: [AtomicU64; Seen::ALL.len()],
}

#[derive(Debug, Default)]
struct Watched {
    checkers: BTreeMap<Owner, Arc<Checker>>,
    /// Owners whose checker came, went or was replaced.
    changed: BTreeSet<Owner>,
}

impl Health {
    /// The checker of `owner`.
    pub(crate) fn get(&self, owner: &str) -> Option<Arc<Checker>> {
        self.watched().checkers.get(owner).cloned()
    }

    /// Every checker: of routes, then of services, then of upstreams.
    pub(crate) fn all(&self) -> Vec<Arc<Checker>> {
        self.watched().checkers.values().cloned().collect()
    }

    /// Puts `checker` in place of the owner's last one, or none.
    pub(crate) fn set(&self, kind: Kind, id: &str, checker: Option<&Arc<Checker>>) {
        let mut watched = self.watched();
        if checker.is_none() && watched.checkers.is_empty() {
            return;
        }
        let owner = owner(kind, id);
        let before = match checker {
            Some(checker) => watched.checkers.insert(owner.clone(), Arc::clone(checker)),
            None => watched.checkers.remove(&owner),
        };
        let same = match (&before, checker) {
            (Some(before), Some(checker)) => Arc::ptr_eq(before, checker),
            (before, checker) => before.is_none() && checker.is_none(),
        };
        if !same {
            watched.changed.insert(owner);
            self.changed.notify_one();
        }
    }

    /// Something that changes whenever a node turns unhealthy.
    pub(crate) fn turned(&self) -> watch::Receiver<u64> {
        self.turned.subscribe()
    }

    /// How many probes saw `seen`.
    pub(crate) fn probes(&self, seen: Seen) -> u64 {
        self.probes[seen as usize].load(Ordering::Relaxed)
    }

    fn count_probe(&self, seen: Seen) {
        self.probes[seen as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// What changed since the last call: owners, each with its checker if it has one now.
    fn take_changed(&self) -> Vec<(Owner, Option<Arc<Checker>>)> {
        let mut watched = self.watched();
        let changed = std::mem::take(&mut watched.changed);
        changed
            .into_iter()
            .map(|owner| (owner.clone(), watched.checkers.get(&owner).cloned()))
            .collect()
    }

    /// Counts what was seen of a node, and tells if that changes whether it is used.
    fn note(&self, checker: &Checker, node: &Node, sight: &Sight<'_>, now_us: u64) {
        let Some((before, after)) = node.note(sight.seen, sight.limit) else { return };
        if before.status.usable() == after.status.usable() {
            return;
        }
        if after.status.usable() {
            checker.warm_up(node, now_us);
        } else {
            node.turned_unhealthy(now_us);
            self.turned.send_modify(|turns| *turns = turns.wrapping_add(1));
        }
        log_change(checker, node, after, sight);
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something seen of a node.
struct Sight<'a> {
    seen: Seen,
    /// So many of it settle the matter.
    limit: u8,
    /// Which check saw it.
    check: &'static str,
    /// In words.
    why: &'a dyn Display,
}

/// One line for each time that a node comes into use or out of it.
fn log_change(checker: &Checker, node: &Node, after: Tally, sight: &Sight<'_>) {
    let fields: error_log::Fields<'_> = &[
        ("node", &node.authority()),
        ("upstream", &checker.owner),
        ("check", &sight.check),
        (sight.seen.name(), &after.count(sight.seen)),
        ("reason", &sight.why),
    ];
    if after.status.usable() {
        error_log::info("upstream node is healthy", fields);
    } else {
        error_log::warn("upstream node is unhealthy", fields);
    }
}
