//! The order of routes as people read it, and why one was not even considered for a request.

use std::cmp::Reverse;

use gateway_kit::path_pattern::{Parameters, PathPattern};
use gateway_kit::radix::Kind;

use super::host::HostPattern;
use super::{MatchInput, RouteSpec, RouterKind};

/// A route's place in a list of all: of two that could take the same request, the one that is
/// tried first stands first. A route with several hosts and paths stands at its most exact ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    host: HostPlace,
    path: PathPlace,
    priority: Reverse<i64>,
    written: Reverse<usize>,
    /// When it came.
    order: u64,
}

/// Exact hosts, then wildcards from the longest, then routes for any host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum HostPlace {
    Exact(Box<str>),
    Wildcard(Reverse<usize>, Box<str>),
    Any,
}

/// Exact paths, then prefixes from the longest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathPlace {
    Exact(Box<[u8]>),
    Prefix(Reverse<usize>, Box<[u8]>),
}

impl Place {
    /// The place of a route that came as the `order`-th.
    pub(crate) fn of(spec: &RouteSpec<'_>, kind: RouterKind, order: u64) -> Self {
        let hosts = spec.hosts.iter().map(|host| HostPlace::of(host));
        let host = match kind {
            RouterKind::HostUri => hosts.min().unwrap_or(HostPlace::Any),
            // There the host is a condition like any other.
            RouterKind::Uri | RouterKind::UriWithParameter => HostPlace::Any,
        };
        let paths = patterns(spec, kind).map(|pattern| {
            let written = Reverse(pattern.source().len());
            (PathPlace::of(&pattern), Reverse(spec.priority), written)
        });
        let nowhere = (PathPlace::Exact(Box::default()), Reverse(spec.priority), Reverse(0));
        let (path, priority, written) = paths.min().unwrap_or(nowhere);
        Self { host, path, priority, written, order }
    }
}

impl HostPlace {
    fn of(host: &str) -> Self {
        let text = HostPattern::new(host).text().as_ref().into();
        if host.starts_with('*') {
            Self::Wildcard(Reverse(host.len()), text)
        } else {
            Self::Exact(text)
        }
    }
}

impl PathPlace {
    fn of(pattern: &PathPattern) -> Self {
        match pattern.kind() {
            Kind::Exact => Self::Exact(pattern.key().into()),
            Kind::Prefix => Self::Prefix(Reverse(pattern.key().len()), pattern.key().into()),
        }
    }
}

/// Why the tables do not lead a request to a route at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Miss {
    /// Its `status` is 0; host and path would lead to it.
    Disabled,
    /// The path leads to it, the host does not.
    Host,
    /// The host leads to it, the path does not; the paths begin alike for so many bytes.
    Path(Reverse<usize>),
}

impl Miss {
    /// Why a request is not led to a route; `None` if it is, and if neither host nor path lead
    /// there.
    pub(crate) fn of<A>(
        spec: &RouteSpec<'_>,
        kind: RouterKind,
        input: &impl MatchInput<A>,
    ) -> Option<Self> {
        let (host, with_port) = (input.host(), input.host_with_port());
        let host = spec.hosts.is_empty()
            || spec.hosts.iter().any(|one| HostPattern::new(one).matches(host, with_port));
        let leads = |pattern: PathPattern| match pattern.kind() {
            Kind::Exact => pattern.key() == input.path(),
            Kind::Prefix => input.path().starts_with(pattern.key()),
        };
        let path = patterns(spec, kind).any(leads);
        match (host, path) {
            (true, true) => spec.disabled.then_some(Self::Disabled),
            (false, true) => Some(Self::Host),
            (true, false) => {
                let alike = patterns(spec, kind).map(|pattern| alike(pattern.key(), input.path()));
                Some(Self::Path(Reverse(alike.max().unwrap_or(0))))
            }
            (false, false) => None,
        }
    }
}

/// How many bytes two paths begin alike with.
fn alike(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

fn patterns(spec: &RouteSpec<'_>, kind: RouterKind) -> impl Iterator<Item = PathPattern> {
    // What does not compile was refused when the route came.
    spec.uris.iter().filter_map(move |uri| PathPattern::new(uri, parameters(kind)).ok())
}

/// Whether `:name` in a path is a parameter.
pub(super) fn parameters(kind: RouterKind) -> Parameters {
    match kind {
        RouterKind::UriWithParameter => Parameters::On,
        RouterKind::HostUri | RouterKind::Uri => Parameters::Off,
    }
}
