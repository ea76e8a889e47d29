//! `/status`: how the gateway is doing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::upstream::Upstream;

/// How the gateway is doing.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The version of this build.
    pub version: &'static str,
    /// The process.
    pub pid: u32,
    /// When the engine was made, in seconds since 1970.
    pub started: f64,
    /// Whether requests can be served.
    pub ready: bool,
    /// Whether it is about to end: requests under way are finished, no more are taken.
    pub draining: bool,
    /// Worker threads that run.
    pub workers: usize,
    /// The revision in force.
    pub revision: u64,
    /// How the last attempt at a configuration went.
    pub reload: Reload,
    /// What is listened on, in the order of the settings.
    pub listeners: Vec<Listener>,
    /// Certificates in force, by server name.
    pub certificates: Vec<Certificate>,
    /// Upstreams in force: those with an id, then those written out in services and routes.
    pub upstreams: Vec<UpstreamStatus>,
}

/// How the last attempt at a configuration went.
#[derive(Debug, Serialize)]
pub struct Reload {
    /// Whether it was accepted.
    pub ok: bool,
    /// When, in seconds since 1970; 0 for never.
    pub time: f64,
    /// What was wrong.
    pub problems: Vec<String>,
}

/// An address that is listened on.
#[derive(Debug, Clone, Serialize)]
pub struct Listener {
    /// `ip:port`; the port is the one that the kernel chose, where the settings have 0.
    pub address: String,
    /// `http` and `https` for clients; `status` for `/status` and metrics.
    pub protocol: &'static str,
}

/// A certificate in force.
#[derive(Debug, Serialize)]
pub struct Certificate {
    /// The server name.
    pub name: String,
    /// The end of its validity, in seconds since 1970; of several pairs the first to end.
    pub not_after: i64,
}

/// By name, each once.
pub(crate) fn certificates(expiries: Vec<(String, i64)>) -> Vec<Certificate> {
    let mut first: BTreeMap<String, i64> = BTreeMap::new();
    for (name, not_after) in expiries {
        let known = first.entry(name).or_insert(not_after);
        *known = not_after.min(*known);
    }
    first.into_iter().map(|(name, not_after)| Certificate { name, not_after }).collect()
}

/// An upstream in force.
#[derive(Debug, Serialize)]
pub struct UpstreamStatus {
    /// `upstream ID`, or `service ID` and `route ID` for one written out there.
    pub name: String,
    /// Its servers.
    pub nodes: Vec<NodeStatus>,
}

/// A server of an upstream.
#[derive(Debug, Serialize)]
pub struct NodeStatus {
    /// `host:port`
    pub node: String,
    /// Share of the requests.
    pub weight: u32,
    /// `up`, or `failing` while it is passed over after a failure.
    pub state: &'static str,
}

impl UpstreamStatus {
    /// The state at `now_ms` of the workers' clock.
    pub(crate) fn of(name: String, upstream: &Arc<Upstream>, now_ms: u64) -> Self {
        let nodes = upstream.nodes.iter().map(|node| NodeStatus {
            node: node.endpoint.authority.to_string(),
            weight: node.weight,
            state: if node.endpoint.failures.passed_over(now_ms) { "failing" } else { "up" },
        });
        Self { name, nodes: nodes.collect() }
    }
}
