//! The HTTP/1 codec on heads as load generators, browsers and servers send them; `httparse`,
//! which neither copies nor classifies nor frames, beside it for scale.

use divan::{Bencher, black_box};
use gateway_net::h1::{
    ChunkedDecoder, Fields, Limits, Method, Part, RequestHead, RequestReader, ResponseHead,
    ResponseReader, append_chunk, append_last_chunk, append_request,
};

/// One field: what `wrk` sends.
const BARE: &[u8] = b"GET /1k HTTP/1.1\r\nHost: 127.0.0.1:9080\r\n\r\n";

/// Six fields in some 200 bytes.
const PLAIN: &[u8] = b"GET /static/index.html?x=1 HTTP/1.1\r\nHost: www.example.com\r\n\
    User-Agent: wrk/4.2.0 (linux)\r\nAccept: text/html,*/*;q=0.8\r\n\
    Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\nX-Trace: 0123456789\r\n\r\n";

/// Eight fields as a browser sends them.
const BROWSER: &[u8] = b"GET /orders?page=2&sort=date HTTP/1.1\r\nHost: shop.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://shop.example.com/orders\r\nConnection: keep-alive\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\
    Date: Tue, 01 Jan 2030 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\
    Last-Modified: Tue, 01 Jan 2030 00:00:00 GMT\r\nConnection: keep-alive\r\n\
    ETag: \"5e0b-400\"\r\nAccept-Ranges: bytes\r\n\r\n";

fn main() {
    divan::main();
}

#[divan::bench(args = [BARE, PLAIN, BROWSER])]
fn request_head(bencher: Bencher, input: &[u8]) {
    let (mut reader, mut head) = (RequestReader::default(), RequestHead::default());
    let limits = Limits::default();
    bencher.bench_local(|| reader.parse(black_box(input), &limits, &mut head));
}

#[divan::bench(args = [BARE, PLAIN, BROWSER])]
fn request_head_httparse(bencher: Bencher, input: &[u8]) {
    bencher.bench_local(|| {
        let mut slots = [httparse::EMPTY_HEADER; 32];
        httparse::Request::new(&mut slots).parse(black_box(input)).is_ok()
    });
}

#[divan::bench]
fn response_head(bencher: Bencher) {
    let (mut reader, mut head) = (ResponseReader::default(), ResponseHead::default());
    let limits = Limits::default();
    bencher.bench_local(|| reader.parse(black_box(ANSWER), &Method::Get, &limits, &mut head));
}

#[divan::bench(args = [BARE, PLAIN, BROWSER])]
fn encode_request(bencher: Bencher, input: &[u8]) {
    let mut head = RequestHead::default();
    RequestReader::default()
        .parse(input, &Limits::default(), &mut head)
        .expect("the head is valid");
    let mut out = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        append_request(
            &mut out,
            &head.method,
            head.origin(),
            &Fields::of(black_box(&head.headers)),
        );
        out.len()
    });
}

/// 64 KiB in chunks of 4 KiB.
#[divan::bench]
fn chunked_body(bencher: Bencher) {
    let mut wire = Vec::new();
    for _ in 0..16 {
        append_chunk(&mut wire, &[b'x'; 4096]);
    }
    append_last_chunk(&mut wire, None);
    bencher.bench_local(|| {
        let (mut decoder, mut rest, mut sum) = (ChunkedDecoder::default(), &wire[..], 0);
        while !decoder.is_done() {
            let step = decoder.decode(black_box(rest)).expect("the body is valid");
            if let Part::Data(range) = step.part {
                sum += range.len();
            }
            rest = &rest[step.consumed..];
        }
        sum
    });
}
