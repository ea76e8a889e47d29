//! Routing among 100,000 routes: what a request pays to find its route, and what one changed
//! route costs until the next request finds it.

use std::net::{IpAddr, Ipv4Addr};

use divan::Bencher;
use gateway_core::config::Origin;
use gateway_core::method::Method;
use gateway_engine::matching::{MatchInput, RouteSpec, Router, RouterKind};
use gateway_engine::publish::{Change, Mode};
use gateway_engine::settings::Settings;
use gateway_engine::supervisor::Engine;
use gateway_kit::expr::{Value, Variables};
use serde_json::{Value as Json, json};

fn main() {
    divan::main();
}

const ROUTES: usize = 100_000;
const HOSTS: usize = 100;

fn host(route: usize) -> String {
    format!("team-{}.example.com", route % HOSTS)
}

fn uri(route: usize) -> String {
    format!("/api/v{}/service-{}/*", route % 3, route / HOSTS)
}

/// Visits every route, in an order that defeats the caches' guesses.
fn scattered(turn: usize) -> usize {
    turn * 7919 % ROUTES
}

/// What a request asks the router with.
struct Request {
    host: String,
    path: String,
}

impl Variables<String> for Request {
    fn value(&self, _: &String) -> Value<'_> {
        Value::Missing
    }
}

impl MatchInput<String> for Request {
    fn method(&self) -> Method {
        Method::Get
    }

    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    fn host(&self) -> &[u8] {
        self.host.as_bytes()
    }

    fn host_with_port(&self) -> &[u8] {
        self.host.as_bytes()
    }

    fn remote_addr(&self) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn body_limit(&self, _: &String) -> Option<usize> {
        None
    }
}

/// Each route has one of a hundred hosts and one of a thousand prefixes.
#[divan::bench(sample_size = 1000)]
fn find_among_100_000(bencher: Bencher<'_, '_>) {
    let mut router = Router::new(RouterKind::HostUri);
    for route in 0..ROUTES {
        let (id, uris, hosts) = (route.to_string(), [uri(route)], [host(route)]);
        let spec = RouteSpec { id: &id, uris: &uris, hosts: &hosts, ..RouteSpec::default() };
        let filed = router.insert(&spec, route, &mut |name| Ok(name.to_owned()));
        filed.expect("the paths are plain prefixes");
    }
    let path = |route| uri(route).replace('*', "orders/17");
    let requests: Vec<Request> = (0..ROUTES)
        .map(scattered)
        .map(|route| Request { host: host(route), path: path(route) })
        .collect();
    let mut turn = 0;
    bencher.bench_local(|| {
        turn = (turn + 1) % ROUTES;
        let found = router.find(&requests[turn]).found();
        *found.expect("every request has a route").route.payload()
    });
}

/// From the changed document to the snapshot that workers take up with their next request:
/// validated, built, published.
#[divan::bench]
fn publish_one_of_100_000(bencher: Bencher<'_, '_>) {
    let engine = Engine::new(Settings::default()).expect("the defaults are valid");
    let upstream = json!({ "type": "roundrobin", "nodes": { "127.0.0.1:1980": 1 } });
    let mut changes = vec![change("upstreams", "service", &upstream)];
    changes.extend((0..ROUTES).map(|number| change("routes", &number.to_string(), &route(number))));
    let published = engine.publish(changes, 1, Mode::Atomic, Origin::Admin);
    published.expect("the documents are valid");
    let mut revision = 1;
    bencher.bench_local(|| {
        revision += 1;
        let number = scattered(revision);
        let mut changed = route(number);
        changed["priority"] = json!(revision);
        let changes = vec![change("routes", &number.to_string(), &changed)];
        let published = engine.publish(changes, revision as u64, Mode::Atomic, Origin::Admin);
        published.expect("the document is valid")
    });
}

fn route(number: usize) -> Json {
    json!({ "uri": uri(number), "host": host(number), "upstream_id": "service" })
}

fn change(kind: &str, id: &str, document: &Json) -> Change {
    let change = json!({ "kind": kind, "id": id, "document": document });
    serde_json::from_value(change).expect("it has a change's fields")
}
