//! What a gateway changes in a request head (RFC 9110 section 7.6, APISIX's forwarding fields).

use gateway_core::config::PassHost;
use gateway_core::headers::{Headers, Known};
use gateway_net::h1::{RequestHead, Version, strip_hop_by_hop, strip_twins};

use crate::client::Client;
use crate::exchange::Exchange;
use crate::upstream::Upstream;
use crate::worker::Worker;

/// Fields that the gateway sets. A twin of one, written with `_` or `.`, would be read as the
/// same by a CGI-like upstream, so a client's twins go.
const OURS: [&str; 6] = [
    "X-Real-IP",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "Host",
];

/// The edits that hold for every node.
pub(super) fn prepare(
    worker: &Worker,
    client: &Client<'_>,
    exchange: &mut Exchange,
    upstream: &Upstream,
) {
    let remote = exchange.remote_text(client);
    let trusted = worker.forwarding.trusts(client.origin.peer.ip());
    let request = &mut exchange.request;
    exchange.hostless = !request.headers.has(Known::Host);
    strip_hop_by_hop(&mut request.headers, request.connection_names);
    if request.twins {
        strip_twins(&mut request.headers, &OURS);
    }
    let headers = &mut request.headers;
    replace(headers, Known::XRealIp, "X-Real-IP", remote.as_bytes());
    append_forwarded_for(worker, trusted, headers, remote.as_bytes());

    if !(trusted && headers.has(Known::XForwardedProto)) {
        let proto: &[u8] = if client.origin.tls.is_some() { b"https" } else { b"http" };
        replace(headers, Known::XForwardedProto, "X-Forwarded-Proto", proto);
    }
    if !(trusted && headers.has(Known::XForwardedHost)) {
        headers.remove_known(Known::XForwardedHost);
        forward_host(headers);
    }
    if !(trusted && headers.has(Known::XForwardedPort)) {
        let port = client.origin.local.port();
        let mut digits = itoa::Buffer::new();
        replace(headers, Known::XForwardedPort, "X-Forwarded-Port", digits.format(port).as_bytes());
    }
    if !trusted {
        headers.remove_known(Known::Forwarded);
    }
    if worker.forwarding.via {
        append_via(request);
    }
    if let PassHost::Rewrite(host) = &upstream.pass_host {
        replace(&mut request.headers, Known::Host, "Host", host.as_bytes());
    }
}

/// The edit that depends on the node.
pub(super) fn for_node(exchange: &mut Exchange, upstream: &Upstream, node: usize) {
    let headers = &mut exchange.request.headers;
    let rewritten = matches!(upstream.pass_host, PassHost::Rewrite(_));
    if upstream.pass_host == PassHost::Node || (exchange.hostless && !rewritten) {
        let host = upstream.nodes[node].host_header.as_bytes();
        replace(headers, Known::Host, "Host", host);
    }
}

/// The target as sent on: in origin form, never without a path.
pub(super) fn target(request: &RequestHead) -> &[u8] {
    request.origin()
}

/// `X-Forwarded-Host` is nginx's `$host`: in lower case, without the port, which has a field of
/// its own.
fn forward_host(headers: &mut Headers) {
    let host = headers.known(Known::Host).unwrap_or_default();
    if !host.iter().any(|byte| *byte == b':' || byte.is_ascii_uppercase()) {
        headers.copy_known(Known::Host, Known::XForwardedHost, "X-Forwarded-Host");
        return;
    }
    let end = match host.first() {
        Some(b'[') => host.iter().position(|b| *b == b']').map_or(host.len(), |at| at + 1),
        _ => host.iter().position(|b| *b == b':').unwrap_or(host.len()),
    };
    let host = host[..end].to_ascii_lowercase();
    replace(headers, Known::XForwardedHost, "X-Forwarded-Host", &host);
}

fn replace(headers: &mut Headers, known: Known, name: &str, value: &[u8]) {
    headers.remove_known(known);
    headers.append_known(known, name, value);
}

/// An untrusted client's list is thrown away if trusted addresses are configured; otherwise it
/// is kept and appended to, as APISIX does.
fn append_forwarded_for(worker: &Worker, trusted: bool, headers: &mut Headers, remote: &[u8]) {
    let keep = trusted || !worker.forwarding.restricted();
    if !keep || !headers.has(Known::XForwardedFor) {
        replace(headers, Known::XForwardedFor, "X-Forwarded-For", remote);
        return;
    }
    let mut list = Vec::new();
    for value in headers.get_all("X-Forwarded-For") {
        list.extend_from_slice(value);
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(remote);
    replace(headers, Known::XForwardedFor, "X-Forwarded-For", &list);
}

/// RFC 9110 section 7.6.3.
fn append_via(request: &mut RequestHead) {
    let hop = match request.version {
        Version::Http10 => "1.0 gatewright",
        Version::Http11 => "1.1 gatewright",
    };
    request.headers.append_known(Known::Via, "Via", hop.as_bytes());
}
