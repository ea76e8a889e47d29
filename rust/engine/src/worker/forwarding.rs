//! Whom to believe, and what to tell: the settings behind forwarding fields.

use std::net::{IpAddr, SocketAddr};

use gateway_kit::ip_set::IpSet;

use crate::client::Client;
use crate::exchange::Exchange;
use crate::settings::Settings;

use super::Worker;

/// Settings of forwarding fields, ready.
#[derive(Debug)]
pub(crate) struct Forwarding {
    trusted: IpSet,
    real_ip: Option<RealIp>,
    /// Whether `Via` is added.
    pub(crate) via: bool,
    /// Whether answers of the gateway carry `Proxy-Status`.
    pub(crate) proxy_status: bool,
    /// Whether every answer tells the upstream's status.
    pub(crate) show_upstream_status: bool,
    /// `Server` of answers.
    pub(crate) server: Box<str>,
}

#[derive(Debug)]
struct RealIp {
    header: Box<str>,
    /// Whether it is the PROXY header that is meant.
    proxy_protocol: bool,
    from: IpSet,
    recursive: bool,
}

impl Forwarding {
    /// Reads the settings.
    ///
    /// # Errors
    /// An address that is none, with the key it stands under.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let set = |key: &str, list: &[String]| {
            IpSet::parse(list).map_err(|error| format!("{key}: {error}"))
        };
        let real_ip = match &settings.real_ip {
            Some(real_ip) => Some(RealIp {
                proxy_protocol: real_ip.header.eq_ignore_ascii_case("proxy_protocol"),
                header: real_ip.header.as_str().into(),
                from: set("nginx_config.http.real_ip_from", &real_ip.from)?,
                recursive: real_ip.recursive,
            }),
            None => None,
        };
        Ok(Self {
            trusted: set("apisix.trusted_addresses", &settings.trusted_addresses)?,
            real_ip,
            via: settings.via,
            proxy_status: settings.proxy_status,
            show_upstream_status: settings.show_upstream_status,
            server: match settings.server_tokens {
                true => concat!("gatewright/", env!("CARGO_PKG_VERSION")).into(),
                false => "gatewright".into(),
            },
        })
    }

    /// Whether the fields that `peer` sends are believed.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        !self.trusted.is_empty() && self.trusted.contains(peer)
    }

    /// Whether the client is whom a PROXY header from `peer` names: always, unless
    /// `real_ip_header: proxy_protocol` makes it depend on `real_ip_from`, as in nginx.
    pub(crate) fn believes_proxy(&self, peer: IpAddr) -> bool {
        let real_ip = self.real_ip.as_ref().filter(|real_ip| real_ip.proxy_protocol);
        real_ip.is_none_or(|real_ip| real_ip.from.contains(peer))
    }

    /// Whether only some peers are believed; otherwise `X-Forwarded-For` is appended to.
    pub(crate) fn restricted(&self) -> bool {
        !self.trusted.is_empty()
    }
}

impl Worker {
    /// `underscores_in_headers: off`: fields with `_` in their name go.
    pub(crate) fn drop_underscores(&self, exchange: &mut Exchange) {
        let request = &mut exchange.request;
        if request.twins && !self.shared.settings.underscores_in_headers {
            request.headers.retain(|_, name, _| !name.contains(&b'_'));
        }
    }

    /// Takes the client's address from the field that `real_ip` names, if the peer may set it.
    pub(crate) fn real_ip(&self, client: &Client<'_>, exchange: &mut Exchange) {
        let Some(real_ip) = &self.forwarding.real_ip else { return };
        let peer = client.origin.peer;
        if real_ip.proxy_protocol || !real_ip.from.contains(peer.ip()) {
            return;
        }
        let headers = &exchange.request.headers;
        let found = match &*real_ip.header {
            "X-Forwarded-For" => {
                let values: Vec<&[u8]> = headers.get_all("X-Forwarded-For").collect();
                let list = values.iter().rev().flat_map(|value| value.rsplit(|b| *b == b','));
                last_untrusted(list, real_ip)
            }
            name => headers.get(name).and_then(address),
        };
        if let Some(found) = found {
            exchange.remote = Some(found);
        }
    }
}

/// nginx's rule: the last address of the list, or with `recursive` the last that is not
/// trusted; what cannot be read ends the search.
fn last_untrusted<'a>(
    list: impl Iterator<Item = &'a [u8]>,
    real_ip: &RealIp,
) -> Option<SocketAddr> {
    let mut found = None;
    for entry in list {
        let Some(entry) = address(entry) else { break };
        found = Some(entry);
        if !real_ip.recursive || !real_ip.from.contains(entry.ip()) {
            break;
        }
    }
    found
}

/// An address with or without a port.
fn address(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, 0));
    }
    text.parse().ok()
}
