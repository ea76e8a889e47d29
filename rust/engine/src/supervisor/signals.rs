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

/// Blocks the signals in the calling thread and in all that it starts from now on, then hands
/// each signal that arrives to `act` on a thread of its own.
///
/// # Errors
/// The system refused to block the signals or to start the thread.
pub(super) fn start(mut act: impl FnMut(Request) + Send + 'static) -> io::Result<()> {
    let set = taken();
    set.thread_block()?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
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
