//! The page: the cells of all workers summed, family by family in the catalogue's order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gateway_net::tls::HandshakeFailure;

use super::Registry;
use super::catalogue as families;
use super::cell::{Cell, Histogram, HistogramTotal};
use super::exposition::{Exposition, Format};
use super::nodes::NodeTotal;
use super::process::Process;
use super::worker::{Cells, ConnectionState, Refusal, UpstreamFailure};
use crate::health::tally::Seen;
use crate::observe::error_log;
use crate::observe::flags::TABLE;

pub(super) fn page(registry: &Registry, format: Format) -> String {
    let workers = Workers(registry.workers());
    let mut page = Exposition::new(format);
    page.family(&families::BUILD).put(&[env!("CARGO_PKG_VERSION")], 1);
    requests(&mut page, &workers);
    connections(&mut page, &workers);
    by_worker(&mut page, &workers);
    upstreams(&mut page, &workers);
    nodes(&mut page, &workers);
    health(&mut page, registry);
    control(&mut page, registry);
    logs(&mut page, registry);
    process(&mut page, registry);
    page.finish()
}

/// The cells of all workers.
struct Workers(BTreeMap<usize, Arc<Cells>>);

impl Workers {
    fn sum(&self, cell: impl Fn(&Cells) -> &Cell) -> u64 {
        self.0.values().map(|cells| cell(cells).get()).fold(0, u64::wrapping_add)
    }

    fn histogram(&self, of: impl Fn(&Cells) -> &Histogram) -> HistogramTotal {
        HistogramTotal::of(self.0.values().map(|cells| of(cells)))
    }
}

fn requests(page: &mut Exposition, workers: &Workers) {
    let mut codes = BTreeMap::new();
    for cells in workers.0.values() {
        for (code, count) in cells.codes().filter(|(_, count)| *count > 0) {
            *codes.entry(code).or_insert(0) += count;
        }
    }
    let mut samples = page.family(&families::REQUESTS);
    for (code, count) in codes {
        let code = code.map_or_else(|| "other".to_owned(), |code| code.to_string());
        samples.put(&[&code], count);
    }
    page.single(&families::REQUESTS_ACTIVE, workers.sum(|cells| &cells.requests_active));
    page.family(&families::REQUEST_TIME).histogram(&workers.histogram(|cells| &cells.request_time));
    let mut samples = page.family(&families::FLAGS);
    for row in &TABLE {
        let count = workers.sum(|cells| &cells.flags[row.flag as usize]);
        if count > 0 {
            samples.put(&[row.code], count);
        }
    }
    page.single(&families::RECEIVED, workers.sum(|cells| &cells.received_bytes));
    page.single(&families::SENT, workers.sum(|cells| &cells.sent_bytes));
}

fn connections(page: &mut Exposition, workers: &Workers) {
    let mut samples = page.family(&families::CONNECTIONS);
    for (state, name) in ConnectionState::ALL {
        samples.put(&[name], workers.sum(|cells| &cells.connections[state as usize]));
    }
    page.single(&families::ACCEPTED, workers.sum(|cells| &cells.accepted));
    let mut samples = page.family(&families::CONNECTIONS_REFUSED);
    for (why, name) in Refusal::ALL {
        samples.put(&[name], workers.sum(|cells| &cells.refused[why as usize]));
    }
    let mut failed = 0;
    let mut samples = page.family(&families::HANDSHAKE_FAILURES);
    for (why, name) in HandshakeFailure::ALL {
        let count = workers.sum(|cells| &cells.handshakes_failed[why as usize]);
        samples.put(&[name], count);
        failed += count;
    }
    let mut samples = page.family(&families::HANDSHAKES);
    samples.put(&["ok"], workers.sum(|cells| &cells.handshakes));
    samples.put(&["failed"], failed);
}

fn by_worker(page: &mut Exposition, workers: &Workers) {
    let mut samples = page.family(&families::WORKER_CONNECTIONS);
    for (number, cells) in &workers.0 {
        samples.put(&[&number.to_string()], cells.open_connections());
    }
    let mut samples = page.family(&families::WORKER_REQUESTS);
    for (number, cells) in &workers.0 {
        samples.put(&[&number.to_string()], cells.requests());
    }
}

fn upstreams(page: &mut Exposition, workers: &Workers) {
    page.single(&families::UPSTREAM_REQUESTS, workers.sum(|cells| &cells.upstream_requests));
    page.single(&families::UPSTREAM_REUSED, workers.sum(|cells| &cells.upstream_reused));
    page.single(&families::UPSTREAM_RETRIES, workers.sum(|cells| &cells.upstream_retries));
    page.single(
        &families::UPSTREAM_RETRIES_REFUSED,
        workers.sum(|cells| &cells.upstream_retries_refused),
    );
    let mut samples = page.family(&families::UPSTREAM_FAILURES);
    for (kind, name) in UpstreamFailure::ALL {
        samples.put(&[name], workers.sum(|cells| &cells.upstream_failures[kind as usize]));
    }
    page.family(&families::CONNECT_TIME).histogram(&workers.histogram(|cells| &cells.connect_time));
    page.family(&families::FIRST_BYTE_TIME)
        .histogram(&workers.histogram(|cells| &cells.first_byte_time));
    page.single(&families::UPSTREAM_OPEN, workers.sum(|cells| &cells.upstream_open));
    page.single(&families::UPSTREAM_IDLE, workers.sum(|cells| &cells.upstream_idle));
    page.single(&families::UPSTREAM_RECEIVED, workers.sum(|cells| &cells.upstream_received_bytes));
    page.single(&families::UPSTREAM_SENT, workers.sum(|cells| &cells.upstream_sent_bytes));
}

fn nodes(page: &mut Exposition, workers: &Workers) {
    let mut totals = BTreeMap::<Box<str>, NodeTotal>::new();
    for cells in workers.0.values() {
        cells.nodes.add_to(&mut totals);
    }
    let mut samples = page.family(&families::NODE_REQUESTS);
    for (name, total) in &totals {
        samples.put(&[name], total.requests);
    }
    let mut samples = page.family(&families::NODE_FAILURES);
    for (name, total) in &totals {
        for ((_, kind), count) in UpstreamFailure::ALL.iter().zip(total.failures) {
            if count > 0 {
                samples.put(&[name, kind], count);
            }
        }
    }
}

fn health(page: &mut Exposition, registry: &Registry) {
    let mut samples = page.family(&families::NODE_HEALTHY);
    for checker in registry.health.all() {
        for node in &checker.nodes {
            samples.put(&[&checker.owner, &node.authority()], u8::from(node.usable()));
        }
    }
    let mut samples = page.family(&families::PROBES);
    for (seen, name) in Seen::ALL {
        samples.put(&[name], registry.health.probes(seen));
    }
}

fn control(page: &mut Exposition, registry: &Registry) {
    let control = registry.control();
    let mut samples = page.family(&families::RELOADS);
    samples.put(&["applied"], control.reloads_applied.load(Ordering::Relaxed));
    samples.put(&["refused"], control.reloads_refused.load(Ordering::Relaxed));
    let applied = u8::from(control.last_applied.load(Ordering::Relaxed));
    page.single(&families::RELOAD_OK, applied);
    page.single(&families::RELOAD_TIME, seconds(control.last_applied_ms.load(Ordering::Relaxed)));
    page.single(&families::REVISION, control.revision.load(Ordering::Relaxed));
    page.single(&families::REFUSED_OBJECTS, control.refused_objects.load(Ordering::Relaxed));
    let mut samples = page.family(&families::CERTIFICATES);
    for (name, expiry) in control.certificates() {
        samples.put(&[&name], expiry);
    }
}

fn logs(page: &mut Exposition, registry: &Registry) {
    let error_log = error_log::current();
    let mut logs = registry.logs();
    logs.push(("error".to_owned(), Arc::clone(error_log.file())));
    let mut samples = page.family(&families::LOG_WRITTEN);
    for (name, file) in &logs {
        samples.put(&[name], file.written_bytes());
    }
    let lost: Vec<_> = logs.iter().map(|(name, file)| (name, file.lost())).collect();
    let mut samples = page.family(&families::LOG_LOST_LINES);
    for (name, lost) in &lost {
        samples.put(&[name], lost.lines);
    }
    let mut samples = page.family(&families::LOG_LOST_BYTES);
    for (name, lost) in &lost {
        samples.put(&[name], lost.bytes);
    }
    let mut samples = page.family(&families::LOG_ERRNO);
    for (name, lost) in &lost {
        samples.put(&[name], lost.errno);
    }
    let mut samples = page.family(&families::ERROR_LINES);
    for (level, count) in error_log.lines() {
        samples.put(&[level.name()], count);
    }
    page.single(&families::ERROR_SUPPRESSED, error_log.suppressed());
}

fn process(page: &mut Exposition, registry: &Registry) {
    let process = Process::read();
    page.known(&families::CPU, process.cpu_seconds);
    page.known(&families::RESIDENT, process.resident_bytes);
    page.known(&families::VIRTUAL, process.virtual_bytes);
    page.known(&families::THREADS, process.threads);
    page.known(&families::OPEN_FDS, process.open_fds);
    page.known(&families::MAX_FDS, process.max_fds);
    page.single(&families::START, seconds(registry.started_unix_ms));
}

fn seconds(unix_ms: u64) -> f64 {
    unix_ms as f64 / 1000.0
}
