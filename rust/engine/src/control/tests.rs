use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use gateway_core::source::Format;
use serde_json::{Value, json};

use super::{ControlSocket, Reply};
use crate::publish::File;
use crate::settings::Settings;
use crate::supervisor::Engine;

const FILE: &str = r#"
routes:
  - id: any
    uri: /*
    upstream: {nodes: {"127.0.0.1:1": 1}}
  - id: orders
    name: orders of shops
    uri: /orders/*
    host: "*.shop.test"
    methods: [GET, PUT]
    upstream_id: u
  - id: version
    uri: /v
    vars: [[http_x_version, "==", "2"], ["OR", [arg_a, "==", "1"], [arg_b, ">", 3]]]
    upstream_id: u
  - id: far
    uri: /far
    host: far.test
    remote_addrs: [10.0.0.0/8]
    upstream_id: missing
  - id: closed
    uri: /off
    host: off.test
    status: 0
    upstream_id: u
upstreams:
  - id: u
    nodes: {"127.0.0.1:2": 1, "node.test:3": 2}
"#;

fn engine(file: &str) -> Engine {
    let engine = Engine::new(Settings::default()).expect("the defaults name no file");
    let file = File { text: file.as_bytes(), format: Format::Yaml, path: "conf/apisix.yaml" };
    engine.publish_file(file, &|_| None).expect("the file is valid");
    engine
}

fn asked(engine: &Engine, path: &str, body: &[u8]) -> Value {
    let Reply { status, body, .. } = engine.ask(path, body);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).expect("answers are JSON")
}

fn tried(engine: &Engine, method: &str, target: &str, headers: &[(&str, &str)]) -> Value {
    let question = json!({ "method": method, "target": target, "headers": headers });
    asked(engine, "/try", question.to_string().as_bytes())
}

fn column(rows: &Value, name: &str) -> Vec<Value> {
    let rows = rows.as_array().expect("a list");
    rows.iter().map(|row| row[name].clone()).collect()
}

#[test]
fn the_server_name_is_that_of_the_host_unless_it_is_an_address() {
    let engine = engine(
        r#"
routes:
  - {id: a, priority: 1, uri: /, vars: [[ssl_server_name, "==", a.test]], upstream_id: u}
  - {id: any, uri: /, vars: [[ssl_server_name, "~~", "."]], upstream_id: u}
upstreams:
  - {id: u, nodes: {"127.0.0.1:2": 1}}
"#,
    );
    let matched = |host: &str| {
        let headers = [["Host", host]];
        let question = json!({"method": "GET", "target": "/", "https": true, "headers": headers});
        asked(&engine, "/try", question.to_string().as_bytes())["matched"]["id"].clone()
    };
    assert_eq!(matched("A.test:443"), "a");
    for address in ["[::1]:443", "[::1]", "127.0.0.1:443"] {
        assert_eq!(matched(address), Value::Null, "{address}");
    }
}

#[test]
fn routes_stand_in_the_order_in_which_they_are_tried() {
    let table = asked(&engine(FILE), "/routes", b"");
    assert_eq!(column(&table, "id"), ["far", "closed", "orders", "version", "any"]);
    let orders = &table[2];
    assert_eq!(orders["methods"], json!(["GET", "PUT"]));
    assert_eq!(orders["source"], json!({ "file": "conf/apisix.yaml", "line": 6, "column": 5 }));
    assert_eq!(orders["upstream"]["id"], "u");
    assert_eq!(orders["upstream"]["nodes"], json!(["127.0.0.1:2", "node.test:3"]));
    assert_eq!(table[0]["upstream"]["error"], "502 the route's upstream is missing");
    assert_eq!(table[1]["enabled"], false);
}

#[test]
fn the_route_that_a_request_takes_is_told_with_those_before_it() {
    let engine = engine(FILE);
    let told = tried(&engine, "PUT", "/%6frders/7?x=1", &[("Host", "a.shop.test:9080")]);
    assert_eq!(told["matched"]["id"], "orders");
    assert_eq!(told["request"]["path"], "/orders/7");
    assert_eq!(told["answer"], Value::Null);
    let told = tried(&engine, "POST", "/orders/7", &[("Host", "a.shop.test")]);
    assert_eq!(told["matched"]["id"], "any");
    let first = &told["candidates"][0];
    assert_eq!((&first["id"], &first["outcome"]), (&json!("orders"), &json!("fails")));
    assert_eq!(first["condition"], "method");
    assert_eq!((&first["wanted"], &first["found"]), (&json!(["GET", "PUT"]), &json!("POST")));
}

#[test]
fn of_an_expression_the_conditions_that_decided_are_told() {
    let engine = engine(FILE);
    let told = tried(&engine, "GET", "/v", &[("Host", "a"), ("X-Version", "1")]);
    let decisive = &told["candidates"][0]["decisive"];
    let condition = json!(["http_x_version", "==", "2"]);
    assert_eq!(decisive, &json!([{ "condition": condition, "found": "1", "holds": false }]));
    let told = tried(&engine, "GET", "/v?b=3", &[("Host", "a"), ("X-Version", "2")]);
    let decisive = &told["candidates"][0]["decisive"];
    assert_eq!(
        column(decisive, "condition"),
        [json!(["arg_a", "==", "1"]), json!(["arg_b", ">", 3])]
    );
    assert_eq!(column(decisive, "found"), [Value::Null, json!("3")]);
}

#[test]
fn where_no_route_matches_the_nearest_are_told() {
    let file = FILE.replace("uri: /*", "uri: /else");
    let engine = engine(&file);
    let told = tried(&engine, "GET", "/far", &[("Host", "near.test")]);
    assert_eq!((&told["matched"], &told["answer"]["status"]), (&Value::Null, &json!(404)));
    assert_eq!(
        (&told["near"][0]["id"], &told["near"][0]["condition"]),
        (&json!("far"), &json!("host"))
    );
    let told = tried(&engine, "GET", "/off", &[("Host", "off.test")]);
    assert_eq!(told["near"][0]["condition"], "status");
    let told = tried(&engine, "GET", "/fa", &[("Host", "far.test")]);
    assert_eq!(
        (&told["near"][0]["id"], &told["near"][0]["condition"]),
        (&json!("far"), &json!("path"))
    );
}

#[test]
fn the_peer_is_who_the_question_says() {
    let engine = engine(FILE);
    let mut question =
        json!({ "method": "GET", "target": "/far", "headers": [["Host", "far.test"]] });
    let told = asked(&engine, "/try", question.to_string().as_bytes());
    assert_eq!(told["candidates"][0]["wanted"], json!(["10.0.0.0/8"]));
    assert_eq!(told["candidates"][0]["found"], "127.0.0.1");
    question["remote_addr"] = json!("10.1.2.3");
    let told = asked(&engine, "/try", question.to_string().as_bytes());
    assert_eq!((&told["matched"]["id"], &told["answer"]["status"]), (&json!("far"), &json!(502)));
}

#[test]
fn a_body_decides_where_an_expression_asks_for_it() {
    let file = "routes:\n  - {id: b, uri: /b, vars: [[post_arg.model, '==', small]], upstream: {nodes: {'127.0.0.1:1': 1}}}\n";
    let engine = engine(file);
    let headers = json!([["Host", "a"], ["Content-Type", "application/json"]]);
    let mut question = json!({ "method": "POST", "target": "/b", "headers": headers });
    let told = asked(&engine, "/try", question.to_string().as_bytes());
    assert_eq!(told["candidates"][0]["outcome"], "needs_body");
    assert_eq!((&told["matched"], &told["answer"]), (&Value::Null, &Value::Null));
    question["body"] = json!("{\"model\": \"small\"}");
    let told = asked(&engine, "/try", question.to_string().as_bytes());
    assert_eq!(told["matched"]["id"], "b");
}

#[test]
fn what_is_no_request_is_answered_as_a_client_would_be() {
    let engine = engine(FILE);
    let told = tried(&engine, "GET", "/", &[("Host", "a"), ("Content-Length", "x")]);
    assert_eq!(told["answer"]["status"], 400);
    let told = tried(&engine, "TRACE", "/", &[("Host", "a")]);
    assert_eq!(told["answer"]["status"], 405);
    let smuggled = json!({ "method": "GET", "target": "/", "headers": [["Host", "a\r\nX: y"]] });
    assert_eq!(engine.ask("/try", smuggled.to_string().as_bytes()).status, 400);
    assert_eq!(engine.ask("/try", b"{").status, 400);
    assert_eq!(engine.ask("/nothing", b"").status, 404);
}

#[test]
fn a_refused_file_is_named_in_the_status() {
    let engine = engine(FILE);
    let file = File { text: b"routes: 1", format: Format::Yaml, path: "conf/apisix.yaml" };
    engine.publish_file(file, &|_| None).expect_err("it is wrong");
    let status = asked(&engine, "/status", b"");
    assert_eq!(status["reload"]["ok"], false);
    let problem = status["reload"]["problems"][0].as_str().expect("a text");
    assert!(problem.starts_with("conf/apisix.yaml:1:"), "{problem}");
}

#[test]
fn upstreams_are_told_with_the_state_of_their_nodes() {
    let engine = engine(FILE);
    let upstreams = asked(&engine, "/upstreams", b"");
    assert_eq!(column(&upstreams, "name"), ["upstream u", "route any"]);
    assert_eq!(column(&upstreams[0]["nodes"], "state"), ["up", "up"]);
    assert_eq!(asked(&engine, "/nodes/down", b""), json!({}));
    let (_, upstream) = engine.publisher().upstreams().swap_remove(0);
    upstream.nodes[1].endpoint.failures.failed(engine.shared().now_ms());
    assert_eq!(asked(&engine, "/nodes/down", b""), json!({ "node.test:3": "failing" }));
    let upstreams = asked(&engine, "/upstreams", b"");
    assert_eq!(column(&upstreams[0]["nodes"], "state"), ["up", "failing"]);
}

/// A path of its own under the system's folder for such.
fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("gatewright-{}-{name}", std::process::id()))
}

fn open(path: &Path) -> std::io::Result<ControlSocket> {
    ControlSocket::open(path, |path, body| Reply {
        status: 200,
        content_type: "text/plain",
        body: [path.as_bytes(), b" ", body].concat(),
    })
}

fn exchanged(path: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(path).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    answer
}

#[test]
fn the_socket_speaks_http_to_its_owner_and_goes_with_its_holder() {
    let path = place("owner.sock");
    let socket = open(&path).expect("the folder is writable");
    let mode = path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let answer = exchanged(&path, "GET /status HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n/status "), "{answer}");
    let post = "POST /try HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
    assert!(exchanged(&path, post).ends_with("/try {}"));
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn what_the_socket_does_not_take_is_refused() {
    let path = place("refusing.sock");
    let _socket = open(&path).expect("the folder is writable");
    let refused = |request: &str| exchanged(&path, request)[9..12].to_owned();
    assert_eq!(refused("GET /try HTTP/1.1\r\nHost: a\r\n\r\n"), "405");
    assert_eq!(refused("PUT /status HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), "405");
    assert_eq!(refused("GET /status\r\n\r\n"), "400");
    assert_eq!(
        refused("POST /try HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "413"
    );
}

#[test]
fn a_socket_left_behind_is_replaced_and_another_file_is_not() {
    let path = place("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("the folder is writable"));
    drop(open(&path).expect("what was left behind is replaced"));
    std::fs::write(&path, "mine").expect("the folder is writable");
    open(&path).expect_err("that is no socket");
    assert_eq!(std::fs::read_to_string(&path).expect("it is kept"), "mine");
    std::fs::remove_file(&path).expect("it is there");
}
