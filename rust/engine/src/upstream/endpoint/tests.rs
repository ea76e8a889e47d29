use std::sync::Arc;

use gateway_core::config::Host;

use super::{Failures, Key, Load, Registry, WarmUp};

fn key(host: &str, port: u16) -> Key {
    Key { host: Host::parse(host).expect("the test names hosts"), port, tls: None }
}

#[test]
fn equal_nodes_share_an_endpoint() {
    let mut registry = Registry::default();
    let a = registry.intern(key("example.com", 80));
    assert!(Arc::ptr_eq(&a, &registry.intern(key("example.com", 80))));
    assert_ne!(a.id, registry.intern(key("example.com", 81)).id);
    assert_eq!(&*a.authority, "example.com:80");
}

#[test]
fn a_number_is_never_given_out_again() {
    let mut registry = Registry::default();
    let first = registry.intern(key("127.0.0.1", 80)).id;
    registry.prune();
    assert_ne!(registry.intern(key("127.0.0.1", 80)).id, first);
}

#[test]
fn ipv6_is_written_in_brackets() {
    let mut registry = Registry::default();
    for host in ["::1", "[::1]"] {
        assert_eq!(&*registry.intern(key(host, 443)).authority, "[::1]:443");
    }
}

#[test]
fn a_dead_node_is_passed_over_longer_each_time() {
    let failures = Failures::default();
    assert!(!failures.passed_over(1));
    failures.failed(1_000);
    assert!(failures.passed_over(1_999) && !failures.passed_over(2_000));
    failures.failed(2_000);
    assert!(failures.passed_over(3_999) && !failures.passed_over(4_000));
    for _ in 0..40 {
        failures.failed(10_000);
    }
    assert!(failures.passed_over(19_999) && !failures.passed_over(20_000));
}

#[test]
fn an_answer_forgives() {
    let failures = Failures::default();
    failures.failed(1_000);
    assert!(failures.answered() && !failures.answered());
    assert!(!failures.passed_over(1_001));
    failures.failed(1_000);
    assert!(!failures.passed_over(2_000), "the first penalty applies again");
}

#[test]
fn an_endpoint_warms_up_from_when_it_is_first_thought_of() {
    let warm_up = WarmUp::default();
    let part = |now_ms| warm_up.part(10_000, now_ms);
    assert!((part(5_000) - 0.1).abs() < 1e-6);
    assert!((part(10_000) - 0.5).abs() < 1e-6);
    assert!((part(15_000) - 1.0).abs() < 1e-6);
    warm_up.restart(20_000);
    assert!((part(20_001) - 0.1).abs() < 1e-6);
}

#[test]
fn an_answer_after_failures_is_a_new_beginning() {
    let endpoint = Registry::default().intern(key("127.0.0.1", 80));
    endpoint.warm_up.restart(1);
    endpoint.answered(50_000);
    assert!(endpoint.warm_up.part(10_000, 50_000) >= 1.0, "it had not failed");
    endpoint.failures.failed(50_000);
    endpoint.answered(60_000);
    assert!(endpoint.warm_up.part(10_000, 60_000) < 1.0);
}

#[test]
fn a_request_counts_until_it_is_let_go() {
    let load = Load::default();
    let held = [load.hold(), load.hold()];
    assert_eq!(load.active(), 2);
    drop(held);
    assert_eq!(load.active(), 0);
}
