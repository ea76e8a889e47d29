//! Request heads: the input is one, cut at the place that its first byte says.

#![no_main]

use gateway_net::h1::{
    Fields, Form, Limits, RequestHead, RequestReader, append_request, is_target, strip_hop_by_hop,
};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { line: 256, block: 1024, fields: 12 };

fuzz_target!(|data: &[u8]| {
    let Some((cut, input)) = data.split_first() else { return };
    let (mut reader, mut head) = (RequestReader::default(), RequestHead::default());
    let whole = reader.parse(input, &LIMITS, &mut head);

    let cut = usize::from(*cut).min(input.len());
    let (mut reader, mut again) = (RequestReader::default(), RequestHead::default());
    let first = reader.parse(&input[..cut], &LIMITS, &mut again);
    let pieces = match first {
        Ok(None) => reader.parse(input, &LIMITS, &mut again),
        decided => decided,
    };
    assert_eq!(whole, pieces, "pieces change the outcome");

    let Ok(Some(read)) = whole else { return };
    assert_eq!(format!("{head:?}"), format!("{again:?}"), "pieces change the head");
    assert!(is_target(head.origin()), "what is accepted may be sent");
    second_opinion(&input[..read], &head);
    reads_back(head);
});

/// httparse accepts it, too, and sees the same fields.
fn second_opinion(input: &[u8], head: &RequestHead) {
    let mut slots = [httparse::EMPTY_HEADER; 16];
    let mut theirs = httparse::Request::new(&mut slots);
    assert_eq!(theirs.parse(input), Ok(httparse::Status::Complete(input.len())));
    assert_eq!(theirs.method, Some(head.method.as_str()));
    assert_eq!(theirs.path.map(str::as_bytes), Some(head.raw_target()));
    if head.target.form == Form::Absolute {
        return; // Host is not what was sent
    }
    let theirs = theirs.headers.iter().map(|f| (f.name.as_bytes(), f.value));
    assert!(theirs.eq(head.headers.iter()), "httparse sees other fields");
}

/// What an upstream would get is a head that we accept, with the same meaning.
fn reads_back(mut head: RequestHead) {
    strip_hop_by_hop(&mut head.headers, true);
    let mut wire = Vec::new();
    let fields = Fields { framing: head.framing, ..Fields::of(&head.headers) };
    append_request(&mut wire, &head.method, head.origin(), &fields);
    let mut again = RequestHead::default();
    let read = RequestReader::default().parse(&wire, &Limits::default(), &mut again);
    if head.host().is_none() {
        return; // HTTP/1.0; the gateway adds one
    }
    assert_eq!(read, Ok(Some(wire.len())), "what is sent is not accepted");
    assert_eq!((again.framing, again.origin()), (head.framing, head.origin()));
    assert_eq!((again.method, again.host()), (head.method, head.host()));
}
