use super::{Headers, InvalidField, Known, Lines, NAMES};

fn of(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).expect("fields of the test are valid");
    }
    headers
}

fn written(headers: &Headers) -> Vec<String> {
    headers
        .iter()
        .map(|(n, v)| format!("{}: {}", String::from_utf8_lossy(n), String::from_utf8_lossy(v)))
        .collect()
}

#[test]
fn every_known_name_is_recognised_in_any_case() {
    for (known, name) in NAMES {
        assert_eq!(Known::of(name.as_bytes()), known, "{name}");
        assert_eq!(Known::of(name.to_uppercase().as_bytes()), known, "{name}");
        assert_eq!(Known::of(format!("{name}x").as_bytes()), Known::Other, "{name}x");
    }
}

#[test]
fn order_and_case_survive() {
    let headers = of(&[("hOsT", "a"), ("X-B", "1"), ("x-b", "2")]);
    assert_eq!(written(&headers), ["hOsT: a", "X-B: 1", "x-b: 2"]);
}

#[test]
fn names_match_without_regard_to_case() {
    let headers = of(&[("X-Tenant", "t1"), ("x-tenant", "t2"), ("HOST", "h")]);
    assert_eq!(headers.get_all("X-TENANT").collect::<Vec<_>>(), [b"t1", b"t2"]);
    assert_eq!(headers.get("host"), Some(&b"h"[..]));
    assert!(!headers.contains("x-ten"));
}

#[test]
fn set_keeps_the_first_place_and_drops_the_rest() {
    let mut headers = of(&[("X-B", "1"), ("Accept", "x"), ("x-b", "2")]);
    headers.set("x-B", b"new").expect("valid");
    assert_eq!(written(&headers), ["X-B: new", "Accept: x"]);
    headers.set("accept", b"y").expect("valid");
    headers.set("Via", b"1.1 g").expect("valid");
    assert_eq!(written(&headers), ["X-B: new", "Accept: y", "Via: 1.1 g"]);
}

#[test]
fn remove_takes_every_field_of_the_name() {
    let mut headers = of(&[("Cookie", "a"), ("X-A", "1"), ("cookie", "b"), ("x-a", "2")]);
    headers.remove("COOKIE");
    assert_eq!(headers.known(Known::Cookie), None);
    assert_eq!(headers.get_all("cookie").count(), 0);
    assert_eq!((headers.len(), written(&headers).len()), (2, 2));
    headers.remove("X-a");
    assert!(headers.is_empty());
    headers.remove("X-a");
    assert_eq!(headers.len(), 0);
}

#[test]
fn a_removed_known_name_can_be_added_again() {
    let mut headers = of(&[("Host", "a")]);
    headers.remove("host");
    headers.append("Host", b"b").expect("valid");
    assert_eq!(headers.known(Known::Host), Some(&b"b"[..]));
    assert_eq!(written(&headers), ["Host: b"]);
}

#[test]
fn retain_forgets_names_that_are_gone() {
    let mut headers = of(&[("Host", "a"), ("Via", "b")]);
    headers.retain(|known, _, _| known != Known::Host);
    assert!(!headers.has(Known::Host));
    assert!(headers.has(Known::Via));
}

#[test]
fn a_field_that_could_split_a_message_is_refused() {
    let mut headers = Headers::default();
    assert_eq!(headers.append("X-A", b"1\r\nX-B: 2"), Err(InvalidField::Value));
    assert_eq!(headers.set("X-A", b"\0"), Err(InvalidField::Value));
    assert_eq!(headers.append("X A", b"1"), Err(InvalidField::Name));
    assert_eq!(headers.append("", b"1"), Err(InvalidField::Name));
    assert!(headers.is_empty());
    headers.append("X-A", b"\xe4\t ok").expect("obs-text and tab are allowed");
}

#[test]
fn a_value_is_copied_under_another_name() {
    let mut headers = of(&[("Host", "shop"), ("Accept", "x")]);
    headers.copy_known(Known::Host, Known::XForwardedHost, "X-Forwarded-Host");
    headers.copy_known(Known::Via, Known::Forwarded, "Forwarded");
    assert_eq!(
        written(&headers),
        ["Host: shop", "Accept: x", "X-Forwarded-Host: shop", "Forwarded: "]
    );
}

#[test]
fn a_known_name_is_set_in_place_and_once() {
    let mut headers = of(&[("server", "nginx"), ("Date", "now"), ("Via", "a"), ("via", "b")]);
    headers.set_known(Known::Server, "Server", b"gatewright");
    headers.set_known(Known::Via, "Via", b"c");
    headers.set_known(Known::Forwarded, "Forwarded", b"d");
    assert_eq!(written(&headers), ["server: gatewright", "Date: now", "Via: c", "Forwarded: d"]);
    headers.remove_known(Known::Server);
    headers.set_known(Known::Server, "Server", b"e");
    assert_eq!(written(&headers), ["Date: now", "Via: c", "Forwarded: d", "Server: e"]);
}

#[test]
fn lines_replace_what_a_client_sent_of_the_same_names() {
    let mut lines = Lines::default();
    lines.append(Known::XRealIp, "X-Real-IP", b"192.0.2.7");
    lines.append(Known::Via, "Via", b"1.1 gatewright");
    let mut headers = Headers::default();
    headers.append("x-real-ip", b"lie").expect("a good field");
    headers.append("X-Other", b"1").expect("a good field");
    headers.append("X-REAL-IP", b"another").expect("a good field");
    headers.set_lines(&lines);
    headers.set_lines(&lines);
    let fields: Vec<_> = headers.iter().collect();
    assert_eq!(
        fields,
        [
            (&b"X-Other"[..], &b"1"[..]),
            (&b"X-Real-IP"[..], &b"192.0.2.7"[..]),
            (&b"Via"[..], &b"1.1 gatewright"[..])
        ]
    );
}
