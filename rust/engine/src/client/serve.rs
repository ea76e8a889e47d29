//! The life of a client's connection, which begins as HTTP/1.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use gateway_net::stream::Stream;
use tokio::task::spawn_local;

use super::http1::{Http1Connection, Next};
use super::{Client, Origin, http2};
use crate::exchange::Exchange;
use crate::observe::flags::Flag;
use crate::observe::metrics::Connection;
use crate::respond::{self, Answer};
use crate::worker::{Purpose, Serving, Worker};
use crate::{pipeline, status};

/// Serves requests on `stream`, of which `received` was read before, until one side has had enough.
pub(crate) async fn serve(
    worker: Serving,
    stream: Stream,
    received: Vec<u8>,
    origin: Rc<Origin>,
    counted: Connection,
) {
    let mut connection = connection(&worker, stream, received, origin, counted).await;
    loop {
        match connection.next(&worker).await {
            Next::Request(exchange, upload) => {
                let mut client = connection.client();
                // Boxed, so that a connection that idles does not carry the state of a request.
                match client.origin.purpose {
                    Purpose::Proxy => {
                        Box::pin(pipeline::run(&worker, &mut client, exchange, upload)).await;
                    }
                    Purpose::Internal => {
                        Box::pin(status::answer(&worker, &mut client, exchange, upload)).await;
                    }
                }
                let Client { keep_alive, linger, cut, .. } = client;
                connection.linger = linger;
                if cut {
                    return;
                }
                if !keep_alive {
                    break;
                }
                connection.requests += 1;
                connection.deadline.set(worker.turn_ms() + worker.limits.keepalive_ms);
            }
            Next::Rejected(exchange, reject) => {
                let answer = pipeline::rejected(reject.status(), reject.reason());
                connection.linger = true;
                refuse(&worker, &mut connection.client(), exchange, answer).await;
                break;
            }
            Next::TimedOut(exchange) => {
                let detail = "request head did not arrive in time";
                let answer = Answer::problem(408, Flag::ClientTimeout, detail);
                connection.linger = true;
                refuse(&worker, &mut connection.client(), exchange, answer).await;
                break;
            }
            Next::Foreign(mut exchange) => {
                connection.linger = true;
                exchange.started = worker.now_us();
                exchange.response.status = 400;
                exchange.flags.raise(Flag::ClientRequest);
                worker.recorder.request_started();
                pipeline::finish(&worker, &connection.client(), exchange);
                break;
            }
            Next::Http2(read) => {
                let (stream, origin, counted) = connection.into_parts();
                // A task of its own, so that it does not hold the state of this one for life.
                spawn_local(Box::pin(http2::serve(worker, stream, read, origin, counted)));
                return;
            }
            Next::Idle => break,
            Next::Left => return,
        }
    }
    connection.close(&worker).await;
}

/// Tells a client that speaks plain HTTP to a port for HTTPS so, and serves it no further.
pub(crate) async fn refuse_plain_http(
    worker: Serving,
    stream: Stream,
    received: Vec<u8>,
    origin: Rc<Origin>,
    counted: Connection,
) {
    let mut connection = connection(&worker, stream, received, origin, counted).await;
    if let Next::Request(exchange, _) | Next::Rejected(exchange, _) = connection.next(&worker).await
    {
        let detail = "plain HTTP was sent to a port that speaks HTTPS";
        let answer = Answer::problem(400, Flag::ClientRequest, detail);
        connection.linger = true;
        refuse(&worker, &mut connection.client(), exchange, answer).await;
        connection.close(&worker).await;
    }
}

/// Answers what is no request that could be served, and logs it.
async fn refuse(
    worker: &Worker,
    client: &mut Client<'_>,
    mut exchange: Box<Exchange>,
    answer: Answer,
) {
    client.keep_alive = false;
    exchange.started = worker.now_us();
    worker.recorder.request_started();
    respond::send(worker, client, &mut exchange, answer).await;
    pipeline::finish(worker, client, exchange);
}

/// A connection whose first request is waited for from now on.
async fn connection(
    worker: &Worker,
    stream: Stream,
    received: Vec<u8>,
    origin: Rc<Origin>,
    counted: Connection,
) -> Http1Connection {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let deadline = worker.deadlines.register(&waker);
    deadline.set(worker.now_ms() + worker.limits.client_header_ms);
    let mut connection = Http1Connection::new(stream, deadline, origin, counted);
    connection.http1.unread = received;
    connection
}
