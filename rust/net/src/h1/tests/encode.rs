use crate::h1::{
    Fields, Framing, Limits, Method, Persistence, RequestHead, RequestReader, append_request,
    append_response, reason_phrase, write_request, write_response,
};
use gateway_core::headers::Headers;

fn parsed(input: &str) -> RequestHead {
    let mut head = RequestHead::default();
    let read = RequestReader::default()
        .parse(input.as_bytes(), &Limits::default(), &mut head)
        .expect("valid");
    assert_eq!(read, Some(input.len()));
    head
}

fn request(head: &RequestHead, fields: &Fields) -> String {
    let mut out = Vec::new();
    append_request(&mut out, &head.method, head.origin(), fields);
    let mut room = [0; 1024];
    let start = write_request(&mut room, &head.method, head.origin(), fields).expect("fits");
    assert_eq!(out.escape_ascii().to_string(), room[start..].escape_ascii().to_string());
    String::from_utf8(out).expect("the test is ASCII")
}

#[test]
fn a_head_that_nobody_edits_goes_out_as_it_came() {
    let input = "GET /a?b HTTP/1.1\r\nhost: a\r\nX-A: 1\r\nx-b: \r\n\r\n";
    let head = parsed(input);
    assert_eq!(request(&head, &Fields::of(&head.headers)), input);
}

#[test]
fn odd_white_space_is_made_even() {
    let head = parsed("GET / HTTP/1.1\r\nHost:a\r\nA: 1\r\nB: \t2 \r\nC:   3\r\nD: 4\r\n\r\n");
    assert_eq!(
        request(&head, &Fields::of(&head.headers)),
        "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n"
    );
}

#[test]
fn edits_show_in_their_place() {
    let mut head = parsed("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");
    head.headers.set("A", b"new").expect("valid");
    head.headers.remove("B");
    head.headers.append("D", b"4").expect("valid");
    head.headers.append("E", b"5").expect("valid");
    assert_eq!(
        request(&head, &Fields::of(&head.headers)),
        "GET / HTTP/1.1\r\nHost: a\r\nA: new\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n"
    );
}

#[test]
fn what_concerns_one_connection_is_written_anew() {
    let head = parsed(
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\nConnection: upgrade\r\nKeep-Alive: 1\r\n\
         Upgrade: h2c\r\nTE: trailers\r\nProxy-Connection: close\r\nX: 1\r\n\r\n",
    );
    let fields = Fields { framing: head.framing, ..Fields::of(&head.headers) };
    assert_eq!(
        request(&head, &fields),
        "PUT / HTTP/1.1\r\nHost: a\r\nX: 1\r\nContent-Length: 7\r\n\r\n"
    );
    let fields = Fields { framing: Framing::Chunked, persistence: Persistence::Close, ..fields };
    assert_eq!(
        request(&head, &fields),
        "PUT / HTTP/1.1\r\nHost: a\r\nX: 1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    let fields =
        Fields { persistence: Persistence::Upgrade("websocket"), ..Fields::of(&head.headers) };
    assert_eq!(
        request(&head, &fields),
        "PUT / HTTP/1.1\r\nHost: a\r\nX: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
}

#[test]
fn an_absolute_target_goes_out_in_origin_form() {
    let head = parsed("GET http://b?q HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
    assert_eq!(
        request(&head, &Fields::of(&head.headers)),
        "GET /?q HTTP/1.1\r\nHost: b\r\nX: 1\r\n\r\n"
    );
}

#[test]
fn status_lines_have_a_reason() {
    let headers = Headers::default();
    let line = |status, reason: Option<&[u8]>| {
        let mut out = Vec::new();
        let fields = Fields { persistence: Persistence::KeepAlive, ..Fields::of(&headers) };
        append_response(&mut out, status, reason, &fields);
        let mut room = [0; 99];
        let start = write_response(&mut room, status, reason, &fields).expect("fits");
        assert_eq!(out, &room[start..]);
        let text = String::from_utf8(out).expect("the test is ASCII");
        text.strip_suffix("\r\nConnection: keep-alive\r\n\r\n").expect("one field").to_string()
    };
    assert_eq!(line(200, None), "HTTP/1.1 200 OK");
    assert_eq!(line(200, Some(b"Fine")), "HTTP/1.1 200 Fine");
    assert_eq!(line(431, None), "HTTP/1.1 431 Request Header Fields Too Large");
    assert_eq!(line(599, None), "HTTP/1.1 599 ");
    assert_eq!(reason_phrase(404), "Not Found");
}

#[test]
fn a_room_that_is_too_small_says_so() {
    let headers = Headers::default();
    let fields = Fields::of(&headers);
    let write = |size: usize| write_request(&mut vec![0; size], &Method::Get, b"/", &fields);
    assert_eq!(write(17), None);
    assert_eq!(write(18), Some(0));
    assert_eq!(write(20), Some(2));
}
