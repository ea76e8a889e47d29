//! How long to wait for an upstream.

use std::time::Duration;

use serde::Deserialize;

use super::number;

/// Limits on the time spent with an upstream, each at least a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Timeout {
    /// For a connection, TLS included.
    #[serde(deserialize_with = "number::seconds_above_zero")]
    pub connect: Duration,
    /// Between two successful writes.
    #[serde(deserialize_with = "number::seconds_above_zero")]
    pub send: Duration,
    /// Between two successful reads.
    #[serde(deserialize_with = "number::seconds_above_zero")]
    pub read: Duration,
    /// For the whole exchange, retries included; no limit when absent. Not in APISIX.
    #[serde(default, deserialize_with = "number::seconds_above_zero_if_any")]
    pub total: Option<Duration>,
}
