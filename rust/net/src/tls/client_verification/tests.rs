use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};

use super::ClientVerification;
use crate::tls::fixtures::{
    Authority, Handshakes, hosts, options, read_exact, run, shake, trusting, write_all,
};
use crate::tls::{
    Accepted, Certificate, CertificateTable, ClientOptions, ClientTls, HandshakeFailure,
    HostOptions, Trust, Versions,
};

const NAME: &str = "example.com";

/// An authority for servers and one for clients, and a host that asks for certificates.
struct World {
    servers: Authority,
    clients: Authority,
    table: Arc<CertificateTable>,
}

fn world(depth: usize, demanded: bool) -> World {
    let (servers, clients) = (Authority::named("Servers"), Authority::named("Clients"));
    let table = table(asking(&servers, NAME, &clients, depth, demanded));
    World { servers, clients, table }
}

fn asking(
    servers: &Authority,
    name: &str,
    clients: &Authority,
    depth: usize,
    demanded: bool,
) -> HostOptions {
    let client = ClientVerification::new(&clients.pem(), depth, demanded).expect("an authority");
    HostOptions { client: Some(Arc::new(client)), ..options(name, vec![servers.ecdsa(name)]) }
}

fn table(options: HostOptions) -> Arc<CertificateTable> {
    Arc::new(CertificateTable::new(hosts([options]), None))
}

impl World {
    /// A client that shows `certificate`.
    fn client(&self, certificate: Option<Certificate>) -> ClientTls {
        let options = ClientOptions { certificate, ..trusting(self.servers.pem()) };
        Trust::default().client(&options).expect("a configuration")
    }

    async fn shake(&self, certificate: Option<Certificate>) -> Handshakes {
        shake(&self.table, &self.client(certificate), NAME).await
    }

    /// What became of a certificate at a host that only asks for one.
    fn verdict(&self, certificate: Certificate) -> String {
        run(async {
            let (server, _) = self.shake(Some(certificate)).await;
            let client = server.expect("accepted").client.expect("shown");
            client.refusal().unwrap_or("good").to_owned()
        })
    }
}

/// A certificate of `clients` that differs from the usual as `change` has it.
fn unusual(clients: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Certificate {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["client.test".to_owned()]).expect("a name");
    change(&mut params);
    let signed = params.signed_by(&key, clients.issuer()).expect("a certificate");
    Certificate::from_pem(signed.pem().as_bytes(), key.serialize_pem().as_bytes()).expect("a pair")
}

/// A certificate behind `length` intermediate ones of `clients`.
fn behind(clients: &Authority, length: usize) -> Certificate {
    let mut chain = Vec::new();
    let mut issuer: Option<CertifiedIssuer<'static, KeyPair>> = None;
    for at in 0..length {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, format!("Intermediate {at}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let by = issuer.as_ref().unwrap_or_else(|| clients.issuer());
        let next = CertifiedIssuer::signed_by(params, key, by).expect("a certificate");
        chain.insert(0, next.pem());
        issuer = Some(next);
    }
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["client.test".to_owned()]).expect("a name");
    let leaf = params.signed_by(&key, issuer.as_ref().unwrap_or_else(|| clients.issuer()));
    chain.insert(0, leaf.expect("a certificate").pem());
    Certificate::from_pem(chain.concat().as_bytes(), key.serialize_pem().as_bytes())
        .expect("a pair")
}

#[test]
fn a_demanded_certificate_must_be_the_authoritys() {
    let world = world(1, true);
    let (good, strange) = (world.clients.ecdsa("client.test"), world.servers.ecdsa("client.test"));
    run(async {
        let (server, _) = world.shake(Some(good.clone())).await;
        let client = server.expect("accepted").client.expect("shown");
        assert_eq!(client.refusal(), None);
        assert_eq!(client.der(), good.key().cert[0].as_ref());
        for certificate in [None, Some(strange)] {
            let (server, _) = world.shake(certificate).await;
            let error = server.expect_err("refused");
            assert_eq!(error.failure(), HandshakeFailure::Certificate, "{error}");
        }
    });
}

#[test]
fn one_that_is_only_asked_for_may_be_missing_or_bad() {
    let world = world(1, false);
    run(async {
        let (server, _) = world.shake(None).await;
        assert!(server.expect("accepted").client.is_none());
    });
    assert_eq!(world.verdict(world.clients.ecdsa("client.test")), "good");
    let strange = world.servers.ecdsa("client.test");
    assert_eq!(world.verdict(strange), "unable to get local issuer certificate");
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_in_openssls_words() {
    let world = world(1, false);
    let old = unusual(&world.clients, |params| params.not_after = date_time_ymd(2020, 1, 1));
    assert_eq!(world.verdict(old), "certificate has expired");
    let early = unusual(&world.clients, |params| params.not_before = date_time_ymd(2100, 1, 1));
    assert_eq!(world.verdict(early), "certificate is not yet valid");
    let server = unusual(&world.clients, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert_eq!(world.verdict(server), "unsuitable certificate purpose");
    let both = unusual(&world.clients, |params| {
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(world.verdict(both), "good");
}

#[test]
fn the_depth_counts_intermediate_certificates() {
    for depth in 0..3 {
        let world = world(depth, false);
        for length in 0..4 {
            let expected = if length <= depth { "good" } else { "certificate chain too long" };
            let verdict = world.verdict(behind(&world.clients, length));
            assert_eq!(verdict, expected, "{length} intermediate, {depth} allowed");
        }
    }
}

#[test]
fn a_certificate_may_be_trusted_by_itself() {
    let servers = Authority::new();
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["client.test".to_owned()]).expect("a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained); // as `openssl req -x509` has it
    let own = params.self_signed(&key).expect("a certificate").pem();
    let pair = Certificate::from_pem(own.as_bytes(), key.serialize_pem().as_bytes());
    let client = ClientVerification::new(&own, 1, true).expect("a certificate");
    let host =
        HostOptions { client: Some(Arc::new(client)), ..options(NAME, vec![servers.ecdsa(NAME)]) };
    let world = World { table: table(host), clients: Authority::new(), servers };
    run(async {
        let (server, _) = world.shake(Some(pair.expect("a pair"))).await;
        assert_eq!(server.expect("accepted").client.expect("shown").refusal(), None);
    });
}

#[test]
fn a_certificate_is_read_as_openssl_prints_it() {
    let world = world(1, true);
    let certificate = unusual(&world.clients, |params| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
        params.distinguished_name.push(DnType::CommonName, "client");
        params.serial_number = Some(vec![0xab, 0xcd, 0x01].into());
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2090, 1, 1);
    });
    run(async {
        let (server, _) = world.shake(Some(certificate)).await;
        let client = server.expect("accepted").client.expect("shown");
        assert_eq!(client.subject().as_deref(), Some("CN=client,O=Example\\, Inc.,C=DE"));
        assert_eq!(client.issuer().as_deref(), Some("CN=Clients"));
        assert_eq!(client.serial(), Some(&[0xab, 0xcd, 0x01][..]));
        assert_eq!(client.validity(), Some((1_577_836_800, 3_786_912_000)));
        assert_eq!(client.fingerprint().len(), 20);
    });
}

/// Shakes hands and lets the tickets arrive.
async fn visit(table: &Arc<CertificateTable>, client: &ClientTls, name: &str) -> Option<Accepted> {
    let (server, client) = shake(table, client, name).await;
    let (mut server, mut client) = (server.ok()?, client.ok()?);
    write_all(&mut client, b"question").await.ok()?;
    read_exact(&mut server.stream, 8).await.ok()?;
    write_all(&mut server.stream, b"answer").await.ok()?;
    read_exact(&mut client, 6).await.ok()?;
    Some(server)
}

/// Each version of TLS, with sessions kept here and with the client.
fn each_kind() -> impl Iterator<Item = (Versions, bool)> {
    let versions = [(true, false), (false, true)].map(|(tls12, tls13)| Versions { tls12, tls13 });
    versions.into_iter().flat_map(|versions| [(versions, false), (versions, true)])
}

#[test]
fn a_resumed_session_keeps_its_certificate() {
    for demanded in [false, true] {
        for (versions, tickets) in each_kind() {
            let (servers, clients) = (Authority::named("Servers"), Authority::named("Clients"));
            let asking = asking(&servers, NAME, &clients, 1, demanded);
            let table = table(HostOptions { versions, tickets, ..asking });
            let world = World { servers, clients, table };
            let client = world.client(Some(world.clients.ecdsa("client.test")));
            run(async {
                for resumed in [false, true] {
                    let server = visit(&world.table, &client, NAME).await.expect("accepted");
                    assert_eq!(server.stream.resumed(), resumed);
                    assert_eq!(server.client.expect("shown").refusal(), None);
                }
            });
        }
    }
}

#[test]
fn a_resumed_session_is_judged_again() {
    for (versions, tickets) in each_kind() {
        let world = world(1, false);
        let asking = asking(&world.servers, NAME, &world.clients, 1, false);
        let host = HostOptions { versions, tickets, ..asking };
        let world = World { table: table(host), ..world };
        let old = unusual(&world.clients, |params| params.not_after = date_time_ymd(2020, 1, 1));
        let client = world.client(Some(old));
        run(async {
            for resumed in [false, true] {
                let server = visit(&world.table, &client, NAME).await.expect("accepted");
                assert_eq!(server.stream.resumed(), resumed);
                let client = server.client.expect("shown");
                assert_eq!(client.refusal(), Some("certificate has expired"));
            }
        });
    }
}

/// A session of a host that wants no certificate, or those of somebody else, is offered to a host
/// that wants one (the attack of CVE-2025-23419).
#[test]
fn a_session_of_another_host_opens_no_door() {
    for (versions, tickets) in each_kind() {
        let (servers, clients) = (Authority::named("Servers"), Authority::named("Clients"));
        let others = Authority::named("Others");
        let kind = |options: HostOptions| HostOptions { versions, tickets, ..options };
        let hosts = hosts([
            kind(options(NAME, vec![servers.ecdsa(NAME)])),
            kind(asking(&servers, NAME, &others, 1, true)),
            kind(asking(&servers, NAME, &clients, 1, false)),
            kind(asking(&servers, NAME, &clients, 1, true)),
        ]);
        let tables: Vec<_> =
            hosts.into_iter().map(|host| Arc::new(CertificateTable::new([host], None))).collect();
        let (closed, elsewhere) = tables.split_last().expect("several");
        for elsewhere in elsewhere {
            let certificate = Some(others.ecdsa("client.test"));
            let options = ClientOptions { certificate, ..trusting(servers.pem()) };
            let client = Trust::default().client(&options).expect("a configuration");
            run(async {
                visit(elsewhere, &client, NAME).await.expect("accepted");
                assert!(visit(elsewhere, &client, NAME).await.expect("in").stream.resumed());
                let (server, _) = shake(closed, &client, NAME).await;
                let error = server.expect_err("a full handshake, and refused in it");
                assert_eq!(error.failure(), HandshakeFailure::Certificate, "{error}");
            });
        }
    }
}
