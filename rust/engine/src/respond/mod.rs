//! Answers that the gateway makes itself: the only place that turns a failure into bytes.
//!
//! APISIX's `{"error_msg": …}` where APISIX has a text for it, problem details (RFC 9457)
//! elsewhere; always with the request's id and, unless switched off, `Proxy-Status` (RFC 9209).

use std::borrow::Cow;
use std::fmt::Write as _;

use gateway_core::headers::Known;
use gateway_net::h1::{reason_phrase, strip_hop_by_hop};
use serde_json::json;

use crate::client::Client;
use crate::exchange::{Attempt, Exchange};
use crate::grpc;
use crate::observe::flags::Flag;
use crate::worker::Worker;

#[cfg(test)]
mod tests;

/// An answer that the gateway makes.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    /// Why; none for answers that are what was asked for.
    flag: Option<Flag>,
    content_type: &'static str,
    body: Body,
    fields: Vec<(&'static str, Cow<'static, str>)>,
}

#[derive(Debug, Clone)]
enum Body {
    Bytes(Cow<'static, [u8]>),
    /// A text in APISIX's shape.
    ErrorMsg(String),
    /// Problem details, written when the request's id is known.
    Problem(String),
}

impl Answer {
    /// What was asked for.
    pub(crate) fn ok(content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        let body = Body::Bytes(body.into());
        Self { status: 200, flag: None, content_type, body, fields: Vec::new() }
    }

    /// An error in APISIX's words and shape.
    pub(crate) fn error_msg(status: u16, flag: Flag, text: &str) -> Self {
        let content_type = "text/plain; charset=utf-8";
        let body = Body::ErrorMsg(text.to_owned());
        Self { status, flag: Some(flag), content_type, body, fields: Vec::new() }
    }

    /// An error as problem details (RFC 9457).
    pub(crate) fn problem(status: u16, flag: Flag, detail: &str) -> Self {
        let content_type = "application/problem+json";
        let body = Body::Problem(detail.to_owned());
        Self { status, flag: Some(flag), content_type, body, fields: Vec::new() }
    }

    /// What a client is told when every try failed. The reason of the last one stays in the
    /// log: it names addresses that are none of a client's business.
    pub(crate) fn failure(detail: &str, flag: Flag, status: u16) -> Self {
        match flag.meaning().side {
            crate::observe::flags::Side::Upstream => {
                Self::problem(status, flag, flag.meaning().title)
            }
            _ => Self::problem(status, flag, detail),
        }
    }

    /// Its status and its words, for whoever asks what would be answered.
    pub(crate) fn told(&self) -> (u16, String) {
        let words = match &self.body {
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes).trim().to_owned(),
            Body::ErrorMsg(text) => String::from_utf8_lossy(&error_msg(text)).trim().to_owned(),
            Body::Problem(detail) => detail.clone(),
        };
        (self.status, words)
    }

    /// The same for a client that speaks gRPC: `Trailers-Only`, which is a head alone.
    fn in_grpc(mut self, flag: Flag) -> Self {
        let text = match &self.body {
            Body::Bytes(_) => flag.meaning().title,
            Body::ErrorMsg(text) | Body::Problem(text) => text,
        };
        let message = grpc::message(text);
        self.fields.push(("content-type", grpc::CONTENT_TYPE.into()));
        self.fields.push(("grpc-status", grpc::status(flag, self.status).to_string().into()));
        self.fields.push(("grpc-message", message.into()));
        Self { status: 200, body: Body::Bytes(Cow::Borrowed(&[])), ..self }
    }

    /// Another status.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// A further field.
    pub(crate) fn field(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

/// Sends `answer` and raises its flag.
pub(crate) async fn send(
    worker: &Worker,
    client: &mut Client<'_>,
    exchange: &mut Exchange,
    answer: Answer,
) {
    client.keep_alive &= !worker.draining();
    let id = worker.id_of(exchange);
    let answer = match answer.flag {
        Some(flag) if grpc::is_spoken(&exchange.request) => answer.in_grpc(flag),
        _ => answer,
    };
    let status = answer.status;
    exchange.response.clear();
    exchange.response.status = status;
    let body = match answer.body {
        Body::Bytes(bytes) => bytes,
        Body::ErrorMsg(text) => error_msg(&text).into(),
        Body::Problem(detail) => problem(status, answer.flag, &detail, id).into(),
    };
    let headers = &mut exchange.response.headers;
    headers.append_checked("Date", &worker.text_clock().http_date());
    headers.append_checked("Server", worker.server_name().as_bytes());
    if !body.is_empty() {
        headers.append_checked("Content-Type", answer.content_type.as_bytes());
    }
    for (name, value) in &answer.fields {
        headers.append_checked(name, value.as_bytes());
    }
    if let Some(flag) = answer.flag {
        exchange.flags.raise(flag);
        headers.append_checked("X-Request-Id", format!("{id:032x}").as_bytes());
        if worker.forwarding.proxy_status {
            headers.append_checked("Proxy-Status", proxy_status(flag).as_bytes());
        }
    }
    tell_upstream_status(worker, exchange);
    if !client.answer(worker, exchange, &body).await {
        exchange.flags.raise(Flag::ClientLeft);
        client.keep_alive = false;
    }
}

/// The edits to an upstream's final head before it is encoded for the client.
pub(crate) fn prepare_upstream_answer(worker: &Worker, exchange: &mut Exchange) {
    let response = &mut exchange.response;
    let headers = &mut response.headers;
    strip_hop_by_hop(headers, response.connection_names);
    if !headers.has(Known::Date) {
        headers.append_checked("Date", &worker.text_clock().http_date());
    }
    headers.set_known(Known::Server, "Server", worker.server_name().as_bytes());
    tell_upstream_status(worker, exchange);
}

/// What each node tried answered or was taken to have answered, as APISIX tells it: if the last
/// one failed, or always where it is asked for.
fn tell_upstream_status(worker: &Worker, exchange: &mut Exchange) {
    let Some(last) = exchange.attempts.last() else { return };
    let failed = last.status.is_some_and(|status| status >= 500);
    if !failed && !worker.forwarding.show_upstream_status {
        return;
    }
    let status = |attempt: &Attempt| attempt.status.map_or("-".to_owned(), |s| s.to_string());
    let statuses = exchange.attempts.iter().map(status).collect::<Vec<_>>().join(", ");
    exchange.response.headers.append_checked("X-APISIX-Upstream-Status", statuses.as_bytes());
}

fn error_msg(text: &str) -> Vec<u8> {
    format!("{}\n", json!({ "error_msg": text })).into_bytes()
}

fn problem(status: u16, flag: Option<Flag>, detail: &str, id: u128) -> Vec<u8> {
    let mut document = json!({
        "type": "about:blank",
        "title": reason_phrase(status),
        "status": status,
        "detail": detail,
        "request_id": format!("{id:032x}"),
    });
    if let Some(flag) = flag {
        document["flag"] = flag.code().into();
    }
    let mut bytes = document.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

/// RFC 9209: who made the answer and why.
fn proxy_status(flag: Flag) -> String {
    let mut value = "gatewright".to_owned();
    if let Some(error) = flag.meaning().proxy_status {
        let _ = write!(value, "; error={error}");
    }
    let _ = write!(value, "; details=\"{}\"", flag.code());
    value
}
