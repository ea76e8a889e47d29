//! The kinds of resources.

use super::definition::Definition;
use super::secret::SecretManager;
use super::{
    consumer, consumer_group, credential, global_rule, plugin_config, plugin_metadata, proto,
    route, service, ssl, stream_route, upstream,
};

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Which requests, and what happens to them.
    Route,
    /// What several routes have in common.
    Service,
    /// The servers behind the gateway.
    Upstream,
    /// Someone who calls.
    Consumer,
    /// One way in which a consumer authenticates.
    Credential,
    /// What several consumers have in common.
    ConsumerGroup,
    /// Plugins that several routes use by reference.
    PluginConfig,
    /// Plugins that run on every request.
    GlobalRule,
    /// Settings of a plugin that hold wherever it runs.
    PluginMetadata,
    /// Certificates.
    Ssl,
    /// A Protocol Buffers definition.
    Proto,
    /// Which TCP or UDP connections, and where they go.
    StreamRoute,
    /// A secret manager.
    Secret,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Route,
        Self::Service,
        Self::Upstream,
        Self::Consumer,
        Self::Credential,
        Self::ConsumerGroup,
        Self::PluginConfig,
        Self::GlobalRule,
        Self::PluginMetadata,
        Self::Ssl,
        Self::Proto,
        Self::StreamRoute,
        Self::Secret,
    ];

    /// The name in Admin API paths, etcd keys and files. Credentials stand below `consumers` there.
    pub const fn directory(self) -> &'static str {
        match self {
            Self::Route => "routes",
            Self::Service => "services",
            Self::Upstream => "upstreams",
            Self::Consumer => "consumers",
            Self::Credential => "credentials",
            Self::ConsumerGroup => "consumer_groups",
            Self::PluginConfig => "plugin_configs",
            Self::GlobalRule => "global_rules",
            Self::PluginMetadata => "plugin_metadata",
            Self::Ssl => "ssls",
            Self::Proto => "protos",
            Self::StreamRoute => "stream_routes",
            Self::Secret => "secrets",
        }
    }

    /// The kind with this [`Self::directory`].
    pub fn from_directory(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.directory() == name)
    }

    /// The name in messages.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Service => "service",
            Self::Upstream => "upstream",
            Self::Consumer => "consumer",
            Self::Credential => "credential",
            Self::ConsumerGroup => "consumer group",
            Self::PluginConfig => "plugin config",
            Self::GlobalRule => "global rule",
            Self::PluginMetadata => "plugin_metadata",
            Self::Ssl => "ssl",
            Self::Proto => "proto",
            Self::StreamRoute => "stream route",
            Self::Secret => "secret",
        }
    }

    /// The schema of documents of this kind. That of a secret depends on the manager, which the id
    /// begins with (`vault/1`, or `vault` alone); without one there is none.
    pub fn definition(self, id: Option<&str>) -> Option<&'static Definition> {
        Some(match self {
            Self::Route => &route::DEFINITION,
            Self::Service => &service::DEFINITION,
            Self::Upstream => &upstream::DEFINITION,
            Self::Consumer => &consumer::DEFINITION,
            Self::Credential => &credential::DEFINITION,
            Self::ConsumerGroup => &consumer_group::DEFINITION,
            Self::PluginConfig => &plugin_config::DEFINITION,
            Self::GlobalRule => &global_rule::DEFINITION,
            Self::PluginMetadata => &plugin_metadata::DEFINITION,
            Self::Ssl => &ssl::DEFINITION,
            Self::Proto => &proto::DEFINITION,
            Self::StreamRoute => &stream_route::DEFINITION,
            Self::Secret => SecretManager::of_id(id?)?.definition(),
        })
    }
}
