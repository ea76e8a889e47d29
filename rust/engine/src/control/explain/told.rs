//! What is told of a request that is tried, and how it is found out.

use std::net::IpAddr;
use std::sync::Arc;

use gateway_kit::expr::Value;
use serde::Serialize;
use serde_json::Value as Json;

use crate::control::routes::{Destination, Source, destination, source};
use crate::matching::{Condition, Considered, MatchInput, Miss, Outcome};
use crate::publish::{Listed, Publisher};
use crate::respond::Answer;
use crate::snapshot::{Route, Snapshot};
use crate::variables::{Variable, View};

/// What would become of a request.
#[derive(Debug, Serialize)]
pub(in crate::control) struct Explanation {
    /// The request as routes see it.
    pub(super) request: Seen,
    /// The route it takes.
    pub(super) matched: Option<Matched>,
    /// What the gateway itself would answer, if it is not sent to an upstream.
    pub(super) answer: Option<OwnAnswer>,
    /// Routes considered, in order, up to the one that it takes.
    pub(super) candidates: Vec<Judged>,
    /// If it takes none: routes that host and path do not lead to, the nearest first.
    pub(super) near: Vec<Near>,
}

#[derive(Debug, Serialize)]
pub(super) struct Seen {
    method: String,
    host: String,
    /// Decoded and normalised.
    path: String,
    /// The client's address, as a trusted proxy reported it or the peer's.
    remote_addr: IpAddr,
}

#[derive(Debug, Serialize)]
pub(super) struct Matched {
    #[serde(flatten)]
    route: Named,
    /// Parameters of the path.
    params: Vec<(String, String)>,
    upstream: Destination,
}

#[derive(Debug, Serialize)]
pub(super) struct OwnAnswer {
    status: u16,
    reason: String,
}

/// A route, by what people know it by.
#[derive(Debug, Serialize)]
struct Named {
    id: String,
    name: Option<String>,
    /// The path that led to it.
    uri: String,
    source: Option<Source>,
}

/// A route that was considered.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    #[serde(flatten)]
    route: Named,
    /// `matches`, `fails` or `needs_body`.
    outcome: &'static str,
    #[serde(flatten)]
    failure: Option<Failure>,
    /// Of `vars`: the conditions that decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    decisive: Vec<Decided>,
}

/// The condition that was not met.
#[derive(Debug, Serialize)]
struct Failure {
    /// `method`, `path`, `remote_addr`, `host`, `vars` or `status`.
    condition: &'static str,
    wanted: Json,
    found: Json,
}

/// A condition of an expression.
#[derive(Debug, Serialize)]
struct Decided {
    /// As written: `[variable, operator, value]`.
    condition: Json,
    /// What the variable was; null where the request has no such thing.
    found: Json,
    /// Null while it hangs on the body.
    holds: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(super) struct Near {
    #[serde(flatten)]
    route: Named,
    #[serde(flatten)]
    failure: Failure,
}

type Candidate = crate::matching::Candidate<Arc<Route>, Variable>;

impl Seen {
    pub(super) fn of(view: &View<'_>) -> Self {
        Self {
            method: view.method().as_str().into(),
            host: text(view.host_with_port()),
            path: text(view.path()),
            remote_addr: view.remote_addr(),
        }
    }
}

impl OwnAnswer {
    pub(super) fn of(answer: &Answer) -> Self {
        let (status, reason) = answer.told();
        Self { status, reason }
    }
}

impl Named {
    fn of(route: &Candidate, listed: Option<&Listed>) -> Self {
        Self {
            id: route.id().into(),
            name: route.payload().name.as_deref().map(str::to_owned),
            uri: route.pattern().source().into(),
            source: listed.and_then(source),
        }
    }
}

impl Matched {
    pub(super) fn of(
        route: &Candidate,
        view: &View<'_>,
        (publisher, snapshot): (&Publisher, &Snapshot),
    ) -> Option<Self> {
        let listed = publisher.listed(route.id())?;
        let mut params = Vec::new();
        let pattern = route.pattern();
        if pattern.needs_check() {
            pattern.captures(view.path(), |name, value| params.push((name.into(), text(value))));
        }
        let upstream = destination(&listed, snapshot);
        Some(Self { route: Named::of(route, Some(&listed)), params, upstream })
    }
}

impl Judged {
    pub(super) fn of(
        considered: &Considered<'_, Arc<Route>, Variable>,
        view: &View<'_>,
        publisher: &Publisher,
    ) -> Self {
        let listed = publisher.listed(considered.route.id());
        let route = Named::of(considered.route, listed.as_ref());
        let (outcome, failed) = match considered.outcome {
            Outcome::Matches => ("matches", None),
            Outcome::NeedsBody(_) => ("needs_body", Some(Condition::Vars)),
            Outcome::Fails(condition) => ("fails", Some(condition)),
        };
        let failure = failed
            .zip(listed.as_ref())
            .map(|(condition, listed)| Failure::of(condition, (considered.route, listed), view));
        let vars = failed.filter(|condition| *condition == Condition::Vars).and(listed.as_ref());
        let decisive = vars.map_or_else(Vec::new, |listed| decided(considered.route, listed, view));
        Self { route, outcome, failure, decisive }
    }
}

impl Failure {
    fn of(condition: Condition, (route, listed): (&Candidate, &Listed), view: &View<'_>) -> Self {
        let (config, spec) = (&listed.config, listed.spec());
        let (condition, wanted, found): (_, Json, Json) = match condition {
            Condition::Method => {
                ("method", config.methods.names().collect(), view.method().as_str().into())
            }
            Condition::Path => ("path", route.pattern().source().into(), text(view.path()).into()),
            Condition::RemoteAddr => (
                "remote_addr",
                config.remote_addrs.iter().map(ToString::to_string).collect(),
                view.remote_addr().to_string().into(),
            ),
            Condition::Host => {
                ("host", spec.hosts.iter().cloned().collect(), text(view.host_with_port()).into())
            }
            Condition::Vars => ("vars", config.vars.clone().unwrap_or_default(), Json::Null),
        };
        Self { condition, wanted, found }
    }
}

impl Near {
    pub(super) fn of(miss: Miss, listed: &Listed, view: &View<'_>) -> Self {
        let spec = listed.spec();
        let (condition, wanted, found): (_, Json, Json) = match miss {
            Miss::Disabled => ("status", 1.into(), 0.into()),
            Miss::Host => {
                ("host", spec.hosts.iter().cloned().collect(), text(view.host_with_port()).into())
            }
            Miss::Path(_) => {
                ("path", spec.uris.iter().cloned().collect(), text(view.path()).into())
            }
        };
        let route = Named {
            id: spec.id.into(),
            name: listed.config.name.clone(),
            uri: spec.uris.first().cloned().unwrap_or_default(),
            source: source(listed),
        };
        Self { route, failure: Failure { condition, wanted, found } }
    }
}

/// The conditions that decided an expression.
fn decided(route: &Candidate, listed: &Listed, view: &View<'_>) -> Vec<Decided> {
    let (Some(expr), Some(written)) = (route.vars(), &listed.config.vars) else {
        return Vec::new();
    };
    let decisive = expr.explain(view);
    let told = decisive.into_iter().map(|one| Decided {
        condition: at(written, &one.path),
        found: json(&one.found),
        holds: one.holds,
    });
    told.collect()
}

fn at(written: &Json, path: &[usize]) -> Json {
    path.iter().try_fold(written, |list, index| list.get(*index)).cloned().unwrap_or_default()
}

fn json(value: &Value<'_>) -> Json {
    match value {
        Value::Missing | Value::Pending => Json::Null,
        Value::Text(bytes) => text(bytes).into(),
        Value::Json(json) => (**json).clone(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
