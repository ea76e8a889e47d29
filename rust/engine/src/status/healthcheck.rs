//! `/v1/healthcheck`, as APISIX's control API has it.
//!
//! ```text
//! [{"name":"/apisix/upstreams/1","nodes":[{"ip":"10.0.0.7","port":80,"hostname":"10.0.0.7",
//!   "status":"healthy","counter":{"success":0,"http_failure":0,"tcp_failure":0,
//!   "timeout_failure":0}}],"type":"http"}]
//! ```
//!
//! A browser gets a table. What surprises: `ip` of a node that is a name is the name, which is
//! one node here whatever it resolves to.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::health::tally::Seen;
use crate::health::{Checker, Health};
use crate::observe::flags::Flag;
use crate::respond::Answer;

/// Kinds of resources that may have checks.
const KINDS: [&str; 4] = ["routes", "services", "upstreams", "stream_routes"];

/// Answers for `below`, what follows `/v1/healthcheck` in the path; with a table if `html`.
pub(super) fn answer(health: &Health, below: &str, html: bool) -> Answer {
    let mut parts = below.split('/').filter(|part| !part.is_empty());
    let Some(kind) = parts.next() else {
        let all = health.all();
        return if html { table(all.iter().map(|checker| &**checker)) } else { list(&all) };
    };
    let Some(id) = parts.next() else {
        return not_found(&format!("missing src id for src type {kind}"));
    };
    if !KINDS.contains(&kind) {
        return Answer::error_msg(400, Flag::ClientRequest, &format!("invalid src type {kind}"));
    }
    match health.get(&format!("{kind}/{id}")) {
        None => not_found(&format!("no checker for {kind}[{id}]")),
        Some(checker) if html => table([&*checker].into_iter()),
        Some(checker) => json(&described(&checker)),
    }
}

fn not_found(message: &str) -> Answer {
    Answer::error_msg(404, Flag::NoRoute, message)
}

fn list(checkers: &[std::sync::Arc<Checker>]) -> Answer {
    json(&checkers.iter().map(|checker| described(checker)).collect())
}

fn json(value: &Value) -> Answer {
    Answer::ok("application/json", format!("{value}\n").into_bytes())
}

fn described(checker: &Checker) -> Value {
    let nodes = checker.nodes.iter().map(|node| {
        let tally = node.tally();
        json!({
            "ip": node.host.to_string(),
            "port": node.port,
            "hostname": checker.hostname(node),
            "status": tally.status.name(),
            "counter": Seen::ALL.map(|(seen, name)| (name.to_owned(), tally.count(seen).into()))
                .into_iter().collect::<serde_json::Map<_, _>>(),
        })
    });
    json!({ "name": name(checker), "nodes": nodes.collect::<Vec<_>>(), "type": checker.kind() })
}

/// APISIX shows keys of etcd.
fn name(checker: &Checker) -> String {
    format!("/apisix/{}", checker.owner)
}

fn table<'a>(checkers: impl Iterator<Item = &'a Checker>) -> Answer {
    let mut page = String::from(HEAD);
    let nodes = checkers.flat_map(|checker| checker.nodes.iter().map(move |node| (checker, node)));
    for (at, (checker, node)) in nodes.enumerate() {
        let tally = node.tally();
        let mark = if tally.status.usable() { "" } else { " style=\"background:#f99\"" };
        let _ = write!(
            page,
            "<tr{mark}><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
            at + 1,
            name(checker),
            checker.kind(),
            node.authority(),
            tally.status,
        );
        for (seen, _) in Seen::ALL {
            let _ = write!(page, "<td>{}</td>", tally.count(seen));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
    Answer::ok("text/html; charset=utf-8", page.into_bytes())
}

const HEAD: &str = "<!doctype html>
<title>Upstream check status</title>
<h1>Upstream check status</h1>
<table border=\"1\" cellpadding=\"3\" cellspacing=\"0\">
<tr><th>Index</th><th>Upstream</th><th>Check type</th><th>Host</th><th>Status</th><th>Success counts</th>\
<th>HTTP failures</th><th>TCP failures</th><th>Timeout failures</th></tr>
";
