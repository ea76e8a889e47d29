//! Idle upstream connections of one worker, newest first.
//!
//! Each endpoint (scheme, address, TLS identity) has a number, given out when the
//! configuration is published and never given again, so that taking a connection hashes four
//! bytes and pops. Newest first keeps few connections warm and lets the others reach their
//! idle time.
//!
//! What surprises: nothing here reads the clock or the socket. The caller passes the time in,
//! and a connection that its peer closed is recognised by [`Stream::stale`], which asks the
//! event loop's readiness and costs no system call.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::SocketAddr;

use crate::socket::Socket as _;
use crate::stream::Stream;

#[cfg(test)]
mod tests;

/// The number of an endpoint; equal numbers may share connections.
pub type EndpointId = u32;

/// How many idle connections an endpoint may keep, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Idle connections kept at most (`keepalive_pool.size`).
    pub size: usize,
    /// Milliseconds a connection may idle (`keepalive_pool.idle_timeout`).
    pub idle_ms: u64,
    /// Requests a connection may serve in its life (`keepalive_pool.requests`).
    pub requests: u32,
}

/// A connection to an upstream with its history.
#[derive(Debug)]
pub struct Pooled {
    /// The open byte stream.
    pub stream: Stream,
    /// The address it was opened to, for nodes whose name may since resolve to another.
    pub peer: SocketAddr,
    /// Requests it has carried; 0 says that it is fresh.
    pub served: u32,
    /// When it was opened, by the caller's clock.
    pub opened_us: u64,
    idle_until: u64,
}

impl Pooled {
    /// A connection opened at `now_us`.
    pub fn fresh(stream: Stream, peer: SocketAddr, now_us: u64) -> Self {
        Self { stream, peer, served: 0, opened_us: now_us, idle_until: 0 }
    }

    /// Whether it came out of the pool, so that its peer may have closed it meanwhile.
    pub fn reused(&self) -> bool {
        self.served > 0
    }
}

/// The idle connections of one worker.
#[derive(Debug, Default)]
pub struct Pool {
    endpoints: ByEndpoint<Vec<Pooled>>,
    idle: usize,
}

impl Pool {
    /// The newest usable connection to `endpoint`; stale and expired ones met on the way are
    /// closed.
    pub fn take(&mut self, endpoint: EndpointId, now_ms: u64) -> Option<Pooled> {
        let idle = self.endpoints.get_mut(&endpoint)?;
        while let Some(connection) = idle.pop() {
            self.idle -= 1;
            if connection.idle_until > now_ms && !connection.stream.stale() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose answer was read to its end. It is closed instead when it has
    /// served its share; when the endpoint keeps enough already, the oldest makes room.
    pub fn put(
        &mut self,
        endpoint: EndpointId,
        mut connection: Pooled,
        limits: Limits,
        now_ms: u64,
    ) {
        connection.served += 1;
        if connection.served >= limits.requests || limits.size == 0 {
            return;
        }
        connection.idle_until = now_ms + limits.idle_ms;
        let idle = self.endpoints.entry(endpoint).or_default();
        if idle.len() >= limits.size {
            idle.remove(0);
            self.idle -= 1;
        }
        idle.push(connection);
        self.idle += 1;
    }

    /// Closes what idled too long or was closed by its peer, and forgets endpoints that have
    /// nothing left. Called by the worker's sweep.
    pub fn sweep(&mut self, now_ms: u64) {
        let mut left = 0;
        self.endpoints.retain(|_, idle| {
            idle.retain(|c| c.idle_until > now_ms && !c.stream.stale());
            left += idle.len();
            !idle.is_empty()
        });
        self.idle = left;
    }

    /// Closes every idle connection (the worker is stopping).
    pub fn clear(&mut self) {
        self.endpoints.clear();
        self.idle = 0;
    }

    /// Idle connections over all endpoints.
    pub fn idle(&self) -> usize {
        self.idle
    }
}

/// A map by endpoint.
pub type ByEndpoint<T> = HashMap<EndpointId, T, BuildHasherDefault<ById>>;

/// Hashes an [`EndpointId`]: the numbers are small and unique, so multiplying spreads them well
/// enough.
#[derive(Debug, Default)]
pub struct ById(u64);

impl Hasher for ById {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    #[inline]
    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
