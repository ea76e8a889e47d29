use std::sync::Arc;

use gateway_core::config::Host;

use super::{Failures, Key, Registry};

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
    failures.answered();
    assert!(!failures.passed_over(1_001));
    failures.failed(1_000);
    assert!(!failures.passed_over(2_000), "the first penalty applies again");
}
