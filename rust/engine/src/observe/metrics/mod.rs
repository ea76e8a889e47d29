//! Metrics: what the workers count, and the page that a scraper reads.
//!
//! ```
//! use std::rc::Rc;
//! use gateway_engine::observe::metrics::{ConnectionState, Format, Registry, RequestRecord};
//!
//! let registry = Registry::new(1_700_000_000_000);
//!
//! // On a worker:
//! let recorder = Rc::new(registry.recorder(0));
//! let connection = recorder.connection(ConnectionState::Waiting);
//! connection.enter(ConnectionState::Serving);
//! recorder.request_started();
//! recorder.request_finished(&RequestRecord { status: 200, elapsed_us: 180, ..Default::default() });
//!
//! // Anywhere else:
//! let page = registry.render(Format::Prometheus);
//! assert!(page.contains("gateway_http_requests_total{code=\"200\"} 1\n"));
//! assert!(page.contains("gateway_client_connections{state=\"serving\"} 1\n"));
//! ```
//!
//! What surprises: a worker counts with plain loads and stores into cells of its own, so counting
//! costs it no locked instruction and no shared cache line; the scraper reads the cells of all
//! workers while they count on. Figures on one page may therefore be a request apart.

mod catalogue;
mod cell;
mod control;
mod exposition;
mod nodes;
mod process;
mod render;
mod routes;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::log_file::LogFile;
use crate::health::Health;

pub use catalogue::{CATALOGUE, Family, Kind, markdown};
pub use control::Control;
pub use exposition::Format;
pub use nodes::{NODES_MAX, Node};
pub use routes::RouteTotal;
pub use worker::{Connection, ConnectionState, Recorder, Refusal, RequestRecord, UpstreamFailure};

/// All metrics of the process. Shared by workers, publisher and scraper.
#[derive(Debug)]
pub struct Registry {
    started_unix_ms: u64,
    control: Control,
    health: Arc<Health>,
    /// Kept when a worker ends, so that no counter goes back.
    workers: Mutex<BTreeMap<usize, Arc<worker::Cells>>>,
    logs: Mutex<Vec<(String, Arc<LogFile>)>>,
}

impl Registry {
    /// An empty registry of a process that started at a time, in milliseconds since the epoch.
    pub fn new(started_unix_ms: u64) -> Arc<Self> {
        Self::with_health(started_unix_ms, Arc::default())
    }

    /// The same, with the figures of health checks.
    pub(crate) fn with_health(started_unix_ms: u64, health: Arc<Health>) -> Arc<Self> {
        Arc::new(Self {
            started_unix_ms,
            control: Control::default(),
            health,
            workers: Mutex::default(),
            logs: Mutex::default(),
        })
    }

    /// When the process started, in milliseconds since the epoch.
    pub fn started_unix_ms(&self) -> u64 {
        self.started_unix_ms
    }

    /// The pen of a worker, by its number. Call it on the worker's own thread, which the pen cannot
    /// leave. A worker that takes the place of one that ended counts on from there.
    pub fn recorder(&self, worker: usize) -> Recorder {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        Recorder::new(Arc::clone(workers.entry(worker).or_default()))
    }

    /// The figures of routes, by their slots, all workers together.
    pub fn routes(&self, slots: impl IntoIterator<Item = u32>) -> Vec<RouteTotal> {
        let workers = self.workers();
        let total = |slot| {
            let mut total = RouteTotal::default();
            for cells in workers.values() {
                cells.routes.add_to(slot, &mut total);
            }
            total
        };
        slots.into_iter().map(total).collect()
    }

    /// Figures about the configuration, for the publisher.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Shows a log's losses under a name. The error log is shown without being added.
    pub fn add_log(&self, name: &str, file: &Arc<LogFile>) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.push((name.to_owned(), Arc::clone(file)));
    }

    /// The page for a scraper. Reads `/proc`, takes some tens of microseconds, and holds up no
    /// worker; but do not call it on one.
    pub fn render(&self, format: Format) -> String {
        render::page(self, format)
    }

    fn workers(&self) -> BTreeMap<usize, Arc<worker::Cells>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn logs(&self) -> Vec<(String, Arc<LogFile>)> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
