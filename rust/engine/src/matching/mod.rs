//! Which route a request takes: the three router kinds of APISIX, decided in
//! its order and to its letter.
//!
//! 1. With `radixtree_host_uri`, the routes of the request's exact host, then
//!    those of wildcard hosts from the longest, then those without a host.
//!    With the other kinds there is one table, and the host is a condition.
//! 2. Among them, routes on exactly the path, then prefixes from the longest.
//! 3. On the same path: the higher priority, then the longer path as written,
//!    then the route that was there first.
//! 4. The first that passes all of: method, path parameters, address, host,
//!    `vars`.
//!
//! ```
//! use std::net::{IpAddr, Ipv4Addr};
//! use gateway_core::method::Method;
//! use gateway_engine::matching::{MatchInput, RouteSpec, Router, RouterKind};
//! use gateway_kit::expr::{Value, Variables};
//!
//! struct Get(&'static str);
//! impl Variables<String> for Get {
//!     fn value(&self, _: &String) -> Value<'_> { Value::Missing }
//! }
//! impl MatchInput<String> for Get {
//!     fn method(&self) -> Method { Method::Get }
//!     fn path(&self) -> &[u8] { self.0.as_bytes() }
//!     fn host(&self) -> &[u8] { b"example.com" }
//!     fn host_with_port(&self) -> &[u8] { b"example.com:9080" }
//!     fn remote_addr(&self) -> IpAddr { Ipv4Addr::LOCALHOST.into() }
//!     fn body_limit(&self, _: &String) -> Option<usize> { None }
//! }
//!
//! let mut router = Router::new(RouterKind::HostUri);
//! for (id, uri, priority) in [("any", "/*", 10), ("me", "/users/me", 0)] {
//!     let uris = [uri.to_owned()];
//!     let spec = RouteSpec { id, uris: &uris, priority, ..RouteSpec::default() };
//!     router.insert(&spec, id, &mut |name| Ok(name.to_owned())).unwrap();
//! }
//! let found = |path| router.find(&Get(path)).found().map(|found| *found.route.payload());
//! assert_eq!(found("/users/me"), Some("me"));
//! assert_eq!(found("/users/7"), Some("any"));
//! ```
//!
//! What surprises:
//! - An exact path beats a prefix whatever the priorities, as above.
//! - A route that matches the path but not its other conditions does not end
//!   the search: shorter prefixes, and hosts less exact, are still tried.
//! - A router is a value: a clone is three reference counts, a change copies
//!   only what is on its way, and who still reads the old one is not disturbed.
//! - With `radixtree_host_uri` a host with a port never matches in APISIX. Here
//!   it is compared with the Host header, as the other kinds do it.

mod candidate;
mod host;
mod order;
mod router;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use gateway_core::config::{Methods, Network};
use gateway_core::method::Method;
use gateway_kit::expr::{CompileError, Variables};
use gateway_kit::path_pattern::PatternError;
use serde_json::Value as Json;

pub use candidate::{Candidate, Condition};
pub(crate) use order::{Miss, Place};
pub use router::{Considered, Outcome, Router};

/// `apisix.router.http`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouterKind {
    /// `radixtree_host_uri`: the host decides first.
    #[default]
    HostUri,
    /// `radixtree_uri`: the path decides first.
    Uri,
    /// `radixtree_uri_with_parameter`: likewise, and `:name` in a path is a
    /// parameter.
    UriWithParameter,
}

impl RouterKind {
    /// The kind of that name in a configuration file.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "radixtree_host_uri" => Self::HostUri,
            "radixtree_uri" => Self::Uri,
            "radixtree_uri_with_parameter" => Self::UriWithParameter,
            _ => return None,
        })
    }
}

/// What a route asks of requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct RouteSpec<'a> {
    /// Identifier; a later route of the same takes its place.
    pub id: &'a str,
    /// Paths as written.
    pub uris: &'a [String],
    /// Hosts, of the route or else of its service; any when empty.
    pub hosts: &'a [String],
    /// Methods; any when empty.
    pub methods: Methods,
    /// Client addresses; any when empty.
    pub remote_addrs: &'a [Network],
    /// Expression that must hold.
    pub vars: Option<&'a Json>,
    /// Among routes on the same path, the higher one is tried first.
    pub priority: i64,
    /// `status` is 0: remembered, so that it keeps its place, but not served.
    pub disabled: bool,
}

/// What matching asks of a request. `A` is what names of variables were
/// resolved to when the routes were inserted.
pub trait MatchInput<A>: Variables<A> {
    /// The method.
    fn method(&self) -> Method;
    /// The normalized path.
    fn path(&self) -> &[u8];
    /// nginx's `$host`: without a port, in any case; empty if there is none.
    fn host(&self) -> &[u8];
    /// The Host header as it was sent; empty if there is none.
    fn host_with_port(&self) -> &[u8];
    /// The client's address.
    fn remote_addr(&self) -> IpAddr;
    /// How many bytes of body may be read for this variable; `None` if it does
    /// not come from the body. Asked only of variables in an expression that
    /// met [`Value::Pending`](gateway_kit::expr::Value::Pending).
    fn body_limit(&self, variable: &A) -> Option<usize>;
}

/// The answer for one request.
#[derive(Debug)]
pub enum Match<'r, T, A> {
    /// A route.
    Found(Found<'r, T, A>),
    /// It hangs on the body: ask again when so many bytes of it, or all, are
    /// there, with no variable pending any more.
    NeedsBody(usize),
    /// No route: 404.
    NotFound,
}

impl<'r, T, A> Match<'r, T, A> {
    /// The route, if one was found.
    pub fn found(self) -> Option<Found<'r, T, A>> {
        match self {
            Self::Found(found) => Some(found),
            Self::NeedsBody(_) | Self::NotFound => None,
        }
    }
}

/// The route that a request takes.
#[derive(Debug)]
pub struct Found<'r, T, A> {
    /// The route under the path that matched; a clone keeps it and nothing
    /// else of the router alive.
    pub route: &'r Arc<Candidate<T, A>>,
    /// The route's host that matched, in lower case; `None` if it asks none.
    pub host: Option<&'r str>,
}

/// Why a route cannot be inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// The n-th path.
    Uri(usize, PatternError),
    /// The expression.
    Vars(CompileError),
}

impl RouteError {
    /// Where in the route, as a JSON pointer.
    pub fn pointer(&self) -> String {
        match self {
            Self::Uri(index, _) => format!("/uris/{index}"),
            Self::Vars(error) => format!("/vars{}", error.pointer()),
        }
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(_, error) => error.fmt(f),
            // APISIX's words.
            Self::Vars(error) => write!(f, "failed to validate the 'vars' expression: {error}"),
        }
    }
}

impl std::error::Error for RouteError {}
