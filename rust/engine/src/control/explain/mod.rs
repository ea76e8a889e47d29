//! `/try`: which route a request would take, and why not the others. Nothing is sent.
//!
//! The request goes the way that one from a client goes, on a worker that serves nobody: read by
//! the same strict parser, its client's address found by the same rules, its path normalised, its
//! candidates judged by the router itself. So what is told here is what would happen.

mod question;
mod told;

use std::io;
use std::sync::Arc;
use std::task::Waker;

use gateway_core::headers::Known;
use gateway_net::h1::RequestReader;

use crate::client::{Client, Wire};
use crate::exchange::Exchange;
use crate::matching::{Considered, Miss, Outcome};
use crate::pipeline;
use crate::respond::Answer;
use crate::snapshot::Target;
use crate::supervisor::Engine;
use crate::variables::View;
use crate::variables::post::Post;
use crate::worker::Worker;
pub(super) use question::Question;
use told::{Explanation, Judged, Matched, Near, OwnAnswer, Seen};

/// Routes told of that a request nearly reaches.
const NEAR: usize = 5;

/// Tells what would become of a request.
///
/// # Errors
/// In words, what is wrong with the question.
pub(super) fn explain(engine: &Engine, question: &Question) -> Result<Explanation, String> {
    let bytes = question.bytes()?;
    let worker = onlooker(engine).map_err(|error| format!("it cannot be tried: {error}"))?;
    let (deadline, origin) = (worker.deadlines.register(Waker::noop()), question.origin());
    let mut nobody = question::nobody();
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
