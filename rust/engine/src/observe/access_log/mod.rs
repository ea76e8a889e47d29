//! The access log: a line a request, buffered by each worker.
//!
//! A worker owns one [`AccessLog`] per log. Lines gather in its own buffer and go out with one
//! `write(2)` when the buffer is full, or after a second when the worker's sweep says so:
//!
//! ```
//! # use gateway_engine::observe::{access_log::AccessLog, log_file::{LogFile, Target}};
//! # let file = LogFile::open(Target::Path("/dev/null".into()))?;
//! let log = AccessLog::new(&file, 16_384, 0);
//! log.append(b"127.0.0.1 \"GET / HTTP/1.1\" 200");
//! log.append_with(|out| out.extend_from_slice(b"127.0.0.1 \"GET /b HTTP/1.1\" 404"));
//! log.flush_if_due(1_000);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What surprises: lines appear up to a second late, and a process that is killed takes what is in
//! its buffers with it (nginx's `buffer=16k flush=1s`, the default of APISIX). A capacity of 0
//! writes each line at once. When a stream's reader falls behind, about [`RETAINED`] bytes wait for
//! it; lines beyond are lost and counted, for a log must not grow without bound.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::log_file::{LogFile, Writer};

/// How long a line may wait in the buffer, in milliseconds.
const FLUSH_EVERY_MS: u64 = 1000;
/// Bytes that a worker keeps for a stream whose reader is slow.
pub const RETAINED: usize = 1 << 20;
/// Room for the line that makes the buffer full, so that it does not grow in the usual case.
const LINE_ROOM: usize = 1024;

/// One worker's end of an access log. See the module's head.
#[derive(Debug)]
pub struct AccessLog {
    writer: RefCell<Writer>,
    buffer: RefCell<Vec<u8>>,
    capacity: usize,
    /// The length at which the buffer is written: the capacity, or more while a stream is full.
    flush_at: Cell<usize>,
    flushed_ms: Cell<u64>,
}

impl AccessLog {
    /// A buffer of `capacity` bytes (`access_log_buffer`) in front of a log.
    ///
    /// `now_ms` here and below is in milliseconds of the workers' monotonic clock.
    pub fn new(file: &Arc<LogFile>, capacity: usize, now_ms: u64) -> Self {
        Self {
            writer: RefCell::new(file.writer()),
            buffer: RefCell::new(Vec::with_capacity(capacity + LINE_ROOM)),
            capacity,
            flush_at: Cell::new(capacity),
            flushed_ms: Cell::new(now_ms),
        }
    }

    /// Adds a line, given without its line feed.
    #[inline]
    pub fn append(&self, line: &[u8]) {
        self.append_with(|out| out.extend_from_slice(line));
    }

    /// Adds a line by rendering it straight into the buffer. What appends nothing is no line.
    ///
    /// # Panics
    ///
    /// If `render` itself adds to or flushes this log.
    #[inline]
    pub fn append_with(&self, render: impl FnOnce(&mut Vec<u8>)) {
        let mut buffer = self.buffer.borrow_mut();
        let start = buffer.len();
        render(&mut buffer);
        if buffer.len() == start {
            return;
        }
        buffer.push(b'\n');
        if buffer.len() >= self.flush_at.get() {
            self.write_out(&mut buffer);
        }
    }

    /// Writes what is buffered, as far as it goes without waiting.
    pub fn flush(&self) {
        self.write_out(&mut self.buffer.borrow_mut());
    }

    /// For the worker's sweep: flushes if a second has passed since the last time, follows a
    /// rotation even when there is nothing to write, and looks after the file.
    #[inline]
    pub fn flush_if_due(&self, now_ms: u64) {
        if now_ms.saturating_sub(self.flushed_ms.get()) >= FLUSH_EVERY_MS {
            self.flushed_ms.set(now_ms);
            self.flush();
            self.writer.borrow().file().check_if_due(now_ms);
        }
    }

    #[cold]
    fn write_out(&self, buffer: &mut Vec<u8>) {
        let mut writer = self.writer.borrow_mut();
        writer.refresh();
        if buffer.is_empty() {
            return;
        }
        let done = writer.write(buffer);
        if done == buffer.len() {
            buffer.clear();
            buffer.shrink_to(self.capacity + LINE_ROOM);
            self.flush_at.set(self.capacity);
            return;
        }
        // The stream is full. It is tried again at the sweep or after another buffer's worth, not
        // for every line; the newest lines go when too many wait.
        buffer.drain(..done);
        if buffer.len() > RETAINED {
            let keep = memchr::memrchr(b'\n', &buffer[..RETAINED]).map_or(0, |end| end + 1);
            writer.file().lose(&buffer[keep..], libc::EAGAIN);
            buffer.truncate(keep);
        }
        self.flush_at.set(buffer.len() + self.capacity.max(LINE_ROOM));
    }
}

impl Drop for AccessLog {
    /// Writes what is left; what a full stream does not take is lost and counted.
    fn drop(&mut self) {
        self.flush();
        let rest = self.buffer.get_mut();
        self.writer.get_mut().file().lose(rest, libc::EAGAIN);
    }
}
