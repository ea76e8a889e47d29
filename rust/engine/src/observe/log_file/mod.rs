//! A place that log lines go to: a file or a standard stream, shared by all workers.
//!
//! ```
//! use gateway_engine::observe::log_file::{LogFile, Target};
//! # let path = std::env::temp_dir().join(format!("log_file_example_{}", std::process::id()));
//! # let text = path.to_str().expect("a path in UTF-8");
//!
//! let file = LogFile::open(Target::parse(text)?)?;
//! let mut writer = file.writer(); // one a thread
//! writer.write(b"first\nsecond\n");
//! file.reopen()?; // after a rotation; writers follow at their next write
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What surprises:
//!
//! - Nothing here fails a caller. A line that cannot be written is counted ([`LogFile::lost`]) and
//!   the loss is said once a minute in the error log.
//! - Lines of several writers do not mix: a regular file is appended to with one `write(2)`, which
//!   the kernel serialises; pipes, terminals and sockets get pieces of whole lines that are small
//!   enough to be atomic there.
//! - A slow reader of a stream does not hold up a worker. The stream is opened anew without
//!   blocking, so that the flag is ours alone and the shell's terminal keeps its own; what does not
//!   fit stays with the caller. (Where the system forbids opening it anew, as for a pipe of another
//!   user, writes may block as everybody's do.)
//! - A file that somebody deletes is created again within a second. One that was renamed is
//!   written to until [`LogFile::reopen`], as every rotation tool expects.

mod handle;
#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error_log;
use handle::Handle;

/// How often a file is looked at for having been deleted, in milliseconds.
const CHECK_EVERY_MS: u64 = 1000;
/// How often losses are said in the error log, in milliseconds.
const REPORT_EVERY_MS: u64 = 60_000;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file, appended to; created if missing.
    Path(PathBuf),
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
}

impl Target {
    /// Reads a target as nginx's `access_log` and `error_log` write it: a path, `stdout`, `stderr`,
    /// `/dev/stdout` or `/dev/stderr`.
    ///
    /// # Errors
    ///
    /// `syslog:` and `memory:` targets are refused by name rather than made into files.
    pub fn parse(text: &str) -> Result<Self, UnsupportedTarget> {
        match text {
            "stdout" | "/dev/stdout" => Ok(Self::Stdout),
            "stderr" | "/dev/stderr" => Ok(Self::Stderr),
            _ if text.is_empty() || text.starts_with("syslog:") || text.starts_with("memory:") => {
                Err(UnsupportedTarget(text.to_owned()))
            }
            _ => Ok(Self::Path(PathBuf::from(text))),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
        }
    }
}

/// A log target that nginx knows and this gateway does not write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedTarget(String);

impl std::fmt::Display for UnsupportedTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot log to \"{}\": give a file, stdout or stderr", self.0)
    }
}

impl std::error::Error for UnsupportedTarget {}

/// What could not be written since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Lines that are missing, in whole or in part.
    pub lines: u64,
    /// Bytes that are missing.
    pub bytes: u64,
    /// The system's number of the last error, 0 for none: 28 is a full disk.
    pub errno: i32,
}

/// A log's destination, shared by its writers. See the module's head.
#[derive(Debug)]
pub struct LogFile {
    target: Target,
    /// Counts reopenings; writers compare it with theirs before each write.
    generation: AtomicU64,
    /// Locked to take or replace the handle, which writers do once a generation.
    current: Mutex<Arc<Handle>>,
    written_bytes: AtomicU64,
    lost_lines: AtomicU64,
    lost_bytes: AtomicU64,
    errno: AtomicI32,
    next_check_ms: AtomicU64,
    next_report_ms: AtomicU64,
    reported_lines: AtomicU64,
}

impl LogFile {
    /// Opens a target, creating the file and the folder it is in if they are missing.
    ///
    /// # Errors
    ///
    /// Whatever the system says: no permission, a folder in place of the file, no descriptor left.
    pub fn open(target: Target) -> io::Result<Arc<Self>> {
        if let Target::Path(path) = &target
            && let Some(folder) = path.parent()
        {
            std::fs::create_dir_all(folder)?;
        }
        let handle = Handle::open(&target)?;
        Ok(Self::with(target, handle))
    }

    /// A log that loses every line, for a process whose standard error is closed.
    pub(super) fn nowhere() -> Arc<Self> {
        Self::with(Target::Stderr, Handle::nowhere())
    }

    fn with(target: Target, handle: Handle) -> Arc<Self> {
        Arc::new(Self {
            target,
            generation: AtomicU64::new(0),
            current: Mutex::new(Arc::new(handle)),
            written_bytes: AtomicU64::new(0),
            lost_lines: AtomicU64::new(0),
            lost_bytes: AtomicU64::new(0),
            errno: AtomicI32::new(0),
            next_check_ms: AtomicU64::new(0),
            next_report_ms: AtomicU64::new(0),
            reported_lines: AtomicU64::new(0),
        })
    }

    /// Where the lines go.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Opens the target again, after a rotation. Writers follow at their next write or flush, and
    /// the old file is closed when the last of them has.
    ///
    /// # Errors
    ///
    /// As [`LogFile::open`]; the old file is then written to as before.
    pub fn reopen(&self) -> io::Result<()> {
        let handle = Arc::new(Handle::open(&self.target)?);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = handle;
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// A writer for one thread.
    pub fn writer(self: &Arc<Self>) -> Writer {
        let (generation, handle) = self.current();
        Writer { file: Arc::clone(self), generation, handle }
    }

    /// Writes whole lines from any thread, and loses what does not fit at once.
    pub fn write_now(&self, lines: &[u8]) {
        let (_, handle) = self.current();
        let consumed = self.write_to(&handle, lines);
        self.lose(&lines[consumed..], libc::EAGAIN);
    }

    /// What could not be written since the start.
    pub fn lost(&self) -> Lost {
        Lost {
            lines: self.lost_lines.load(Ordering::Relaxed),
            bytes: self.lost_bytes.load(Ordering::Relaxed),
            errno: self.errno.load(Ordering::Relaxed),
        }
    }

    /// Bytes written since the start.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// Counts lines that are given up, for a reason in the system's numbers.
    pub(super) fn lose(&self, lines: &[u8], errno: i32) {
        if !lines.is_empty() {
            self.errno.store(errno, Ordering::Relaxed);
            let ends = memchr::memchr_iter(b'\n', lines).count() as u64;
            let open = u64::from(lines.last() != Some(&b'\n'));
            self.lost_lines.fetch_add(ends + open, Ordering::Relaxed);
            self.lost_bytes.fetch_add(lines.len() as u64, Ordering::Relaxed);
        }
    }

    /// Creates the file again if it was deleted, and says in the error log what was lost. For the
    /// sweeps of all workers: whoever comes first in a second does it.
    ///
    /// `now_ms` is in milliseconds of one clock, the same for all callers.
    pub fn check_if_due(&self, now_ms: u64) {
        if !due(&self.next_check_ms, now_ms, CHECK_EVERY_MS) {
            return;
        }
        let (_, handle) = self.current();
        if matches!(self.target, Target::Path(_))
            && handle.is_deleted()
            && let Err(error) = self.reopen()
        {
            self.errno.store(errno_of(&error), Ordering::Relaxed);
        }
        if let Some(lost) = self.loss_to_report(now_ms) {
            let error = io::Error::from_raw_os_error(self.lost().errno);
            error_log::error(
                "log lines lost",
                &[("log", &self.target), ("lines", &lost), ("reason", &error)],
            );
        }
    }

    /// Lines lost since the last report, if there are any and a minute has passed.
    fn loss_to_report(&self, now_ms: u64) -> Option<u64> {
        let lines = self.lost_lines.load(Ordering::Relaxed);
        let fresh = lines - self.reported_lines.load(Ordering::Relaxed).min(lines);
        if fresh == 0 || !due(&self.next_report_ms, now_ms, REPORT_EVERY_MS) {
            return None;
        }
        self.reported_lines.store(lines, Ordering::Relaxed);
        Some(fresh)
    }

    fn current(&self) -> (u64, Arc<Handle>) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (self.generation.load(Ordering::Acquire), Arc::clone(&current))
    }

    /// Writes what the handle takes, counts what an error makes it lose, and returns how many bytes
    /// are dealt with. The rest is to be tried again later.
    fn write_to(&self, handle: &Handle, lines: &[u8]) -> usize {
        let (written, error) = handle.write(lines);
        self.written_bytes.fetch_add(written as u64, Ordering::Relaxed);
        match error {
            Some(error) if error.kind() != io::ErrorKind::WouldBlock => {
                self.lose(&lines[written..], errno_of(&error));
                lines.len()
            }
            _ => written,
        }
    }
}

/// One thread's way to a [`LogFile`]: it keeps the open file, and asks for a newer one only when
/// there is one.
#[derive(Debug)]
pub struct Writer {
    file: Arc<LogFile>,
    generation: u64,
    handle: Arc<Handle>,
}

impl Writer {
    /// Writes whole lines and returns how many bytes are dealt with, written or lost. Fewer than
    /// given only where a stream's reader is slow; the rest is then the caller's to keep.
    pub fn write(&mut self, lines: &[u8]) -> usize {
        self.refresh();
        self.file.write_to(&self.handle, lines)
    }

    /// Lets go of a file that was rotated away.
    pub fn refresh(&mut self) {
        if self.generation != self.file.generation.load(Ordering::Acquire) {
            (self.generation, self.handle) = self.file.current();
        }
    }

    /// What it writes to.
    pub fn file(&self) -> &Arc<LogFile> {
        &self.file
    }
}

fn errno_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// Whether a time has come, claimed by moving it on: one of several threads gets `true`.
fn due(next_ms: &AtomicU64, now_ms: u64, every_ms: u64) -> bool {
    let next = next_ms.load(Ordering::Relaxed);
    // A time that lies further ahead than one step comes from a clock that was set back since.
    (now_ms >= next || next - now_ms > every_ms)
        && next_ms
            .compare_exchange(next, now_ms + every_ms, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
}
