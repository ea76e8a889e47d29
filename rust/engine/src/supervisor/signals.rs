//! The signal thread: the only one that takes signals, so that none interrupts a worker and a
//! stop is obeyed even while Python is stuck in C.
//!
//! | signal | effect |
//! |---|---|
//! | SIGTERM, SIGQUIT, SIGINT | drain, then exit; a second one exits at once |
//! | SIGHUP | the main loop is told to reload |
//! | SIGUSR1 | logs are reopened |

use std::io;

use nix::sys::signal::{SigSet, Signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// Finish what is under way and exit.
    Stop,
    /// Read the configuration again.
    Reload,
    /// Open log files anew.
    Reopen,
}

fn taken() -> SigSet {
    let mut set = SigSet::empty();
    for signal in
        [Signal::SIGTERM, Signal::SIGQUIT, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1]
    {
        set.add(signal);
    }
    set
}

/// Blocks the signals in the calling thread and in all that it starts from now on. To be called
/// before any thread is started: a signal goes to whichever thread does not block it.
///
/// # Errors
/// The system refused.
pub(super) fn block() -> io::Result<()> {
    Ok(taken().thread_block()?)
}

/// Hands each blocked signal that arrives to `act`, on a thread of its own.
///
/// # Errors
/// The system refused the thread.
pub(super) fn start(mut act: impl FnMut(Request) + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let set = taken();
        loop {
            match set.wait() {
                Ok(Signal::SIGHUP) => act(Request::Reload),
                Ok(Signal::SIGUSR1) => act(Request::Reopen),
                Ok(_) => act(Request::Stop),
                // EINTR is the only error left for a valid set; the wait goes on.
                Err(_) => {}
            }
        }
    })?;
    Ok(())
}
