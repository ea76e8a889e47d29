use serde_json::{Value, json};

use super::{Answer, Body, error_msg, problem, proxy_status};
use crate::observe::flags::{Flag, Side, TABLE};

#[test]
fn apisix_words_stand_in_apisix_shape() {
    let answer = Answer::error_msg(404, Flag::NoRoute, "404 Route Not Found");
    let Body::ErrorMsg(text) = &answer.body else { panic!("the text is known") };
    assert_eq!(error_msg(text), b"{\"error_msg\":\"404 Route Not Found\"}\n");
    assert_eq!(answer.content_type, "text/plain; charset=utf-8");
}

#[test]
fn a_problem_names_status_flag_and_request() {
    let text = problem(504, Some(Flag::UpstreamTimeout), "a \"detail\"", 0xabc);
    let document: Value = serde_json::from_slice(&text).expect("problems are JSON");
    let wanted = json!({
        "type": "about:blank",
        "title": "Gateway Timeout",
        "status": 504,
        "detail": "a \"detail\"",
        "request_id": format!("{:032x}", 0xabc),
        "flag": "UT",
    });
    assert_eq!(document, wanted);
}

#[test]
fn a_client_is_not_told_an_upstreams_address() {
    for meaning in &TABLE {
        let answer = Answer::failure("10.0.0.7:80 refused", meaning.flag, 502);
        let Body::Problem(detail) = answer.body else { panic!("it is a problem") };
        assert_eq!(detail.contains("10.0.0.7"), meaning.side != Side::Upstream, "{detail}");
    }
}

#[test]
fn proxy_status_is_a_structured_field() {
    for meaning in &TABLE {
        let value = proxy_status(meaning.flag);
        assert!(value.starts_with("gatewright; "), "{value}");
        assert!(value.ends_with(&format!("details=\"{}\"", meaning.code)), "{value}");
    }
    assert_eq!(
        proxy_status(Flag::UpstreamConnect),
        "gatewright; error=connection_refused; details=\"UF\""
    );
}

#[test]
fn a_client_of_grpc_is_told_in_its_terms() {
    let answer = Answer::error_msg(404, Flag::NoRoute, "404 Route Not Found");
    let answer = answer.in_grpc(Flag::NoRoute);
    let fields: Vec<_> = answer.fields.iter().map(|(name, value)| (*name, &**value)).collect();
    let wanted = [
        ("content-type", "application/grpc"),
        ("grpc-status", "12"),
        ("grpc-message", "404 Route Not Found"),
    ];
    assert_eq!((answer.status, fields), (200, wanted.to_vec()));
    assert!(matches!(&answer.body, Body::Bytes(bytes) if bytes.is_empty()));
}
