//! A document of any kind, decoded.

use std::borrow::Borrow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Consumer, ConsumerGroup, Credential, GlobalRule, Id, Invalid, Kind, PluginConfig,
    PluginMetadata, Proto, Route, Scheme, Secret, SecretManager, Service, Ssl, StreamRoute,
    Upstream,
};

/// A resource, ready to work with and cheap to share.
#[derive(Clone, Debug)]
pub enum Resource {
    /// A route.
    Route(Arc<Route>),
    /// A service.
    Service(Arc<Service>),
    /// An upstream.
    Upstream(Arc<Upstream>),
    /// A consumer.
    Consumer(Arc<Consumer>),
    /// A credential.
    Credential(Arc<Credential>),
    /// A consumer group.
    ConsumerGroup(Arc<ConsumerGroup>),
    /// A plugin config.
    PluginConfig(Arc<PluginConfig>),
    /// A global rule.
    GlobalRule(Arc<GlobalRule>),
    /// Plugin metadata.
    PluginMetadata(Arc<PluginMetadata>),
    /// Certificates.
    Ssl(Arc<Ssl>),
    /// A Protocol Buffers definition.
    Proto(Arc<Proto>),
    /// A stream route.
    StreamRoute(Arc<StreamRoute>),
    /// A secret manager.
    Secret(Arc<Secret>),
}

/// Decodes a document that [`super::validate`] has accepted ([`super::build`] does both). `id` is
/// the identifier it is stored under: for a credential `consumer/credentials/id`, for a secret
/// `manager/id`, for plugin metadata the plugin's name.
///
/// # Errors
/// None for a document that has been validated.
pub fn decode(kind: Kind, id: &str, document: impl Borrow<Value>) -> Result<Resource, Invalid> {
    let document = document.borrow();
    let id = || Id::from(id);
    Ok(match kind {
        Kind::Route => Resource::Route(Arc::new(Route { id: id(), ..read(document)? })),
        Kind::Service => Resource::Service(Arc::new(Service { id: id(), ..read(document)? })),
        Kind::Upstream => Resource::Upstream(Arc::new(Upstream { id: id(), ..read(document)? })),
        Kind::Consumer => Resource::Consumer(Arc::new(read(document)?)),
        Kind::Credential => {
            Resource::Credential(Arc::new(read::<Credential>(document)?.named(&id())))
        }
        Kind::ConsumerGroup => {
            Resource::ConsumerGroup(Arc::new(ConsumerGroup { id: id(), ..read(document)? }))
        }
        Kind::PluginConfig => {
            Resource::PluginConfig(Arc::new(PluginConfig { id: id(), ..read(document)? }))
        }
        Kind::GlobalRule => {
            Resource::GlobalRule(Arc::new(GlobalRule { id: id(), ..read(document)? }))
        }
        Kind::PluginMetadata => {
            let settings = read(document)?;
            Resource::PluginMetadata(Arc::new(PluginMetadata { id: id(), settings }))
        }
        Kind::Ssl => Resource::Ssl(Arc::new(Ssl { id: id(), ..read(document)? })),
        Kind::Proto => Resource::Proto(Arc::new(Proto { id: id(), ..read(document)? })),
        Kind::StreamRoute => {
            let route = StreamRoute { id: id(), ..read(document)? };
            Resource::StreamRoute(Arc::new(on_layer_4(route)))
        }
        Kind::Secret => Resource::Secret(Arc::new(secret(id(), document)?)),
    })
}

fn secret(id: Id, document: &Value) -> Result<Secret, Invalid> {
    match SecretManager::of_id(&id) {
        Some(SecretManager::Vault) => Ok(Secret::Vault(id, read(document)?)),
        Some(SecretManager::Aws) => Ok(Secret::Aws(id, read(document)?)),
        Some(SecretManager::Gcp) => Ok(Secret::Gcp(id, read(document)?)),
        None => Err(Invalid::at("/id", format!("no secret manager in id {id}"))),
    }
}

fn read<'de, T: Deserialize<'de>>(document: &'de Value) -> Result<T, Invalid> {
    T::deserialize(document)
        .map_err(|error| Invalid::at("", format!("invalid configuration: {error}")))
}

/// On layer 4 an upstream's default scheme is TCP.
fn on_layer_4(mut route: StreamRoute) -> StreamRoute {
    if let Some(upstream) = &mut route.upstream
        && upstream.scheme == Scheme::Http
    {
        Arc::make_mut(upstream).scheme = Scheme::Tcp;
    }
    route
}
