//! The addresses that upstream nodes name, and what is remembered of each across changes of
//! the configuration and across workers.
//!
//! Two nodes of different upstreams with the same scheme, host, port and TLS identity are one
//! endpoint: they share pooled connections and the memory of failures.

mod load;
mod warm_up;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use gateway_core::config::Host;
use gateway_net::pool::EndpointId;

pub(crate) use load::{Held, Load};
pub(crate) use warm_up::WarmUp;

#[cfg(test)]
mod tests;

/// How long a node is passed over after its first failure in a row, in milliseconds.
const FIRST_PENALTY_MS: u64 = 1_000;
/// The penalty doubles with each further failure up to this; nginx's `fail_timeout` is 10 s too.
const LONGEST_PENALTY_MS: u64 = 10_000;

/// What makes two nodes the same endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Address or name.
    pub(crate) host: Host,
    /// TCP port.
    pub(crate) port: u16,
    /// The number of the TLS configuration (CA, verification, client certificate); none for plain
    /// TCP.
    pub(crate) tls: Option<u64>,
}

impl Key {
    /// Where the node is, however it is reached.
    pub(crate) fn place(&self) -> (&Host, u16) {
        (&self.host, self.port)
    }
}

/// One address that requests are sent to.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Number for pools; never given out again.
    pub(crate) id: EndpointId,
    /// Where it is and how it is reached.
    pub(crate) key: Key,
    /// `host:port`, as logs and `pass_host: node` write it.
    pub(crate) authority: Box<str>,
    /// Failures remembered.
    pub(crate) failures: Failures,
    /// What it has to do, and how fast it does it.
    pub(crate) load: Load,
    /// Since when it serves.
    pub(crate) warm_up: WarmUp,
}

impl Endpoint {
    /// An answer came: failures are forgotten. After some, the endpoint counts as back.
    #[inline]
    pub(crate) fn answered(&self, now_ms: u64) {
        if self.failures.answered() {
            self.warm_up.restart(now_ms);
        }
    }
}

/// The memory of failures of one endpoint: a dead node costs one failed try, then none until
/// its penalty has passed. Then one request tries it, and others follow when that is answered: were
/// it all of them, each would wait as long as a stopped node lets a connection wait.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    in_a_row: AtomicU32,
    passed_over_until: AtomicU64,
}

impl Failures {
    /// Whether the node is to be passed over at `now_ms`, if there are others.
    #[inline]
    pub(crate) fn passed_over(&self, now_ms: u64) -> bool {
        self.passed_over_until.load(Ordering::Relaxed) > now_ms
    }

    /// A connection could not be opened or broke before an answer.
    pub(crate) fn failed(&self, now_ms: u64) {
        let earlier = self.in_a_row.fetch_add(1, Ordering::Relaxed);
        self.passed_over_until.store(now_ms + penalty(earlier), Ordering::Relaxed);
    }

    /// A request goes to the endpoint. If it is the first after failures, the others keep away
    /// until it was answered, or for as long as the last penalty.
    #[inline]
    pub(crate) fn tried(&self, now_ms: u64) {
        let in_a_row = self.in_a_row.load(Ordering::Relaxed);
        if in_a_row != 0 {
            self.passed_over_until.store(now_ms + penalty(in_a_row - 1), Ordering::Relaxed);
        }
    }

    /// An answer came; tells whether there was something to forget. Writes only then, so that the
    /// line stays shared between the workers.
    #[inline]
    fn answered(&self) -> bool {
        let failed = self.in_a_row.load(Ordering::Relaxed) != 0;
        if failed {
            self.in_a_row.store(0, Ordering::Relaxed);
            self.passed_over_until.store(0, Ordering::Relaxed);
        }
        failed
    }
}

/// How long a node is passed over that had failed so often in a row `earlier`.
fn penalty(earlier: u32) -> u64 {
    (FIRST_PENALTY_MS << earlier.min(16)).min(LONGEST_PENALTY_MS)
}

/// Every endpoint in use. Owned by the publishing thread.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    known: HashMap<Key, Weak<Endpoint>>,
    last_id: EndpointId,
}

impl Registry {
    /// The endpoint for `key`, the existing one if any upstream still uses it.
    pub(crate) fn intern(&mut self, key: Key) -> Arc<Endpoint> {
        if let Some(endpoint) = self.known.get(&key).and_then(Weak::upgrade) {
            return endpoint;
        }
        self.last_id += 1;
        let authority = format!("{}:{}", key.host, key.port).into();
        let endpoint = Arc::new(Endpoint {
            id: self.last_id,
            key: key.clone(),
            authority,
            failures: Failures::default(),
            load: Load::default(),
            warm_up: WarmUp::default(),
        });
        self.known.insert(key, Arc::downgrade(&endpoint));
        endpoint
    }

    /// Forgets endpoints that no upstream uses any more.
    pub(crate) fn prune(&mut self) {
        self.known.retain(|_, endpoint| endpoint.strong_count() > 0);
    }
}
