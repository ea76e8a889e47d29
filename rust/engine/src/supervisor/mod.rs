//! The engine's life: start, publish, drain, end.
//!
//! ```text
//! new ── publish ──▶ start ── publish … ──▶ drain ──▶ (joined)
//! ```
//!
//! What surprises: a stop is obeyed by the signal thread alone. It drains the workers and, when
//! they have ended, gives the main loop a moment to leave by itself; past that the process
//! exits, whatever the main loop is doing.

mod events;
mod signals;

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gateway_core::config::Origin;
use gateway_core::source::Environment;
use gateway_net::listen::{self, ListenError};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::background::Background;
use crate::control::{self, ControlSocket, Listener, Reply, Status};
use crate::observe::error_log::{self, ErrorLog, Level};
use crate::observe::log_file::{LogFile, Target};
use crate::publish::{Change, File, Mode, Problem, Publisher, Report};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::worker::{self, Command, Listening, Port, Purpose};

pub use events::Event;
use events::Events;

/// How long the main loop may take to leave after the workers have ended.
const GRACE: Duration = Duration::from_secs(2);

/// The exit code of a stop that did not wait for every request.
const CUT_SHORT: i32 = 6;

/// The data plane; clones are the same one.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    publisher: Arc<Mutex<Publisher>>,
    life: Arc<Life>,
}

/// The part of the engine that the signal thread acts on.
#[derive(Debug)]
struct Life {
    shared: Arc<Shared>,
    events: Events,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    commands: Vec<UnboundedSender<Command>>,
    threads: Vec<JoinHandle<()>>,
    background: Option<Background>,
    listeners: Vec<Listener>,
    /// Where the operator asks.
    control: Option<ControlSocket>,
    /// Workers that run.
    running: usize,
    draining: bool,
    /// Whether requests were cut because the time to drain was over.
    killed: bool,
}

impl Engine {
    /// Checks the settings and opens the logs. Nothing listens yet.
    ///
    /// # Errors
    /// In words, with the key that is to blame.
    pub fn new(settings: Settings) -> Result<Self, String> {
        if settings.handle_signals {
            signals::block().map_err(|error| format!("signals cannot be blocked: {error}"))?;
        }
        open_error_log(&settings)?;
        let publisher = Publisher::new(&settings)?;
        worker::check(&settings)?;
        raise_descriptor_limit(settings.rlimit_nofile);
        let health = Arc::clone(publisher.health());
        let shared = Arc::new(Shared::new(settings, publisher.snapshot().clone(), health)?);
        let events = Events::new().map_err(|error| format!("no descriptor is left: {error}"))?;
        let life = Life {
            shared: Arc::clone(&shared),
            events,
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        Ok(Self { shared, publisher: Arc::new(Mutex::new(publisher)), life: Arc::new(life) })
    }

    /// Binds every listener, then starts the background thread, the workers and, if the settings
    /// say so, the signal thread.
    ///
    /// # Errors
    /// The first address that cannot be had; then nothing is left bound.
    pub fn start(&self) -> Result<(), StartError> {
        let settings = &self.shared.settings;
        let workers = worker_count(settings);
        let (per_worker, listeners) = bind_all(settings, workers)?;
        if settings.handle_signals {
            let life = Arc::clone(&self.life);
            signals::start(move |request| life.on_signal(request))?;
        }
        let mut state = self.life.state();
        state.listeners = listeners;
        state.background = Some(Background::start(Arc::clone(&self.shared))?);
        for (number, listeners) in per_worker.into_iter().enumerate() {
            let (sender, commands) = unbounded_channel();
            let (shared, life) = (Arc::clone(&self.shared), Arc::clone(&self.life));
            state.running += 1;
            let thread =
                std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                    if let Err(error) = worker::run(shared, number, listeners, commands) {
                        error_log::error("a worker ended", &[("reason", &error)]);
                    }
                    life.worker_ended();
                })?;
            state.commands.push(sender);
            state.threads.push(thread);
        }
        drop(state);
        self.open_control();
        Ok(())
    }

    /// Opens the control socket. A place where it cannot be is no reason not to serve.
    fn open_control(&self) {
        let Some(path) = &self.shared.settings.control_socket else { return };
        let engine = self.clone();
        match ControlSocket::open(path, move |path, body| control::answer(&engine, path, body)) {
            Ok(socket) => self.life.state().control = Some(socket),
            Err(error) => error_log::warn(
                "no control socket, so `status`, `top`, `routes` and `try` cannot ask this process",
                &[("path", &path.display()), ("reason", &error)],
            ),
        }
    }

    /// Answers a question of the [operator](crate::control), whether or not it was started: a path
    /// as `/routes`, with a body where the question needs one.
    pub fn ask(&self, path: &str, body: &[u8]) -> Reply {
        control::answer(self, path, body)
    }

    /// Takes changed documents.
    ///
    /// # Errors
    /// The problems, in atomic mode; what was served before is served on.
    pub fn publish(
        &self,
        changes: Vec<Change>,
        revision: u64,
        mode: Mode,
        origin: Origin,
    ) -> Result<Report, Vec<Problem>> {
        let mut publisher = self.publisher();
        let result = publisher.apply(changes, revision, mode, origin, &self.shared.settings);
        self.publish_result(&publisher, result)
    }

    /// Takes the text of a whole resource file in place of the last one.
    ///
    /// # Errors
    /// The problems; what was served before is served on.
    pub fn publish_file(
        &self,
        file: File<'_>,
        environment: Environment<'_>,
    ) -> Result<Report, Vec<Problem>> {
        let mut publisher = self.publisher();
        let result = publisher.apply_file(file, environment, &self.shared.settings);
        self.publish_result(&publisher, result)
    }

    fn publish_result(
        &self,
        publisher: &Publisher,
        result: Result<Report, Vec<Problem>>,
    ) -> Result<Report, Vec<Problem>> {
        match &result {
            Ok(report) => {
                let old = self.shared.published.publish(publisher.snapshot().clone());
                self.shared.discard(old);
                let control = self.shared.registry.control();
                control.set_certificates(publisher.expiries());
                control.set_refused_objects(report.problems.len() as u64);
                for warning in &report.warnings {
                    error_log::warn(warning, &[]);
                }
                let problems = report.problems.iter().map(ToString::to_string).collect();
                self.shared.reloaded(true, report.revision, problems);
            }
            Err(problems) => {
                let revision = publisher.snapshot().revision;
                let problems = problems.iter().map(ToString::to_string).collect();
                self.shared.reloaded(false, revision, problems);
            }
        }
        result
    }

    /// Takes the oldest event; waits while there is none. None once the engine has ended.
    pub fn next_event(&self) -> Option<Event> {
        self.life.events.pop()
    }

    /// The descriptor that is readable while an event waits.
    pub fn event_fd(&self) -> RawFd {
        self.life.events.fd()
    }

    /// Stops accepting, lets requests finish for at most `limit`, joins the workers. True if all
    /// finished. A second call returns at once.
    pub fn drain(&self, limit: Duration) -> bool {
        self.life.drain(limit)
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        let (revision, certificates) = {
            let publisher = self.publisher();
            (publisher.snapshot().revision, publisher.expiries())
        };
        let reload = self.shared.reload();
        let state = self.life.state();
        Status {
            version: crate::VERSION,
            pid: std::process::id(),
            started: self.shared.registry.started_unix_ms() as f64 / 1_000.0,
            ready: self.shared.not_ready().is_none() && state.running > 0 && !state.draining,
            draining: state.draining,
            workers: state.running,
            revision,
            reload: control::Reload {
                ok: reload.ok,
                time: reload.unix_ms as f64 / 1_000.0,
                problems: reload.problems,
            },
            listeners: state.listeners.clone(),
            certificates: control::certificates(certificates),
        }
    }

    /// What all workers share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The publisher, for as long as the guard is held.
    pub(crate) fn publisher(&self) -> MutexGuard<'_, Publisher> {
        self.publisher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Life {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn worker_ended(&self) {
        self.state().running -= 1;
        self.changed.notify_all();
    }

    fn tell(&self, command: Command) {
        for worker in &self.state().commands {
            // A worker that has ended has nothing to be told.
            let _ = worker.send(command);
        }
    }

    fn drain(&self, limit: Duration) -> bool {
        self.state().draining = true;
        self.tell(Command::Drain);
        let finished = self.wait_for_workers(limit);
        if !finished {
            self.state().killed = true;
            self.tell(Command::Kill);
            self.wait_for_workers(GRACE);
        }
        let background = self.state().background.take();
        if let Some(background) = background {
            background.stop();
        }
        let threads = std::mem::take(&mut self.state().threads);
        for thread in threads {
            if thread.is_finished() || finished {
                // A worker that panicked has said so on the error log.
                let _ = thread.join();
            }
        }
        // Its thread may be about to ask for the state, so this is not held while it is waited for.
        let control = self.state().control.take();
        drop(control);
        // Another call may have cut what this one saw the end of.
        finished && !self.state().killed
    }

    #[expect(clippy::disallowed_methods, reason = "the supervisor waits in real time")]
    fn wait_for_workers(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut state = self.state();
        while state.running > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn on_signal(self: &Arc<Self>, request: signals::Request) {
        match request {
            signals::Request::Reload => self.events.push(Event::Reload),
            signals::Request::Reopen => self.reopen_logs(),
            signals::Request::Stop => {
                self.events.push(Event::Stop);
                if std::mem::replace(&mut self.state().draining, true) {
                    // Whoever asks twice wants the end: the main loop leaves at once, and if it
                    // cannot, this ends the process.
                    std::thread::spawn(|| end_after_grace(CUT_SHORT));
                    return;
                }
                let life = Arc::clone(self);
                // A thread of its own, so that a second signal is still heard.
                std::thread::spawn(move || life.stop());
            }
        }
    }

    /// Drains and ends the process, even if the main loop never comes back.
    fn stop(&self) {
        let limit = Duration::from_secs_f64(self.shared.settings.shutdown_timeout);
        let finished = self.drain(limit);
        self.events.push(Event::Stopped);
        end_after_grace(if finished { 0 } else { CUT_SHORT });
    }

    fn reopen_logs(&self) {
        let logs = self.shared.access_log.iter().map(|log| Arc::clone(&log.file));
        for log in logs.chain([Arc::clone(error_log::current().file())]) {
            if let Err(error) = log.reopen() {
                error_log::error("a log cannot be reopened", &[("reason", &error)]);
            }
        }
    }
}

/// Gives the main loop a moment to leave by itself, then ends the process.
#[expect(clippy::disallowed_methods, reason = "a thread of its own, whose end is the process's")]
fn end_after_grace(code: i32) {
    std::thread::sleep(GRACE);
    std::process::exit(code);
}

/// Why the engine did not start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be listened on.
    Listen(ListenError),
    /// The system refused a thread or a descriptor.
    System(io::Error),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(f),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> Self {
        Self::Listen(error)
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

fn worker_count(settings: &Settings) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    settings.workers.unwrap_or_else(cores).max(1)
}

/// One socket per worker and client address; the internal ones belong to the first worker.
fn bind_all(
    settings: &Settings,
    workers: usize,
) -> Result<(Vec<Vec<Listening>>, Vec<Listener>), StartError> {
    let mut per_worker: Vec<Vec<Listening>> = Vec::new();
    per_worker.resize_with(workers, Vec::new);
    let mut listeners = Vec::new();
    for listen in &settings.listen {
        let mut address = SocketAddr::new(listen.ip, listen.port);
        listen::claim(address)?;
        for worker in &mut per_worker {
            let socket = listen::bind(address)?;
            // With port 0 the kernel chooses once, and the other workers join.
            address = socket.local_addr()?;
            let port = Port {
                purpose: Purpose::Proxy,
                proxy_protocol: listen.proxy_protocol,
                tls: listen.tls,
                http2: listen.http2,
            };
            worker.push(Listening { socket, port });
        }
        let protocol = if listen.tls { "https" } else { "http" };
        listeners.push(Listener { address: address.to_string(), protocol });
    }
    let inside = [&settings.status, &settings.control].into_iter().flatten();
    let inside = inside.map(crate::settings::SocketAddress::socket);
    let metrics = settings.metrics.as_ref().map(|m| SocketAddr::new(m.ip, m.port));
    let mut internal: Vec<SocketAddr> = inside.chain(metrics).collect();
    internal.dedup();
    for address in internal {
        listen::claim(address)?;
        let socket = listen::bind(address)?;
        let address = socket.local_addr()?.to_string();
        listeners.push(Listener { address, protocol: "status" });
        let purpose = Purpose::Internal;
        let port = Port { purpose, proxy_protocol: false, tls: false, http2: true };
        per_worker[0].push(Listening { socket, port });
    }
    Ok((per_worker, listeners))
}

fn open_error_log(settings: &Settings) -> Result<(), String> {
    let key = "nginx_config.error_log";
    let level: Level =
        settings.error_log.level.parse().map_err(|error| format!("{key}_level: {error}"))?;
    let path = &settings.error_log.path;
    let target = Target::parse(path).map_err(|error| format!("{key}: {error}"))?;
    let file =
        LogFile::open(target).map_err(|error| format!("{key}: cannot open {path}: {error}"))?;
    error_log::install(ErrorLog::new(file, error_log::Format::Text));
    error_log::set_level(level);
    Ok(())
}

/// Asks for as many descriptors as wanted, or as the hard limit allows; less is no reason not to
/// start.
fn raise_descriptor_limit(wanted: Option<u64>) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let target = wanted.unwrap_or(hard).min(hard);
    if target > soft && setrlimit(Resource::RLIMIT_NOFILE, target, hard).is_err() {
        error_log::warn("the limit of open files stays", &[("limit", &soft)]);
    }
}
