//! What documents become.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::ADMIN;
use crate::config::{
    Balancer, ClientCertificate, HashKey, Host, Kind, PassHost, ProbeType, Resource, RetryBudget,
    Scheme, Secret, Targets, TlsVersion, Upstream, Usage, decode, validate,
};
use crate::method::Method;

fn decoded(kind: Kind, id: &str, mut document: Value) -> Resource {
    let context = crate::config::Context { origin: crate::config::Origin::File, ..ADMIN };
    validate(kind, Some(id), &mut document, &context).expect("accepted");
    decode(kind, id, &document).expect("decoded")
}

fn upstream(document: Value) -> Arc<Upstream> {
    match decoded(Kind::Upstream, "1", document) {
        Resource::Upstream(upstream) => upstream,
        other => panic!("not an upstream: {other:?}"),
    }
}

/// `host port weight priority` of each node.
fn nodes(document: Value) -> Vec<String> {
    match &upstream(document).targets {
        Targets::Nodes(nodes) => nodes
            .iter()
            .map(|n| format!("{} {} {} {}", n.host, n.port, n.weight, n.priority))
            .collect(),
        Targets::Discovered { .. } => Vec::new(),
    }
}

#[test]
fn nodes_are_a_map_or_a_list() {
    assert_eq!(
        nodes(json!({"nodes": {"b.com:8080": 2, "10.0.0.1:80": 0, "[::1]:443": 1}})),
        ["b.com 8080 2 0", "10.0.0.1 80 0 0", "[::1] 443 1 0"]
    );
    assert_eq!(
        nodes(json!({"nodes": [
            {"host": "a", "port": 1.0, "weight": 1, "priority": -1}, {"host": "[::1]", "weight": 1e12},
            {"host": "::1", "port": 2, "weight": 1},
        ]})),
        ["a 1 1 -1", "[::1] 80 4294967295 0", "[::1] 2 1 0"]
    );
    assert_eq!(nodes(json!({"nodes": []})), Vec::<String>::new());
}

#[test]
fn grpc_is_http_2_and_http_if_it_says_so() {
    let http2 = |more: Value| {
        let mut document = more;
        document["nodes"] = json!({"a:1": 1});
        upstream(document).http2
    };
    assert!(http2(json!({"scheme": "grpc"})));
    assert!(http2(json!({"scheme": "grpcs", "http_version": 2})));
    assert!(http2(json!({"scheme": "https", "http_version": 2})));
    assert!(http2(json!({"http_version": 2.0})));
    assert!(!http2(json!({"http_version": 1})));
    assert!(!http2(json!({})));
}

#[test]
fn a_node_without_port_has_the_schemes() {
    let ports =
        |scheme: &str| nodes(json!({"nodes": {"a": 1, "[::1]": 1, "::2": 1}, "scheme": scheme}));
    assert_eq!(ports("http"), ["a 80 1 0", "[::1] 80 1 0", "[::2] 80 1 0"]);
    assert_eq!(ports("grpcs"), ["a 443 1 0", "[::1] 443 1 0", "[::2] 443 1 0"]);
}

#[test]
fn hosts_are_addresses_or_names() {
    let v6 = Host::Address(IpAddr::V6(Ipv6Addr::LOCALHOST));
    assert_eq!(Host::parse("::1"), Some(v6.clone()));
    assert_eq!(Host::parse("[::1]"), Some(v6));
    assert_eq!(Host::parse("[::g]"), Some(Host::Name("[::g]".into())));
    assert_eq!(Host::parse("a b"), None);
    assert_eq!(Host::parse(""), None);
}

#[test]
fn an_upstream_has_its_defaults() {
    let upstream = upstream(json!({"nodes": {}}));
    assert_eq!(&*upstream.id, "1");
    assert_eq!(upstream.balancer, Balancer::RoundRobin);
    assert_eq!((upstream.scheme, &upstream.pass_host), (Scheme::Http, &PassHost::Pass));
    assert_eq!(upstream.keepalive_pool.size, 320);
    assert_eq!((upstream.retries, upstream.retry_timeout, upstream.timeout), (None, None, None));
    assert!(upstream.tls.verify && upstream.tls.ca.is_none() && upstream.checks.is_none());
    assert_eq!(upstream.retry_budget, RetryBudget { percent: 20, min_per_second: 10 });
    assert_eq!(upstream.slow_start, Duration::ZERO);
}

#[test]
fn an_upstream_has_what_it_says() {
    let upstream = upstream(json!({
        "service_name": "s", "discovery_type": "dns", "type": "chash", "key": "arg_x", "scheme": "https",
        "pass_host": "rewrite", "upstream_host": "a.com", "retries": 0, "retry_timeout": 1.5,
        "timeout": {"connect": 1e-9, "send": 2, "read": 1e300, "total": 3},
        "tls": {"verify": false, "client_cert_id": 7}, "keepalive_pool": {"size": 1, "idle_timeout": 0},
        "retry_budget": {"percent": 50}, "slow_start": 2.5,
    }));
    assert!(
        matches!(&upstream.targets, Targets::Discovered { service_name, .. } if service_name == "s")
    );
    assert_eq!(upstream.balancer, Balancer::ConsistentHash(HashKey::Variable("arg_x".into())));
    assert_eq!(upstream.pass_host, PassHost::Rewrite("a.com".into()));
    assert_eq!(
        (upstream.retries, upstream.retry_timeout),
        (Some(0), Some(Duration::from_millis(1500)))
    );
    let timeout = upstream.timeout.expect("given");
    assert_eq!((timeout.connect, timeout.send), (Duration::from_millis(1), Duration::from_secs(2)));
    assert_eq!(
        (timeout.read, timeout.total),
        (Duration::from_secs(1_000_000_000), Some(Duration::from_secs(3)))
    );
    assert!(!upstream.tls.verify);
    assert_eq!(upstream.tls.client_certificate, Some(ClientCertificate::Ssl("7".into())));
    assert_eq!((upstream.keepalive_pool.size, upstream.keepalive_pool.requests), (1, 1000));
    assert_eq!(upstream.retry_budget, RetryBudget { percent: 50, min_per_second: 10 });
    assert_eq!(upstream.slow_start, Duration::from_millis(2500));
}

#[test]
fn health_checks_have_the_schemas_defaults() {
    let checks = upstream(
        json!({"nodes": {}, "checks": {"active": {"type": "tcp"}, "passive": {"healthy": {}}}}),
    );
    let checks = checks.checks.clone().expect("given");
    assert_eq!(checks.active.probe, ProbeType::Tcp);
    assert_eq!(checks.active.healthy.http_statuses, [200, 302]);
    let full = upstream(json!({"nodes": {}, "checks": {
        "active": {"type": "tcp", "healthy": {}, "unhealthy": {}},
        "passive": {"healthy": {}, "unhealthy": {}},
    }}));
    assert_eq!(
        full.checks,
        Some(checks),
        "filled by the schema or here, the defaults are the same"
    );
}

#[test]
fn a_route_unites_one_and_many() {
    let Resource::Route(route) = decoded(
        Kind::Route,
        "r",
        json!({
            "uri": "/a", "host": "*.A.com", "remote_addrs": ["10.0.0.0/8", "::1"], "methods": ["GET", "PURGE"],
            "priority": 1e300, "status": 0, "service_id": 3,
            "upstream": {"nodes": {"a": 1}},
        }),
    ) else {
        panic!()
    };
    assert_eq!((route.uris[0].as_str(), route.hosts[0].as_str()), ("/a", "*.a.com"));
    assert_eq!(route.remote_addrs.iter().map(|n| n.prefix).collect::<Vec<_>>(), [8, 128]);
    assert!(route.methods.allows(Method::Purge) && !route.methods.allows(Method::Post));
    assert_eq!((route.priority, route.enabled), (i64::MAX, false));
    assert_eq!(route.service_id.as_deref(), Some("3"));
    assert!(route.upstream.as_ref().is_some_and(|upstream| upstream.id.is_empty()));
}

#[test]
fn a_route_without_methods_takes_any() {
    for document in [
        json!({"uri": "/", "upstream_id": 1}),
        json!({"uri": "/", "upstream_id": 1, "methods": []}),
    ] {
        let Resource::Route(route) = decoded(Kind::Route, "r", document) else { panic!() };
        assert!(route.methods.allows(Method::Get) && route.methods.is_any());
        assert!(Method::of(b"PROPFIND").is_some_and(|method| route.methods.allows(method)));
    }
}

#[test]
fn certificates_come_in_pairs_and_keys_stay_hidden() {
    let (cert, key) = ("c".repeat(128), "k".repeat(64));
    let Resource::Ssl(ssl) = decoded(
        Kind::Ssl,
        "1",
        json!({
            "snis": ["A.com", "*"], "cert": cert, "key": key, "certs": [cert], "keys": [key],
            "client": {"ca": cert}, "ssl_protocols": ["TLSv1.3"],
        }),
    ) else {
        panic!()
    };
    assert_eq!((ssl.usage, ssl.pairs.len(), ssl.enabled), (Usage::Server, 2, true));
    assert_eq!(ssl.snis, ["a.com", "*"]);
    assert_eq!(ssl.protocols, [TlsVersion::V1_3]);
    assert_eq!(ssl.client.as_ref().map(|client| client.depth), Some(1));
    assert_eq!(ssl.pairs[1].key.reveal(), key);
    assert!(!format!("{ssl:?}").contains(&key));
}

#[test]
fn a_credential_knows_its_consumer() {
    let document = json!({"plugins": {"key-auth": {"key": "a"}}});
    let Resource::Credential(one) = decoded(Kind::Credential, "jack/credentials/c1", document)
    else {
        panic!()
    };
    assert_eq!((&*one.consumer, &*one.id), ("jack", "c1"));
}

#[test]
fn stream_routes_speak_tcp_unless_told_otherwise() {
    let document = json!({"upstream": {"nodes": {"a:1": 1}}, "remote_addr": "10.0.0.0/8"});
    let Resource::StreamRoute(route) = decoded(Kind::StreamRoute, "1", document) else { panic!() };
    assert_eq!(route.upstream.as_ref().map(|upstream| upstream.scheme), Some(Scheme::Tcp));
}

#[test]
fn secrets_are_told_apart_by_their_ids() {
    let document = json!({"access_key_id": "a", "secret_access_key": "$env://B"});
    let Resource::Secret(secret) = decoded(Kind::Secret, "aws/1", document) else { panic!() };
    let Secret::Aws(id, aws) = &*secret else { panic!() };
    assert_eq!((&**id, aws.region.as_str()), ("aws/1", "us-east-1"));
    assert_eq!(aws.secret_access_key.reveal(), "$env://B");
}
