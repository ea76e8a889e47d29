//! The vocabulary of response flags, written by hand, and its manual page, made from it.

use std::fmt::Write;

use super::{Flag, Meaning, Side};

/// Every flag, in the order of [`Flag`].
pub const TABLE: [Meaning; Flag::COUNT] = [
    Meaning {
        flag: Flag::ClientRequest,
        code: "CR",
        side: Side::Client,
        status: "400, 405, 417, 501, 505",
        proxy_status: Some("http_request_error"),
        title: "malformed request",
        meaning: "The request could not be read in exactly one way: a bare line feed, a field \
            name with a space, two lengths, an unknown transfer coding, a version or a method \
            that is not served. Nothing of it reached an upstream and the connection was closed.",
        action: "Look at `$remote_addr` and the error log's reason. Scanners and broken clients \
            cause a steady trickle. A sudden rise after a release is usually a client or a proxy \
            in front that writes fields by hand.",
    },
    Meaning {
        flag: Flag::ClientLimit,
        code: "CL",
        side: Side::Client,
        status: "413, 414, 431",
        proxy_status: Some("http_request_error"),
        title: "request too large",
        meaning: "The request's target, header section or body was larger than the limit for it. \
            Nothing beyond the limit was read.",
        action: "If the requests are honest, raise `client_max_body_size` or the plugin's limit. \
            A 431 most often comes from cookies that have piled up.",
    },
    Meaning {
        flag: Flag::ClientTimeout,
        code: "CT",
        side: Side::Client,
        status: "408",
        proxy_status: Some("http_request_error"),
        title: "request too slow",
        meaning: "The client opened a request and did not finish its header section or its body \
            within `client_header_timeout` or `client_body_timeout`, or fell below the least rate.",
        action: "Single cases are mobile clients that lost their network. Many from few addresses \
            are a slow-request attack: limit connections per address.",
    },
    Meaning {
        flag: Flag::ClientStalled,
        code: "CS",
        side: Side::Client,
        status: "– (the answer had begun)",
        proxy_status: None,
        title: "client stopped reading",
        meaning: "The client took no bytes of its answer for `send_timeout`, and the connection \
            was closed. The answer is incomplete.",
        action: "Usually a client that was suspended. If large downloads end so, compare \
            `$body_bytes_sent` with the size and raise `send_timeout`.",
    },
    Meaning {
        flag: Flag::ClientLeft,
        code: "DC",
        side: Side::Client,
        status: "499 (in the log only)",
        proxy_status: None,
        title: "client left",
        meaning: "The client closed its connection or cancelled its stream before the answer was \
            complete. The upstream request was cancelled with it.",
        action: "Compare `$request_time` with the client's own timeout: if they agree, the \
            upstream is too slow for its clients. If the times are short and random, people close \
            pages.",
    },
    Meaning {
        flag: Flag::NoRoute,
        code: "NR",
        side: Side::Gateway,
        status: "404",
        proxy_status: Some("destination_not_found"),
        title: "no route",
        meaning: "No enabled route matched host, path, method and conditions.",
        action: "Check `$host` and `$uri` in the log line against the routes: most often a host \
            is missing, a prefix lacks its `*`, or the route is disabled. After a reload, \
            check that the route was not refused: `gatewright check`, `/status/ready`.",
    },
    Meaning {
        flag: Flag::AccessDenied,
        code: "AD",
        side: Side::Gateway,
        status: "400, 401, 403, 421",
        proxy_status: Some("http_request_denied"),
        title: "access denied",
        meaning: "A plugin refused the request for who sent it or where it came from: no or wrong \
            credentials, an address, a rule. Or it lacked the client certificate that its host \
            wants (400), or came on a connection that was made for another host (421).",
        action: "The answer's body and the error log name the plugin or the certificate. A rise from many clients at \
            once points at an expired key or a changed issuer, from one client at a probe.",
    },
    Meaning {
        flag: Flag::RateLimited,
        code: "RL",
        side: Side::Gateway,
        status: "429, 503",
        proxy_status: Some("http_request_denied"),
        title: "rate limited",
        meaning: "A plugin refused the request because a rate, a count or a number of concurrent \
            requests was used up.",
        action: "If honest clients meet it, raise the limit or choose a finer key. If not, it \
            does its work.",
    },
    Meaning {
        flag: Flag::PluginAnswer,
        code: "PA",
        side: Side::Gateway,
        status: "any",
        proxy_status: None,
        title: "answered by a plugin",
        meaning: "A plugin answered in place of the upstream: a redirect, a mock, a cached answer.",
        action: "Nothing, unless an answer of the upstream was expected: then look which of the \
            route's plugins answers.",
    },
    Meaning {
        flag: Flag::PluginFailed,
        code: "PF",
        side: Side::Gateway,
        status: "500, 503",
        proxy_status: Some("proxy_internal_error"),
        title: "plugin failed",
        meaning: "A plugin raised an error, could not reach a service that it needs, or waits for \
            a secret that is not known yet. The request was not let through.",
        action: "The error log names the plugin and the reason. For secrets, check the `$env://` \
            or `$secret://` reference and its store.",
    },
    Meaning {
        flag: Flag::GatewayAnswer,
        code: "GA",
        side: Side::Gateway,
        status: "any",
        proxy_status: None,
        title: "answered by the gateway",
        meaning: "The gateway answered by itself, as it was asked to: a redirect of a path, \
            `OPTIONS *`, an endpoint of its own.",
        action: "Nothing.",
    },
    Meaning {
        flag: Flag::GatewayError,
        code: "GE",
        side: Side::Gateway,
        status: "500",
        proxy_status: Some("proxy_internal_error"),
        title: "gateway error",
        meaning: "The gateway met a state that it does not know how to go on from. The request \
            was ended, the worker serves on.",
        action: "Please report it with the error log's line for the request id.",
    },
    Meaning {
        flag: Flag::Overload,
        code: "OL",
        side: Side::Gateway,
        status: "503, or a closed connection",
        proxy_status: Some("connection_limit_reached"),
        title: "gateway at a limit",
        meaning: "The gateway was at a limit of its own: connections, file descriptors, local \
            ports, memory for buffers.",
        action: "Compare `process_open_fds` with `process_max_fds` and raise \
            `worker_rlimit_nofile`, or `worker_connections`. Local ports run out where \
            `keepalive` to a busy upstream is off.",
    },
    Meaning {
        flag: Flag::ShuttingDown,
        code: "SD",
        side: Side::Gateway,
        status: "503, or a closed connection",
        proxy_status: Some("destination_unavailable"),
        title: "gateway shutting down",
        meaning: "The gateway was told to stop. The request came after that, or was still under \
            way when `worker_shutdown_timeout` was over.",
        action: "Take the instance out of the load balancer before stopping it. If long requests \
            are cut, raise `worker_shutdown_timeout`.",
    },
    Meaning {
        flag: Flag::TotalTimeout,
        code: "TT",
        side: Side::Gateway,
        status: "504",
        proxy_status: Some("http_response_timeout"),
        title: "total time over",
        meaning: "The exchange, with its retries, was not complete within `timeout.total` or \
            `retry_timeout`, though no single wait was too long.",
        action: "`$upstream_response_time` shows where the time went. Raise the limit for routes \
            that stream; otherwise the upstream drips.",
    },
    Meaning {
        flag: Flag::NoHealthyNode,
        code: "UH",
        side: Side::Upstream,
        status: "502, 503",
        proxy_status: Some("destination_unavailable"),
        title: "no node to try",
        meaning: "The upstream has no node, all weights are zero, or every node is marked as \
            failed and was tried.",
        action: "Look at the health checks and at what discovery returned. If nodes are well, \
            lower the check's strictness.",
    },
    Meaning {
        flag: Flag::UpstreamResolve,
        code: "UD",
        side: Side::Upstream,
        status: "502, 503",
        proxy_status: Some("dns_error"),
        title: "name did not resolve",
        meaning: "The domain name of an upstream node gave no address: no such name, no answer \
            from the resolver in time, and none still valid from before.",
        action: "Resolve the name on the gateway's machine. Check `dns_resolver` and, in \
            containers, the search list.",
    },
    Meaning {
        flag: Flag::UpstreamConnect,
        code: "UF",
        side: Side::Upstream,
        status: "502, 504",
        proxy_status: Some("connection_refused"),
        title: "connect failed",
        meaning: "A TCP connection to an upstream node was refused, found no way, or was not \
            accepted within `timeout.connect`.",
        action: "`$upstream_addr` names the node and `gateway_upstream_failures_total` the kind. \
            Refused: nothing listens there. Timed out: a firewall, or a full accept queue.",
    },
    Meaning {
        flag: Flag::UpstreamTls,
        code: "US",
        side: Side::Upstream,
        status: "502",
        proxy_status: Some("tls_certificate_error"),
        title: "TLS handshake failed",
        meaning: "The TLS handshake with an upstream node failed: its certificate is not trusted, \
            has expired or is for another name, or no protocol version is shared.",
        action: "The error log has the reason. Give the upstream's authority as a trusted one, or \
            set the name it expects (`pass_host`, `upstream_host`). Turning verification off hides \
            the fault and every attack with it.",
    },
    Meaning {
        flag: Flag::UpstreamTimeout,
        code: "UT",
        side: Side::Upstream,
        status: "504",
        proxy_status: Some("connection_read_timeout"),
        title: "upstream too slow",
        meaning: "A connected node took no bytes within `timeout.send`, or gave none within \
            `timeout.read`, or health checks found it unhealthy first and the request was moved. If \
            the answer had begun, it is incomplete and the client's connection was closed.",
        action: "Compare nodes by `$upstream_addr`: one slow node is its own fault, all of them a \
            dependency's. Raise `timeout.read` for routes that compute or stream with long pauses.",
    },
    Meaning {
        flag: Flag::UpstreamClosed,
        code: "UC",
        side: Side::Upstream,
        status: "502",
        proxy_status: Some("connection_terminated"),
        title: "upstream closed",
        meaning: "A node closed or reset its connection before its answer was complete. A kept \
            connection that was closed while idle is tried again on a new one and not counted here \
            unless that fails too.",
        action: "Look for crashes and restarts of the node, and for a keep-alive time there that \
            is shorter than the gateway's `keepalive_pool.idle_timeout`.",
    },
    Meaning {
        flag: Flag::UpstreamProtocol,
        code: "UP",
        side: Side::Upstream,
        status: "502",
        proxy_status: Some("http_protocol_error"),
        title: "upstream broke the protocol",
        meaning: "A node's answer could not be read in exactly one way, or was larger than a \
            limit: a malformed field, two lengths, a bad chunk, too long a header section.",
        action: "The error log names what was wrong. Often the scheme is: HTTP spoken to a TLS \
            port, or HTTP/2 to an HTTP/1 one.",
    },
    Meaning {
        flag: Flag::RetriesExhausted,
        code: "RX",
        side: Side::Upstream,
        status: "502, 503, 504",
        proxy_status: None,
        title: "retries used up",
        meaning: "The request was tried on as many nodes as `retries` allows, and none answered. \
            The other flags say how the attempts failed.",
        action: "Treat the other flags. `$upstream_addr` lists the nodes in the order they were \
            tried.",
    },
    Meaning {
        flag: Flag::RetryBudgetSpent,
        code: "RB",
        side: Side::Upstream,
        status: "502, 503, 504",
        proxy_status: None,
        title: "retry budget spent",
        meaning: "The request could have been tried on another node, but so many had been in the \
            last ten seconds that the upstream's `retry_budget` was spent. The other flags say how \
            the last attempt failed.",
        action: "Treat the other flags: most of the upstream is failing, and further tries would \
            only add to its load. If its nodes can bear them, raise `retry_budget.percent`.",
    },
];

/// The page `docs/response-flags.md`.
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    for row in &TABLE {
        let _ = writeln!(
            page,
            "| [`{0}`](#{1}) | {2} | {3} | {4} | {5} |",
            row.code,
            row.code.to_lowercase(),
            row.title,
            row.side.name(),
            row.status,
            row.proxy_status.map_or_else(|| "–".to_owned(), |error| format!("`{error}`")),
        );
    }
    for row in &TABLE {
        let _ = write!(
            page,
            "\n## {}\n\n**{}** ({}). {}\n\n*What to do.* {}\n",
            row.code,
            capitalised(row.title),
            row.side.name(),
            row.meaning,
            row.action,
        );
    }
    page
}

fn capitalised(phrase: &str) -> String {
    let mut letters = phrase.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const HEAD: &str = "\
# Response flags

<!-- Generated from rust/engine/src/observe/flags/table.rs; a test fails when the two differ. -->

`$response_flags` in the access log says who ended a request, and why. `-` means that it went as it
should, which includes every status that the upstream itself answered. Several flags are joined by
commas: `UF,RX` is a request whose every attempt failed to connect. A flag beside a good status
tells of an attempt that failed before another succeeded.

`gateway_http_response_flags_total{flag=\"…\"}` counts them. Where the client is told, `Proxy-Status`
carries the error type of RFC 9209 named in the last column.

| flag | in short | whose doing | usual status | `Proxy-Status` error |
|---|---|---|---|---|
";
