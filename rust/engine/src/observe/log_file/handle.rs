//! An open log: what `write(2)` means for a regular file, a stream and a socket.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::SockRef;

use super::Target;

/// The most bytes that a pipe takes whole or not at all (POSIX's `PIPE_BUF` on Linux).
const PIPE_BUF: usize = 4096;

#[derive(Debug)]
pub(super) struct Handle {
    sink: Sink,
    /// The last write stopped inside a line, so the next one begins with a line feed.
    torn: AtomicBool,
    /// The file has no name any more. What is written to it would be lost and still fill the disk.
    deleted: AtomicBool,
}

#[derive(Debug)]
enum Sink {
    /// A regular file, in append mode unless the shell opened it.
    Regular(File),
    /// A pipe, a terminal, a device.
    Stream(File),
    /// A socket in place of a standard stream, as systemd gives. It cannot be opened anew.
    Socket(File),
    Nowhere,
}

impl Handle {
    pub(super) fn open(target: &Target) -> io::Result<Self> {
        Self::of(match target {
            Target::Path(path) => open(path)?,
            Target::Stdout => open_standard("/dev/stdout", io::stdout().as_fd())?,
            Target::Stderr => open_standard("/dev/stderr", io::stderr().as_fd())?,
        })
    }

    /// Takes what is open already.
    pub(super) fn of(file: File) -> io::Result<Self> {
        let kind = file.metadata()?.file_type();
        if kind.is_file() {
            Ok(Self::new(Sink::Regular(file)))
        } else if kind.is_socket() {
            Ok(Self::new(Sink::Socket(file)))
        } else {
            Ok(Self::new(Sink::Stream(file)))
        }
    }

    pub(super) fn nowhere() -> Self {
        Self::new(Sink::Nowhere)
    }

    fn new(sink: Sink) -> Self {
        Self { sink, torn: AtomicBool::new(false), deleted: AtomicBool::new(false) }
    }

    /// Whether the file has lost its name. Remembered, so that nobody writes to it from then on.
    pub(super) fn is_deleted(&self) -> bool {
        if let Sink::Regular(file) = &self.sink
            && file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
        {
            self.deleted.store(true, Ordering::Relaxed);
        }
        self.deleted.load(Ordering::Relaxed)
    }

    /// Writes as much as it can: how many bytes, and the error that stopped it.
    pub(super) fn write(&self, lines: &[u8]) -> (usize, Option<io::Error>) {
        if self.deleted.load(Ordering::Relaxed) {
            return (0, Some(io::Error::from_raw_os_error(libc::ENOENT)));
        }
        if self.torn.swap(false, Ordering::Relaxed)
            && let Err(error) = self.write_once(b"\n")
        {
            self.tear();
            return (0, Some(error));
        }
        let (written, error) = self.write_pieces(lines);
        // A caller that met a full stream goes on with the rest; after any other error it does not.
        let given_up = error.as_ref().is_some_and(|e| e.kind() != io::ErrorKind::WouldBlock);
        if given_up && written > 0 && lines[written - 1] != b'\n' {
            self.tear();
        }
        (written, error)
    }

    /// Notes that the last line has no end.
    pub(super) fn tear(&self) {
        self.torn.store(true, Ordering::Relaxed);
    }

    fn write_pieces(&self, lines: &[u8]) -> (usize, Option<io::Error>) {
        let mut written = 0;
        while written < lines.len() {
            match self.write_once(self.piece(&lines[written..])) {
                Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Some(error)),
            }
        }
        (written, None)
    }

    /// The part of some lines that is written at once without another writer's coming between.
    fn piece<'a>(&self, lines: &'a [u8]) -> &'a [u8] {
        if lines.len() <= PIPE_BUF || matches!(self.sink, Sink::Regular(_)) {
            return lines;
        }
        let end = memchr::memrchr(b'\n', &lines[..PIPE_BUF])
            .or_else(|| memchr::memchr(b'\n', lines))
            .map_or(lines.len(), |position| position + 1);
        &lines[..end]
    }

    fn write_once(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.sink {
            Sink::Regular(file) | Sink::Stream(file) => {
                let mut file = file;
                file.write(bytes)
            }
            Sink::Socket(file) => {
                SockRef::from(file).send_with_flags(bytes, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            }
            Sink::Nowhere => Err(io::Error::from_raw_os_error(libc::EBADF)),
        }
    }
}

/// Opens for appending, never waiting: neither for a pipe's reader now nor for its room later.
fn open(path: impl AsRef<Path>) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o644)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
}

/// Opens a standard stream anew, so that not blocking is a property of ours alone, or takes a copy of
/// its descriptor: where it is a socket, which cannot be opened, or another user's pipe, which may
/// not be, and where the shell sent it to a file, whose position must stay shared with what others
/// print there.
fn open_standard(path: &str, stream: BorrowedFd<'_>) -> io::Result<File> {
    let copy = File::from(stream.try_clone_to_owned()?);
    let kind = copy.metadata()?.file_type();
    if kind.is_file() || kind.is_socket() {
        return Ok(copy);
    }
    Ok(open(path).unwrap_or(copy))
}
