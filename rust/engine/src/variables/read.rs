//! Reading variables of an exchange.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use gateway_core::headers::Known;
use gateway_core::method::Method;
use gateway_kit::expr::{Value, Variables};
use gateway_kit::template::Source;
use gateway_net::h1::Version;

use super::graphql::{self, Graphql};
use super::post::{Post, query_arg};
use super::{Fixed, Variable, certificate};
use crate::client::Client;
use crate::exchange::{Attempt, Exchange};
use crate::matching::MatchInput;
use crate::worker::Worker;

/// An exchange with what surrounds it, for reading variables.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) client: &'a Client<'a>,
    pub(crate) exchange: &'a Exchange,
}

impl Variables<Variable> for View<'_> {
    fn value(&self, variable: &Variable) -> Value<'_> {
        if let Variable::Arg(name) = variable {
            let query = self.exchange.request.query();
            return query.map_or(Value::Missing, |query| query_arg(query, name.as_bytes()));
        }
        if let Some(bytes) = self.borrowed(variable) {
            return Value::Text(Cow::Borrowed(bytes));
        }
        match variable {
            Variable::Graphql(part) => return self.graphql(*part),
            Variable::PostArg(name) => return self.exchange.post.arg(name),
            Variable::PostPath(path) => return self.exchange.post.at(path),
            _ => {}
        }
        let mut out = Vec::new();
        if self.append(variable, &mut out) { Value::Text(Cow::Owned(out)) } else { Value::Missing }
    }
}

impl MatchInput<Variable> for View<'_> {
    fn method(&self) -> Method {
        self.exchange.request.method
    }

    fn path(&self) -> &[u8] {
        &self.exchange.uri
    }

    fn host(&self) -> &[u8] {
        self.host_with_port_cut()
    }

    fn host_with_port(&self) -> &[u8] {
        self.exchange.request.host().unwrap_or_default()
    }

    fn remote_addr(&self) -> IpAddr {
        self.exchange.remote.unwrap_or(self.client.origin.peer).ip()
    }

    fn body_limit(&self, variable: &Variable) -> Option<usize> {
        match variable {
            Variable::PostArg(_) | Variable::PostPath(_) => {
                Some(match self.worker.shared.settings.max_post_args_readable_size {
                    0 => usize::MAX,
                    limit => limit as usize,
                })
            }
            Variable::Graphql(_) => Some(graphql::MAX_SIZE),
            _ => None,
        }
    }
}

impl Source<Variable> for View<'_> {
    fn write(&self, variable: &Variable, out: &mut Vec<u8>) -> bool {
        self.append(variable, out)
    }
}

impl<'a> View<'a> {
    /// What the query of a GET or a POST asks; read once a request.
    fn graphql(&self, part: graphql::Part) -> Value<'a> {
        let Exchange { request, post, graphql, .. } = self.exchange;
        let read = || match request.method {
            Method::Get => match query_arg(request.query()?, b"query") {
                Value::Text(query) => Graphql::parse(str::from_utf8(&query).ok()?),
                _ => None,
            },
            _ => Graphql::parse(post.query()?),
        };
        match (request.method, post) {
            (Method::Post, Post::Unread) => Value::Pending,
            (Method::Get | Method::Post, _) => {
                graphql.get_or_init(read).as_ref().map_or(Value::Missing, |read| read.part(part))
            }
            _ => Value::Missing,
        }
    }

    /// Host without its port.
    fn host_with_port_cut(&self) -> &'a [u8] {
        let Some(host) = self.exchange.request.host() else { return b"" };
        let end = match host.first() {
            Some(b'[') => host.iter().position(|b| *b == b']').map_or(host.len(), |at| at + 1),
            _ => memchr::memchr(b':', host).unwrap_or(host.len()),
        };
        &host[..end]
    }

    /// Appends the value to `out`; false if the request has no such thing.
    pub(crate) fn append(&self, variable: &Variable, out: &mut Vec<u8>) -> bool {
        if let Some(bytes) = self.borrowed(variable) {
            out.extend_from_slice(bytes);
            return true;
        }
        let Variable::Fixed(fixed) = variable else { return false };
        let before = out.len();
        self.append_fixed(*fixed, out);
        out.len() > before
    }

    /// The values that lie in memory as they are.
    fn borrowed(&self, variable: &Variable) -> Option<&'a [u8]> {
        let Self { exchange, client, .. } = *self;
        let request = &exchange.request;
        match variable {
            Variable::Arg(name) => arg(request.query()?, name.as_bytes()),
            Variable::Http(name) => request.headers.get_all(name).next(),
            Variable::Cookie(name) => cookie(exchange, name.as_bytes()),
            Variable::SentHttp(name) | Variable::UpstreamHttp(name) => {
                exchange.response.headers.get_all(name).next()
            }
            Variable::UriParam(name) => {
                exchange.params.iter().find(|(n, _)| n == name).map(|(_, value)| &**value)
            }
            Variable::PostArg(_)
            | Variable::PostPath(_)
            | Variable::Graphql(_)
            | Variable::Unknown => None,
            Variable::Fixed(fixed) => match fixed {
                Fixed::ServerName => Some(b"_"),
                Fixed::ServerProtocol => Some(match request.version {
                    Version::Http10 => b"HTTP/1.0",
                    Version::Http11 => b"HTTP/1.1",
                    Version::Http2 => b"HTTP/2.0",
                }),
                Fixed::Scheme => Some(if exchange.https { b"https" } else { b"http" }),
                Fixed::Https => exchange.https.then_some(b"on"),
                Fixed::Request => Some(request.headers.bytes(request.line)),
                Fixed::RequestUri => Some(request.raw_target()),
                Fixed::Uri => Some(&exchange.uri),
                Fixed::Args => request.query(),
                Fixed::IsArgs => request.query().filter(|q| !q.is_empty()).map(|_| &b"?"[..]),
                Fixed::ContentLength => request.headers.known(Known::ContentLength),
                Fixed::ContentType => request.headers.known(Known::ContentType),
                Fixed::NginxVersion => Some(crate::VERSION.as_bytes()),
                Fixed::Pipe => Some(b"."),
                Fixed::RequestType => Some(b"traditional_http"),
                Fixed::Hostname => Some(self.worker.hostname().as_bytes()),
                Fixed::SslProtocol => client.origin.tls.as_ref().map(|t| t.protocol.as_bytes()),
                Fixed::SslCipher => client.origin.tls.as_ref().map(|t| t.cipher.as_bytes()),
                Fixed::SslServerName => {
                    client.origin.tls.as_ref()?.sni.as_ref().map(|s| s.as_bytes())
                }
                Fixed::SslSessionReused => {
                    Some(if client.origin.tls.as_ref()?.resumed { b"r" } else { b"." })
                }
                Fixed::RouteId => exchange.route.as_ref().map(|r| r.id.as_bytes()),
                Fixed::RouteName => exchange.route.as_ref()?.name.as_ref().map(|n| n.as_bytes()),
                Fixed::ServiceId => exchange.service.as_ref().map(|s| s.id.as_bytes()),
                Fixed::ServiceName => {
                    exchange.service.as_ref()?.name.as_ref().map(|n| n.as_bytes())
                }
                Fixed::UpstreamScheme => exchange.upstream.as_ref().map(|u| u.scheme().as_bytes()),
                Fixed::UpstreamHost => {
                    exchange.upstream.as_ref()?;
                    request.headers.known(Known::Host)
                }
                Fixed::UpstreamUri => {
                    exchange.upstream.as_ref()?;
                    Some(request.origin())
                }
                _ => None,
            },
        }
    }

    fn append_fixed(&self, fixed: Fixed, out: &mut Vec<u8>) {
        let Self { exchange, client, worker } = *self;
        let remote = exchange.remote.unwrap_or(client.origin.peer);
        match fixed {
            Fixed::RemoteAddr => out.extend_from_slice(exchange.remote_text(client).as_bytes()),
            Fixed::RemotePort => append_number(u64::from(remote.port()), out),
            Fixed::RequestMethod => {
                out.extend_from_slice(exchange.request.method.as_str().as_bytes());
            }
            Fixed::Host => {
                out.extend(self.host_with_port_cut().iter().map(u8::to_ascii_lowercase));
            }
            Fixed::RemoteUser => append_user(exchange, out),
            Fixed::RequestLength => append_number(exchange.request_length, out),
            Fixed::RequestTime => {
                append_seconds(worker.turn_us().saturating_sub(exchange.started), out);
            }
            Fixed::RequestId => {
                let _ = write!(out, "{:032x}", exchange.id.unwrap_or_default());
            }
            Fixed::RequestCompletion => {
                out.extend_from_slice(if exchange.flags.is_empty() { b"OK" } else { b"" });
            }
            Fixed::Status => append_number(u64::from(exchange.response.status), out),
            Fixed::BodyBytesSent => append_number(exchange.body_sent, out),
            Fixed::BytesSent => append_number(exchange.bytes_sent, out),
            Fixed::TimeLocal => out.extend_from_slice(&worker.text_clock().time_local()),
            Fixed::TimeIso8601 => out.extend_from_slice(&worker.text_clock().time_iso8601()),
            Fixed::Msec => worker.text_clock().append_msec(out),
            Fixed::ConnectionRequests => append_number(u64::from(client.requests) + 1, out),
            Fixed::Pid => append_number(u64::from(std::process::id()), out),
            Fixed::UpstreamAddr => self.each_attempt(out, |attempt, out| match attempt.peer {
                Some(peer) => drop(write!(out, "{peer}")),
                None => out.extend_from_slice(attempt.endpoint.authority.as_bytes()),
            }),
            Fixed::UpstreamStatus => self.each_attempt(out, |attempt, out| match attempt.status {
                Some(status) => append_number(u64::from(status), out),
                None => out.push(b'-'),
            }),
            Fixed::UpstreamResponseTime => self.each_attempt(out, |a, out| {
                append_span(a, a.ended.or(Some(worker.turn_us())), out);
            }),
            Fixed::UpstreamConnectTime => {
                self.each_attempt(out, |a, out| append_span(a, a.connected, out));
            }
            Fixed::UpstreamHeaderTime => {
                self.each_attempt(out, |a, out| append_span(a, a.answered, out));
            }
            Fixed::UpstreamUnresolvedHost => {
                if let Some(attempt) = exchange.attempts.last() {
                    let _ = write!(out, "{}", attempt.endpoint.key.host);
                }
            }
            Fixed::BalancerIp => {
                if let Some(peer) = exchange.attempts.last().and_then(|a| a.peer) {
                    append_ip(peer, out);
                }
            }
            Fixed::BalancerPort => {
                if let Some(attempt) = exchange.attempts.last() {
                    append_number(u64::from(attempt.endpoint.key.port), out);
                }
            }
            Fixed::ProxyAddXForwardedFor => {
                for value in exchange.request.headers.get_all("x-forwarded-for") {
                    out.extend_from_slice(value);
                    out.extend_from_slice(b", ");
                }
                append_ip(remote, out);
            }
            Fixed::ResponseFlags => exchange.flags.append_codes(out),
            _ => self.append_of_connection(fixed, out),
        }
    }

    /// What holds for every request of a connection.
    fn append_of_connection(&self, fixed: Fixed, out: &mut Vec<u8>) {
        let origin = self.client.origin;
        let proxied = origin.proxied.as_ref().map(|proxied| proxied.addresses);
        let source = proxied.map(|addresses| addresses.source);
        let destination = proxied.map(|addresses| addresses.destination);
        let ip = |address: Option<SocketAddr>, out: &mut Vec<u8>| {
            if let Some(address) = address {
                append_ip(address, out);
            }
        };
        let port = |address: Option<SocketAddr>, out: &mut Vec<u8>| {
            if let Some(address) = address {
                append_number(u64::from(address.port()), out);
            }
        };
        match fixed {
            Fixed::RealipRemoteAddr => ip(Some(origin.connection()), out),
            Fixed::RealipRemotePort => port(Some(origin.connection()), out),
            Fixed::ServerAddr => ip(Some(origin.local), out),
            Fixed::ServerPort => port(Some(origin.local), out),
            Fixed::ProxyProtocolAddr => ip(source, out),
            Fixed::ProxyProtocolPort => port(source, out),
            Fixed::ProxyProtocolServerAddr => ip(destination, out),
            Fixed::ProxyProtocolServerPort => port(destination, out),
            _ => {
                if let Some(tls) = &origin.tls {
                    let now = self.worker.text_clock().unix_ms() / 1_000;
                    certificate::append(fixed, tls, now.cast_signed(), out);
                }
            }
        }
    }

    /// nginx joins what several nodes did with `, `.
    fn each_attempt(&self, out: &mut Vec<u8>, mut write: impl FnMut(&Attempt, &mut Vec<u8>)) {
        for (position, attempt) in self.exchange.attempts.iter().enumerate() {
            if position > 0 {
                out.extend_from_slice(b", ");
            }
            write(attempt, out);
        }
    }
}

/// The first parameter `name` of a query, not decoded, as nginx has it.
pub(crate) fn arg<'q>(query: &'q [u8], name: &[u8]) -> Option<&'q [u8]> {
    query.split(|byte| *byte == b'&').find_map(|pair| {
        let (key, value) = match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &b""[..]),
        };
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn cookie<'a>(exchange: &'a Exchange, name: &[u8]) -> Option<&'a [u8]> {
    exchange
        .request
        .headers
        .get_all("cookie")
        .flat_map(|value| value.split(|byte| *byte == b';'))
        .find_map(|pair| {
            let pair = pair.trim_ascii_start();
            let value = pair.strip_prefix(name)?.strip_prefix(b"=")?;
            Some(value)
        })
}

/// The user name of an `Authorization: Basic` field (RFC 7617).
fn append_user(exchange: &Exchange, out: &mut Vec<u8>) {
    let Some(value) = exchange.request.headers.known(Known::Authorization) else { return };
    let Some((scheme, rest)) = value.split_at_checked(6) else { return };
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return;
    }
    let Ok(pair) = BASE64.decode(rest.trim_ascii()) else { return };
    let end = pair.iter().position(|byte| *byte == b':').unwrap_or(pair.len());
    out.extend_from_slice(&pair[..end]);
}

fn append_ip(address: SocketAddr, out: &mut Vec<u8>) {
    let _ = write!(out, "{}", address.ip());
}

fn append_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Microseconds as nginx writes times: seconds with three decimals.
fn append_seconds(us: u64, out: &mut Vec<u8>) {
    append_number(us / 1_000_000, out);
    let ms = us / 1_000 % 1_000;
    out.push(b'.');
    out.extend_from_slice(&[
        b'0' + (ms / 100) as u8,
        b'0' + (ms / 10 % 10) as u8,
        b'0' + (ms % 10) as u8,
    ]);
}

fn append_span(attempt: &Attempt, until: Option<u64>, out: &mut Vec<u8>) {
    match until {
        Some(until) => append_seconds(until.saturating_sub(attempt.started), out),
        None => out.push(b'-'),
    }
}
