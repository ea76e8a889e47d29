//! The thread for work that no request waits for: one thread, one runtime, tasks that stay on it.
//!
//! ```text
//! let background = Background::start(shared)?;   // health checks run
//! background.stop();                             // and have ended
//! ```
//!
//! What surprises: a task here may take its time between two waits, but what it delays are the
//! others, probes among them; work of more than a few milliseconds wants a thread of its own.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::health;
use crate::observe::error_log;
use crate::shared::Shared;

/// The thread, running.
#[derive(Debug)]
pub(crate) struct Background {
    thread: JoinHandle<()>,
    /// Dropping it is the word to stop.
    stop: oneshot::Sender<()>,
}

impl Background {
    /// Starts the thread and what runs on it.
    ///
    /// # Errors
    /// The system refused a thread or a runtime.
    pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("background".into()).spawn(move || {
            if let Err(error) = run(shared, stopped) {
                error_log::error("background work ended", &[("reason", &error)]);
            }
        })?;
        Ok(Self { thread, stop })
    }

    /// Ends what runs, wherever it waits, and the thread.
    pub(crate) fn stop(self) {
        drop(self.stop);
        // A thread that panicked has said so on the error log.
        let _ = self.thread.join();
    }
}

fn run(shared: Arc<Shared>, stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(async {
        tokio::select! {
            ended = health::run(shared) => ended,
            _ = stopped => Ok(()),
        }
    })
}
