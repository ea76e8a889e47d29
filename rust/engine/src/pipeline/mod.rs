//! The way of one request through the gateway, read from top to bottom.

use gateway_core::method::Method;
use gateway_net::h1::{Form, Framing};

use crate::client::Client;
use crate::exchange::Exchange;
use crate::forward::{self, Upload};
use crate::observe::flags::Flag;
use crate::respond::{self, Answer};
use crate::snapshot::{Lookup, Target};
use crate::variables::View;
use crate::worker::Worker;

/// Serves one request. True if the connection may carry another.
pub(crate) async fn run(
    worker: &Worker,
    client: &mut Client,
    mut exchange: Box<Exchange>,
    mut upload: Upload,
) -> bool {
    exchange.started = worker.now_us();
    exchange.https = client.origin.tls.is_some();
    client.keep_alive = exchange.request.keep_alive && !worker.draining();
    worker.real_ip(client, &mut exchange);
    worker.drop_underscores(&mut exchange);
    match admit(worker, client, &mut exchange) {
        Ok(()) => forward::forward(worker, client, &mut exchange, &mut upload).await,
        Err(answer) => {
            // A body that nobody reads would be taken for the next request.
            client.keep_alive &= upload.complete();
            respond::send(worker, client, &mut exchange, answer).await;
        }
    }
    if !upload.complete() {
        client.keep_alive = false;
        client.linger = true;
    }
    exchange.request_length += upload.late();
    worker.buffers.borrow_mut().put(upload.into_buffer());
    finish(worker, client, exchange);
    client.keep_alive
}

/// Decides where the request goes, or what is answered instead.
fn admit(worker: &Worker, client: &mut Client, exchange: &mut Exchange) -> Result<(), Answer> {
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
    if request.target.form == Form::Asterisk {
        // OPTIONS * asks about the server itself (RFC 9110 section 9.3.7).
        return Err(Answer::ok("", &b""[..]).field("Allow", ALLOW));
    }
    worker.normalize(exchange).map_err(|reason| {
        client.keep_alive = false;
        Answer::problem(400, Flag::ClientRequest, &reason)
    })?;
    let snapshot = worker.snapshot();
    let Lookup::Found(found) = snapshot.find(&View { worker, client, exchange }) else {
        return Err(Answer::error_msg(404, Flag::NoRoute, "404 Route Not Found"));
    };
    exchange.params = found.params;
    let route = found.route;
    match snapshot.target(&route) {
        Target::Upstream { upstream, service } => {
            exchange.upgrading = exchange.wants_websocket() && route.websocket(service.as_deref());
            exchange.service = service;
            exchange.upstream = Some(upstream);
        }
        Target::ServiceMissing => {
            exchange.route = Some(route);
            return Err(Answer::error_msg(404, Flag::GatewayError, "404 Route Not Found"));
        }
        Target::UpstreamMissing => {
            exchange.route = Some(route);
            return Err(Answer::problem(502, Flag::GatewayError, "the route's upstream is missing"));
        }
        Target::None => {
            exchange.route = Some(route);
            let text = "missing upstream configuration in Route or Service";
            return Err(Answer::problem(503, Flag::GatewayError, text));
        }
    }
    exchange.route = Some(route);
    Ok(())
}

const ALLOW: &str = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

/// Counts and logs an exchange that is over, and recycles it.
pub(crate) fn finish(worker: &Worker, client: &Client, mut exchange: Box<Exchange>) {
    let now = worker.now_us();
    if let Some(attempt) = exchange.attempts.last_mut() {
        attempt.ended.get_or_insert(now);
    }
    worker.observe(client, &mut exchange, now);
    worker.give_exchange(exchange);
}
