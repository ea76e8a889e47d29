use std::fs;
use std::io::{PipeReader, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

use super::*;

/// A folder of its own for one test, gone with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("gateway-log-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn open(path: impl Into<PathBuf>) -> Arc<LogFile> {
    LogFile::open(Target::Path(path.into())).expect("a log")
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("a log that was written")
}

/// A log whose reader is a pipe that nobody reads yet.
pub(crate) fn piped() -> (PipeReader, Arc<LogFile>) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let log = open(format!("/proc/self/fd/{}", writer.as_raw_fd()));
    (reader, log)
}

fn raise(log: &LogFile, lines: u64) {
    log.lost_lines.fetch_add(lines, Ordering::Relaxed);
}

#[test]
fn targets_are_named_as_in_nginx() {
    assert_eq!(Target::parse("/dev/stdout"), Ok(Target::Stdout));
    assert_eq!(Target::parse("stderr"), Ok(Target::Stderr));
    assert_eq!(Target::parse("logs/access.log"), Ok(Target::Path("logs/access.log".into())));
}

#[test]
fn targets_that_are_not_written_to_are_refused_by_name() {
    let refused = Target::parse("syslog:server=127.0.0.1").expect_err("a refusal");
    assert!(refused.to_string().contains("syslog:server=127.0.0.1"));
    assert!(Target::parse("memory:32m").is_err());
    assert!(Target::parse("").is_err());
}

#[test]
fn lines_are_appended_to_what_is_there() {
    let folder = Folder::new();
    let path = folder.file("log");
    fs::write(&path, "before\n").expect("a file");
    let log = open(&path);
    assert_eq!(log.writer().write(b"after\n"), 6);
    assert_eq!(read(&path), "before\nafter\n");
    assert_eq!(log.written_bytes(), 6);
    assert_eq!(log.lost(), Lost::default());
}

#[test]
fn a_missing_folder_is_created() {
    let folder = Folder::new();
    let path = folder.file("logs/today/access.log");
    open(&path).write_now(b"line\n");
    assert_eq!(read(&path), "line\n");
}

#[test]
fn a_target_that_cannot_be_opened_is_an_error() {
    let folder = Folder::new();
    let path = folder.file("log");
    fs::create_dir(&path).expect("a folder in its place");
    assert!(LogFile::open(Target::Path(path)).is_err());
}

#[test]
fn writers_follow_a_rotation() {
    let folder = Folder::new();
    let (path, rotated) = (folder.file("log"), folder.file("log.1"));
    let log = open(&path);
    let mut writer = log.writer();
    writer.write(b"one\n");
    fs::rename(&path, &rotated).expect("a rotation");
    writer.write(b"two\n");
    log.reopen().expect("a new file");
    writer.write(b"three\n");
    assert_eq!(read(&rotated), "one\ntwo\n");
    assert_eq!(read(&path), "three\n");
}

#[test]
fn an_idle_writer_lets_go_of_a_rotated_file() {
    let folder = Folder::new();
    let log = open(folder.file("log"));
    let mut writer = log.writer();
    let old = Arc::downgrade(&writer.handle);
    log.reopen().expect("a new file");
    assert!(old.upgrade().is_some());
    writer.refresh();
    assert!(old.upgrade().is_none());
}

#[test]
fn a_rotation_that_fails_leaves_the_old_file() {
    let folder = Folder::new();
    let (path, rotated) = (folder.file("log"), folder.file("log.1"));
    let log = open(&path);
    fs::rename(&path, &rotated).expect("a rotation");
    fs::create_dir(&path).expect("a folder in its place");
    assert!(log.reopen().is_err());
    log.write_now(b"line\n");
    assert_eq!(read(&rotated), "line\n");
}

#[test]
fn concurrent_writers_and_rotations_lose_and_tear_nothing() {
    let folder = Folder::new();
    let path = folder.file("log");
    let log = open(&path);
    let writers = 4;
    let rounds = 200;
    std::thread::scope(|scope| {
        for worker in 0..writers {
            let mut writer = log.writer();
            scope.spawn(move || {
                for round in 0..rounds {
                    let line = format!("{worker} {round} {}\n", "x".repeat(3000));
                    assert_eq!(writer.write(line.as_bytes()), line.len());
                }
            });
        }
        for number in 0..20 {
            fs::rename(&path, folder.file(&format!("log.{number}"))).expect("a rotation");
            log.reopen().expect("a new file");
        }
    });
    let mut lines = 0;
    for entry in fs::read_dir(&folder.0).expect("the folder") {
        for line in read(entry.expect("an entry").path()).lines() {
            assert!(line.ends_with(&"x".repeat(3000)) && line.len() < 3010, "a torn line");
            lines += 1;
        }
    }
    assert_eq!(lines, writers * rounds);
}

#[test]
fn a_full_disk_is_counted_and_fails_nobody() {
    let log = open("/dev/full");
    assert_eq!(log.writer().write(b"one\ntwo\n"), 8);
    assert_eq!(log.lost(), Lost { lines: 2, bytes: 8, errno: libc::ENOSPC });
    assert_eq!(log.written_bytes(), 0);
}

#[test]
fn a_line_without_its_end_counts_as_lost_too() {
    let log = open("/dev/full");
    log.write_now(b"one\ntw");
    assert_eq!(log.lost().lines, 2);
}

#[test]
fn a_deleted_file_comes_back() {
    let folder = Folder::new();
    let path = folder.file("log");
    let log = open(&path);
    let mut writer = log.writer();
    writer.write(b"one\n");
    log.check_if_due(1000);
    fs::remove_file(&path).expect("a deletion");
    log.check_if_due(1500);
    assert!(!path.exists(), "it is looked at once a second");
    log.check_if_due(2000);
    writer.write(b"two\n");
    assert_eq!(read(&path), "two\n");
}

#[test]
fn lines_for_a_file_that_cannot_come_back_are_counted() {
    let folder = Folder::new();
    let path = folder.file("sub/log");
    let log = open(&path);
    fs::remove_dir_all(folder.file("sub")).expect("a deletion");
    log.check_if_due(1000);
    log.write_now(b"gone\n");
    assert_eq!(log.lost(), Lost { lines: 1, bytes: 5, errno: libc::ENOENT });
    fs::create_dir(folder.file("sub")).expect("the folder again");
    log.check_if_due(2000);
    log.write_now(b"back\n");
    assert_eq!(read(&path), "back\n");
}

#[test]
fn losses_are_said_once_a_minute() {
    let folder = Folder::new();
    let log = open(folder.file("log"));
    assert_eq!(log.loss_to_report(0), None);
    raise(&log, 3);
    assert_eq!(log.loss_to_report(1000), Some(3));
    raise(&log, 4);
    assert_eq!(log.loss_to_report(60_999), None);
    assert_eq!(log.loss_to_report(61_000), Some(4));
    assert_eq!(log.loss_to_report(200_000), None);
}

#[test]
fn a_full_pipe_leaves_the_rest_to_the_caller() {
    let (mut reader, log) = piped();
    let lines = "0123456789abcde\n".repeat(20_000);
    let mut writer = log.writer();
    let taken = writer.write(lines.as_bytes());
    assert!(taken > 0 && taken < lines.len());
    assert_eq!(taken % 16, 0, "a line is torn");
    assert_eq!(log.lost().lines, 0);
    let mut room = vec![0; taken];
    reader.read_exact(&mut room).expect("what was written");
    assert!(writer.write(&lines.as_bytes()[taken..]) > 0);
}

#[test]
fn a_reader_that_left_is_a_loss() {
    let (reader, log) = piped();
    drop(reader);
    log.write_now(b"line\n");
    assert_eq!(log.lost(), Lost { lines: 1, bytes: 5, errno: libc::EPIPE });
}

#[test]
fn a_log_that_is_nowhere_counts() {
    let log = LogFile::nowhere();
    log.write_now(b"line\n");
    assert_eq!(log.lost().lines, 1);
}

#[test]
fn a_socket_in_place_of_a_stream_does_not_block() {
    let (reader, writer) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let file = fs::File::from(std::os::fd::OwnedFd::from(writer));
    let handle = Handle::of(file).expect("a socket");
    let lines = "0123456789abcde\n".repeat(100_000);
    let (written, error) = handle.write(lines.as_bytes());
    assert!(written > 0 && written < lines.len() && written % 16 == 0);
    assert_eq!(error.expect("a full socket").kind(), io::ErrorKind::WouldBlock);
    drop(reader);
    let (_, error) = handle.write(b"line\n");
    assert_eq!(error.expect("a closed socket").kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn a_line_after_a_torn_one_begins_anew() {
    let folder = Folder::new();
    let path = folder.file("log");
    let log = open(&path);
    let (_, handle) = log.current();
    handle.write(b"half a li");
    handle.tear();
    log.write_now(b"whole\n");
    log.write_now(b"next\n");
    assert_eq!(read(&path), "half a li\nwhole\nnext\n");
}

#[test]
fn a_clock_that_is_set_back_delays_nothing() {
    let folder = Folder::new();
    let log = open(folder.file("log"));
    raise(&log, 1);
    assert_eq!(log.loss_to_report(10_000_000), Some(1));
    raise(&log, 1);
    assert_eq!(log.loss_to_report(5_000_000), Some(1));
}

#[test]
fn the_standard_streams_can_be_opened() {
    for target in [Target::Stdout, Target::Stderr] {
        let log = LogFile::open(target).expect("a stream");
        log.write_now(b"");
        log.check_if_due(1000);
        log.reopen().expect("the stream again");
        assert_eq!(log.lost().lines, 0);
    }
}
