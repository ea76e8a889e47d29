//! The one way in for configuration: changed documents at a revision become a new snapshot.
//!
//! First everything is checked and built that can fail, touching nothing; then the changes are
//! put into a copy of the last snapshot, which shares all that did not change. So a bad change
//! leaves no trace, and a good one costs what it touches.

mod build;
mod certificates;
mod file;
mod listing;
mod slots;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gateway_core::config::{self, Catalogue, Context, Invalid, Kind, Origin, Resource};
use gateway_core::source::Position;
pub use gateway_core::source::Problem;
use gateway_kit::expr::Pattern;
use gateway_net::pool;
use gateway_net::tls::{Certificate, SessionStore, VirtualHost};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::health::{Checker, Health};
use crate::matching::Router;
use crate::settings::{Settings, millis};
use crate::snapshot::{Route, Service, Slot, Snapshot};
use crate::tls::Identities;
use crate::upstream::endpoint::Registry;
use crate::upstream::{Defaults, Upstream};
use slots::Slots;

use file::LastFile;
pub use file::{File, check_file};
pub(crate) use listing::Listed;

/// A changed document.
#[derive(Debug, Clone, Deserialize)]
pub struct Change {
    /// The kind, as Admin API paths name it: `routes`, `upstreams` …
    pub kind: String,
    /// The identifier.
    pub id: String,
    /// The document; none removes it.
    pub document: Option<Value>,
    /// Where it stands in its file.
    #[serde(skip)]
    pub(crate) position: Option<Position>,
    /// What the document decodes to, if it was validated and decoded already.
    #[serde(skip)]
    pub(crate) resource: Option<Resource>,
}

/// What becomes of good changes that come with bad ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All or nothing: files and `PUT /configs`.
    Atomic,
    /// The bad ones are kept out and reported: etcd.
    Each,
}

/// What became of changes.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The revision now in force.
    pub revision: u64,
    /// What was kept out.
    pub problems: Vec<Problem>,
    /// What is in force and worth a word: upstream certificates that are not verified.
    pub warnings: Vec<String>,
}

/// A change that was checked and built.
enum Ready {
    Route(Arc<config::Route>, Arc<Route>),
    Service(Arc<config::Service>, Arc<Service>),
    Upstream(Arc<config::Upstream>, Arc<Upstream>),
    /// A certificate towards clients, and paths that need none of theirs.
    Host(Arc<VirtualHost>, Arc<[Pattern]>),
    /// One towards upstreams.
    ClientCertificate(Certificate),
    /// Kept, and used by nothing yet.
    Other,
    Removed,
}

impl Ready {
    /// The health checks of the upstream that is written out in it.
    fn checker(&self) -> Option<&Arc<Checker>> {
        match self {
            Self::Route(_, route) => route.destination.checker(),
            Self::Service(_, service) => service.destination.checker(),
            Self::Upstream(_, upstream) => upstream.checker.as_ref(),
            Self::Host(..) | Self::ClientCertificate(_) | Self::Other | Self::Removed => None,
        }
    }
}

/// Turns changes into snapshots. Owned by the publishing thread.
#[derive(Debug)]
pub(crate) struct Publisher {
    registry: Registry,
    identities: Identities,
    defaults: Defaults,
    /// Shared with who runs the checks.
    health: Arc<Health>,
    sessions: Arc<SessionStore>,
    routes: HashMap<Box<str>, (Arc<config::Route>, Arc<Route>)>,
    services: HashMap<Box<str>, Arc<config::Service>>,
    upstreams: HashMap<Box<str>, Arc<config::Upstream>>,
    ssls: HashMap<Box<str>, Arc<VirtualHost>>,
    /// Routes of each service, which take its hosts if they have none.
    routes_of_service: HashMap<Box<str>, HashSet<Box<str>>>,
    route_slots: Slots,
    service_slots: Slots,
    upstream_slots: Slots,
    last_upstream: u32,
    snapshot: Snapshot,
    /// The documents of the last resource file, for finding what a new one changed.
    file: LastFile,
}

impl Publisher {
    /// A publisher that starts with nothing.
    ///
    /// # Errors
    /// The CA file of the settings cannot be read.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let ca = match &settings.ssl.trusted_certificate {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                format!("apisix.ssl.ssl_trusted_certificate: cannot read {path}: {error}")
            })?),
            None => None,
        };
        Ok(Self {
            defaults: Defaults {
                ca: ca.map(Arc::from),
                keepalive: pool::Limits {
                    size: settings.upstream.keepalive,
                    idle_ms: millis(settings.upstream.keepalive_timeout),
                    requests: settings.upstream.keepalive_requests,
                },
                checks: settings.upstream_checks,
            },
            registry: Registry::default(),
            health: Arc::default(),
            identities: Identities::default(),
            sessions: Arc::default(),
            routes: HashMap::new(),
            services: HashMap::new(),
            upstreams: HashMap::new(),
            ssls: HashMap::new(),
            routes_of_service: HashMap::new(),
            route_slots: Slots::default(),
            service_slots: Slots::default(),
            upstream_slots: Slots::default(),
            last_upstream: 0,
            snapshot: Snapshot::empty(settings.router),
            file: LastFile::default(),
        })
    }

    /// The snapshot of the last changes.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The health checks of what was applied.
    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Applies `changes`. With [`Mode::Atomic`] any problem means that nothing was applied.
    ///
    /// # Errors
    /// The problems, in atomic mode.
    pub(crate) fn apply(
        &mut self,
        changes: Vec<Change>,
        revision: u64,
        mode: Mode,
        origin: Origin,
        settings: &Settings,
    ) -> Result<Report, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let mut ready = Vec::with_capacity(changes.len());
        let before = self.identities.certificates.clone();
        // Certificates first: upstreams are built with those that they name.
        let (ssls, others): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| change.kind == Kind::Ssl.directory());
        for change in ssls.into_iter().chain(others) {
            match self.prepare(&change, origin, settings, &mut warnings) {
                Ok((kind, made)) => {
                    self.note_certificate(kind, &change.id, &made);
                    ready.push((kind, change.id, made));
                }
                Err(invalid) => problems.push(problem(&change, invalid)),
            }
        }
        self.rebuild_for_certificates(&before, &mut ready, settings, &mut warnings);
        if mode == Mode::Atomic && !problems.is_empty() {
            self.identities.certificates = before;
            problems.sort_by_key(|problem| (problem.line, problem.column));
            return Err(problems);
        }
        self.put(ready, settings);
        self.snapshot.revision = revision;
        self.registry.prune();
        Ok(Report { revision, problems, warnings })
    }

    /// Checks and builds one change.
    fn prepare(
        &mut self,
        change: &Change,
        origin: Origin,
        settings: &Settings,
        warnings: &mut Vec<String>,
    ) -> Result<(Kind, Ready), Invalid> {
        let kind = Kind::from_directory(&change.kind)
            .ok_or_else(|| Invalid::at("", format!("unknown kind of resource: {}", change.kind)))?;
        let resource = match (&change.resource, &change.document) {
            (Some(resource), _) => resource.clone(),
            (None, None) => return Ok((kind, Ready::Removed)),
            (None, Some(document)) => {
                let context = Context { catalogue: &Expressions, origin };
                config::build(kind, Some(&change.id), &mut document.clone(), &context)?
            }
        };
        Ok((kind, self.make((kind, &change.id), resource, settings, warnings)?))
    }

    /// Makes a resource ready for the workers.
    fn make(
        &mut self,
        (kind, id): (Kind, &str),
        resource: Resource,
        settings: &Settings,
        warnings: &mut Vec<String>,
    ) -> Result<Ready, Invalid> {
        Ok(match resource {
            Resource::Route(config) => {
                let route = Arc::new(self.build_route(&config, warnings)?);
                // Paths and expressions are tried out here, where the change can still fail.
                Router::new(settings.router)
                    .insert(&build::spec(&config, &[]), Arc::clone(&route), &mut build::resolve)
                    .map_err(|error| Invalid::at(error.pointer(), error.to_string()))?;
                Ready::Route(config, route)
            }
            Resource::Service(config) => {
                let service = Arc::new(self.build_service(&config, warnings)?);
                Ready::Service(config, service)
            }
            Resource::Upstream(config) => {
                let upstream = self.build_upstream(&config, (kind, id), warnings)?;
                Ready::Upstream(config, upstream)
            }
            Resource::Ssl(config) => self.build_ssl(&config, settings)?,
            _ => {
                warnings.push(format!(
                    "{} {id} is kept and has no effect in this release yet",
                    kind.noun()
                ));
                Ready::Other
            }
        })
    }

    /// Puts what was built into the next snapshot. Nothing here can fail.
    fn put(&mut self, ready: Vec<(Kind, String, Ready)>, settings: &Settings) {
        let mut certificates = false;
        let mut hosts_changed = HashSet::new();
        for (kind, id, made) in ready {
            self.health.set(kind, &id, made.checker());
            match (kind, made) {
                (_, Ready::Route(config, route)) => self.put_route(&id, config, route),
                (Kind::Route, Ready::Removed) => self.remove_route(&id),
                (_, Ready::Service(config, service)) => {
                    let before = self.services.insert(id.as_str().into(), Arc::clone(&config));
                    if before.is_none_or(|before| before.hosts != config.hosts) {
                        hosts_changed.insert(id.clone());
                    }
                    let slot = self.service_slots.of(&id);
                    set(Arc::make_mut(&mut self.snapshot.services), slot, Some(service));
                }
                (Kind::Service, Ready::Removed) => {
                    if self.services.remove(id.as_str()).is_some_and(|s| !s.hosts.is_empty()) {
                        hosts_changed.insert(id.clone());
                    }
                    let slot = self.service_slots.of(&id);
                    set(Arc::make_mut(&mut self.snapshot.services), slot, None);
                }
                (_, Ready::Upstream(config, upstream)) => {
                    let slot = self.upstream_slots.of(&id);
                    self.upstreams.insert(id.into(), config);
                    set(Arc::make_mut(&mut self.snapshot.upstreams), slot, Some(upstream));
                }
                (Kind::Upstream, Ready::Removed) => {
                    self.upstreams.remove(id.as_str());
                    let slot = self.upstream_slots.of(&id);
                    set(Arc::make_mut(&mut self.snapshot.upstreams), slot, None);
                }
                (_, Ready::Host(host, exempt)) => {
                    self.set_exempt(&id, exempt);
                    self.ssls.insert(id.into(), host);
                    certificates = true;
                }
                (Kind::Ssl, _) => {
                    self.set_exempt(&id, Arc::default());
                    certificates |= self.ssls.remove(id.as_str()).is_some();
                }
                (_, Ready::Other | Ready::Removed | Ready::ClientCertificate(_)) => {}
            }
        }
        for service in hosts_changed {
            self.refile(&service);
        }
        if certificates {
            self.snapshot.certificates = Arc::new(self.certificate_table(settings));
        }
    }

    fn put_route(&mut self, id: &str, config: Arc<config::Route>, route: Arc<Route>) {
        self.forget_service_of(id);
        if let Some(service) = &config.service_id {
            let routes = self.routes_of_service.entry(Box::from(&**service)).or_default();
            routes.insert(id.into());
        }
        self.file_route(&config, &route);
        self.routes.insert(id.into(), (config, route));
    }

    fn remove_route(&mut self, id: &str) {
        self.forget_service_of(id);
        self.routes.remove(id);
        self.snapshot.router.remove(id);
    }

    fn forget_service_of(&mut self, id: &str) {
        let Some((before, _)) = self.routes.get(id) else { return };
        let Some(service) = &before.service_id else { return };
        if let Some(routes) = self.routes_of_service.get_mut(&**service) {
            routes.remove(id);
        }
    }

    /// Files a route under its own hosts, or else its service's.
    fn file_route(&mut self, config: &config::Route, route: &Arc<Route>) {
        let service = config.service_id.as_ref().and_then(|id| self.services.get(&**id));
        let hosts = service.map_or(&[][..], |service| &service.hosts);
        let spec = build::spec(config, hosts);
        let filed = self.snapshot.router.insert(&spec, Arc::clone(route), &mut build::resolve);
        debug_assert!(filed.is_ok(), "the route was tried out before");
    }

    /// Files the routes of a service anew: its hosts have changed.
    fn refile(&mut self, service: &str) {
        let Some(ids) = self.routes_of_service.get(service) else { return };
        let routes: Vec<_> = ids.iter().filter_map(|id| self.routes.get(id).cloned()).collect();
        for (config, route) in routes {
            self.file_route(&config, &route);
        }
    }

    /// The expiry of every certificate in force, by server name.
    pub(crate) fn expiries(&self) -> Vec<(String, i64)> {
        let hosts = self.ssls.values();
        hosts
            .flat_map(|host| {
                let soonest = host.certificates().iter().map(Certificate::not_after).min();
                host.names().iter().filter_map(move |name| Some((name.clone(), soonest?)))
            })
            .collect()
    }
}

/// Expressions are this engine's; plugins come with a later release.
struct Expressions;

impl Catalogue for Expressions {
    fn check_plugin(
        &self,
        scope: config::Scope,
        name: &str,
        conf: &mut Value,
    ) -> Result<(), config::PluginError> {
        config::NoPlugins.check_plugin(scope, name, conf)
    }

    fn authenticates(&self, name: &str) -> bool {
        config::NoPlugins.authenticates(name)
    }

    fn check_expression(&self, expression: &Value) -> Result<(), String> {
        build::check_expression(expression)
    }
}

fn set<T>(slots: &mut Vec<Option<Arc<T>>>, slot: Slot, value: Option<Arc<T>>) {
    let slot = slot as usize;
    if slots.len() <= slot {
        slots.resize(slot + 1, None);
    }
    slots[slot] = value;
}

fn problem(change: &Change, invalid: Invalid) -> Problem {
    Problem {
        file: None,
        line: change.position.map_or(0, |position| position.line),
        column: change.position.map_or(0, |position| position.column),
        path: format!("{}/{}{}", change.kind, change.id, invalid.pointer),
        message: invalid.message,
        suggestion: invalid.nearest,
    }
}
