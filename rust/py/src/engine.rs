//! `Engine`: the data plane at the Python edge.

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::time::Duration;

use gateway_core::config::Origin;
use gateway_engine::publish::{Change, File, Mode};
use gateway_engine::settings::Settings;
use gateway_engine::supervisor;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::detach::detach;
use crate::documents;
use crate::errors::{self, ConfigError};

/// The data plane. Nothing listens and no thread runs before `start`.
#[pyclass(frozen, module = "gateway._gateway")]
pub(crate) struct Engine {
    engine: supervisor::Engine,
    environ: HashMap<String, String>,
}

#[pymethods]
impl Engine {
    /// Check `settings`, an `EngineSettings` document; raises `ConfigError`.
    #[new]
    fn new(py: Python<'_>, settings: &[u8]) -> PyResult<Self> {
        let settings: Settings = serde_json::from_slice(settings)
            .map_err(|error| ConfigError::new_err(error.to_string()))?;
        let environ = documents::environ(py)?;
        let engine = detach(py, || supervisor::Engine::new(settings));
        Ok(Self { engine: engine.map_err(ConfigError::new_err)?, environ })
    }

    /// Bind every listener, then start the workers and the signal thread.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        detach(py, || self.engine.start()).map_err(errors::start)
    }

    /// Take changed documents; see the stub.
    fn publish<'py>(
        &self,
        py: Python<'py>,
        changes: &[u8],
        revision: u64,
        mode: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (mode, origin) = match mode {
            "atomic" => (Mode::Atomic, Origin::File),
            "each" => (Mode::Each, Origin::Etcd),
            _ => return Err(PyValueError::new_err("mode is atomic or each")),
        };
        let published = detach(py, || {
            let changes: Vec<Change> = serde_json::from_slice(changes)?;
            Ok(self.engine.publish(changes, revision, mode, origin))
        });
        let published = published
            .map_err(|error: serde_json::Error| PyValueError::new_err(error.to_string()))?;
        report(py, &published.map_err(|problems| errors::rejected(&problems))?)
    }

    /// Take the text of a whole resource file in place of the last one; see the stub.
    #[pyo3(signature = (text, format, path))]
    fn publish_file<'py>(
        &self,
        py: Python<'py>,
        text: &[u8],
        format: &str,
        path: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let format = documents::format(format)?;
        let published = detach(py, || {
            let environ = |name: &str| self.environ.get(name).cloned();
            self.engine.publish_file(File { text, format, path }, &environ)
        });
        report(py, &published.map_err(|problems| errors::rejected(&problems))?)
    }

    /// Take the oldest event, if there is one.
    fn next_event(&self) -> Option<&'static str> {
        self.engine.next_event().map(supervisor::Event::name)
    }

    /// The descriptor that is readable while an event waits.
    fn event_fd(&self) -> RawFd {
        self.engine.event_fd()
    }

    /// Stop accepting, let requests finish for at most `timeout` seconds, join the workers.
    fn drain(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let limit = Duration::try_from_secs_f64(timeout)
            .map_err(|error| PyValueError::new_err(format!("timeout: {error}")))?;
        Ok(detach(py, || self.engine.drain(limit)))
    }

    /// Answer an operator's question; see the stub.
    fn ask<'py>(&self, py: Python<'py>, path: &str, question: &[u8]) -> (u16, Bound<'py, PyBytes>) {
        let reply = detach(py, || self.engine.ask(path, question));
        (reply.status, PyBytes::new(py, &reply.body))
    }

    /// What there is to tell, as JSON.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        report(py, &detach(py, || self.engine.status()))
    }
}

fn report<'py>(py: Python<'py>, value: &impl serde::Serialize) -> PyResult<Bound<'py, PyBytes>> {
    let text = serde_json::to_vec(value).map_err(|e| PyValueError::new_err(e.to_string()))?;
    Ok(PyBytes::new(py, &text))
}
