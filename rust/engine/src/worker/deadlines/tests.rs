use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::Deadlines;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counted() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

#[test]
fn a_task_is_woken_once_when_its_time_has_come() {
    let table = Rc::new(Deadlines::default());
    let (count, waker) = counted();
    let deadline = table.register(&waker);
    deadline.set(500);
    table.sweep(499);
    assert!(!deadline.expired());
    table.sweep(500);
    table.sweep(501);
    assert!(deadline.expired());
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    deadline.set(900);
    assert!(!deadline.expired());
}

#[test]
fn the_next_sweep_follows_the_earliest_deadline() {
    let table = Rc::new(Deadlines::default());
    let (_, waker) = counted();
    let (a, b) = (table.register(&waker), table.register(&waker));
    a.set(700);
    b.set(300);
    assert_eq!(table.sweep(100), 300);
    drop(b);
    assert_eq!(table.sweep(100), 700);
    drop(a);
    assert_eq!(table.sweep(100), 1_100);
}

#[test]
fn sweeps_keep_a_pause_between_them() {
    let table = Rc::new(Deadlines::default());
    let (_, waker) = counted();
    let deadline = table.register(&waker);
    deadline.set(101);
    assert_eq!(table.sweep(100), 120);
}

#[test]
fn an_earlier_deadline_wakes_the_sweeper() {
    let table = Rc::new(Deadlines::default());
    let (sweeper, sweeper_waker) = counted();
    let (_, waker) = counted();
    let deadline = table.register(&waker);
    table.watch(&sweeper_waker);
    table.sweep(100);
    deadline.set(5_000);
    assert_eq!(sweeper.0.load(Ordering::Relaxed), 0);
    deadline.set(200);
    assert_eq!(sweeper.0.load(Ordering::Relaxed), 1);
    assert_eq!(table.next_sweep(), 200);
}

#[test]
fn a_dropped_deadline_leaves_the_table() {
    let table = Rc::new(Deadlines::default());
    let (count, waker) = counted();
    let deadline = table.register(&waker);
    deadline.set(5);
    drop(deadline);
    table.sweep(100);
    assert_eq!((table.tasks.borrow().len(), count.0.load(Ordering::Relaxed)), (0, 0));
}

#[test]
fn draining_ends_only_those_that_wait_for_a_request() {
    let table = Rc::new(Deadlines::default());
    let (_, waker) = counted();
    let (idle, busy) = (table.register(&waker), table.register(&waker));
    idle.set_idle(true);
    table.fire_idle();
    assert!(idle.expired() && !busy.expired());
    table.fire_all();
    assert!(busy.expired());
}

#[test]
fn who_waits_for_a_request_is_not_woken_by_news() {
    let table = Rc::new(Deadlines::default());
    let ((idle, idle_waker), (busy, busy_waker)) = (counted(), counted());
    let (waiting, _serving) = (table.register(&idle_waker), table.register(&busy_waker));
    waiting.set_idle(true);
    table.wake_busy();
    assert_eq!(idle.0.load(Ordering::Relaxed), 0);
    assert_eq!(busy.0.load(Ordering::Relaxed), 1);
}
