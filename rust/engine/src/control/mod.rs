//! What the gateway tells its operator: over a Unix socket, from what is in force right now.
//!
//! ```text
//! $ curl --unix-socket logs/gatewright.sock http://gateway/status
//! ```
//!
//! | | answers |
//! |---|---|
//! | `GET /status` | version, listeners, the last reload, certificates |
//! | `GET /upstreams` | every upstream in force, with the state of its nodes |
//! | `GET /nodes/down` | the state of the nodes that are not up |
//! | `GET /metrics` | the metrics, whether or not a port serves them |
//! | `GET /routes` | every route, in the order in which they are tried |
//! | `GET /routes/requests` | how many requests each route has had |
//! | `POST /try` | which route a request would take, and why |
//!
//! What surprises: the socket has a thread of its own. It answers while Python is busy and while a
//! worker is stuck, which is when one asks, and a list of 100,000 routes holds up no request. The
//! same questions can be put to an engine that was never started ([`answer`]), so a
//! configuration is looked at without serving it.

mod explain;
mod routes;
mod socket;
mod status;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::supervisor::Engine;

pub(crate) use socket::ControlSocket;
pub(crate) use status::certificates;
pub use status::{Certificate, Listener, Reload, Status};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status, as HTTP has them.
    pub status: u16,
    /// What `body` is.
    pub content_type: &'static str,
    /// What was asked for, or what is wrong with the question.
    pub body: Vec<u8>,
}

impl Reply {
    fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self { status: 200, content_type: "application/json", body },
            Err(error) => Self::refused(500, &error.to_string()),
        }
    }

    fn refused(status: u16, error: &str) -> Self {
        let body = serde_json::json!({ "error": error }).to_string().into_bytes();
        Self { status, content_type: "application/json", body }
    }
}

/// Answers a question: a path of the table above, with the body of a POST.
pub(crate) fn answer(engine: &Engine, path: &str, body: &[u8]) -> Reply {
    match path {
        "/status" => Reply::json(&engine.status()),
        "/upstreams" => Reply::json(&status::upstreams(engine)),
        "/nodes/down" => Reply::json(&status::nodes_down(engine)),
        "/metrics" => Reply {
            status: 200,
            content_type: "text/plain; version=0.0.4; charset=utf-8",
            body: engine.shared().render_metrics(),
        },
        "/routes" => Reply::json(&routes::table(engine)),
        "/routes/requests" => Reply::json(&routes::requests(engine)),
        "/try" => match serde_json::from_slice(body) {
            Ok(question) => match explain::explain(engine, &question) {
                Ok(explanation) => Reply::json(&explanation),
                Err(reason) => Reply::refused(400, &reason),
            },
            Err(error) => Reply::refused(400, &format!("the question is not understood: {error}")),
        },
        _ => Reply::refused(404, "nothing is told under this path"),
    }
}
