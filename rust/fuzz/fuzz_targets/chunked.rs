//! Chunked bodies: the input is one, fed in pieces of as many bytes as its first byte says.

#![no_main]

use gateway_net::h1::{ChunkedDecoder, Part, Reject, append_chunk, append_last_chunk};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((piece, input)) = data.split_first() else { return };
    let whole = decode(input, input.len().max(1));
    let pieces = decode(input, usize::from(*piece).max(1));
    assert_eq!(whole, pieces, "pieces change the outcome");

    let Ok(Some(body)) = whole else { return };
    let plain = plain_decode(&input[..body.read]).expect("a lenient decoder reads it, too");
    assert!(plain == body.data, "a lenient decoder reads other data");

    let mut wire = Vec::new();
    append_chunk(&mut wire, &body.data);
    append_last_chunk(&mut wire, None);
    let again = decode(&wire, 7).expect("what is sent is accepted").expect("and complete");
    assert!(again.data == body.data && again.read == wire.len(), "the data changes on its way");
});

#[derive(Debug, PartialEq)]
struct Body {
    data: Vec<u8>,
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
    read: usize,
}

/// The body that `input` starts with; None if it is not complete.
fn decode(input: &[u8], piece: usize) -> Result<Option<Body>, Reject> {
    let (mut decoder, mut data, mut read) = (ChunkedDecoder::default(), Vec::new(), 0);
    for piece in input.chunks(piece) {
        let mut rest = piece;
        while !rest.is_empty() {
            let step = decoder.decode(rest)?;
            read += step.consumed;
            match step.part {
                Part::Data(range) => {
                    assert_eq!(range.end, step.consumed, "data ends what is consumed");
                    data.extend_from_slice(&rest[range]);
                }
                Part::End => {
                    let owned = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
                    let fields = decoder.trailers().into_iter().flat_map(|t| t.iter());
                    let trailers = fields.map(owned).collect();
                    return Ok(Some(Body { data, trailers, read }));
                }
                Part::More => assert_eq!(step.consumed, rest.len(), "more is asked for too soon"),
            }
            rest = &rest[step.consumed..];
        }
    }
    Ok(None)
}

/// A decoder that only looks at what it must: sizes up to what is no digit, lines up to LF.
fn plain_decode(mut input: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let line = input.iter().position(|b| *b == b'\n')?;
        let digits = input.iter().position(|b| !b.is_ascii_hexdigit())?;
        let text = std::str::from_utf8(&input[..digits]).ok()?;
        let size = usize::from_str_radix(text, 16).ok()?;
        input = &input[line + 1..];
        if size == 0 {
            return Some(data);
        }
        data.extend_from_slice(input.get(..size)?);
        input = input.get(size + 2..)?;
    }
}
