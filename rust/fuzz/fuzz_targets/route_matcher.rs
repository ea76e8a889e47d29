//! The router, of all three kinds, against a search of all routes by APISIX's order of decision,
//! while routes come and go; and against its earlier versions, which must go on answering as they
//! did.

#![no_main]

use arbitrary::Arbitrary;
use gateway_core::config::{Methods, Network};
use gateway_core::method::Method;
use gateway_engine::matching::{Match, MatchInput, RouteError, RouteSpec, Router, RouterKind};
use gateway_kit::expr::{Value, Variables};
use libfuzzer_sys::fuzz_target;
use reference::expression::{self, Left};
use reference::routes::{self, Answer};
use reference::words::{self, Rules};
use std::net::IpAddr;

#[derive(Arbitrary, Debug)]
struct Case {
    kind: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Insert { id: u8, route: Route },
    Remove { id: u8 },
    Find(Sent),
    Keep,
}

#[derive(Arbitrary, Debug)]
struct Route {
    uris: (Vec<Piece>, Vec<Vec<Piece>>),
    hosts: Vec<Host>,
    methods: u16,
    networks: Vec<words::Network>,
    vars: Option<Vec<Rules>>,
    priority: i8,
    disabled: bool,
}

/// Few pieces, so that paths meet.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Piece {
    Slash,
    A,
    B,
    Dot,
    Star,
    Colon,
    Question,
    /// Where no path can have it: paths have bytes of their own.
    Line,
}

#[derive(Arbitrary, Debug)]
struct Host {
    star: bool,
    labels: Vec<Label>,
    port: bool,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Label {
    A,
    B,
    Eighty,
    Point,
    Address,
}

#[derive(Arbitrary, Debug)]
struct Sent {
    path: Vec<Piece>,
    strange: bool,
    host: Host,
    method: u8,
    address: words::Address,
    values: [Known; NAMES.len()],
}

#[derive(Arbitrary, Clone, Debug)]
enum Known {
    Missing,
    Pending,
    Text(Vec<words::Letter>),
}

const NAMES: [&str; 4] = ["arg_a", "http_b", "post_arg_c", "post_arg.d"];

const METHODS: [Method; 10] = [
    Method::Get,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Patch,
    Method::Head,
    Method::Options,
    Method::Connect,
    Method::Trace,
    Method::Purge,
];

/// A path as a route has it. A sign that repeats stands only after what can be repeated.
fn uri(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces.iter().take(12) {
        let last = text.chars().last();
        let segment = text.rsplit('/').next().unwrap_or_default();
        let repeats = matches!(last, Some('a' | 'b' | '.'));
        match piece {
            Piece::Slash => text.push('/'),
            Piece::A => text.push('a'),
            Piece::B => text.push('b'),
            Piece::Dot => text.push('.'),
            Piece::Colon => text.push(':'),
            Piece::Star if repeats || segment.is_empty() => text.push('*'),
            Piece::Question if repeats || last == Some('/') => text.push('?'),
            Piece::Star | Piece::Question | Piece::Line => {}
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}

impl Host {
    fn without_port(&self) -> String {
        let label = |label: &Label| match label {
            Label::A => "a",
            Label::B => "B",
            Label::Eighty => "80",
            Label::Point => ".",
            Label::Address => "[::1]",
        };
        self.labels.iter().take(6).map(label).collect()
    }

    /// With a `*` before it only where a route has it.
    fn pattern(&self) -> String {
        let star = if self.star { "*" } else { "" };
        let port = if self.port { ":80" } else { "" };
        format!("{star}{}{port}", self.without_port())
    }
}

impl Route {
    fn listed(&self, id: u8, order: u64) -> routes::Route {
        let hosts = self.hosts.iter().take(4).map(Host::pattern).filter(|host| !host.is_empty());
        let methods = METHODS.iter().enumerate().filter(|(bit, _)| self.methods >> bit & 1 == 1);
        let networks = self.networks.iter().take(3).map(words::Network::text);
        let vars = self.vars.as_ref().map(|rules| rules.iter().map(|r| r.json(&NAMES)).collect());
        routes::Route {
            id,
            order,
            uris: std::iter::once(&self.uris.0)
                .chain(self.uris.1.iter().take(2))
                .map(|u| uri(u))
                .collect(),
            hosts: hosts.collect(),
            methods: methods.map(|(_, method)| *method).collect(),
            networks: networks.filter(|network| !network.contains('[')).collect(),
            vars: vars.filter(|vars| expression::eval(vars, &|_| Left::Nil).is_ok()),
            priority: self.priority.into(),
            disabled: self.disabled,
        }
    }
}

struct Request {
    path: Vec<u8>,
    host: String,
    host_with_port: String,
    method: Method,
    address: IpAddr,
    values: [Option<Option<String>>; NAMES.len()],
}

impl Sent {
    fn request(&self) -> Request {
        let byte = |piece: &Piece| match piece {
            Piece::Slash => b'/',
            Piece::A => b'a',
            Piece::B => b'b',
            Piece::Dot => b'.',
            Piece::Star => b'*',
            Piece::Colon => b':',
            Piece::Question => b'?',
            Piece::Line if self.strange => b'\n',
            Piece::Line => 0xff,
        };
        let host = self.host.without_port();
        Request {
            path: self.path.iter().take(16).map(byte).collect(),
            host_with_port: if self.host.port { format!("{host}:80") } else { host.clone() },
            host,
            method: (METHODS.get(usize::from(self.method) % 11).copied())
                .unwrap_or_else(|| Method::of(b"PROPFIND").expect("it is a token")),
            address: self.address.ip(),
            values: self.values.each_ref().map(|known| match known {
                Known::Missing => Some(None),
                Known::Pending => None,
                Known::Text(letters) => Some(Some(words::text(letters))),
            }),
        }
    }
}

impl Request {
    fn known(&self, name: usize) -> Left<'_> {
        match &self.values[name] {
            None => Left::Pending,
            Some(None) => Left::Nil,
            Some(Some(text)) => Left::Text(text.as_bytes()),
        }
    }
}

fn index(name: &str) -> usize {
    NAMES.iter().position(|known| *known == name).unwrap_or(0)
}

/// What the third and fourth may ask of a body.
fn limit(name: usize) -> Option<usize> {
    [None, None, Some(1 << 10), Some(1 << 20)][name]
}

impl Variables<usize> for Request {
    fn value(&self, name: &usize) -> Value<'_> {
        match self.known(*name) {
            Left::Pending => Value::Pending,
            Left::Text(text) => text.into(),
            Left::Nil | Left::Json(_) => Value::Missing,
        }
    }
}

impl MatchInput<usize> for Request {
    fn method(&self) -> Method {
        self.method
    }
    fn path(&self) -> &[u8] {
        &self.path
    }
    fn host(&self) -> &[u8] {
        self.host.as_bytes()
    }
    fn host_with_port(&self) -> &[u8] {
        self.host_with_port.as_bytes()
    }
    fn remote_addr(&self) -> IpAddr {
        self.address
    }
    fn body_limit(&self, name: &usize) -> Option<usize> {
        limit(*name)
    }
}

/// False if `vars` hold a pattern that only PCRE knows: such a route is refused.
fn insert(router: &mut Router<u8, usize>, route: &routes::Route) -> bool {
    let id = route.id.to_string();
    let networks: Vec<Network> =
        route.networks.iter().map(|n| n.parse().expect("it is a network")).collect();
    let spec = RouteSpec {
        id: &id,
        uris: &route.uris,
        hosts: &route.hosts,
        methods: route.methods.iter().copied().collect::<Methods>(),
        remote_addrs: &networks,
        vars: route.vars.as_ref(),
        priority: route.priority,
        disabled: route.disabled,
    };
    match router.insert(&spec, route.id, &mut |name| Ok(index(name))) {
        Ok(()) => true,
        Err(RouteError::Vars(_)) => false,
        Err(error) => panic!("the route is valid: {error:?}"),
    }
}

fn find(router: &Router<u8, usize>, kind: RouterKind, request: &Request) -> Answer {
    match router.find(request) {
        Match::Found(found) => Answer::Found {
            id: *found.route.payload(),
            uri: found.route.pattern().source().to_owned(),
            // With the other kinds any host of the route may be told.
            host: found.host.filter(|_| kind == RouterKind::HostUri).map(str::to_owned),
        },
        Match::NeedsBody(limit) => Answer::NeedsBody(limit),
        Match::NotFound => Answer::NotFound,
    }
}

fn search(list: &[routes::Route], kind: RouterKind, request: &Request) -> Answer {
    let asked = routes::Request {
        method: request.method,
        path: &request.path,
        host: &request.host,
        host_with_port: &request.host_with_port,
        address: request.address,
        lookup: &|name| request.known(index(name)),
        body_limit: &|name| limit(index(name)),
    };
    routes::search(list, kind, &asked)
}

fuzz_target!(|case: Case| {
    let kind = [RouterKind::HostUri, RouterKind::Uri, RouterKind::UriWithParameter]
        [usize::from(case.kind % 3)];
    let (mut router, mut list, mut order) = (Router::new(kind), Vec::<routes::Route>::new(), 0);
    let mut kept: Vec<(Router<u8, usize>, Vec<(Request, Answer)>)> = Vec::new();
    let mut answered = Vec::new();
    for step in case.steps.iter().take(32) {
        match step {
            Step::Insert { id, route } => {
                let id = id % 6;
                // A route that is replaced keeps its place.
                let place = list.iter().find(|l| l.id == id).map_or(order, |l| l.order);
                order += 1;
                list.retain(|l| l.id != id);
                list.push(route.listed(id, place));
                if !insert(&mut router, list.last().expect("one was pushed")) {
                    return;
                }
                answered.clear();
            }
            Step::Remove { id } => {
                let id = id % 6;
                let there = list.iter().any(|l| l.id == id);
                list.retain(|l| l.id != id);
                assert_eq!(router.remove(&id.to_string()), there);
                answered.clear();
            }
            Step::Find(sent) => {
                let request = sent.request();
                let found = find(&router, kind, &request);
                assert_eq!(found, search(&list, kind, &request), "{kind:?} {list:#?} {sent:?}");
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
            assert_eq!(find(&version, kind, &request), found, "an earlier version changed");
        }
    }
});
