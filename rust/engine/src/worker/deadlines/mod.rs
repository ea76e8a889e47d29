//! Every deadline of a worker in one table that one coarse sweep enforces.
//!
//! A runtime timer per request costs some 700 instructions (engine measurements: two of them
//! 1,400); here setting a deadline is a store. The sweep wakes the tasks whose time has come,
//! and they find [`Deadline::expired`] true.
//!
//! What surprises: the table never reads a clock. Times are milliseconds of the worker's
//! clock, and the sweep's caller passes the present one in.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

#[cfg(test)]
mod tests;

const NEVER: u64 = u64::MAX;
const FIRED: u64 = 0;

/// The sweep runs at most this often while few tasks are registered, in milliseconds.
const SHORTEST_PAUSE_MS: u64 = 20;
/// And at least this often, so that what hangs on it (log flushes, pool upkeep) is on time.
const LONGEST_PAUSE_MS: u64 = 1_000;
/// With many tasks the shortest pause grows, so that sweeping stays far below 1 % of a core.
const TASKS_PER_MS_OF_PAUSE: u64 = 100;

#[derive(Debug)]
struct Entry {
    at: Cell<u64>,
    idle: Cell<bool>,
}

#[derive(Debug)]
struct Registered {
    entry: Rc<Entry>,
    waker: Waker,
}

/// The deadlines of one worker.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    tasks: RefCell<slab::Slab<Registered>>,
    next_sweep: Cell<u64>,
    sweeper: RefCell<Option<Waker>>,
}

/// One task's deadline; taken out of the table when dropped.
#[derive(Debug)]
pub(crate) struct Deadline {
    table: Rc<Deadlines>,
    entry: Rc<Entry>,
    key: usize,
}

impl Deadlines {
    /// Registers the task behind `waker`, with no deadline yet.
    pub(crate) fn register(self: &Rc<Self>, waker: &Waker) -> Deadline {
        let entry = Rc::new(Entry { at: Cell::new(NEVER), idle: Cell::new(false) });
        let registered = Registered { entry: Rc::clone(&entry), waker: waker.clone() };
        let key = self.tasks.borrow_mut().insert(registered);
        Deadline { table: Rc::clone(self), entry, key }
    }

    /// Fires what is due at `now_ms` and says when to sweep next.
    pub(crate) fn sweep(&self, now_ms: u64) -> u64 {
        let tasks = self.tasks.borrow();
        let mut earliest = NEVER;
        for (_, task) in tasks.iter() {
            let at = task.entry.at.get();
            if at <= now_ms {
                if at != FIRED {
                    task.entry.at.set(FIRED);
                    task.waker.wake_by_ref();
                }
            } else {
                earliest = earliest.min(at);
            }
        }
        let shortest = SHORTEST_PAUSE_MS.max(tasks.len() as u64 / TASKS_PER_MS_OF_PAUSE);
        let next = earliest.clamp(now_ms + shortest, now_ms + LONGEST_PAUSE_MS.max(shortest));
        self.next_sweep.set(next);
        next
    }

    /// Whether the sweep that was planned must come earlier. The sweeping task leaves its waker
    /// here and is woken when a task sets a deadline before the planned sweep.
    pub(crate) fn watch(&self, sweeper: &Waker) {
        *self.sweeper.borrow_mut() = Some(sweeper.clone());
    }

    /// When the next sweep is planned.
    pub(crate) fn next_sweep(&self) -> u64 {
        self.next_sweep.get()
    }

    /// Fires every task that waits for its next request (the worker is draining).
    pub(crate) fn fire_idle(&self) {
        for (_, task) in self.tasks.borrow().iter() {
            if task.entry.idle.get() {
                task.entry.at.set(FIRED);
                task.waker.wake_by_ref();
            }
        }
    }

    /// Wakes every task that serves a request, to look at what has changed outside of it.
    pub(crate) fn wake_busy(&self) {
        for (_, task) in self.tasks.borrow().iter() {
            if !task.entry.idle.get() {
                task.waker.wake_by_ref();
            }
        }
    }

    /// Fires every task there is (the time to drain is over).
    pub(crate) fn fire_all(&self) {
        for (_, task) in self.tasks.borrow().iter() {
            task.entry.at.set(FIRED);
            task.waker.wake_by_ref();
        }
    }
}

impl Deadline {
    /// Sets the deadline, in milliseconds of the worker's clock.
    #[inline]
    pub(crate) fn set(&self, at_ms: u64) {
        debug_assert_ne!(at_ms, FIRED, "time 0 means fired");
        self.entry.at.set(at_ms);
        if at_ms < self.table.next_sweep.get() {
            self.table.next_sweep.set(at_ms);
            if let Some(sweeper) = &*self.table.sweeper.borrow() {
                sweeper.wake_by_ref();
            }
        }
    }

    /// Takes the deadline away, also one that came.
    #[inline]
    pub(crate) fn clear(&self) {
        self.entry.at.set(NEVER);
    }

    /// Whether the deadline came (and was not set anew since).
    #[inline]
    pub(crate) fn expired(&self) -> bool {
        self.entry.at.get() == FIRED
    }

    /// Marks whether the task waits for its next request and may be ended by a drain.
    #[inline]
    pub(crate) fn set_idle(&self, idle: bool) {
        self.entry.idle.set(idle);
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.table.tasks.borrow_mut().remove(self.key);
    }
}
