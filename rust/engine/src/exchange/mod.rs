//! One request and its answer, from the head's last byte to the log line.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::Arc;

use gateway_net::h1::{RequestHead, ResponseHead, Upgrade};

use crate::client::{Client, IpText};
use crate::observe::flags::Flags;
use crate::snapshot::{Route, Service};
use crate::upstream::endpoint::Endpoint;
use crate::upstream::{Timeouts, Upstream};
use crate::variables::graphql::Graphql;
use crate::variables::post::Post;

/// A request, what was decided about it, and its answer. Recycled between requests, so that it
/// costs no allocation.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// What the client asked.
    pub(crate) request: RequestHead,
    /// The path that routes are matched against: decoded and normalised.
    pub(crate) uri: Vec<u8>,
    /// What is answered.
    pub(crate) response: ResponseHead,
    /// The route that matched.
    pub(crate) route: Option<Arc<Route>>,
    /// The route's service.
    pub(crate) service: Option<Arc<Service>>,
    /// Where the request goes.
    pub(crate) upstream: Option<Arc<Upstream>>,
    /// Parameters taken from the path by `radixtree_uri_with_parameter`.
    pub(crate) params: Vec<(Box<str>, Box<[u8]>)>,
    /// The body, if `vars` asked for it.
    pub(crate) post: Post,
    /// The GraphQL query, once `vars` asked for it.
    pub(crate) graphql: OnceCell<Option<Graphql>>,
    /// Nodes tried, in order.
    pub(crate) attempts: Vec<Attempt>,
    /// Whether the request came without Host, as HTTP/1.0 may.
    pub(crate) hostless: bool,
    /// Whether the request asks to switch protocols and may.
    pub(crate) upgrading: bool,
    /// How long the client waits, in microseconds: the `grpc-timeout` of gRPC. 0 for no limit.
    pub(crate) patience_us: u64,
    /// Who ended it and why.
    pub(crate) flags: Flags,
    /// When its head was complete, in microseconds of the worker's clock.
    pub(crate) started: u64,
    /// Bytes of head and body received.
    pub(crate) request_length: u64,
    /// Bytes sent to the client, heads included.
    pub(crate) bytes_sent: u64,
    /// Body bytes sent to the client.
    pub(crate) body_sent: u64,
    /// The request's id, once something asked for it.
    pub(crate) id: Option<u128>,
    /// The scheme as a trusted proxy reported it, otherwise the connection's.
    pub(crate) https: bool,
    /// The client's address: the peer's, or what a trusted proxy reported.
    pub(crate) remote: Option<SocketAddr>,
}

/// One try at a node.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The node.
    pub(crate) endpoint: Arc<Endpoint>,
    /// The address connected to, once known.
    pub(crate) peer: Option<SocketAddr>,
    /// When it began.
    pub(crate) started: u64,
    /// When the connection stood.
    pub(crate) connected: Option<u64>,
    /// When the head of the answer was complete.
    pub(crate) answered: Option<u64>,
    /// When it was over.
    pub(crate) ended: Option<u64>,
    /// The status it gave.
    pub(crate) status: Option<u16>,
}

impl Attempt {
    /// An attempt that begins.
    pub(crate) fn new(endpoint: &Arc<Endpoint>, started: u64) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            peer: None,
            started,
            connected: None,
            answered: None,
            ended: None,
            status: None,
        }
    }
}

impl Exchange {
    /// Empties it and keeps its memory. Field by field: moving the whole would copy it twice.
    pub(crate) fn clear(&mut self) {
        self.request.clear();
        self.uri.clear();
        self.response.clear();
        self.route = None;
        self.service = None;
        self.upstream = None;
        self.params.clear();
        self.post = Post::Unread;
        self.graphql.take();
        self.attempts.clear();
        self.hostless = false;
        self.upgrading = false;
        self.patience_us = 0;
        self.flags = Flags::NONE;
        self.started = 0;
        self.request_length = 0;
        self.bytes_sent = 0;
        self.body_sent = 0;
        self.id = None;
        self.https = false;
        self.remote = None;
    }

    /// The client's address as text.
    pub(crate) fn remote_text(&self, client: &Client<'_>) -> IpText {
        self.remote.map_or(client.origin.peer_text, |remote| IpText::new(remote.ip()))
    }

    /// Notes that the final head of an answer came at `now_us`, and tells those who choose nodes.
    /// Returns how long the node took, in microseconds.
    pub(crate) fn answered(&mut self, now_us: u64) -> u64 {
        let status = self.response.status;
        let Some(attempt) = self.attempts.last_mut() else { return 0 };
        attempt.answered = Some(now_us);
        attempt.status = Some(status);
        let elapsed = now_us.saturating_sub(attempt.connected.unwrap_or(attempt.started));
        attempt.endpoint.answered(now_us / 1_000);
        if let Some(upstream) = &self.upstream {
            upstream.method.learn(&attempt.endpoint, elapsed, now_us / 1_000);
        }
        elapsed
    }

    /// The timeouts that hold: the route's, otherwise the upstream's; for the whole no more than
    /// the client waits.
    pub(crate) fn timeouts(&self) -> Timeouts {
        let own = self.route.as_ref().and_then(|r| r.timeouts);
        let upstream = self.upstream.as_ref().map(|u| u.timeouts).unwrap_or_default();
        let total = match (upstream.total, self.patience_us) {
            (total, 0) => total,
            (0, patience) => patience,
            (total, patience) => total.min(patience),
        };
        Timeouts { total, ..own.unwrap_or(upstream) }
    }

    /// Whether the client asked for WebSocket.
    pub(crate) fn wants_websocket(&self) -> bool {
        self.request.upgrade == Upgrade::WebSocket
    }
}
