//! The error log: what went wrong, and what an operator should know.
//!
//! A line has a time, a level, a fixed message and fields that say of what. Anyone may write one,
//! from any thread:
//!
//! ```
//! use gateway_engine::observe::error_log;
//!
//! let node = "10.0.0.7:8080";
//! error_log::warn("upstream connect failed", &[("node", &node), ("reason", &"refused")]);
//! ```
//!
//! ```text
//! 2026-07-26T10:11:12.123Z WARN upstream connect failed node=10.0.0.7:8080 reason=refused
//! {"time":"2026-07-26T10:11:12.123Z","level":"warn","message":"upstream connect failed","node":…}
//! ```
//!
//! What surprises:
//!
//! - Fields are borrowed and formatted only if the line is written. Below the level a call costs a
//!   load and a comparison.
//! - A line that repeats another to the letter is written once a second, and one message with
//!   changing fields [`BURST`] times a second; the next line of its kind, or the sweep, says how
//!   many were left out (`suppressed=`). Lines at `debug` are all written.
//! - Text from outside cannot forge lines or move the cursor: control characters are escaped.
//!   Messages are ours and constant, fields carry what varies.
//! - It is not the `tracing` facade: one format, one target and a limit on repetition are less code
//!   than a subscriber with those, and a disabled span would still cost more than a comparison.

mod line;
mod repeats;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::log_file::{LogFile, Target};
use line::Body;
pub use line::Format;
pub use repeats::BURST;
use repeats::{Repeats, Verdict};

/// What varies in a line: names and values, the one it is about first.
pub type Fields<'a> = &'a [(&'a str, &'a dyn Display)];

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// For who looks into one request.
    Debug,
    /// What happened as it should: started, reloaded, stopped.
    Info,
    /// What the gateway coped with, and someone should look at.
    Warn,
    /// What it could not do.
    Error,
}

impl Level {
    const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The word for it in a JSON line and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    /// Reads a level as nginx's `error_log` names it. `notice` is `info` here, and what nginx ranks
    /// above `error` is `error`.
    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        match name {
            "debug" => Ok(Self::Debug),
            "info" | "notice" => Ok(Self::Info),
            "warn" => Ok(Self::Warn),
            "error" | "crit" | "alert" | "emerg" => Ok(Self::Error),
            _ => Err(UnknownLevel(name.to_owned())),
        }
    }
}

/// A word that is no level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLevel(String);

impl Display for UnknownLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unknown log level \"{}\": debug, info, warn and error are known", self.0)
    }
}

impl std::error::Error for UnknownLevel {}

/// Below this level nothing is written, process-wide. APISIX's default is `warn`; a line that says
/// the gateway has started is wanted by default, so ours is `info`.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);
/// The process's log; `None` until something is written or [`install`] is called.
static CURRENT: Mutex<Option<Arc<ErrorLog>>> = Mutex::new(None);

/// Writes a line for who looks into one request.
#[inline]
pub fn debug(message: &str, fields: Fields<'_>) {
    write(Level::Debug, message, fields);
}

/// Writes a line about what happened as it should.
#[inline]
pub fn info(message: &str, fields: Fields<'_>) {
    write(Level::Info, message, fields);
}

/// Writes a line about what the gateway coped with.
#[inline]
pub fn warn(message: &str, fields: Fields<'_>) {
    write(Level::Warn, message, fields);
}

/// Writes a line about what the gateway could not do.
#[inline]
pub fn error(message: &str, fields: Fields<'_>) {
    write(Level::Error, message, fields);
}

/// Writes a line at a level that is not known beforehand.
#[inline]
pub fn write(level: Level, message: &str, fields: Fields<'_>) {
    if enabled(level) {
        write_enabled(level, message, fields);
    }
}

/// Whether lines at a level are written.
#[inline]
pub fn enabled(level: Level) -> bool {
    level as u8 >= LEVEL.load(Ordering::Relaxed)
}

/// Sets the level below which nothing is written, at once and for all threads.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Makes a log the one that the functions of this module write to.
pub fn install(log: Arc<ErrorLog>) {
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = Some(log);
}

/// The log in use: text on the standard error unless another was installed.
pub fn current() -> Arc<ErrorLog> {
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(current.get_or_insert_with(|| {
        let file = LogFile::open(Target::Stderr).unwrap_or_else(|_| LogFile::nowhere());
        ErrorLog::new(file, Format::Text)
    }))
}

#[cold]
fn write_enabled(level: Level, message: &str, fields: Fields<'_>) {
    current().write(level, message, fields, unix_ms());
}

/// Milliseconds since the epoch. The log is written from threads that have no clock of their own.
#[expect(clippy::disallowed_methods, reason = "threads without a clock write too")]
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// A log with its format and its memory of what was said in the last second.
#[derive(Debug)]
pub struct ErrorLog {
    file: Arc<LogFile>,
    format: Format,
    /// Held while a line is compared, not while it is written.
    repeats: Mutex<Repeats>,
    lines: [AtomicU64; Level::ALL.len()],
    suppressed: AtomicU64,
}

impl ErrorLog {
    /// A log that writes to a file in a format.
    pub fn new(file: Arc<LogFile>, format: Format) -> Arc<Self> {
        Arc::new(Self {
            file,
            format,
            repeats: Mutex::new(Repeats::default()),
            lines: [const { AtomicU64::new(0) }; Level::ALL.len()],
            suppressed: AtomicU64::new(0),
        })
    }

    /// Where it writes to, for rotation and for what was lost.
    pub fn file(&self) -> &Arc<LogFile> {
        &self.file
    }

    /// Lines written since the start, by level from the lowest.
    pub fn lines(&self) -> [(Level, u64); 4] {
        Level::ALL.map(|level| (level, self.lines[level as usize].load(Ordering::Relaxed)))
    }

    /// Lines left out as repetitions since the start.
    pub fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    /// Writes a line whatever the level is, unless it repeats. `unix_ms` is the time it is given.
    pub fn write(&self, level: Level, message: &str, fields: Fields<'_>, unix_ms: u64) {
        let body = Body::new(self.format, level, message, fields);
        if level == Level::Debug {
            self.put(&body, 0, unix_ms);
            return;
        }
        let verdict = {
            let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            repeats.judge(&body, message, unix_ms)
        };
        match verdict {
            Verdict::Suppress => {
                self.suppressed.fetch_add(1, Ordering::Relaxed);
            }
            Verdict::Write { suppressed } => self.put(&body, suppressed, unix_ms),
        }
    }

    /// Says what was left out and has not been said, and creates the file again if it was deleted.
    /// For a timer, once a second or so.
    pub fn sweep(&self, unix_ms: u64) {
        self.file.check_if_due(unix_ms);
        let ended = {
            let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            repeats.ended(unix_ms)
        };
        for (body, suppressed) in ended {
            self.put(&body, suppressed, unix_ms);
        }
    }

    fn put(&self, body: &Body, suppressed: u64, unix_ms: u64) {
        self.lines[body.level() as usize].fetch_add(1, Ordering::Relaxed);
        self.file.write_now(body.line(unix_ms, suppressed).as_bytes());
    }
}

/// [`ErrorLog::sweep`] of the log in use, now.
pub fn sweep() {
    current().sweep(unix_ms());
}
