//! The router against a list of routes that is searched from one end to the other, while routes
//! come and go; and against its earlier versions, which must go on answering as they did.

#![no_main]

use arbitrary::Arbitrary;
use gateway_core::method::Method;
use gateway_engine::matching::{MatchInput, RouteSpec, Router, RouterKind};
use gateway_kit::expr::{Value, Variables};
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};

#[derive(Arbitrary, Debug)]
struct Case {
    by_host: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Insert { id: u8, route: Route },
    Remove { id: u8 },
    Find { path: Vec<Letter>, host: Vec<Label>, post: bool },
    Keep,
}

#[derive(Arbitrary, Clone, Debug)]
struct Route {
    uris: [(Vec<Letter>, bool); 2],
    hosts: Vec<(Vec<Label>, bool)>,
    priority: i8,
    post_only: bool,
    disabled: bool,
}

/// Few letters, so that paths meet.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Letter {
    Slash,
    A,
    B,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Label {
    A,
    B,
}

fn path(letters: &[Letter]) -> String {
    let letter = |l: &Letter| match l {
        Letter::Slash => '/',
        Letter::A => 'a',
        Letter::B => 'b',
    };
    std::iter::once('/').chain(letters.iter().map(letter)).collect()
}

fn host(labels: &[Label]) -> String {
    let label = |l: &Label| match l {
        Label::A => "a",
        Label::B => "bb",
    };
    labels.iter().map(label).collect::<Vec<_>>().join(".")
}

/// A route as written, and when it came.
struct Listed {
    id: u8,
    order: usize,
    uris: Vec<String>,
    hosts: Vec<String>,
    route: Route,
}

struct Request {
    path: String,
    host: String,
    post: bool,
}

impl Variables<()> for Request {
    fn value(&self, (): &()) -> Value<'_> {
        Value::Missing
    }
}

impl MatchInput<()> for Request {
    fn method(&self) -> Method {
        if self.post { Method::Post } else { Method::Get }
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
    fn body_limit(&self, (): &()) -> Option<usize> {
        None
    }
}

/// How well a pattern with perhaps a `*` at its end fits: exact best, then the longer prefix.
fn fit(pattern: &str, path: &str) -> Option<(bool, usize)> {
    match pattern.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix).then_some((false, prefix.len())),
        None => (pattern == path).then_some((true, pattern.len())),
    }
}

/// Likewise for a host, whose `*` is at its start.
fn host_fit(pattern: &str, host: &str) -> Option<(bool, usize)> {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix).then_some((false, suffix.len())),
        None => (pattern == host).then_some((true, pattern.len())),
    }
}

/// The route that a request takes, by the order of decision as it is documented.
fn search(list: &[Listed], by_host: bool, request: &Request) -> Option<u8> {
    let mut best = None;
    for listed in list {
        if listed.route.disabled || (listed.route.post_only && !request.post) {
            continue;
        }
        let fits = listed.hosts.iter().filter_map(|h| host_fit(h, &request.host)).max();
        if fits.is_none() && !listed.hosts.is_empty() {
            continue;
        }
        for uri in &listed.uris {
            let Some(path) = fit(uri, &request.path) else { continue };
            let host =
                if by_host { fits.map_or((0, (false, 0)), |f| (1, f)) } else { (0, (false, 0)) };
            let rank = (host, path, listed.route.priority, std::cmp::Reverse(listed.order));
            if best.as_ref().is_none_or(|(top, _)| rank > *top) {
                best = Some((rank, listed.id));
            }
        }
    }
    best.map(|(_, id)| id)
}

fn find(router: &Router<u8, ()>, request: &Request) -> Option<u8> {
    router.find(request).found().map(|found| *found.route.payload())
}

fn insert(router: &mut Router<u8, ()>, listed: &Listed) {
    let id = listed.id.to_string();
    let mut methods = Vec::new();
    if listed.route.post_only {
        methods.push(Method::Post);
    }
    let spec = RouteSpec {
        id: &id,
        uris: &listed.uris,
        hosts: &listed.hosts,
        methods: methods.into_iter().collect(),
        priority: i64::from(listed.route.priority),
        disabled: listed.route.disabled,
        ..RouteSpec::default()
    };
    router.insert(&spec, listed.id, &mut |_| Ok(())).expect("the route is valid");
}

fn listed(id: u8, order: usize, route: Route) -> Listed {
    let star = |text: String, star: bool| if star { text + "*" } else { text };
    let uris = route.uris.iter().map(|(letters, wild)| star(path(letters), *wild)).collect();
    let wild = |(labels, wild): &(Vec<Label>, bool)| {
        if *wild { format!("*.{}", host(labels)) } else { host(labels) }
    };
    let hosts = route.hosts.iter().filter(|(l, _)| !l.is_empty()).map(wild).collect();
    Listed { id, order, uris, hosts, route }
}

fuzz_target!(|case: Case| {
    let kind = if case.by_host { RouterKind::HostUri } else { RouterKind::Uri };
    let (mut router, mut list, mut order) = (Router::new(kind), Vec::<Listed>::new(), 0);
    let mut kept: Vec<(Router<u8, ()>, Vec<(Request, Option<u8>)>)> = Vec::new();
    let mut answered = Vec::new();
    for step in case.steps {
        match step {
            Step::Insert { id, route } => {
                // A route that is replaced keeps its place.
                let place = list.iter().find(|l| l.id == id).map_or(order, |l| l.order);
                order += 1;
                list.retain(|l| l.id != id);
                list.push(listed(id, place, route));
                insert(&mut router, list.last().expect("one was pushed"));
                answered.clear();
            }
            Step::Remove { id } => {
                let there = list.iter().any(|l| l.id == id);
                list.retain(|l| l.id != id);
                assert_eq!(router.remove(&id.to_string()), there);
                answered.clear();
            }
            Step::Find { path: letters, host: labels, post } => {
                let request = Request { path: path(&letters), host: host(&labels), post };
                let found = find(&router, &request);
                assert_eq!(found, search(&list, case.by_host, &request), "{request:?}");
                answered.push((request, found));
            }
            Step::Keep if kept.len() < 4 => {
                kept.push((router.clone(), std::mem::take(&mut answered)));
            }
            Step::Keep => {}
        }
    }
    for (version, answers) in kept {
        for (request, found) in answers {
            assert_eq!(find(&version, &request), found, "an earlier version changed: {request:?}");
        }
    }
});

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} post={}", self.host, self.path, self.post)
    }
}
