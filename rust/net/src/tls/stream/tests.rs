use std::future::poll_fn;
use std::io::ErrorKind;
use std::sync::Arc;
use std::task::Poll;

use super::TlsStream;
use crate::socket::Socket;
use crate::tls::fixtures::{
    Authority, host, options, read, read_exact, run, shake, shutdown, table_of, write_all,
};
use crate::tls::{CertificateTable, ClientStream, ServerStream, Versions};

const NAME: &str = "example.com";

async fn connect() -> (ServerStream, ClientStream) {
    let authority = Authority::new();
    let table = table_of(&authority, NAME);
    let (server, client) = shake(&table, &authority.client(), NAME).await;
    (server.expect("accepted").stream, client.expect("connected"))
}

/// Bytes that differ along the way, so that a lost or doubled record shows.
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 251 + at % 251) as u8).collect()
}

fn buffered<C>(stream: &TlsStream<C>) -> usize {
    stream.held.capacity() + stream.plain.capacity() + stream.unsent.capacity()
}

#[test]
fn text_goes_both_ways_in_either_version() {
    for (tls12, tls13, version) in [(true, false, "TLSv1.2"), (false, true, "TLSv1.3")] {
        run(async {
            let authority = Authority::new();
            let mut options = options(NAME, vec![authority.ecdsa(NAME)]);
            options.versions = Versions { tls12, tls13 };
            let table = Arc::new(CertificateTable::new([host(options)], None));
            let (server, client) = shake(&table, &authority.client(), NAME).await;
            let (mut server, mut client) = (server.expect("accepted").stream, client.expect("in"));
            assert_eq!(server.version(), version);
            assert_eq!(client.version(), version);
            assert!(server.cipher().contains("GCM") || server.cipher().contains("CHACHA20"));
            write_all(&mut client, b"question").await.expect("written");
            assert_eq!(read_exact(&mut server, 8).await.expect("read"), b"question");
            write_all(&mut server, b"answer").await.expect("written");
            assert_eq!(read_exact(&mut client, 6).await.expect("read"), b"answer");
        });
    }
}

#[test]
fn large_bodies_arrive_whole_whatever_the_buffer() {
    let sent = text(1_000_000);
    for buffer in [1, 100, 5_000, 16_384, 20_000, 65_536, 200_000] {
        run(async {
            let sent = &sent[..if buffer == 1 { 50_000 } else { sent.len() }];
            let (mut server, mut client) = connect().await;
            let writing = async {
                write_all(&mut client, sent).await.expect("written");
                shutdown(&mut client).await.expect("closed");
            };
            let reading = async {
                let (mut received, mut buf) = (Vec::new(), vec![0; buffer]);
                loop {
                    match read(&mut server, &mut buf).await.expect("read") {
                        0 => return received,
                        n => received.extend_from_slice(&buf[..n]),
                    }
                }
            };
            let ((), received) = tokio::join!(writing, reading);
            assert!(received == sent, "buffer of {buffer}");
            assert_eq!(buffered(&server), 0);
        });
    }
}

#[test]
fn both_directions_flow_at_once() {
    run(async {
        let (mut server, mut client) = connect().await;
        let sent = text(600_000);
        // One poll at a time for both directions of each end, as an exchange does it.
        let both = async |socket: &mut dyn Socket| {
            let (mut written, mut received, mut buf) = (0, Vec::new(), vec![0; 3_000]);
            poll_fn(|cx| {
                while written < sent.len() {
                    match socket.poll_write(cx, &sent[written..]) {
                        Poll::Ready(n) => written += n.expect("written"),
                        Poll::Pending => break,
                    }
                }
                while received.len() < sent.len() {
                    match socket.poll_read(cx, &mut buf) {
                        Poll::Ready(n) => received.extend_from_slice(&buf[..n.expect("read")]),
                        Poll::Pending => break,
                    }
                }
                let flushed = socket.poll_flush(cx).is_ready();
                let done = flushed && written == sent.len() && received.len() == sent.len();
                if done { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            received
        };
        let (at_server, at_client) = tokio::join!(both(&mut server), both(&mut client));
        assert!(at_server == sent && at_client == sent);
    });
}

#[test]
fn a_peer_that_does_not_read_stops_the_writer() {
    run(async {
        let (mut server, client) = connect().await;
        let block = text(65_536);
        let mut taken = 0;
        // Loopback buffers a few megabytes at most.
        let stopped = poll_fn(|cx| {
            while taken < 64_000_000 {
                match server.poll_write(cx, &block) {
                    Poll::Ready(n) => taken += n.expect("written"),
                    Poll::Pending => return Poll::Ready(true),
                }
            }
            Poll::Ready(false)
        });
        assert!(stopped.await);
        assert!(buffered(&server) <= 100_000, "one write at most is held back");
        drop(client);
    });
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    run(async {
        let (mut server, mut client) = connect().await;
        for _ in 0..3 {
            write_all(&mut client, b"question").await.expect("written");
            read_exact(&mut server, 8).await.expect("read");
            write_all(&mut server, b"answer").await.expect("written");
            read_exact(&mut client, 6).await.expect("read");
            for pending in [
                poll_fn(|cx| Poll::Ready(server.poll_read(cx, &mut [0; 8]).is_pending())).await,
                poll_fn(|cx| Poll::Ready(client.poll_read(cx, &mut [0; 8]).is_pending())).await,
            ] {
                assert!(pending);
            }
            assert_eq!((buffered(&server), buffered(&client)), (0, 0));
        }
        assert!(size_of::<ServerStream>() <= 160, "{}", size_of::<ServerStream>());
    });
}

#[test]
fn the_end_is_told_from_a_truncation() {
    run(async {
        let (mut server, mut client) = connect().await;
        write_all(&mut client, b"all").await.expect("written");
        shutdown(&mut client).await.expect("closed");
        assert_eq!(read_exact(&mut server, 3).await.expect("read"), b"all");
        assert_eq!(read(&mut server, &mut [0; 8]).await.expect("the end"), 0);
        assert_eq!(read(&mut server, &mut [0; 8]).await.expect("the end again"), 0);
        write_all(&mut server, b"late").await.expect("the other half is open");
        assert_eq!(read_exact(&mut client, 4).await.expect("read"), b"late");

        let (mut server, mut client) = connect().await;
        write_all(&mut client, b"part").await.expect("written");
        drop(client);
        assert_eq!(read_exact(&mut server, 4).await.expect("read"), b"part");
        let error = read(&mut server, &mut [0; 8]).await.expect_err("cut off");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_forged_record_is_an_error_after_what_was_good() {
    run(async {
        let (mut server, mut client) = connect().await;
        write_all(&mut client, b"good").await.expect("written");
        client.socket.writable().await.expect("open");
        client.socket.try_write(&[23, 3, 3, 0, 32]).expect("written");
        client.socket.try_write(&[0; 32]).expect("written");
        assert_eq!(read_exact(&mut server, 4).await.expect("read"), b"good");
        let error = read(&mut server, &mut [0; 8]).await.expect_err("forged");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let write = poll_fn(|cx| server.poll_write(cx, b"more")).await;
        assert_eq!(write.expect_err("broken").kind(), ErrorKind::BrokenPipe);
        let alert = read(&mut client, &mut [0; 8]).await.expect_err("an alert");
        assert!(alert.to_string().contains("BadRecordMac"), "{alert}");
    });
}

#[test]
fn an_idle_connection_is_stale_once_the_peer_left() {
    run(async {
        let (mut server, mut client) = connect().await;
        write_all(&mut client, b"question").await.expect("written");
        read_exact(&mut server, 8).await.expect("read");
        write_all(&mut server, b"answer").await.expect("written");
        read_exact(&mut client, 6).await.expect("read");
        tokio::task::yield_now().await;
        assert!(!client.stale());
        shutdown(&mut server).await.expect("closed");
        client.socket.readable().await.expect("an event");
        assert!(client.stale());
    });
}

#[test]
fn what_follows_a_handshake_at_once_is_read() {
    run(async {
        let (mut server, mut client) = connect().await;
        // Several records in one segment, which one read of the server brings.
        let records: Vec<Vec<u8>> = (1..20).map(|n| text(n * 100)).collect();
        for record in &records {
            write_all(&mut client, record).await.expect("written");
        }
        let all = records.concat();
        assert!(read_exact(&mut server, all.len()).await.expect("read") == all);
    });
}
