//! One active check: a connection, and where the check is HTTP, a request on it.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use gateway_core::config::{ActiveChecks, Host, PassHost, ProbeType};
use gateway_core::headers::{Headers, Known};
use gateway_core::method::Method;
use gateway_net::h1::{
    Fields, Framing, Limits, Persistence, ResponseHead, ResponseReader, append_request, is_target,
};
use gateway_net::resolve::Resolver;
use gateway_net::socket::{Socket as _, TcpSocket};
use gateway_net::stream::Stream;
use tokio::net::TcpStream;

use super::Node;
use super::tally::Seen;
use crate::tls::{self, UpstreamTls};

/// Interim answers (1xx) before the one that counts; a node that sends more is broken.
const MAX_INTERIM: u8 = 16;

/// A read's worth of an answer, of which only the head is looked at.
const READ: usize = 4 << 10;

/// What is sent to every node of an upstream, checked so that it cannot be anything but one
/// request.
#[derive(Debug)]
pub(crate) struct Probe {
    active: ActiveChecks,
    pass_host: PassHost,
    method: Method,
    headers: Headers,
    tls: Option<UpstreamTls>,
}

/// What a probe saw, in words as well.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What it counts as; none for a status that is in neither list.
    pub(super) seen: Option<Seen>,
    /// For the log.
    pub(super) why: Why,
}

/// Why a probe counts as what it does.
#[derive(Debug)]
pub(super) enum Why {
    /// A connection was made, which is all that TCP checks ask for.
    Connected,
    /// The answer's status.
    Status(u16),
    /// The answer is none.
    NotHttp(&'static str),
    /// What the resolver, the system or TLS reported.
    Broken(String),
    /// The time was over.
    Late,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::NotHttp(reason) => write!(f, "no HTTP: {reason}"),
            Self::Broken(reason) => f.write_str(reason),
            Self::Late => f.write_str("no answer in time"),
        }
    }
}

impl Probe {
    /// Makes the probe of an upstream ready; `tls` is for `type: https`.
    ///
    /// # Errors
    /// What could not be sent as it stands: where below `checks`, and in words.
    pub(crate) fn new(
        active: &ActiveChecks,
        pass_host: &PassHost,
        tls: Option<UpstreamTls>,
    ) -> Result<Self, (String, String)> {
        let path = &active.http_path;
        if !(path.starts_with('/') && is_target(path.as_bytes())) {
            let message = format!("{path:?} is no path that can be asked for");
            return Err(("/active/http_path".into(), message));
        }
        let mut headers = Headers::default();
        for (at, line) in active.req_headers.iter().enumerate() {
            let wrong = || {
                let message = format!("{line:?} is no header line, as `Name: value` is");
                (format!("/active/req_headers/{at}"), message)
            };
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            headers.append(name, value.trim().as_bytes()).map_err(|_| wrong())?;
        }
        let method = Method::of(active.http_method.as_bytes()).unwrap_or(Method::Get);
        Ok(Self { active: active.clone(), pass_host: pass_host.clone(), method, headers, tls })
    }

    /// Whether `other` sends the same to the same nodes.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let trust = |probe: &Self| probe.tls.as_ref().map(UpstreamTls::number);
        self.active == other.active
            && self.pass_host == other.pass_host
            && trust(self) == trust(other)
    }

    /// Probes `node` for as long as the check has patience. `judge` says what a status counts as.
    pub(super) async fn run(
        &self,
        resolver: &Resolver,
        node: &Node,
        judge: impl Fn(u16) -> Option<Seen>,
    ) -> Outcome {
        let attempt = tokio::time::timeout(self.active.timeout, self.attempt(resolver, node));
        let why = match attempt.await {
            Ok(Ok(why)) => why,
            Ok(Err(reason)) => Why::Broken(reason),
            Err(_) => Why::Late,
        };
        let seen = match &why {
            Why::Connected => Some(Seen::Success),
            Why::Status(status) => judge(*status),
            Why::NotHttp(_) => Some(Seen::HttpFailure),
            Why::Broken(_) => Some(Seen::TcpFailure),
            Why::Late => Some(Seen::Timeout),
        };
        Outcome { seen, why }
    }

    async fn attempt(&self, resolver: &Resolver, node: &Node) -> Result<Why, String> {
        let address = self.address(resolver, node).await?;
        let socket = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        if self.active.probe == ProbeType::Tcp {
            return Ok(Why::Connected);
        }
        let host = self.host(node);
        let mut stream = match &self.tls {
            Some(tls) => {
                let name = tls::server_name(host.as_bytes(), &node.host);
                tls.connect(socket, &name).await.map_err(|error| error.to_string())?
            }
            None => Stream::Tcp(TcpSocket(socket)),
        };
        let broken = |error: io::Error| error.to_string();
        send(&mut stream, &self.request(&host)).await.map_err(broken)?;
        answer(&mut stream, &self.method).await.map_err(broken)
    }

    async fn address(&self, resolver: &Resolver, node: &Node) -> Result<SocketAddr, String> {
        let ip = match &node.host {
            Host::Address(ip) => *ip,
            Host::Name(name) => {
                let addresses = resolver.lookup(name).await.map_err(|error| error.to_string())?;
                let turn = node.address_turn() % addresses.len().max(1);
                *addresses.get(turn).ok_or_else(|| format!("{name} has no address"))?
            }
        };
        Ok(SocketAddr::new(ip, self.active.port.unwrap_or(node.port)))
    }

    /// The Host field: the check's own, otherwise what requests carry, as far as that does not
    /// hang on a client.
    fn host(&self, node: &Node) -> String {
        match (&self.active.host, &self.pass_host) {
            (Some(host), _) | (None, PassHost::Rewrite(host)) => host.clone(),
            (None, PassHost::Pass | PassHost::Node) => {
                let usual = if self.active.probe == ProbeType::Https { 443 } else { 80 };
                match self.active.port.unwrap_or(node.port) {
                    port if port == usual => node.host.to_string(),
                    port => format!("{}:{port}", node.host),
                }
            }
        }
    }

    fn request(&self, host: &str) -> Vec<u8> {
        let mut headers = self.headers.clone();
        if !headers.has(Known::Host) {
            headers.append_checked("Host", host.as_bytes());
        }
        if !headers.contains("User-Agent") {
            headers.append_checked("User-Agent", b"gatewright health check");
        }
        let body = self.active.http_req_body.as_bytes();
        let framing = match body.len() {
            0 => Framing::None,
            length => Framing::Length(length as u64),
        };
        let mut request = Vec::new();
        let fields = Fields { headers: &headers, framing, persistence: Persistence::Close };
        append_request(&mut request, &self.method, self.active.http_path.as_bytes(), &fields);
        request.extend_from_slice(body);
        request
    }
}

async fn send(stream: &mut Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let taken = poll_fn(|cx| stream.poll_write(cx, bytes)).await?;
        if taken == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[taken..];
    }
    poll_fn(|cx| stream.poll_flush(cx)).await
}

/// The status of the final answer.
async fn answer(stream: &mut Stream, method: &Method) -> io::Result<Why> {
    let limits = Limits { line: 16 << 10, block: 64 << 10, fields: 200 };
    let (mut reader, mut head) = (ResponseReader::default(), ResponseHead::default());
    let (mut buffer, mut interim) = (Vec::new(), 0);
    loop {
        let filled = buffer.len();
        buffer.resize(filled + READ, 0);
        let read = poll_fn(|cx| stream.poll_read(cx, &mut buffer[filled..])).await?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed before it answered"));
        }
        buffer.truncate(filled + read);
        while let Some(end) = match reader.parse(&buffer, method, &limits, &mut head) {
            Ok(parsed) => parsed,
            Err(reject) => return Ok(Why::NotHttp(reject.reason())),
        } {
            if !head.is_interim() {
                return Ok(Why::Status(head.status));
            }
            interim += 1;
            if interim > MAX_INTERIM {
                return Ok(Why::NotHttp("too many interim answers"));
            }
            buffer.drain(..end);
            reader = ResponseReader::default();
            head.clear();
        }
    }
}
