//! What holds for every input.

use super::fields;
use crate::h1::{
    ChunkedDecoder, Fields, Limits, Method, Part, Reject, RequestHead, RequestReader, ResponseHead,
    ResponseReader, append_chunk, append_last_chunk, append_request, append_response,
};
use proptest::prelude::*;

/// Lines that are valid, nearly valid, or matter to framing.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let framing = prop::sample::select(vec![
        "Host: a\r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "Connection: x, upgrade\r\n",
        "Upgrade: websocket\r\n",
        "TE: trailers\r\n",
        "X:1\n",
        "X : 1\r\n",
        "\tX\r\n",
        "X: \x01\r\n",
    ]);
    prop_oneof![
        6 => ("[A-Za-z][A-Za-z0-9_.!~-]{0,12}", "[ \t]{0,2}", "[ -~\t\u{e9}]{0,20}")
            .prop_map(|(name, space, value)| format!("{name}:{space}{value}\r\n").into_bytes()),
        2 => framing.prop_map(|line| line.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

fn start_line() -> impl Strategy<Value = Vec<u8>> {
    let fixed = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "POST /a?b=c HTTP/1.1\r\n",
        "HEAD http://h:1/p HTTP/1.0\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "GET http://h HTTP/1.1\r\n",
        "GET  / HTTP/1.1\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 204 \r\n",
        "HTTP/1.1 999\r\n",
        "HTTP/1.1 100 Continue\r\n",
    ]);
    prop_oneof![
        8 => fixed.prop_map(|line| line.as_bytes().to_vec()),
        1 => ("[A-Z]{1,8}", "/[!-~]{0,20}").prop_map(|(m, t)| format!("{m} {t} HTTP/1.1\r\n").into_bytes()),
    ]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    (start_line(), prop::collection::vec(line(), 0..8), prop::bool::weighted(0.7)).prop_map(
        |(start, lines, host)| {
            let host: &[u8] = if host { b"Host: a\r\n" } else { b"" };
            [&start[..], host, &lines.concat(), b"\r\n", b"rest"].concat()
        },
    )
}

const LIMITS: Limits = Limits { line: 64, block: 200, fields: 7 };

/// Everything that a head says.
type Told = Result<(usize, String), Reject>;

/// Reads a request whose input grows to each of `ends`.
fn request(input: &[u8], ends: &[usize]) -> Option<Told> {
    let (mut reader, mut head) = (RequestReader::default(), RequestHead::default());
    ends.iter().find_map(|end| match reader.parse(&input[..*end], &LIMITS, &mut head) {
        Ok(None) => None,
        Ok(Some(read)) => Some(Ok((read, format!("{head:?}")))),
        Err(reject) => Some(Err(reject)),
    })
}

fn response(input: &[u8], ends: &[usize]) -> Option<Told> {
    let (mut reader, mut head) = (ResponseReader::default(), ResponseHead::default());
    ends.iter().find_map(|end| {
        match reader.parse(&input[..*end], &Method::Get, &LIMITS, &mut head) {
            Ok(None) => None,
            Ok(Some(read)) => Some(Ok((read, format!("{head:?}")))),
            Err(reject) => Some(Err(reject)),
        }
    })
}

fn httparse_fields(fields: &[httparse::Header]) -> Vec<String> {
    fields.iter().map(|f| format!("{}: {}", f.name, String::from_utf8_lossy(f.value))).collect()
}

proptest! {
    #[test]
    fn pieces_do_not_change_a_head(input in message(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len())).collect();
        ends.sort_unstable();
        ends.push(input.len());
        let bytewise: Vec<usize> = (0..=input.len()).collect();
        let whole = [input.len()];
        prop_assert_eq!(request(&input, &whole), request(&input, &ends));
        prop_assert_eq!(request(&input, &whole), request(&input, &bytewise));
        prop_assert_eq!(response(&input, &whole), response(&input, &ends));
        prop_assert_eq!(response(&input, &whole), response(&input, &bytewise));
    }

    #[test]
    fn httparse_reads_the_same_from_what_is_accepted(input in message()) {
        let mut slots = [httparse::EMPTY_HEADER; 16];
        let mut head = RequestHead::default();
        if let Ok(Some(read)) = RequestReader::default().parse(&input, &Limits::default(), &mut head) {
            let mut theirs = httparse::Request::new(&mut slots);
            prop_assert_eq!(theirs.parse(&input), Ok(httparse::Status::Complete(read)));
            prop_assert_eq!(theirs.method, Some(head.method.as_str()));
            prop_assert_eq!(theirs.path.map(str::as_bytes), Some(head.raw_target()));
            if head.target.form != crate::h1::Form::Absolute {
                prop_assert_eq!(httparse_fields(theirs.headers), fields(&head.headers));
            }
        }
        let mut head = ResponseHead::default();
        if let Ok(Some(read)) =
            ResponseReader::default().parse(&input, &Method::Get, &Limits::default(), &mut head)
        {
            let mut theirs = httparse::Response::new(&mut slots);
            prop_assert_eq!(theirs.parse(&input), Ok(httparse::Status::Complete(read)));
            prop_assert_eq!(theirs.code, Some(head.status));
            prop_assert_eq!(httparse_fields(theirs.headers), fields(&head.headers));
        }
    }

    #[test]
    fn a_host_is_accepted_that_is_an_authority(
        host in prop_oneof!["[a-z0-9.:_~%A\\[\\]-]{0,24}", "[a-z0-9.-]{1,24}(:[0-9]{0,6})?"],
        more in "[ -~]{0,20}",
    ) {
        let input = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n{more}");
        let read = request(input.as_bytes(), &[input.len()]);
        let accepted = matches!(read, Some(Ok(_)));
        prop_assert_eq!(accepted, crate::h1::is_authority(host.as_bytes()));
    }

    #[test]
    fn an_encoded_head_reads_back(input in message()) {
        let mut head = RequestHead::default();
        if let Ok(Some(_)) = RequestReader::default().parse(&input, &Limits::default(), &mut head) {
            crate::h1::strip_hop_by_hop(&mut head.headers, true);
            let mut out = Vec::new();
            let written = Fields { framing: head.framing, ..Fields::of(&head.headers) };
            append_request(&mut out, &head.method, head.origin(), &written);
            let mut again = RequestHead::default();
            let read = RequestReader::default().parse(&out, &Limits::default(), &mut again);
            // An HTTP/1.0 request need not have a Host; the gateway gives it one.
            if head.host().is_some() {
                prop_assert_eq!(read, Ok(Some(out.len())));
                prop_assert_eq!(again.framing, head.framing);
                prop_assert_eq!(again.origin(), head.origin());
                again.headers.remove("Content-Length");
                again.headers.remove("Transfer-Encoding");
                head.headers.remove("Content-Length");
                prop_assert_eq!(fields(&again.headers), fields(&head.headers));
            }
        }
        let mut head = ResponseHead::default();
        if let Ok(Some(_)) =
            ResponseReader::default().parse(&input, &Method::Get, &Limits::default(), &mut head)
        {
            let mut out = Vec::new();
            let written = Fields { framing: head.framing, ..Fields::of(&head.headers) };
            append_response(&mut out, head.status, Some(head.headers.bytes(head.reason)), &written);
            let mut again = ResponseHead::default();
            let read =
                ResponseReader::default().parse(&out, &Method::Get, &Limits::default(), &mut again);
            prop_assert_eq!(read, Ok(Some(out.len())));
            prop_assert_eq!((again.status, again.framing), (head.status, head.framing));
        }
    }

    #[test]
    fn a_chunked_body_reads_back_in_any_pieces(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
        piece in 1_usize..50,
    ) {
        let mut wire = Vec::new();
        for chunk in &chunks {
            append_chunk(&mut wire, chunk);
        }
        append_last_chunk(&mut wire, None);
        let (mut decoder, mut data) = (ChunkedDecoder::default(), Vec::new());
        for piece in wire.chunks(piece) {
            let mut rest = piece;
            while !rest.is_empty() {
                let step = decoder.decode(rest).expect("valid");
                if let Part::Data(range) = step.part {
                    data.extend_from_slice(&rest[range]);
                }
                rest = &rest[step.consumed..];
            }
        }
        prop_assert!(decoder.is_done());
        prop_assert_eq!(data, chunks.concat());
    }
}
