use super::*;

fn zone(posix: &str) -> TimeZone {
    TimeZone::posix(posix).expect("a POSIX zone")
}

fn msec(clock: &Clock) -> String {
    let mut out = Vec::new();
    clock.append_msec(&mut out);
    String::from_utf8(out).expect("digits")
}

#[test]
fn the_date_is_the_one_of_rfc_9110() {
    let clock = Clock::utc(784_111_777_000);
    assert_eq!(&clock.http_date(), b"Sun, 06 Nov 1994 08:49:37 GMT");
}

#[test]
fn log_times_are_those_of_nginx() {
    let clock = Clock::utc(1_700_000_000_000);
    assert_eq!(&clock.time_local(), b"14/Nov/2023:22:13:20 +0000");
    assert_eq!(&clock.time_iso8601(), b"2023-11-14T22:13:20+00:00");
}

#[test]
fn msec_keeps_its_leading_zeros() {
    let clock = Clock::utc(1_700_000_000_007);
    assert_eq!(msec(&clock), "1700000000.007");
    clock.refresh(1_700_000_000_120);
    assert_eq!(msec(&clock), "1700000000.120");
    clock.refresh(1_700_000_001_999);
    assert_eq!(msec(&clock), "1700000001.999");
}

#[test]
fn a_new_second_renews_every_text() {
    let clock = Clock::utc(1_700_000_000_000);
    clock.refresh(1_700_000_000_999);
    assert_eq!(&clock.http_date(), b"Tue, 14 Nov 2023 22:13:20 GMT");
    clock.refresh(1_700_000_001_000);
    assert_eq!(&clock.http_date(), b"Tue, 14 Nov 2023 22:13:21 GMT");
    assert_eq!(&clock.time_local(), b"14/Nov/2023:22:13:21 +0000");
    assert_eq!(&clock.time_iso8601(), b"2023-11-14T22:13:21+00:00");
    assert_eq!(clock.unix_ms(), 1_700_000_001_000);
}

#[test]
fn a_clock_that_is_set_back_is_believed() {
    let clock = Clock::utc(1_700_000_000_000);
    clock.refresh(1_699_999_999_000);
    assert_eq!(&clock.http_date(), b"Tue, 14 Nov 2023 22:13:19 GMT");
}

#[test]
fn the_date_is_gmt_in_every_zone() {
    let clock = Clock::in_zone(zone("IST-5:30"), 1_700_000_000_000);
    assert_eq!(&clock.http_date(), b"Tue, 14 Nov 2023 22:13:20 GMT");
    assert_eq!(&clock.time_local(), b"15/Nov/2023:03:43:20 +0530");
    assert_eq!(&clock.time_iso8601(), b"2023-11-15T03:43:20+05:30");
}

#[test]
fn a_zone_west_of_greenwich_has_a_minus() {
    let clock = Clock::in_zone(zone("NST3:30"), 1_700_000_000_000);
    assert_eq!(&clock.time_local(), b"14/Nov/2023:18:43:20 -0330");
    assert_eq!(&clock.time_iso8601(), b"2023-11-14T18:43:20-03:30");
}

#[test]
fn summer_time_begins_while_the_clock_runs() {
    // 2024-03-31T01:00:00Z, when central Europe goes from +0100 to +0200.
    let change = 1_711_846_800_000;
    let clock = Clock::in_zone(zone("CET-1CEST,M3.5.0,M10.5.0/3"), change - 1000);
    assert_eq!(&clock.time_local(), b"31/Mar/2024:01:59:59 +0100");
    clock.refresh(change);
    assert_eq!(&clock.time_local(), b"31/Mar/2024:03:00:00 +0200");
}

#[test]
fn the_end_of_time_is_a_time() {
    let clock = Clock::utc(u64::MAX);
    assert_eq!(clock.time_iso8601().len(), TIME_ISO8601_LEN);
    assert_eq!(&clock.time_iso8601()[..4], b"9999");
}

#[test]
fn every_day_agrees_with_an_independent_formatter() {
    let clock = Clock::utc(0);
    for day in 0..40_000_u64 {
        let seconds = day * 86_400 + day % 86_400;
        clock.refresh(seconds * 1000);
        let expected = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        assert_eq!(clock.http_date(), httpdate::fmt_http_date(expected).as_bytes());
    }
}
