//! Hosts: as a condition on a route, and as a key in the tree of hosts.

use std::sync::Arc;

use gateway_kit::radix::Kind;

/// A route's host: exact, or with a leading `*` for whatever ends like it.
#[derive(Clone, Debug)]
pub(super) struct HostPattern {
    /// In lower case, the `*` included.
    text: Arc<str>,
    /// It names a port, so it is compared with the header as sent.
    with_port: bool,
}

impl HostPattern {
    pub(super) fn new(host: &str) -> Self {
        Self { text: host.to_ascii_lowercase().into(), with_port: host.contains(':') }
    }

    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub(super) fn with_port(&self) -> bool {
        self.with_port
    }

    /// Its key in the tree of hosts.
    pub(super) fn key(&self) -> (Vec<u8>, Kind) {
        match self.text.strip_prefix('*') {
            Some(suffix) => (suffix.bytes().rev().collect(), Kind::Prefix),
            None => (self.text.bytes().rev().collect(), Kind::Exact),
        }
    }

    /// Whether a request for `host`, sent as `host_with_port`, is meant.
    pub(super) fn matches(&self, host: &[u8], host_with_port: &[u8]) -> bool {
        let host = if self.with_port { host_with_port } else { host };
        match self.text.strip_prefix('*') {
            Some(suffix) => (host.len().checked_sub(suffix.len()))
                .is_some_and(|start| host[start..].eq_ignore_ascii_case(suffix.as_bytes())),
            None => host.eq_ignore_ascii_case(self.text.as_bytes()),
        }
    }
}

/// Hosts up to this length are reversed on the stack; RFC 1035 allows 253
/// bytes, nearly all have fewer than half.
const INLINE: usize = 128;

/// Call `then` with the host in lower case from its end to its start, as the
/// tree of hosts is keyed: so a wildcard is a prefix.
pub(super) fn reversed<R>(host: &[u8], then: impl FnOnce(&[u8]) -> R) -> R {
    let lowered = host.iter().rev().map(u8::to_ascii_lowercase);
    if host.len() > INLINE {
        return then(&lowered.collect::<Vec<u8>>());
    }
    let mut buffer = [0; INLINE];
    for (slot, byte) in buffer.iter_mut().zip(lowered) {
        *slot = byte;
    }
    then(&buffer[..host.len()])
}
