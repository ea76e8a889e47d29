use gateway_core::headers::Headers;
use http::HeaderMap;

use super::{append, append_trailers, map_of};

fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).expect("a field");
    }
    headers
}

fn listed(headers: &Headers) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (text(name), text(value))).collect()
}

#[test]
fn names_are_lower_case_and_repeated_fields_stay() {
    let map = map_of(&headers(&[("X-Trace", "1"), ("Accept", "a"), ("X-Trace", "2")]));
    let values: Vec<_> = map.get_all("x-trace").iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert!(map.keys().all(|name| name.as_str().bytes().all(|b| !b.is_ascii_uppercase())));
}

#[test]
fn what_concerns_one_connection_is_not_sent() {
    let map = map_of(&headers(&[
        ("Connection", "close"),
        ("Keep-Alive", "timeout=1"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("TE", "gzip"),
        ("Host", "a"),
        ("Content-Length", "3"),
        ("X-Kept", "1"),
    ]));
    assert_eq!(map.len(), 1);
    assert_eq!(map["x-kept"], "1");
}

#[test]
fn received_fields_keep_their_order() {
    let mut map = HeaderMap::new();
    map.append("b", "1".parse().expect("a value"));
    map.append("a", "2".parse().expect("a value"));
    let mut out = Headers::default();
    append(&map, &mut out);
    assert_eq!(listed(&out), [("b".into(), "1".into()), ("a".into(), "2".into())]);
}

#[test]
fn trailers_say_nothing_of_framing() {
    let mut map = HeaderMap::new();
    map.append("content-length", "9".parse().expect("a value"));
    map.append("grpc-status", "0".parse().expect("a value"));
    let mut out = Headers::default();
    append_trailers(&map, &mut out);
    assert_eq!(listed(&out), [("grpc-status".into(), "0".into())]);
}
