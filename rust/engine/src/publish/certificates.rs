//! Certificates that change: who refers to one is built again.
//!
//! A connection to an upstream is bound to the certificate that it was made with, so an upstream with another
//! certificate is another upstream, with other connections.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gateway_core::config::{self, ClientCertificate, Kind, Resource};
use gateway_kit::expr::Pattern;
use gateway_net::tls::Certificate;

use super::{Publisher, Ready};
use crate::settings::Settings;

impl Publisher {
    /// Puts the client certificate that a prepared change brings, or takes away, where upstreams
    /// find it.
    pub(super) fn note_certificate(&mut self, kind: Kind, id: &str, made: &Ready) {
        match made {
            Ready::ClientCertificate(certificate) => {
                self.identities.certificates.insert(id.into(), certificate.clone());
            }
            _ if kind == Kind::Ssl => {
                self.identities.certificates.remove(id);
            }
            _ => {}
        }
    }

    /// Puts the paths of an SSL object that need no client certificate where workers find them.
    pub(super) fn set_exempt(&mut self, id: &str, exempt: Arc<[Pattern]>) {
        if exempt.is_empty() && !self.snapshot.exempt.contains_key(id) {
            return;
        }
        let all = Arc::make_mut(&mut self.snapshot.exempt);
        match exempt.is_empty() {
            true => all.remove(id),
            false => all.insert(id.into(), exempt),
        };
    }

    /// Adds to `ready` what is in force and refers to a certificate that is not what it was
    /// `before`.
    pub(super) fn rebuild_for_certificates(
        &mut self,
        before: &HashMap<Box<str>, Certificate>,
        ready: &mut Vec<(Kind, String, Ready)>,
        settings: &Settings,
        warnings: &mut Vec<String>,
    ) {
        let now = &self.identities.certificates;
        let ids = before.keys().chain(now.keys());
        let changed: HashSet<&str> =
            ids.filter(|id| before.get(*id) != now.get(*id)).map(|id| &**id).collect();
        if changed.is_empty() {
            return;
        }
        let new: HashSet<_> = ready.iter().map(|(kind, id, _)| (*kind, id.as_str())).collect();
        let concerned = |kind: Kind, id: &str, upstream: Option<&config::Upstream>| {
            upstream.and_then(shown).is_some_and(|shown| changed.contains(shown))
                && !new.contains(&(kind, id))
        };
        let mut again = Vec::new();
        for (id, (config, _)) in &self.routes {
            if concerned(Kind::Route, id, config.upstream.as_deref()) {
                again.push((Kind::Route, id.to_string(), Resource::Route(Arc::clone(config))));
            }
        }
        for (id, config) in &self.services {
            if concerned(Kind::Service, id, config.upstream.as_deref()) {
                again.push((Kind::Service, id.to_string(), Resource::Service(Arc::clone(config))));
            }
        }
        for (id, config) in &self.upstreams {
            if concerned(Kind::Upstream, id, Some(config)) {
                let resource = Resource::Upstream(Arc::clone(config));
                again.push((Kind::Upstream, id.to_string(), resource));
            }
        }
        for (kind, id, resource) in again {
            // What was built before with another certificate, or none, does not fail now.
            match self.make((kind, &id), resource, settings, warnings) {
                Ok(made) => ready.push((kind, id, made)),
                Err(invalid) => warnings.push(format!("{} {id}: {}", kind.noun(), invalid.message)),
            }
        }
    }
}

/// The SSL object whose certificate an upstream is shown.
fn shown(upstream: &config::Upstream) -> Option<&str> {
    match &upstream.tls.client_certificate {
        Some(ClientCertificate::Ssl(id)) => Some(id),
        _ => None,
    }
}
