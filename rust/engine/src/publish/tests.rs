use gateway_core::config::Origin;
use gateway_core::source::Format;
use serde_json::{Value, json};

use super::{Change, File, Mode, Problem, Publisher, Report, check_file};
use crate::settings::Settings;
use crate::snapshot::{Snapshot, Target};

fn publisher() -> Publisher {
    Publisher::new(&Settings::default()).expect("the defaults name no file")
}

fn change(kind: &str, id: &str, document: Value) -> Change {
    let document = Some(document).filter(|document| !document.is_null());
    Change { kind: kind.into(), id: id.into(), document, position: None, resource: None }
}

fn apply(publisher: &mut Publisher, changes: Vec<Change>) -> Result<Report, Vec<Problem>> {
    publisher.apply(changes, 1, Mode::Atomic, Origin::File, &Settings::default())
}

fn file(publisher: &mut Publisher, text: &str) -> Result<Report, Vec<Problem>> {
    let file = File { text: text.as_bytes(), format: Format::Yaml, path: "apisix.yaml" };
    publisher.apply_file(file, &|_| None, &Settings::default())
}

fn upstream(port: u16) -> Value {
    json!({ "nodes": { format!("127.0.0.1:{port}"): 1 } })
}

/// Where a request for `path` of `host` goes: the node, or what is amiss.
fn goes(snapshot: &Snapshot, host: &str, path: &str) -> String {
    let Some(found) = snapshot.router.find(&Get { host, path }).found() else {
        return "no route".into();
    };
    match snapshot.target(found.route.payload()) {
        Target::Upstream { upstream, .. } => upstream.nodes[0].endpoint.authority.to_string(),
        Target::ServiceMissing => "service missing".into(),
        Target::UpstreamMissing => "upstream missing".into(),
        Target::CertificateMissing => "certificate missing".into(),
        Target::None => "none".into(),
    }
}

/// A GET request that has no variables.
struct Get<'a> {
    host: &'a str,
    path: &'a str,
}

impl gateway_kit::expr::Variables<crate::variables::Variable> for Get<'_> {
    fn value(&self, _: &crate::variables::Variable) -> gateway_kit::expr::Value<'_> {
        gateway_kit::expr::Value::Missing
    }
}

impl crate::matching::MatchInput<crate::variables::Variable> for Get<'_> {
    fn method(&self) -> gateway_core::method::Method {
        gateway_core::method::Method::Get
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
    fn remote_addr(&self) -> std::net::IpAddr {
        [127, 0, 0, 1].into()
    }
    fn body_limit(&self, _: &crate::variables::Variable) -> Option<usize> {
        None
    }
}

#[test]
fn a_route_goes_to_the_upstream_that_it_names() {
    let mut publisher = publisher();
    let changes = vec![
        change("routes", "1", json!({"uri": "/a", "upstream_id": "u"})),
        change("routes", "2", json!({"uri": "/b", "upstream": upstream(2)})),
        change("upstreams", "u", upstream(1)),
    ];
    apply(&mut publisher, changes).expect("all is valid");
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "127.0.0.1:1");
    assert_eq!(goes(publisher.snapshot(), "h", "/b"), "127.0.0.1:2");
    assert_eq!(goes(publisher.snapshot(), "h", "/c"), "no route");
}

#[test]
fn a_reference_waits_for_what_it_names() {
    let mut publisher = publisher();
    let changes = vec![
        change("routes", "1", json!({"uri": "/a", "upstream_id": "later"})),
        change("routes", "2", json!({"uri": "/b", "service_id": "later"})),
        change("routes", "3", json!({"uri": "/c", "service_id": "bare"})),
        change("services", "bare", json!({})),
    ];
    apply(&mut publisher, changes).expect("a reference is no mistake");
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "upstream missing");
    assert_eq!(goes(publisher.snapshot(), "h", "/b"), "service missing");
    assert_eq!(goes(publisher.snapshot(), "h", "/c"), "none");
    let changes = vec![
        change("upstreams", "later", upstream(1)),
        change("services", "later", json!({"upstream_id": "later"})),
    ];
    apply(&mut publisher, changes).expect("all is valid");
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "127.0.0.1:1");
    assert_eq!(goes(publisher.snapshot(), "h", "/b"), "127.0.0.1:1");
    apply(&mut publisher, vec![change("upstreams", "later", Value::Null)]).expect("removal");
    assert_eq!(goes(publisher.snapshot(), "h", "/b"), "upstream missing");
}

#[test]
fn a_routes_own_upstream_comes_before_its_services() {
    let mut publisher = publisher();
    let changes = vec![
        change("services", "s", json!({"upstream": upstream(1)})),
        change("routes", "1", json!({"uri": "/a", "service_id": "s", "upstream": upstream(2)})),
        change("routes", "2", json!({"uri": "/b", "service_id": "s"})),
    ];
    apply(&mut publisher, changes).expect("all is valid");
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "127.0.0.1:2");
    assert_eq!(goes(publisher.snapshot(), "h", "/b"), "127.0.0.1:1");
}

#[test]
fn a_services_hosts_are_those_of_its_routes_that_have_none() {
    let mut publisher = publisher();
    let changes = vec![
        change("routes", "1", json!({"uri": "/a", "service_id": "s"})),
        change("routes", "2", json!({"uri": "/b", "service_id": "s", "host": "own"})),
        change("services", "s", json!({"upstream": upstream(1), "hosts": ["one"]})),
    ];
    apply(&mut publisher, changes).expect("all is valid");
    assert_eq!(goes(publisher.snapshot(), "one", "/a"), "127.0.0.1:1");
    assert_eq!(goes(publisher.snapshot(), "two", "/a"), "no route");
    assert_eq!(goes(publisher.snapshot(), "own", "/b"), "127.0.0.1:1");
    let service = json!({"upstream": upstream(1), "hosts": ["two"]});
    apply(&mut publisher, vec![change("services", "s", service)]).expect("all is valid");
    assert_eq!(goes(publisher.snapshot(), "one", "/a"), "no route");
    assert_eq!(goes(publisher.snapshot(), "two", "/a"), "127.0.0.1:1");
    assert_eq!(goes(publisher.snapshot(), "own", "/b"), "127.0.0.1:1");
}

#[test]
fn one_bad_change_keeps_all_out_when_they_are_atomic() {
    let mut publisher = publisher();
    let good = change("routes", "1", json!({"uri": "/a", "upstream": upstream(1)}));
    let bad = change("routes", "2", json!({"uri": "/b", "upstream": {"type": "roundrobin"}}));
    let problems = apply(&mut publisher, vec![good.clone(), bad.clone()]).expect_err("one is bad");
    assert_eq!(problems.len(), 1);
    assert!(problems[0].path.starts_with("routes/2/upstream"), "{}", problems[0].path);
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "no route");

    let settings = Settings::default();
    let report = publisher.apply(vec![good, bad], 7, Mode::Each, Origin::Etcd, &settings);
    let report = report.expect("the good ones are served");
    assert_eq!((report.revision, report.problems.len()), (7, 1));
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "127.0.0.1:1");
}

#[test]
fn what_this_release_does_not_serve_is_refused_by_name() {
    let mut publisher = publisher();
    for (document, text) in [
        (json!({"nodes": {"a:1": 1}, "scheme": "kafka"}), "scheme kafka"),
        (json!({"service_name": "s", "discovery_type": "dns"}), "discovery"),
    ] {
        let refused = apply(&mut publisher, vec![change("upstreams", "u", document)]);
        let problems = refused.expect_err("it is not served");
        assert!(problems[0].message.contains(text), "{}", problems[0]);
    }
}

#[test]
fn only_what_a_new_file_changes_is_rebuilt() {
    let mut publisher = publisher();
    let text = |port| {
        format!(
            "routes:\n- {{id: 1, uri: /a, upstream: {{nodes: {{\"127.0.0.1:1\": 1}}}}}}\n\
             - {{id: 2, uri: /b, upstream: {{nodes: {{\"127.0.0.1:{port}\": 1}}}}}}\n"
        )
    };
    file(&mut publisher, &text(2)).expect("the file is good");
    let built = publisher.last_upstream;
    file(&mut publisher, &text(3)).expect("the file is good");
    assert_eq!(publisher.last_upstream - built, 1, "one upstream was built anew");
    assert_eq!(goes(publisher.snapshot(), "h", "/b"), "127.0.0.1:3");
    file(&mut publisher, "upstreams: []\n").expect("the file is good");
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "no route");
}

#[test]
fn a_bad_file_leaves_the_last_good_one() {
    let mut publisher = publisher();
    let good = "routes:\n- {id: 1, uri: /a, upstream: {nodes: {\"127.0.0.1:1\": 1}}}\n";
    file(&mut publisher, good).expect("the file is good");
    let bad = "routes:\n- id: 1\n  uri: /b\n  upstream:\n    nodess: {}\n";
    let problems = file(&mut publisher, bad).expect_err("a name is wrong");
    assert!(problems[0].line >= 2, "{}", problems[0]);
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "127.0.0.1:1");
    assert!(file(&mut publisher, "routes: [").is_err());
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "127.0.0.1:1");
    let file = File { text: b"\xff", format: Format::Yaml, path: "apisix.yaml" };
    let checked = check_file(file, &|_| None, &Settings::default());
    assert_eq!(checked[0].file.as_deref(), Some("apisix.yaml"));
    assert!(checked[0].message.contains("UTF-8"), "{}", checked[0]);
}

#[test]
fn unverified_upstreams_are_named() {
    let mut publisher = publisher();
    let mut document = upstream(1);
    document["scheme"] = "https".into();
    document["tls"] = json!({"verify": false});
    let report = apply(&mut publisher, vec![change("upstreams", "u", document)]);
    let report = report.expect("it is a choice");
    assert!(report.warnings[0].contains("upstream u"), "{:?}", report.warnings);
}

#[test]
fn what_has_no_effect_yet_is_said() {
    let mut publisher = publisher();
    let hash = json!({"nodes": {"127.0.0.1:1": 1}, "type": "chash", "hash_on": "consumer"});
    let changes = vec![
        change("upstreams", "u", hash),
        change("consumers", "jack", json!({"username": "jack"})),
    ];
    let report = apply(&mut publisher, changes).expect("all is valid");
    let said = report.warnings.join("\n");
    for words in ["hash_on is consumer", "consumer jack"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_route_is_not_served_without_the_plugins_it_names() {
    let mut publisher = publisher();
    let document = json!({"uri": "/a", "upstream": upstream(1), "plugin_config_id": "guards"});
    let problems = apply(&mut publisher, vec![change("routes", "1", document)]);
    let problems = problems.expect_err("its plugins would be missing");
    assert_eq!(problems[0].path, "routes/1/plugin_config_id");
    assert_eq!(goes(publisher.snapshot(), "h", "/a"), "no route");
}

#[test]
fn checks_follow_their_upstream() {
    let mut publisher = publisher();
    let checked = |weight: u32| {
        let nodes = json!({ "127.0.0.1:1": weight });
        change("upstreams", "1", json!({ "nodes": nodes, "checks": { "active": {} } }))
    };
    apply(&mut publisher, vec![checked(1)]).expect("the document is valid");
    let first = publisher.health().get("upstreams/1").expect("it is checked");
    apply(&mut publisher, vec![checked(2)]).expect("the document is valid");
    let second = publisher.health().get("upstreams/1").expect("it is checked");
    assert!(std::sync::Arc::ptr_eq(&first, &second), "a weight is nothing to a check");
    apply(&mut publisher, vec![change("upstreams", "1", upstream(1))]).expect("it is valid");
    assert!(publisher.health().all().is_empty());
    apply(&mut publisher, vec![checked(1)]).expect("the document is valid");
    apply(&mut publisher, vec![change("upstreams", "1", Value::Null)]).expect("it is removed");
    assert!(publisher.health().all().is_empty());
}

#[test]
fn an_upstream_written_out_is_checked_for_its_route() {
    let mut publisher = publisher();
    let mut inline = upstream(1);
    inline["checks"] = json!({ "active": { "type": "tcp" } });
    let route = change("routes", "r", json!({ "uri": "/", "upstream": inline }));
    let report = apply(&mut publisher, vec![route]).expect("the document is valid");
    assert_eq!(report.warnings, [""; 0]);
    assert!(publisher.health().get("routes/r").is_some());
}

#[test]
fn a_refused_change_leaves_the_checks_as_they_were() {
    let mut publisher = publisher();
    let mut checked = upstream(1);
    checked["checks"] = json!({ "active": { "req_headers": ["none"] } });
    let problems = apply(&mut publisher, vec![change("upstreams", "1", checked)]);
    let problems = problems.expect_err("it is no header line");
    assert_eq!(problems[0].path, "upstreams/1/checks/active/req_headers/0");
    assert!(publisher.health().all().is_empty());
}
