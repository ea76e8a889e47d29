use std::collections::HashSet;
use std::io;
use std::rc::Rc;

use gateway_net::tls::HandshakeFailure;

use super::cell::BOUNDS;
use super::process::Process;
use super::*;
use crate::observe::flags::{Flag, Flags};
use crate::observe::generated::assert_page;
use crate::observe::log_file::{LogFile, Target};

fn page(registry: &Registry) -> String {
    registry.render(Format::Prometheus)
}

/// The value of one series.
fn value(page: &str, series: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().expect("a number"))
}

fn assert_value(registry: &Registry, series: &str, expected: f64) {
    let page = page(registry);
    let found = value(&page, series).unwrap_or_else(|| panic!("no {series} in\n{page}"));
    assert!((found - expected).abs() < 1e-9, "{series} is {found}, not {expected}");
}

fn finished(status: u16) -> RequestRecord {
    RequestRecord { status, ..RequestRecord::default() }
}

#[test]
fn figures_of_all_workers_are_summed() {
    let registry = Registry::new(0);
    for count in 1..=3 {
        let recorder = registry.recorder(count - 1);
        for _ in 0..count {
            recorder.request_started();
            recorder.request_finished(&RequestRecord {
                status: 200,
                received_bytes: 10,
                sent_bytes: 100,
                upstream_sent_bytes: 11,
                upstream_received_bytes: 101,
                ..RequestRecord::default()
            });
        }
    }
    assert_value(&registry, "gateway_http_requests_total{code=\"200\"}", 6.0);
    assert_value(&registry, "gateway_http_received_bytes_total", 60.0);
    assert_value(&registry, "gateway_http_sent_bytes_total", 600.0);
    assert_value(&registry, "gateway_upstream_sent_bytes_total", 66.0);
    assert_value(&registry, "gateway_upstream_received_bytes_total", 606.0);
    assert_value(&registry, "gateway_worker_requests_total{worker=\"0\"}", 1.0);
    assert_value(&registry, "gateway_worker_requests_total{worker=\"2\"}", 3.0);
}

#[test]
fn a_worker_that_ended_keeps_its_figures() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    recorder.request_started();
    recorder.request_finished(&finished(200));
    drop(recorder);
    assert_value(&registry, "gateway_http_requests_total{code=\"200\"}", 1.0);
    let successor = registry.recorder(0);
    successor.request_started();
    successor.request_finished(&finished(200));
    assert_value(&registry, "gateway_worker_requests_total{worker=\"0\"}", 2.0);
}

#[test]
fn every_status_has_its_series_and_nonsense_has_one() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    for status in [100, 599, 404, 404, 0, 99, 600, 65_535] {
        recorder.request_started();
        recorder.request_finished(&finished(status));
    }
    assert_value(&registry, "gateway_http_requests_total{code=\"100\"}", 1.0);
    assert_value(&registry, "gateway_http_requests_total{code=\"599\"}", 1.0);
    assert_value(&registry, "gateway_http_requests_total{code=\"404\"}", 2.0);
    assert_value(&registry, "gateway_http_requests_total{code=\"other\"}", 4.0);
    assert!(!page(&registry).contains("code=\"200\""), "a status without requests has no series");
}

#[test]
fn a_request_is_active_until_it_is_finished() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    recorder.request_started();
    recorder.request_started();
    recorder.request_finished(&finished(200));
    assert_value(&registry, "gateway_http_requests_active", 1.0);
}

#[test]
fn each_raised_flag_is_counted() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    let mut flags = Flags::from(Flag::UpstreamConnect);
    flags.raise(Flag::RetriesExhausted);
    recorder.request_started();
    recorder.request_finished(&RequestRecord { flags, ..finished(502) });
    assert_value(&registry, "gateway_http_response_flags_total{flag=\"UF\"}", 1.0);
    assert_value(&registry, "gateway_http_response_flags_total{flag=\"RX\"}", 1.0);
    assert!(!page(&registry).contains("flag=\"NR\""));
}

#[test]
fn buckets_hold_what_is_at_most_their_bound() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    for elapsed_us in [0, 100, 101, 60_000_000, 60_000_001] {
        recorder.request_started();
        recorder.request_finished(&RequestRecord { elapsed_us, ..finished(200) });
    }
    let name = "gateway_http_request_seconds";
    assert_value(&registry, &format!("{name}_bucket{{le=\"0.0001\"}}"), 2.0);
    assert_value(&registry, &format!("{name}_bucket{{le=\"0.0005\"}}"), 3.0);
    assert_value(&registry, &format!("{name}_bucket{{le=\"60.0\"}}"), 4.0);
    assert_value(&registry, &format!("{name}_bucket{{le=\"+Inf\"}}"), 5.0);
    assert_value(&registry, &format!("{name}_count"), 5.0);
    assert_value(&registry, &format!("{name}_sum"), 120.000_202);
}

#[test]
fn labels_of_buckets_are_their_bounds() {
    for (us, label) in BOUNDS {
        let seconds: f64 = label.parse().expect("a number");
        assert!((seconds * 1e6 - us as f64).abs() < 1e-6, "{label}");
    }
    assert!(BOUNDS.is_sorted_by(|(a, _), (b, _)| a < b));
}

#[test]
fn a_connection_counts_in_its_state_until_it_is_dropped() {
    let registry = Registry::new(0);
    let recorder = Rc::new(registry.recorder(0));
    let one = recorder.connection(ConnectionState::Handshake);
    let two = recorder.connection(ConnectionState::Waiting);
    one.enter(ConnectionState::Serving);
    one.enter(ConnectionState::Serving);
    assert_value(&registry, "gateway_client_connections{state=\"handshake\"}", 0.0);
    assert_value(&registry, "gateway_client_connections{state=\"serving\"}", 1.0);
    assert_value(&registry, "gateway_client_connections{state=\"waiting\"}", 1.0);
    assert_value(&registry, "gateway_worker_connections{worker=\"0\"}", 2.0);
    drop((one, two));
    assert_value(&registry, "gateway_client_connections{state=\"serving\"}", 0.0);
    assert_value(&registry, "gateway_worker_connections{worker=\"0\"}", 0.0);
    assert_value(&registry, "gateway_client_connections_accepted_total", 2.0);
}

#[test]
fn refusals_and_handshakes_are_counted_by_their_end() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    recorder.connection_refused(Refusal::DescriptorLimit);
    recorder.handshake();
    recorder.handshake();
    recorder.handshake_failed(HandshakeFailure::PlainHttp);
    let refused = "gateway_client_connections_refused_total{reason=\"descriptor_limit\"}";
    assert_value(&registry, refused, 1.0);
    assert_value(&registry, "gateway_client_tls_handshakes_total{result=\"ok\"}", 2.0);
    assert_value(&registry, "gateway_client_tls_handshakes_total{result=\"failed\"}", 1.0);
    let plain = "gateway_client_tls_handshake_failures_total{reason=\"plain_http\"}";
    assert_value(&registry, plain, 1.0);
}

#[test]
fn upstream_figures_are_counted_in_all_and_by_node() {
    let registry = Registry::new(0);
    for worker in 0..2 {
        let recorder = registry.recorder(worker);
        let node = recorder.node("10.0.0.7:80");
        recorder.upstream_requested(&node, false);
        recorder.upstream_failed(&node, UpstreamFailure::ConnectRefused);
        recorder.upstream_retried();
        recorder.upstream_requested(&recorder.node("10.0.0.8:80"), true);
        recorder.upstream_connected(700);
        recorder.upstream_answered(3_000);
        recorder.set_upstream_connections(5, 3);
    }
    assert_value(&registry, "gateway_upstream_requests_total", 4.0);
    assert_value(&registry, "gateway_upstream_requests_reused_total", 2.0);
    assert_value(&registry, "gateway_upstream_retries_total", 2.0);
    assert_value(&registry, "gateway_upstream_failures_total{kind=\"connect_refused\"}", 2.0);
    assert_value(&registry, "gateway_upstream_node_requests_total{node=\"10.0.0.7:80\"}", 2.0);
    assert_value(
        &registry,
        "gateway_upstream_node_failures_total{node=\"10.0.0.7:80\",kind=\"connect_refused\"}",
        2.0,
    );
    assert_value(&registry, "gateway_upstream_connect_seconds_bucket{le=\"0.001\"}", 2.0);
    assert_value(&registry, "gateway_upstream_first_byte_seconds_count", 2.0);
    assert_value(&registry, "gateway_upstream_connections_open", 10.0);
    assert_value(&registry, "gateway_upstream_connections_idle", 6.0);
}

#[test]
fn nodes_beyond_the_limit_share_one_name() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    let nodes: Vec<_> =
        (0..NODES_MAX + 10).map(|n| recorder.node(&format!("node{n}:80"))).collect();
    for node in &nodes {
        recorder.upstream_requested(node, false);
    }
    let series = page(&registry)
        .lines()
        .filter(|line| line.starts_with("gateway_upstream_node_requests_total{"))
        .count();
    assert_eq!(series, NODES_MAX + 1);
    assert_value(&registry, "gateway_upstream_node_requests_total{node=\"other\"}", 10.0);
}

#[test]
fn nodes_that_left_make_room() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    for number in 0..3 * NODES_MAX {
        let node = recorder.node(&format!("node{number}:80"));
        recorder.upstream_requested(&node, false);
    }
    assert!(!page(&registry).contains("node=\"other\""));
}

#[test]
fn the_last_reload_is_told_with_its_time_and_revision() {
    let registry = Registry::new(0);
    assert_value(&registry, "gateway_config_last_reload_successful", 0.0);
    registry.control().applied(41, 1_700_000_000_250);
    assert_value(&registry, "gateway_config_last_reload_successful", 1.0);
    registry.control().refused();
    registry.control().set_refused_objects(2);
    assert_value(&registry, "gateway_config_last_reload_successful", 0.0);
    assert_value(&registry, "gateway_config_reloads_total{result=\"applied\"}", 1.0);
    assert_value(&registry, "gateway_config_reloads_total{result=\"refused\"}", 1.0);
    assert_value(&registry, "gateway_config_revision", 41.0);
    assert_value(&registry, "gateway_config_refused_objects", 2.0);
    let when = "gateway_config_last_success_timestamp_seconds";
    assert_value(&registry, when, 1_700_000_000.25);
}

#[test]
fn a_name_with_two_certificates_tells_the_first_to_expire() {
    let registry = Registry::new(0);
    let names = [("a.test", 300), ("*.b.test", 100), ("a.test", 200)];
    registry.control().set_certificates(names.map(|(name, expiry)| (name.to_owned(), expiry)));
    let series = "gateway_tls_certificate_expiry_timestamp_seconds";
    assert_value(&registry, &format!("{series}{{sni=\"a.test\"}}"), 200.0);
    assert_value(&registry, &format!("{series}{{sni=\"*.b.test\"}}"), 100.0);
    registry.control().set_certificates([]);
    assert!(!page(&registry).contains("sni="), "a certificate that is gone has no series");
}

#[test]
fn lines_lost_by_a_log_are_shown() {
    let registry = Registry::new(0);
    let full = LogFile::open(Target::Path("/dev/full".into())).expect("a full disk");
    registry.add_log("access", &full);
    full.write_now(b"one\ntwo\n");
    assert_value(&registry, "gateway_log_lost_lines_total{log=\"access\"}", 2.0);
    assert_value(&registry, "gateway_log_lost_bytes_total{log=\"access\"}", 8.0);
    assert_value(&registry, "gateway_log_last_errno{log=\"access\"}", 28.0);
    assert!(value(&page(&registry), "gateway_log_lost_lines_total{log=\"error\"}").is_some());
}

#[test]
fn values_of_labels_are_escaped() {
    let registry = Registry::new(0);
    registry.control().set_certificates([("a\\b\"c\nd".to_owned(), 1)]);
    assert_value(
        &registry,
        "gateway_tls_certificate_expiry_timestamp_seconds{sni=\"a\\\\b\\\"c\\nd\"}",
        1.0,
    );
}

#[test]
fn this_process_is_described() {
    let page = page(&Registry::new(1_700_000_000_500));
    let start = value(&page, "process_start_time_seconds");
    assert_eq!(start, Some(1_700_000_000.5));
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_threads"] {
        assert!(value(&page, name).is_some_and(|value| value > 0.0), "{name}");
    }
    let version = env!("CARGO_PKG_VERSION");
    assert!(page.contains(&format!("gateway_build_info{{version=\"{version}\"}} 1\n")));
}

#[test]
fn a_command_with_parentheses_does_not_shift_the_fields() {
    let files = |name: &str| match name {
        "stat" => "7 (a) b) S 1 7 7 0 -1 4194304 1 0 0 0 150 50 9 9 20 0 3 0 100 1 1".to_owned(),
        "status" => "Name:\tx\nVmSize:\t 2000 kB\nVmRSS:\t 1000 kB\nThreads:\t3\n".to_owned(),
        "limits" => {
            "Limit  Soft  Hard\nMax open files            1024      4096  files\n".to_owned()
        }
        _ => String::new(),
    };
    let expected = Process {
        cpu_seconds: Some(2.0),
        resident_bytes: Some(1_024_000),
        virtual_bytes: Some(2_048_000),
        threads: Some(3),
        open_fds: None,
        max_fds: Some(1024),
    };
    assert_eq!(Process::parse(files), expected);
}

#[test]
fn where_there_is_no_proc_there_are_no_figures() {
    assert_eq!(Process::parse(|_| String::new()), Process::default());
}

#[test]
fn the_page_is_the_catalogue_in_its_order() {
    let page = page(&Registry::new(0));
    let shown: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let expected: Vec<_> =
        CATALOGUE.iter().map(|f| format!("{} {}", f.name, f.kind.name())).collect();
    assert_eq!(shown, expected);
}

#[test]
fn names_follow_the_rules() {
    let mut seen = HashSet::new();
    for family in CATALOGUE {
        let name = family.name;
        assert!(seen.insert(name), "{name} is used twice");
        assert!(name.starts_with("gateway_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == Kind::Counter, "{name}");
        assert!(family.kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
        assert!(family.help.ends_with('.') && !family.help.contains(['\n', '|', '\\']), "{name}");
    }
}

#[test]
fn open_metrics_names_counters_without_their_suffix_and_ends() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    recorder.request_started();
    recorder.request_finished(&finished(200));
    let page = registry.render(Format::OpenMetrics);
    assert!(page.contains("# TYPE gateway_http_requests counter\n"));
    assert!(page.contains("gateway_http_requests_total{code=\"200\"} 1\n"));
    assert!(page.ends_with("\n# EOF\n"));
}

#[test]
fn both_formats_have_the_same_series() {
    let registry = Registry::new(0);
    let recorder = registry.recorder(0);
    recorder.request_started();
    recorder.request_finished(&finished(200));
    let series = |format| -> Vec<String> {
        let page = registry.render(format);
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').expect("a sample").0.to_owned()).collect()
    };
    assert_eq!(series(Format::Prometheus), series(Format::OpenMetrics));
}

#[test]
fn no_series_stands_twice() {
    let registry = Registry::new(0);
    let _workers = (registry.recorder(0), registry.recorder(1));
    let mut seen = HashSet::new();
    for line in page(&registry).lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').expect("a sample");
        assert!(seen.insert(series.to_owned()), "{series}");
    }
}

#[test]
fn the_format_is_the_one_asked_for() {
    let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    assert_eq!(Format::accepted(Some(prometheus)), Format::OpenMetrics);
    assert_eq!(Format::accepted(Some("*/*")), Format::Prometheus);
    assert_eq!(Format::accepted(None), Format::Prometheus);
    assert!(Format::Prometheus.content_type().contains("version=0.0.4"));
    assert!(Format::OpenMetrics.content_type().starts_with("application/openmetrics-text"));
}

#[test]
fn failures_have_the_flag_and_the_name_of_their_kind() {
    for (position, (kind, name)) in UpstreamFailure::ALL.iter().enumerate() {
        assert_eq!(*kind as usize, position);
        assert_eq!(kind.name(), *name);
    }
    let of = |number| UpstreamFailure::of_connect(&io::Error::from_raw_os_error(number));
    assert_eq!(of(libc::ECONNREFUSED), UpstreamFailure::ConnectRefused);
    assert_eq!(of(libc::EHOSTUNREACH), UpstreamFailure::ConnectUnreachable);
    assert_eq!(of(libc::ENETUNREACH), UpstreamFailure::ConnectUnreachable);
    assert_eq!(of(libc::ETIMEDOUT), UpstreamFailure::ConnectTimeout);
    assert_eq!(of(libc::EMFILE), UpstreamFailure::ConnectLocal);
    assert_eq!(of(libc::EADDRNOTAVAIL), UpstreamFailure::ConnectLocal);
    assert_eq!(UpstreamFailure::ConnectTimeout.flag(), Flag::UpstreamConnect);
    assert_eq!(UpstreamFailure::Closed.flag(), Flag::UpstreamClosed);
}

#[test]
fn states_and_refusals_are_numbered_as_listed() {
    assert!(ConnectionState::ALL.iter().enumerate().all(|(at, (state, _))| *state as usize == at));
    assert!(Refusal::ALL.iter().enumerate().all(|(at, (why, _))| *why as usize == at));
}

#[test]
fn a_scrape_while_workers_count_is_whole() {
    let registry = Registry::new(0);
    std::thread::scope(|scope| {
        let counting = scope.spawn(|| {
            let recorder = registry.recorder(0);
            for _ in 0..20_000 {
                recorder.request_started();
                recorder.request_finished(&finished(200));
            }
        });
        let mut last = 0.0;
        while !counting.is_finished() {
            let found = value(&page(&registry), "gateway_http_request_seconds_count");
            let found = found.expect("a histogram");
            assert!(found >= last, "a counter went back");
            last = found;
        }
    });
    assert_value(&registry, "gateway_http_requests_total{code=\"200\"}", 20_000.0);
}

#[test]
fn the_manual_page_is_the_catalogue() {
    assert_page("docs/metrics.md", &markdown());
}

#[test]
fn routes_are_counted_by_slot_over_all_workers() {
    let registry = Registry::new(0);
    let (one, other) = (registry.recorder(0), registry.recorder(1));
    for (recorder, route, status) in
        [(&one, Some(7), 200), (&other, Some(7), 502), (&one, Some(5_000), 404), (&one, None, 404)]
    {
        recorder.request_started();
        recorder.request_finished(&RequestRecord { status, route, ..Default::default() });
    }
    // Beyond the last chunk nothing is counted, and nothing breaks.
    one.request_started();
    one.request_finished(&RequestRecord { route: Some(u32::MAX), ..Default::default() });
    let total = |requests, errors| RouteTotal { requests, errors };
    let totals = registry.routes([7, 5_000, 8, u32::MAX]);
    assert_eq!(totals, [total(2, 1), total(1, 0), total(0, 0), total(0, 0)]);
}
