//! What one worker counts: its cells, and the only handle that writes them.

use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use gateway_net::tls::HandshakeFailure;

use super::cell::{Cell, Histogram};
use super::nodes::{Node, Nodes};
use super::routes::Routes;
use crate::observe::flags::{Flag, Flags};

/// Statuses that have a cell of their own: 100 to 599.
const CODES: usize = 500;

/// A worker's cells. Aligned so that two workers never share a cache line, nor the pair of lines
/// that x86 prefetches together.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Cells {
    pub(super) requests_active: Cell,
    pub(super) received_bytes: Cell,
    pub(super) sent_bytes: Cell,
    pub(super) request_time: Histogram,
    pub(super) connections: [Cell; ConnectionState::ALL.len()],
    pub(super) accepted: Cell,
    pub(super) refused: [Cell; Refusal::ALL.len()],
    pub(super) handshakes: Cell,
    pub(super) handshakes_failed: [Cell; HandshakeFailure::ALL.len()],
    pub(super) upstream_requests: Cell,
    pub(super) upstream_reused: Cell,
    pub(super) upstream_retries: Cell,
    pub(super) upstream_retries_refused: Cell,
    pub(super) upstream_received_bytes: Cell,
    pub(super) upstream_sent_bytes: Cell,
    pub(super) upstream_open: Cell,
    pub(super) upstream_idle: Cell,
    pub(super) upstream_failures: [Cell; UpstreamFailure::ALL.len()],
    pub(super) connect_time: Histogram,
    pub(super) first_byte_time: Histogram,
    pub(super) flags: [Cell; Flag::COUNT],
    pub(super) codes: [Cell; CODES],
    pub(super) other_codes: Cell,
    pub(super) nodes: Nodes,
    pub(super) routes: Routes,
}

impl Default for Cells {
    fn default() -> Self {
        Self {
            requests_active: Cell::default(),
            received_bytes: Cell::default(),
            sent_bytes: Cell::default(),
            request_time: Histogram::default(),
            connections: Default::default(),
            accepted: Cell::default(),
            refused: Default::default(),
            handshakes: Cell::default(),
            handshakes_failed: Default::default(),
            upstream_requests: Cell::default(),
            upstream_reused: Cell::default(),
            upstream_retries: Cell::default(),
            upstream_retries_refused: Cell::default(),
            upstream_received_bytes: Cell::default(),
            upstream_sent_bytes: Cell::default(),
            upstream_open: Cell::default(),
            upstream_idle: Cell::default(),
            upstream_failures: Default::default(),
            connect_time: Histogram::default(),
            first_byte_time: Histogram::default(),
            flags: Default::default(),
            codes: std::array::from_fn(|_| Cell::default()),
            other_codes: Cell::default(),
            nodes: Nodes::default(),
            routes: Routes::default(),
        }
    }
}

impl Cells {
    /// The statuses answered so far with their counts, `None` for those that are no status.
    pub(super) fn codes(&self) -> impl Iterator<Item = (Option<usize>, u64)> {
        let known = self.codes.iter().enumerate().map(|(at, cell)| (Some(at + 100), cell.get()));
        known.chain([(None, self.other_codes.get())])
    }

    pub(super) fn requests(&self) -> u64 {
        self.codes().map(|(_, count)| count).sum()
    }

    pub(super) fn open_connections(&self) -> u64 {
        self.connections.iter().map(Cell::get).fold(0, u64::wrapping_add)
    }
}

/// What a connection of a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ConnectionState {
    /// The PROXY header or the TLS handshake.
    Handshake,
    /// Nothing: it waits for its first or next request.
    Waiting,
    /// A request's header section has begun to arrive.
    Reading,
    /// A request is served, or a tunnel is open.
    Serving,
}

impl ConnectionState {
    pub(super) const ALL: [(Self, &str); 4] = [
        (Self::Handshake, "handshake"),
        (Self::Waiting, "waiting"),
        (Self::Reading, "reading"),
        (Self::Serving, "serving"),
    ];
}

/// Why a connection was not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// The worker's limit of connections was reached.
    ConnectionLimit,
    /// No file descriptor was left.
    DescriptorLimit,
    /// Its PROXY header was missing or malformed.
    ProxyProtocol,
    /// It was closed because the gateway stops.
    ShuttingDown,
}

impl Refusal {
    pub(super) const ALL: [(Self, &str); 4] = [
        (Self::ConnectionLimit, "connection_limit"),
        (Self::DescriptorLimit, "descriptor_limit"),
        (Self::ProxyProtocol, "proxy_protocol"),
        (Self::ShuttingDown, "shutting_down"),
    ];
}

/// How an attempt at an upstream node failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum UpstreamFailure {
    /// The node's name gave no address.
    Resolve,
    /// The node refused the connection.
    ConnectRefused,
    /// No way led to the node.
    ConnectUnreachable,
    /// The node did not accept in time.
    ConnectTimeout,
    /// No descriptor or port was left on this side.
    ConnectLocal,
    /// The TLS handshake failed.
    Tls,
    /// It took or gave no bytes in time.
    Timeout,
    /// It closed or reset before its answer was complete.
    Closed,
    /// Its answer was malformed.
    Protocol,
    /// Health checks found it unhealthy while it was waited for.
    Unhealthy,
}

impl UpstreamFailure {
    pub(super) const ALL: [(Self, &str); 10] = [
        (Self::Resolve, "resolve"),
        (Self::ConnectRefused, "connect_refused"),
        (Self::ConnectUnreachable, "connect_unreachable"),
        (Self::ConnectTimeout, "connect_timeout"),
        (Self::ConnectLocal, "connect_local"),
        (Self::Tls, "tls"),
        (Self::Timeout, "timeout"),
        (Self::Closed, "closed"),
        (Self::Protocol, "protocol"),
        (Self::Unhealthy, "unhealthy"),
    ];

    /// The kind of a `connect(2)` that failed.
    pub fn of_connect(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match (error.raw_os_error(), error.kind()) {
            (Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS), _)
            | (_, ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse | ErrorKind::OutOfMemory) => {
                Self::ConnectLocal
            }
            (_, ErrorKind::TimedOut) => Self::ConnectTimeout,
            (_, ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
                Self::ConnectUnreachable
            }
            _ => Self::ConnectRefused,
        }
    }

    /// The word for it in metrics and in the error log.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether it tells of the node what was not known before: what this side lacks is no fault of
    /// the node, and what health checks found is held against it in the upstream that is checked,
    /// and not in others that send to the same place.
    pub fn is_news_of_the_node(self) -> bool {
        !matches!(self, Self::ConnectLocal | Self::Unhealthy)
    }

    /// The response flag that such a failure raises.
    pub fn flag(self) -> Flag {
        match self {
            Self::Resolve => Flag::UpstreamResolve,
            Self::ConnectRefused | Self::ConnectUnreachable | Self::ConnectTimeout => {
                Flag::UpstreamConnect
            }
            Self::ConnectLocal => Flag::Overload,
            Self::Tls => Flag::UpstreamTls,
            Self::Timeout | Self::Unhealthy => Flag::UpstreamTimeout,
            Self::Closed => Flag::UpstreamClosed,
            Self::Protocol => Flag::UpstreamProtocol,
        }
    }
}

/// How a request went, said once when it is over.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestRecord {
    /// The status that the client got, or the log shows (499).
    pub status: u16,
    /// The slot of the route that it took.
    pub route: Option<u32>,
    /// Who ended it and why.
    pub flags: Flags,
    /// From its first byte to the last of its answer, in microseconds.
    pub elapsed_us: u64,
    /// Bytes of the request as received, its head included.
    pub received_bytes: u64,
    /// Bytes of the answer as sent, its head included.
    pub sent_bytes: u64,
    /// Bytes sent to upstream nodes, all attempts together.
    pub upstream_sent_bytes: u64,
    /// Bytes received from upstream nodes, all attempts together.
    pub upstream_received_bytes: u64,
}

/// A worker's pen. It stays on its thread (neither `Send` nor `Sync`), so each cell has one writer.
#[derive(Debug)]
pub struct Recorder {
    cells: Arc<Cells>,
    stays: PhantomData<Rc<()>>,
}

impl Recorder {
    pub(super) fn new(cells: Arc<Cells>) -> Self {
        Self { cells, stays: PhantomData }
    }

    /// A client's connection was accepted. The value returned counts as an open connection until it
    /// is dropped.
    pub fn connection(self: &Rc<Self>, state: ConnectionState) -> Connection {
        self.cells.accepted.add(1);
        self.cells.connections[state as usize].add(1);
        Connection { recorder: Rc::clone(self), state: std::cell::Cell::new(state) }
    }

    /// A connection was turned away before its first request.
    pub fn connection_refused(&self, why: Refusal) {
        self.cells.refused[why as usize].add(1);
    }

    /// A client's TLS handshake succeeded.
    pub fn handshake(&self) {
        self.cells.handshakes.add(1);
    }

    /// A client's TLS handshake failed.
    pub fn handshake_failed(&self, why: HandshakeFailure) {
        self.cells.handshakes_failed[why as usize].add(1);
    }

    /// A request's header section is complete. Followed by exactly one
    /// [`Recorder::request_finished`], however the request ends.
    #[inline]
    pub fn request_started(&self) {
        self.cells.requests_active.add(1);
    }

    /// A request is over.
    #[inline]
    pub fn request_finished(&self, record: &RequestRecord) {
        let cells = &*self.cells;
        cells.requests_active.subtract(1);
        let code = usize::from(record.status).wrapping_sub(100);
        cells.codes.get(code).unwrap_or(&cells.other_codes).add(1);
        cells.request_time.observe(record.elapsed_us);
        cells.received_bytes.add(record.received_bytes);
        cells.sent_bytes.add(record.sent_bytes);
        cells.upstream_sent_bytes.add(record.upstream_sent_bytes);
        cells.upstream_received_bytes.add(record.upstream_received_bytes);
        if let Some(slot) = record.route {
            cells.routes.finished(slot, record.status >= 500);
        }
        for flag in record.flags.iter() {
            cells.flags[flag as usize].add(1);
        }
    }

    /// A connection to an upstream node was made, TLS included, in so many microseconds.
    pub fn upstream_connected(&self, elapsed_us: u64) {
        self.cells.connect_time.observe(elapsed_us);
    }

    /// A request goes to a node, on a kept connection or on a fresh one. Each attempt counts.
    #[inline]
    pub fn upstream_requested(&self, node: &Node, reused: bool) {
        node.requested();
        self.cells.upstream_requests.add(1);
        self.cells.upstream_reused.add(u64::from(reused));
    }

    /// A node's first byte came, so many microseconds after the request was sent to it.
    #[inline]
    pub fn upstream_answered(&self, elapsed_us: u64) {
        self.cells.first_byte_time.observe(elapsed_us);
    }

    /// An attempt at a node failed.
    pub fn upstream_failed(&self, node: &Node, kind: UpstreamFailure) {
        node.failed(kind);
        self.cells.upstream_failures[kind as usize].add(1);
    }

    /// A request is tried again, on another node or another connection.
    pub fn upstream_retried(&self) {
        self.cells.upstream_retries.add(1);
    }

    /// A request is not tried again: the retry budget is spent.
    pub fn upstream_retry_refused(&self) {
        self.cells.upstream_retries_refused.add(1);
    }

    /// How many connections to upstreams are open, and how many of them idle in a pool. For the
    /// worker's sweep, once a second or so.
    pub fn set_upstream_connections(&self, open: u64, idle: u64) {
        self.cells.upstream_open.set(open);
        self.cells.upstream_idle.set(idle);
    }

    /// The cells of a node, named `host:port`. Looked up under a lock: keep what it returns with
    /// the node's state, and do not ask for each request.
    pub fn node(&self, name: &str) -> Node {
        self.cells.nodes.get(name)
    }
}

/// A client's open connection, as the metrics see it.
#[derive(Debug)]
pub struct Connection {
    recorder: Rc<Recorder>,
    state: std::cell::Cell<ConnectionState>,
}

impl Connection {
    /// Goes over to another state.
    #[inline]
    pub fn enter(&self, state: ConnectionState) {
        let connections = &self.recorder.cells.connections;
        connections[self.state.replace(state) as usize].subtract(1);
        connections[state as usize].add(1);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.recorder.cells.connections[self.state.get() as usize].subtract(1);
    }
}
