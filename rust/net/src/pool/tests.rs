use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::{Limits, Pool, Pooled};
use crate::socket::Socket;
use crate::stream::Stream;

const LIMITS: Limits = Limits { size: 2, idle_ms: 1_000, requests: 3 };

/// A connection that only knows its name and whether its peer has closed it.
#[derive(Debug)]
struct Named(u32, Rc<Cell<bool>>);

impl Socket for Named {
    fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        buf[..4].copy_from_slice(&self.0.to_be_bytes());
        Poll::Ready(Ok(4))
    }
    fn poll_write(&mut self, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }
    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn stale(&self) -> bool {
        self.1.get()
    }
}

fn open(name: u32) -> (Pooled, Rc<Cell<bool>>) {
    let closed = Rc::new(Cell::new(false));
    let peer = ([127, 0, 0, 1], 1).into();
    (Pooled::fresh(Stream::Other(Box::new(Named(name, Rc::clone(&closed)))), peer, 0), closed)
}

fn name(mut connection: Pooled) -> u32 {
    let mut buf = [0; 4];
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let _ = connection.stream.poll_read(&mut cx, &mut buf);
    u32::from_be_bytes(buf)
}

#[test]
fn the_newest_connection_is_taken_first() {
    let mut pool = Pool::default();
    for n in 1..=2 {
        pool.put(7, open(n).0, LIMITS, 0);
    }
    assert_eq!(pool.take(7, 1).map(name), Some(2));
    assert_eq!(pool.take(7, 1).map(name), Some(1));
    assert!(pool.take(7, 1).is_none());
    assert!(pool.take(99, 1).is_none());
}

#[test]
fn the_oldest_makes_room() {
    let mut pool = Pool::default();
    for n in 1..=3 {
        pool.put(0, open(n).0, LIMITS, 0);
    }
    assert_eq!(pool.idle(), 2);
    assert_eq!(pool.take(0, 1).map(name), Some(3));
    assert_eq!(pool.take(0, 1).map(name), Some(2));
}

#[test]
fn a_connection_that_idled_too_long_is_not_taken() {
    let mut pool = Pool::default();
    pool.put(0, open(1).0, LIMITS, 0);
    assert!(pool.take(0, 1_000).is_none());
    assert_eq!(pool.idle(), 0);
}

#[test]
fn a_connection_closed_by_its_peer_is_passed_over() {
    let mut pool = Pool::default();
    pool.put(0, open(1).0, LIMITS, 0);
    let (newest, closed) = open(2);
    pool.put(0, newest, LIMITS, 0);
    closed.set(true);
    assert_eq!(pool.take(0, 1).map(name), Some(1));
}

#[test]
fn a_connection_retires_after_its_share_of_requests() {
    let mut pool = Pool::default();
    pool.put(0, open(1).0, LIMITS, 0);
    for _ in 0..2 {
        let connection = pool.take(0, 1).expect("it has requests left");
        assert!(connection.reused());
        pool.put(0, connection, LIMITS, 1);
    }
    assert!(pool.take(0, 1).is_none());
}

#[test]
fn the_sweep_closes_what_is_stale_or_expired() {
    let mut pool = Pool::default();
    let (stale, closed) = open(1);
    pool.put(0, stale, LIMITS, 500);
    pool.put(1, open(2).0, LIMITS, 0);
    pool.put(2, open(3).0, LIMITS, 500);
    closed.set(true);
    pool.sweep(1_200);
    assert_eq!(pool.idle(), 1);
    assert!(pool.take(2, 1_200).is_some());
}
