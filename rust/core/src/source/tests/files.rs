//! Files of resources.

use serde_json::json;

use super::nothing;
use crate::config::{Catalogue, NoPlugins, PluginError, Resource, Scope};
use crate::source::{Format, Item, Problem, read};

/// A catalogue that takes any plugin.
struct Any;

impl Catalogue for Any {
    fn check_plugin(
        &self,
        _: Scope,
        _: &str,
        _: &mut serde_json::Value,
    ) -> Result<(), PluginError> {
        Ok(())
    }

    fn authenticates(&self, _: &str) -> bool {
        true
    }

    fn check_expression(&self, _: &serde_json::Value) -> Result<(), String> {
        Ok(())
    }
}

fn yaml(text: &str) -> Vec<Item> {
    read(text, Format::Yaml, &nothing, &Any).expect("right")
}

fn problems(text: &str) -> Vec<Problem> {
    read(text, Format::Yaml, &nothing, &NoPlugins).expect_err("wrong")
}

/// `kind id` of every resource.
fn named(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| format!("{} {}", item.kind.noun(), item.id)).collect()
}

const FILE: &str = "
apisix: {node_listen: 9080}
routes:
  - id: 1
    uri: /a
    plugins:
      key-auth:
    service_id: s
  - uri: /b
    upstream_id: 2
    modifiedIndex: 7
services:
  - {id: s, upstream_id: 2}
upstreams:
  - id: 2
    nodes:
      \"127.0.0.1:1980\": 1
consumers:
  - username: jack
  - id: jack/credentials/c
    plugins: {key-auth: {key: a}}
plugin_metadata:
  - id: http-logger
    log_format: {host: $host}
secrets:
  - {id: vault/1, uri: 'http://127.0.0.1:8200', prefix: kv, token: t}
global_rules:
plugins:
  - name: key-auth
routes_conf_version: 3
#END
";

#[test]
fn a_file_in_apisix_layout_is_taken_apart() {
    let items = yaml(FILE);
    assert_eq!(
        named(&items),
        [
            "route 1",
            "route arr_2",
            "service s",
            "upstream 2",
            "consumer jack",
            "credential jack/credentials/c",
            "plugin_metadata http-logger",
            "secret vault/1",
        ]
    );
    assert_eq!((items[1].position.line, items[1].modified_index), (9, Some(7)));
    assert_eq!(items[1].document["id"], "arr_2");
    assert_eq!(items[0].document["plugins"], json!({"key-auth": {}}));
    assert_eq!(items[3].document["type"], "roundrobin", "defaults are filled in");
    assert!(matches!(&items[3].resource, Resource::Upstream(upstream) if &*upstream.id == "2"));
}

#[test]
fn json_reads_as_yaml_does() {
    let text = r#"{"routes": [{"uri": "/a", "upstream_id": 2}], "upstreams": {}}"#;
    let items = read(text, Format::Json, &nothing, &NoPlugins).expect("right");
    assert_eq!(named(&items), ["route arr_1"]);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let text = "
route: []
routes:
  - uri: /a
    upstrem_id: 1
    metods: [GET]
  - id: 2
    uri: /b
    upstream:
      scheme: htpp
      nodes: {\"a:80\": 1}
  - just text
  - id: 2
    uri: /c
    upstream_id: 1
  - id: 2
    uri: /d
    upstream_id: 1
  - id: 5
    uri: /e
    upstream:
      nodes:
        - {host: a, port: 80}
upstreams: {a: 1}
routes_conf_version: x
";
    let found: Vec<String> = problems(text).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "2:1: route: unknown key route (did you mean routes?)",
            "5:5: routes[0].upstrem_id: additional properties forbidden, found upstrem_id (did you mean upstream_id?)",
            "6:5: routes[0].metods: additional properties forbidden, found metods (did you mean methods?)",
            "10:7: routes[1].upstream.scheme: matches none of the enum values (did you mean http?)",
            "12:5: routes[2]: it should be an object",
            "16:5: routes[4]: found duplicate id 2 in routes, first in line 13",
            "23:11: routes[5].upstream.nodes[0]: property \"weight\" is required",
            "24:1: upstreams: upstreams is a list: begin each item with `-`",
            "25:1: routes_conf_version: routes_conf_version must be a number",
        ]
    );
}

#[test]
fn an_error_outside_of_the_schema_has_a_place_too() {
    let text = "upstreams:\n  - nodes:\n      \"a:80\": 1\n      \"b:70000\": 1\n";
    let found = problems(text);
    assert_eq!(found[0].to_string(), "4:7: upstreams[0].nodes[\"b:70000\"]: invalid port 70000");
    let text = "routes:\n  - uri: /a\n    plugins:\n      none: {}\n";
    assert_eq!(problems(text)[0].to_string(), "4:7: routes[0].plugins.none: unknown plugin [none]");
}

#[test]
fn a_file_that_holds_no_mapping_is_refused() {
    for text in ["", "just text", "- a", "~"] {
        assert_eq!(problems(text).len(), 1, "{text}");
    }
    assert!(yaml("{}").is_empty());
}

#[test]
fn problems_are_handed_on_as_json() {
    let text = "routes:\n  - uri: /a\n    upstrem_id: 1\n";
    assert_eq!(
        serde_json::to_value(&problems(text)[0]).expect("writes"),
        json!({"line": 3, "column": 5, "path": "routes[0].upstrem_id",
            "message": "additional properties forbidden, found upstrem_id", "suggestion": "upstream_id"})
    );
}
