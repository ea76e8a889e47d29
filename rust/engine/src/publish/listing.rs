//! The routes in force as they were configured, for whoever asks what is served.

use std::sync::Arc;

use gateway_core::config::{self, Kind};
use gateway_core::source::Position;

use super::{Publisher, build};
use crate::matching::{Place, RouteSpec};
use crate::snapshot::{self, Destination, Slot};
use crate::upstream::Upstream;
use crate::upstream::endpoint::Endpoint;

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

    /// Every endpoint that some upstream in force names.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = Arc<Endpoint>> {
        self.registry.endpoints()
    }

    /// Every upstream in force, called by the resource that it is written in: `upstream 1`.
    pub(crate) fn upstreams(&self) -> Vec<(String, Arc<Upstream>)> {
        let inline = |kind: Kind, id: &str, destination: &Destination| match destination {
            Destination::Inline(upstream) => Some((name(kind, id), Arc::clone(upstream))),
            Destination::Slot(_) | Destination::None => None,
        };
        let named = self.upstream_slots.iter().filter_map(|(id, slot)| {
            let upstream = self.snapshot.upstreams.get(slot as usize)?.as_ref()?;
            Some((name(Kind::Upstream, id), Arc::clone(upstream)))
        });
        let of_services = self.service_slots.iter().filter_map(|(id, slot)| {
            let service = self.snapshot.services.get(slot as usize)?.as_ref()?;
            inline(Kind::Service, id, &service.destination)
        });
        let of_routes = self
            .routes
            .iter()
            .filter_map(|(id, (_, route))| inline(Kind::Route, id, &route.destination));
        let (mut upstreams, mut services): (Vec<_>, Vec<_>) =
            (named.collect(), of_services.collect());
        let mut routes: Vec<_> = of_routes.collect();
        for list in [&mut upstreams, &mut services, &mut routes] {
            list.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        upstreams.append(&mut services);
        upstreams.append(&mut routes);
        upstreams
    }
}

fn name(kind: Kind, id: &str) -> String {
    format!("{} {id}", kind.noun())
}
