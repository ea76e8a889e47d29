//! `/routes`: the table, in the order in which routes are tried.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::observe::metrics::RouteTotal;
use crate::pipeline;
use crate::publish::Listed;
use crate::snapshot::{Snapshot, Target};
use crate::supervisor::Engine;

/// A route.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Identifier.
    id: String,
    /// Name for people.
    name: Option<String>,
    /// Methods; any when empty.
    methods: Vec<&'static str>,
    /// Hosts, of the route or else of its service; any when empty.
    hosts: Vec<String>,
    /// Paths.
    uris: Vec<String>,
    /// Client addresses; any when empty.
    remote_addrs: Vec<String>,
    /// Expression that must hold.
    vars: Option<Value>,
    /// Among routes on one path, the higher is tried first.
    priority: i64,
    /// `status`: whether it is served.
    enabled: bool,
    /// The service it belongs to.
    service_id: Option<String>,
    /// Where its requests go.
    upstream: Destination,
    /// Where it was written; none for one that did not come from a file.
    source: Option<Source>,
}

/// Where the requests of a route go.
#[derive(Debug, Serialize)]
pub(super) struct Destination {
    /// The id of the upstream; none where it is written out.
    id: Option<String>,
    /// `http`, `https` and so on.
    scheme: &'static str,
    /// Its servers, `host:port`.
    nodes: Vec<String>,
    /// What is answered instead, if there is no upstream.
    error: Option<String>,
}

/// A place in a file.
#[derive(Debug, Serialize)]
pub(super) struct Source {
    /// The file's path, as it was given.
    file: Box<str>,
    /// The line, counted from 1.
    line: u32,
    /// The column, counted from 1.
    column: u32,
}

/// Requests that a route has had.
#[derive(Debug, Serialize)]
pub(super) struct Requests {
    /// Those that are over.
    requests: u64,
    /// Those of them that were answered 500 or above.
    errors: u64,
}

/// How many requests each route has had, by id; those without any are left out.
pub(super) fn requests(engine: &Engine) -> BTreeMap<Box<str>, Requests> {
    let routes = engine.publisher().route_slots();
    let totals = engine.shared().registry.routes(routes.iter().map(|(_, slot)| *slot));
    let counted = routes.into_iter().zip(totals).filter(|(_, total)| total.requests > 0);
    counted
        .map(|((id, _), RouteTotal { requests, errors })| (id, Requests { requests, errors }))
        .collect()
}

/// Every route in force.
pub(super) fn table(engine: &Engine) -> Vec<Row> {
    let (snapshot, routes) = {
        let publisher = engine.publisher();
        (publisher.snapshot().clone(), publisher.listing())
    };
    routes.iter().map(|listed| row(listed, &snapshot)).collect()
}

fn row(listed: &Listed, snapshot: &Snapshot) -> Row {
    let (config, spec) = (&listed.config, listed.spec());
    Row {
        id: config.id.to_string(),
        name: config.name.clone(),
        methods: config.methods.names().collect(),
        hosts: spec.hosts.to_vec(),
        uris: config.uris.clone(),
        remote_addrs: config.remote_addrs.iter().map(ToString::to_string).collect(),
        vars: config.vars.clone(),
        priority: config.priority,
        enabled: config.enabled,
        service_id: config.service_id.as_ref().map(ToString::to_string),
        upstream: destination(listed, snapshot),
        source: source(listed),
    }
}

/// Where the requests of a route go.
pub(super) fn destination(listed: &Listed, snapshot: &Snapshot) -> Destination {
    let route = &listed.config;
    let named = match (&route.upstream, &route.upstream_id, &listed.service) {
        (None, None, Some(service)) if service.upstream.is_none() => service.upstream_id.as_ref(),
        (None, id, _) => id.as_ref(),
        (Some(_), ..) => None,
    };
    let id = named.map(ToString::to_string);
    match snapshot.target(&listed.route) {
        Target::Upstream { upstream, .. } => Destination {
            id,
            scheme: upstream.scheme(),
            nodes: upstream.nodes.iter().map(|node| node.endpoint.authority.to_string()).collect(),
            error: None,
        },
        nowhere => {
            let (status, words) = pipeline::unserved(&nowhere).told();
            let error = Some(format!("{status} {words}"));
            Destination { id, scheme: "", nodes: Vec::new(), error }
        }
    }
}

/// Where a route was written.
pub(super) fn source(listed: &Listed) -> Option<Source> {
    let (file, position) = listed.source.as_ref()?;
    Some(Source { file: file.clone(), line: position.line, column: position.column })
}
