//! `/status`: how the gateway is doing.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::supervisor::Engine;
use crate::upstream::Node;

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
pub(super) struct UpstreamStatus {
    /// `upstream ID`, or `service ID` and `route ID` for one written out there.
    name: String,
    /// Its servers.
    nodes: Vec<NodeStatus>,
}

/// A server of an upstream.
#[derive(Debug, Serialize)]
struct NodeStatus {
    /// `host:port`
    node: Box<str>,
    /// Share of the requests.
    weight: u32,
    /// Whether it is sent requests.
    state: NodeState,
}

/// Whether a node is sent requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NodeState {
    /// It is.
    Up,
    /// It is passed over for a while after a failure, if there are others.
    Failing,
    /// Checks have found it unhealthy, and it is passed over if there are others.
    Unhealthy,
}

impl NodeState {
    /// The state at `now_ms` of the workers' clock.
    fn of(node: &Node, now_ms: u64) -> Self {
        if node.health.as_ref().is_some_and(|health| !health.usable()) {
            Self::Unhealthy
        } else if node.endpoint.failures.passed_over(now_ms) {
            Self::Failing
        } else {
            Self::Up
        }
    }
}

/// Every upstream in force: those with an id, then those written out in services and in routes.
pub(super) fn upstreams(engine: &Engine) -> Vec<UpstreamStatus> {
    let upstreams = engine.publisher().upstreams();
    let now_ms = engine.shared().now_ms();
    let of = |node: &Node| NodeStatus {
        node: node.endpoint.authority.clone(),
        weight: node.weight,
        state: NodeState::of(node, now_ms),
    };
    let told = upstreams.into_iter().map(|(name, upstream)| {
        let nodes = upstream.nodes.iter().map(of).collect();
        UpstreamStatus { name, nodes }
    });
    told.collect()
}

/// The nodes in use that are not up, `host:port`. Of several upstreams' words on one the worst
/// counts.
pub(super) fn nodes_down(engine: &Engine) -> BTreeMap<Box<str>, NodeState> {
    let publisher = engine.publisher();
    let now_ms = engine.shared().now_ms();
    let mut down = BTreeMap::new();
    for node in publisher.each_upstream().flat_map(|(_, _, upstream)| &upstream.nodes) {
        let state = NodeState::of(node, now_ms);
        if state != NodeState::Up {
            let known = down.entry(node.endpoint.authority.clone()).or_insert(state);
            *known = state.max(*known);
        }
    }
    down
}
