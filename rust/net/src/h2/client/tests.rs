use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use gateway_core::headers::Headers;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::{Connection, Connections, Fault, Head, Place, STREAM_WINDOW, STREAMS, Stream, connect};
use crate::h1::{Framing, Method, ResponseHead};
use crate::pool::Limits;
use crate::socket::TcpSocket;

/// The type of a HEADERS frame.
const HEADERS: u8 = 1;
const LIMITS: Limits = Limits { size: 4, idle_ms: 1_000, requests: 1_000 };

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("a runtime")
        .block_on(test)
}

type Accepted = (Request<RecvStream>, SendResponse<Bytes>);

/// A server whose connections let `limit` streams be open; what it accepts is left to `handle`.
async fn server<F>(limit: u32, handle: impl Fn(Accepted) -> F + 'static) -> SocketAddr
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let handle = Rc::new(handle);
    spawn_local(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let handle = Rc::clone(&handle);
            spawn_local(async move {
                let mut builder = h2::server::Builder::new();
                let handshake = builder.max_concurrent_streams(limit).handshake(socket);
                let Ok(mut connection) = handshake.await else { return };
                while let Some(Ok(accepted)) = connection.accept().await {
                    spawn_local(handle(accepted));
                }
            });
        }
    });
    address
}

/// A server that answers at once.
async fn answering(limit: u32) -> SocketAddr {
    server(limit, async |(_, mut respond): Accepted| {
        respond.send_response(Response::new(()), true).expect("sent");
    })
    .await
}

/// A server that never answers.
async fn silent(limit: u32) -> SocketAddr {
    server(limit, async |_held| std::future::pending().await).await
}

async fn open(address: SocketAddr, opening: super::Opening) -> Rc<Connection> {
    let socket = TcpStream::connect(address).await.expect("connected");
    let stream = crate::stream::Stream::Tcp(TcpSocket(socket));
    let (connection, driver) = connect(stream, address, opening, 0).await.expect("begun");
    spawn_local(driver);
    connection
}

/// A connection with room, opened or waited for if need be.
async fn connection(pool: &RefCell<Connections>, address: SocketAddr) -> Rc<Connection> {
    loop {
        let place = pool.borrow_mut().place(1, address, LIMITS);
        match place {
            Place::Ready(connection) => return connection,
            Place::Wait(waiting) => waiting.changed().await,
            Place::Open(opening) => return open(address, opening).await,
        }
    }
}

fn begin(connection: &Rc<Connection>, method: Method, ended: bool) -> Stream {
    let head = Head {
        method: &method,
        tls: false,
        authority: b"shop",
        target: b"/orders?id=1",
        headers: &Headers::default(),
        length: None,
        trailers: true,
    };
    connection.send(head.build().expect("fits"), ended).expect("begun")
}

async fn head(stream: &mut Stream, method: Method) -> Result<ResponseHead, Fault> {
    let mut out = ResponseHead::default();
    poll_fn(|cx| stream.poll_head(cx, &method, &mut out)).await?;
    Ok(out)
}

#[test]
fn requests_at_the_same_time_share_a_connection() {
    run(async {
        let pool = Rc::new(RefCell::new(Connections::default()));
        let address = answering(100).await;
        let requests = (0..10).map(|_| {
            let pool = Rc::clone(&pool);
            spawn_local(async move {
                let connection = connection(&pool, address).await;
                let mut stream = begin(&connection, Method::Get, true);
                head(&mut stream, Method::Get).await.expect("answered").status
            })
        });
        let requests: Vec<_> = requests.collect();
        for request in requests {
            assert_eq!(request.await.expect("ran"), 200);
        }
        assert_eq!(pool.borrow().count(), (1, 1));
    });
}

#[test]
fn a_further_connection_is_opened_where_the_server_allows_no_more_streams() {
    run(async {
        let pool = RefCell::default();
        let address = silent(2).await;
        let mut streams = Vec::new();
        for _ in 0..5 {
            let connection = connection(&pool, address).await;
            streams.push(begin(&connection, Method::Get, true));
        }
        assert_eq!(pool.borrow().count(), (3, 0));
    });
}

#[test]
fn at_most_as_many_connections_as_the_pool_is_large() {
    run(async {
        let pool = RefCell::default();
        let address = silent(1).await;
        let mut streams = Vec::new();
        for _ in 0..LIMITS.size {
            streams.push(begin(&connection(&pool, address).await, Method::Get, true));
        }
        let mut waiting = Box::pin(connection(&pool, address));
        assert!(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
        streams.pop();
        begin(&waiting.await, Method::Get, true);
    });
}

#[test]
fn an_opening_that_fails_is_left_to_the_next() {
    run(async {
        let pool = RefCell::new(Connections::default());
        let address = answering(100).await;
        let Place::Open(opening) = pool.borrow_mut().place(1, address, LIMITS) else {
            panic!("nothing is open yet")
        };
        let mut waiting = Box::pin(connection(&pool, address));
        assert!(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
        drop(opening);
        begin(&waiting.await, Method::Get, true);
    });
}

#[test]
fn a_connection_that_idles_is_closed() {
    run(async {
        let pool = RefCell::default();
        let address = answering(100).await;
        let mut stream = begin(&connection(&pool, address).await, Method::Get, true);
        head(&mut stream, Method::Get).await.expect("answered");
        pool.borrow_mut().sweep(1_000);
        assert_eq!(pool.borrow().count(), (1, 0));
        drop(stream);
        pool.borrow_mut().sweep(2_000);
        assert_eq!(pool.borrow().count(), (1, 1));
        pool.borrow_mut().sweep(2_000 + LIMITS.idle_ms);
        assert_eq!(pool.borrow().count(), (0, 0));
    });
}

#[test]
fn a_connection_that_served_its_share_takes_no_more() {
    run(async {
        let pool = RefCell::<Connections>::default();
        let address = answering(100).await;
        let limits = Limits { requests: 1, ..LIMITS };
        let Place::Open(opening) = pool.borrow_mut().place(1, address, limits) else {
            panic!("nothing is open yet")
        };
        let stream = begin(&open(address, opening).await, Method::Get, true);
        let place = pool.borrow_mut().place(1, address, limits);
        assert!(matches!(place, Place::Open(_)));
        drop(stream);
    });
}

#[test]
fn a_refused_stream_was_not_processed() {
    run(async {
        let pool = RefCell::default();
        let address = server(100, async |(_, mut respond): Accepted| {
            respond.send_reset(Reason::REFUSED_STREAM);
        });
        let connection = connection(&pool, address.await).await;
        let mut stream = begin(&connection, Method::Post, true);
        let fault = head(&mut stream, Method::Post).await.expect_err("refused");
        assert!(matches!(fault, Fault::Unprocessed(_)), "{fault}");
    });
}

#[test]
fn a_stream_that_is_reset_says_why() {
    run(async {
        let pool = RefCell::default();
        let address = server(100, async |(_, mut respond): Accepted| {
            respond.send_reset(Reason::ENHANCE_YOUR_CALM);
        });
        let connection = connection(&pool, address.await).await;
        let mut stream = begin(&connection, Method::Get, true);
        let fault = head(&mut stream, Method::Get).await.expect_err("reset");
        assert!(matches!(fault, Fault::Reset(Reason::ENHANCE_YOUR_CALM)), "{fault}");
    });
}

#[test]
fn streams_above_the_last_of_a_goaway_were_not_processed() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        spawn_local(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            socket.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.expect("settings");
            socket.read_exact(&mut [0; 24]).await.expect("the preface");
            let mut requests = 0;
            while requests < 2 {
                let mut frame = [0; 9];
                socket.read_exact(&mut frame).await.expect("a frame");
                let mut payload = vec![0; usize::from(frame[2])]; // none here is longer than 255
                socket.read_exact(&mut payload).await.expect("its payload");
                requests += usize::from(frame[3] == HEADERS);
            }
            let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]; // the last is 1
            socket.write_all(&goaway).await.expect("goaway");
            std::future::pending::<()>().await;
        });
        let pool = RefCell::default();
        let first = connection(&pool, address).await;
        let mut kept = begin(&first, Method::Get, true);
        let second = connection(&pool, address).await;
        let mut lost = begin(&second, Method::Post, true);
        let fault = head(&mut lost, Method::Post).await.expect_err("gone away");
        assert!(matches!(fault, Fault::Unprocessed(_)), "{fault}");
        let mut out = ResponseHead::default();
        let waits =
            poll_fn(|cx| Poll::Ready(kept.poll_head(cx, &Method::Get, &mut out).is_pending()));
        assert!(waits.await, "the earlier stream goes on");
        let place = pool.borrow_mut().place(1, address, LIMITS);
        assert!(matches!(place, Place::Open(_)), "nothing more goes on it");
    });
}

#[test]
fn an_answer_waits_until_what_was_handed_out_is_released() {
    run(async {
        let window = STREAM_WINDOW as usize;
        let pool = RefCell::default();
        let address = server(100, move |(_, mut respond): Accepted| async move {
            let mut body = respond.send_response(Response::new(()), false).expect("sent");
            body.send_data(vec![7; 3 * window].into(), true).expect("sent");
            std::future::pending::<()>().await;
        });
        let connection = connection(&pool, address.await).await;
        let mut stream = begin(&connection, Method::Get, true);
        head(&mut stream, Method::Get).await.expect("answered");
        let mut received = 0;
        while received < window {
            let data = poll_fn(|cx| stream.poll_data(cx)).await.expect("more").expect("data");
            received += data.len();
        }
        assert_eq!(received, window);
        assert!(poll_fn(|cx| Poll::Ready(stream.poll_data(cx).is_pending())).await);
        while let Some(data) = {
            stream.release();
            poll_fn(|cx| stream.poll_data(cx)).await
        } {
            received += data.expect("data").len();
        }
        assert_eq!(received, 3 * window);
    });
}

#[test]
fn a_body_and_its_trailers_arrive() {
    run(async {
        let pool = RefCell::default();
        let address = server(100, async |(mut request, mut respond): Accepted| {
            assert_eq!(request.uri().to_string(), "http://shop/orders?id=1");
            assert_eq!(request.headers()["te"], "trailers");
            let mut received = 0;
            while let Some(data) = request.body_mut().data().await {
                let data = data.expect("data");
                received += data.len();
                request.body_mut().flow_control().release_capacity(data.len()).expect("held");
            }
            let trailers = request.body_mut().trailers().await.expect("read").expect("some");
            assert_eq!(trailers["x-sum"], "9");
            let mut body = respond.send_response(Response::new(()), false).expect("sent");
            body.send_data(received.to_string().into(), false).expect("sent");
            body.send_trailers(trailers).expect("sent");
        });
        let connection = connection(&pool, address.await).await;
        let mut stream = begin(&connection, Method::Post, false);
        let sent = vec![1; 200_000];
        let mut at = 0;
        while at < sent.len() {
            at += poll_fn(|cx| stream.poll_send(cx, &sent[at..], false)).await.expect("taken");
        }
        let mut trailers = Headers::default();
        trailers.append("X-Sum", b"9").expect("a field");
        stream.finish(Some(&trailers)).expect("sent");
        let answer = head(&mut stream, Method::Post).await.expect("answered");
        assert_eq!((answer.status, answer.framing), (200, Framing::Chunked));
        let data = poll_fn(|cx| stream.poll_data(cx)).await.expect("some").expect("data");
        assert_eq!(data, "200000");
        assert!(poll_fn(|cx| stream.poll_data(cx)).await.is_none());
        let received = poll_fn(|cx| stream.poll_trailers(cx)).await.expect("read").expect("some");
        assert_eq!(received.get("x-sum"), Some(&b"9"[..]));
    });
}

#[test]
fn interim_answers_come_before_the_final_one() {
    run(async {
        let pool = RefCell::default();
        let address = server(100, async |(_, mut respond): Accepted| {
            let hints = Response::builder().status(103).header("link", "</a>").body(());
            respond.send_informational(hints.expect("a response")).expect("sent");
            respond.send_response(Response::new(()), true).expect("sent");
        });
        let connection = connection(&pool, address.await).await;
        let mut stream = begin(&connection, Method::Get, true);
        let hints = head(&mut stream, Method::Get).await.expect("a head");
        assert_eq!((hints.status, hints.headers.get("link")), (103, Some(&b"</a>"[..])));
        let answer = head(&mut stream, Method::Get).await.expect("a head");
        assert_eq!((answer.status, answer.framing), (200, Framing::Length(0)));
    });
}

#[test]
fn a_request_that_is_dropped_is_cancelled() {
    run(async {
        let pool = RefCell::default();
        let (told, mut cancelled) = tokio::sync::mpsc::unbounded_channel();
        let address = server(100, move |(_, mut respond): Accepted| {
            let told = told.clone();
            async move {
                let reason = poll_fn(|cx| respond.poll_reset(cx)).await;
                let _ = told.send(reason.expect("a reset"));
            }
        });
        let connection = connection(&pool, address.await).await;
        drop(begin(&connection, Method::Post, false));
        assert_eq!(cancelled.recv().await, Some(Reason::CANCEL));
        assert_eq!(pool.borrow().count(), (1, 1));
    });
}

#[test]
fn streams_are_bounded_where_the_server_sets_no_bound() {
    run(async {
        let pool = RefCell::default();
        let address = silent(1_000).await;
        let mut streams = Vec::new();
        for _ in 0..=STREAMS {
            streams.push(begin(&connection(&pool, address).await, Method::Get, true));
        }
        assert_eq!(pool.borrow().count().0, 2);
    });
}
