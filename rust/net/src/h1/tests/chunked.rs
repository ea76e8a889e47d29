use super::fields;
use crate::h1::{
    CHUNK_END, CHUNK_ROOM, ChunkedDecoder, Part, Reject, append_chunk, append_last_chunk,
    write_chunk_size,
};
use gateway_core::headers::Headers;

/// Data and trailers of a body, and what of the input was left; in pieces of `piece` bytes.
fn decode(input: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<String>, usize), Reject> {
    let mut decoder = ChunkedDecoder::default();
    let (mut data, mut pos, mut end) = (Vec::new(), 0, 0);
    while !decoder.is_done() {
        if pos == end {
            assert!(end < input.len(), "the body is complete");
            end = input.len().min(end + piece);
        }
        let step = decoder.decode(&input[pos..end])?;
        if let Part::Data(range) = step.part {
            data.extend_from_slice(&input[pos..end][range]);
        }
        pos += step.consumed;
    }
    let trailers = decoder.trailers().map(fields).unwrap_or_default();
    Ok((data, trailers, input.len() - pos))
}

/// The outcome for a body that ends in an error, which must not depend on how it is cut.
fn refusal(input: &[u8]) -> Reject {
    let refusal = decode(input, input.len()).expect_err("malformed");
    for piece in 1..input.len() {
        assert_eq!(decode(input, piece), Err(refusal), "{} by {piece}", input.escape_ascii());
    }
    refusal
}

#[test]
fn data_is_found_however_the_body_is_cut() {
    let body = b"5\r\nhello\r\n001\r\n!\r\nA\r\n0123456789\r\n0\r\n\r\nGET /";
    for piece in 1..=body.len() {
        let decoded = decode(body, piece).expect("valid");
        assert_eq!(decoded.0, b"hello!0123456789");
        assert!(decoded.1.is_empty());
        assert!(decoded.2 <= 5, "nothing of the next message is consumed");
    }
    assert_eq!(decode(body, body.len()).map(|d| d.2), Ok(5));
}

#[test]
fn sizes_are_plain_hexadecimal_numbers() {
    for size in ["", "x", "+5", "-5", "0x5", " 5", "5 ", "5\t", "\r", "g", "5_", "5,", "5.", "\0"] {
        let body = format!("{size}\r\nhello\r\n0\r\n\r\n");
        assert_eq!(refusal(body.as_bytes()), Reject::ChunkSize, "{}", size.escape_debug());
    }
    assert_eq!(refusal(b"00000000000000005\r\nhello\r\n"), Reject::ChunkSize);
    assert_eq!(refusal(b"1000000000000000\r\nx"), Reject::ChunkSize);
    assert_eq!(refusal(b"ffffffffffffffff\r\nx"), Reject::ChunkSize);
    let mut decoder = ChunkedDecoder::default();
    let step = decoder.decode(b"0fffffffffffffff\r\nx").expect("fits");
    assert_eq!(step.part, Part::Data(18..19));
}

#[test]
fn lines_end_with_crlf() {
    assert_eq!(refusal(b"5\nhello\r\n0\r\n\r\n"), Reject::LineEnd);
    assert_eq!(refusal(b"5\rhello\r\n0\r\n\r\n"), Reject::LineEnd);
    assert_eq!(refusal(b"5\r\nhello\n0\r\n\r\n"), Reject::ChunkEnd);
    assert_eq!(refusal(b"5\r\nhello!\r\n0\r\n\r\n"), Reject::ChunkEnd);
    assert_eq!(refusal(b"5\r\nhello\r0\r\n\r\n"), Reject::ChunkEnd);
    assert_eq!(refusal(b"5\r\nhello0\r\n\r\n"), Reject::ChunkEnd);
    assert_eq!(refusal(b"0\n\n"), Reject::LineEnd);
    assert_eq!(refusal(b"0\r\n\n"), Reject::LineEnd);
    assert_eq!(refusal(b"0\r\n\rX"), Reject::LineEnd);
    assert_eq!(refusal(b"5;a=b\nhello\r\n0\r\n\r\n"), Reject::LineEnd);
    assert_eq!(refusal(b"5;a=\"\n\"\r\nhello\r\n"), Reject::LineEnd);
}

#[test]
fn extensions_are_well_formed_and_dropped() {
    for extension in [";a", ";a=b", ";a;b=c", ";a=\"b \\\" ;\"", ";a=\"\";b", ";chunk-signature=0f"]
    {
        let body = format!("2{extension}\r\nhi\r\n0{extension}\r\n\r\n");
        let decoded = decode(body.as_bytes(), body.len()).expect(extension);
        assert_eq!(decoded.0, b"hi");
    }
    for extension in
        [";", "; a", ";a ", ";a=", ";a= b", ";=b", ";a=\"b", ";a=\"b\"c", ";a=b\"", ";;"]
    {
        let body = format!("2{extension}\r\nhi\r\n0\r\n\r\n");
        assert_eq!(refusal(body.as_bytes()), Reject::ChunkExtension, "{extension}");
    }
}

#[test]
fn extensions_cost_data() {
    let chunk = |extension: usize, data: usize| {
        format!("{data:x};{}\r\n{}\r\n", "e".repeat(extension), "d".repeat(data))
    };
    assert_eq!(decode(chunk(5000, 1).as_bytes(), 8192).map(|_| ()), Err(Reject::ChunkExtension));
    let tiny = chunk(99, 1).repeat(50);
    assert_eq!(decode(tiny.as_bytes(), 8192).map(|_| ()), Err(Reject::ChunkExtension));
    let signed = chunk(85, 65536).repeat(200) + "0\r\n\r\n";
    assert_eq!(decode(signed.as_bytes(), 65536).map(|d| d.0.len()), Ok(200 * 65536));
}

#[test]
fn trailers_are_kept_unless_they_frame_route_or_authenticate() {
    let body = b"0\r\nX-Sum: 1\r\ngrpc-status: 0\r\nContent-Length: 3\r\nHost: b\r\nCookie: c\r\n\
        Transfer-Encoding: chunked\r\nAuthorization: x\r\nContent-Range: 1\r\nX-Forwarded-For: 1\r\n\
        X_Forwarded_For: 1\r\nTransfer_Encoding: chunked\r\nSet-Cookie: a\r\nETag: \"e\"\r\n\r\nmore";
    for piece in 1..=body.len() {
        let (data, trailers, _) = decode(body, piece).expect("valid");
        assert!(data.is_empty());
        assert_eq!(trailers, ["X-Sum: 1", "grpc-status: 0", "ETag: \"e\""]);
    }
    assert_eq!(decode(body, body.len()).map(|d| d.2), Ok(4));
}

#[test]
fn trailers_follow_the_rules_of_fields_and_their_own_limits() {
    assert_eq!(refusal(b"0\r\nX : 1\r\n\r\n"), Reject::FieldName);
    assert_eq!(refusal(b"0\r\n X: 1\r\n\r\n"), Reject::Fold);
    assert_eq!(refusal(b"0\r\nX: 1\n\r\n"), Reject::LineEnd);
    assert_eq!(refusal(b"0\r\nGET / HTTP/1.1\r\n\r\n"), Reject::FieldName);
    let many = format!("0\r\n{}\r\n", "Host: a\r\n".repeat(33));
    assert_eq!(decode(many.as_bytes(), 7).map(|_| ()), Err(Reject::TooManyFields));
    let large = format!("0\r\nX: {}\r\n\r\n", "x".repeat(8192));
    assert_eq!(decode(large.as_bytes(), 999).map(|_| ()), Err(Reject::BlockTooLarge));
}

#[test]
fn a_complete_body_takes_no_more() {
    let mut decoder = ChunkedDecoder::default();
    assert_eq!(decoder.decode(b"0\r\n\r\n").map(|s| (s.part, s.consumed)), Ok((Part::End, 5)));
    assert_eq!(decoder.decode(b"5\r\n").map(|s| (s.part, s.consumed)), Ok((Part::End, 0)));
}

#[test]
fn a_size_line_stands_right_before_its_data() {
    for (len, line) in [(1, "1\r\n"), (0x1a2b, "1a2b\r\n"), (usize::MAX, "ffffffffffffffff\r\n")] {
        let mut room = [b'.'; CHUNK_ROOM];
        let start = write_chunk_size(&mut room, len);
        assert_eq!(&room[start..], line.as_bytes());
    }
    assert_eq!(CHUNK_END, b"\r\n");
}

#[test]
fn what_is_encoded_decodes_to_the_same() {
    let mut out = Vec::new();
    append_chunk(&mut out, b"hello");
    append_chunk(&mut out, b"");
    append_chunk(&mut out, &[b'x'; 20]);
    let mut trailers = Headers::default();
    trailers.append("X-Sum", b"1").expect("valid");
    append_last_chunk(&mut out, Some(&trailers));
    let text = b"5\r\nhello\r\n14\r\nxxxxxxxxxxxxxxxxxxxx\r\n0\r\nX-Sum: 1\r\n\r\n";
    assert_eq!(out.escape_ascii().to_string(), text.escape_ascii().to_string());
    let (data, trailers, left) = decode(&out, 3).expect("valid");
    assert_eq!((data.len(), trailers, left), (25, vec!["X-Sum: 1".to_string()], 0));
}
