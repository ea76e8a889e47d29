use super::fields;
use crate::h1::{
    Form, Framing, Limits, Method, Reject, RequestHead, RequestReader, Upgrade, Version,
};
use crate::h1::{strip_hop_by_hop, strip_twins};

fn parse(input: impl AsRef<[u8]>) -> Result<RequestHead, Reject> {
    let input = input.as_ref();
    let mut head = RequestHead::default();
    let read = RequestReader::default().parse(input, &Limits::default(), &mut head)?;
    assert_eq!(read, Some(input.len()), "the head is complete");
    Ok(head)
}

/// A GET with these field lines after a Host.
fn with(lines: &str) -> Result<RequestHead, Reject> {
    parse(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"))
}

/// What is said of the first bytes of a request.
fn begun(input: &[u8]) -> Result<Option<usize>, Reject> {
    RequestReader::default().parse(input, &Limits::default(), &mut RequestHead::default())
}

#[test]
fn a_plain_request_is_read_whole() {
    let head = parse("GET /a/b?c=d HTTP/1.1\r\nHost: x:80\r\nUser-Agent:  wrk \r\nX-E:\r\n\r\n")
        .expect("valid");
    assert_eq!(head.method, Method::Get);
    assert_eq!(head.version, Version::Http11);
    assert_eq!(head.raw_target(), b"/a/b?c=d");
    assert_eq!(head.path(), b"/a/b");
    assert_eq!(head.query(), Some(&b"c=d"[..]));
    assert_eq!(head.headers.bytes(head.line), b"GET /a/b?c=d HTTP/1.1");
    assert_eq!(fields(&head.headers), ["Host: x:80", "User-Agent: wrk", "X-E: "]);
    assert_eq!(head.framing, Framing::None);
    assert!(head.keep_alive);
}

#[test]
fn what_follows_the_head_is_left_alone() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next";
    assert_eq!(begun(input), Ok(Some(input.len() - 9)));
}

#[test]
fn malformed_request_lines_are_refused() {
    let cases: &[(&[u8], Reject)] = &[
        (b"GET  / HTTP/1.1\r\n", Reject::Target),
        (b"GET /  HTTP/1.1\r\n", Reject::Version),
        (b"GET / HTTP/1.1 \r\n", Reject::LineEnd),
        (b"GET\t/ HTTP/1.1\r\n", Reject::Method),
        (b"GET /\r\n", Reject::Target),
        (b"GET /a\tb HTTP/1.1\r\n", Reject::Target),
        (b"GET /a#b HTTP/1.1\r\n", Reject::Target),
        (b"GET /\xc3\xa9 HTTP/1.1\r\n", Reject::Target),
        (b"GET /\x7f HTTP/1.1\r\n", Reject::Target),
        (b"GET a HTTP/1.1\r\n", Reject::Target),
        (b"GET ftp://a/ HTTP/1.1\r\n", Reject::Target),
        (b"GET http:///a HTTP/1.1\r\n", Reject::HostInvalid),
        (b"GET http://u@a/ HTTP/1.1\r\n", Reject::HostInvalid),
        (b"GET * HTTP/1.1\r\n", Reject::TargetForm),
        (b"OPTIONS *a HTTP/1.1\r\n", Reject::Target),
        (b"CONNECT / HTTP/1.1\r\n", Reject::TargetForm),
        (b"CONNECT a HTTP/1.1\r\n", Reject::TargetForm),
        (b"GET / http/1.1\r\n", Reject::Version),
        (b"GET / HTTP/1\r\n", Reject::Version),
        (b"GET / HTTP/11\r\n", Reject::Version),
        (b"GET / HTTP/1.1x\r\n", Reject::LineEnd),
        (b"GET / HTTP/1.2\r\n", Reject::VersionUnsupported),
        (b"GET / HTTP/2.0\r\n", Reject::VersionUnsupported),
        (b"GET / HTTP/0.9\r\n", Reject::VersionUnsupported),
        (b"GET / HTTP/1.1\n", Reject::LineEnd),
        (b"GET / HTTP/1.1\rX", Reject::LineEnd),
        (b"get / HTTP/1.1\r\n", Reject::MethodUnknown),
        (b"AAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n", Reject::MethodUnknown),
        (b"\r\nGET / HTTP/1.1\r\n", Reject::Method),
        (b" GET / HTTP/1.1\r\n", Reject::Method),
        (b"G(T / HTTP/1.1\r\n", Reject::Method),
        (b"\x16\x03\x01", Reject::Method),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Reject::Http2Preface),
        (b"PRI * HTTP/2.0\r\nHost: a\r\n\r\n", Reject::TargetForm),
    ];
    for (input, reject) in cases {
        assert_eq!(begun(input), Err(*reject), "{}", input.escape_ascii());
    }
}

#[test]
fn malformed_fields_are_refused() {
    let cases = [
        ("X-A: 1\n", Reject::LineEnd),
        ("X-A: 1\rX-B: 2\r\n", Reject::LineEnd),
        ("X-A: 1\r\r\n", Reject::LineEnd),
        ("X-A : 1\r\n", Reject::FieldName),
        ("X A: 1\r\n", Reject::FieldName),
        (": 1\r\n", Reject::FieldName),
        ("X-A\r\n", Reject::LineEnd),
        ("X-A\0: 1\r\n", Reject::FieldName),
        ("X-\u{e9}: 1\r\n", Reject::FieldName),
        (" X-A: 1\r\n", Reject::Fold),
        ("X-A: 1\r\n\tfold\r\n", Reject::Fold),
        ("X-A: \0\r\n", Reject::FieldValue),
        ("X-A: a\u{1b}[m\r\n", Reject::FieldValue),
        ("X-A: \u{7f}\r\n", Reject::FieldValue),
    ];
    for (lines, reject) in cases {
        assert_eq!(with(lines).map(|_| ()), Err(reject), "{}", lines.escape_debug());
    }
    let head = with("X-A: a\tb\u{e9}\r\n").expect("tab and obs-text are allowed");
    assert_eq!(head.headers.get("x-a"), Some("a\tb\u{e9}".as_bytes()));
}

#[test]
fn a_body_has_one_length_or_is_chunked() {
    assert_eq!(with("").expect("valid").framing, Framing::None);
    assert_eq!(with("Content-Length: 0\r\n").expect("valid").framing, Framing::Length(0));
    assert_eq!(with("content-length:42 \r\n").expect("valid").framing, Framing::Length(42));
    assert_eq!(with("Transfer-Encoding: Chunked\r\n").expect("valid").framing, Framing::Chunked);
    assert_eq!(with("Transfer-Encoding:chunked\r\n").expect("valid").framing, Framing::Chunked);
    let cases = [
        ("Content-Length: +1\r\n", Reject::ContentLength),
        ("Content-Length: -1\r\n", Reject::ContentLength),
        ("Content-Length: 0x1\r\n", Reject::ContentLength),
        ("Content-Length: 1, 1\r\n", Reject::ContentLength),
        ("Content-Length: 1 1\r\n", Reject::ContentLength),
        ("Content-Length: \r\n", Reject::ContentLength),
        ("Content-Length: 1e3\r\n", Reject::ContentLength),
        ("Content-Length: 18446744073709551616\r\n", Reject::ContentLength),
        ("Content-Length: 1000000000000000000\r\n", Reject::ContentLength),
        ("Content-Length: 1\r\nContent-Length: 1\r\n", Reject::ContentLength),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", Reject::LengthAndCoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", Reject::LengthAndCoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: chunked, chunked\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: identity\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: identity, chunked\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: chunked,\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: ,chunked\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding:\tchunked\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding:  chunked\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: chunked \r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: chunked;q=1\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: \r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: chunked x\r\n", Reject::TransferEncoding),
        ("Transfer-Encoding: xchunked\r\n", Reject::CodingUnknown),
        ("Transfer-Encoding: gzip\r\n", Reject::CodingUnknown),
        ("Transfer-Encoding: gzip, chunked\r\n", Reject::CodingUnknown),
    ];
    for (lines, reject) in cases {
        assert_eq!(with(lines).map(|_| ()), Err(reject), "{}", lines.escape_debug());
    }
    let old = parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(old.map(|_| ()), Err(Reject::CodingVersion));
}

#[test]
fn host_is_there_once_and_valid() {
    for host in ["a", "A.b-c_d", "a:1", "1.2.3.4:80", "[::1]", "[2001:db8::1]:443", "a%2Fb"] {
        let head = parse(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).expect(host);
        assert_eq!(head.host(), Some(host.as_bytes()));
    }
    for host in [
        "",
        "a b",
        "a/b",
        "a@b",
        "a:b",
        "a:",
        "a:99999",
        "a:-1",
        "a:1:2",
        ":80",
        "[::1",
        "[]",
        "[g]",
        "[::1]x",
        "a\\b",
        "a?b",
        "a%2",
        "a\u{e9}",
        "a\"",
        "[fe80::1%25eth0]",
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(parse(request).map(|_| ()), Err(Reject::HostInvalid), "{host}");
    }
    assert_eq!(parse("GET / HTTP/1.1\r\n\r\n").map(|_| ()), Err(Reject::HostMissing));
    assert_eq!(with("Host: a\r\n").map(|_| ()), Err(Reject::HostRepeated));
    assert_eq!(parse("GET / HTTP/1.0\r\n\r\n").expect("HTTP/1.0 needs none").host(), None);
}

#[test]
fn the_absolute_form_replaces_host() {
    let head = parse("GET HTTP://b:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n").expect("valid");
    assert_eq!(head.target.form, Form::Absolute);
    assert_eq!(head.host(), Some(&b"b:81"[..]));
    assert_eq!((head.path(), head.query()), (&b"/p"[..], Some(&b"q"[..])));
    assert_eq!(head.raw_target(), b"HTTP://b:81/p?q");

    let head = parse("GET https://b?q HTTP/1.0\r\n\r\n").expect("valid");
    assert_eq!(head.host(), Some(&b"b"[..]));
    assert_eq!(head.origin(), b"/?q");
    assert_eq!((head.path(), head.query()), (&b"/"[..], Some(&b"q"[..])));
    assert!(head.target.https);

    let head = parse("GET http://b HTTP/1.1\r\nHost: b\r\n\r\n").expect("valid");
    assert_eq!((head.path(), head.query()), (&b"/"[..], None));
    let head = parse("OPTIONS http://b HTTP/1.1\r\nHost: b\r\n\r\n").expect("valid");
    assert_eq!(head.path(), b"*");
    let missing = parse("GET http://b/ HTTP/1.1\r\n\r\n");
    assert_eq!(missing.map(|_| ()), Err(Reject::HostMissing));
}

#[test]
fn asterisk_and_authority_have_their_methods() {
    let head = parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").expect("valid");
    assert_eq!((head.target.form, head.path(), head.query()), (Form::Asterisk, &b"*"[..], None));
    let head = parse("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n").expect("valid");
    assert_eq!((head.target.form, head.path()), (Form::Authority, &b"a:443"[..]));
}

#[test]
fn keep_alive_follows_version_and_connection() {
    let old = |lines: &str| {
        let head = parse(format!("GET / HTTP/1.0\r\n{lines}\r\n")).expect("valid");
        head.keep_alive
    };
    assert!(with("").expect("valid").keep_alive);
    assert!(!with("Connection: x-a , Close\r\n").expect("valid").keep_alive);
    assert!(!with("Connection: keep-alive\r\nConnection: close\r\n").expect("valid").keep_alive);
    assert!(!old(""));
    assert!(old("Connection: Keep-Alive\r\n"));
    assert!(!old("Connection: keep-alive, close\r\n"));
    for value in ["a b", "\"close\"", "close;", "Host", "x, content-length"] {
        let lines = format!("Connection: {value}\r\n");
        assert_eq!(with(&lines).map(|_| ()), Err(Reject::Connection), "{value}");
    }
}

#[test]
fn an_upgrade_needs_both_fields_and_version_1_1() {
    let both = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
    assert_eq!(with(both).expect("valid").upgrade, Upgrade::WebSocket);
    assert_eq!(with("Upgrade: websocket\r\n").expect("valid").upgrade, Upgrade::None);
    assert_eq!(with("Connection: upgrade\r\n").expect("valid").upgrade, Upgrade::None);
    let other = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n";
    assert_eq!(with(other).expect("valid").upgrade, Upgrade::Other);
    let list = "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n";
    assert_eq!(with(list).expect("valid").upgrade, Upgrade::Other);
    let body = format!("{both}Content-Length: 1\r\n");
    assert_eq!(with(&body).expect("valid").upgrade, Upgrade::Other);
    let old = parse(format!("GET / HTTP/1.0\r\nHost: a\r\n{both}\r\n")).expect("valid");
    assert_eq!(old.upgrade, Upgrade::None);
}

#[test]
fn expectations_are_met_or_refused() {
    let body = "Content-Length: 1\r\n";
    let expect = |lines: &str| with(lines).expect("valid").expect_continue;
    assert!(expect(&format!("Expect: 100-Continue\r\n{body}")));
    assert!(!expect("Expect: 100-continue\r\n"), "without a body there is nothing to wait for");
    assert!(!expect(body));
    assert_eq!(with("Expect: 200-ok\r\n").map(|_| ()), Err(Reject::Expectation));
    let old = parse("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert!(!old.expect("valid").expect_continue);
}

#[test]
fn limits_hold_to_the_byte() {
    let limits = Limits { line: 20, block: 30, fields: 3 };
    let read = |input: &str| {
        let mut head = RequestHead::default();
        RequestReader::default().parse(input.as_bytes(), &limits, &mut head)
    };
    // 20 bytes of line, 30 of block
    assert_eq!(read("GET /23456 HTTP/1.1\r"), Err(Reject::LineTooLong));
    assert_eq!(read("GET /2345 HTTP/1.1\r\nHost: a\r\nX: 56789012345678\r\n\r\n"), Ok(Some(50)));
    assert_eq!(
        read("GET /2345 HTTP/1.1\r\nHost: a\r\nX: 567890123456789\r\n\r\n"),
        Err(Reject::BlockTooLarge)
    );
    assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\nB:\r\nC:\r\n\r\n"), Ok(Some(35)));
    assert_eq!(
        read("GET / HTTP/1.1\r\nHost: a\r\nB:\r\nC:\r\nD:\r\n\r\n"),
        Err(Reject::TooManyFields)
    );
}

#[test]
fn what_is_malformed_is_refused_before_the_head_is_complete() {
    assert_eq!(begun(b"\x16"), Err(Reject::Method));
    assert_eq!(begun(b"GET /\x01"), Err(Reject::Target));
    assert_eq!(begun(b"GET / HTTX"), Err(Reject::Version));
    assert_eq!(begun(b"GET / HTTP/1.1\r\nX-A "), Err(Reject::FieldName));
    assert_eq!(begun(b"GET / HTTP/1.1\r\nX: 1\n"), Err(Reject::LineEnd));
    assert_eq!(begun(b"GET / HTTP/1.1\r\nContent-Length: x\r\n"), Err(Reject::ContentLength));
    assert_eq!(begun(b"PRI * HTTP/2.0\r\n\r\nSM\r\n"), Ok(None));
    assert_eq!(begun(b""), Ok(None));
}

#[test]
fn a_head_that_drips_is_read_like_one_that_is_there() {
    let input =
        b"POST http://h:1/a?b HTTP/1.1\r\nHost: a\r\nX_Y: 1\r\nContent-Length: 3\r\n\r\nabc";
    let (mut reader, mut head) = (RequestReader::default(), RequestHead::default());
    for end in 0..input.len() - 3 {
        assert_eq!(reader.parse(&input[..end], &Limits::default(), &mut head), Ok(None));
    }
    assert_eq!(reader.parse(input, &Limits::default(), &mut head), Ok(Some(input.len() - 3)));
    assert_eq!(fields(&head.headers), ["Host: h:1", "X_Y: 1", "Content-Length: 3"]);
    assert_eq!((head.framing, head.twins), (Framing::Length(3), true));
}

#[test]
fn a_reader_and_its_head_serve_the_next_request() {
    let (mut reader, mut head) = (RequestReader::default(), RequestHead::default());
    let first = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let second = b"GET /b HTTP/1.1\r\nHost: b\r\n\r\n";
    for (input, length) in [(&first[..], Framing::Length(0)), (&second[..], Framing::None)] {
        assert_eq!(reader.parse(input, &Limits::default(), &mut head), Ok(Some(input.len())));
        assert_eq!(head.framing, length);
    }
    assert_eq!((head.path(), head.headers.len()), (&b"/b"[..], 1));
    assert!(head.keep_alive);
}

#[test]
fn hop_by_hop_fields_and_what_connection_names_are_stripped() {
    let mut head = with(
        "Connection: close, X-Own, x-forwarded-for\r\nKeep-Alive: 5\r\nX-Own: 1\r\nTE: trailers\r\n\
         Proxy-Connection: close\r\nProxy-Authorization: x\r\nTrailer: X-T\r\nX-Forwarded-For: 1\r\n\
         Upgrade: h2c\r\nX-Other: 2\r\n",
    )
    .expect("valid");
    assert!(head.te_trailers);
    strip_hop_by_hop(&mut head.headers, true);
    assert_eq!(
        fields(&head.headers),
        ["Host: a", "Trailer: X-T", "X-Forwarded-For: 1", "X-Other: 2"]
    );
}

#[test]
fn twins_are_stripped_and_the_name_itself_stays() {
    let mut head = with(
        "X-Real-IP: 1\r\nX_Real_IP: 2\r\nx.real-ip: 3\r\nX_Other: 4\r\nX-Consumer: 5\r\nX_Consumer: 6\r\n",
    )
    .expect("valid");
    assert!(head.twins);
    strip_twins(&mut head.headers, &["X-Real-IP", "X-Consumer"]);
    assert_eq!(fields(&head.headers), ["Host: a", "X-Real-IP: 1", "X_Other: 4", "X-Consumer: 5"]);
    assert!(!with("X-Real-IP: 1\r\n").expect("valid").twins);
}

#[test]
fn what_is_refused_leaves_its_request_line_for_the_log() {
    let (mut reader, mut head) = (RequestReader::default(), RequestHead::default());
    let mut refused = |input: &[u8]| {
        assert!(reader.parse(input, &Limits::default(), &mut head).is_err());
        let line = head.headers.bytes(head.line).escape_ascii().to_string();
        (line, String::from_utf8_lossy(head.path()).into_owned(), head.headers.len())
    };
    let owned = |line: &str, path: &str| (line.to_string(), path.to_string(), 0);
    let input = b"GET /a?b HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n";
    assert_eq!(refused(input), owned("GET /a?b HTTP/1.1", "/a"));
    assert_eq!(refused(b"GET /a#b HTTP/1.1\r\n"), owned("GET /a#b HTTP/1.1", ""));
    assert_eq!(refused(b"\x16\x03\x01"), owned("\\x16\\x03\\x01", ""));
    assert_eq!(refused(&[0; 999]).0.len(), 4 * 256);
}

#[test]
fn a_head_that_is_given_up_leaves_its_request_line_and_no_fields() {
    let (mut reader, mut head) = (RequestReader::default(), RequestHead::default());
    let input = b"GET http://h/a HTTP/1.1\r\nHost: a\r\nX";
    assert_eq!(reader.parse(input, &Limits::default(), &mut head), Ok(None));
    assert_eq!(head.host(), Some(&b""[..]), "nothing is copied yet");
    reader.abandon(input, &mut head);
    assert_eq!(head.headers.bytes(head.line), b"GET http://h/a HTTP/1.1");
    assert_eq!((head.path(), head.host()), (&b"/a"[..], None));
}
