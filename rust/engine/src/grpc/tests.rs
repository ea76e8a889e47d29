use gateway_net::h1::{RequestHead, Version};

use super::{is_content, is_spoken, message, status, timeout_us};
use crate::observe::flags::Flag;

fn request(name: &str, value: &str) -> RequestHead {
    let mut request = RequestHead { version: Version::Http2, ..RequestHead::default() };
    request.headers.append(name, value.as_bytes()).expect("a field");
    request
}

#[test]
fn only_grpcs_own_content_is_grpc() {
    for kind in ["application/grpc", "application/grpc+proto", "Application/GRPC; charset=x"] {
        assert!(is_content(&request("content-type", kind)), "{kind}");
    }
    for kind in ["application/grpc-web", "application/grpc-web+proto", "application/json", "a"] {
        assert!(!is_content(&request("content-type", kind)), "{kind}");
    }
    assert!(!is_content(&RequestHead::default()));
}

#[test]
fn grpc_is_spoken_over_http_2_alone() {
    let mut request = request("content-type", "application/grpc");
    assert!(is_spoken(&request));
    request.version = Version::Http11;
    assert!(!is_spoken(&request));
}

#[test]
fn timeouts_have_a_unit() {
    let us = |text: &str| timeout_us(&request("grpc-timeout", text));
    assert_eq!(us("2H"), Some(7_200_000_000));
    assert_eq!(us("3M"), Some(180_000_000));
    assert_eq!(us("99999999S"), Some(99_999_999_000_000));
    assert_eq!(us("100m"), Some(100_000));
    assert_eq!(us("7u"), Some(7));
    assert_eq!(us("7000n"), Some(7));
}

#[test]
fn no_time_is_little_time_and_not_no_limit() {
    assert_eq!(timeout_us(&request("grpc-timeout", "0S")), Some(1));
    assert_eq!(timeout_us(&request("grpc-timeout", "1n")), Some(1));
}

#[test]
fn malformed_timeouts_are_none() {
    for text in ["S", "1", "1s", "123456789S", "-1S", "1 S", ""] {
        assert_eq!(timeout_us(&request("grpc-timeout", text)), None, "{text:?}");
    }
    assert_eq!(timeout_us(&RequestHead::default()), None);
}

#[test]
fn statuses_are_those_of_the_mapping() {
    let table = [(400, 13), (401, 16), (403, 7), (404, 12), (429, 14), (502, 14), (503, 14)];
    for (http, grpc) in table {
        assert_eq!(status(Flag::GatewayError, http), grpc, "{http}");
    }
    assert_eq!(status(Flag::GatewayError, 500), 2);
    assert_eq!(status(Flag::UpstreamTimeout, 504), 14);
    assert_eq!(status(Flag::TotalTimeout, 504), 4);
    assert_eq!(status(Flag::ClientLimit, 413), 8);
}

#[test]
fn messages_are_percent_encoded() {
    assert_eq!(message("no route"), "no route");
    assert_eq!(message("50% \u{e4}\n"), "50%25 %C3%A4%0A");
}
