//! What a gateway changes in a request head (RFC 9110 section 7.6, APISIX's forwarding fields).

use gateway_core::config::PassHost;
use gateway_core::headers::{Headers, Known, Lines};
use gateway_net::h1::{RequestHead, Version, strip_hop_by_hop, strip_twins};

use crate::client::{Client, Forwarded};
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
    let reported = exchange.remote.is_some();
    let trusted = worker.forwarding.trusts(client.origin.peer.ip());
    let request = &mut exchange.request;
    exchange.hostless = !request.headers.has(Known::Host);
    strip_hop_by_hop(&mut request.headers, request.connection_names);
    if request.twins {
        strip_twins(&mut request.headers, &OURS);
    }
    if reported || trusted || !set_laid_out(worker, client, request) {
        set_one_by_one(worker, client, request, trusted, remote.as_bytes());
    }
    if let PassHost::Rewrite(host) = &upstream.pass_host {
        replace(&mut request.headers, Known::Host, "Host", host.as_bytes());
    }
}

/// The forwarding fields of a client that is not believed and says nothing that is kept: the same
/// for each of its requests, but for `X-Forwarded-Host`. False if they are not for this request.
fn set_laid_out(worker: &Worker, client: &Client, request: &mut RequestHead) -> bool {
    let appended_to = Known::XForwardedFor.bit() | Known::Via.bit();
    // Laying out pays from the second request on.
    if client.requests == 0 || request.headers.has_any(appended_to) {
        return false;
    }
    let forwarded =
        client.origin.forwarded.get_or_init(|| lay_out(worker, client, request.version));
    if forwarded.version != request.version {
        return false;
    }
    let headers = &mut request.headers;
    headers.remove_all_known(Known::Forwarded.bit() | Known::XForwardedHost.bit());
    headers.set_lines(&forwarded.lines);
    forward_host(headers);
    true
}

fn lay_out(worker: &Worker, client: &Client, version: Version) -> Forwarded {
    let origin = &client.origin;
    let address = origin.peer_text.as_bytes();
    let mut port = itoa::Buffer::new();
    let mut lines = Lines::default();
    lines.append(Known::XRealIp, "X-Real-IP", address);
    lines.append(Known::XForwardedFor, "X-Forwarded-For", address);
    lines.append(Known::XForwardedProto, "X-Forwarded-Proto", scheme(client));
    let port = port.format(origin.local.port()).as_bytes();
    lines.append(Known::XForwardedPort, "X-Forwarded-Port", port);
    if worker.forwarding.via {
        lines.append(Known::Via, "Via", via(version));
    }
    Forwarded { version, lines }
}

/// As [`set_laid_out`], for any client: what a trusted one says is kept, and lists are appended to.
fn set_one_by_one(
    worker: &Worker,
    client: &Client,
    request: &mut RequestHead,
    trusted: bool,
    remote: &[u8],
) {
    let headers = &mut request.headers;
    replace(headers, Known::XRealIp, "X-Real-IP", remote);
    append_forwarded_for(worker, trusted, headers, remote);
    if !(trusted && headers.has(Known::XForwardedProto)) {
        replace(headers, Known::XForwardedProto, "X-Forwarded-Proto", scheme(client));
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
        headers.append_known(Known::Via, "Via", via(request.version));
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

/// The scheme of the connection.
fn scheme(client: &Client) -> &'static [u8] {
    if client.origin.tls.is_some() { b"https" } else { b"http" }
}

/// This hop, as RFC 9110 section 7.6.3 asks for it.
fn via(version: Version) -> &'static [u8] {
    match version {
        Version::Http10 => b"1.0 gatewright",
        Version::Http11 => b"1.1 gatewright",
        Version::Http2 => b"2.0 gatewright",
    }
}
