use super::fields;
use crate::h1::{Framing, Limits, Method, Reject, ResponseHead, ResponseReader, Upgrade, Version};

fn answer(method: Method, input: &str) -> Result<ResponseHead, Reject> {
    let mut head = ResponseHead::default();
    let read = ResponseReader::default().parse(
        input.as_bytes(),
        &method,
        &Limits::default(),
        &mut head,
    )?;
    assert_eq!(read, Some(input.len()), "the head is complete");
    Ok(head)
}

fn get(input: &str) -> Result<ResponseHead, Reject> {
    answer(Method::Get, input)
}

fn begun(input: &[u8]) -> Result<Option<usize>, Reject> {
    let mut head = ResponseHead::default();
    ResponseReader::default().parse(input, &Method::Get, &Limits::default(), &mut head)
}

#[test]
fn a_plain_answer_is_read_whole() {
    let head =
        get("HTTP/1.1 200 All fine\r\nServer: x\r\ncontent-length: 3\r\n\r\n").expect("valid");
    assert_eq!((head.status, head.version), (200, Version::Http11));
    assert_eq!(head.headers.bytes(head.reason), b"All fine");
    assert_eq!(fields(&head.headers), ["Server: x", "content-length: 3"]);
    assert_eq!((head.framing, head.keep_alive), (Framing::Length(3), true));
}

#[test]
fn a_reason_may_be_empty_or_missing() {
    for line in ["HTTP/1.1 404 \r\n\r\n", "HTTP/1.1 404\r\n\r\n"] {
        let head = get(line).expect(line);
        assert_eq!((head.status, head.headers.bytes(head.reason)), (404, &b""[..]));
    }
}

#[test]
fn malformed_status_lines_are_refused() {
    let cases: &[(&[u8], Reject)] = &[
        (b"HTTP/1.1 20\r", Reject::Status),
        (b"HTTP/1.1 2000 OK\r\n", Reject::Status),
        (b"HTTP/1.1 099 OK\r\n", Reject::Status),
        (b"HTTP/1.1 2x0 OK\r\n", Reject::Status),
        (b"HTTP/1.1  200 OK\r\n", Reject::Status),
        (b"HTTP/1.1\t200 OK\r\n", Reject::Status),
        (b"HTTP/1.1 200\tOK\r\n", Reject::Status),
        (b"HTTP/1.1 -20 OK\r\n", Reject::Status),
        (b"HTTP/1.1 200 OK\n", Reject::LineEnd),
        (b"HTTP/1.1 200 O\rK", Reject::LineEnd),
        (b"HTTP/1.1 200\n", Reject::Status),
        (b"HTTP/1.1 200 O\0K\r\n", Reject::FieldValue),
        (b"HTTP/2.0 200 OK\r\n", Reject::VersionUnsupported),
        (b"http/1.1 200 OK\r\n", Reject::Version),
        (b"\r\nHTTP/1.1 200 OK\r\n", Reject::Version),
        (b"ICY 200 OK\r\n", Reject::Version),
        (b"HTTP/1.1 200 OK\r\nX : 1\r\n", Reject::FieldName),
        (b"HTTP/1.1 200 OK\r\n X: 1\r\n", Reject::Fold),
        (b"HTTP/1.1 200 OK\r\nX: 1\n", Reject::LineEnd),
    ];
    for (input, reject) in cases {
        assert_eq!(begun(input), Err(*reject), "{}", input.escape_ascii());
    }
}

#[test]
fn framing_follows_the_fields() {
    let framing = |lines: &str| get(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n")).map(|h| h.framing);
    assert_eq!(framing("Content-Length: 0\r\n"), Ok(Framing::Length(0)));
    assert_eq!(framing("Transfer-Encoding: chunked\r\n"), Ok(Framing::Chunked));
    assert_eq!(framing(""), Ok(Framing::UntilClose));
    let cases = [
        ("Content-Length: 3\r\nContent-Length: 3\r\n", Reject::ContentLength),
        ("Content-Length: 3, 3\r\n", Reject::ContentLength),
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", Reject::LengthAndCoding),
        ("Transfer-Encoding: gzip\r\n", Reject::CodingUnknown),
        ("Transfer-Encoding: chunked, chunked\r\n", Reject::TransferEncoding),
        ("Connection: content-length\r\n", Reject::Connection),
    ];
    for (lines, reject) in cases {
        assert_eq!(framing(lines), Err(reject), "{lines}");
    }
    let old = get("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(old.map(|_| ()), Err(Reject::CodingVersion));
}

#[test]
fn an_answer_to_head_has_no_body_but_keeps_its_length() {
    let head = answer(Method::Head, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").expect("valid");
    assert_eq!((head.framing, head.content_length), (Framing::None, Some(9)));
    assert!(head.keep_alive);
    let head = answer(Method::Head, "HTTP/1.1 200 OK\r\n\r\n").expect("valid");
    assert!(head.keep_alive, "without a body there is no need to close");
}

#[test]
fn statuses_without_a_body_have_none() {
    let head = get("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n").expect("valid");
    assert_eq!((head.framing, head.content_length), (Framing::None, Some(9)));
    assert!(head.keep_alive);

    assert!(get("HTTP/1.1 204 No Content\r\n\r\n").expect("valid").keep_alive);
    assert!(get("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n").expect("valid").keep_alive);
    for lines in ["Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n"] {
        let head = get(&format!("HTTP/1.1 204 No Content\r\n{lines}\r\n")).expect("valid");
        assert_eq!((head.framing, head.keep_alive), (Framing::None, false), "{lines}");
        let interim = get(&format!("HTTP/1.1 103 Early Hints\r\n{lines}\r\n"));
        assert_eq!(interim.map(|_| ()), Err(Reject::BodyForbidden), "{lines}");
    }
}

#[test]
fn interim_answers_are_told_from_final_ones() {
    let interim = |line: &str| get(&format!("{line}\r\n\r\n")).expect("valid").is_interim();
    assert!(interim("HTTP/1.1 100 Continue"));
    assert!(interim("HTTP/1.1 103 Early Hints"));
    assert!(!interim("HTTP/1.1 101 Switching Protocols"));
    assert!(!interim("HTTP/1.1 200 OK"));
    assert!(!interim("HTTP/1.1 999 Odd"));
}

#[test]
fn a_switch_names_its_protocol() {
    let lines = "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let head = get(&format!("HTTP/1.1 101 Switching Protocols\r\n{lines}")).expect("valid");
    assert_eq!((head.upgrade, head.framing), (Upgrade::WebSocket, Framing::None));
    let head = get(&format!("HTTP/1.1 200 OK\r\n{lines}")).expect("valid");
    assert_eq!(head.upgrade, Upgrade::None);
    let head =
        get("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n").expect("valid");
    assert_eq!(head.upgrade, Upgrade::None);
}

#[test]
fn keep_alive_follows_version_and_framing() {
    let keeps = |input: &str| get(input).expect("valid").keep_alive;
    assert!(!keeps("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    assert!(!keeps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert!(keeps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
    assert!(!keeps("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"));
    assert!(!keeps("HTTP/1.1 200 OK\r\n\r\n"));
}

#[test]
fn a_reader_goes_on_after_an_interim_answer() {
    let input = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    let (mut reader, mut head) = (ResponseReader::default(), ResponseHead::default());
    let mut parse = |input: &[u8]| {
        let read = reader.parse(input, &Method::Put, &Limits::default(), &mut head);
        (read, head.status, head.framing)
    };
    assert_eq!(parse(input), (Ok(Some(25)), 100, Framing::None));
    assert_eq!(parse(&input[25..]), (Ok(Some(38)), 200, Framing::Length(1)));
}

#[test]
fn limits_hold_for_answers() {
    let limits = Limits { line: 17, block: 11, fields: 1 };
    let read = |input: &str| {
        let mut head = ResponseHead::default();
        ResponseReader::default().parse(input.as_bytes(), &Method::Get, &limits, &mut head)
    };
    assert_eq!(read("HTTP/1.1 200 OK\r\nX-A: 12\r\n\r\n"), Ok(Some(28)));
    assert_eq!(read("HTTP/1.1 200 OK!\r\n"), Err(Reject::LineTooLong));
    assert_eq!(read("HTTP/1.1 200 OK\r\nX-A: 123\r\n\r\n"), Err(Reject::BlockTooLarge));
    assert_eq!(read("HTTP/1.1 200 OK\r\nA:\r\nB:\r\n\r\n"), Err(Reject::TooManyFields));
}
