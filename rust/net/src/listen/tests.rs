use std::future::poll_fn;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::task::Poll;

use tokio::runtime::LocalOptions;

use super::holder::listening_inode;
use super::{ListenError, ListenErrorKind, Listener, bind, claim};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn runtime() -> tokio::runtime::LocalRuntime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .expect("a runtime")
}

fn error(address: SocketAddr, number: i32) -> ListenError {
    ListenError::new(address, std::io::Error::from_raw_os_error(number))
}

#[test]
fn workers_share_an_address() {
    let first = bind(LOOPBACK).expect("a free port");
    let address = first.local_addr().expect("an address");
    bind(address).expect("the same address again");
}

#[test]
fn claiming_an_address_leaves_it_free() {
    let free =
        bind(LOOPBACK).map(|socket| socket.local_addr().expect("an address")).expect("a free port");
    claim(free).expect("free");
    claim(free).expect("still free");
}

#[test]
fn a_port_in_use_names_its_holder() {
    let held = bind(LOOPBACK).expect("a free port");
    let error = claim(held.local_addr().expect("an address")).expect_err("in use");
    let ListenErrorKind::InUse { holder: Some(holder) } = error.kind() else { panic!("{error:?}") };
    assert!(holder.ends_with(&format!("(pid {})", std::process::id())), "{holder}");
    assert!(error.to_string().contains("the port is in use by"), "{error}");
}

#[test]
fn ipv4_and_ipv6_stand_side_by_side() {
    let v4 = bind("0.0.0.0:0".parse().expect("an address")).expect("a free port");
    let port = v4.local_addr().expect("an address").port();
    match bind(SocketAddr::new("::".parse().expect("an address"), port)) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), &ListenErrorKind::NoIpv6, "{error}"),
    }
}

#[test]
fn an_address_of_another_machine_is_not_available() {
    let error =
        bind("192.0.2.1:0".parse().expect("an address")).expect_err("TEST-NET-1 is nobody's");
    assert_eq!(error.kind(), &ListenErrorKind::NotAvailable);
    assert!(error.to_string().ends_with("listen on 0.0.0.0 instead"), "{error}");
}

#[test]
fn errors_say_what_to_do() {
    let low: SocketAddr = "127.0.0.1:80".parse().expect("an address");
    let high: SocketAddr = "[::1]:8080".parse().expect("an address");
    for (error, words) in [
        (error(low, libc::EACCES), "CAP_NET_BIND_SERVICE"),
        (error(high, libc::EACCES), "SELinux"),
        (error(high, libc::EMFILE), "worker_rlimit_nofile"),
        (error(high, libc::EAFNOSUPPORT), "enable_ipv6"),
        (error(high, libc::EIO), "os error 5"),
    ] {
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot listen on {}: ", error.address())), "{text}");
        assert!(text.contains(words), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn only_the_listener_of_an_overlapping_address_holds_it() {
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                 \x20  0: 0100007F:1F90 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 11 1\n\
                 \x20  1: 0200007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1\n\
                 \x20  2: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 13 1\n";
    let inode = |address: &str| listening_inode(table, address.parse().expect("an address"));
    if cfg!(target_endian = "little") {
        assert_eq!(inode("127.0.0.1:8080"), None);
        assert_eq!(inode("127.0.0.2:8080"), Some(12));
        assert_eq!(inode("0.0.0.0:8080"), Some(12));
        assert_eq!(inode("127.0.0.1:8081"), Some(13));
    }
}

#[test]
fn accepted_sockets_do_not_wait_to_send() {
    runtime().block_on(async {
        let mut listener = Listener::new(bind(LOOPBACK).expect("a free port")).expect("a runtime");
        let client = TcpStream::connect(listener.local_addr()).expect("listening");
        let (accepted, from) = listener.accept().await;
        assert_eq!(from, client.local_addr().expect("an address"));
        assert!(accepted.nodelay().expect("an option"));
    });
}

/// Runs the named test in a process of its own, since a descriptor limit holds for all threads.
/// True in that process.
#[expect(clippy::disallowed_methods, reason = "it tells the child from its parent")]
fn with_64_descriptors(test: &str) -> bool {
    const CHILD: &str = "GATEWAY_NET_DESCRIPTOR_TEST";
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let child = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this test"))
        .args([&format!("listen::tests::{test}"), "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("a second process");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    false
}

#[test]
fn clients_do_not_get_the_last_descriptors() {
    if !with_64_descriptors("clients_do_not_get_the_last_descriptors") {
        return;
    }
    runtime().block_on(async {
        let mut listener = Listener::new(bind(LOOPBACK).expect("a free port")).expect("a runtime");
        let address = listener.local_addr();
        let mut served = Vec::new();
        while listener.refused() == 0 {
            // Its own end is closed, so that it takes no descriptor here.
            drop(TcpStream::connect(address).expect("listening"));
            if let Poll::Ready(accepted) = poll_fn(|cx| Poll::Ready(listener.poll_accept(cx))).await
            {
                served.push(accepted);
            }
            tokio::task::yield_now().await;
        }
        assert!((1..32).contains(&served.len()), "{} clients were served", served.len());
        assert!(std::fs::File::open("/dev/null").is_ok(), "the process has descriptors left");
    });
}

#[test]
fn without_descriptors_clients_are_refused_and_later_served() {
    if !with_64_descriptors("without_descriptors_clients_are_refused_and_later_served") {
        return;
    }
    runtime().block_on(async {
        let mut listener = Listener::new(bind(LOOPBACK).expect("a free port")).expect("a runtime");
        let mut clients: Vec<TcpStream> =
            (0..3).map(|_| TcpStream::connect(listener.local_addr()).expect("listening")).collect();
        let mut hoard = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        while listener.refused() < 3 {
            let accepted = poll_fn(|cx| Poll::Ready(listener.poll_accept(cx))).await;
            assert!(accepted.is_pending(), "nothing to accept with");
            tokio::task::yield_now().await;
        }
        for client in &mut clients {
            let end = client.read(&mut [0; 1]);
            assert!(
                matches!(&end, Ok(0)) || end.is_err_and(|e| e.kind() == ErrorKind::ConnectionReset)
            );
        }
        drop(hoard);
        drop(clients);
        let client = TcpStream::connect(listener.local_addr()).expect("listening");
        let (_, from) = listener.accept().await;
        assert_eq!(from, client.local_addr().expect("an address"));
        assert_eq!(listener.refused(), 3);
    });
}

#[test]
fn a_connection_that_the_runtime_has_not_heard_of_is_taken() {
    runtime().block_on(async {
        let mut listener = Listener::new(bind(LOOPBACK).expect("a free port")).expect("a listener");
        let client = TcpStream::connect(listener.local_addr()).expect("a connection");
        let (_, peer) = listener.accept_queued().expect("the connection");
        assert_eq!(peer, client.local_addr().expect("an address"));
        assert!(listener.accept_queued().is_none());
    });
}
