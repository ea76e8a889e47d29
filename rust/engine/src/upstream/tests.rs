use std::sync::Arc;

use gateway_core::config::{self, Kind, Resource};
use gateway_net::pool;
use serde_json::{Value, json};

use super::endpoint::Registry;
use super::{Defaults, Timeouts, Upstream};
use crate::tls::Identities;

/// An upstream of a document as the Admin API takes it.
pub(crate) fn upstream(document: Value) -> Upstream {
    try_upstream(document).expect("the test's upstream is served")
}

pub(crate) fn try_upstream(document: Value) -> Result<Upstream, (&'static str, String)> {
    let decoded = config::decode(Kind::Upstream, "u", document).expect("the document is valid");
    let Resource::Upstream(config) = decoded else { unreachable!("it is an upstream") };
    let keepalive = pool::Limits { size: 7, idle_ms: 8, requests: 9 };
    let defaults = Defaults { ca: None, keepalive, checks: true };
    Upstream::build(&config, 1, &mut Registry::default(), &mut Identities::default(), &defaults)
}

#[test]
fn each_node_is_tried_once_unless_the_document_says_less() {
    let nodes = json!({"127.0.0.1:1": 1, "127.0.0.1:2": 1, "127.0.0.1:3": 1});
    assert_eq!(upstream(json!({"nodes": nodes})).tries(), 3);
    assert_eq!(upstream(json!({"nodes": nodes, "retries": 0})).tries(), 1);
    assert_eq!(upstream(json!({"nodes": nodes, "retries": 1})).tries(), 2);
    assert_eq!(upstream(json!({"nodes": nodes, "retries": 9})).tries(), 3);
    assert_eq!(upstream(json!({"nodes": {"127.0.0.1:1": 1, "127.0.0.1:2": 0}})).tries(), 1);
    assert_eq!(upstream(json!({"nodes": {"127.0.0.1:1": 0}})).tries(), 1);
}

#[test]
fn the_schemes_port_is_left_out_of_host() {
    let host = |document: Value| upstream(document).nodes[0].host_header.to_string();
    assert_eq!(host(json!({"nodes": {"a.test:80": 1}})), "a.test");
    assert_eq!(host(json!({"nodes": {"a.test:8080": 1}})), "a.test:8080");
    assert_eq!(host(json!({"nodes": {"a.test": 1}})), "a.test");
    assert_eq!(host(json!({"nodes": [{"host": "[::1]", "port": 81, "weight": 1}]})), "[::1]:81");
}

#[test]
fn a_slow_node_is_left_after_five_seconds_by_default() {
    let document = json!({"nodes": {"127.0.0.1:1": 1}});
    assert_eq!(upstream(document).timeouts, Timeouts::default());
    assert_eq!(Timeouts::default().connect, 5_000_000);
    let timeout = json!({"connect": 0.5, "send": 1, "read": 2, "total": 3});
    let document = json!({"nodes": {"127.0.0.1:1": 1}, "timeout": timeout});
    let wanted = Timeouts { connect: 500_000, send: 1_000_000, read: 2_000_000, total: 3_000_000 };
    assert_eq!(upstream(document).timeouts, wanted);
}

#[test]
fn equal_nodes_of_one_upstream_share_an_endpoint() {
    let node = json!({"host": "127.0.0.1", "port": 1, "weight": 1});
    let upstream = upstream(json!({"nodes": [node, node]}));
    assert!(Arc::ptr_eq(&upstream.nodes[0].endpoint, &upstream.nodes[1].endpoint));
}

#[test]
fn the_settings_pool_holds_unless_the_document_has_its_own() {
    let nodes = json!({"127.0.0.1:1": 1});
    let pool = upstream(json!({"nodes": nodes})).keepalive;
    assert_eq!(pool, pool::Limits { size: 7, idle_ms: 8, requests: 9 });
    let own = json!({"size": 1, "idle_timeout": 2, "requests": 3});
    let pool = upstream(json!({"nodes": nodes, "keepalive_pool": own})).keepalive;
    assert_eq!(pool, pool::Limits { size: 1, idle_ms: 2_000, requests: 3 });
}
