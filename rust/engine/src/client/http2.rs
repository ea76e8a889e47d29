//! A client's HTTP/2 connection: requests side by side, each an exchange in a task of its own.
//!
//! The connection's task reads and writes; a stream's task runs one exchange. A stream that has
//! something to send wakes the connection, which by then stands in the queue behind all streams
//! of the turn: so what they say leaves in one write.
//!
//! What surprises: an answer counts as sent when the connection has it. So there may be answers
//! that stand unsent although their exchanges are over; the connection has a deadline for them,
//! whatever else it does.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use gateway_net::h1::Reject;
use gateway_net::h2::server::{Connection as Streams, Gone, Incoming, ServerStream};
use gateway_net::stream::Stream;
use tokio::task::spawn_local;

use super::{Client, Origin, Wire};
use crate::exchange::Exchange;
use crate::forward::Upload;
use crate::observe::error_log;
use crate::observe::flags::Flag;
use crate::observe::metrics::{Connection, ConnectionState};
use crate::respond;
use crate::worker::deadlines::Deadline;
use crate::worker::{Purpose, Serving};
use crate::{pipeline, status};

/// How long a client may take to say that it read our farewell, or to begin the request that was
/// under way then, in milliseconds.
const FAREWELL_MS: u64 = 1_000;
/// How long what a client still sends is read and thrown away after the end, in milliseconds, so
/// that the system does not take our last words away from it with a reset.
const LINGER_MS: u64 = 5_000;
/// How often a client's credit for frames without use is given back, in milliseconds.
const FORGIVEN_EVERY_MS: u64 = 10_000;

/// What the tasks of a connection share.
struct Shared {
    origin: Rc<Origin>,
    deadline: Deadline,
    /// Exchanges under way.
    active: Cell<u32>,
    requests: Cell<u32>,
    /// How long the connection may go without any, in milliseconds.
    idle_ms: Cell<u64>,
    counted: Connection,
}

/// One exchange of a connection. The last to end starts the time for which it may be idle.
struct Active {
    connection: Rc<Shared>,
    worker: Serving,
    /// Requests before this one.
    before: u32,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It takes requests.
    Open,
    /// It was told to go, and ends with its last stream.
    Leaving,
    /// It ends now.
    Ending,
    /// It has ended, and what the client still sends is thrown away.
    Over,
}

struct Task {
    streams: Streams,
    shared: Rc<Shared>,
    worker: Serving,
    phase: Phase,
    /// When answers of exchanges that are over must have moved on; there while such are unsent.
    unsent: Option<Deadline>,
    forgiven_ms: u64,
}

/// Serves requests on `stream`, of which `read` has been received already, until one side has had
/// enough.
pub(crate) async fn serve(
    worker: Serving,
    stream: Stream,
    read: Vec<u8>,
    origin: Rc<Origin>,
    counted: Connection,
) {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let deadline = worker.deadlines.register(&waker);
    deadline.set(worker.now_ms() + worker.limits.client_header_ms);
    deadline.set_idle(true);
    let shared = Rc::new(Shared {
        origin,
        deadline,
        active: Cell::new(0),
        requests: Cell::new(0),
        idle_ms: Cell::new(worker.limits.keepalive_ms.max(1)),
        counted,
    });
    let streams = Streams::new(stream, read);
    let phase = Phase::Open;
    let mut task = Task { streams, shared, worker, phase, unsent: None, forgiven_ms: 0 };
    poll_fn(|cx| task.poll(cx)).await;
}

impl Task {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.phase == Phase::Open && self.worker.draining() {
            self.leave();
        }
        if self.shared.deadline.expired() {
            self.on_deadline();
        }
        let now = self.worker.turn_ms();
        if now >= self.forgiven_ms + FORGIVEN_EVERY_MS {
            self.forgiven_ms = now;
            self.streams.forgive();
        }
        if self.unsent.as_ref().is_some_and(Deadline::expired) {
            self.on_unsent();
        }
        while self.phase != Phase::Over {
            match self.streams.poll_next(cx) {
                Poll::Ready(Some(incoming)) => self.begin(incoming),
                Poll::Ready(None) => self.over(),
                Poll::Pending => {
                    self.watch_unsent(cx);
                    return Poll::Pending;
                }
            }
        }
        if self.shared.deadline.expired() {
            return Poll::Ready(());
        }
        ready!(self.streams.poll_close(cx));
        let scratch = &mut *self.worker.scratch.borrow_mut();
        while ready!(self.streams.poll_discard(cx, scratch.space())) {}
        Poll::Ready(())
    }

    /// The connection has ended.
    fn over(&mut self) {
        if let Some(reason) = self.streams.ended_for() {
            let client = &self.shared.origin.peer;
            error_log::info("HTTP/2 client was ended", &[("client", client), ("reason", &reason)]);
        }
        self.enter(Phase::Over, LINGER_MS);
    }

    /// Goes to `phase` for `ms` at most, or for as long after the last exchange that is left.
    fn enter(&mut self, phase: Phase, ms: u64) {
        self.phase = phase;
        self.shared.idle_ms.set(ms);
        self.shared.deadline.set(self.worker.now_ms() + ms);
    }

    /// The worker drains.
    fn leave(&mut self) {
        self.streams.leave();
        self.shared.deadline.set_idle(false);
        self.enter(Phase::Leaving, FAREWELL_MS);
        if self.shared.active.get() > 0 {
            self.shared.deadline.clear();
        }
    }

    fn on_deadline(&mut self) {
        let shared = &self.shared;
        match self.phase {
            Phase::Open | Phase::Leaving if self.worker.killed() => {}
            Phase::Open | Phase::Leaving if shared.active.get() > 0 => {
                return shared.deadline.clear();
            }
            Phase::Open | Phase::Leaving if self.unsent.is_some() => {
                return shared.deadline.set(self.worker.now_ms() + shared.idle_ms.get());
            }
            Phase::Open | Phase::Leaving => {}
            // The client does not even take our last words.
            Phase::Ending | Phase::Over => {
                self.phase = Phase::Over;
                return;
            }
        }
        self.end();
    }

    fn end(&mut self) {
        self.unsent = None;
        self.streams.end();
        self.enter(Phase::Ending, FAREWELL_MS);
    }

    /// Sets a deadline for answers whose exchanges are over, while there are any.
    fn watch_unsent(&mut self, cx: &mut Context<'_>) {
        let wanted = matches!(self.phase, Phase::Open | Phase::Leaving);
        if !wanted || !self.streams.has_unsent() {
            self.unsent = None;
        } else if self.unsent.is_none() {
            self.unsent = Some(self.worker.deadlines.register(cx.waker()));
            self.on_unsent();
        }
    }

    /// Ends the connection if an answer stood still since the last look.
    fn on_unsent(&mut self) {
        if self.streams.stalled() {
            return self.end();
        }
        if let Some(deadline) = &self.unsent {
            deadline.set(self.worker.now_ms() + self.worker.limits.send_us / 1_000);
        }
    }

    /// Begins an exchange.
    fn begin(&mut self, incoming: Incoming) {
        let mut exchange = self.worker.take_exchange();
        let read = incoming.read(&self.worker.limits.request, &mut exchange.request);
        exchange.request_length = exchange.request.headers.arena_len() as u64;
        let active = Active::new(&self.shared, &self.worker);
        // Boxed, because a task is moved where it starts and where it ends.
        spawn_local(Box::pin(run(active, exchange, read)));
    }
}

impl Active {
    fn new(connection: &Rc<Shared>, worker: &Serving) -> Self {
        let before = connection.requests.get();
        connection.requests.set(before + 1);
        if connection.active.get() == 0 {
            connection.deadline.clear();
            connection.counted.enter(ConnectionState::Serving);
        }
        connection.active.set(connection.active.get() + 1);
        Self { connection: Rc::clone(connection), worker: worker.clone(), before }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        let connection = &self.connection;
        connection.active.set(connection.active.get() - 1);
        if connection.active.get() == 0 {
            connection.deadline.set(self.worker.turn_ms() + connection.idle_ms.get());
            connection.counted.enter(ConnectionState::Waiting);
        }
    }
}

/// One exchange: a request, or what was sent for one.
async fn run(
    active: Active,
    exchange: Box<Exchange>,
    read: Result<ServerStream, (ServerStream, Reject)>,
) {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let deadline = active.worker.deadlines.register(&waker);
    let (mut stream, refused) = match read {
        Ok(stream) => (stream, None),
        Err((stream, reject)) => (stream, Some(reject)),
    };
    let mut upload = Upload::new(&exchange.request, active.worker.limits.max_body);
    let worker = &active.worker;
    let mut received = Ok(());
    if refused.is_none() {
        received = poll_fn(|cx| Poll::Ready(upload.take_received(cx, worker, &mut stream))).await;
    }
    let mut client = Client {
        wire: Wire::Http2(&mut stream),
        deadline: &deadline,
        origin: &active.connection.origin,
        requests: active.before,
        keep_alive: true,
        linger: false,
        cut: false,
    };
    if let Some(reject) = refused {
        return refuse(worker, &mut client, exchange, reject).await;
    }
    if let Err(gone) = received {
        return forget(worker, &client, exchange, gone);
    }
    match client.origin.purpose {
        Purpose::Proxy => pipeline::run(worker, &mut client, exchange, upload).await,
        Purpose::Internal => status::answer(worker, &mut client, exchange, upload).await,
    }
}

/// Logs a request whose stream was over before anything was done about it.
fn forget(worker: &Serving, client: &Client<'_>, mut exchange: Box<Exchange>, gone: Gone) {
    exchange.started = worker.now_us();
    worker.recorder.request_started();
    let (status, flag) = match gone {
        Gone::Malformed => (400, Flag::ClientRequest),
        Gone::Left => (499, Flag::ClientLeft),
    };
    exchange.response.status = status;
    exchange.flags.raise(flag);
    pipeline::finish(worker, client, exchange);
}

/// Answers what is too large or not implemented; what is malformed is a stream error (RFC 9113
/// section 8.1.1). Either is logged.
async fn refuse(
    worker: &Serving,
    client: &mut Client<'_>,
    mut exchange: Box<Exchange>,
    reject: Reject,
) {
    let status = reject.status();
    if let Wire::Http2(stream) = &mut client.wire
        && status == 400
    {
        stream.reset_malformed();
        return forget(worker, client, exchange, Gone::Malformed);
    }
    exchange.started = worker.now_us();
    worker.recorder.request_started();
    let answer = pipeline::rejected(status, reject.reason());
    respond::send(worker, client, &mut exchange, answer).await;
    pipeline::finish(worker, client, exchange);
}
