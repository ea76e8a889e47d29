//! The resource model: Apache APISIX 3.18's kinds, what makes a document of one valid, and the
//! types that valid documents decode into.
//!
//! Each kind is a folder: `schema.json` is the contract (validation, defaults, forms and manuals
//! come from it), the Rust type beside it is what the engine works with.
//!
//! ```
//! use gateway_core::config::{self, Context, Kind, NoPlugins, Origin, Resource};
//! use serde_json::json;
//!
//! let context = Context { catalogue: &NoPlugins, origin: Origin::File };
//! let mut document = json!({"uri": "/get", "upstream": {"nodes": {"127.0.0.1:8080": 1}}});
//! let resource = config::build(Kind::Route, Some("1"), &mut document, &context).unwrap();
//! let Resource::Route(route) = resource else { panic!() };
//! assert_eq!(route.uris, ["/get"]);
//! assert_eq!(document["priority"], 0);
//!
//! let mut wrong = json!({"url": "/get", "upstream_id": 1});
//! let error = config::validate(Kind::Route, Some("1"), &mut wrong, &context).unwrap_err();
//! assert_eq!(error.message, "invalid configuration: additional properties forbidden, found url");
//! assert_eq!((error.pointer.as_str(), error.nearest.as_deref()), ("/url", Some("uri")));
//! ```
//!
//! What surprises:
//!
//! * `validate` and `build` fill defaults into the document. APISIX's Admin API stores what it was sent, so a
//!   caller that stores must validate a copy.
//! * What `validate` accepts, `decode` decodes: `validate` is `build` without its result.
//! * References between resources (`upstream_id`, …) are not looked up here: the other resource may
//!   still be on its way.

mod consumer;
mod consumer_group;
mod credential;
mod definition;
mod global_rule;
mod host;
mod id;
mod kind;
mod network;
mod number;
mod plugin_config;
mod plugin_metadata;
mod plugins;
mod proto;
mod resource;
mod route;
mod secret;
mod sensitive;
mod service;
mod ssl;
mod stream_route;
#[cfg(test)]
mod tests;
mod timeout;
mod upstream;
mod validate;

pub use consumer::Consumer;
pub use consumer_group::ConsumerGroup;
pub use credential::Credential;
pub(crate) use credential::is_credential_id;
pub use definition::Definition;
pub use global_rule::GlobalRule;
pub use host::Host;
pub use id::{Id, Labels};
pub use kind::Kind;
pub use network::{InvalidNetwork, Network};
pub use plugin_config::PluginConfig;
pub use plugin_metadata::PluginMetadata;
pub use plugins::{Catalogue, NoPlugins, PluginError, Plugins, Scope};
pub use proto::Proto;
pub use resource::{Resource, decode};
pub use route::{Methods, Route};
pub use secret::{AwsSecrets, GcpAccount, GcpSecrets, Secret, SecretManager, VaultSecrets};
pub use sensitive::Sensitive;
pub use service::Service;
pub use ssl::{ClientVerification, KeyPair, Ssl, TlsVersion, Usage};
pub use stream_route::{Protocol, ProtocolLogger, StreamRoute};
pub use timeout::Timeout;
pub use upstream::{
    ActiveChecks, Balancer, Checks, ClientCertificate, HashKey, Healthy, KeepalivePool, Node,
    PassHost, PassiveChecks, ProbeType, RetryBudget, Scheme, Targets, Tls, Unhealthy, Upstream,
};
pub use validate::{Context, Invalid, Origin, build, validate};
