//! A connection after 101: bytes both ways, whatever they mean.

use std::future::poll_fn;
use std::task::{Context, Poll};

use gateway_net::socket::Socket as _;
use gateway_net::stream::Stream;

use crate::client::{Client, Http1, Wire};
use crate::worker::Worker;

/// One direction.
#[derive(Debug, Default)]
struct Lane {
    pending: Vec<u8>,
    taken: usize,
    ended: bool,
    shut: bool,
    bytes: u64,
}

impl Lane {
    /// Moves bytes from `from` to `to` until one of them makes it wait. True if the lane is
    /// over, `Err` if a side broke.
    fn step(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        from: &mut Stream,
        to: &mut Stream,
    ) -> Result<bool, ()> {
        loop {
            while self.taken < self.pending.len() {
                match to.poll_write(cx, &self.pending[self.taken..]) {
                    Poll::Ready(Ok(n)) => self.taken += n,
                    Poll::Ready(Err(_)) => return Err(()),
                    Poll::Pending => return Ok(false),
                }
            }
            // The buffer goes back to the allocator: a tunnel that idles owns none.
            self.pending = Vec::new();
            self.taken = 0;
            if to.poll_flush(cx).is_pending() {
                return Ok(false);
            }
            if self.ended {
                if !self.shut {
                    self.shut = to.poll_shutdown(cx).is_ready();
                }
                return Ok(self.shut);
            }
            let scratch = &mut *worker.scratch.borrow_mut();
            match from.poll_read(cx, scratch.space()) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Err(_)) => return Err(()),
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(n)) => {
                    self.bytes += n as u64;
                    let bytes = &scratch.space()[..n];
                    let mut sent = 0;
                    while sent < n {
                        match to.poll_write(cx, &bytes[sent..]) {
                            Poll::Ready(Ok(n)) => sent += n,
                            Poll::Ready(Err(_)) => return Err(()),
                            Poll::Pending => break,
                        }
                    }
                    self.pending.extend_from_slice(&bytes[sent..]);
                }
            }
        }
    }
}

/// Bytes that a tunnel carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Carried {
    pub(super) from_client: u64,
    pub(super) to_client: u64,
    /// Whether it was ended because nothing moved for too long.
    pub(super) idle: bool,
}

/// How long the other side may go on once one has closed, in milliseconds.
const HALF_CLOSED_MS: u64 = 1_000;

/// Carries bytes both ways until a side has closed and the other had a moment to do so too, one
/// broke, or nothing moved for `idle_ms`.
pub(super) async fn run(
    worker: &Worker,
    client: &mut Client<'_>,
    upstream: &mut Stream,
    idle_ms: u64,
) -> Carried {
    let Wire::Http1(Http1 { stream, unread }) = &mut client.wire else {
        unreachable!("HTTP/2 has no Upgrade (RFC 9113 section 8.6)")
    };
    let mut up = Lane { pending: std::mem::take(unread), ..Lane::default() };
    up.bytes = up.pending.len() as u64;
    let mut down = Lane::default();
    client.deadline.set(worker.now_ms() + idle_ms);
    let (mut idle, mut closing) = (false, false);
    poll_fn(|cx| {
        if client.deadline.expired() {
            idle = !closing;
            return Poll::Ready(());
        }
        let before = (up.bytes, down.bytes, up.taken, down.taken);
        let Ok(up_over) = up.step(cx, worker, stream, upstream) else {
            return Poll::Ready(());
        };
        let Ok(down_over) = down.step(cx, worker, upstream, stream) else {
            return Poll::Ready(());
        };
        if up_over && down_over {
            return Poll::Ready(());
        }
        if up_over || down_over {
            if !std::mem::replace(&mut closing, true) {
                client.deadline.set(worker.now_ms() + HALF_CLOSED_MS);
            }
        } else if before != (up.bytes, down.bytes, up.taken, down.taken) {
            client.deadline.set(worker.now_ms() + idle_ms);
        }
        Poll::Pending
    })
    .await;
    Carried { from_client: up.bytes, to_client: down.bytes, idle }
}
