//! Where `$secret://…` references are looked up.

use serde::Deserialize;

use super::definition::Definition;
use super::{Id, Sensitive};

static VAULT: Definition = Definition::new(include_str!("vault.json"));
static AWS: Definition = Definition::new(include_str!("aws.json"));
static GCP: Definition = Definition::new(include_str!("gcp.json"));

/// A kind of secret manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretManager {
    /// `HashiCorp` Vault.
    Vault,
    /// AWS Secrets Manager.
    Aws,
    /// Google Cloud Secret Manager.
    Gcp,
}

impl SecretManager {
    /// The manager that the id of a secret begins with: `vault/1`, or `vault` alone.
    pub fn of_id(id: &str) -> Option<Self> {
        match id.split_once('/').map_or(id, |(manager, _)| manager) {
            "vault" => Some(Self::Vault),
            "aws" => Some(Self::Aws),
            "gcp" => Some(Self::Gcp),
            _ => None,
        }
    }

    pub(super) fn definition(self) -> &'static Definition {
        match self {
            Self::Vault => &VAULT,
            Self::Aws => &AWS,
            Self::Gcp => &GCP,
        }
    }
}

/// A secret manager with what it takes to reach it. Its id is `manager/name`.
#[derive(Clone, Debug)]
pub enum Secret {
    /// `HashiCorp` Vault.
    Vault(Id, VaultSecrets),
    /// AWS Secrets Manager.
    Aws(Id, AwsSecrets),
    /// Google Cloud Secret Manager.
    Gcp(Id, GcpSecrets),
}

impl Secret {
    /// Identifier, `manager/name`.
    pub fn id(&self) -> &Id {
        match self {
            Self::Vault(id, _) | Self::Aws(id, _) | Self::Gcp(id, _) => id,
        }
    }
}

/// `HashiCorp` Vault.
#[derive(Clone, Debug, Deserialize)]
pub struct VaultSecrets {
    /// Address of the server.
    pub uri: String,
    /// Mount path of the key-value engine, and what all keys begin with.
    pub prefix: String,
    /// Token to authenticate with, or an `$env://` reference.
    pub token: Sensitive,
    /// Vault namespace.
    pub namespace: Option<String>,
}

/// AWS Secrets Manager.
#[derive(Clone, Debug, Deserialize)]
pub struct AwsSecrets {
    /// Access key, or an `$env://` reference.
    pub access_key_id: String,
    /// Its secret, or an `$env://` reference.
    pub secret_access_key: Sensitive,
    /// Session token of temporary keys, or an `$env://` reference.
    pub session_token: Option<Sensitive>,
    /// Region of the service.
    pub region: String,
    /// Address of the service; AWS's own for the region when absent.
    pub endpoint_url: Option<String>,
}

/// Google Cloud Secret Manager.
#[derive(Clone, Debug, Deserialize)]
pub struct GcpSecrets {
    /// The service account, written out; else it is in `auth_file`.
    pub auth_config: Option<GcpAccount>,
    /// Path of a file with the service account.
    pub auth_file: Option<String>,
    /// Whether the service's certificate must be valid.
    #[serde(default = "verified")]
    pub ssl_verify: bool,
}

fn verified() -> bool {
    true
}

/// A service account of Google Cloud.
#[derive(Clone, Debug, Deserialize)]
pub struct GcpAccount {
    /// E-mail address of the account.
    pub client_email: String,
    /// Its private key.
    pub private_key: Sensitive,
    /// Project that holds the secrets.
    pub project_id: String,
    /// Where tokens are issued.
    pub token_uri: String,
    /// Scopes to ask for.
    pub scope: Vec<String>,
    /// Address of the service.
    pub entries_uri: String,
}
