//! What APISIX checks in code: addresses, and fields that depend on each other.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Scheme;
use super::nodes::{address_of, no_port};
use crate::config::validate::{Invalid, Origin};
use crate::schema::Schema;

pub(super) const NO_UPSTREAM_HOST: &str =
    "`upstream_host` can't be empty when `pass_host` is `rewrite`";
pub(super) const NO_KEY: &str = "missing key";

/// The Admin API wants the brackets of an IPv6 node; elsewhere they are put around it.
pub(in crate::config) fn check_before_schema(
    upstream: &Value,
    origin: Origin,
) -> Result<(), Invalid> {
    let nodes = upstream.get("nodes").and_then(Value::as_array).into_iter().flatten();
    for (i, node) in nodes.enumerate() {
        let host = node.get("host").and_then(Value::as_str).unwrap_or_default();
        if origin == Origin::Admin && host.parse::<Ipv6Addr>().is_ok() {
            let message =
                "invalid configuration: IPv6 address must be enclosed with '[' and ']'".to_owned();
            return Err(Invalid::at(format!("/nodes/{i}/host"), message));
        }
    }
    Ok(())
}

/// The rest, for an upstream that its schema has accepted.
pub(in crate::config) fn check(upstream: &Value) -> Result<(), Invalid> {
    let text = |name: &str| upstream.get(name).and_then(Value::as_str);
    check_nodes(upstream)?;
    if text("pass_host") == Some("rewrite") && text("upstream_host").is_none_or(str::is_empty) {
        return Err(Invalid::at("", NO_UPSTREAM_HOST));
    }
    check_http_version(upstream)?;
    if text("type") == Some("chash") { check_hash_key(upstream) } else { Ok(()) }
}

/// A version of HTTP is for schemes that are HTTP, and gRPC has but one.
fn check_http_version(upstream: &Value) -> Result<(), Invalid> {
    let Some(version) = upstream.get("http_version") else { return Ok(()) };
    match scheme_of(upstream) {
        Scheme::Http | Scheme::Https => Ok(()),
        Scheme::Grpc | Scheme::Grpcs if version.as_f64() == Some(2.0) => Ok(()),
        Scheme::Grpc | Scheme::Grpcs => {
            Err(Invalid::at("/http_version", "gRPC is spoken in HTTP/2 only"))
        }
        _ => Err(Invalid::at("/http_version", "the scheme is not HTTP")),
    }
}

fn scheme_of(upstream: &Value) -> Scheme {
    let scheme = upstream.get("scheme").and_then(|scheme| Scheme::deserialize(scheme).ok());
    scheme.unwrap_or_default()
}

/// Addresses of the map, and ports that are absent where the scheme has none either.
fn check_nodes(upstream: &Value) -> Result<(), Invalid> {
    let scheme = scheme_of(upstream);
    let node = |name: &str, message: String| {
        let mut invalid = Invalid::at("", message);
        invalid.within(name);
        invalid.within("nodes");
        invalid
    };
    match upstream.get("nodes") {
        Some(Value::Object(weights)) => weights.keys().try_for_each(|address| {
            address_of(address, scheme).map(|_| ()).map_err(|message| node(address, message))
        }),
        Some(Value::Array(items)) if scheme.default_port().is_none() => {
            match items.iter().position(|item| item.get("port").is_none()) {
                Some(i) => Err(node(
                    &i.to_string(),
                    no_port(items[i]["host"].as_str().unwrap_or_default()),
                )),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn check_hash_key(upstream: &Value) -> Result<(), Invalid> {
    static VARIABLE: LazyLock<Schema> = LazyLock::new(|| {
        pattern(
            "^((uri|server_name|server_addr|request_uri|remote_port|remote_addr|query_string|host\
             |hostname|mqtt_client_id)|arg_[0-9a-zA-z_-]+)$",
        )
    });
    static NAME: LazyLock<Schema> = LazyLock::new(|| pattern("^[a-zA-Z0-9-_]+$"));
    let hash_on = upstream.get("hash_on").and_then(Value::as_str).unwrap_or("vars");
    if hash_on == "consumer" {
        return Ok(());
    }
    let Some(key) = upstream.get("key") else { return Err(Invalid::at("", NO_KEY)) };
    let schema = match hash_on {
        "vars" => &VARIABLE,
        "header" | "cookie" => &NAME,
        _ => return Ok(()),
    };
    schema.validate(&mut key.clone()).map_err(|error| {
        let mut invalid = Invalid::from_schema(error);
        invalid.within("key");
        invalid
    })
}

fn pattern(pattern: &str) -> Schema {
    Schema::compile(&json!({"type": "string", "pattern": pattern}))
        .expect("the pattern is a regular expression")
}
