use std::cell::RefCell;
use std::sync::Arc;

use gateway_core::config::{Checks, Host, PassHost};
use serde_json::{Value, json};

use super::tally::{Seen, Status, Tally};
use super::{Checker, Health, Probe};
use crate::observe::metrics::UpstreamFailure;
use crate::upstream::endpoint::{Key, Registry};

/// The tally after all of `seen`, each with the limit that APISIX's active checks have for it.
fn after(mut tally: Tally, seen: impl IntoIterator<Item = Seen>) -> Tally {
    for seen in seen {
        let limit = match seen {
            Seen::Success | Seen::TcpFailure => 2,
            Seen::HttpFailure => 5,
            Seen::Timeout => 3,
        };
        tally = tally.after(seen, limit);
    }
    tally
}

fn unhealthy() -> Tally {
    after(Tally::default(), [Seen::TcpFailure, Seen::TcpFailure])
}

#[test]
fn a_node_starts_healthy_and_counts_no_successes() {
    let tally = after(Tally::default(), [Seen::Success; 9]);
    assert_eq!(tally, Tally::default());
    assert_eq!(tally.status, Status::Healthy);
}

#[test]
fn each_sort_of_failure_has_its_own_limit() {
    for (seen, limit) in [(Seen::HttpFailure, 5), (Seen::TcpFailure, 2), (Seen::Timeout, 3)] {
        let before = after(Tally::default(), vec![seen; limit - 1]);
        assert_eq!(before.status, Status::MostlyHealthy, "{seen:?}");
        assert!(before.status.usable());
        assert_eq!(usize::from(before.count(seen)), limit - 1);
        let tally = after(before, [seen]);
        assert_eq!(tally.status, Status::Unhealthy, "{seen:?}");
        assert!(!tally.status.usable());
    }
}

#[test]
fn failures_of_different_sorts_do_not_add_up() {
    let tally = after(Tally::default(), [Seen::Timeout, Seen::TcpFailure, Seen::Timeout]);
    assert_eq!(tally.status, Status::MostlyHealthy);
    assert_eq!((tally.count(Seen::Timeout), tally.count(Seen::TcpFailure)), (2, 1));
}

#[test]
fn a_success_forgets_the_failures() {
    let tally = after(Tally::default(), [Seen::TcpFailure, Seen::Success, Seen::TcpFailure]);
    assert_eq!(tally.status, Status::MostlyHealthy);
    assert_eq!(tally.count(Seen::TcpFailure), 1);
}

#[test]
fn successes_bring_a_node_back() {
    let once = after(unhealthy(), [Seen::Success]);
    assert_eq!(once.status, Status::MostlyUnhealthy);
    assert!(!once.status.usable());
    assert_eq!(after(once, [Seen::Success]).status, Status::Healthy);
}

#[test]
fn a_failure_forgets_the_successes() {
    let tally = after(unhealthy(), [Seen::Success, Seen::Timeout, Seen::Success]);
    assert_eq!(tally.status, Status::MostlyUnhealthy);
    assert_eq!(tally.count(Seen::Success), 1);
}

#[test]
fn an_unhealthy_node_counts_no_failures() {
    assert_eq!(after(unhealthy(), [Seen::Timeout; 9]), unhealthy());
}

#[test]
fn a_limit_of_nothing_never_settles() {
    let mut tally = Tally::default();
    for _ in 0..300 {
        tally = tally.after(Seen::Timeout, 0);
    }
    assert_eq!(tally, Tally::default());
}

#[test]
fn the_highest_limit_is_reached() {
    let mut tally = Tally::default();
    for _ in 0..254 {
        assert!(tally.status.usable());
        tally = tally.after(Seen::Timeout, 254);
    }
    assert_eq!(tally.status, Status::Unhealthy);
}

#[test]
fn a_tally_keeps_in_its_bits() {
    for seen in [Seen::Success, Seen::HttpFailure, Seen::TcpFailure, Seen::Timeout] {
        for start in [Tally::default(), unhealthy()] {
            let tally = after(start, [seen, seen]);
            assert_eq!(Tally::from_bits(tally.to_bits()), tally);
        }
    }
}

thread_local! {
    static REGISTRY: RefCell<Registry> = RefCell::default();
}

fn key(port: u16) -> Key {
    Key { host: Host::parse("127.0.0.1").expect("an address"), port, tls: None }
}

fn checker(document: Value, ports: &[u16], before: Option<&Arc<Checker>>) -> Arc<Checker> {
    let checks: Checks = serde_json::from_value(document).expect("the document is valid");
    let probe = Probe::new(&checks.active, &PassHost::Pass, None).expect("it can be sent");
    REGISTRY.with_borrow_mut(|registry| {
        let endpoints: Vec<_> = ports.iter().map(|port| registry.intern(key(*port))).collect();
        let (owner, before) = ("upstreams/1".into(), before.cloned());
        Checker::new(owner, &checks, probe, endpoints.iter(), before)
    })
}

fn statuses(checker: &Checker) -> Vec<Status> {
    checker.nodes.iter().map(|node| node.tally().status).collect()
}

const STRICT: &str = r#"{
    "active": {},
    "passive": {"healthy": {"successes": 1}, "unhealthy": {"http_failures": 2, "timeouts": 1}}
}"#;

fn strict() -> Value {
    serde_json::from_str(STRICT).expect("it is JSON")
}

#[test]
fn live_traffic_takes_a_node_out_and_brings_it_back() {
    let health = Health::default();
    let checker = checker(strict(), &[1], None);
    let (node, turned) = (&checker.nodes[0], health.turned());
    checker.answered(&health, node, 500, 10);
    assert!(node.usable());
    checker.answered(&health, node, 503, 20);
    assert!(!node.usable());
    assert_eq!(node.last_turned_us(), 20);
    assert!(turned.has_changed().expect("the sender lives"), "the workers are told");
    checker.answered(&health, node, 200, 30);
    assert!(node.usable());
    assert_eq!(node.last_turned_us(), 20, "connections of before are still not to be trusted");
}

#[test]
fn a_status_in_neither_list_says_nothing() {
    let health = Health::default();
    let checker = checker(strict(), &[1], None);
    for status in [404, 101, 599, 0, 999] {
        checker.answered(&health, &checker.nodes[0], status, 1);
    }
    assert_eq!(checker.nodes[0].tally(), Tally::default());
}

#[test]
fn what_the_gateway_lacks_is_no_fault_of_the_node() {
    let health = Health::default();
    let checker = checker(strict(), &[1], None);
    for how in [UpstreamFailure::ConnectLocal, UpstreamFailure::Unhealthy] {
        checker.failed(&health, &checker.nodes[0], how, 1);
    }
    assert_eq!(checker.nodes[0].tally(), Tally::default());
    checker.failed(&health, &checker.nodes[0], UpstreamFailure::Timeout, 1);
    assert_eq!(statuses(&checker), [Status::Unhealthy]);
}

#[test]
fn without_passive_checks_traffic_says_nothing() {
    let health = Health::default();
    let checker = checker(json!({"active": {}}), &[1], None);
    for _ in 0..9 {
        checker.answered(&health, &checker.nodes[0], 500, 1);
        checker.failed(&health, &checker.nodes[0], UpstreamFailure::Timeout, 1);
    }
    assert_eq!(checker.nodes[0].tally(), Tally::default());
}

#[test]
fn the_same_checks_of_the_same_nodes_go_on() {
    let first = checker(strict(), &[1, 2], None);
    assert!(Arc::ptr_eq(&first, &checker(strict(), &[1, 2, 2], Some(&first))));
}

#[test]
fn a_node_keeps_its_state_when_others_come_and_the_checks_change() {
    let health = Health::default();
    let first = checker(strict(), &[1, 2], None);
    first.failed(&health, &first.nodes[1], UpstreamFailure::Timeout, 1);
    let second = checker(json!({"active": {"http_path": "/up"}}), &[3, 2], Some(&first));
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(statuses(&second), [Status::Healthy, Status::Unhealthy]);
}

#[test]
fn what_is_no_request_is_refused_with_its_place() {
    let refused = |document: Value| {
        let checks: Checks = serde_json::from_value(document).expect("the document is valid");
        Probe::new(&checks.active, &PassHost::Pass, None).expect_err("it cannot be sent").0
    };
    let headers = json!(["A: b", "no header"]);
    assert_eq!(refused(json!({"active": {"req_headers": headers}})), "/active/req_headers/1");
    assert_eq!(refused(json!({"active": {"http_path": "status"}})), "/active/http_path");
}

#[test]
fn a_change_is_told_once_and_only_if_it_is_one() {
    use gateway_core::config::Kind;
    let health = Health::default();
    let checker = checker(strict(), &[1], None);
    health.set(Kind::Upstream, "1", None);
    assert!(health.take_changed().is_empty());
    health.set(Kind::Upstream, "1", Some(&checker));
    assert!(matches!(&health.take_changed()[..], [(owner, Some(_))] if &**owner == "upstreams/1"));
    health.set(Kind::Upstream, "1", Some(&checker));
    assert!(health.take_changed().is_empty());
    health.set(Kind::Upstream, "1", None);
    assert!(matches!(&health.take_changed()[..], [(_, None)]));
    assert!(health.get("upstreams/1").is_none());
}
