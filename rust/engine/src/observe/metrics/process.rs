//! What the system knows of this process, from `/proc/self`. Where there is none, as on macOS,
//! there are no figures.

use std::fs;

/// Ticks a second of the times in `/proc`: `USER_HZ`, 100 on every architecture that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Figures of one moment. What cannot be read is left out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
}

impl Process {
    pub(super) fn read() -> Self {
        let text =
            |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        // The descriptor that lists the folder is open while it is listed.
        let fds = fs::read_dir("/proc/self/fd").ok().map(|list| list.count().saturating_sub(1));
        Self { open_fds: fds.map(|count| count as u64), ..Self::parse(text) }
    }

    /// Everything that stands in a file, given the files' texts by name.
    pub(super) fn parse(text: impl Fn(&str) -> String) -> Self {
        let status = text("status");
        Self {
            cpu_seconds: cpu_seconds(&text("stat")),
            resident_bytes: field(&status, "VmRSS:").map(|kib| kib * 1024),
            virtual_bytes: field(&status, "VmSize:").map(|kib| kib * 1024),
            threads: field(&status, "Threads:"),
            open_fds: None,
            max_fds: field(&text("limits"), "Max open files"),
        }
    }
}

/// User and system time, the 14th and 15th fields. The 2nd is the command, which may hold spaces
/// and parentheses; counting begins after its last one.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

/// The first number of a line that begins with a name; none where it is `unlimited`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
