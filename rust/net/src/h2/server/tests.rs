use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};

use super::request::read;
use crate::h1::{Form, Framing, Limits, Method, Reject, RequestHead, Version};

/// A request as the crate hands it over.
fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
    let request = Request::builder().method(method).uri(uri).body(()).expect("a request");
    let (mut parts, ()) = request.into_parts();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        parts.headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    parts
}

fn head(parts: &Parts, ended: bool) -> Result<RequestHead, Reject> {
    let mut head = RequestHead::default();
    read(parts, ended, &Limits::default(), &mut head).map(|()| head)
}

fn get(fields: &[(&str, &str)]) -> Result<RequestHead, Reject> {
    head(&parts("GET", "http://shop/", fields), true)
}

#[test]
fn pseudo_header_fields_become_a_head() {
    let head = head(&parts("GET", "https://shop:8443/a/b?c=d", &[("accept", "x")]), true);
    let head = head.expect("a request");
    assert_eq!(head.version, Version::Http2);
    assert_eq!(head.method, Method::Get);
    assert_eq!((head.path(), head.query()), (&b"/a/b"[..], Some(&b"c=d"[..])));
    assert_eq!(head.host(), Some(&b"shop:8443"[..]));
    assert_eq!(head.headers.get("accept"), Some(&b"x"[..]));
    assert_eq!(head.headers.bytes(head.line), b"GET /a/b?c=d HTTP/2.0");
    assert_eq!(head.framing, Framing::None);
    assert!(head.keep_alive && !head.expect_continue && !head.twins);
}

#[test]
fn the_end_of_the_stream_frames_the_body() {
    let post =
        |fields, ended| head(&parts("POST", "http://shop/", fields), ended).map(|h| h.framing);
    assert_eq!(post(&[], false), Ok(Framing::Chunked));
    assert_eq!(post(&[], true), Ok(Framing::None));
    assert_eq!(post(&[("content-length", "5")], false), Ok(Framing::Length(5)));
    assert_eq!(post(&[("content-length", "0")], true), Ok(Framing::Length(0)));
}

#[test]
fn a_target_that_http1_cannot_say_is_refused() {
    for path in ["?a", "/\u{e9}", "*"] {
        let mut given = parts("GET", "http://shop/", &[("host", "shop")]);
        let mut uri = http::uri::Parts::default();
        uri.path_and_query = Some(path.parse().expect("the crate lets it through"));
        given.uri = uri.try_into().expect("a path alone");
        let refused = head(&given, true).expect_err(path);
        assert!(matches!(refused, Reject::Target | Reject::TargetForm), "{path}: {refused}");
    }
}

#[test]
fn a_line_is_no_longer_than_in_http1() {
    let path = format!("http://shop/{}", "a".repeat(8 << 10));
    assert_eq!(head(&parts("GET", &path, &[]), true).err(), Some(Reject::LineTooLong));
}

#[test]
fn an_asterisk_is_for_options() {
    let mut given = parts("OPTIONS", "http://shop/", &[("host", "shop")]);
    given.uri = "*".parse().expect("an asterisk");
    assert_eq!(head(&given, true).expect("a request").target.form, Form::Asterisk);
}

#[test]
fn authority_and_host_agree() {
    assert_eq!(get(&[("host", "SHOP")]).expect("equal").host(), Some(&b"shop"[..]));
    assert_eq!(get(&[("host", "other")]).err(), Some(Reject::HostInvalid));
    assert_eq!(get(&[("host", "shop"), ("host", "shop")]).err(), Some(Reject::HostRepeated));
    let mut alone = parts("GET", "/", &[]);
    assert_eq!(head(&alone, true).err(), Some(Reject::HostMissing));
    alone.headers.insert("host", HeaderValue::from_static("shop"));
    assert_eq!(head(&alone, true).expect("a request").host(), Some(&b"shop"[..]));
}

#[test]
fn an_authority_without_user_information_is_one() {
    let refused = head(&parts("GET", "http://user@shop/", &[]), true);
    assert_eq!(refused.err(), Some(Reject::HostInvalid));
}

#[test]
fn other_schemes_are_refused() {
    assert_eq!(head(&parts("GET", "ftp://shop/", &[]), true).err(), Some(Reject::Target));
}

#[test]
fn crumbs_are_one_cookie() {
    let head = get(&[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]).expect("a request");
    let cookies: Vec<_> = head.headers.get_all("cookie").collect();
    assert_eq!(cookies, [b"a=1; b=2"]);
}

#[test]
fn fields_are_as_strict_as_those_of_http1() {
    for (fields, reject) in [
        (&[("content-length", "1"), ("content-length", "1")][..], Reject::ContentLength),
        (&[("content-length", "+1")], Reject::ContentLength),
        (&[("content-length", "")], Reject::ContentLength),
        (&[("x", " a")], Reject::FieldValue),
        (&[("x", "a\t")], Reject::FieldValue),
        (&[("expect", "tea")], Reject::Expectation),
    ] {
        assert_eq!(get(fields).err(), Some(reject), "{fields:?}");
    }
}

#[test]
fn a_refused_head_keeps_its_line_for_the_log() {
    let mut head = RequestHead::default();
    let given = parts("GET", "http://shop/a", &[("x", " a")]);
    read(&given, true, &Limits::default(), &mut head).expect_err("a space");
    assert_eq!(head.headers.bytes(head.line), b"GET /a HTTP/2.0");
    assert!(head.headers.is_empty());
}

#[test]
fn fields_are_counted() {
    let names: Vec<String> = (0..101).map(|n| format!("x-{n}")).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "1")).collect();
    assert_eq!(get(&fields).err(), Some(Reject::TooManyFields));
    assert!(get(&fields[..100]).is_ok());
}
