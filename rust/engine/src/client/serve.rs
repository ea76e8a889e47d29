//! The life of a client's connection.

use std::future::poll_fn;
use std::task::Poll;

use gateway_net::stream::Stream;

use super::{Client, Next, Origin};
use crate::exchange::Exchange;
use crate::observe::flags::Flag;
use crate::observe::metrics::Connection;
use crate::respond::{self, Answer};
use crate::worker::{Purpose, Serving, Worker};
use crate::{pipeline, status};

/// Serves requests on `stream` until one side has had enough.
pub(crate) async fn serve(worker: Serving, stream: Stream, origin: Origin, counted: Connection) {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let deadline = worker.deadlines.register(&waker);
    deadline.set(worker.now_ms() + worker.limits.client_header_ms);
    let mut client = Client::new(stream, deadline, origin, counted);
    loop {
        match client.next(&worker).await {
            Next::Request(exchange, upload) => {
                // Boxed, so that a connection that idles does not carry the state of a request.
                let again = match client.origin.purpose {
                    Purpose::Proxy => {
                        Box::pin(pipeline::run(&worker, &mut client, exchange, upload)).await
                    }
                    Purpose::Internal => {
                        Box::pin(status::answer(&worker, &mut client, exchange, upload)).await
                    }
                };
                if !again {
                    if client.cut {
                        return;
                    }
                    break;
                }
                client.requests += 1;
                client.deadline.set(worker.turn_ms() + worker.limits.keepalive_ms);
            }
            Next::Rejected(exchange, reject) => {
                let flag = match reject.status() {
                    414 | 431 => Flag::ClientLimit,
                    _ => Flag::ClientRequest,
                };
                let answer = Answer::problem(reject.status(), flag, reject.reason());
                refuse(&worker, &mut client, exchange, answer).await;
                break;
            }
            Next::TimedOut(exchange) => {
                let detail = "request head did not arrive in time";
                let answer = Answer::problem(408, Flag::ClientTimeout, detail);
                refuse(&worker, &mut client, exchange, answer).await;
                break;
            }
            Next::Idle => break,
            Next::Left => return,
        }
    }
    client.close(&worker).await;
}

/// Answers what could not be read as a request, and logs it.
async fn refuse(worker: &Worker, client: &mut Client, mut exchange: Box<Exchange>, answer: Answer) {
    client.keep_alive = false;
    client.linger = true;
    exchange.started = worker.now_us();
    worker.recorder.request_started();
    respond::send(worker, client, &mut exchange, answer).await;
    pipeline::finish(worker, client, exchange);
}
