//! The thread of a worker: its runtime, its listeners, its end.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use gateway_net::listen::Listener;
use gateway_net::pool::Pool;
use gateway_net::proxy_protocol;
use gateway_net::resolve::Resolver;
use gateway_net::socket::TcpSocket;
use gateway_net::stream::Stream;
use gateway_net::tls::{HandshakeError, HandshakeFailure, ServerHandshake};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinHandle, spawn_local};

use super::deadlines::Deadlines;
use super::forwarding::Forwarding;
use super::{Ids, Limits, Serving, Worker, sweep};
use crate::client::{self, IpText, Origin, Proxied, TlsFacts};
use crate::observe::access_log::AccessLog;
use crate::observe::clock::Clock as TextClock;
use crate::observe::error_log;
use crate::observe::metrics::{ConnectionState, Recorder, Refusal, Registry};
use crate::shared::{CLOCK_STARTS_US, Shared};

/// What is served on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Routes.
    Proxy,
    /// Status and metrics.
    Internal,
}

/// A bound listener on its way to a worker.
#[derive(Debug)]
pub(crate) struct Listening {
    /// The socket.
    pub(crate) socket: std::net::TcpListener,
    /// What its connections are.
    pub(crate) port: Port,
}

/// What the connections of a listener are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Port {
    /// What is served on them.
    pub(crate) purpose: Purpose,
    /// Whether they start with a PROXY header.
    pub(crate) proxy_protocol: bool,
    /// Whether they start with TLS, behind the PROXY header if there is one.
    pub(crate) tls: bool,
    /// Whether clients may speak HTTP/2.
    pub(crate) http2: bool,
}

/// A connection on which HTTP begins.
struct Opened {
    stream: Stream,
    /// What was read of it.
    received: Vec<u8>,
    spoken: Spoken,
}

/// What is spoken on it.
enum Spoken {
    /// HTTP/1, or HTTP/2 where the client begins with its preface.
    Http1,
    /// HTTP/2, as agreed on.
    Http2,
    /// HTTP where TLS was expected.
    PlainHttp,
}

/// What a worker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Accept no more, finish what is under way, end.
    Drain,
    /// Finish nothing: the time is over.
    Kill,
}

/// Runs a worker on the calling thread until it is told to end.
///
/// # Errors
/// The system refused a runtime or a listener.
pub(crate) fn run(
    shared: Arc<Shared>,
    number: usize,
    listeners: Vec<Listening>,
    commands: UnboundedReceiver<Command>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(serve(shared, number, listeners, commands))
}

async fn serve(
    shared: Arc<Shared>,
    number: usize,
    listeners: Vec<Listening>,
    mut commands: UnboundedReceiver<Command>,
) -> io::Result<()> {
    let worker = Rc::new(Worker::new(shared, number)?);
    let mut accepting = Vec::new();
    for listening in listeners {
        let listener = Listener::new(listening.socket)?;
        let accept = accept(Rc::clone(&worker), listener, listening.port);
        accepting.push(spawn_local(accept));
    }
    let sweeping = spawn_local(sweep::run(Rc::clone(&worker)));
    let minding = spawn_local(mind_health(Rc::clone(&worker)));
    // Any other command, or the supervisor's end, leaves what is under way.
    if let Some(Command::Drain) = commands.recv().await {
        worker.draining.set(true);
        worker.deadlines.fire_idle();
        drained(&worker, &mut accepting, &mut commands).await;
    }
    sweeping.abort();
    minding.abort();
    worker.pool.borrow_mut().clear();
    worker.http2.borrow_mut().clear();
    if let Some((log, _)) = &worker.log {
        log.flush();
    }
    Ok(())
}

/// How far apart requests are woken for nodes that turn unhealthy: little beside the interval of a
/// check, and enough that a node which flaps with every other request, as clients may make it under
/// passive checks, does not wake ten thousand streams each time.
const TURNS_APART: std::time::Duration = std::time::Duration::from_millis(50);

/// Wakes whoever waits for a node when one turns unhealthy: the request may go elsewhere.
async fn mind_health(worker: Rc<Worker>) {
    let mut turned = worker.shared.health.turned();
    while turned.changed().await.is_ok() {
        worker.deadlines.wake_busy();
        tokio::time::sleep(TURNS_APART).await;
    }
}

/// Waits until the last connection has ended, or until told not to.
async fn drained(
    worker: &Rc<Worker>,
    accepting: &mut Vec<JoinHandle<()>>,
    commands: &mut UnboundedReceiver<Command>,
) {
    // Connections that the kernel has accepted already are served: the accept tasks see the
    // flag, take what is queued and end.
    worker.drain_accepts.notify_waiters();
    for task in accepting.drain(..) {
        // An accept task has nothing to report.
        let _ = task.await;
    }
    let mut killed = false;
    while worker.connections.get() > 0 {
        tokio::select! {
            () = worker.connection_ended.notified() => {}
            // A second word to drain is no change: the main loop and the signal thread both say it.
            command = commands.recv(), if !killed => if command != Some(Command::Drain) {
                killed = true;
                worker.killed.set(true);
                worker.deadlines.fire_all();
            },
            () = tokio::time::sleep(std::time::Duration::from_secs(1)), if killed => return,
        }
    }
}

async fn accept(worker: Rc<Worker>, mut listener: Listener, port: Port) {
    let local = listener.local_addr();
    let mut refused = 0;
    // The flag is asked as well: the word may have come before this task first waited, or in the
    // same turn as a connection.
    while !worker.draining() {
        let draining = worker.drain_accepts.notified();
        let accept = std::future::poll_fn(|cx| {
            let polled = listener.poll_accept(cx);
            note_refused(&worker, &mut refused, listener.refused());
            polled
        });
        let accepted = tokio::select! {
            biased;
            accepted = accept => accepted,
            () = draining => break,
        };
        take(&worker, accepted, local, port);
    }
    while let Some(accepted) = listener.accept_queued() {
        take(&worker, accepted, local, port);
    }
}

/// Counts and tells of connections closed unserved for want of descriptors.
fn note_refused(worker: &Worker, noted: &mut u64, so_far: u64) {
    if *noted == so_far {
        return;
    }
    for _ in *noted..so_far {
        worker.recorder.connection_refused(Refusal::DescriptorLimit);
    }
    *noted = so_far;
    error_log::error("file descriptors are used up, so connections are refused", &[]);
}

fn take(
    worker: &Rc<Worker>,
    (socket, peer): (TcpStream, SocketAddr),
    listening: SocketAddr,
    port: Port,
) {
    // A listener on a wildcard address has connections on addresses that only the socket knows.
    let local = match listening.ip().is_unspecified() {
        true => socket.local_addr().unwrap_or(listening),
        false => listening,
    };
    let mut origin = Origin::new(plain(peer), plain(local), port.purpose);
    // Over TLS it is agreed on, not guessed (RFC 9113 section 3.2).
    origin.http2 = port.http2 && !port.tls;
    let worker = Serving::new(worker);
    if port.tls || port.proxy_protocol {
        spawn_local(introduce(worker, socket, origin, port));
    } else {
        let counted = worker.recorder.connection(ConnectionState::Waiting);
        let stream = Stream::Tcp(TcpSocket(socket));
        // Boxed, because a task is moved where it starts and where it ends.
        spawn_local(Box::pin(client::serve(worker, stream, Vec::new(), Rc::new(origin), counted)));
    }
}

/// An IPv4 client on an IPv6 socket, as IPv4.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Goes through what comes before HTTP, each step within the time for a request head.
async fn introduce(worker: Serving, mut socket: TcpStream, mut origin: Origin, port: Port) {
    let counted = worker.recorder.connection(ConnectionState::Handshake);
    let mut received = Vec::new();
    if port.proxy_protocol {
        match proxy_header(&worker, &mut socket, &mut origin).await {
            Some(behind) => received = behind,
            None => return worker.recorder.connection_refused(Refusal::ProxyProtocol),
        }
    }
    let opened = if port.tls {
        handshake(&worker, socket, received, &mut origin).await
    } else {
        let stream = Stream::Tcp(TcpSocket(socket));
        Some(Opened { stream, received, spoken: Spoken::Http1 })
    };
    let Some(Opened { stream, received, spoken }) = opened else { return };
    let origin = Rc::new(origin);
    match spoken {
        Spoken::Http1 => Box::pin(client::serve(worker, stream, received, origin, counted)).await,
        Spoken::Http2 => {
            // A task of its own, so that it does not hold the state of the handshake for life.
            spawn_local(Box::pin(client::serve_http2(worker, stream, received, origin, counted)));
        }
        Spoken::PlainHttp => {
            Box::pin(client::refuse_plain_http(worker, stream, received, origin, counted)).await;
        }
    }
}

/// Reads the PROXY header: what came behind it. The client that it names is the client from here
/// on; none if there is no header.
async fn proxy_header(
    worker: &Worker,
    socket: &mut TcpStream,
    origin: &mut Origin,
) -> Option<Vec<u8>> {
    let limit = std::time::Duration::from_millis(worker.limits.client_header_ms);
    match tokio::time::timeout(limit, proxy_protocol::receive(socket)).await {
        Ok(Ok((Some(addresses), behind))) => {
            let connection = origin.peer;
            origin.proxied = Some(Box::new(Proxied { connection, addresses }));
            if worker.forwarding.believes_proxy(connection.ip()) {
                origin.peer = plain(addresses.source);
                origin.peer_text = IpText::new(origin.peer.ip());
            }
            Some(behind)
        }
        Ok(Ok((None, behind))) => Some(behind),
        Ok(Err(error)) => {
            let words = [("client", &origin.peer as &dyn Display), ("reason", &error)];
            error_log::info("connection without a PROXY header", &words);
            None
        }
        Err(_) => {
            error_log::info("no PROXY header in time", &[("client", &origin.peer)]);
            None
        }
    }
}

/// Shakes hands. A client that speaks plain HTTP is kept, to be told.
async fn handshake(
    worker: &Worker,
    socket: TcpStream,
    received: Vec<u8>,
    origin: &mut Origin,
) -> Option<Opened> {
    let table = Arc::clone(&worker.snapshot().certificates);
    let limit = std::time::Duration::from_millis(worker.limits.client_header_ms);
    let shaking = ServerHandshake::new(socket, received, table);
    let result = tokio::time::timeout(limit, shaking).await;
    match result {
        Ok(Ok(accepted)) => {
            worker.recorder.handshake();
            origin.tls = Some(Box::new(TlsFacts {
                sni: accepted.server_name,
                protocol: accepted.stream.version(),
                cipher: accepted.stream.cipher(),
                resumed: accepted.stream.resumed(),
                verification: accepted.host.client().cloned(),
                client: accepted.client,
            }));
            let spoken = match accepted.stream.alpn() {
                Some(b"h2") => Spoken::Http2,
                _ => Spoken::Http1,
            };
            let stream = Stream::Other(Box::new(accepted.stream));
            Some(Opened { stream, received: Vec::new(), spoken })
        }
        Ok(Err(error)) => {
            worker.recorder.handshake_failed(error.failure());
            let words = [("client", &origin.peer as &dyn Display), ("reason", &error)];
            error_log::info("TLS handshake failed", &words);
            let HandshakeError::PlainHttp(plain) = error else { return None };
            let stream = Stream::Tcp(TcpSocket(plain.socket));
            Some(Opened { stream, received: plain.received, spoken: Spoken::PlainHttp })
        }
        Err(_) => {
            worker.recorder.handshake_failed(HandshakeFailure::TimedOut);
            error_log::info("TLS handshake timed out", &[("client", &origin.peer)]);
            None
        }
    }
}

impl Worker {
    /// A worker that serves nothing and counts for nobody: it reads requests as the others do, to
    /// tell what would become of them.
    ///
    /// # Errors
    /// The system's name servers cannot be told.
    pub(crate) fn onlooker(shared: Arc<Shared>) -> io::Result<Self> {
        let recorder = Registry::new(0).recorder(0);
        Self::with_recorder(shared, usize::MAX, recorder)
    }

    fn new(shared: Arc<Shared>, number: usize) -> io::Result<Self> {
        let recorder = shared.registry.recorder(number);
        Self::with_recorder(shared, number, recorder)
    }

    fn with_recorder(shared: Arc<Shared>, number: usize, recorder: Recorder) -> io::Result<Self> {
        let forwarding = Forwarding::new(&shared.settings).map_err(io::Error::other)?;
        let options = super::resolver_options(&shared.settings).map_err(io::Error::other)?;
        let resolver = Resolver::new(&options)?;
        let base = shared.base;
        let now_ms = base.elapsed().as_millis() as u64;
        let log = shared
            .access_log
            .as_ref()
            .map(|log| (AccessLog::new(&log.file, log.buffer, now_ms), Arc::clone(&log.format)));
        let seed = shared.random(number);
        let (version, snapshot) = shared.published.current();
        let limits = Limits::new(&shared.settings);
        Ok(Self {
            limits,
            forwarding,
            deadlines: Rc::new(Deadlines::default()),
            pool: RefCell::new(Pool::default()),
            http2: RefCell::default(),
            scratch: RefCell::default(),
            buffers: RefCell::default(),
            recorder: Rc::new(recorder),
            resolver,
            address_turn: Cell::new(0),
            named_pools: RefCell::default(),
            last_named_pool: Cell::new(u32::MAX),
            exchanges: RefCell::default(),
            balancers: RefCell::default(),
            figures: RefCell::default(),
            log,
            text_clock: TextClock::local(0),
            ids: Ids::new(seed),
            snapshot: RefCell::new(snapshot),
            version: Cell::new(version),
            base,
            unix_base_ms: Cell::new(0),
            turn_us: Cell::new(CLOCK_STARTS_US),
            busy: Cell::new(0),
            connections: Cell::new(0),
            draining: Cell::new(false),
            killed: Cell::new(false),
            drain_accepts: tokio::sync::Notify::new(),
            connection_ended: tokio::sync::Notify::new(),
            shared,
        })
    }
}
