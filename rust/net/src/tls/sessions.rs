//! Sessions that clients may resume, kept in memory, bounded for the process, apart per virtual
//! host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};

/// Locks are taken per handshake, not per request; this many of them keep workers apart.
const SHARDS: usize = 16;

/// Sessions kept per shard: 16,384 in all, some 400 bytes each. The oldest goes first.
const SESSIONS_PER_SHARD: usize = 1024;

/// Where sessions are kept; one for the process.
///
/// One bounded store for all hosts costs a fixed amount of memory however many certificates there
/// are. Each host sees it through a prefix of its own, so it cannot find another's sessions.
#[derive(Debug)]
pub struct SessionStore {
    shards: [Arc<ServerSessionMemoryCache>; SHARDS],
    hosts: AtomicU64,
}

impl Default for SessionStore {
    fn default() -> Self {
        let shards = std::array::from_fn(|_| ServerSessionMemoryCache::new(SESSIONS_PER_SHARD));
        Self { shards, hosts: AtomicU64::new(0) }
    }
}

impl SessionStore {
    /// The store as a new host sees it: empty, and closed to all others.
    pub(super) fn for_new_host(self: &Arc<Self>) -> Arc<HostSessions> {
        let host = self.hosts.fetch_add(1, Ordering::Relaxed);
        Arc::new(HostSessions { store: Arc::clone(self), host })
    }
}

/// The sessions of one virtual host.
#[derive(Debug)]
pub(super) struct HostSessions {
    store: Arc<SessionStore>,
    host: u64,
}

impl HostSessions {
    /// The shard for a session and the key it has there. Session ids are random, so any byte of
    /// them spreads evenly; ids that clients make up find nothing wherever they are looked for.
    fn locate(&self, id: &[u8]) -> (&ServerSessionMemoryCache, Vec<u8>) {
        let shard = usize::from(id.first().copied().unwrap_or(0)) % SHARDS;
        let mut key = Vec::with_capacity(8 + id.len());
        key.extend_from_slice(&self.host.to_ne_bytes());
        key.extend_from_slice(id);
        (&self.store.shards[shard], key)
    }
}

impl StoresServerSessions for HostSessions {
    fn put(&self, id: Vec<u8>, session: Vec<u8>) -> bool {
        let (shard, key) = self.locate(&id);
        shard.put(key, session)
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        let (shard, key) = self.locate(id);
        shard.get(&key)
    }

    fn take(&self, id: &[u8]) -> Option<Vec<u8>> {
        let (shard, key) = self.locate(id);
        shard.take(&key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}
