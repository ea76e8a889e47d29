//! What the Admin API answers to wrong documents, text by text.

use serde_json::{Value, json};

use super::ADMIN;
use crate::config::{Context, Invalid, Kind, NoPlugins, Origin, validate};

fn refused(kind: Kind, mut document: Value) -> Invalid {
    validate(kind, None, &mut document, &ADMIN).expect_err("refused")
}

fn accepted(kind: Kind, mut document: Value) -> Value {
    validate(kind, None, &mut document, &ADMIN).expect("accepted");
    document
}

fn with(mut document: Value, more: Value) -> Value {
    match (&mut document, more) {
        (Value::Object(members), Value::Object(more)) => members.extend(more),
        _ => panic!("two objects"),
    }
    document
}

/// A route that is right but for `more`.
fn route(more: Value) -> (Kind, Value) {
    (Kind::Route, with(json!({"uri": "/a", "upstream_id": 1}), more))
}

fn upstream(more: Value) -> (Kind, Value) {
    (Kind::Upstream, with(json!({"nodes": {"127.0.0.1:80": 1}}), more))
}

fn pem(length: usize) -> String {
    "x".repeat(length)
}

fn ssl(more: Value) -> (Kind, Value) {
    (Kind::Ssl, with(json!({"sni": "a.com", "cert": pem(128), "key": pem(64)}), more))
}

/// Asserts the text and the pointer of each refusal.
fn told<'a>(rows: impl IntoIterator<Item = ((Kind, Value), &'a str, &'a str)>) {
    for ((kind, document), message, pointer) in rows {
        let invalid = refused(kind, document);
        assert_eq!((invalid.message.as_str(), invalid.pointer.as_str()), (message, pointer));
    }
}

#[test]
fn routes() {
    let rows = [
        (
            route(json!({"host": "a", "hosts": ["b"]})),
            "only one of host or hosts is allowed",
            "/hosts",
        ),
        (
            route(json!({"remote_addr": "::1", "remote_addrs": ["::1"]})),
            "only one of remote_addr or remote_addrs is allowed",
            "/remote_addrs",
        ),
        (
            route(json!({"uris": ["/b"]})),
            "invalid configuration: allOf 1 failed: value should match only one schema, but matches both schemas 1 and 2",
            "",
        ),
        (
            (Kind::Route, json!({"uri": "/a"})),
            "invalid configuration: object matches none of the required: [\"plugins\",\"uri\"] or \
             [\"upstream\",\"uri\"] or [\"upstream_id\",\"uri\"] or [\"service_id\",\"uri\"] or \
             [\"plugins\",\"uris\"] or [\"upstream\",\"uris\"] or [\"upstream_id\",\"uris\"] or \
             [\"service_id\",\"uris\"] or [\"script\",\"uri\"] or [\"script\",\"uris\"]",
            "",
        ),
        (
            route(json!({"id": "a b"})),
            "invalid configuration: property \"id\" validation failed: object matches none of the required",
            "/id",
        ),
        (
            route(json!({"methods": ["GETS"]})),
            "invalid configuration: property \"methods\" validation failed: failed to validate item 1: matches none of the enum values",
            "/methods/0",
        ),
    ];
    told(rows);
}

#[test]
fn fields_of_routes() {
    let rows = [
        (
            route(json!({"host": "a b"})),
            "invalid configuration: property \"host\" validation failed: failed to match pattern \"^\\\\*$|^\\\\*?[0-9a-zA-Z-._\\\\[\\\\]:]+$\" with \"a b\"",
            "/host",
        ),
        (
            route(json!({"remote_addr": "1.2.3"})),
            "invalid configuration: property \"remote_addr\" validation failed: object matches none of the required",
            "/remote_addr",
        ),
        (route(json!({"remote_addr": ":/8"})), "invalid remote_addr: :/8", "/remote_addr"),
        (
            route(json!({"labels": {"env": "a b"}})),
            "invalid configuration: property \"labels\" validation failed: failed to validate env (matching \".*\"): failed to match pattern \"^\\\\S+$\" with \"a b\"",
            "/labels/env",
        ),
        (
            route(json!({"script": "return {}    ", "plugins": {}})),
            "invalid configuration: value wasn't supposed to match schema",
            "",
        ),
        (
            route(json!({"timeout": {"connect": 0, "send": 1, "read": 1}})),
            "invalid configuration: property \"timeout\" validation failed: property \"connect\" validation failed: expected 0 to be greater than 0",
            "/timeout/connect",
        ),
        (
            route(json!({"timeout": {"connect": 1, "send": 1, "read": 1, "total": 0}})),
            "invalid configuration: property \"timeout\" validation failed: property \"total\" validation failed: expected 0 to be greater than 0",
            "/timeout/total",
        ),
        (
            route(json!({"vars": ["a"]})),
            "failed to validate the 'vars' expression: rule should be a table",
            "/vars",
        ),
        (
            route(json!({"upstream": {"nodes": {"a:1": 1}, "type": "chash"}})),
            "missing key",
            "/upstream",
        ),
        (
            route(json!({"pluginz": {}})),
            "invalid configuration: additional properties forbidden, found pluginz",
            "/pluginz",
        ),
    ];
    told(rows);
}

#[test]
fn upstreams() {
    let rows = [
        (
            (Kind::Upstream, json!({"nodes": [{"host": "::1", "port": 1, "weight": 1}]})),
            "invalid configuration: IPv6 address must be enclosed with '[' and ']'",
            "/nodes/0/host",
        ),
        (upstream(json!({"nodes": {"a:70000": 1}})), "invalid port 70000", "/nodes/a:70000"),
        (upstream(json!({"nodes": {"a:0": 1}})), "invalid port 0", "/nodes/a:0"),
        (
            upstream(json!({"nodes": {"a\r\nb:1": 1}})),
            "invalid host of node \"a\\r\\nb:1\"",
            "/nodes/a\r\nb:1",
        ),
        (
            upstream(json!({"nodes": {"a:1": 1}, "scheme": "grpc", "http_version": 1})),
            "gRPC is spoken in HTTP/2 only",
            "/http_version",
        ),
        (
            upstream(json!({"nodes": {"a:1": 1}, "scheme": "tcp", "http_version": 2})),
            "the scheme is not HTTP",
            "/http_version",
        ),
        (
            upstream(json!({"nodes": {"a": 1}, "scheme": "tcp"})),
            "node a needs a port: its scheme has none",
            "/nodes/a",
        ),
        (
            upstream(json!({"nodes": {"a": -1}})),
            "invalid configuration: property \"nodes\" validation failed: object matches none of the required",
            "/nodes",
        ),
        (
            upstream(json!({"service_name": "s", "discovery_type": "dns"})),
            "invalid configuration: value should match only one schema, but matches both schemas 1 and 2",
            "",
        ),
        (
            (Kind::Upstream, json!({})),
            "invalid configuration: value should match only one schema, but matches none",
            "",
        ),
        (
            upstream(json!({"pass_host": "rewrite"})),
            "`upstream_host` can't be empty when `pass_host` is `rewrite`",
            "",
        ),
        (upstream(json!({"type": "chash"})), "missing key", ""),
        (
            upstream(json!({"type": "chash", "key": "not_support"})),
            "invalid configuration: failed to match pattern \"^((uri|server_name|server_addr|request_uri|remote_port|remote_addr|query_string|host|hostname|mqtt_client_id)|arg_[0-9a-zA-z_-]+)$\" with \"not_support\"",
            "/key",
        ),
        (
            upstream(json!({"type": "chash", "key": "$#^@", "hash_on": "header"})),
            "invalid configuration: failed to match pattern \"^[a-zA-Z0-9-_]+$\" with \"$#^@\"",
            "/key",
        ),
    ];
    told(rows);
}

#[test]
fn fields_of_upstreams() {
    let prefix = "invalid configuration: property \"checks\" validation failed: property \"active\" validation failed: ";
    let deep = format!(
        "{prefix}property \"healthy\" validation failed: property \"successes\" validation failed: expected 255 to be at most 254"
    );
    let rows = [
        (
            upstream(json!({"hash_on": "aabbcc"})),
            "invalid configuration: property \"hash_on\" validation failed: matches none of the enum values",
            "/hash_on",
        ),
        (
            upstream(json!({"retries": -1})),
            "invalid configuration: property \"retries\" validation failed: expected -1 to be at least 0",
            "/retries",
        ),
        (
            upstream(json!({"checks": {"passive": {}}})),
            "invalid configuration: property \"checks\" validation failed: object matches none of the required: [\"active\"] or [\"active\",\"passive\"]",
            "/checks",
        ),
        (
            upstream(json!({"checks": {"active": {"healthy": {"successes": 255}}}})),
            &deep,
            "/checks/active/healthy/successes",
        ),
        (
            upstream(json!({"tls": {"client_cert": pem(128)}})),
            "invalid configuration: property \"tls\" validation failed: failed to validate dependent schema for \"client_cert\": property \"client_key\" is required",
            "/tls",
        ),
        (
            upstream(
                json!({"tls": {"client_cert_id": 1, "client_cert": pem(128), "client_key": pem(64)}}),
            ),
            "invalid configuration: property \"tls\" validation failed: failed to validate dependent schema for \"client_cert_id\": value wasn't supposed to match schema",
            "/tls",
        ),
    ];
    told(rows);
}

#[test]
fn certificates_and_consumers() {
    let then = "invalid configuration: then clause did not match";
    let rows = [
        (ssl(json!({"snis": ["b.com"]})), then, ""),
        ((Kind::Ssl, json!({"sni": "a.com", "cert": pem(128)})), then, ""),
        (
            (Kind::Ssl, json!({"type": "client", "cert": pem(128)})),
            "invalid configuration: else clause did not match",
            "",
        ),
        (ssl(json!({"certs": [pem(128)]})), "mismatched number of certs and keys", "/certs"),
        (
            ssl(json!({"certs": [pem(29)]})),
            "invalid configuration: property \"certs\" validation failed: failed to validate item 1: string too short, expected at least 128, got 29",
            "/certs/0",
        ),
        (
            ssl(json!({"ssl_protocols": ["TLSv1.0"]})),
            "invalid configuration: property \"ssl_protocols\" validation failed: failed to validate item 1: matches none of the enum values",
            "/ssl_protocols/0",
        ),
        (
            (Kind::Consumer, json!({})),
            "invalid configuration: property \"username\" is required",
            "",
        ),
        (
            (Kind::Consumer, json!({"username": "jack", "plugins": {"key-auth": {}}})),
            "invalid plugins configuration: failed to check the configuration of plugin key-auth err: property \"key\" is required",
            "/plugins/key-auth",
        ),
        (
            (
                Kind::Credential,
                json!({"plugins": {"key-auth": {"key": "a"}, "limit": {"count": 1}}}),
            ),
            "invalid configuration: property \"plugins\" validation failed: expect object to have at most 1 properties",
            "/plugins",
        ),
        (
            (Kind::Credential, json!({"plugins": {"limit": {"count": 1}}})),
            "only supports auth type plugins in consumer credential",
            "/plugins/limit",
        ),
        (
            (Kind::PluginConfig, json!({"id": 1})),
            "invalid configuration: property \"plugins\" is required",
            "",
        ),
    ];
    told(rows);
}

#[test]
fn other_kinds() {
    let rows = [
        (
            (Kind::GlobalRule, json!({"plugins": {}})),
            "invalid configuration: property \"id\" is required",
            "",
        ),
        (
            (Kind::StreamRoute, json!({"remote_addr": "::/129"})),
            "invalid remote_addr: ::/129",
            "/remote_addr",
        ),
        (
            (Kind::StreamRoute, json!({"protocol": {"name": "redis"}})),
            "unknown protocol [redis]",
            "/protocol",
        ),
        ((Kind::Proto, json!({})), "invalid configuration: property \"content\" is required", ""),
        ((Kind::PluginMetadata, json!({})), "missing plugin name", ""),
        ((Kind::PluginMetadata, json!({"id": "none"})), "invalid plugin name", ""),
        ((Kind::Secret, json!({})), "no secret id", ""),
        ((Kind::Secret, json!({"id": "file/1"})), "invalid secret manager: file", "/id"),
        (
            (Kind::Secret, json!({"id": "vault/1", "uri": "http://[::1]:8200", "prefix": "kv"})),
            "invalid configuration: property \"token\" is required",
            "",
        ),
        (
            (Kind::Secret, json!({"id": "gcp/1"})),
            "invalid configuration: value should match only one schema, but matches none",
            "",
        ),
    ];
    told(rows);
}

#[test]
fn plugins() {
    let with = |plugins: Value| route(json!({"plugins": plugins}));
    let rows = [
        (with(json!({"none": {}})), "unknown plugin [none]", "/plugins/none"),
        (with(json!({"limit": 1})), "invalid plugin conf 1 for plugin [limit]", "/plugins/limit"),
        (
            with(json!({"limit": {"count": "x"}})),
            "failed to check the configuration of plugin limit err: property \"count\" validation failed: wrong type: expected integer, got string",
            "/plugins/limit/count",
        ),
        (
            with(json!({"limit": {"count": 1, "_meta": {"disabled": true}}})),
            "failed to check the configuration of plugin limit err: property \"_meta\" validation failed: additional properties forbidden, found disabled",
            "/plugins/limit/_meta/disabled",
        ),
        (
            with(json!({"limit": {"count": 1, "_meta": {"filter": [1]}}})),
            "failed to validate the 'vars' expression: rule should be a table",
            "/plugins/limit/_meta/filter",
        ),
    ];
    told(rows);
}

#[test]
fn lua_is_refused_with_the_way_to_write_it() {
    let filter = "function(vars) return true end";
    let rows = [
        route(json!({"filter_func": filter})),
        (Kind::Route, json!({"uri": "/a", "script": "return { access = 1 }"})),
        (Kind::Service, json!({"script": "return { access = 1 }"})),
        route(json!({"plugins": {"limit": {"count": 1, "_meta": {"pre_function": filter}}}})),
    ];
    for (kind, document) in rows {
        let invalid = refused(kind, document);
        assert!(invalid.message.contains("Lua") && invalid.message.contains("Python"), "{invalid}");
        assert!(!invalid.pointer.is_empty());
    }
}

#[test]
fn a_disabled_plugin_may_be_wrong() {
    let (kind, document) = route(json!({"plugins": {"limit": {"_meta": {"disable": true}}}}));
    accepted(kind, document);
}

#[test]
fn defaults_of_plugins_are_filled_in() {
    let (kind, document) = route(json!({"plugins": {"key-auth": []}}));
    assert_eq!(accepted(kind, document)["plugins"], json!({"key-auth": {"header": "apikey"}}));
}

#[test]
fn the_origin_decides_about_what_a_data_plane_mends() {
    let of = |origin| Context { catalogue: &NoPlugins, origin };
    let check =
        |kind, mut document: Value, origin| validate(kind, None, &mut document, &of(origin));
    let (kind, unknown) = route(json!({"plugins": {"none": {}}}));
    assert!(check(kind, unknown.clone(), Origin::File).is_err());
    assert!(check(kind, unknown, Origin::Etcd).is_ok());
    let bare = json!({"nodes": [{"host": "::1", "port": 1, "weight": 1}]});
    assert!(check(Kind::Upstream, bare.clone(), Origin::Admin).is_err());
    assert!(check(Kind::Upstream, bare, Origin::File).is_ok());
    assert!(check(Kind::PluginMetadata, json!({"id": "none"}), Origin::File).is_ok());
}

#[test]
fn a_consumer_is_stored_under_its_name() {
    let validate =
        |id| validate(Kind::Consumer, Some(id), &mut json!({"username": "jack"}), &ADMIN);
    assert_eq!(validate("jill").expect_err("refused").message, "wrong username");
    assert!(validate("jack").is_ok());
}

#[test]
fn a_reference_is_refused_where_nothing_would_resolve_it() {
    for more in [
        json!({"scheme": "$env://S"}),
        json!({"pass_host": "rewrite", "upstream_host": "$env://H\r\nx: y"}),
        json!({"nodes": [{"host": "$env://H\r\n", "weight": 1}]}),
        json!({"checks": {"active": {"http_path": "/ HTTP/1.1\r\n"}}}),
    ] {
        let (kind, document) = upstream(more);
        refused(kind, document);
    }
    let (kind, document) = ssl(json!({"cert": "$secret://vault/1/a/cert", "key": "$env://KEY"}));
    accepted(kind, document);
}
