//! Response heads: the input is one, cut at the place that its first byte says, in answer to
//! HEAD where that byte is odd.

#![no_main]

use gateway_net::h1::{
    Fields, Limits, Method, ResponseHead, ResponseReader, append_response, strip_hop_by_hop,
};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { line: 256, block: 1024, fields: 12 };

fuzz_target!(|data: &[u8]| {
    let Some((cut, input)) = data.split_first() else { return };
    let method = if cut % 2 == 1 { Method::Head } else { Method::Get };
    let (mut reader, mut head) = (ResponseReader::default(), ResponseHead::default());
    let whole = reader.parse(input, &method, &LIMITS, &mut head);

    let cut = usize::from(*cut).min(input.len());
    let (mut reader, mut again) = (ResponseReader::default(), ResponseHead::default());
    let first = reader.parse(&input[..cut], &method, &LIMITS, &mut again);
    let pieces = match first {
        Ok(None) => reader.parse(input, &method, &LIMITS, &mut again),
        decided => decided,
    };
    assert_eq!(whole, pieces, "pieces change the outcome");

    let Ok(Some(read)) = whole else { return };
    assert_eq!(format!("{head:?}"), format!("{again:?}"), "pieces change the head");
    second_opinion(&input[..read], &head);
    reads_back(head, &method);
});

/// httparse accepts it, too, and sees the same fields.
fn second_opinion(input: &[u8], head: &ResponseHead) {
    let mut slots = [httparse::EMPTY_HEADER; 16];
    let mut theirs = httparse::Response::new(&mut slots);
    assert_eq!(theirs.parse(input), Ok(httparse::Status::Complete(input.len())));
    assert_eq!(theirs.code, Some(head.status));
    let theirs = theirs.headers.iter().map(|f| (f.name.as_bytes(), f.value));
    assert!(theirs.eq(head.headers.iter()), "httparse sees other fields");
}

/// What a client would get is a head that we accept, with the same meaning.
fn reads_back(mut head: ResponseHead, method: &Method) {
    strip_hop_by_hop(&mut head.headers, true);
    let mut wire = Vec::new();
    let fields = Fields { framing: head.framing, ..Fields::of(&head.headers) };
    append_response(&mut wire, head.status, Some(head.headers.bytes(head.reason)), &fields);
    let mut again = ResponseHead::default();
    let read = ResponseReader::default().parse(&wire, method, &Limits::default(), &mut again);
    assert_eq!(read, Ok(Some(wire.len())), "what is sent is not accepted");
    assert_eq!((again.status, again.framing), (head.status, head.framing));
}
