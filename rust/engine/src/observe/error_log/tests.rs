use super::*;
use crate::observe::log_file::tests::{Folder, open, read};

const NOW: u64 = 1_785_060_672_123; // 2026-07-26T10:11:12.123Z

struct Lines {
    _folder: Folder,
    path: std::path::PathBuf,
    log: Arc<ErrorLog>,
}

impl Lines {
    fn new(format: Format) -> Self {
        let folder = Folder::new();
        let path = folder.file("error.log");
        Self { log: ErrorLog::new(open(&path), format), path, _folder: folder }
    }

    fn warn(&self, message: &str, fields: Fields<'_>, unix_ms: u64) {
        self.log.write(Level::Warn, message, fields, unix_ms);
    }

    fn text(&self) -> String {
        read(&self.path)
    }
}

#[test]
fn a_text_line_has_time_level_message_and_fields() {
    let lines = Lines::new(Format::Text);
    lines.warn("connect failed", &[("node", &"10.0.0.7:80"), ("tries", &3)], NOW);
    let expected = "2026-07-26T10:11:12.123Z WARN connect failed node=10.0.0.7:80 tries=3\n";
    assert_eq!(lines.text(), expected);
}

#[test]
fn a_full_second_has_its_zeros() {
    let lines = Lines::new(Format::Text);
    lines.warn("m", &[], NOW - 123);
    assert!(lines.text().starts_with("2026-07-26T10:11:12.000Z "));
}

#[test]
fn a_json_line_is_json() {
    let lines = Lines::new(Format::Json);
    let value = "a \"b\" \\ \n\u{1b}[31m\u{7f}\u{85}\u{202e}é";
    lines.warn("connect failed", &[("node", &value)], NOW);
    let text = lines.text();
    assert_eq!(text.lines().count(), 1);
    let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(object["time"], "2026-07-26T10:11:12.123Z");
    assert_eq!(object["level"], "warn");
    assert_eq!(object["message"], "connect failed");
    assert_eq!(object["node"], value);
}

#[test]
fn values_that_are_no_plain_word_are_quoted() {
    let lines = Lines::new(Format::Text);
    lines.warn("m", &[("a", &""), ("b", &"two words"), ("c", &"x=y"), ("d", &"q\"q")], NOW);
    assert!(lines.text().ends_with(" m a=\"\" b=\"two words\" c=\"x=y\" d=\"q\\\"q\"\n"));
}

#[test]
fn text_from_outside_cannot_forge_a_line_or_drive_a_terminal() {
    for format in [Format::Text, Format::Json] {
        let lines = Lines::new(format);
        lines.warn("m", &[("uri", &"/\r\nERROR fake\u{1b}]0;t\u{7}\u{9b}2J\u{2028}\u{2066}")], NOW);
        let text = lines.text();
        assert_eq!(text.lines().count(), 1);
        assert!(text.trim_end().chars().all(|c| !c.is_control()), "{text:?}");
        assert!(!text.contains(['\u{2028}', '\u{2066}']), "{text:?}");
        assert!(text.contains("\\r\\nERROR fake\\u001b]0;t\\u0007\\u009b2J"), "{text}");
    }
}

#[test]
fn a_repeated_line_is_written_once_a_second_with_a_count() {
    let lines = Lines::new(Format::Text);
    for step in 0..10 {
        lines.warn("m", &[("node", &"a")], NOW + step * 100);
    }
    assert_eq!(lines.text().lines().count(), 1);
    lines.warn("m", &[("node", &"a")], NOW + 1000);
    assert!(lines.text().ends_with("m node=a suppressed=9\n"), "{}", lines.text());
    assert_eq!(lines.log.suppressed(), 9);
    assert_eq!(lines.log.lines()[Level::Warn as usize], (Level::Warn, 2));
}

#[test]
fn a_second_window_starts_empty() {
    let lines = Lines::new(Format::Text);
    lines.warn("m", &[], NOW);
    lines.warn("m", &[], NOW + 1000);
    lines.warn("m", &[], NOW + 2000);
    assert!(!lines.text().contains("suppressed"));
    assert_eq!(lines.text().lines().count(), 3);
}

#[test]
fn lines_that_differ_are_all_written() {
    let lines = Lines::new(Format::Text);
    for id in 0..20 {
        lines.warn("object refused", &[("kind", &"route"), ("id", &id)], NOW);
    }
    assert_eq!(lines.text().lines().count(), 20);
}

#[test]
fn one_message_is_not_a_flood_whatever_its_fields() {
    let lines = Lines::new(Format::Text);
    for id in 0..1000 {
        lines.warn("m", &[("id", &id)], NOW);
    }
    lines.warn("another", &[], NOW);
    assert_eq!(lines.text().lines().count(), BURST as usize + 1);
    lines.log.sweep(NOW + 1000);
    let expected = format!("WARN m suppressed={}\n", 1000 - BURST);
    assert!(lines.text().ends_with(&expected), "{}", lines.text());
}

#[test]
fn the_sweep_says_what_nothing_followed() {
    let lines = Lines::new(Format::Json);
    for _ in 0..5 {
        lines.warn("m", &[("node", &"a")], NOW);
    }
    lines.log.sweep(NOW + 999);
    assert_eq!(lines.text().lines().count(), 1);
    lines.log.sweep(NOW + 1000);
    let text = lines.text();
    let last: serde_json::Value =
        serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["suppressed"], 4);
    assert_eq!(last["node"], "a");
    lines.log.sweep(NOW + 5000);
    assert_eq!(lines.text(), text, "it is said once");
}

#[test]
fn every_line_is_written_or_counted_however_slots_collide() {
    let lines = Lines::new(Format::Text);
    let mut given = 0_u64;
    for step in 0..2000_u64 {
        for _ in 0..3 {
            lines.warn("m", &[("id", &(step % 700))], NOW + step * 40);
            given += 1;
        }
        lines.log.sweep(NOW + step * 40);
    }
    lines.log.sweep(NOW + 1_000_000);
    let text = lines.text();
    let said: u64 = text
        .lines()
        .filter_map(|line| line.split_once("suppressed="))
        .map(|(_, count)| count.parse::<u64>().expect("a count"))
        .sum();
    assert_eq!(said, lines.log.suppressed());
    let written = text.lines().count() as u64;
    assert!(written >= given - said, "{written} lines, {said} left out, {given} given");
}

#[test]
fn debug_lines_are_all_written() {
    let lines = Lines::new(Format::Text);
    for _ in 0..3 {
        lines.log.write(Level::Debug, "m", &[], NOW);
    }
    assert_eq!(lines.text().lines().count(), 3);
}

#[test]
fn a_clock_that_is_set_back_silences_nothing() {
    let lines = Lines::new(Format::Text);
    lines.warn("m", &[], NOW);
    lines.warn("m", &[], NOW - 3_600_000);
    assert_eq!(lines.text().lines().count(), 2);
}

#[test]
fn levels_are_read_as_nginx_names_them() {
    assert_eq!("notice".parse(), Ok(Level::Info));
    assert_eq!("crit".parse(), Ok(Level::Error));
    assert_eq!("debug".parse(), Ok(Level::Debug));
    let unknown = "loud".parse::<Level>().expect_err("no level");
    assert!(unknown.to_string().contains("\"loud\""));
}

#[test]
fn below_the_level_nothing_is_formatted() {
    struct Never;
    impl Display for Never {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            unreachable!("formatted below the level")
        }
    }
    assert!(!enabled(Level::Debug) && enabled(Level::Info));
    debug("m", &[("field", &Never)]);
}

#[test]
fn a_deleted_error_log_comes_back() {
    let lines = Lines::new(Format::Text);
    std::fs::remove_file(&lines.path).expect("a deletion");
    lines.log.sweep(NOW);
    lines.warn("m", &[], NOW);
    assert_eq!(lines.text().lines().count(), 1);
}
