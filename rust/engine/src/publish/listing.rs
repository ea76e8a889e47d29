//! The routes in force as they were configured, for whoever asks what is served.

use std::sync::Arc;

use gateway_core::config::{self, Kind};
use gateway_core::source::Position;

use super::{Publisher, build};
use crate::matching::{Place, RouteSpec};
use crate::snapshot::{self, Destination, Slot};
use crate::upstream::Upstream;

/// A route in force.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// The document.
    pub(crate) config: Arc<config::Route>,
    /// What workers have of it.
    pub(crate) route: Arc<snapshot::Route>,
    /// The document of its service, if there is one.
    pub(crate) service: Option<Arc<config::Service>>,
    /// The file it came from and the place in it; none if it came another way.
    pub(crate) source: Option<(Box<str>, Position)>,
    /// Its place in the router among its equals.
    order: u64,
}

impl Listed {
    /// What it asks of requests, its service's hosts included.
    pub(crate) fn spec(&self) -> RouteSpec<'_> {
        let hosts = self.service.as_ref().map_or(&[][..], |service| &service.hosts);
        build::spec(&self.config, hosts)
    }
}

impl Publisher {
    /// Every route in force, in the order in which they are tried.
    pub(crate) fn listing(&self) -> Vec<Listed> {
        let mut routes: Vec<_> = self.routes.keys().filter_map(|id| self.listed(id)).collect();
        let kind = self.snapshot.router.kind();
        routes.sort_by_cached_key(|listed| Place::of(&listed.spec(), kind, listed.order));
        routes
    }

    /// The slots of all routes in force, by their ids.
    pub(crate) fn route_slots(&self) -> Vec<(Box<str>, Slot)> {
        self.routes.iter().map(|(id, (_, route))| (id.clone(), route.slot)).collect()
    }

    /// The route of that id.
    pub(crate) fn listed(&self, id: &str) -> Option<Listed> {
        let (config, route) = self.routes.get(id)?;
        let service = config.service_id.as_ref().and_then(|id| self.services.get(&**id));
        let source = self.file.place(Kind::Route, id);
        Some(Listed {
            config: Arc::clone(config),
            route: Arc::clone(route),
            service: service.cloned(),
            source: source.map(|(path, position)| (path.into(), position)),
            order: self.snapshot.router.order(id)?,
        })
    }

    /// Every upstream in force, called by the resource that it is written in: `upstream 1`. Those
    /// with an id stand first, then those of services and those of routes.
    pub(crate) fn upstreams(&self) -> Vec<(String, Arc<Upstream>)> {
        let mut upstreams: Vec<_> = self.each_upstream().collect();
        let rank = |kind| [Kind::Upstream, Kind::Service].iter().position(|one| *one == kind);
        upstreams.sort_by_key(|(kind, id, _)| (rank(*kind).unwrap_or(usize::MAX), *id));
        let named = upstreams.into_iter();
        named.map(|(kind, id, upstream)| (name(kind, id), Arc::clone(upstream))).collect()
    }

    /// Every upstream in force with the resource that it is written in, in no order.
    pub(crate) fn each_upstream(&self) -> impl Iterator<Item = (Kind, &str, &Arc<Upstream>)> {
        let upstreams = self.upstream_slots.iter().filter_map(|(id, slot)| {
            let upstream = self.snapshot.upstreams.get(slot as usize)?.as_ref()?;
            Some((Kind::Upstream, id, upstream))
        });
        let of_services = self.service_slots.iter().filter_map(|(id, slot)| {
            let service = self.snapshot.services.get(slot as usize)?.as_ref()?;
            Some((Kind::Service, id, inline(&service.destination)?))
        });
        let of_routes = self
            .routes
            .iter()
            .filter_map(|(id, (_, route))| Some((Kind::Route, &**id, inline(&route.destination)?)));
        upstreams.chain(of_services).chain(of_routes)
    }
}

fn name(kind: Kind, id: &str) -> String {
    format!("{} {id}", kind.noun())
}

/// The upstream that is written out there.
fn inline(destination: &Destination) -> Option<&Arc<Upstream>> {
    match destination {
        Destination::Inline(upstream) => Some(upstream),
        Destination::Slot(_) | Destination::None => None,
    }
}
