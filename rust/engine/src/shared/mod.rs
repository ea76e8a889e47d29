//! What all workers share. Locks stand only here, are never held across a wait, and none is
//! taken on the way of a request.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gateway_kit::template::{self, Template};

use crate::health::Health;
use crate::observe::log_file::{LogFile, Target};
use crate::observe::metrics::{Format, Registry};
use crate::settings::{Escape, Settings};
use crate::snapshot::Snapshot;
use crate::variables::{Fixed, Variable};

/// What the workers' clock shows at its beginning, in microseconds: its zero, in milliseconds too,
/// means never.
pub(crate) const CLOCK_STARTS_US: u64 = 1_000;

/// The configuration in force.
#[derive(Debug)]
pub(crate) struct Published {
    version: AtomicU64,
    current: Mutex<(u64, Arc<Snapshot>)>,
}

impl Published {
    fn new(snapshot: Snapshot) -> Self {
        Self { version: AtomicU64::new(1), current: Mutex::new((1, Arc::new(snapshot))) }
    }

    /// Which configuration is in force; changes with each that is published.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The configuration with its version.
    pub(crate) fn current(&self) -> (u64, Arc<Snapshot>) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.0, Arc::clone(&current.1))
    }

    /// Puts a configuration in force and hands back the last one.
    pub(crate) fn publish(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let version = current.0 + 1;
        let (_, old) = std::mem::replace(&mut *current, (version, Arc::new(snapshot)));
        self.version.store(version, Ordering::Release);
        old
    }
}

/// The access log, shared by the workers' buffers.
#[derive(Debug)]
pub(crate) struct SharedLog {
    /// Where lines go.
    pub(crate) file: Arc<LogFile>,
    /// What a line looks like.
    pub(crate) format: Arc<Template<Variable>>,
    /// Bytes that each worker keeps before it writes.
    pub(crate) buffer: usize,
}

/// How the last attempt at a configuration went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reload {
    /// Whether any configuration was accepted so far.
    pub(crate) configured: bool,
    /// Whether the last one was.
    pub(crate) ok: bool,
    /// When, in milliseconds since 1970.
    pub(crate) unix_ms: u64,
    /// What was wrong with it.
    pub(crate) problems: Vec<String>,
}

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// What the engine was told.
    pub(crate) settings: Settings,
    /// Where the workers' clock starts.
    pub(crate) base: Instant,
    /// The configuration.
    pub(crate) published: Published,
    /// Health checks.
    pub(crate) health: Arc<Health>,
    /// All figures.
    pub(crate) registry: Arc<Registry>,
    /// The access log.
    pub(crate) access_log: Option<SharedLog>,
    /// Whether its lines hold the request's id.
    pub(crate) log_needs_id: bool,
    /// The machine's name.
    pub(crate) hostname: Box<str>,
    reload: Mutex<Reload>,
    discarded: Sender<Arc<Snapshot>>,
    seed: u128,
}

impl Shared {
    /// Opens the logs and starts the thread that frees old configurations.
    ///
    /// # Errors
    /// In words, with the key of the setting that is to blame.
    pub(crate) fn new(
        settings: Settings,
        snapshot: Snapshot,
        health: Arc<Health>,
    ) -> Result<Self, String> {
        let registry = Registry::with_health(unix_ms(), Arc::clone(&health));
        let access_log = match &settings.access_log {
            Some(log) => Some(open_log(log)?),
            None => None,
        };
        if let Some(log) = &access_log {
            registry.add_log("access", &log.file);
        }
        let log_needs_id = access_log.as_ref().is_some_and(|log| {
            log.format.variables().any(|v| *v == Variable::Fixed(Fixed::RequestId))
        });
        let (discarded, to_free) = channel();
        std::thread::Builder::new()
            .name("free".into())
            .spawn(move || to_free.into_iter().for_each(drop))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self {
            settings,
            #[expect(clippy::disallowed_methods, reason = "what the clocks of workers count from")]
            base: Instant::now(),
            published: Published::new(snapshot),
            health,
            registry,
            access_log,
            log_needs_id,
            hostname: hostname(),
            reload: Mutex::default(),
            discarded,
            seed: random(),
        })
    }

    /// Milliseconds of the workers' clock.
    pub(crate) fn now_ms(&self) -> u64 {
        (self.base.elapsed().as_micros() as u64 + CLOCK_STARTS_US) / 1_000
    }

    /// Hands a configuration over to be freed, if this was its last holder, on another thread.
    pub(crate) fn discard(&self, snapshot: Arc<Snapshot>) {
        // Without its thread, at the very end of the process, it is freed here.
        let _ = self.discarded.send(snapshot);
    }

    /// Notes how an attempt at a configuration went.
    pub(crate) fn reloaded(&self, ok: bool, revision: u64, problems: Vec<String>) {
        let now = unix_ms();
        if ok {
            self.registry.control().applied(revision, now);
        } else {
            self.registry.control().refused();
        }
        let mut reload = self.reload.lock().unwrap_or_else(PoisonError::into_inner);
        let configured = reload.configured || ok;
        *reload = Reload { configured, ok, unix_ms: now, problems };
    }

    /// How the last attempt at a configuration went.
    pub(crate) fn reload(&self) -> Reload {
        self.reload.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why requests cannot be served as configured; none if they can.
    pub(crate) fn not_ready(&self) -> Option<String> {
        let reload = self.reload();
        match (reload.configured, reload.problems.first()) {
            (true, _) => None,
            (false, None) => Some("no configuration has been read yet".into()),
            (false, Some(problem)) => Some(format!("the configuration is refused: {problem}")),
        }
    }

    /// The path of the metrics.
    pub(crate) fn metrics_path(&self) -> Option<&[u8]> {
        self.settings.metrics.as_ref().map(|metrics| metrics.path.as_bytes())
    }

    /// The page for a scraper.
    pub(crate) fn render_metrics(&self) -> Vec<u8> {
        self.registry.render(Format::Prometheus).into_bytes()
    }

    /// Random bits for one worker.
    pub(crate) fn random(&self, worker: usize) -> u128 {
        self.seed ^ (worker as u128) << 64
    }
}

fn open_log(log: &crate::settings::AccessLog) -> Result<SharedLog, String> {
    let key = "nginx_config.http.access_log";
    let target = Target::parse(&log.path).map_err(|error| format!("{key}: {error}"))?;
    let file = LogFile::open(target)
        .map_err(|error| format!("{key}: cannot open {}: {error}", log.path))?;
    let escape = match log.escape {
        Escape::Default => template::Escape::Default,
        Escape::Json => template::Escape::Json,
        Escape::None => template::Escape::None,
    };
    let format = Template::compile(&log.format, escape, &mut |name| Ok(Variable::of(name)))
        .map_err(|error| format!("nginx_config.http.access_log_format: {error}"))?;
    Ok(SharedLog { file, format: Arc::new(format), buffer: log.buffer })
}

fn hostname() -> Box<str> {
    let name = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname"));
    name.map_or_else(|_| "localhost".into(), |name| name.trim().into())
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "what the clocks of workers start from")]
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Random bits from the standard library's per-process keys: no secret hangs on them.
fn random() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    let half = || u128::from(RandomState::new().hash_one(unix_ms()));
    half() << 64 | half()
}
