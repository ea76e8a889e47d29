//! Which route a request takes: APISIX's order of decision, by looking at all routes.

use crate::expression::{self, Left};
use crate::{address, path};
use gateway_core::method::Method;
use gateway_engine::matching::RouterKind;
use serde_json::Value as Json;
use std::cmp::Reverse;
use std::net::IpAddr;

/// A route as written, and when it came.
#[derive(Clone, Debug)]
pub struct Route {
    pub id: u8,
    pub order: u64,
    pub uris: Vec<String>,
    pub hosts: Vec<String>,
    pub methods: Vec<Method>,
    pub networks: Vec<String>,
    pub vars: Option<Json>,
    pub priority: i64,
    pub disabled: bool,
}

/// What is asked of a request.
pub struct Request<'a> {
    pub method: Method,
    pub path: &'a [u8],
    /// Without a port.
    pub host: &'a str,
    /// As it was sent.
    pub host_with_port: &'a str,
    pub address: IpAddr,
    pub lookup: &'a dyn Fn(&str) -> Left<'a>,
    /// How much of the body a variable may ask for.
    pub body_limit: &'a dyn Fn(&str) -> Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The route, its path, and its host where hosts decide first.
    Found {
        id: u8,
        uri: String,
        host: Option<String>,
    },
    NeedsBody(usize),
    NotFound,
}

/// How well a host fits, larger being better: with its port, exactly, by its length.
type HostFit = (bool, bool, usize);

/// `pattern` has a `*` at most at its start, and with a colon it means the host as sent.
fn host_fit(pattern: &str, sent: bool, host: &str) -> Option<HostFit> {
    let (pattern, host) = (pattern.to_lowercase(), host.to_lowercase());
    match pattern.strip_prefix('*') {
        Some(end) => host.ends_with(end).then_some((sent, false, end.len())),
        None => (host == pattern).then_some((sent, true, pattern.len())),
    }
}

/// The best of the fits of a host. APISIX's tree of hosts never sees a port; the gateway's does,
/// for the hosts that name one, before it looks without.
fn best_host(pattern: &str, kind: RouterKind, request: &Request<'_>) -> Option<HostFit> {
    let ported = pattern.contains(':').then(|| host_fit(pattern, true, request.host_with_port));
    match (ported, kind) {
        (Some(Some(fit)), _) if request.host_with_port != request.host => Some(fit),
        (Some(fit), RouterKind::Uri | RouterKind::UriWithParameter) => fit,
        _ => host_fit(pattern, false, request.host),
    }
}

/// The answer for a request, and the first route in order that has a say in it gives it.
pub fn search(routes: &[Route], kind: RouterKind, request: &Request<'_>) -> Answer {
    let mut said = Vec::new();
    for route in routes.iter().filter(|route| !route.disabled) {
        let hosts = route.hosts.iter();
        let host = hosts.filter_map(|h| Some((best_host(h, kind, request)?, h))).max();
        if host.is_none() && !route.hosts.is_empty() {
            continue;
        }
        for uri in &route.uris {
            let parameters = kind == RouterKind::UriWithParameter;
            let Some(path) = path::fit(uri, parameters, request.path) else { continue };
            let Some(answer) = answer(route, request) else { continue };
            let host = host.filter(|_| kind == RouterKind::HostUri);
            let same = (Reverse(route.priority), Reverse(uri.len()), route.order);
            let rank = (Reverse(host.map(|(fit, _)| fit)), Reverse(path), same);
            let answer = answer.unwrap_or_else(|| Answer::Found {
                id: route.id,
                uri: uri.clone(),
                host: host.map(|(_, host)| host.to_lowercase()),
            });
            said.push((rank, answer));
        }
    }
    let first = said.into_iter().min_by_key(|(rank, _)| *rank);
    first.map_or(Answer::NotFound, |(_, answer)| answer)
}

/// What a route says beyond path and host: nothing, yes, or that it needs the body.
fn answer(route: &Route, request: &Request<'_>) -> Option<Option<Answer>> {
    if !route.methods.is_empty() && !route.methods.contains(&request.method) {
        return None;
    }
    let inside = |network: &String| address::within(request.address, network);
    if !route.networks.is_empty() && !route.networks.iter().any(inside) {
        return None;
    }
    let Some(vars) = &route.vars else { return Some(None) };
    match expression::eval(vars, request.lookup).expect("the route is valid") {
        Some(true) => Some(None),
        Some(false) => None,
        None => {
            let limits = expression::variables(vars).into_iter().filter_map(request.body_limit);
            limits.max().map(|limit| Some(Answer::NeedsBody(limit)))
        }
    }
}
