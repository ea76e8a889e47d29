//! What the engine tells the main loop, through a queue and a descriptor to poll.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

/// Something the main loop should act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGTERM, SIGQUIT or SIGINT: a drain has begun.
    Stop,
    /// The workers have ended; nothing more is served.
    Stopped,
}

impl Event {
    /// The event's name at the Python edge.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Stop => "stop",
            Self::Stopped => "stopped",
        }
    }
}

/// A queue of events with a descriptor that is readable while it holds any.
#[derive(Debug)]
pub(crate) struct Events {
    queue: Mutex<VecDeque<Event>>,
    ours: UnixStream,
    theirs: UnixStream,
}

impl Events {
    /// An empty queue.
    ///
    /// # Errors
    /// No descriptor was to be had.
    pub(crate) fn new() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        Ok(Self { queue: Mutex::default(), ours, theirs })
    }

    /// Queues `event` and makes the descriptor readable.
    pub(crate) fn push(&self, event: Event) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
        // A full buffer means that unread wake-ups are there already.
        let _ = (&self.ours).write(&[1]);
    }

    /// Takes the oldest event.
    pub(crate) fn pop(&self) -> Option<Event> {
        let mut wake = [0];
        // Nothing to read means that this event's wake-up shared a byte with another's.
        let _ = (&self.theirs).read(&mut wake);
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// The descriptor to poll for reading.
    pub(crate) fn fd(&self) -> RawFd {
        self.theirs.as_raw_fd()
    }
}
