//! A route under one of its paths, and the conditions beyond the path.

use std::cmp::Reverse;
use std::sync::Arc;

use gateway_core::config::Methods;
use gateway_core::method::Method;
use gateway_kit::expr::Expr;
use gateway_kit::ip_set::IpSet;
use gateway_kit::path_pattern::PathPattern;

use super::MatchInput;
use super::host::HostPattern;

/// A route as it is filed under one of its paths.
#[derive(Debug)]
pub struct Candidate<T, A> {
    methods: Methods,
    /// The path needs a look beyond its key.
    checks_path: bool,
    /// `None` for most routes: method and path are all they ask.
    conditions: Option<Arc<Conditions<A>>>,
    payload: T,
    pattern: PathPattern,
    id: Arc<str>,
    rank: Rank,
}

/// What decides among candidates on the same path; the least is tried first.
type Rank = (Reverse<i64>, Reverse<usize>, u64);

/// What a route asks beyond method and path; shared by its candidates.
#[derive(Debug)]
pub(super) struct Conditions<A> {
    /// Empty where the tree of hosts has decided, and for any host.
    pub(super) hosts: Box<[HostPattern]>,
    pub(super) addresses: Option<IpSet>,
    pub(super) vars: Option<Expr<A>>,
}

impl<A> Conditions<A> {
    pub(super) fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.addresses.is_none() && self.vars.is_none()
    }
}

/// What a request can fail on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The method.
    Method,
    /// The part of the path with parameters.
    Path,
    /// The client's address.
    RemoteAddr,
    /// The host.
    Host,
    /// The expression.
    Vars,
}

/// How one candidate took one request.
pub(super) enum Verdict<'r> {
    /// It passes; on this host, if it asks for one.
    Passes(Option<&'r str>),
    /// Its expression hangs on so many bytes of body.
    NeedsBody(usize),
    Fails(Condition),
}

/// The parts of a request that every candidate is asked about, fetched once.
pub(super) struct Request<'i, I> {
    pub(super) method: Method,
    pub(super) path: &'i [u8],
    pub(super) input: &'i I,
}

/// What a route's candidates have in common.
pub(super) struct Shared<'s, T, A> {
    pub(super) id: Arc<str>,
    pub(super) methods: Methods,
    pub(super) conditions: Option<Arc<Conditions<A>>>,
    pub(super) priority: i64,
    pub(super) order: u64,
    pub(super) payload: &'s T,
}

impl<T, A> Candidate<T, A> {
    /// What was given when the route was inserted.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// The path as written, and what its parameters are in a request's path.
    pub fn pattern(&self) -> &PathPattern {
        &self.pattern
    }

    /// The expression that must hold, if there is one.
    pub fn vars(&self) -> Option<&Expr<A>> {
        self.conditions.as_ref()?.vars.as_ref()
    }

    /// The route's identifier.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn rank(&self) -> Rank {
        self.rank
    }

    /// Ask whether a request whose path led here may take this route.
    #[inline]
    pub(super) fn judge<I: MatchInput<A>>(&self, request: &Request<'_, I>) -> Verdict<'_> {
        if !self.methods.allows(request.method) {
            return Verdict::Fails(Condition::Method);
        }
        if self.checks_path && !self.pattern.matches(request.path) {
            return Verdict::Fails(Condition::Path);
        }
        match &self.conditions {
            None => Verdict::Passes(None),
            Some(conditions) => conditions.judge(request.input),
        }
    }
}

impl<T: Clone, A> Candidate<T, A> {
    pub(super) fn new(pattern: PathPattern, shared: &Shared<'_, T, A>) -> Self {
        Self {
            methods: shared.methods,
            checks_path: pattern.needs_check(),
            conditions: shared.conditions.clone(),
            payload: shared.payload.clone(),
            id: shared.id.clone(),
            rank: (Reverse(shared.priority), Reverse(pattern.source().len()), shared.order),
            pattern,
        }
    }
}

impl<A> Conditions<A> {
    fn judge<I: MatchInput<A>>(&self, input: &I) -> Verdict<'_> {
        if let Some(addresses) = &self.addresses
            && !addresses.contains(input.remote_addr())
        {
            return Verdict::Fails(Condition::RemoteAddr);
        }
        let mut matched = None;
        if !self.hosts.is_empty() {
            let (host, host_with_port) = (input.host(), input.host_with_port());
            match self.hosts.iter().find(|pattern| pattern.matches(host, host_with_port)) {
                Some(pattern) => matched = Some(&**pattern.text()),
                None => return Verdict::Fails(Condition::Host),
            }
        }
        let Some(vars) = &self.vars else {
            return Verdict::Passes(matched);
        };
        match vars.eval(input) {
            Some(true) => Verdict::Passes(matched),
            Some(false) => Verdict::Fails(Condition::Vars),
            // The whole expression's need at once, so that it is asked but once.
            None => match vars.variables().filter_map(|name| input.body_limit(name)).max() {
                Some(limit) => Verdict::NeedsBody(limit),
                None => Verdict::Fails(Condition::Vars),
            },
        }
    }
}

/// The candidates on one key, best first. Nearly always one.
#[derive(Debug)]
pub(super) enum Bucket<T, A> {
    One(Arc<Candidate<T, A>>),
    /// Shared between versions of the tree.
    Many(Arc<Vec<Arc<Candidate<T, A>>>>),
}

// Derived, this would ask for `T: Clone` and `A: Clone`.
impl<T, A> Clone for Bucket<T, A> {
    fn clone(&self) -> Self {
        match self {
            Self::One(candidate) => Self::One(candidate.clone()),
            Self::Many(candidates) => Self::Many(candidates.clone()),
        }
    }
}

impl<T, A> Bucket<T, A> {
    pub(super) fn candidates(&self) -> &[Arc<Candidate<T, A>>] {
        match self {
            Self::One(candidate) => std::slice::from_ref(candidate),
            Self::Many(candidates) => candidates,
        }
    }

    pub(super) fn with(&self, candidate: Arc<Candidate<T, A>>) -> Self {
        let mut candidates = self.candidates().to_vec();
        let at = candidates.partition_point(|other| other.rank() <= candidate.rank());
        candidates.insert(at, candidate);
        Self::Many(Arc::new(candidates))
    }

    /// `None` if no candidate is left.
    pub(super) fn without(&self, candidate: &Arc<Candidate<T, A>>) -> Option<Self> {
        let mut candidates = self.candidates().to_vec();
        candidates.retain(|other| !Arc::ptr_eq(other, candidate));
        match candidates.len() {
            0 => None,
            1 => candidates.pop().map(Self::One),
            _ => Some(Self::Many(Arc::new(candidates))),
        }
    }
}
