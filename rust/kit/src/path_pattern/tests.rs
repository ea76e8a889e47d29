use fancy_regex::Regex;
use proptest::prelude::*;

use super::{Parameters, PathPattern};
use crate::radix::Kind;

fn pattern(source: &str, parameters: Parameters) -> PathPattern {
    PathPattern::new(source, parameters).expect(source)
}

/// The captures of a path, if the key and the pattern match, as `name=value`.
fn captures(pattern: &PathPattern, path: &str) -> Option<Vec<String>> {
    let path = path.as_bytes();
    let found = match pattern.kind() {
        Kind::Exact => path == pattern.key(),
        Kind::Prefix => path.starts_with(pattern.key()),
    };
    let mut captured = Vec::new();
    let matches = found
        && pattern.captures(path, |name, value| {
            captured.push(format!("{name}={}", String::from_utf8_lossy(value)));
        });
    assert_eq!(matches, found && pattern.matches(path));
    captured.sort();
    matches.then_some(captured)
}

fn on(source: &str, path: &str) -> Option<Vec<String>> {
    captures(&pattern(source, Parameters::On), path)
}

fn off(source: &str, path: &str) -> Option<Vec<String>> {
    captures(&pattern(source, Parameters::Off), path)
}

fn list(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[test]
fn the_key_ends_at_the_first_wildcard() {
    for (source, parameters, key, kind) in [
        ("/a/b", Parameters::On, "/a/b", Kind::Exact),
        ("/a/*", Parameters::On, "/a/", Kind::Prefix),
        ("/a*", Parameters::Off, "/a", Kind::Prefix),
        ("*", Parameters::Off, "", Kind::Prefix),
        ("/a/:b/*c", Parameters::On, "/a/", Kind::Prefix),
        ("/a/:b/*c", Parameters::Off, "/a/:b/", Kind::Prefix),
        ("/a/:b", Parameters::Off, "/a/:b", Kind::Exact),
        ("/*a/:b", Parameters::On, "/*a/", Kind::Prefix),
        ("/a:b", Parameters::On, "/a", Kind::Prefix),
    ] {
        let pattern = pattern(source, parameters);
        assert_eq!((pattern.key(), pattern.kind()), (key.as_bytes(), kind), "{source}");
        assert_eq!(pattern.source(), source);
    }
}

#[test]
fn a_parameter_takes_one_segment() {
    assert_eq!(on("/name/:name/id/:id", "/name/json/id/1"), Some(list(&["id=1", "name=json"])));
    for miss in
        ["/name/json/id/", "/name/json", "/name//id/1", "/name/json/id/1/", "/name/a/b/id/1"]
    {
        assert_eq!(on("/name/:name/id/:id", miss), None, "{miss}");
    }
    assert_eq!(on("/f/:f", "/f/123&45@dd:d=t;%20(x)"), Some(list(&["f=123&45@dd:d=t;%20(x)"])));
}

#[test]
fn a_slash_at_the_end_counts() {
    assert_eq!(on("/name/:name/", "/name/json/"), Some(list(&["name=json"])));
    assert_eq!(on("/name/:name/", "/name/json"), None);
    assert_eq!(on("/name/:name", "/name/json/"), None);
}

#[test]
fn a_star_takes_the_rest_even_none() {
    assert_eq!(on("/name/*name", "/name/json/a/b"), Some(list(&["name=json/a/b"])));
    assert_eq!(on("/name/*name", "/name/"), Some(list(&["name="])));
    assert_eq!(off("/name/*", "/name/json"), Some(list(&[":ext=json"])));
    assert_eq!(off("*", ""), Some(list(&[":ext="])));
    assert_eq!(
        on("/name/:name/id/:id/*other", "/name/json/id/1/foo/bar"),
        Some(list(&["id=1", "name=json", "other=foo/bar"]))
    );
}

#[test]
fn a_star_before_the_end_is_checked_without_parameters_too() {
    assert_eq!(off("/a/*/b", "/a/x/y/b"), Some(list(&[":ext=x/y"])));
    assert_eq!(off("/a/*/b", "/a/x/c"), None);
    assert_eq!(off("/a/*/b", "/a/b"), None);
    assert_eq!(off("/a/*x/b/*y", "/a/1/b/2/b/3"), Some(list(&["x=1/b/2", "y=3"])));
    assert_eq!(off("/a/*x/b/*y/c", "/a/1/b/2/b/3/c"), Some(list(&["x=1/b/2", "y=3"])));
    assert_eq!(off("/a/*x/b/:y", "/a/1/2/b/3"), Some(list(&["x=1/2", "y=3"])));
}

#[test]
fn a_wildcard_inside_a_segment_is_a_prefix_and_nothing_more() {
    assert_eq!(off("/foo*bar", "/foo/anything"), Some(list(&[])));
    assert_eq!(off("/foo*", "/foobar"), Some(list(&[])));
    assert_eq!(on("/a:b", "/axyz"), Some(list(&[])));
}

#[test]
fn other_segments_are_regular_expressions_where_there_is_something_to_check() {
    assert_eq!(on("/p/:id/n/?", "/p/1/n/"), Some(list(&["id=1"])));
    assert_eq!(on("/p/:id/n/?", "/p/1/n"), Some(list(&["id=1"])));
    assert_eq!(on("/p/:id/(a|b)/:c", "/p/1/b/2"), Some(list(&["c=2", "id=1"])));
    assert_eq!(on("/p/:id/(a|b)/:c", "/p/1/c/2"), None);
    assert_eq!(on("/v1.0/:id", "/v1.0/7"), Some(list(&["id=7"])));
    assert_eq!(on("/p/:id/a.b", "/p/7/axb"), Some(list(&["id=7"])));
    assert_eq!(off("/a+b/*", "/a+b/c"), Some(list(&[":ext=c"])));
    assert!(PathPattern::new("/p/:id/(", Parameters::On).is_err());
}

#[test]
fn one_parameter_is_found_by_name_and_the_last_of_a_name_counts() {
    let pattern = pattern("/a/:x/:y/*x", Parameters::On);
    assert_eq!(pattern.param(b"/a/1/2/3/4", "x"), Some(&b"3/4"[..]));
    assert_eq!(pattern.param(b"/a/1/2/3/4", "y"), Some(&b"2"[..]));
    assert_eq!(pattern.param(b"/a/1/2/3/4", "z"), None);
    assert_eq!(pattern.param(b"/a/1", "x"), None);
}

proptest! {
    /// The original's way: one regular expression for the whole path.
    #[test]
    fn agrees_with_a_regular_expression(
        segments in prop::collection::vec("(a|b|:p|\\*s|)", 1..5),
        path in "(/(a|b|ab|)){1,7}",
    ) {
        let source = format!("/{}", segments.join("/"));
        let pattern = pattern(&source, Parameters::On);
        let body: Vec<_> = source.trim_end_matches('/').split('/').map(|segment| match segment.bytes().next() {
            Some(b':') => "([^/]+)",
            Some(b'*') => "((?s:.)*)",
            _ => segment,
        }).collect();
        let slash = if source.ends_with('/') { "/" } else { "" };
        let regex = Regex::new(&format!("{}{slash}", body.join("/"))).expect("the pattern is simple");
        let captured = regex.captures(&path).expect("the path is short");
        let filed = path.as_bytes().starts_with(pattern.key());
        let whole = captured
            .filter(|captured| filed && captured.get(0).is_some_and(|all| all.as_str() == path));
        if source.contains([':', '*']) {
            let values = whole.map(|captured| {
                let mut values: Vec<_> = captured.iter().skip(1).flatten().map(|group| group.as_str().to_owned()).collect();
                values.sort();
                values
            });
            let ours = captures(&pattern, &path).map(|captured| {
                let mut values: Vec<_> = captured.iter().map(|pair| pair[2..].to_owned()).collect();
                values.sort();
                values
            });
            prop_assert_eq!(ours, values, "{}", source);
        }
    }
}
