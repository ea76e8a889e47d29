//! `/try`: which route a request would take, and why not the others. Nothing is sent.
//!
//! The request goes the way that one from a client goes, on a worker that serves nobody: read by
//! the same strict parser, its client's address found by the same rules, its path normalised, its
//! candidates judged by the router itself. So what is told here is what would happen.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use gateway_core::headers::Known;
use gateway_kit::expr::Value;
use gateway_net::h1::RequestReader;
use gateway_net::socket::Socket;
use gateway_net::stream::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::routes::{Destination, Source, destination, source};
use crate::client::{Client, Http1, IpText, Origin, TlsFacts, Wire};
use crate::exchange::Exchange;
use crate::matching::{Condition, Considered, MatchInput, Miss, Outcome};
use crate::pipeline;
use crate::publish::{Listed, Publisher};
use crate::respond::Answer;
use crate::snapshot::{Route, Snapshot, Target};
use crate::supervisor::Engine;
use crate::variables::post::Post;
use crate::variables::{Variable, View};
use crate::worker::{Purpose, Worker};

/// Routes told of that a request nearly reaches.
const NEAR: usize = 5;

/// A request to be tried.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    method: String,
    /// Path and query, not decoded.
    target: String,
    /// Names and values, as sent; Host among them.
    headers: Vec<(String, String)>,
    /// Whether it comes over TLS, for the server name of its Host.
    #[serde(default)]
    https: bool,
    /// Its peer's address; the loopback's if absent.
    remote_addr: Option<IpAddr>,
    /// For `post_arg` in `vars`.
    body: Option<String>,
}

/// What would become of a request.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    /// The request as routes see it.
    request: Seen,
    /// The route it takes.
    matched: Option<Matched>,
    /// What the gateway itself would answer, if it is not sent to an upstream.
    answer: Option<OwnAnswer>,
    /// Routes considered, in order, up to the one that it takes.
    candidates: Vec<Judged>,
    /// If it takes none: routes that host and path do not lead to, the nearest first.
    near: Vec<Near>,
}

#[derive(Debug, Serialize)]
struct Seen {
    method: String,
    host: String,
    /// Decoded and normalised.
    path: String,
    /// The client's address, as a trusted proxy reported it or the peer's.
    remote_addr: IpAddr,
}

#[derive(Debug, Serialize)]
struct Matched {
    #[serde(flatten)]
    route: Named,
    /// Parameters of the path.
    params: Vec<(String, String)>,
    upstream: Destination,
}

#[derive(Debug, Serialize)]
struct OwnAnswer {
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
struct Judged {
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
struct Near {
    #[serde(flatten)]
    route: Named,
    #[serde(flatten)]
    failure: Failure,
}

/// Tells what would become of a request.
///
/// # Errors
/// In words, what is wrong with the question.
pub(super) fn explain(engine: &Engine, question: &Question) -> Result<Explanation, String> {
    let bytes = question.bytes()?;
    let worker = onlooker(engine).map_err(|error| format!("it cannot be tried: {error}"))?;
    let (deadline, origin) = (worker.deadlines.register(Waker::noop()), question.origin());
    let mut nobody = Http1 { stream: Stream::Other(Box::new(Nobody)), unread: Vec::new() };
    let mut client = Client {
        wire: Wire::Http1(&mut nobody),
        deadline: &deadline,
        origin: &origin,
        requests: 0,
        keep_alive: true,
        linger: false,
        cut: false,
    };
    let mut exchange = worker.take_exchange();
    if let Err(answer) = admit(&worker, &mut client, &mut exchange, (question, &bytes)) {
        let request = Seen::of(&View { worker: &worker, client: &client, exchange: &exchange });
        return Ok(Explanation {
            request,
            matched: None,
            answer: Some(OwnAnswer::of(&answer)),
            candidates: Vec::new(),
            near: Vec::new(),
        });
    }
    let view = View { worker: &worker, client: &client, exchange: &exchange };
    Ok(judge(engine, &view))
}

/// A worker to look through. Its timers and sockets want a runtime around it, which the thread of
/// the control socket has and a caller's own has not.
fn onlooker(engine: &Engine) -> io::Result<Worker> {
    let shared = Arc::clone(engine.shared());
    if tokio::runtime::Handle::try_current().is_ok() {
        return Worker::onlooker(shared);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    Worker::onlooker(shared)
}

/// Reads the request as a client's is read, up to where routes are asked.
fn admit(
    worker: &Worker,
    client: &mut Client<'_>,
    exchange: &mut Exchange,
    (question, bytes): (&Question, &[u8]),
) -> Result<(), Answer> {
    let limits = &worker.limits.request;
    match RequestReader::default().parse(bytes, limits, &mut exchange.request) {
        Ok(Some(_)) => {}
        Ok(None) => return Err(pipeline::rejected(400, "the request is not complete")),
        Err(reject) => return Err(pipeline::rejected(reject.status(), reject.reason())),
    }
    exchange.started = worker.now_us();
    exchange.https = question.https;
    if let Some(body) = &question.body {
        let kind = exchange.request.headers.known(Known::ContentType);
        exchange.post = Post::parse(kind, body.as_bytes());
    }
    worker.real_ip(client, exchange);
    worker.drop_underscores(exchange);
    pipeline::screen(worker, client, exchange)
}

fn judge(engine: &Engine, view: &View<'_>) -> Explanation {
    let publisher = engine.publisher();
    let snapshot = publisher.snapshot();
    let considered = snapshot.router.explain(view);
    let candidates = considered.iter().map(|one| Judged::of(one, view, &publisher)).collect();
    let request = Seen::of(view);
    match considered.last() {
        Some(Considered { route, outcome: Outcome::Matches }) => {
            let target = snapshot.target(route.payload());
            let answer = match &target {
                Target::Upstream { .. } => None,
                nowhere => Some(OwnAnswer::of(&pipeline::unserved(nowhere))),
            };
            let matched = Matched::of(route, view, (&publisher, snapshot));
            Explanation { request, matched, answer, candidates, near: Vec::new() }
        }
        Some(Considered { outcome: Outcome::NeedsBody(_), .. }) => {
            Explanation { request, matched: None, answer: None, candidates, near: Vec::new() }
        }
        _ => {
            let answer = Some(OwnAnswer::of(&pipeline::no_route()));
            let (kind, routes) = (snapshot.router.kind(), publisher.listing());
            // Patterns are compiled for this, which is no reason to hold up who publishes.
            drop(publisher);
            let missed = routes.iter().filter_map(|route| {
                let miss = Miss::of(&route.spec(), kind, view)?;
                Some((miss, route))
            });
            let mut missed: Vec<_> = missed.collect();
            missed.sort_by_key(|(miss, _)| *miss);
            missed.truncate(NEAR);
            let near = missed.into_iter().map(|(miss, route)| Near::of(miss, route, view));
            Explanation { request, matched: None, answer, candidates, near: near.collect() }
        }
    }
}

impl Question {
    /// The request as a client would send it, without its body.
    fn bytes(&self) -> Result<Vec<u8>, String> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let lines = 1 + self.headers.len();
        if text.matches(['\r', '\n']).count() != 2 * lines {
            return Err("a line end stands in the method, the target or a field".into());
        }
        text.push_str("\r\n");
        Ok(text.into_bytes())
    }

    /// Where it would have come from.
    fn origin(&self) -> Origin {
        let peer = SocketAddr::new(self.remote_addr.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0);
        let host = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let sni = host.map(|(_, value)| value.split(':').next().unwrap_or_default());
        let tls = TlsFacts { sni: sni.map(|sni| sni.to_lowercase().into()), ..TlsFacts::default() };
        Origin {
            peer,
            peer_text: IpText::new(peer.ip()),
            local: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            purpose: Purpose::Proxy,
            tls: self.https.then(|| Box::new(tls)),
        }
    }
}

/// The other end of a connection that is none.
#[derive(Debug)]
struct Nobody;

impl Socket for Nobody {
    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn stale(&self) -> bool {
        true
    }
}

type Candidate = crate::matching::Candidate<Arc<Route>, Variable>;

impl Seen {
    fn of(view: &View<'_>) -> Self {
        Self {
            method: view.method().as_str().into(),
            host: text(view.host_with_port()),
            path: text(view.path()),
            remote_addr: view.remote_addr(),
        }
    }
}

impl OwnAnswer {
    fn of(answer: &Answer) -> Self {
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
    fn of(
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
    fn of(
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
        let (condition, wanted, found) = match condition {
            Condition::Method => {
                ("method", Json::from_iter(config.methods.names()), view.method().as_str().into())
            }
            Condition::Path => ("path", route.pattern().source().into(), text(view.path()).into()),
            Condition::RemoteAddr => (
                "remote_addr",
                Json::from_iter(config.remote_addrs.iter().map(ToString::to_string)),
                view.remote_addr().to_string().into(),
            ),
            Condition::Host => (
                "host",
                Json::from_iter(spec.hosts.iter().cloned()),
                text(view.host_with_port()).into(),
            ),
            Condition::Vars => ("vars", config.vars.clone().unwrap_or_default(), Json::Null),
        };
        Self { condition, wanted, found }
    }
}

impl Near {
    fn of(miss: Miss, listed: &Listed, view: &View<'_>) -> Self {
        let spec = listed.spec();
        let (condition, wanted, found) = match miss {
            Miss::Disabled => ("status", 1.into(), 0.into()),
            Miss::Host => (
                "host",
                Json::from_iter(spec.hosts.iter().cloned()),
                text(view.host_with_port()).into(),
            ),
            Miss::Path(_) => {
                ("path", Json::from_iter(spec.uris.iter().cloned()), text(view.path()).into())
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
