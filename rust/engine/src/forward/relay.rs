//! Both directions of one attempt, polled together.
//!
//! An upstream may answer while the request is still being sent, and neither side can deadlock
//! the other: whichever direction can move does. The deadline of the moment is derived from
//! what each direction waits for, so that progress in one never hides a stall in the other.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use gateway_net::h2::client::Fault;

use super::download::{self, Download};
use super::link::Link;
use super::upload::{self, Upload};
use super::watch::NodeWatch;
use crate::client::Client;
use crate::exchange::Exchange;
use crate::observe::flags::Flag;
use crate::observe::metrics::UpstreamFailure;
use crate::upstream::Timeouts;
use crate::worker::Worker;

/// Bytes per second below which a client that sends a body is ended, after [`RATE_GRACE_US`].
const MIN_BODY_RATE: u64 = 240;
/// How long a body may trickle before its rate counts.
const RATE_GRACE_US: u64 = 10_000_000;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The answer was relayed whole.
    Answered,
    /// The upstream switched protocols.
    Switched,
    /// It failed.
    Failed(Failure),
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// The response flag.
    pub(super) flag: Flag,
    /// The status for the client if it has not been answered.
    pub(super) status: u16,
    /// What the node did, if it is to blame.
    pub(super) node: Option<UpstreamFailure>,
    /// Whether the node says that it did nothing with the request.
    pub(super) unprocessed: bool,
    /// For the log.
    pub(super) detail: String,
}

impl Failure {
    /// A failure that no node is to blame for.
    pub(super) fn new(flag: Flag, status: u16, detail: impl Into<String>) -> Self {
        Self { flag, status, node: None, unprocessed: false, detail: detail.into() }
    }

    /// The client did not wait for its answer.
    pub(super) fn client_left() -> Self {
        Self::new(Flag::ClientLeft, 499, "client closed its connection")
    }

    /// `timeout.total` is over.
    pub(super) fn total() -> Self {
        Self::new(Flag::TotalTimeout, 504, "time for the whole exchange is over")
    }

    /// The time to drain is over.
    pub(super) fn shutting_down() -> Self {
        Self::new(Flag::ShuttingDown, 503, "the gateway is shutting down")
    }

    /// What a stream to a node ended with.
    pub(super) fn stream(fault: &Fault) -> Self {
        let kind = match fault {
            Fault::Protocol(_) => UpstreamFailure::Protocol,
            Fault::Unprocessed(_) | Fault::Closed(_) | Fault::Reset(_) => UpstreamFailure::Closed,
        };
        let unprocessed = matches!(fault, Fault::Unprocessed(_));
        Self { unprocessed, ..Self::node(kind, 502, fault.to_string()) }
    }

    /// A node's failure.
    pub(super) fn node(kind: UpstreamFailure, status: u16, detail: impl Into<String>) -> Self {
        Self { node: Some(kind), ..Self::new(kind.flag(), status, detail) }
    }
}

/// What the armed deadline stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    ClientBody,
    ClientStalled,
    UpstreamSend,
    UpstreamRead,
    Total,
}

/// One attempt at an upstream node.
pub(super) struct Relay<'a, 'c> {
    pub(super) worker: &'a Worker,
    pub(super) client: &'a mut Client<'c>,
    pub(super) exchange: &'a mut Exchange,
    pub(super) upload: &'a mut Upload,
    pub(super) upstream: Link<'a>,
    pub(super) download: Download,
    /// What calls the attempt off.
    pub(super) watch: Option<NodeWatch<'a>>,
    timeouts: Timeouts,
    sent: bool,
    /// The upstream stopped reading; its answer, if one comes, still counts.
    send_error: Option<io::Error>,
    cause: Cause,
    /// When each direction last moved, in microseconds.
    upload_moved: u64,
    download_moved: u64,
    /// How long the client was waited for, up to `armed` if it was waited for then.
    client_waited: u64,
    armed: u64,
}

impl<'a, 'c> Relay<'a, 'c> {
    pub(super) fn new(
        worker: &'a Worker,
        client: &'a mut Client<'c>,
        exchange: &'a mut Exchange,
        upload: &'a mut Upload,
        upstream: Link<'a>,
    ) -> Self {
        let timeouts = exchange.timeouts();
        // What came due before is over: the wait for this request, which arrived in the same turn
        // as its end, or the last attempt.
        if !worker.killed() {
            client.deadline.clear();
        }
        Self {
            worker,
            client,
            exchange,
            upload,
            upstream,
            download: Download::new(),
            watch: None,
            timeouts,
            sent: false,
            send_error: None,
            cause: Cause::Total,
            upload_moved: 0,
            download_moved: 0,
            client_waited: 0,
            armed: 0,
        }
    }

    /// Whether the upstream's connection may carry another request.
    pub(super) fn reusable(&self) -> bool {
        self.sent && self.send_error.is_none() && self.download.reusable(self.exchange)
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if self.client.deadline.expired() {
            return Poll::Ready(Outcome::Failed(self.timed_out()));
        }
        if !self.sent
            && let Poll::Ready(result) = self.poll_upload(cx)
        {
            if let Err(failure) = result {
                return Poll::Ready(Outcome::Failed(failure));
            }
            self.sent = true;
        }
        self.download.early = !self.upload.complete();
        let polled =
            self.download.poll(cx, self.worker, self.exchange, self.client, &mut self.upstream);
        if self.download.answered() {
            self.upload.forget();
        }
        match polled {
            Poll::Ready(Ok(())) if self.download.switched() => Poll::Ready(Outcome::Switched),
            Poll::Ready(Ok(())) => Poll::Ready(Outcome::Answered),
            Poll::Ready(Err(broken)) => Poll::Ready(Outcome::Failed(self.download_failure(broken))),
            Poll::Pending if self.client_left(cx) => {
                Poll::Ready(Outcome::Failed(Failure::client_left()))
            }
            Poll::Pending if self.called_off() => {
                Poll::Ready(Outcome::Failed(Failure::called_off()))
            }
            Poll::Pending => {
                self.arm();
                Poll::Pending
            }
        }
    }

    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let polled = self.upload.poll(cx, self.worker, self.client, &mut self.upstream);
        let broken = match polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
            Poll::Ready(Err(broken)) => broken,
        };
        Poll::Ready(match broken {
            upload::Broken::Upstream(error) => {
                self.send_error = Some(error);
                Ok(())
            }
            upload::Broken::ClientLeft => {
                let detail = "client closed its connection before its request was complete";
                Err(Failure::new(Flag::ClientLeft, 400, detail))
            }
            upload::Broken::ClientMalformed(reject) => {
                Err(Failure::new(Flag::ClientRequest, reject.status(), reject.reason()))
            }
            upload::Broken::TooLarge => {
                Err(Failure::new(Flag::ClientLimit, 413, "request body is larger than allowed"))
            }
        })
    }

    /// Watches the client, over HTTP/1 while nothing is expected of it.
    fn client_left(&mut self, cx: &mut Context<'_>) -> bool {
        let complete = self.sent && self.upload.complete();
        self.client.may_be_watched(complete) && self.client.has_left(cx, self.worker)
    }

    /// Whether the node was found unhealthy before anything was heard of it, and the request may
    /// go to another.
    fn called_off(&self) -> bool {
        self.watch.is_some_and(|watch| watch.calls_off(self.worker))
            && !self.download.heard()
            && self.upload.may_repeat()
    }

    fn download_failure(&mut self, broken: download::Broken) -> Failure {
        let detail = match broken {
            download::Broken::ClientLeft => return Failure::client_left(),
            download::Broken::UpstreamMalformed(reject) => {
                return Failure::node(UpstreamFailure::Protocol, 502, reject.reason());
            }
            download::Broken::TooManyInterim => {
                return Failure::node(UpstreamFailure::Protocol, 502, "too many interim answers");
            }
            download::Broken::UpstreamClosed => match self.send_error.take() {
                Some(error) => format!("upstream stopped reading: {error}"),
                None if self.download.answered() => "upstream closed mid-answer".into(),
                None => "upstream closed before it answered".into(),
            },
            download::Broken::Upstream(error) => error.to_string(),
            // A server of gRPC keeps the client's deadline, too, and may be the first to cancel.
            download::Broken::Stream(Fault::Reset(_)) if self.is_over() => return Failure::total(),
            download::Broken::Stream(fault) => return Failure::stream(&fault),
        };
        Failure::node(UpstreamFailure::Closed, 502, detail)
    }

    /// Whether the time for the whole exchange is over, noticed or not.
    fn is_over(&self) -> bool {
        let total = self.timeouts.total;
        total > 0 && self.worker.now_us() >= self.exchange.started + total
    }

    fn timed_out(&self) -> Failure {
        if self.worker.killed() {
            return Failure::shutting_down();
        }
        if let (Cause::UpstreamSend | Cause::UpstreamRead, Link::Http2(http2)) =
            (self.cause, &self.upstream)
        {
            http2.stream.give_up();
        }
        match self.cause {
            Cause::ClientBody => {
                Failure::new(Flag::ClientTimeout, 408, "request body did not arrive in time")
            }
            Cause::ClientStalled => {
                Failure::new(Flag::ClientStalled, 499, "client did not read its answer in time")
            }
            Cause::UpstreamSend => {
                Failure::node(UpstreamFailure::Timeout, 504, "upstream took no bytes in time")
            }
            Cause::UpstreamRead => {
                Failure::node(UpstreamFailure::Timeout, 504, "upstream gave no bytes in time")
            }
            Cause::Total => Failure::total(),
        }
    }

    /// Sets the earliest deadline of what is waited for. One clock reading per wait.
    fn arm(&mut self) {
        // The clock was read in this turn when the request began or its connection stood.
        let now = match self.armed {
            0 => self.worker.turn_us(),
            _ => self.worker.now_us(),
        };
        if std::mem::take(&mut self.upload.moved) || self.upload_moved == 0 {
            self.upload_moved = now;
        }
        if std::mem::take(&mut self.download.moved) || self.download_moved == 0 {
            self.download_moved = now;
        }
        if self.cause == Cause::ClientBody {
            self.client_waited += now - self.armed;
        }
        self.armed = now;
        let limits = &self.worker.limits;
        let mut earliest = match self.timeouts.total {
            0 => (u64::MAX, Cause::Total),
            total => (self.exchange.started + total, Cause::Total),
        };
        let mut consider = |at: u64, cause| {
            if at < earliest.0 {
                earliest = (at, cause);
            }
        };
        if !self.sent {
            match self.upload.waits {
                upload::Waits::Client => {
                    let pause = self.upload_moved + limits.client_body_us;
                    // Time that the upstream made the client wait is not held against it, and
                    // a dialogue whose answer has begun may be as slow as it likes.
                    let earned = RATE_GRACE_US + self.upload.received * 1_000_000 / MIN_BODY_RATE;
                    let rate = match self.download.answered() {
                        true => u64::MAX,
                        false => now + earned.saturating_sub(self.client_waited),
                    };
                    consider(pause.min(rate), Cause::ClientBody);
                }
                _ => consider(self.upload_moved + self.timeouts.send, Cause::UpstreamSend),
            }
        }
        match self.download.waits {
            download::Waits::Client => {
                consider(self.download_moved + limits.send_us, Cause::ClientStalled);
            }
            // An upstream owes an answer once it has the request, and the rest of it always.
            download::Waits::Upstream if self.sent || self.download.answered() => {
                let since = self.download_moved.max(self.upload_moved);
                consider(since + self.timeouts.read, Cause::UpstreamRead);
            }
            download::Waits::Upstream => {}
        }
        self.cause = earliest.1;
        self.client.deadline.set(earliest.0 / 1_000 + 1);
    }
}

impl Future for Relay<'_, '_> {
    type Output = Outcome;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.step(cx)
    }
}
