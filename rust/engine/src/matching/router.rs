//! The tables, and the walk through them.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use gateway_kit::expr::Expr;
use gateway_kit::path_pattern::PathPattern;
use gateway_kit::radix::{Kind, RadixTree};

use super::candidate::{Bucket, Candidate, Condition, Conditions, Request, Shared, Verdict};
use super::host::{HostPattern, reversed};
use super::order::parameters;
use super::{Found, Match, MatchInput, RouteError, RouteSpec, RouterKind};

/// A table of routes; see the [module](super).
pub struct Router<T, A> {
    kind: RouterKind,
    /// By reversed host. Empty unless the kind is [`RouterKind::HostUri`].
    hosts: RadixTree<HostRoutes<T, A>>,
    /// Keys in `hosts` that name a port.
    hosts_with_port: usize,
    /// Routes that no host decides on.
    paths: Paths<T, A>,
    /// By identifier, to take them out again.
    routes: RadixTree<Arc<Filed<T, A>>>,
    /// The next new route's place among its equals.
    next_order: u64,
}

type Paths<T, A> = RadixTree<Bucket<T, A>>;

/// The routes of one host.
struct HostRoutes<T, A> {
    host: Arc<str>,
    paths: Paths<T, A>,
}

/// Where a route is filed.
struct Filed<T, A> {
    order: u64,
    candidates: Vec<Arc<Candidate<T, A>>>,
    /// The hosts of the tree; empty for [`Router::paths`].
    hosts: Vec<HostPattern>,
}

/// One step of [`Router::explain`].
#[derive(Clone, Copy, Debug)]
pub struct Considered<'r, T, A> {
    /// The route under the path that led to it.
    pub route: &'r Candidate<T, A>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a route that was considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request takes it.
    Matches,
    /// It hangs on so many bytes of body.
    NeedsBody(usize),
    /// The first condition that the request fails.
    Fails(Condition),
}

impl<T, A> Router<T, A> {
    /// A table without routes.
    pub fn new(kind: RouterKind) -> Self {
        Self {
            kind,
            hosts: RadixTree::new(),
            hosts_with_port: 0,
            paths: RadixTree::new(),
            routes: RadixTree::new(),
            next_order: 0,
        }
    }

    /// How routes are found.
    pub(crate) fn kind(&self) -> RouterKind {
        self.kind
    }

    /// The place of a route among its equals: the lower came first.
    pub(crate) fn order(&self, id: &str) -> Option<u64> {
        self.routes.get(id.as_bytes(), Kind::Exact).map(|filed| filed.order)
    }

    /// The route that a request takes. Nothing is allocated, unless an
    /// expression's variables do.
    #[inline]
    pub fn find<I: MatchInput<A>>(&self, input: &I) -> Match<'_, T, A> {
        let found = self.walk(input, |route, tree_host, verdict| match verdict {
            Verdict::Fails(_) => ControlFlow::Continue(()),
            Verdict::NeedsBody(limit) => ControlFlow::Break(Match::NeedsBody(limit)),
            Verdict::Passes(host) => {
                ControlFlow::Break(Match::Found(Found { route, host: tree_host.or(host) }))
            }
        });
        match found {
            ControlFlow::Break(found) => found,
            ControlFlow::Continue(()) => Match::NotFound,
        }
    }

    /// Every route considered for a request, in order, up to the one it takes.
    pub fn explain<I: MatchInput<A>>(&self, input: &I) -> Vec<Considered<'_, T, A>> {
        let mut considered = Vec::new();
        let _ = self.walk(input, |route, _, verdict| {
            let (outcome, flow) = match verdict {
                Verdict::Passes(_) => (Outcome::Matches, ControlFlow::Break(())),
                Verdict::NeedsBody(limit) => (Outcome::NeedsBody(limit), ControlFlow::Break(())),
                Verdict::Fails(condition) => (Outcome::Fails(condition), ControlFlow::Continue(())),
            };
            considered.push(Considered { route, outcome });
            flow
        });
        considered
    }

    /// Judge the candidates for a request, best first, until `each` has
    /// enough. The host it is called with is the tree's.
    #[inline]
    fn walk<'r, I: MatchInput<A>, R>(
        &'r self,
        input: &I,
        mut each: impl FnMut(&'r Arc<Candidate<T, A>>, Option<&'r str>, Verdict<'r>) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        let request = Request { method: input.method(), path: input.path(), input };
        if !self.hosts.is_empty() {
            let (host, with_port) = (input.host(), input.host_with_port());
            if self.hosts_with_port > 0 && with_port.len() > host.len() {
                self.walk_hosts(with_port, true, &request, &mut each)?;
            }
            self.walk_hosts(host, false, &request, &mut each)?;
        }
        walk_paths(&self.paths, None, &request, &mut each)
    }

    /// Walks the hosts that `host` matches; with a port, those alone that name one.
    fn walk_hosts<'r, I: MatchInput<A>, R>(
        &'r self,
        host: &[u8],
        with_port: bool,
        request: &Request<'_, I>,
        each: &mut impl FnMut(&'r Arc<Candidate<T, A>>, Option<&'r str>, Verdict<'r>) -> ControlFlow<R>,
    ) -> ControlFlow<R> {
        reversed(host, |key| {
            for routes in self.hosts.matches(key) {
                if with_port && !routes.host.contains(':') {
                    continue;
                }
                walk_paths(&routes.paths, Some(&routes.host), request, each)?;
            }
            ControlFlow::Continue(())
        })
    }
}

#[inline]
fn walk_paths<'r, T, A, I: MatchInput<A>, R>(
    paths: &'r Paths<T, A>,
    host: Option<&'r str>,
    request: &Request<'_, I>,
    each: &mut impl FnMut(&'r Arc<Candidate<T, A>>, Option<&'r str>, Verdict<'r>) -> ControlFlow<R>,
) -> ControlFlow<R> {
    for bucket in paths.matches(request.path) {
        for candidate in bucket.candidates() {
            each(candidate, host, candidate.judge(request))?;
        }
    }
    ControlFlow::Continue(())
}

impl<T: Clone, A> Router<T, A> {
    /// Add a route, in place of the one of the same identifier if there is
    /// one, whose place among its equals it keeps. `resolve` turns names of
    /// variables into what requests are asked with.
    ///
    /// # Errors
    /// What is wrong with the route; the table is as before.
    pub fn insert(
        &mut self,
        spec: &RouteSpec<'_>,
        payload: T,
        resolve: &mut dyn FnMut(&str) -> Result<A, String>,
    ) -> Result<(), RouteError> {
        let old = self.routes.get(spec.id.as_bytes(), Kind::Exact).cloned();
        let order = old.as_ref().map_or(self.next_order, |old| old.order);
        let filed = Arc::new(self.compile(spec, &payload, order, resolve)?);
        if let Some(old) = old {
            self.unfile(&old);
        } else {
            self.next_order += 1;
        }
        self.file(&filed);
        self.routes.insert(spec.id.as_bytes(), Kind::Exact, filed);
        Ok(())
    }

    /// Take a route out; `false` if there is none of this identifier.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(filed) = self.routes.remove(id.as_bytes(), Kind::Exact) else {
            return false;
        };
        self.unfile(&filed);
        true
    }

    /// A table with one more route, or one replaced, that shares the rest with
    /// this one; see [`Router::insert`].
    ///
    /// # Errors
    /// What is wrong with the route.
    pub fn with_route(
        &self,
        spec: &RouteSpec<'_>,
        payload: T,
        resolve: &mut dyn FnMut(&str) -> Result<A, String>,
    ) -> Result<Self, RouteError> {
        let mut next = self.clone();
        next.insert(spec, payload, resolve)?;
        Ok(next)
    }

    /// A table without a route, that shares the rest with this one.
    #[must_use]
    pub fn without_route(&self, id: &str) -> Self {
        let mut next = self.clone();
        next.remove(id);
        next
    }

    fn compile(
        &self,
        spec: &RouteSpec<'_>,
        payload: &T,
        order: u64,
        resolve: &mut dyn FnMut(&str) -> Result<A, String>,
    ) -> Result<Filed<T, A>, RouteError> {
        let mut hosts: Vec<HostPattern> =
            spec.hosts.iter().map(|host| HostPattern::new(host)).collect();
        hosts.sort_by(|a, b| a.text().cmp(b.text()));
        hosts.dedup_by(|a, b| a.text() == b.text());
        let (tree_hosts, hosts) = match self.kind {
            RouterKind::HostUri => (hosts, Vec::new()),
            RouterKind::Uri | RouterKind::UriWithParameter => (Vec::new(), hosts),
        };
        let vars = spec.vars.map(|vars| Expr::compile(vars, resolve)).transpose();
        let networks = spec.remote_addrs.iter().map(|network| (network.address, network.prefix));
        let conditions = Conditions {
            hosts: hosts.into_boxed_slice(),
            addresses: (!spec.remote_addrs.is_empty()).then(|| networks.collect()),
            vars: vars.map_err(RouteError::Vars)?,
        };
        let shared = Shared {
            id: spec.id.into(),
            methods: spec.methods,
            conditions: (!conditions.is_empty()).then(|| Arc::new(conditions)),
            priority: spec.priority,
            order,
            payload,
        };
        let parameters = parameters(self.kind);
        let mut candidates = Vec::with_capacity(spec.uris.len());
        for (index, uri) in spec.uris.iter().enumerate() {
            let pattern =
                PathPattern::new(uri, parameters).map_err(|error| RouteError::Uri(index, error))?;
            candidates.push(Arc::new(Candidate::new(pattern, &shared)));
        }
        if spec.disabled {
            candidates.clear();
        }
        Ok(Filed { order, candidates, hosts: tree_hosts })
    }

    fn file(&mut self, filed: &Filed<T, A>) {
        if filed.hosts.is_empty() {
            return filed.candidates.iter().for_each(|candidate| add(&mut self.paths, candidate));
        }
        if filed.candidates.is_empty() {
            return;
        }
        for host in &filed.hosts {
            let (key, kind) = host.key();
            let known = self.hosts.get(&key, kind).cloned();
            let mut routes = known.unwrap_or_else(|| {
                self.hosts_with_port += usize::from(host.with_port());
                HostRoutes { host: host.text().clone(), paths: RadixTree::new() }
            });
            filed.candidates.iter().for_each(|candidate| add(&mut routes.paths, candidate));
            self.hosts.insert(&key, kind, routes);
        }
    }

    fn unfile(&mut self, filed: &Filed<T, A>) {
        if filed.hosts.is_empty() {
            return filed.candidates.iter().for_each(|candidate| take(&mut self.paths, candidate));
        }
        for host in &filed.hosts {
            let (key, kind) = host.key();
            let Some(mut routes) = self.hosts.get(&key, kind).cloned() else {
                continue;
            };
            filed.candidates.iter().for_each(|candidate| take(&mut routes.paths, candidate));
            if routes.paths.is_empty() {
                self.hosts.remove(&key, kind);
                self.hosts_with_port -= usize::from(host.with_port());
            } else {
                self.hosts.insert(&key, kind, routes);
            }
        }
    }
}

fn add<T, A>(paths: &mut Paths<T, A>, candidate: &Arc<Candidate<T, A>>) {
    let (key, kind) = (candidate.pattern().key(), candidate.pattern().kind());
    let bucket = match paths.get(key, kind) {
        Some(bucket) => bucket.with(candidate.clone()),
        None => Bucket::One(candidate.clone()),
    };
    paths.insert(key, kind, bucket);
}

fn take<T, A>(paths: &mut Paths<T, A>, candidate: &Arc<Candidate<T, A>>) {
    let (key, kind) = (candidate.pattern().key(), candidate.pattern().kind());
    match paths.get(key, kind).and_then(|bucket| bucket.without(candidate)) {
        Some(bucket) => paths.insert(key, kind, bucket),
        None => paths.remove(key, kind),
    };
}

// Derived, these would ask for `T: Clone` and `A: Clone`.
impl<T, A> Clone for Router<T, A> {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind,
            hosts: self.hosts.clone(),
            hosts_with_port: self.hosts_with_port,
            paths: self.paths.clone(),
            routes: self.routes.clone(),
            next_order: self.next_order,
        }
    }
}

impl<T, A> Clone for HostRoutes<T, A> {
    fn clone(&self) -> Self {
        Self { host: self.host.clone(), paths: self.paths.clone() }
    }
}

impl<T, A> fmt::Debug for Router<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("kind", &self.kind).finish_non_exhaustive()
    }
}
