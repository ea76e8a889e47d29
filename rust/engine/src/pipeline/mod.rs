//! The way of one request through the gateway, read from top to bottom.

use gateway_core::headers::Known;
use gateway_core::method::Method;
use gateway_net::h1::{Framing, Version};

use crate::client::Client;
use crate::exchange::Exchange;
use crate::forward::{self, Ungathered, Upload};
use crate::grpc;
use crate::matching::MatchInput as _;
use crate::mtls;
use crate::observe::flags::Flag;
use crate::respond::{self, Answer};
use crate::snapshot::{Lookup, Target};
use crate::variables::View;
use crate::variables::post::Post;
use crate::worker::Worker;

/// Serves one request; the client then says whether another may follow.
pub(crate) async fn run(
    worker: &Worker,
    client: &mut Client<'_>,
    mut exchange: Box<Exchange>,
    mut upload: Upload,
) {
    exchange.started = worker.now_us();
    exchange.https = client.origin.tls.is_some();
    // What follows a request for WebSocket belongs to WebSocket or to nobody.
    client.keep_alive = exchange.request.keep_alive
        && !exchange.wants_websocket()
        && worker.limits.keepalive_ms > 0;
    worker.real_ip(client, &mut exchange);
    worker.drop_underscores(&mut exchange);
    worker.recorder.request_started();
    let mut admitted = admit(worker, client, &mut exchange);
    if let Admitted::NeedsBody(limit) = admitted {
        admitted = match gather(worker, client, &mut exchange, &mut upload, limit).await {
            Ok(()) => admit(worker, client, &mut exchange),
            Err(answer) => Admitted::Answer(answer),
        };
    }
    if upload.too_large() && matches!(admitted, Admitted::Forward) {
        let detail = "request body is larger than allowed";
        admitted = Admitted::Answer(Answer::problem(413, Flag::ClientLimit, detail));
    }
    match admitted {
        Admitted::Forward => {
            forward::forward(worker, client, &mut exchange, &mut upload).await;
        }
        Admitted::Answer(answer) => {
            // A body that nobody reads would be taken for the next request.
            client.keep_alive &= upload.complete();
            respond::send(worker, client, &mut exchange, answer).await;
        }
        Admitted::NeedsBody(_) => unreachable!("a body that was read is not asked for again"),
    }
    client.settle(&exchange, upload.complete());
    exchange.request_length += upload.late();
    worker.buffers.borrow_mut().put(upload.into_buffer());
    finish(worker, client, exchange);
}

/// What was decided about a request.
enum Admitted {
    /// It goes to its upstream.
    Forward,
    /// It is answered here.
    Answer(Answer),
    /// So many bytes of its body decide.
    NeedsBody(usize),
}

/// Reads the body that `vars` ask for and takes it apart.
async fn gather(
    worker: &Worker,
    client: &mut Client<'_>,
    exchange: &mut Exchange,
    upload: &mut Upload,
    limit: usize,
) -> Result<(), Answer> {
    if exchange.request.expect_continue && !upload.complete() {
        // The upstream is asked only once the body is here, so the gateway gives the word.
        exchange.request.headers.remove_known(Known::Expect);
        if !client.go_on(worker).await {
            return Err(Answer::problem(400, Flag::ClientLeft, "client closed its connection"));
        }
    }
    let body = upload.gather(worker, client, limit).await.map_err(|why| match why {
        Ungathered::ClientLeft => {
            let detail = "client closed its connection before its request was complete";
            Answer::problem(400, Flag::ClientLeft, detail)
        }
        Ungathered::Malformed(reject) => {
            Answer::problem(reject.status(), Flag::ClientRequest, reject.reason())
        }
        Ungathered::TimedOut => {
            Answer::problem(408, Flag::ClientTimeout, "request body did not arrive in time")
        }
        Ungathered::TooLarge => {
            Answer::problem(413, Flag::ClientLimit, "request body is larger than allowed")
        }
    })?;
    let kind = exchange.request.headers.known(Known::ContentType);
    exchange.post = body.map_or(Post::Opaque, |body| Post::parse(kind, &body));
    Ok(())
}

/// Decides where the request goes, or what is answered instead.
fn admit(worker: &Worker, client: &mut Client<'_>, exchange: &mut Exchange) -> Admitted {
    match decide(worker, client, exchange) {
        Ok(None) => Admitted::Forward,
        Ok(Some(limit)) => Admitted::NeedsBody(limit),
        Err(answer) => Admitted::Answer(answer),
    }
}

/// Turns away what no route is asked for, and brings the path into the form that routes match.
pub(crate) fn screen(
    worker: &Worker,
    client: &mut Client<'_>,
    exchange: &mut Exchange,
) -> Result<(), Answer> {
    let request = &exchange.request;
    if matches!(request.method, Method::Connect | Method::Trace) {
        client.keep_alive = false;
        let detail = "this method is not served by a gateway";
        return Err(Answer::problem(405, Flag::ClientRequest, detail).field("Allow", ALLOW));
    }
    if let Framing::Length(length) = request.framing
        && worker.limits.max_body > 0
        && length > worker.limits.max_body
    {
        let detail = "request body is larger than allowed";
        return Err(Answer::problem(413, Flag::ClientLimit, detail));
    }
    if request.path() == b"*" {
        // OPTIONS * asks about the server itself (RFC 9110 section 9.3.7).
        return Err(Answer::ok("", &b""[..]).field("Allow", ALLOW));
    }
    worker.normalize(exchange).map_err(|reason| {
        client.keep_alive = false;
        Answer::problem(400, Flag::ClientRequest, &reason)
    })
}

/// Finds where a request goes; a number is how many bytes of its body decide.
fn decide(
    worker: &Worker,
    client: &mut Client,
    exchange: &mut Exchange,
) -> Result<Option<usize>, Answer> {
    screen(worker, client, exchange)?;
    let snapshot = worker.snapshot();
    if let Some(tls) = &client.origin.tls
        && snapshot.certificates.verifies_clients()
    {
        let view = View { worker, client, exchange };
        mtls::check(&snapshot, tls, view.host(), view.path())?;
    }
    let found = match snapshot.find(&View { worker, client, exchange }) {
        Lookup::Found(found) => found,
        Lookup::NeedsBody(limit) => return Ok(Some(limit)),
        Lookup::NotFound => return Err(no_route()),
    };
    exchange.params = found.params;
    let route = found.route;
    match snapshot.target(&route) {
        Target::Upstream { upstream, service } => {
            exchange.upgrading = exchange.wants_websocket()
                && route.websocket(service.as_deref())
                && !upstream.http2;
            let content = upstream.grpc && grpc::is_content(&exchange.request);
            if content && exchange.request.version != Version::Http2 {
                exchange.route = Some(route);
                let detail = "gRPC needs HTTP/2 from the client to the gateway, too";
                return Err(Answer::problem(505, Flag::ClientRequest, detail));
            }
            if content {
                exchange.patience_us = grpc::timeout_us(&exchange.request).unwrap_or_default();
            }
            exchange.service = service;
            exchange.upstream = Some(upstream);
        }
        nowhere => {
            exchange.route = Some(route);
            return Err(unserved(&nowhere));
        }
    }
    exchange.route = Some(route);
    Ok(None)
}

/// What is answered to bytes that are no request.
pub(crate) fn rejected(status: u16, reason: &str) -> Answer {
    let flag = match status {
        414 | 431 => Flag::ClientLimit,
        _ => Flag::ClientRequest,
    };
    Answer::problem(status, flag, reason)
}

/// What is answered where no route matches.
pub(crate) fn no_route() -> Answer {
    Answer::error_msg(404, Flag::NoRoute, "404 Route Not Found")
}

/// What is answered where a route leads to no upstream.
pub(crate) fn unserved(target: &Target) -> Answer {
    match target {
        Target::ServiceMissing => Answer::error_msg(404, Flag::GatewayError, "404 Route Not Found"),
        Target::UpstreamMissing => {
            Answer::problem(502, Flag::GatewayError, "the route's upstream is missing")
        }
        Target::CertificateMissing => {
            let detail = "the upstream's client certificate is missing";
            Answer::problem(502, Flag::GatewayError, detail)
        }
        Target::None | Target::Upstream { .. } => {
            let text = "missing upstream configuration in Route or Service";
            Answer::problem(503, Flag::GatewayError, text)
        }
    }
}

const ALLOW: &str = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

/// Counts and logs an exchange that is over, and recycles it.
pub(crate) fn finish(worker: &Worker, client: &Client<'_>, mut exchange: Box<Exchange>) {
    let now = worker.now_us();
    if let Some(attempt) = exchange.attempts.last_mut() {
        attempt.ended.get_or_insert(now);
    }
    worker.observe(client, &mut exchange, now);
    worker.give_exchange(exchange);
}
