use std::collections::HashMap;
use std::net::IpAddr;

use gateway_core::config::Network;
use gateway_core::method::Method;
use gateway_kit::expr::{Value, Variables};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{Condition, Match, MatchInput, Outcome, RouteSpec, Router, RouterKind};

/// A request; what is not given is as in [`get`].
#[derive(Clone, Debug)]
struct Input {
    method: Method,
    path: String,
    host: String,
    port: &'static str,
    remote_addr: IpAddr,
    variables: HashMap<&'static str, &'static str>,
}

fn get(path: &str) -> Input {
    Input {
        method: Method::Get,
        path: path.to_owned(),
        host: "example.com".to_owned(),
        port: "",
        remote_addr: IpAddr::from([127, 0, 0, 1]),
        variables: HashMap::new(),
    }
}

impl Input {
    fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }
}

impl Variables<String> for Input {
    fn value(&self, name: &String) -> Value<'_> {
        match self.variables.get(name.as_str()) {
            None if name.starts_with("post_arg") => Value::Pending,
            value => value.copied().into(),
        }
    }
}

/// The Host header, kept together with the host as the exchange keeps it.
struct Sent<'i>(&'i Input, String);

impl Variables<String> for Sent<'_> {
    fn value(&self, name: &String) -> Value<'_> {
        self.0.value(name)
    }
}

impl MatchInput<String> for Sent<'_> {
    fn method(&self) -> Method {
        self.0.method
    }

    fn path(&self) -> &[u8] {
        self.0.path.as_bytes()
    }

    fn host(&self) -> &[u8] {
        self.0.host.as_bytes()
    }

    fn host_with_port(&self) -> &[u8] {
        self.1.as_bytes()
    }

    fn remote_addr(&self) -> IpAddr {
        self.0.remote_addr
    }

    fn body_limit(&self, name: &String) -> Option<usize> {
        match name.as_str() {
            "post_arg_small" => Some(1 << 10),
            "post_arg_large" => Some(1 << 20),
            _ => None,
        }
    }
}

/// A route; what is not given asks nothing.
#[derive(Clone, Debug, Default)]
struct Route {
    id: &'static str,
    uris: Vec<String>,
    hosts: Vec<String>,
    methods: Vec<Method>,
    remote_addrs: Vec<Network>,
    vars: Option<Json>,
    priority: i64,
    disabled: bool,
}

fn route(id: &'static str, uri: &str) -> Route {
    Route { id, uris: vec![uri.to_owned()], ..Route::default() }
}

impl Route {
    fn hosts(self, hosts: &[&str]) -> Self {
        Self { hosts: hosts.iter().map(|host| (*host).to_owned()).collect(), ..self }
    }

    fn priority(self, priority: i64) -> Self {
        Self { priority, ..self }
    }

    fn vars(self, vars: Json) -> Self {
        Self { vars: Some(vars), ..self }
    }

    fn spec(&self) -> RouteSpec<'_> {
        RouteSpec {
            id: self.id,
            uris: &self.uris,
            hosts: &self.hosts,
            methods: self.methods.iter().copied().collect(),
            remote_addrs: &self.remote_addrs,
            vars: self.vars.as_ref(),
            priority: self.priority,
            disabled: self.disabled,
        }
    }
}

type Table = Router<&'static str, String>;

fn put(router: &mut Table, route: &Route) {
    let resolve = &mut |name: &str| Ok(name.to_owned());
    router.insert(&route.spec(), route.id, resolve).expect("the route is valid");
}

fn router(kind: RouterKind, routes: &[Route]) -> Table {
    let mut router = Router::new(kind);
    for route in routes {
        put(&mut router, route);
    }
    router
}

fn with_match<R>(
    router: &Table,
    input: &Input,
    then: impl FnOnce(Match<'_, &'static str, String>) -> R,
) -> R {
    then(router.find(&Sent(input, format!("{}{}", input.host, input.port))))
}

fn found(router: &Table, input: &Input) -> Option<&'static str> {
    with_match(router, input, |found| found.found().map(|found| *found.route.payload()))
}

const KINDS: [RouterKind; 3] = [RouterKind::HostUri, RouterKind::Uri, RouterKind::UriWithParameter];

#[test]
fn kinds_have_apisix_names() {
    assert_eq!(RouterKind::named("radixtree_host_uri"), Some(RouterKind::default()));
    assert_eq!(RouterKind::named("radixtree_uri"), Some(RouterKind::Uri));
    assert_eq!(
        RouterKind::named("radixtree_uri_with_parameter"),
        Some(RouterKind::UriWithParameter)
    );
    assert_eq!(RouterKind::named("radixtree"), None);
}

#[test]
fn without_routes_nothing_is_found() {
    for kind in KINDS {
        assert_eq!(found(&router(kind, &[]), &get("/")), None);
    }
}

#[test]
fn an_exact_path_beats_a_prefix_whatever_the_priority() {
    for kind in KINDS {
        let router = router(kind, &[route("prefix", "/a*").priority(100), route("exact", "/a")]);
        assert_eq!(found(&router, &get("/a")), Some("exact"));
        assert_eq!(found(&router, &get("/ab")), Some("prefix"));
    }
}

#[test]
fn longer_prefixes_are_tried_first_whatever_the_priority() {
    for kind in KINDS {
        let router = router(kind, &[route("short", "/a/*").priority(9), route("long", "/a/b/*")]);
        assert_eq!(found(&router, &get("/a/b/c")), Some("long"));
        assert_eq!(found(&router, &get("/a/b")), Some("short"));
    }
}

#[test]
fn on_one_path_priority_decides_then_length_then_age() {
    for kind in KINDS {
        let same = router(kind, &[route("first", "/a"), route("second", "/a")]);
        assert_eq!(found(&same, &get("/a")), Some("first"));
        let priority = router(kind, &[route("low", "/a"), route("high", "/a").priority(1)]);
        assert_eq!(found(&priority, &get("/a")), Some("high"));
        let length = router(kind, &[route("bare", "/a/*"), route("named", "/a/*rest")]);
        assert_eq!(found(&length, &get("/a/b")), Some("named"));
    }
}

#[test]
fn a_failed_condition_leads_on_to_shorter_prefixes() {
    for kind in KINDS {
        let post = Route { methods: vec![Method::Post], ..route("post", "/a/b") };
        let router = router(
            kind,
            &[post, route("vars", "/a/*").vars(json!([["arg_v", "==", "1"]])), route("any", "/*")],
        );
        assert_eq!(found(&router, &get("/a/b")), Some("any"));
        let mut input = get("/a/b");
        input.variables.insert("arg_v", "1");
        assert_eq!(found(&router, &input), Some("vars"));
        input.method = Method::Post;
        assert_eq!(found(&router, &input), Some("post"));
    }
}

#[test]
fn methods_that_no_route_can_name_match_only_routes_for_any() {
    let get_only = Route { methods: vec![Method::Get], ..route("get", "/a") };
    let router = router(RouterKind::Uri, &[get_only, route("any", "/*")]);
    let method = Method::of(b"PROPFIND").expect("it is a token");
    assert_eq!(found(&router, &Input { method, ..get("/a") }), Some("any"));
}

#[test]
fn addresses_are_a_condition() {
    let network: Network = "10.0.0.0/8".parse().expect("it is a network");
    let inside = Route { remote_addrs: vec![network], ..route("inside", "/a") };
    let router = router(RouterKind::HostUri, &[inside]);
    assert_eq!(found(&router, &get("/a")), None);
    let remote_addr = IpAddr::from([10, 1, 2, 3]);
    assert_eq!(found(&router, &Input { remote_addr, ..get("/a") }), Some("inside"));
}

#[test]
fn hosts_match_exactly_or_by_what_follows_the_star() {
    for kind in KINDS {
        let router = router(kind, &[route("r", "/a").hosts(&["Foo.com", "*.bar.com"])]);
        for (host, matches) in [
            ("foo.com", true),
            ("FOO.com", true),
            ("www.foo.com", false),
            ("bar.com", false),
            (".bar.com", true),
            ("www.BAR.com", true),
            ("a.b.bar.com", true),
            ("", false),
        ] {
            assert_eq!(found(&router, &get("/a").host(host)).is_some(), matches, "{kind:?} {host}");
        }
    }
}

#[test]
fn hosts_with_a_port_are_compared_with_the_header() {
    for kind in KINDS {
        let router = router(
            kind,
            &[
                route("port", "/a").hosts(&["foo.com:9080", "*.bar.com:80"]),
                route("v6", "/a").hosts(&["[::1]"]),
            ],
        );
        let sent = |host: &str, port| found(&router, &Input { port, ..get("/a").host(host) });
        assert_eq!(sent("foo.com", ":9080"), Some("port"));
        assert_eq!(sent("foo.com", ":9081"), None);
        assert_eq!(sent("foo.com", ""), None);
        assert_eq!(sent("a.bar.com", ":80"), Some("port"));
        assert_eq!(sent("[::1]", ""), Some("v6"));
    }
}

#[test]
fn a_host_that_names_no_port_is_compared_without_one() {
    for kind in KINDS {
        let routes =
            [route("port", "/a").hosts(&["foo.com:80"]), route("end", "/a").hosts(&["*80"])];
        let router = router(kind, &routes);
        assert_eq!(found(&router, &Input { port: ":80", ..get("/a").host("bar.com") }), None);
        assert_eq!(found(&router, &get("/a").host("node80")), Some("end"));
    }
}

#[test]
fn with_host_uri_the_more_exact_host_wins_over_path_and_priority() {
    let routes = [
        route("none", "/a/b").priority(100),
        route("wild", "/a/b").hosts(&["*.com"]).priority(50),
        route("wilder", "/a/*").hosts(&["*.foo.com"]),
        route("exact", "/*").hosts(&["www.foo.com"]),
    ];
    let router = router(RouterKind::HostUri, &routes);
    let on = |host: &str| found(&router, &get("/a/b").host(host));
    assert_eq!(on("www.foo.com"), Some("exact"));
    assert_eq!(on("api.foo.com"), Some("wilder"));
    assert_eq!(on("bar.com"), Some("wild"));
    assert_eq!(on("bar.org"), Some("none"));
}

#[test]
fn with_host_uri_a_host_without_a_hit_leads_on_to_wilder_hosts_and_to_none() {
    let routes = [
        route("exact", "/x").hosts(&["www.foo.com"]),
        route("wild", "/y").hosts(&["*.foo.com"]),
        route("none", "/z"),
    ];
    let router = router(RouterKind::HostUri, &routes);
    for (path, expected) in [("/x", "exact"), ("/y", "wild"), ("/z", "none")] {
        assert_eq!(found(&router, &get(path).host("www.foo.com")), Some(expected));
    }
}

#[test]
fn with_uri_the_path_wins_over_the_host() {
    let routes = [route("exact", "/*").hosts(&["www.foo.com"]), route("path", "/a")];
    for kind in [RouterKind::Uri, RouterKind::UriWithParameter] {
        assert_eq!(found(&router(kind, &routes), &get("/a").host("www.foo.com")), Some("path"));
    }
}

#[test]
fn the_host_that_matched_is_told_as_the_route_has_it() {
    for kind in KINDS {
        let router =
            router(kind, &[route("r", "/a").hosts(&["foo.com", "*.Foo.com"]), route("any", "/b")]);
        let host = |path: &str, host: &str| {
            with_match(&router, &get(path).host(host), |found| {
                found.found().and_then(|found| found.host.map(str::to_owned))
            })
        };
        assert_eq!(host("/a", "FOO.com").as_deref(), Some("foo.com"));
        assert_eq!(host("/a", "a.foo.com").as_deref(), Some("*.foo.com"));
        assert_eq!(host("/b", "foo.com"), None);
    }
}

#[test]
fn very_long_hosts_match_too() {
    let host = format!("{}.foo.com", "a".repeat(300));
    let router = router(RouterKind::HostUri, &[route("r", "/a").hosts(&["*.foo.com"])]);
    assert_eq!(found(&router, &get("/a").host(&host)), Some("r"));
}

#[test]
fn parameters_exist_only_in_their_kind() {
    let routes = [route("user", "/user/:user"), route("age", "/user/:user/age/:age")];
    let with = router(RouterKind::UriWithParameter, &routes);
    assert_eq!(found(&with, &get("/user/foo")), Some("user"));
    assert_eq!(found(&with, &get("/user/foo/age/26")), Some("age"));
    assert_eq!(found(&with, &get("/user/foo/age/")), None);
    with_match(&with, &get("/user/foo/age/26"), |found| {
        let route = found.found().expect("the route is found").route;
        assert_eq!(route.pattern().source(), "/user/:user/age/:age");
        assert_eq!(route.pattern().param(b"/user/foo/age/26", "age"), Some(&b"26"[..]));
    });
    let without = router(RouterKind::HostUri, &routes);
    assert_eq!(found(&without, &get("/user/foo")), None);
    assert_eq!(found(&without, &get("/user/:user")), Some("user"));
}

#[test]
fn parameters_do_not_depend_on_the_order_of_insertion() {
    let routes = [
        route("long", "/api/:version/test/api/projects/:project_id/clusters/:cluster_id/nodes/?"),
        route("medium", "/api/:version/test/api/projects/:project_id"),
        route("short", "/api/:version/test/*subpath"),
    ];
    for rotation in 0..3 {
        let mut routes = routes.clone();
        routes.rotate_left(rotation);
        let router = router(RouterKind::UriWithParameter, &routes);
        for (path, expected) in [
            ("/api/v4/test/api/projects/saas/clusters/123/nodes/", "long"),
            ("/api/v4/test/api", "short"),
            ("/api/v4/test/api/projects/saas", "medium"),
        ] {
            assert_eq!(found(&router, &get(path)), Some(expected));
        }
    }
}

#[test]
fn a_star_inside_a_path_is_checked_in_every_kind() {
    for kind in KINDS {
        let router = router(kind, &[route("star", "/a/*/b"), route("any", "/*")]);
        assert_eq!(found(&router, &get("/a/x/y/b")), Some("star"));
        assert_eq!(found(&router, &get("/a/x/y/c")), Some("any"));
    }
}

#[test]
fn the_body_is_asked_for_only_when_it_decides() {
    let vars =
        json!([["arg_v", "==", "1"], ["post_arg_small", "==", "x"], ["post_arg_large", "==", "y"]]);
    let router = router(RouterKind::HostUri, &[route("body", "/a").vars(vars), route("any", "/*")]);
    let needs = |input: &Input| {
        with_match(&router, input, |found| match found {
            Match::NeedsBody(limit) => Some(limit),
            Match::Found(_) | Match::NotFound => None,
        })
    };
    let mut input = get("/a");
    assert_eq!((needs(&input), found(&router, &input)), (None, Some("any")));
    input.variables.insert("arg_v", "1");
    assert_eq!(needs(&input), Some(1 << 20));
    input.variables.extend([("post_arg_small", "x"), ("post_arg_large", "y")]);
    assert_eq!(found(&router, &input), Some("body"));
}

#[test]
fn a_disabled_route_is_not_served_and_keeps_its_place() {
    let mut table = router(RouterKind::HostUri, &[route("first", "/a"), route("second", "/a")]);
    put(&mut table, &Route { disabled: true, ..route("first", "/a") });
    assert_eq!(found(&table, &get("/a")), Some("second"));
    put(&mut table, &route("first", "/a"));
    assert_eq!(found(&table, &get("/a")), Some("first"));
}

#[test]
fn a_replaced_route_leaves_its_old_paths_and_hosts() {
    for kind in KINDS {
        let mut table = router(kind, &[route("r", "/a").hosts(&["a.com", "b.com"])]);
        put(&mut table, &route("r", "/b").hosts(&["b.com", "c.com"]));
        for (path, host, expected) in [
            ("/a", "a.com", None),
            ("/a", "b.com", None),
            ("/b", "a.com", None),
            ("/b", "b.com", Some("r")),
            ("/b", "c.com", Some("r")),
        ] {
            assert_eq!(found(&table, &get(path).host(host)), expected, "{path} {host}");
        }
        assert!(table.remove("r"));
        assert!(!table.remove("r"));
        assert_eq!(found(&table, &get("/b").host("b.com")), None);
    }
}

#[test]
fn a_changed_table_leaves_the_old_one_as_it_was() {
    let old = router(RouterKind::HostUri, &[route("r", "/a").hosts(&["a.com"])]);
    let resolve = &mut |name: &str| Ok(name.to_owned());
    let new = old
        .with_route(&route("s", "/a").priority(1).hosts(&["a.com"]).spec(), "s", resolve)
        .expect("the route is valid")
        .without_route("r");
    assert_eq!(found(&old, &get("/a").host("a.com")), Some("r"));
    assert_eq!(found(&new, &get("/a").host("a.com")), Some("s"));
}

#[test]
fn a_wrong_route_is_refused_with_its_place_and_changes_nothing() {
    let mut table = router(RouterKind::UriWithParameter, &[route("r", "/a")]);
    let resolve = &mut |name: &str| Ok(name.to_owned());
    let wrong = route("r", "/b").vars(json!([["x", "==", "1"], ["x", "wrong", "1"]]));
    let error = table.insert(&wrong.spec(), "r", resolve).expect_err("the operator is wrong");
    assert_eq!(
        error.to_string(),
        "failed to validate the 'vars' expression: invalid operator 'wrong'"
    );
    assert_eq!(error.pointer(), "/vars/1/1");
    let wrong = Route { uris: vec!["/b".into(), "/:x/(".into()], ..route("r", "") };
    let error = table.insert(&wrong.spec(), "r", resolve).expect_err("the path is wrong");
    assert_eq!(error.pointer(), "/uris/1");
    assert_eq!(found(&table, &get("/a")), Some("r"));
}

#[test]
fn explain_tells_each_route_considered_and_why_it_was_passed_over() {
    let post = Route { methods: vec![Method::Post], ..route("post", "/a") };
    let far =
        Route { remote_addrs: vec!["10.0.0.1".parse().expect("an address")], ..route("far", "/a") };
    let router = router(
        RouterKind::UriWithParameter,
        &[
            post,
            far,
            route("host", "/a").hosts(&["other.com"]),
            route("vars", "/a").vars(json!([["arg_x", "==", "1"]])),
            route("path", "/:x/b"),
            route("any", "/*"),
            route("never", "/*"),
        ],
    );
    let input = get("/a");
    let considered = router.explain(&Sent(&input, input.host.clone()));
    let told: Vec<_> = considered.iter().map(|step| (step.route.id(), step.outcome)).collect();
    assert_eq!(
        told,
        [
            ("post", Outcome::Fails(Condition::Method)),
            ("far", Outcome::Fails(Condition::RemoteAddr)),
            ("host", Outcome::Fails(Condition::Host)),
            ("vars", Outcome::Fails(Condition::Vars)),
            ("path", Outcome::Fails(Condition::Path)),
            ("any", Outcome::Matches),
        ]
    );
}

/// APISIX's order written down as a sort: the least of all that pass.
fn by_sorting<'r>(kind: RouterKind, routes: &'r [Route], input: &Input) -> Option<&'r str> {
    let host = input.host.to_lowercase();
    let mut best = Vec::new();
    for (order, route) in routes.iter().enumerate() {
        let hosts = route.hosts.iter().filter_map(|pattern| match pattern.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix).then_some((1, usize::MAX - suffix.len())),
            None => (host == *pattern).then_some((0, 0)),
        });
        let host = if route.hosts.is_empty() { Some((2, 0)) } else { hosts.min() };
        let Some(host) = host.map(|rank| if kind == RouterKind::HostUri { rank } else { (0, 0) })
        else {
            continue;
        };
        if !route.methods.is_empty() && !route.methods.contains(&input.method) {
            continue;
        }
        for uri in &route.uris {
            let path = match uri.strip_suffix('*') {
                Some(prefix) => {
                    input.path.starts_with(prefix).then_some((1, usize::MAX - prefix.len()))
                }
                None => (input.path == *uri).then_some((0, 0)),
            };
            best.extend(path.map(|path| (host, path, -route.priority, order, route.id)));
        }
    }
    best.into_iter().min().map(|(.., id)| id)
}

const IDS: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];

fn any_route() -> impl Strategy<Value = Route> {
    let hosts =
        prop::sample::subsequence(vec!["a.com", "b.a.com", "*.a.com", "*.com", "*a.com"], 0..3);
    let methods = prop::sample::subsequence(vec![Method::Get, Method::Post], 0..3);
    (prop::collection::vec("/(a|b|/|ab){0,3}\\*?", 1..3), hosts, methods, 0_i64..3).prop_map(
        |(uris, hosts, methods, priority)| Route {
            uris,
            methods,
            ..route("", "").hosts(&hosts).priority(priority)
        },
    )
}

proptest! {
    #[test]
    fn agrees_with_apisix_order_through_every_change(
        changes in prop::collection::vec((0_usize..8, prop::option::weighted(0.8, any_route())), 1..20),
        path in "/(a|b|/|ab){0,4}",
        host in "(b\\.|c\\.|c)?[aA]\\.com",
        post in any::<bool>(),
    ) {
        let method = if post { Method::Post } else { Method::Get };
        let input = Input { method, ..get(&path).host(&host) };
        for kind in KINDS {
            let (mut table, mut routes) = (Router::new(kind), Vec::<Route>::new());
            for (slot, change) in &changes {
                let id = IDS[*slot];
                let at = routes.iter().position(|route| route.id == id);
                match (change, at) {
                    (None, None) => {}
                    (None, Some(at)) => drop(routes.remove(at)),
                    (Some(route), Some(at)) => routes[at] = Route { id, ..route.clone() },
                    (Some(route), None) => routes.push(Route { id, ..route.clone() }),
                }
                match change {
                    Some(route) => put(&mut table, &Route { id, ..route.clone() }),
                    None => drop(table.remove(id)),
                }
                prop_assert_eq!(found(&table, &input), by_sorting(kind, &routes, &input));
            }
        }
    }
}
