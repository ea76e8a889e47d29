//! What the publisher says of the configuration: rare events, from any thread.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Figures about the configuration in force.
#[derive(Debug, Default)]
pub struct Control {
    pub(super) reloads_applied: AtomicU64,
    pub(super) reloads_refused: AtomicU64,
    pub(super) last_applied: AtomicBool,
    pub(super) last_applied_ms: AtomicU64,
    pub(super) revision: AtomicU64,
    pub(super) refused_objects: AtomicU64,
    certificates: Mutex<BTreeMap<String, i64>>,
}

impl Control {
    /// A configuration was applied: its revision, and when, in milliseconds since the epoch.
    pub fn applied(&self, revision: u64, unix_ms: u64) {
        self.reloads_applied.fetch_add(1, Ordering::Relaxed);
        self.last_applied_ms.store(unix_ms, Ordering::Relaxed);
        self.revision.store(revision, Ordering::Relaxed);
        self.last_applied.store(true, Ordering::Relaxed);
    }

    /// A configuration was refused; the one before serves on.
    pub fn refused(&self) {
        self.reloads_refused.fetch_add(1, Ordering::Relaxed);
        self.last_applied.store(false, Ordering::Relaxed);
    }

    /// How many objects of the store are kept out because they are wrong.
    pub fn set_refused_objects(&self, count: u64) {
        self.refused_objects.store(count, Ordering::Relaxed);
    }

    /// The certificates in force: server names and the end of their validity, in seconds since the
    /// epoch. Of several for one name the first to expire is told.
    pub fn set_certificates(&self, expiries: impl IntoIterator<Item = (String, i64)>) {
        let mut first = BTreeMap::new();
        for (name, expiry) in expiries {
            first
                .entry(name)
                .and_modify(|known: &mut i64| *known = expiry.min(*known))
                .or_insert(expiry);
        }
        *self.certificates.lock().unwrap_or_else(PoisonError::into_inner) = first;
    }

    pub(super) fn certificates(&self) -> BTreeMap<String, i64> {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
