//! The servers of an upstream, as a map or as a list.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Scheme;
use crate::config::host::{Host, split_port};
use crate::config::number::{self, Whole};

/// Where an upstream's requests go.
#[derive(Clone, Debug)]
pub enum Targets {
    /// To these servers; perhaps to none.
    Nodes(Vec<Node>),
    /// To those that a service discovery knows.
    Discovered {
        /// Name of the service.
        service_name: String,
        /// Which service discovery.
        discovery_type: String,
        /// What it needs besides the name.
        args: Map<String, Value>,
    },
}

/// A server.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its address or name.
    pub host: Host,
    /// Its port; the scheme's where the document has none.
    pub port: u16,
    /// Share of the requests relative to the other nodes; 0: none.
    pub weight: u32,
    /// Lower nodes are used when all higher ones are down or tried.
    pub priority: i64,
    /// Attributes, free form.
    pub metadata: Option<Map<String, Value>>,
}

/// The document as it is written.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Document {
    List(Vec<Item>),
    /// `host:port` to weight, in the order written.
    Weights(Map<String, Value>),
}

#[derive(Deserialize)]
pub(super) struct Item {
    host: String,
    port: Option<u16>,
    #[serde(deserialize_with = "number::counted")]
    weight: u32,
    #[serde(default, deserialize_with = "number::signed")]
    priority: i64,
    metadata: Option<Map<String, Value>>,
}

impl Document {
    pub(super) fn read(self, scheme: Scheme) -> Result<Vec<Node>, String> {
        match self {
            Self::List(items) => items.into_iter().map(|item| item.read(scheme)).collect(),
            Self::Weights(weights) => weights
                .into_iter()
                .map(|(address, weight)| {
                    let (host, port) = address_of(&address, scheme)?;
                    let weight = Whole::deserialize(weight).map_err(|e| e.to_string())?.counted();
                    Ok(Node { host, port, weight, priority: 0, metadata: None })
                })
                .collect(),
        }
    }
}

impl Item {
    fn read(self, scheme: Scheme) -> Result<Node, String> {
        let Self { host, port, weight, priority, metadata } = self;
        let host = Host::parse(&host).ok_or_else(|| invalid_host(&host))?;
        let port = port.map_or_else(|| default_port(&host, scheme), Ok)?;
        Ok(Node { host, port, weight, priority, metadata })
    }
}

/// Host and port of a key of the map.
pub(super) fn address_of(address: &str, scheme: Scheme) -> Result<(Host, u16), String> {
    let (host, port) = split_port(address);
    let host = Host::parse(host).ok_or_else(|| invalid_host(address))?;
    let port = match port {
        None => default_port(&host, scheme)?,
        Some(digits) => match digits.parse() {
            Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
            _ => return Err(format!("invalid port {digits}")),
        },
    };
    Ok((host, port))
}

fn invalid_host(host: &str) -> String {
    format!("invalid host of node {host:?}")
}

fn default_port(host: &Host, scheme: Scheme) -> Result<u16, String> {
    scheme.default_port().ok_or_else(|| no_port(host))
}

pub(super) fn no_port(host: impl fmt::Display) -> String {
    format!("node {host} needs a port: its scheme has none")
}
