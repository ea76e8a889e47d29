//! Client certificates, asked for again with every request: the handshake verified whoever
//! connected for the name that it gave, and a request may be for another.
//!
//! What surprises:
//! - The request's Host decides, not the connection's server name: a certificate that is wanted at
//!   one host cannot be got round by connecting for another. Where two hosts want the same
//!   certificates (`client.ca` and `client.depth`), one connection may be used for both.
//! - A connection that was made for another host is answered with 421 (RFC 9110 section 15.5.20),
//!   as nginx does, so that clients that share connections between hosts open one of their own.
//!   APISIX answers 400.
//! - Plain HTTP shows no certificates, and is not asked for any: leave such hosts' routes out of
//!   reach of plain listeners where that matters.

use std::collections::HashMap;
use std::sync::Arc;

use gateway_kit::expr::Pattern;

use crate::client::TlsFacts;
use crate::observe::flags::Flag;
use crate::respond::Answer;
use crate::snapshot::Snapshot;

/// `client.skip_mtls_uri_regex` of the SSL objects that have it, by their ids.
pub(crate) type Exempt = HashMap<Box<str>, Arc<[Pattern]>>;

/// Refuses a request for `path` of `host` that needs a client certificate and came without.
///
/// # Errors
/// What is answered.
pub(crate) fn check(
    snapshot: &Snapshot,
    tls: &TlsFacts,
    host: &[u8],
    path: &[u8],
) -> Result<(), Answer> {
    let name = std::str::from_utf8(host).ok().map(str::to_ascii_lowercase);
    // Without Host there is only the name that the connection was made for.
    let name = name.as_deref().filter(|name| !name.is_empty()).or(tls.sni.as_deref());
    let Some(host) = snapshot.certificates.find(name) else { return Ok(()) };
    let Some(wanted) = host.client() else { return Ok(()) };
    let exempt = snapshot.exempt.get(host.id());
    if exempt.is_some_and(|patterns| patterns.iter().any(|pattern| pattern.is_match(path))) {
        return Ok(());
    }
    let same = tls.verification.as_ref().is_some_and(|used| used.takes_the_same(wanted));
    if !same {
        let detail = "this connection was made for another host, whose client certificates differ";
        return Err(Answer::problem(421, Flag::AccessDenied, detail));
    }
    match &tls.client {
        Some(client) if client.refusal().is_none() => Ok(()),
        Some(_) => {
            let detail = "the client's certificate is not one that this host takes";
            Err(Answer::problem(400, Flag::AccessDenied, detail))
        }
        None => {
            let detail = "this host wants a client certificate, and the client sent none";
            Err(Answer::problem(400, Flag::AccessDenied, detail))
        }
    }
}
