use std::fs;
use std::io::Read;

use super::*;
use crate::observe::log_file::tests::{Folder, open, piped, read};

#[test]
fn lines_wait_until_the_buffer_is_full() {
    let folder = Folder::new();
    let path = folder.file("log");
    let log = AccessLog::new(&open(&path), 16, 0);
    log.append(b"one");
    log.append(b"two");
    assert_eq!(read(&path), "");
    log.append(b"three, and full");
    assert_eq!(read(&path), "one\ntwo\nthree, and full\n");
}

#[test]
fn lines_wait_a_second_at_most() {
    let folder = Folder::new();
    let path = folder.file("log");
    let log = AccessLog::new(&open(&path), 16_384, 5000);
    log.append(b"one");
    log.flush_if_due(5999);
    assert_eq!(read(&path), "");
    log.flush_if_due(6000);
    assert_eq!(read(&path), "one\n");
    log.append(b"two");
    log.flush_if_due(6999);
    assert_eq!(read(&path), "one\n");
    log.flush_if_due(7000);
    assert_eq!(read(&path), "one\ntwo\n");
}

#[test]
fn without_a_buffer_each_line_goes_at_once() {
    let folder = Folder::new();
    let path = folder.file("log");
    let log = AccessLog::new(&open(&path), 0, 0);
    log.append(b"one");
    assert_eq!(read(&path), "one\n");
    log.append(b"two");
    assert_eq!(read(&path), "one\ntwo\n");
}

#[test]
fn what_renders_nothing_is_no_line() {
    let folder = Folder::new();
    let path = folder.file("log");
    let log = AccessLog::new(&open(&path), 0, 0);
    log.append_with(|_| ());
    log.append_with(|out| out.extend_from_slice(b"one"));
    assert_eq!(read(&path), "one\n");
}

#[test]
fn a_line_longer_than_the_buffer_is_whole() {
    let folder = Folder::new();
    let path = folder.file("log");
    let log = AccessLog::new(&open(&path), 64, 0);
    let long = "x".repeat(100_000);
    log.append(b"short");
    log.append(long.as_bytes());
    assert_eq!(read(&path), format!("short\n{long}\n"));
    assert!(log.buffer.borrow().capacity() < 2 * LINE_ROOM, "the room is given back");
}

#[test]
fn what_is_left_is_written_at_the_end() {
    let folder = Folder::new();
    let path = folder.file("log");
    let log = AccessLog::new(&open(&path), 16_384, 0);
    log.append(b"last words");
    drop(log);
    assert_eq!(read(&path), "last words\n");
}

#[test]
fn an_idle_log_follows_a_rotation() {
    let folder = Folder::new();
    let path = folder.file("log");
    let file = open(&path);
    let log = AccessLog::new(&file, 16_384, 0);
    fs::rename(&path, folder.file("log.1")).expect("a rotation");
    file.reopen().expect("a new file");
    log.flush_if_due(1000);
    log.append(b"one");
    log.flush();
    assert_eq!(read(&path), "one\n");
    assert_eq!(read(folder.file("log.1")), "");
}

#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    let file = open("/dev/full");
    let log = AccessLog::new(&file, 8, 0);
    log.append(b"one");
    log.append(b"two, which is too much");
    assert_eq!(file.lost().lines, 2);
    assert!(log.buffer.borrow().is_empty());
    log.append(b"three");
    log.flush_if_due(1000);
    assert_eq!(file.lost().lines, 3);
}

#[test]
fn lines_wait_for_a_slow_reader() {
    let (mut reader, file) = piped();
    let log = AccessLog::new(&file, 1024, 0);
    let mut expected = String::new();
    for number in 0..10_000 {
        let line = format!("line {number:010}");
        log.append(line.as_bytes());
        expected += &line;
        expected.push('\n');
    }
    assert_eq!(file.lost().lines, 0);
    let mut found = Vec::new();
    let mut room = vec![0; 65_536];
    while found.len() < expected.len() {
        log.flush();
        let count = reader.read(&mut room).expect("lines");
        found.extend_from_slice(&room[..count]);
    }
    assert_eq!(String::from_utf8(found).expect("text"), expected);
    assert!(log.buffer.borrow().capacity() <= 4096, "the room is given back");
}

#[test]
fn a_reader_that_hangs_costs_the_newest_lines() {
    let (_reader, file) = piped();
    let log = AccessLog::new(&file, 1024, 0);
    let line = [b'x'; 99];
    let lines = 30_000;
    for _ in 0..lines {
        log.append(&line);
    }
    let kept = log.buffer.borrow().len();
    assert!(kept <= RETAINED + 2048, "{kept} bytes wait");
    let kept_lines = kept as u64 / 100;
    assert_eq!(file.written_bytes() / 100 + file.lost().lines + kept_lines, lines);
    assert_eq!(file.lost().errno, libc::EAGAIN);
    drop(log);
    assert_eq!(file.written_bytes() / 100 + file.lost().lines, lines, "none is left out");
}
