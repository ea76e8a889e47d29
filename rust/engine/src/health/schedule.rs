//! When each node is probed. Runs on the background thread.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use gateway_net::resolve::Resolver;
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};

use super::{Checker, Health, Owner};
use crate::shared::{CLOCK_STARTS_US, Shared};
use crate::worker;

/// Probes under way at the same time over all upstreams; `concurrency` bounds those of one. Each
/// is a descriptor, and a node that does not answer holds it for `timeout`.
const MOST_PROBES: usize = 256;

/// First probes are spread over so much, or over the interval if that is shorter.
const SPREAD: Duration = Duration::from_secs(1);

/// What all probes share.
struct Prober {
    health: Arc<Health>,
    resolver: Resolver,
    /// Where the workers' clock starts.
    base: Instant,
    turns: Semaphore,
    random: RandomState,
}

/// Probes what [`Health`] holds for as long as it is polled.
///
/// # Errors
/// The system's resolver cannot be read.
pub(crate) async fn run(shared: Arc<Shared>) -> io::Result<()> {
    let options = worker::resolver_options(&shared.settings).map_err(io::Error::other)?;
    let prober = Rc::new(Prober {
        health: Arc::clone(&shared.health),
        resolver: Resolver::new(&options)?,
        base: Instant::from_std(shared.base),
        turns: Semaphore::new(MOST_PROBES),
        random: RandomState::new(),
    });
    let mut watching: HashMap<Owner, Watching> = HashMap::new();
    loop {
        for (owner, checker) in prober.health.take_changed() {
            // The old tasks end, and the nodes remember when they are due.
            match checker {
                Some(checker) => watching.insert(owner, watch_all(&prober, &checker)),
                None => watching.remove(&owner),
            };
        }
        prober.health.changed.notified().await;
    }
}

/// The tasks of one checker. When it is dropped they end, each after the probe that is under way:
/// if changes that follow each other cut probes short, a node that hangs would never be found.
struct Watching {
    _tasks: watch::Sender<()>,
}

/// A task for each node.
fn watch_all(prober: &Rc<Prober>, checker: &Arc<Checker>) -> Watching {
    let turns = Rc::new(Semaphore::new(checker.concurrency()));
    let (tasks, watched) = watch::channel(());
    for at in 0..checker.nodes.len() {
        let (prober, checker, turns) = (Rc::clone(prober), Arc::clone(checker), Rc::clone(&turns));
        let watched = watched.clone();
        spawn_local(async move { prober.watch(&checker, at, &turns, watched).await });
    }
    Watching { _tasks: tasks }
}

impl Prober {
    async fn watch(
        &self,
        checker: &Checker,
        at: usize,
        turns: &Semaphore,
        mut watched: watch::Receiver<()>,
    ) {
        let node = &checker.nodes[at];
        let now = Instant::now();
        let mut due = match node.due_us() {
            0 => now + self.delay(checker, at),
            due => (self.base + Duration::from_micros(due - CLOCK_STARTS_US))
                .min(now + checker.interval(node)),
        };
        node.set_due_us(self.micros(due));
        loop {
            let turn = async {
                sleep_until(due).await;
                (turns.acquire().await, self.turns.acquire().await)
            };
            let _turns = tokio::select! {
                turns = turn => turns,
                _ = watched.changed() => return,
            };
            let began = Instant::now();
            node.set_due_us(self.micros(began + checker.interval(node)));
            let outcome =
                checker.probe.run(&self.resolver, node, |status| checker.judge(status)).await;
            checker.probed(&self.health, node, &outcome, self.micros(Instant::now()));
            due = began + checker.interval(node);
            node.set_due_us(self.micros(due));
        }
    }

    /// How long a node's first probe waits: another time for each node.
    fn delay(&self, checker: &Checker, at: usize) -> Duration {
        let spread = checker.interval(&checker.nodes[at]).min(SPREAD).as_micros() as u64;
        let random = self.random.hash_one((&checker.owner, at));
        Duration::from_micros(random % spread.max(1))
    }

    /// A moment on the workers' clock.
    fn micros(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.base).as_micros() as u64 + CLOCK_STARTS_US
    }
}
