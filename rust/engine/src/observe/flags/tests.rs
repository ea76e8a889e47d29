use std::collections::HashSet;

use super::*;
use crate::observe::generated::assert_page;

#[test]
fn the_table_is_in_the_order_of_the_flags() {
    for (position, row) in TABLE.iter().enumerate() {
        assert_eq!(row.flag as usize, position, "{}", row.code);
        assert_eq!(row.flag.meaning().code, row.code);
    }
}

#[test]
fn codes_are_two_capital_letters_and_unique() {
    let mut seen = HashSet::new();
    for row in &TABLE {
        assert!(seen.insert(row.code), "{} is used twice", row.code);
        assert_eq!(row.code.len(), 2);
        assert!(row.code.bytes().all(|byte| byte.is_ascii_uppercase()), "{}", row.code);
    }
}

#[test]
fn every_row_is_a_paragraph_that_ends() {
    for row in &TABLE {
        assert!(row.meaning.ends_with('.') && row.action.ends_with('.'), "{}", row.code);
        assert!(!row.meaning.contains("  ") && !row.action.contains("  "), "{}", row.code);
    }
}

#[test]
fn proxy_status_uses_only_registered_error_types() {
    // RFC 9209 sections 2.3.1 to 2.3.33.
    let registered = [
        "dns_timeout",
        "dns_error",
        "destination_not_found",
        "destination_unavailable",
        "destination_ip_prohibited",
        "destination_ip_unroutable",
        "connection_refused",
        "connection_terminated",
        "connection_timeout",
        "connection_read_timeout",
        "connection_write_timeout",
        "connection_limit_reached",
        "tls_protocol_error",
        "tls_certificate_error",
        "tls_alert_received",
        "http_request_error",
        "http_request_denied",
        "http_response_incomplete",
        "http_response_header_section_size",
        "http_response_header_size",
        "http_response_body_size",
        "http_response_trailer_section_size",
        "http_response_trailer_size",
        "http_response_transfer_coding",
        "http_response_content_coding",
        "http_response_timeout",
        "http_upgrade_failed",
        "http_protocol_error",
        "proxy_internal_response",
        "proxy_internal_error",
        "proxy_configuration_error",
        "proxy_loop_detected",
    ];
    for error in TABLE.iter().filter_map(|row| row.proxy_status) {
        assert!(registered.contains(&error), "{error}");
    }
}

#[test]
fn no_flag_is_a_dash() {
    let mut out = Vec::new();
    Flags::NONE.append_codes(&mut out);
    assert_eq!(out, b"-");
    assert_eq!(Flags::NONE.to_string(), "-");
    assert_eq!(Flags::NONE.iter().count(), 0);
}

#[test]
fn a_flag_raised_twice_is_raised_once() {
    let mut flags = Flags::from(Flag::UpstreamTimeout);
    flags.raise(Flag::UpstreamTimeout);
    assert_eq!(flags.to_string(), "UT");
    assert!(flags.has(Flag::UpstreamTimeout) && !flags.has(Flag::NoRoute));
}

#[test]
fn codes_stand_in_the_order_of_the_table() {
    let mut flags = Flags::NONE;
    for row in TABLE.iter().rev() {
        flags.raise(row.flag);
    }
    let expected: Vec<_> = TABLE.iter().map(|row| row.code).collect();
    assert_eq!(flags.to_string(), expected.join(","));
    let mut out = Vec::new();
    flags.append_codes(&mut out);
    assert_eq!(out, expected.join(",").as_bytes());
}

#[test]
fn the_manual_page_is_the_table() {
    assert_page("docs/response-flags.md", &markdown());
}
