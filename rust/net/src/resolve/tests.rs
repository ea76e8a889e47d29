#![expect(clippy::disallowed_methods, reason = "a moment for the clock of the tests to count from")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant, UNIX_EPOCH};

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::LocalOptions;

use super::hosts::HostsFile;
use super::{GRACE, MOST_ADDRESSES, Options, ResolveErrorKind, Resolver, STALE};

thread_local! {
    static START: Instant = Instant::now();
    static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// The time as the resolver sees it: it passes when a test says so.
fn now() -> Instant {
    START.with(|start| *start) + PASSED.get()
}

fn pass(time: Duration) {
    PASSED.set(PASSED.get() + time);
}

const SECOND: Duration = Duration::from_secs(1);

/// What the server says of a name.
#[derive(Clone)]
enum Zone {
    Addresses(Vec<IpAddr>, u32),
    Alias(&'static str, u32, Ipv4Addr),
    Empty,
    Refused,
    Silent,
}

/// A name server on loopback, over UDP and TCP; names it does not have do not exist.
struct Server {
    address: SocketAddr,
    zones: RefCell<HashMap<String, Zone>>,
    asked: RefCell<Vec<(String, RecordType)>>,
}

impl Server {
    async fn start() -> Rc<Self> {
        // The port that is free for one protocol may be taken for the other.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
            let address = udp.local_addr().expect("an address");
            if let Ok(tcp) = TcpListener::bind(address).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().expect("an address");
        let server =
            Rc::new(Self { address, zones: RefCell::default(), asked: RefCell::default() });
        let this = Rc::clone(&server);
        tokio::task::spawn_local(async move {
            let mut buf = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut buf).await {
                if let Some(mut answer) = this.answer(&buf[..length]) {
                    if answer.to_vec().expect("encodes").len() > 1_232 {
                        answer.answers.clear();
                        answer.metadata.truncation = true;
                    }
                    let _ = udp.send_to(&answer.to_vec().expect("encodes"), from).await;
                }
            }
        });
        let this = Rc::clone(&server);
        tokio::task::spawn_local(async move {
            while let Ok((mut client, _)) = tcp.accept().await {
                let this = Rc::clone(&this);
                tokio::task::spawn_local(async move {
                    while let Ok(length) = client.read_u16().await {
                        let mut query = vec![0; length.into()];
                        client.read_exact(&mut query).await.expect("a query");
                        if let Some(answer) = this.answer(&query) {
                            let answer = answer.to_vec().expect("encodes");
                            client.write_u16(answer.len() as u16).await.expect("written");
                            client.write_all(&answer).await.expect("written");
                        }
                    }
                });
            }
        });
        server
    }

    fn answer(&self, query: &[u8]) -> Option<Message> {
        let query = Message::from_vec(query).expect("a query");
        let question = query.queries[0].clone();
        let name = question.name().to_utf8();
        let kind = question.query_type();
        self.asked.borrow_mut().push((name.clone(), kind));
        let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
        answer.metadata.recursion_desired = true;
        answer.metadata.recursion_available = true;
        answer.add_query(question.clone());
        let owner = question.name().clone();
        match self.zones.borrow().get(name.trim_end_matches('.')) {
            Some(Zone::Silent) => return None,
            Some(Zone::Refused) => answer.metadata.response_code = ResponseCode::ServFail,
            Some(Zone::Empty) => {}
            Some(Zone::Addresses(addresses, ttl)) => {
                for address in addresses {
                    let data = match address {
                        IpAddr::V4(v4) => RData::A(A(*v4)),
                        IpAddr::V6(v6) => RData::AAAA(AAAA(*v6)),
                    };
                    if data.record_type() == kind {
                        answer.add_answer(Record::from_rdata(owner.clone(), *ttl, data));
                    }
                }
            }
            Some(Zone::Alias(to, ttl, address)) => {
                let to = Name::from_ascii(to).expect("a name");
                let alias = RData::CNAME(CNAME(to.clone()));
                answer.add_answer(Record::from_rdata(owner.clone(), *ttl, alias));
                answer.add_answer(Record::from_rdata(to, 600, RData::A(A(*address))));
            }
            None => answer.metadata.response_code = ResponseCode::NXDomain,
        }
        if answer.answers.is_empty() && answer.metadata.response_code != ResponseCode::ServFail {
            let soa = SOA::new(Name::root(), Name::root(), 1, 1, 1, 1, 10);
            answer.add_authority(Record::from_rdata(Name::root(), 10, RData::SOA(soa)));
        }
        Some(answer)
    }

    fn set(&self, name: &str, zone: Zone) {
        self.zones.borrow_mut().insert(name.to_owned(), zone);
    }

    fn has(&self, name: &str, addresses: &[&str], ttl: u32) {
        self.set(name, Zone::Addresses(addresses.iter().map(|a| address(a)).collect(), ttl));
    }

    /// How often it was asked since this was asked last.
    fn asked(&self) -> usize {
        self.asked.borrow_mut().drain(..).count()
    }

    fn options(&self) -> Options {
        Options { servers: vec![self.address], search: false, ..Options::default() }
    }

    fn resolver(&self) -> Resolver {
        resolver(&self.options())
    }
}

fn resolver(options: &Options) -> Resolver {
    Resolver::with(options, HostsFile::new("/nonexistent"), now).expect("a resolver")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn run(test: impl AsyncFnOnce(Rc<Server>)) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .expect("a runtime")
        .block_on(async { test(Server::start().await).await });
}

/// Lets a lookup that goes on behind the caller's back end.
async fn settle(resolver: &Resolver, name: &str) {
    let mut asking = resolver.asking(name).expect("a lookup under way");
    let _ = asking.changed().await;
}

#[test]
fn an_answer_is_kept_for_its_time() {
    run(async |server| {
        let resolver = server.resolver();
        server.has("a.test", &["10.0.0.1", "10.0.0.2"], 60);
        assert_eq!(resolver.cached("a.test", now()), None);
        let addresses = resolver.lookup("a.test").await.expect("resolved");
        assert_eq!(*addresses, [address("10.0.0.1"), address("10.0.0.2")]);
        pass(59 * SECOND);
        assert_eq!(resolver.cached("a.test", now()), Some(addresses));
        assert_eq!(server.asked(), 1);
    });
}

#[test]
fn a_changed_answer_is_fetched_behind_the_old_one() {
    run(async |server| {
        let resolver = server.resolver();
        server.has("a.test", &["10.0.0.1"], 60);
        resolver.lookup("a.test").await.expect("resolved");
        server.has("a.test", &["10.0.0.2"], 60);
        pass(61 * SECOND);
        for _ in 0..3 {
            let old = resolver.cached("a.test", now()).expect("still good enough");
            assert_eq!(*old, [address("10.0.0.1")]);
        }
        settle(&resolver, "a.test").await;
        let new = resolver.cached("a.test", now()).expect("known");
        assert_eq!(*new, [address("10.0.0.2")]);
        assert_eq!(server.asked(), 2, "three requests were one lookup");
    });
}

#[test]
fn a_long_forgotten_answer_is_waited_for() {
    run(async |server| {
        let resolver = server.resolver();
        server.has("a.test", &["10.0.0.1"], 60);
        resolver.lookup("a.test").await.expect("resolved");
        server.has("a.test", &["10.0.0.2"], 60);
        pass(60 * SECOND + GRACE);
        assert_eq!(resolver.cached("a.test", now()), None);
        assert_eq!(*resolver.lookup("a.test").await.expect("resolved"), [address("10.0.0.2")]);
    });
}

#[test]
fn an_old_answer_serves_while_the_name_servers_fail() {
    run(async |server| {
        let resolver = server.resolver();
        server.has("a.test", &["10.0.0.1"], 60);
        resolver.lookup("a.test").await.expect("resolved");
        server.set("a.test", Zone::Refused);
        pass(60 * SECOND + GRACE);
        let old = resolver.lookup("a.test").await.expect("the old answer");
        assert_eq!(*old, [address("10.0.0.1")]);
        server.asked();
        assert!(resolver.cached("a.test", now()).is_some());
        assert_eq!(server.asked(), 0, "left alone for a second");
        pass(SECOND);
        assert!(resolver.cached("a.test", now()).is_some(), "no waiting while it fails");
        settle(&resolver, "a.test").await;
        assert!(server.asked() > 0, "but asked again");
        pass(STALE);
        let error = resolver.lookup("a.test").await.expect_err("too old");
        assert!(matches!(error.kind(), ResolveErrorKind::Unavailable(_)), "{error}");
    });
}

#[test]
fn a_name_that_is_gone_is_gone_at_once() {
    run(async |server| {
        let resolver = server.resolver();
        server.has("a.test", &["10.0.0.1"], 60);
        resolver.lookup("a.test").await.expect("resolved");
        server.zones.borrow_mut().clear();
        pass(60 * SECOND);
        assert!(resolver.cached("a.test", now()).is_some());
        settle(&resolver, "a.test").await;
        assert_eq!(resolver.cached("a.test", now()), None);
        let error = resolver.lookup("a.test").await.expect_err("gone");
        assert_eq!(error.kind(), &ResolveErrorKind::NoSuchName);
        assert_eq!(error.to_string(), "failed to parse domain: \"a.test\", error: no such name");
    });
}

#[test]
fn a_no_is_remembered_for_a_while() {
    run(async |server| {
        let resolver = server.resolver();
        resolver.lookup("a.test").await.expect_err("no such name");
        let asked = server.asked();
        server.has("a.test", &["10.0.0.1"], 60);
        pass(9 * SECOND);
        resolver.lookup("a.test").await.expect_err("as the server said");
        assert_eq!(server.asked(), 0);
        pass(SECOND);
        resolver.lookup("a.test").await.expect("asked again");
        assert_eq!(asked, 1, "no such name of either kind");
    });
}

#[test]
fn lookups_of_one_name_at_once_are_one() {
    run(async |server| {
        let resolver = server.resolver();
        server.has("a.test", &["10.0.0.1"], 60);
        let lookup = || resolver.lookup("a.test");
        let (a, b, c) = tokio::join!(lookup(), lookup(), lookup());
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        assert_eq!(server.asked(), 1);
    });
}

#[test]
fn a_lookup_goes_on_for_others_when_the_first_gives_up() {
    run(async |server| {
        let resolver = server.resolver();
        server.has("a.test", &["10.0.0.1"], 60);
        let mut first = Box::pin(resolver.lookup("a.test"));
        let pending = poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx).is_pending())).await;
        assert!(pending);
        drop(first);
        resolver.lookup("a.test").await.expect("resolved");
        assert_eq!(server.asked(), 1);
    });
}

#[test]
fn ipv6_is_asked_for_where_there_is_no_ipv4() {
    run(async |server| {
        server.has("both.test", &["10.0.0.1", "2001:db8::1"], 60);
        server.has("six.test", &["2001:db8::1"], 60);
        let resolver = server.resolver();
        assert_eq!(*resolver.lookup("both.test").await.expect("v4"), [address("10.0.0.1")]);
        assert_eq!(*resolver.lookup("six.test").await.expect("v6"), [address("2001:db8::1")]);
        let without = self::resolver(&Options { ipv6: false, ..server.options() });
        let error = without.lookup("six.test").await.expect_err("not wanted");
        assert_eq!(error.kind(), &ResolveErrorKind::NoAddress);
    });
}

#[test]
fn aliases_are_followed_and_shorten_the_time() {
    run(async |server| {
        let resolver = server.resolver();
        server.set("www.test", Zone::Alias("host.test.", 5, Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(*resolver.lookup("www.test").await.expect("resolved"), [address("10.0.0.1")]);
        pass(4 * SECOND + GRACE);
        assert!(resolver.cached("www.test", now()).is_some());
        pass(SECOND);
        assert!(resolver.cached("www.test", now()).is_none());
    });
}

#[test]
fn huge_and_repeated_answers_are_bounded() {
    run(async |server| {
        let resolver = server.resolver();
        let many: Vec<_> =
            (0..500).map(|n| IpAddr::from([10, 0, (n / 250) as u8, n as u8])).collect();
        server.set("many.test", Zone::Addresses(many, 60));
        server.has("same.test", &["10.0.0.1", "10.0.0.2", "10.0.0.1"], 60);
        assert_eq!(resolver.lookup("many.test").await.expect("over TCP").len(), MOST_ADDRESSES);
        assert_eq!(resolver.lookup("same.test").await.expect("resolved").len(), 2);
    });
}

#[test]
fn an_empty_answer_is_an_error() {
    run(async |server| {
        let resolver = server.resolver();
        server.set("a.test", Zone::Empty);
        let error = resolver.lookup("a.test").await.expect_err("empty");
        assert_eq!(error.kind(), &ResolveErrorKind::NoAddress);
    });
}

#[test]
fn an_answer_of_no_duration_is_kept_for_a_second() {
    run(async |server| {
        let resolver = server.resolver();
        server.has("a.test", &["10.0.0.1"], 0);
        resolver.lookup("a.test").await.expect("resolved");
        assert!(resolver.cached("a.test", now()).is_some());
        assert_eq!(server.asked(), 1);
    });
}

#[test]
fn the_configured_time_overrides_the_servers() {
    run(async |server| {
        let options = Options { valid: Some(10 * SECOND), ..server.options() };
        let resolver = resolver(&options);
        server.has("a.test", &["10.0.0.1"], 3_600);
        resolver.lookup("a.test").await.expect("resolved");
        pass(10 * SECOND + GRACE);
        assert_eq!(resolver.cached("a.test", now()), None);
    });
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    run(async |server| {
        let options = Options { timeout: Duration::from_millis(50), ..server.options() };
        let resolver = resolver(&options);
        server.set("a.test", Zone::Silent);
        let error = resolver.lookup("a.test").await.expect_err("no answer");
        assert!(matches!(error.kind(), ResolveErrorKind::Unavailable(_)), "{error}");
    });
}

#[test]
fn literal_addresses_need_no_server() {
    run(async |server| {
        let resolver = server.resolver();
        for (name, expected) in [("10.0.0.1", "10.0.0.1"), ("::1", "::1"), ("[::1]", "::1")] {
            assert_eq!(*resolver.lookup(name).await.expect("itself"), [address(expected)]);
        }
        assert_eq!(server.asked(), 0);
    });
}

#[test]
fn names_that_are_none_are_refused() {
    run(async |server| {
        let resolver = server.resolver();
        for name in [&"a".repeat(300), "a..b", &format!("{}.test", "a".repeat(64))] {
            let error = resolver.lookup(name).await.expect_err("no name");
            assert_eq!(error.kind(), &ResolveErrorKind::Invalid, "{name}");
        }
        assert_eq!(server.asked(), 0);
    });
}

#[test]
fn the_hosts_file_comes_first_and_may_change() {
    run(async |server| {
        let path = std::env::temp_dir().join(format!("gateway-hosts-{}", std::process::id()));
        let write = |text: &str, at: u64| {
            std::fs::write(&path, text).expect("written");
            // Coarse clocks: two writes may have one time.
            let file = std::fs::File::options().write(true).open(&path).expect("there");
            file.set_modified(UNIX_EPOCH + Duration::from_secs(at)).expect("a time");
        };
        let resolver = Resolver::with(&server.options(), HostsFile::new(&path), now);
        let resolver = resolver.expect("a resolver");
        server.has("a.test", &["10.0.0.1"], 60);
        write("10.9.9.9 a.test alias # comment\n", 1);
        assert_eq!(*resolver.lookup("a.test").await.expect("a host"), [address("10.9.9.9")]);
        assert_eq!(*resolver.lookup("alias").await.expect("a host"), [address("10.9.9.9")]);
        write("10.8.8.8 a.test\n", 2);
        pass(5 * SECOND + GRACE);
        assert_eq!(*resolver.lookup("a.test").await.expect("a host"), [address("10.8.8.8")]);
        assert_eq!(server.asked(), 0);
        std::fs::remove_file(&path).expect("there");
        pass(5 * SECOND + GRACE);
        assert_eq!(*resolver.lookup("a.test").await.expect("by DNS"), [address("10.0.0.1")]);
    });
}

#[test]
fn servers_are_read_with_and_without_port() {
    let parsed = Options::parse_servers(["1.1.1.1", "1.1.1.1:5353", "::1", "[::1]", "[::1]:5353"]);
    let texts: Vec<_> = parsed.expect("addresses").iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["1.1.1.1:53", "1.1.1.1:5353", "[::1]:53", "[::1]:53", "[::1]:5353"]);
    let error = Options::parse_servers(["1.1.1.1", "dns.test"]).expect_err("a name");
    assert!(error.to_string().contains("\"dns.test\" is no address"), "{error}");
}
