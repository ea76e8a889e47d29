//! nginx's and APISIX's variables: what `vars`, log formats and plugins name with `$`.
//!
//! A name is resolved once, when an expression or a format is compiled, into a [`Variable`];
//! reading one compares no strings. A name that nothing here knows reads as absent, as it does
//! in APISIX.

mod certificate;
pub(crate) mod graphql;
pub(crate) mod post;
mod read;
#[cfg(test)]
mod tests;

use post::Step;
pub(crate) use read::View;

/// A variable, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Variable {
    /// One with a fixed name.
    Fixed(Fixed),
    /// `$arg_NAME`: a parameter of the query; decoded in `vars`, as it came in logs.
    Arg(Box<str>),
    /// `$http_NAME`: a request field; the name is stored with dashes.
    Http(Box<str>),
    /// `$cookie_NAME`
    Cookie(Box<str>),
    /// `$sent_http_NAME`: a field of the answer to the client.
    SentHttp(Box<str>),
    /// `$upstream_http_NAME`: a field of the upstream's answer.
    UpstreamHttp(Box<str>),
    /// `$uri_param_NAME`: a parameter of the path.
    UriParam(Box<str>),
    /// `$post_arg_NAME`: a field of a form in the body.
    PostArg(Box<str>),
    /// `post_arg.PATH`: into a form or a JSON body.
    PostPath(Box<[Step]>),
    /// `graphql_operation`, `graphql_name`, `graphql_root_fields`: of the query in the request.
    Graphql(graphql::Part),
    /// Nothing that is known.
    Unknown,
}

macro_rules! fixed {
    ($($(#[$doc:meta])* $variant:ident = $($name:literal)|+;)*) => {
        /// The variables with a fixed name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Fixed {
            $($(#[$doc])* $variant,)*
        }

        /// Every fixed name with its variable; aliases share one.
        const NAMES: &[(&str, Fixed)] = &[$($(($name, Fixed::$variant),)+)*];
    };
}

// Expands to the enum `Fixed { RemoteAddr, … }` and the table `NAMES` of its names.
fixed! {
    /// The client's address.
    RemoteAddr = "remote_addr";
    /// The client's port.
    RemotePort = "remote_port";
    /// The address of the peer, whatever a proxy reported.
    RealipRemoteAddr = "realip_remote_addr";
    /// The port of the peer.
    RealipRemotePort = "realip_remote_port";
    /// The client's address as a PROXY header has it.
    ProxyProtocolAddr = "proxy_protocol_addr";
    /// The client's port as a PROXY header has it.
    ProxyProtocolPort = "proxy_protocol_port";
    /// The address that the client connected to, as a PROXY header has it.
    ProxyProtocolServerAddr = "proxy_protocol_server_addr";
    /// The port that the client connected to, as a PROXY header has it.
    ProxyProtocolServerPort = "proxy_protocol_server_port";
    /// The user of HTTP Basic authentication.
    RemoteUser = "remote_user";
    /// The address that the client connected to.
    ServerAddr = "server_addr";
    /// The port that the client connected to.
    ServerPort = "server_port";
    /// Always `_`, as in APISIX.
    ServerName = "server_name";
    /// `HTTP/1.1`
    ServerProtocol = "server_protocol";
    /// `http` or `https`
    Scheme = "scheme";
    /// `on` over TLS, otherwise empty.
    Https = "https";
    /// Host without its port, in lower case.
    Host = "host";
    /// The machine's name.
    Hostname = "hostname";
    /// The request line.
    Request = "request";
    /// The method.
    RequestMethod = "request_method" | "method";
    /// The target as received.
    RequestUri = "request_uri";
    /// The path, decoded and normalised.
    Uri = "uri" | "document_uri";
    /// The query.
    Args = "args" | "query_string";
    /// `?` if there is a query.
    IsArgs = "is_args";
    /// Bytes of the request.
    RequestLength = "request_length";
    /// Seconds since the request came, with milliseconds.
    RequestTime = "request_time";
    /// The request's id, 32 hexadecimal digits.
    RequestId = "request_id" | "apisix_request_id";
    /// `OK` if the answer was sent whole.
    RequestCompletion = "request_completion";
    /// The status of the answer.
    Status = "status";
    /// Body bytes sent.
    BodyBytesSent = "body_bytes_sent";
    /// Bytes sent, heads included.
    BytesSent = "bytes_sent";
    /// The time in the common log format.
    TimeLocal = "time_local";
    /// The time in ISO 8601.
    TimeIso8601 = "time_iso8601";
    /// Seconds since 1970, with milliseconds.
    Msec = "msec";
    /// Requests on this connection so far.
    ConnectionRequests = "connection_requests";
    /// The process id.
    Pid = "pid";
    /// The version of this build.
    NginxVersion = "nginx_version";
    /// The Content-Length field.
    ContentLength = "content_length";
    /// The Content-Type field.
    ContentType = "content_type";
    /// `.` on a connection that stays open, otherwise empty… nginx's `$pipe`.
    Pipe = "pipe";
    /// Addresses of the nodes tried.
    UpstreamAddr = "upstream_addr";
    /// Statuses of the nodes tried.
    UpstreamStatus = "upstream_status";
    /// Seconds that each node took.
    UpstreamResponseTime = "upstream_response_time" | "apisix_upstream_response_time";
    /// Seconds until each connection stood.
    UpstreamConnectTime = "upstream_connect_time";
    /// Seconds until each head was complete.
    UpstreamHeaderTime = "upstream_header_time";
    /// `http` or `https` towards the upstream.
    UpstreamScheme = "upstream_scheme";
    /// Host as sent to the upstream.
    UpstreamHost = "upstream_host";
    /// The target as sent to the upstream.
    UpstreamUri = "upstream_uri";
    /// The node's name before it was resolved.
    UpstreamUnresolvedHost = "upstream_unresolved_host";
    /// The last node's address.
    BalancerIp = "balancer_ip";
    /// The last node's port.
    BalancerPort = "balancer_port";
    /// `X-Forwarded-For` with the client's address added.
    ProxyAddXForwardedFor = "proxy_add_x_forwarded_for";
    /// The TLS version.
    SslProtocol = "ssl_protocol";
    /// The TLS cipher.
    SslCipher = "ssl_cipher";
    /// The server name of the TLS handshake.
    SslServerName = "ssl_server_name";
    /// `r` if a TLS session was resumed, otherwise `.`
    SslSessionReused = "ssl_session_reused";
    /// `SUCCESS`, `FAILED:` and why, or `NONE`: what became of the client's certificate.
    SslClientVerify = "ssl_client_verify";
    /// Whose the client's certificate is, as RFC 2253 writes names.
    SslClientSDn = "ssl_client_s_dn";
    /// Who signed it.
    SslClientIDn = "ssl_client_i_dn";
    /// Its serial number, in hexadecimal digits.
    SslClientSerial = "ssl_client_serial";
    /// Its SHA-1, in hexadecimal digits.
    SslClientFingerprint = "ssl_client_fingerprint";
    /// The certificate in PEM.
    SslClientRawCert = "ssl_client_raw_cert";
    /// The same with a tab before each line but the first.
    SslClientCert = "ssl_client_cert";
    /// The same percent-encoded.
    SslClientEscapedCert = "ssl_client_escaped_cert";
    /// From when it is valid.
    SslClientVStart = "ssl_client_v_start";
    /// Until when it is valid.
    SslClientVEnd = "ssl_client_v_end";
    /// Days that it is still valid.
    SslClientVRemain = "ssl_client_v_remain";
    /// The route's id.
    RouteId = "route_id";
    /// The route's name.
    RouteName = "route_name";
    /// The service's id.
    ServiceId = "service_id";
    /// The service's name.
    ServiceName = "service_name";
    /// Who ended the request and why.
    ResponseFlags = "response_flags";
    /// `traditional_http` until AI routes exist.
    RequestType = "request_type";
}

impl Variable {
    /// The variable that `name`, without its `$`, stands for.
    pub(crate) fn of(name: &str) -> Self {
        if let Some((_, fixed)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Self::Fixed(*fixed);
        }
        let field = |name: &str| name.replace('_', "-").into_boxed_str();
        if let Some(name) = name.strip_prefix("arg_") {
            Self::Arg(name.into())
        } else if let Some(name) = name.strip_prefix("http_") {
            Self::Http(field(name))
        } else if let Some(name) = name.strip_prefix("cookie_") {
            Self::Cookie(name.into())
        } else if let Some(name) = name.strip_prefix("sent_http_") {
            Self::SentHttp(field(name))
        } else if let Some(name) = name.strip_prefix("upstream_http_") {
            Self::UpstreamHttp(field(name))
        } else if let Some(name) = name.strip_prefix("uri_param_") {
            Self::UriParam(name.into())
        } else if let Some(name) = name.strip_prefix("post_arg_") {
            Self::PostArg(name.into())
        } else if let Some(path) = name.strip_prefix("post_arg.") {
            Self::PostPath(post::path(path))
        } else if let Some(part) = name.strip_prefix("graphql_").and_then(graphql::Part::of) {
            Self::Graphql(part)
        } else {
            Self::Unknown
        }
    }
}
