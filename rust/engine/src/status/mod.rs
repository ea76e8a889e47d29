//! `/status`, `/status/ready`, `/v1/healthcheck` and the metrics, on listeners of their own.

mod healthcheck;

use gateway_core::headers::Known;
use gateway_core::method::Method;

use crate::client::Client;
use crate::exchange::Exchange;
use crate::forward::Upload;
use crate::observe::flags::Flag;
use crate::respond::{self, Answer};
use crate::worker::Worker;

/// Answers one request on an internal listener; the client then says whether another may follow.
pub(crate) async fn answer(
    worker: &Worker,
    client: &mut Client<'_>,
    mut exchange: Box<Exchange>,
    upload: Upload,
) {
    client.keep_alive = exchange.request.keep_alive && upload.complete();
    let answer = route(worker, &exchange);
    respond::send(worker, client, &mut exchange, answer).await;
    worker.buffers.borrow_mut().put(upload.into_buffer());
    worker.give_exchange(exchange);
}

/// Where APISIX's control API shows health checks.
const HEALTHCHECK: &[u8] = b"/v1/healthcheck";

fn route(worker: &Worker, exchange: &Exchange) -> Answer {
    let request = &exchange.request;
    if !matches!(request.method, Method::Get | Method::Head) {
        let detail = "only GET and HEAD are served here";
        return Answer::problem(405, Flag::ClientRequest, detail).field("Allow", "GET, HEAD");
    }
    let shared = &worker.shared;
    match request.path() {
        b"/status" => Answer::ok("application/json", &b"{\"status\":\"ok\"}\n"[..]),
        b"/status/ready" => match shared.not_ready() {
            None => Answer::ok("application/json", &b"{\"status\":\"ok\"}\n"[..]),
            Some(reason) => {
                let body = serde_json::json!({ "status": "error", "error": reason });
                Answer::ok("application/json", format!("{body}\n").into_bytes()).status(503)
            }
        },
        path if path.starts_with(HEALTHCHECK) => {
            let below = String::from_utf8_lossy(&path[HEALTHCHECK.len()..]);
            let accept = request.headers.known(Known::Accept).unwrap_or_default();
            let html = accept.windows(9).any(|part| part == b"text/html");
            healthcheck::answer(&shared.health, &below, html)
        }
        path if Some(path) == shared.metrics_path() => {
            Answer::ok("text/plain; version=0.0.4; charset=utf-8", shared.render_metrics())
        }
        _ => Answer::error_msg(404, Flag::NoRoute, "404 Route Not Found"),
    }
}
