use std::io::Read;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::io::AsyncWriteExt;

use super::fixtures::{
    Authority, host, hosts, options, read_exact, run, shake, table_of, tcp, trusting, write_all,
};
use super::suites::{prefers_chacha, provider};
use super::verify::{Trusted, UpstreamVerifier};
use super::{
    Certificate, CertificateError, CertificateTable, ClientOptions, ClientTls, HandshakeError,
    HandshakeFailure, HostError, ServerHandshake, Trust, Versions, VirtualHost,
};

const NAME: &str = "example.com";

/// The hello of a client that asks for `name`.
fn hello(name: &'static str) -> Vec<u8> {
    let mut client = client_with((**provider()).clone(), name);
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("in memory");
    hello
}

/// A client of rustls' own making, with cryptography of the test's choice.
fn client_with(provider: CryptoProvider, name: &'static str) -> ClientConnection {
    let provider: &'static Arc<_> = Box::leak(Box::new(Arc::new(provider)));
    let config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(Versions::default().supported())
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(UpstreamVerifier::new(
            Trusted::Anybody,
            provider,
        )))
        .with_no_client_auth();
    let name = ServerName::try_from(name).expect("a name");
    ClientConnection::new(Arc::new(config), name).expect("a client")
}

/// What the server makes of bytes from a client that then says no more.
fn receive(bytes: &[u8]) -> (HandshakeError, Vec<u8>) {
    run(async {
        let authority = Authority::new();
        let (accepted, mut connected) = tcp().await;
        connected.write_all(bytes).await.expect("written");
        connected.shutdown().await.expect("closed");
        let shaken = ServerHandshake::new(accepted, Vec::new(), table_of(&authority, NAME)).await;
        let error = shaken.expect_err("no handshake");
        let mut answer = Vec::new();
        // A connection that was given back is open, and has nothing to read.
        if !matches!(error, HandshakeError::PlainHttp(_)) {
            let mut connected = connected.into_std().expect("a socket");
            connected.set_nonblocking(false).expect("an option");
            let _ = connected.read_to_end(&mut answer); // reset if we left bytes unread
        }
        (error, answer)
    })
}

mod certificates {
    use super::*;

    #[test]
    fn errors_are_worded_as_apisix_words_them() {
        let authority = Authority::new();
        let (cert, key) = authority.pair(NAME, &PKCS_ECDSA_P256_SHA256);
        let (_, other) = authority.pair(NAME, &PKCS_ECDSA_P256_SHA256);
        let parse = |cert: &str, key: &str| {
            Certificate::from_pem(cert.as_bytes(), key.as_bytes()).map_err(|e| e.to_string())
        };
        parse(&cert, &key).expect("a pair");
        for (cert, key, words) in [
            ("aaa", key.as_str(), "failed to parse cert: PEM_read_bio_X509_AUX() failed"),
            (&key, &key, "failed to parse cert: PEM_read_bio_X509_AUX() failed"),
            (&cert, "bbb", "failed to parse key: PEM_read_bio_PrivateKey() failed"),
            (&cert, &cert, "failed to parse key: PEM_read_bio_PrivateKey() failed"),
            (&cert, &other, "failed to parse key: it does not belong to the cert"),
        ] {
            assert_eq!(parse(cert, key).expect_err("no pair"), words);
        }
    }

    #[test]
    fn a_truncated_certificate_is_refused() {
        let authority = Authority::new();
        let (_, key) = authority.pair(NAME, &PKCS_ECDSA_P256_SHA256);
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let error = Certificate::from_pem(pem.as_bytes(), key.as_bytes());
        assert_eq!(error.expect_err("cut off"), CertificateError::Cert);
    }

    #[test]
    fn a_chain_may_follow_the_leaf() {
        let authority = Authority::new();
        let (cert, key) = authority.pair(NAME, &PKCS_ECDSA_P256_SHA256);
        let chain = format!("subject=example\n{cert}\n{}", authority.pem());
        Certificate::from_pem(chain.as_bytes(), key.as_bytes()).expect("a chain");
        let reversed = format!("{}{cert}", authority.pem());
        let error = Certificate::from_pem(reversed.as_bytes(), key.as_bytes());
        assert_eq!(error.expect_err("leaf last"), CertificateError::Mismatch);
    }

    #[test]
    fn expiry_is_in_seconds_since_the_epoch() {
        let key = KeyPair::generate().expect("a key");
        for (year, expected) in [(2049, 2_493_072_000), (2050, 2_524_608_000)] {
            let mut params = CertificateParams::new([NAME.to_owned()]).expect("a name");
            params.not_after = date_time_ymd(year, 1, 1);
            let cert = params.self_signed(&key).expect("a certificate").pem();
            let pair = Certificate::from_pem(cert.as_bytes(), key.serialize_pem().as_bytes());
            assert_eq!(pair.expect("a pair").not_after(), expected);
        }
    }

    #[test]
    fn the_key_is_not_in_the_debug_text() {
        let text = format!("{:?}", Authority::new().ecdsa(NAME));
        assert!(text.starts_with("Certificate { not_after: "), "{text}");
    }
}

mod table {
    use super::*;

    fn table(names: &[&[&str]], fallback: Option<&str>) -> CertificateTable {
        let authority = Authority::new();
        let certificate = authority.ecdsa(NAME);
        let hosts = names.iter().map(|names| {
            let mut options = options(NAME, vec![certificate.clone()]);
            options.names = names.iter().map(ToString::to_string).collect();
            host(options)
        });
        CertificateTable::new(hosts, fallback)
    }

    fn found(table: &CertificateTable, sni: Option<&str>) -> Option<String> {
        table.find(sni).map(|host| host.names()[0].clone())
    }

    #[test]
    fn the_most_exact_name_wins() {
        let table = table(
            &[&["*"], &["*.test.com"], &["a.test.com"], &["*.b.test.com"], &["*x.test.com"]],
            None,
        );
        for (sni, expected) in [
            ("a.test.com", "a.test.com"),
            ("a.test.com.", "a.test.com"),
            ("c.test.com", "*.test.com"),
            ("a.b.test.com", "*.b.test.com"),
            ("b.test.com", "*.test.com"),
            ("test.com", "*"),
            ("other", "*"),
            ("a.a.test.com", "*"),
        ] {
            assert_eq!(found(&table, Some(sni)).as_deref(), Some(expected), "{sni}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let table = table(&[&["*.test.com"], &["*-x.other.com"]], None);
        for sni in ["test.com", ".test.com", "a.b.test.com", "-x.other.com", "a.b-x.other.com"] {
            assert_eq!(found(&table, Some(sni)), None, "{sni}");
        }
        assert_eq!(found(&table, Some("b-x.other.com")).as_deref(), Some("*-x.other.com"));
    }

    #[test]
    fn configured_names_are_compared_without_case_and_final_dot() {
        let table = table(&[&["Test.COM."]], None);
        assert!(found(&table, Some("test.com")).is_some());
    }

    #[test]
    fn of_two_hosts_with_one_name_the_first_is_used() {
        let table = table(&[&["first", "shared"], &["second", "shared"]], None);
        assert_eq!(found(&table, Some("shared")).as_deref(), Some("first"));
        assert_eq!(table.hosts().len(), 2);
    }

    #[test]
    fn a_client_without_a_name_gets_the_fallback() {
        let hosts: &[&[&str]] = &[&["test.com"], &["*.b.com"]];
        assert_eq!(found(&table(hosts, None), None), None);
        assert_eq!(found(&table(hosts, Some("Test.com")), None).as_deref(), Some("test.com"));
        assert_eq!(found(&table(hosts, Some("a.b.com")), None).as_deref(), Some("*.b.com"));
        assert_eq!(found(&table(hosts, Some("test.com")), Some("x.com")), None, "not any name");
        assert_eq!(found(&table(&[&["*"]], None), None).as_deref(), Some("*"));
    }
}

mod handshakes {
    use super::*;

    #[test]
    fn the_name_chooses_the_host() {
        run(async {
            let authority = Authority::new();
            let names = ["a.com", "*.b.com"];
            let table = CertificateTable::new(
                hosts(names.map(|name| options(name, vec![authority.ecdsa(name)]))),
                None,
            );
            let (table, client) = (Arc::new(table), authority.client());
            for (asked, expected) in [("A.com", "a.com"), ("x.b.com", "*.b.com")] {
                let (server, client) = shake(&table, &client, asked).await;
                let server = server.expect("accepted");
                assert_eq!(server.host.names()[0], expected);
                assert_eq!(server.server_name.as_deref(), Some(&*asked.to_lowercase()));
                client.expect("verified");
            }
        });
    }

    #[test]
    fn an_unknown_name_is_refused_with_an_alert() {
        run(async {
            let authority = Authority::new();
            let table = table_of(&authority, NAME);
            let (server, client) = shake(&table, &authority.client(), "other.com").await;
            let error = server.expect_err("no certificate");
            assert_eq!(error.failure(), HandshakeFailure::NoCertificate);
            let words = "failed to find any SSL certificate by SNI: other.com";
            assert_eq!(error.to_string(), words);
            let error = client.expect_err("refused");
            assert_eq!(error.failure(), HandshakeFailure::Refused);
            assert!(error.to_string().contains("UnrecognisedName"), "{error}");
        });
    }

    #[test]
    fn an_address_is_no_name() {
        run(async {
            let authority = Authority::new();
            let certificate = authority.ecdsa("127.0.0.1");
            let hosts = [host(options("fallback", vec![certificate]))];
            let table = Arc::new(CertificateTable::new(hosts, Some("fallback")));
            let (server, client) = shake(&table, &authority.client(), "127.0.0.1").await;
            assert_eq!(server.expect("accepted").server_name, None);
            client.expect("verified by address");
        });
    }

    #[test]
    fn the_clients_signature_schemes_choose_among_the_pairs() {
        use rustls::SignatureScheme::{ECDSA_NISTP256_SHA256, RSA_PSS_SHA256};
        let authority = Authority::new();
        let certificates = vec![authority.rsa(NAME), authority.ecdsa(NAME)];
        let host = host(options(NAME, certificates.clone()));
        for (scheme, expected) in [(RSA_PSS_SHA256, 0), (ECDSA_NISTP256_SHA256, 1)] {
            let shown = run(async {
                let table = Arc::new(CertificateTable::new([Arc::clone(&host)], None));
                let (accepted, connected) = tcp().await;
                let client = std::thread::spawn(move || certificate_shown(connected, scheme));
                ServerHandshake::new(accepted, Vec::new(), table).await.expect("accepted");
                client.join().expect("no panic")
            });
            assert_eq!(shown, certificates[expected].key().cert[0].as_ref(), "{scheme:?}");
        }
    }

    /// The leaf that a client sees which verifies no other kind of signature.
    fn certificate_shown(
        socket: tokio::net::TcpStream,
        scheme: rustls::SignatureScheme,
    ) -> Vec<u8> {
        let mut provider = (**provider()).clone();
        let known = provider.signature_verification_algorithms.mapping;
        let mapping: Vec<_> = known.iter().filter(|(known, _)| *known == scheme).copied().collect();
        provider.signature_verification_algorithms.mapping = Vec::leak(mapping);
        let mut client = client_with(provider, NAME);
        let mut socket = socket.into_std().expect("a socket");
        socket.set_nonblocking(false).expect("an option");
        client.complete_io(&mut socket).expect("a handshake");
        client.peer_certificates().expect("a certificate")[0].to_vec()
    }

    #[test]
    fn aes_128_is_taken_unless_the_client_would_rather_have_chacha() {
        use rustls::CipherSuite as Suite;
        let aes256 = Suite::TLS13_AES_256_GCM_SHA384;
        let chacha = Suite::TLS13_CHACHA20_POLY1305_SHA256;
        let unknown = Suite::Unknown(0x1a1a);
        assert!(prefers_chacha(&[unknown, chacha, aes256]));
        assert!(!prefers_chacha(&[unknown]));
        for (first, expected) in
            [(aes256, "TLS_AES_128_GCM_SHA256"), (chacha, "TLS_CHACHA20_POLY1305_SHA256")]
        {
            let agreed = run(async {
                let (accepted, connected) = tcp().await;
                let client = std::thread::spawn(move || {
                    let mut suites = provider().cipher_suites.clone();
                    suites.sort_by_key(|suite| suite.suite() != first);
                    let provider =
                        CryptoProvider { cipher_suites: suites, ..(**provider()).clone() };
                    let mut socket = connected.into_std().expect("a socket");
                    socket.set_nonblocking(false).expect("an option");
                    client_with(provider, NAME).complete_io(&mut socket).expect("a handshake");
                });
                let server =
                    ServerHandshake::new(accepted, Vec::new(), table_of(&Authority::new(), NAME));
                let cipher = server.await.expect("accepted").stream.cipher();
                client.join().expect("no panic");
                cipher
            });
            assert_eq!(agreed, expected, "{first:?}");
        }
    }

    #[test]
    fn protocols_are_agreed_on_in_the_servers_order() {
        run(async {
            let authority = Authority::new();
            let mut options = options(NAME, vec![authority.ecdsa(NAME)]);
            options.alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            let table = Arc::new(CertificateTable::new([host(options)], None));
            for (offered, agreed) in [
                (&[&b"http/1.1"[..], b"h2"][..], Some(&b"h2"[..])),
                (&[b"http/1.1"], Some(b"http/1.1")),
                (&[], None),
            ] {
                let mut options = trusting(authority.pem());
                options.alpn = offered.iter().map(|name| name.to_vec()).collect();
                let client = Trust::default().client(&options).expect("a configuration");
                let (server, client) = shake(&table, &client, NAME).await;
                assert_eq!(server.expect("accepted").stream.alpn(), agreed);
                assert_eq!(client.expect("in").alpn(), agreed);
            }
        });
    }

    #[test]
    fn a_dripped_hello_is_understood() {
        run(async {
            let authority = Authority::new();
            let (accepted, mut connected) = tcp().await;
            let server = ServerHandshake::new(accepted, Vec::new(), table_of(&authority, NAME));
            let client = async {
                for byte in hello(NAME) {
                    connected.write_all(&[byte]).await.expect("written");
                    tokio::task::yield_now().await;
                }
                let mut answer = [0; 5];
                tokio::io::AsyncReadExt::read_exact(&mut connected, &mut answer)
                    .await
                    .expect("a server hello");
                drop(connected);
                answer
            };
            let (server, answer) = tokio::join!(server, client);
            assert_eq!(answer[..3], [22, 3, 3]);
            assert_eq!(server.expect_err("left").failure(), HandshakeFailure::Closed);
        });
    }
}

mod bad_input {
    use super::*;

    #[test]
    fn what_is_not_tls_is_told_apart() {
        for garbage in [&b"get / HTTP/1.1\r\nHost: example.com\r\n\r\n"[..], b"\0", &[0x80; 300]] {
            let (error, answer) = receive(garbage);
            assert_eq!(error.failure(), HandshakeFailure::NotTls, "{garbage:?}");
            assert!(answer.is_empty());
        }
        assert_eq!(receive(b"").0.failure(), HandshakeFailure::Closed);
        assert_eq!(receive(&hello(NAME)[..50]).0.failure(), HandshakeFailure::Closed);
    }

    #[test]
    fn plain_http_is_given_back_with_its_connection() {
        let request = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
        let HandshakeError::PlainHttp(plain) = receive(request).0 else { panic!("another error") };
        assert_eq!(plain.received, request);
    }

    #[test]
    fn every_failure_has_a_label_of_its_own() {
        for (at, (failure, label)) in HandshakeFailure::ALL.iter().enumerate() {
            assert_eq!(*failure as usize, at);
            assert!(HandshakeFailure::ALL[..at].iter().all(|(_, other)| other != label));
        }
    }

    #[test]
    fn garbage_before_a_hello_closes_the_connection() {
        let garbage = [b"\r\n", &hello(NAME)[..]].concat();
        assert_eq!(receive(&garbage).0.failure(), HandshakeFailure::NotTls);
    }

    #[test]
    fn a_name_with_odd_bytes_is_refused() {
        let good = hello("odd-name.example.com");
        let at = good.windows(8).position(|window| window == b"odd-name").expect("the name");
        for odd in [0, b'\n', b' ', b'/', 0x80, 0xff] {
            let mut hello = good.clone();
            hello[at + 3] = odd;
            let (error, answer) = receive(&hello);
            assert_eq!(error.failure(), HandshakeFailure::Protocol, "{odd}: {error}");
            assert_eq!(answer.first(), Some(&21), "an alert");
        }
    }

    #[test]
    fn a_broken_hello_never_panics() {
        let good = hello(NAME);
        for at in 5..good.len() {
            let mut hello = good.clone();
            hello[at] ^= 0xff;
            hello.truncate(hello.len() - at % 2); // some of them are cut off, too
            let _ = receive_quickly(&hello);
        }
    }

    /// As [`receive`], without a server of its own for each.
    fn receive_quickly(bytes: &[u8]) -> Option<HandshakeError> {
        thread_local! {
            static TABLE: Arc<CertificateTable> = table_of(&Authority::new(), NAME);
        }
        run(async {
            let (accepted, mut connected) = tcp().await;
            connected.write_all(bytes).await.expect("written");
            connected.shutdown().await.expect("closed");
            ServerHandshake::new(accepted, Vec::new(), TABLE.with(Arc::clone)).await.err()
        })
    }

    #[test]
    fn a_hello_without_end_is_cut_short() {
        // Records of one byte each, of a message that says it is long.
        let mut endless = vec![22, 3, 1, 0, 4, 1, 0, 0xff, 0xff];
        while endless.len() < 200_000 {
            endless.extend_from_slice(&[22, 3, 1, 0, 1, 0]);
        }
        let (error, _) = receive(&endless);
        assert_eq!(error.failure(), HandshakeFailure::Protocol, "{error}");
    }
}

mod sessions {
    use super::*;

    /// Shakes hands, lets the tickets arrive, and says whether a session was resumed.
    async fn visit(table: &Arc<CertificateTable>, client: &ClientTls, name: &str) -> bool {
        let (server, client) = shake(table, client, name).await;
        let (mut server, mut client) = (server.expect("accepted").stream, client.expect("in"));
        write_all(&mut client, b"question").await.expect("written");
        read_exact(&mut server, 8).await.expect("read");
        write_all(&mut server, b"answer").await.expect("written");
        read_exact(&mut client, 6).await.expect("read");
        assert_eq!(server.resumed(), client.resumed());
        client.resumed()
    }

    #[test]
    fn a_session_is_resumed_in_either_version_with_and_without_tickets() {
        let authority = Authority::new();
        for (tls12, tls13) in [(true, false), (false, true)] {
            for tickets in [false, true] {
                run(async {
                    let mut options = options(NAME, vec![authority.ecdsa(NAME)]);
                    options.versions = Versions { tls12, tls13 };
                    options.tickets = tickets;
                    let table = Arc::new(CertificateTable::new([host(options)], None));
                    let client = authority.client();
                    assert!(!visit(&table, &client, NAME).await, "the first time");
                    assert!(visit(&table, &client, NAME).await, "the second time");
                });
            }
        }
    }

    #[test]
    fn a_session_does_not_outlive_its_hosts_configuration() {
        run(async {
            let authority = Authority::new();
            let options = || options(NAME, vec![authority.ecdsa(NAME)]);
            let hosts = hosts([options(), options()]);
            let table = |at: usize| Arc::new(CertificateTable::new([Arc::clone(&hosts[at])], None));
            let client = authority.client();
            assert!(!visit(&table(0), &client, NAME).await);
            assert!(!visit(&table(1), &client, NAME).await, "replaced");
            assert!(visit(&table(1), &client, NAME).await, "kept");
        });
    }

    #[test]
    fn a_session_of_one_host_is_unknown_to_another() {
        use rustls::server::StoresServerSessions;
        let store = Arc::new(super::super::SessionStore::default());
        let (one, other) = (store.for_new_host(), store.for_new_host());
        assert!(one.put(vec![1, 2, 3], vec![4]));
        assert_eq!(other.get(&[1, 2, 3]), None);
        assert_eq!(other.take(&[1, 2, 3]), None);
        assert_eq!(one.get(&[1, 2, 3]), Some(vec![4]));
        assert_eq!(one.take(&[1, 2, 3]), Some(vec![4]));
        assert_eq!(one.take(&[1, 2, 3]), None, "used once");
        assert_eq!(one.get(&[]), None);
    }
}

mod verification {
    use super::*;

    async fn outcome(options: &ClientOptions, name: &str, certificate: Certificate) -> String {
        let client = Trust::default().client(options).expect("a configuration");
        let hosts = [host(super::options("*", vec![certificate]))];
        let table = Arc::new(CertificateTable::new(hosts, None));
        match shake(&table, &client, name).await.1 {
            Ok(_) => "verified".to_owned(),
            Err(error) => {
                assert_eq!(error.failure(), HandshakeFailure::Certificate, "{error}");
                error.to_string()
            }
        }
    }

    #[test]
    fn an_upstream_must_prove_its_name() {
        run(async {
            let authority = Authority::new();
            let stranger = Authority::named("Stranger");
            let trusted = trusting(authority.pem());
            let ecdsa = |name| authority.ecdsa(name);
            assert_eq!(outcome(&trusted, NAME, ecdsa(NAME)).await, "verified");
            assert_eq!(outcome(&trusted, NAME, authority.rsa(NAME)).await, "verified");
            let other = outcome(&trusted, NAME, ecdsa("other.com")).await;
            assert!(other.contains("not valid for name"), "{other}");
            let unknown = outcome(&trusted, NAME, stranger.ecdsa(NAME)).await;
            assert!(unknown.contains("UnknownIssuer"), "{unknown}");
            let system = outcome(&ClientOptions::default(), NAME, ecdsa(NAME)).await;
            assert!(system.contains("UnknownIssuer"), "{system}");
            let unverified = ClientOptions { verify: false, ..ClientOptions::default() };
            assert_eq!(outcome(&unverified, NAME, ecdsa("other.com")).await, "verified");
        });
    }

    #[test]
    fn the_upstreams_own_certificate_may_be_trusted() {
        let own = |name: &str, until| {
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.not_after = date_time_ymd(until, 1, 1);
            let pem = params.self_signed(&key).expect("a certificate").pem();
            let pair = Certificate::from_pem(pem.as_bytes(), key.serialize_pem().as_bytes());
            (pem, pair.expect("a pair"))
        };
        run(async {
            let (pem, pair) = own(NAME, 4000);
            assert_eq!(outcome(&trusting(pem.clone()), NAME, pair.clone()).await, "verified");
            let other = outcome(&trusting(pem), "other.com", pair).await;
            assert!(other.contains("not valid for name"), "{other}");
            let (pem, pair) = own(NAME, 2001);
            let expired = outcome(&trusting(pem), NAME, pair).await;
            assert!(expired.contains("Expired") || expired.contains("expired"), "{expired}");
        });
    }

    #[test]
    fn text_before_the_handshake_is_not_taken_for_an_answer() {
        run(async {
            let authority = Authority::new();
            let (mut accepted, connected) = tcp().await;
            accepted.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("written");
            let client = authority.client();
            let handshake = super::super::ClientHandshake::new(connected, &client, NAME);
            let error = handshake.expect("a name").await.expect_err("no handshake");
            assert_eq!(error.failure(), HandshakeFailure::Protocol);
        });
    }

    #[test]
    fn equal_options_share_a_configuration_while_it_is_used() {
        let authority = Authority::new();
        let mut trust = Trust::default();
        let options = trusting(authority.pem());
        let first = trust.client(&options).expect("a configuration");
        let second = trust.client(&options.clone()).expect("a configuration");
        assert_eq!(first.number(), second.number());
        let (mine, yours) = (authority.ecdsa("a.test"), authority.ecdsa("a.test"));
        let others = [
            ClientOptions { verify: false, ..options.clone() },
            ClientOptions { certificate: Some(mine), ..options.clone() },
            ClientOptions { certificate: Some(yours), ..options.clone() },
        ];
        let mut numbers = vec![first.number()];
        for other in &others {
            numbers.push(trust.client(other).expect("a configuration").number());
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 4, "each certificate has connections of its own");
    }

    #[test]
    fn nothing_to_trust_is_an_error() {
        let error = Trust::default().client(&trusting("none".into())).expect_err("no certificate");
        assert_eq!(error.to_string(), "failed to parse cert: PEM_read_bio_X509_AUX() failed");
    }
}

#[test]
fn versions_are_read_by_name_and_old_ones_passed_over() {
    let both = Versions::default();
    assert_eq!(Versions::from_names(["TLSv1.2", "TLSv1.3"]), Some(both));
    let only12 = Versions { tls12: true, tls13: false };
    assert_eq!(Versions::from_names(["TLSv1.1", "TLSv1.2"]), Some(only12));
    assert_eq!(Versions::from_names(["TLSv1.1"]), None);
    assert_eq!(Versions::from_names([]), None);
}

#[test]
fn a_host_needs_a_name_and_a_certificate() {
    let certificate = Authority::new().ecdsa(NAME);
    let mut nameless = options(NAME, vec![certificate]);
    nameless.names.clear();
    let make = |options| VirtualHost::new(options, &Arc::default()).expect_err("incomplete");
    assert_eq!(make(nameless), HostError::NoName);
    assert_eq!(make(options(NAME, Vec::new())), HostError::NoCertificate);
}
