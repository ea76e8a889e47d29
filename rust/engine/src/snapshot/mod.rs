//! A configuration as the workers see it: immutable, cheap to clone, cheap to change one thing in.
//!
//! Routes name services and upstreams by slot numbers, so that replacing an upstream of ten
//! thousand routes replaces one pointer, and a reference to what does not exist (yet) is an empty
//! slot that fills when it comes.

use std::sync::Arc;

use gateway_net::tls::CertificateTable;

use crate::health::Checker;
use crate::matching::{Match, MatchInput, Router, RouterKind};
use crate::mtls::Exempt;
use crate::upstream::{Timeouts, Upstream};
use crate::variables::Variable;

/// A slot number; stays with an id for the life of the process.
pub(crate) type Slot = u32;

/// Where requests of a route or service go.
#[derive(Debug, Clone, Default)]
pub(crate) enum Destination {
    /// Nowhere of its own.
    #[default]
    None,
    /// To an upstream written out.
    Inline(Arc<Upstream>),
    /// To an upstream by reference.
    Slot(Slot),
}

impl Destination {
    /// The health checks of an upstream written out.
    pub(crate) fn checker(&self) -> Option<&Arc<Checker>> {
        match self {
            Self::Inline(upstream) => upstream.checker.as_ref(),
            Self::None | Self::Slot(_) => None,
        }
    }
}

/// A route, ready.
#[derive(Debug)]
pub(crate) struct Route {
    /// What it is counted under.
    pub(crate) slot: Slot,
    /// Identifier.
    pub(crate) id: Box<str>,
    /// Name for people.
    pub(crate) name: Option<Box<str>>,
    /// Where requests go, unless the service says.
    pub(crate) destination: Destination,
    /// The service it belongs to.
    pub(crate) service: Option<Slot>,
    /// Timeouts in place of the upstream's.
    pub(crate) timeouts: Option<Timeouts>,
    /// `enable_websocket`
    pub(crate) websocket: Option<bool>,
}

impl Route {
    /// Whether requests may switch to WebSocket.
    pub(crate) fn websocket(&self, service: Option<&Service>) -> bool {
        self.websocket.or(service.and_then(|s| s.websocket)).unwrap_or(false)
    }
}

/// A service, ready.
#[derive(Debug)]
pub(crate) struct Service {
    /// Identifier.
    pub(crate) id: Box<str>,
    /// Name for people.
    pub(crate) name: Option<Box<str>>,
    /// Where requests go.
    pub(crate) destination: Destination,
    /// `enable_websocket`
    pub(crate) websocket: Option<bool>,
}

/// Where a matched request goes.
#[derive(Debug)]
pub(crate) enum Target {
    /// To this upstream.
    Upstream {
        /// The upstream.
        upstream: Arc<Upstream>,
        /// The route's service, if it has one.
        service: Option<Arc<Service>>,
    },
    /// The route's service does not exist: APISIX answers 404.
    ServiceMissing,
    /// The upstream named does not exist: 502.
    UpstreamMissing,
    /// The client certificate that the upstream names does not exist: APISIX answers 502.
    CertificateMissing,
    /// Neither route nor service names one: 503.
    None,
}

/// A route that matched.
#[derive(Debug)]
pub(crate) struct Found {
    /// The route.
    pub(crate) route: Arc<Route>,
    /// Parameters of its path.
    pub(crate) params: Vec<(Box<str>, Box<[u8]>)>,
}

/// A configuration.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The store's revision.
    pub(crate) revision: u64,
    /// The routing table.
    pub(crate) router: Router<Arc<Route>, Variable>,
    /// Services by slot.
    pub(crate) services: Arc<Vec<Option<Arc<Service>>>>,
    /// Upstreams by slot.
    pub(crate) upstreams: Arc<Vec<Option<Arc<Upstream>>>>,
    /// Certificates for TLS listeners.
    pub(crate) certificates: Arc<CertificateTable>,
    /// Paths that need no client certificate.
    pub(crate) exempt: Arc<Exempt>,
}

impl Snapshot {
    /// Nothing configured.
    pub(crate) fn empty(kind: RouterKind) -> Self {
        Self {
            revision: 0,
            router: Router::new(kind),
            services: Arc::default(),
            upstreams: Arc::default(),
            certificates: Arc::default(),
            exempt: Arc::default(),
        }
    }

    /// The route that a request takes.
    #[inline]
    pub(crate) fn find<I: MatchInput<Variable>>(&self, input: &I) -> Lookup {
        match self.router.find(input) {
            Match::Found(found) => {
                let mut params = Vec::new();
                let pattern = found.route.pattern();
                if pattern.needs_check() {
                    pattern.captures(input.path(), |name, value| {
                        params.push((name.into(), value.into()));
                    });
                }
                Lookup::Found(Found { route: Arc::clone(found.route.payload()), params })
            }
            Match::NeedsBody(limit) => Lookup::NeedsBody(limit),
            Match::NotFound => Lookup::NotFound,
        }
    }

    /// Where a route's requests go.
    pub(crate) fn target(&self, route: &Route) -> Target {
        let service = match route.service {
            None => None,
            Some(slot) => match self.services.get(slot as usize) {
                Some(Some(service)) => Some(Arc::clone(service)),
                _ => return Target::ServiceMissing,
            },
        };
        let destination = match (&route.destination, &service) {
            (Destination::None, Some(service)) => &service.destination,
            (own, _) => own,
        };
        let upstream = match destination {
            Destination::None => return Target::None,
            Destination::Inline(upstream) => Arc::clone(upstream),
            Destination::Slot(slot) => match self.upstreams.get(*slot as usize) {
                Some(Some(upstream)) => Arc::clone(upstream),
                _ => return Target::UpstreamMissing,
            },
        };
        match upstream.lacks_certificate() {
            true => Target::CertificateMissing,
            false => Target::Upstream { upstream, service },
        }
    }
}

/// What a look for a route came to.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// A route.
    Found(Found),
    /// So many bytes of the body decide.
    NeedsBody(usize),
    /// None.
    NotFound,
}
