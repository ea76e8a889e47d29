//! From valid documents to what workers use.

use std::sync::Arc;

use gateway_core::config::{self, Balancer, HashKey, Invalid, Kind, ProbeType, TlsVersion, Usage};
use gateway_kit::expr::{Expr, Pattern};
use gateway_net::tls::{
    Certificate, CertificateTable, ClientVerification, HostOptions, Versions, VirtualHost,
};
use serde_json::Value;

use super::{Publisher, Ready};
use crate::health::{self, Checker, Probe};
use crate::matching::RouteSpec;
use crate::settings::Settings;
use crate::snapshot::{Destination, Route, Service};
use crate::tls::UpstreamTls;
use crate::upstream::{Timeouts, Upstream};
use crate::variables::Variable;

/// What a route asks of requests; `hosts` are its service's.
pub(super) fn spec<'a>(route: &'a config::Route, hosts: &'a [String]) -> RouteSpec<'a> {
    RouteSpec {
        id: &route.id,
        uris: &route.uris,
        hosts: if route.hosts.is_empty() { hosts } else { &route.hosts },
        methods: route.methods,
        remote_addrs: &route.remote_addrs,
        vars: route.vars.as_ref(),
        priority: route.priority,
        disabled: !route.enabled,
    }
}

/// Names of variables, resolved.
#[expect(clippy::unnecessary_wraps, reason = "expressions may be given resolvers that refuse")]
pub(super) fn resolve(name: &str) -> Result<Variable, String> {
    Ok(Variable::of(name))
}

pub(super) fn check_expression(expression: &Value) -> Result<(), String> {
    Expr::compile(expression, &mut resolve).map(|_| ()).map_err(|error| error.to_string())
}

impl Publisher {
    pub(super) fn build_route(
        &mut self,
        route: &config::Route,
        warnings: &mut Vec<String>,
    ) -> Result<Route, Invalid> {
        if route.plugin_config_id.is_some() {
            let message = "plugin configs are not served by this release yet, so this route would \
                           run without its plugins";
            return Err(Invalid::at("/plugin_config_id", message));
        }
        let destination = match (&route.upstream, &route.upstream_id) {
            (Some(upstream), _) => Destination::Inline(
                self.build_upstream(upstream, (Kind::Route, &route.id), warnings)
                    .map_err(within_upstream)?,
            ),
            (None, Some(id)) => Destination::Slot(self.upstream_slots.of(id)),
            (None, None) => Destination::None,
        };
        Ok(Route {
            slot: self.route_slots.of(&route.id),
            id: Box::from(&*route.id),
            name: route.name.as_deref().map(Box::from),
            destination,
            service: route.service_id.as_ref().map(|id| self.service_slots.of(id)),
            timeouts: route.timeout.map(Timeouts::from),
            websocket: route.enable_websocket,
        })
    }

    pub(super) fn build_service(
        &mut self,
        service: &config::Service,
        warnings: &mut Vec<String>,
    ) -> Result<Service, Invalid> {
        let destination = match (&service.upstream, &service.upstream_id) {
            (Some(upstream), _) => Destination::Inline(
                self.build_upstream(upstream, (Kind::Service, &service.id), warnings)
                    .map_err(within_upstream)?,
            ),
            (None, Some(id)) => Destination::Slot(self.upstream_slots.of(id)),
            (None, None) => Destination::None,
        };
        Ok(Service {
            id: Box::from(&*service.id),
            name: service.name.as_deref().map(Box::from),
            destination,
            websocket: service.enable_websocket,
        })
    }

    /// An upstream of the resource `(kind, id)`.
    pub(super) fn build_upstream(
        &mut self,
        upstream: &config::Upstream,
        (kind, id): (Kind, &str),
        warnings: &mut Vec<String>,
    ) -> Result<Arc<Upstream>, Invalid> {
        self.last_upstream += 1;
        let (number, registry) = (self.last_upstream, &mut self.registry);
        let mut built =
            Upstream::build(upstream, number, registry, &mut self.identities, &self.defaults)
                .map_err(|(pointer, message)| Invalid::at(pointer, message))?;
        if let Some(checks) = &upstream.checks
            && self.defaults.checks
        {
            let probe = self.build_probe(upstream, checks)?;
            let owner = health::owner(kind, id);
            let before = self.health.get(&owner);
            let endpoints = built.nodes.iter().map(|node| &node.endpoint);
            let checker = Checker::new(owner, checks, probe, endpoints, before);
            built.check_by(checker);
        }
        let warned = without_effect(upstream);
        warnings.extend(warned.map(|what| format!("{} {id}: {what}", kind.noun())));
        if built.lacks_certificate() {
            warnings.push(format!(
                "{} {id}: tls.client_cert_id names no ssl of type client, so requests for it are \
                 answered with 502",
                kind.noun()
            ));
        }
        Ok(Arc::new(built))
    }

    /// What active checks send. TLS is as towards the upstream, whose certificate
    /// `https_verify_certificate` alone says whether to believe.
    fn build_probe(
        &mut self,
        upstream: &config::Upstream,
        checks: &config::Checks,
    ) -> Result<Probe, Invalid> {
        let active = &checks.active;
        let tls = match active.probe {
            ProbeType::Https => {
                let verify = active.https_verify_certificate;
                let tls = config::Tls { verify, ..upstream.tls.clone() };
                let ca = self.defaults.ca.as_ref();
                let built = UpstreamTls::build(&tls, false, ca, &mut self.identities);
                Some(built.map_err(|(pointer, message)| Invalid::at(pointer, message))?)
            }
            ProbeType::Http | ProbeType::Tcp => None,
        };
        Probe::new(active, &upstream.pass_host, tls)
            .map_err(|(pointer, message)| Invalid::at(format!("/checks{pointer}"), message))
    }

    /// Certificates towards clients or upstreams.
    pub(super) fn build_ssl(
        &mut self,
        ssl: &config::Ssl,
        settings: &Settings,
    ) -> Result<Ready, Invalid> {
        let mut certificates = ssl
            .pairs
            .iter()
            .enumerate()
            .map(|(at, pair)| {
                let pointer = if at == 0 { "/cert".into() } else { format!("/certs/{}", at - 1) };
                Certificate::from_pem(pair.cert.as_bytes(), pair.key.reveal().as_bytes())
                    .map_err(|error| Invalid::at(pointer, error.to_string()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if !ssl.enabled {
            return Ok(Ready::Other);
        }
        if ssl.usage == Usage::Client {
            return Ok(Ready::ClientCertificate(certificates.swap_remove(0)));
        }
        let (client, exempt) = ssl.client.as_ref().map(build_verification).transpose()?.unzip();
        let named: Vec<&str> = match ssl.protocols.is_empty() {
            true => settings.ssl.protocols.iter().map(String::as_str).collect(),
            false => ssl.protocols.iter().map(|version| name(*version)).collect(),
        };
        let versions = Versions::from_names(named)
            .ok_or_else(|| Invalid::at("/ssl_protocols", "no version of TLS is left to offer"))?;
        let mut alpn = vec![b"http/1.1".to_vec()];
        if settings.listen.iter().any(|listen| listen.tls && listen.http2) {
            alpn.insert(0, b"h2".to_vec());
        }
        let options = HostOptions {
            id: Box::from(&*ssl.id),
            names: ssl.snis.clone(),
            certificates,
            client: client.map(Arc::new),
            versions,
            alpn,
            tickets: settings.ssl.session_tickets,
        };
        VirtualHost::new(options, &self.sessions)
            .map(|host| Ready::Host(Arc::new(host), exempt.unwrap_or_default()))
            .map_err(|error| Invalid::at("", error.to_string()))
    }

    pub(super) fn certificate_table(&self, settings: &Settings) -> CertificateTable {
        let mut ssls: Vec<_> = self.ssls.iter().collect();
        // Of two for one name the lower id wins, whatever the order they came in.
        ssls.sort_by_key(|(id, _)| (*id).clone());
        let hosts = ssls.into_iter().map(|(_, host)| Arc::clone(host));
        CertificateTable::new(hosts, settings.ssl.fallback_sni.as_deref())
    }
}

/// Which client certificates an SSL object asks for, and the paths that need none. Where every path
/// needs one the handshake demands it, as in APISIX.
fn build_verification(
    client: &config::ClientVerification,
) -> Result<(ClientVerification, Arc<[Pattern]>), Invalid> {
    let exempt = client
        .skip_mtls_uri_regex
        .iter()
        .enumerate()
        .map(|(at, regex)| {
            Pattern::new(regex, false).map_err(|message| {
                Invalid::at(format!("/client/skip_mtls_uri_regex/{at}"), message)
            })
        })
        .collect::<Result<Arc<[_]>, _>>()?;
    let (depth, demanded) = (client.depth as usize, exempt.is_empty());
    let verification = ClientVerification::new(&client.ca, depth, demanded)
        .map_err(|error| Invalid::at("/client/ca", error.to_string()))?;
    Ok((verification, exempt))
}

/// What an upstream asks for and does not get, or should think about.
fn without_effect(upstream: &config::Upstream) -> impl Iterator<Item = &'static str> {
    let unverified = upstream.scheme.is_tls() && !upstream.tls.verify;
    [
        (
            unverified,
            "tls.verify is false, so whoever answers at its nodes' addresses is believed to be the \
             upstream",
        ),
        (
            upstream.balancer == Balancer::ConsistentHash(HashKey::Consumer),
            "hash_on is consumer, and this release knows none yet: the client's address is hashed",
        ),
    ]
    .into_iter()
    .filter_map(|(applies, what)| applies.then_some(what))
}

/// A mistake of an upstream that is written out inside another resource.
fn within_upstream(error: Invalid) -> Invalid {
    Invalid::at(format!("/upstream{}", error.pointer), error.message)
}

fn name(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::V1_1 => "TLSv1.1",
        TlsVersion::V1_2 => "TLSv1.2",
        TlsVersion::V1_3 => "TLSv1.3",
    }
}
