//! What a worker does without being asked: deadlines, and upkeep once a second.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Worker;
use crate::observe::error_log;

/// Milliseconds between two rounds of upkeep.
const UPKEEP_MS: u64 = 1_000;

/// Sweeps until the worker ends.
pub(super) async fn run(worker: Rc<Worker>) {
    let mut upkeep_at = 0;
    loop {
        let now = worker.now_ms();
        if now >= upkeep_at {
            upkeep(&worker, now);
            upkeep_at = now + UPKEEP_MS;
        }
        let next = worker.deadlines.sweep(now);
        sleep_until(&worker, now, next).await;
    }
}

/// Sleeps until the planned sweep, or less if a task sets an earlier deadline meanwhile.
async fn sleep_until(worker: &Worker, now: u64, next: u64) {
    let mut sleep = pin!(tokio::time::sleep(Duration::from_millis(next - now)));
    let mut planned = next;
    poll_fn(|cx| {
        worker.deadlines.watch(cx.waker());
        let wanted = worker.deadlines.next_sweep();
        if wanted < planned {
            planned = wanted;
            let wait = Duration::from_millis(wanted.saturating_sub(worker.now_ms()));
            sleep.as_mut().reset(tokio::time::Instant::now() + wait);
        }
        sleep.as_mut().poll(cx)
    })
    .await;
}

#[expect(clippy::disallowed_methods, reason = "this sets the clock")]
fn upkeep(worker: &Worker, now_ms: u64) {
    if let Ok(unix) = SystemTime::now().duration_since(UNIX_EPOCH) {
        worker.unix_base_ms.set((unix.as_millis() as u64).saturating_sub(now_ms));
    }
    let mut pool = worker.pool.borrow_mut();
    pool.sweep(now_ms);
    let mut http2 = worker.http2.borrow_mut();
    http2.sweep(now_ms);
    let (shared, unused) = http2.count();
    let idle = (pool.idle() + unused) as u64;
    let open = (pool.idle() + shared) as u64 + worker.busy.get();
    worker.recorder.set_upstream_connections(open, idle);
    if let Some((log, _)) = &worker.log {
        log.flush_if_due(now_ms);
    }
    worker.balancers.borrow_mut().prune(now_ms);
    worker.figures.borrow_mut().prune();
    error_log::sweep();
}
