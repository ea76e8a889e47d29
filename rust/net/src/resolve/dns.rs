//! Asking DNS: one lookup, without a cache.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;

use super::error::ResolveErrorKind;
use super::hosts::HostsFile;
use super::options::Options;

/// Addresses kept of one answer; more than any balancer makes use of.
pub const MOST_ADDRESSES: usize = 128;

/// How long what `/etc/hosts` says is taken for granted.
const HOSTS_VALID: Duration = Duration::from_secs(5);

/// Bounds of how long an answer is valid: an answer of no duration would be fetched again for every
/// request, one of years would never be corrected.
const VALID: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24));

/// Bounds of how long a "no" is valid.
const NEGATIVE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How long the name servers are left alone after they failed.
const RETRY: Duration = Duration::from_secs(1);

/// An answer, good or bad, and how long it is valid.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) addresses: Result<Arc<[IpAddr]>, ResolveErrorKind>,
    pub(super) valid: Duration,
}

/// A client of name servers.
#[derive(Debug)]
pub(super) struct Dns {
    client: TokioResolver,
    hosts: HostsFile,
    valid: Option<Duration>,
    timeout: Duration,
    ipv6: bool,
}

impl Dns {
    /// # Errors
    /// When `resolv.conf` is needed and cannot be read.
    pub(super) fn new(options: &Options, hosts: HostsFile) -> std::io::Result<Self> {
        let (mut config, mut settings) = match read_system_conf() {
            Ok(system) => system,
            Err(_) if !options.servers.is_empty() => Default::default(),
            Err(error) => return Err(std::io::Error::other(error)),
        };
        if !options.servers.is_empty() {
            config.name_servers = servers(options);
        }
        if !options.search {
            config.domain = None;
            config.search.clear();
        }
        adapt(&mut settings, options);
        let client = build(config, settings).map_err(std::io::Error::other)?;
        let Options { valid, timeout, ipv6, .. } = *options;
        Ok(Self { client, hosts, valid, timeout, ipv6 })
    }

    /// Looks `name` up, within the timeout.
    pub(super) async fn look_up(&self, name: &str) -> Answer {
        match tokio::time::timeout(self.timeout, self.ask(name)).await {
            Ok(answer) => answer,
            Err(_) => unavailable("the name servers took too long".into()),
        }
    }

    async fn ask(&self, name: &str) -> Answer {
        let Ok(parsed) = Name::from_utf8(name) else {
            return Answer { addresses: Err(ResolveErrorKind::Invalid), valid: NEGATIVE.1 };
        };
        let known = self.hosts.find(&parsed, self.ipv6);
        if !known.is_empty() {
            return self.answer(known, HOSTS_VALID);
        }
        let v4 = self.query(&parsed, RecordType::A).await;
        // With no such name there is none of the other kind either, and a failure is no reason to
        // take another kind of address for the whole answer.
        if self.ipv6 && matches!(v4.addresses, Err(ResolveErrorKind::NoAddress)) {
            return self.query(&parsed, RecordType::AAAA).await;
        }
        v4
    }

    async fn query(&self, name: &Name, kind: RecordType) -> Answer {
        let answer = match self.client.lookup(name.clone(), kind).await {
            Ok(answer) => answer,
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                let gone = none.response_code == ResponseCode::NXDomain;
                let said = none.negative_ttl.map_or(NEGATIVE.0, |ttl| seconds(ttl, NEGATIVE));
                let kind =
                    if gone { ResolveErrorKind::NoSuchName } else { ResolveErrorKind::NoAddress };
                return Answer { addresses: Err(kind), valid: said };
            }
            Err(error) => return unavailable(error.to_string()),
        };
        let records = answer.answers();
        let addresses: Vec<_> = records
            .iter()
            .filter_map(|record| record.data.ip_addr())
            .take(MOST_ADDRESSES)
            .collect();
        // The aliases on the way count, too.
        let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
        self.answer(addresses, seconds(ttl, VALID))
    }

    fn answer(&self, mut addresses: Vec<IpAddr>, said: Duration) -> Answer {
        let mut at = 0;
        while at < addresses.len() {
            if addresses[..at].contains(&addresses[at]) {
                addresses.remove(at);
            } else {
                at += 1;
            }
        }
        if addresses.is_empty() {
            return Answer { addresses: Err(ResolveErrorKind::NoAddress), valid: NEGATIVE.0 };
        }
        Answer { addresses: Ok(addresses.into()), valid: self.valid.unwrap_or(said) }
    }
}

fn unavailable(words: String) -> Answer {
    Answer { addresses: Err(ResolveErrorKind::Unavailable(words.into())), valid: RETRY }
}

fn seconds(ttl: u32, (least, most): (Duration, Duration)) -> Duration {
    Duration::from_secs(ttl.into()).clamp(least, most)
}

fn servers(options: &Options) -> Vec<NameServerConfig> {
    let connection = |mut connection: ConnectionConfig, port| {
        connection.port = port;
        connection
    };
    let server = |server: &std::net::SocketAddr| {
        let port = server.port();
        let ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let connections = ways.map(|way| connection(way, port)).into();
        NameServerConfig::new(server.ip(), true, connections)
    };
    options.servers.iter().map(server).collect()
}

fn adapt(settings: &mut ResolverOpts, options: &Options) {
    // Answers and the hosts file are kept here: `super::cache` and `super::hosts`.
    settings.cache_size = 0;
    settings.use_hosts_file = ResolveHosts::Never;
    // Two tries within the time there is.
    settings.timeout = options.timeout / 2;
    settings.attempts = 1;
}

fn build(config: ResolverConfig, settings: ResolverOpts) -> Result<TokioResolver, NetError> {
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(settings)
        .build()
}
