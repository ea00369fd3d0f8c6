//! A cloud's identity in place of a key: whose it is, and what proves it.
//!
//! What is left out comes from the environment names that the cloud's own tools read.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::target::ReferencingText;

/// A cloud's identity; exactly one of the four.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "TargetAuth")]
pub struct Auth {
    /// Requests are signed with AWS keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsAuth>,
    /// A token that Google grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google: Option<GoogleAuth>,
    /// A token that Entra ID (Azure) grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entra: Option<EntraAuth>,
    /// A token that the Databricks workspace grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub databricks: Option<DatabricksAuth>,
}

/// Where AWS keys come from. Without any of it: the environment, a web identity, the shared files,
/// the container, the instance, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AwsAuth {
    /// The id of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub access_key_id: Option<Secret>,
    /// The key itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub secret_access_key: Option<Secret>,
    /// What temporary keys come with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub session_token: Option<Secret>,
    /// A profile of the shared files.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReferencingText>", length(min = 1))]
    pub profile: Option<String>,
    /// A role to take, with the keys found otherwise or with a web identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReferencingText>", length(min = 1))]
    pub role_arn: Option<String>,
    /// What the role's owner asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub external_id: Option<Secret>,
    /// The name of the role's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReferencingText>", length(min = 2, max = 64))]
    pub session_name: Option<String>,
    /// A file that holds the token of a web identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub web_identity_token_file: Option<PathBuf>,
    /// The region that requests are signed for, where the host does not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReferencingText>", length(min = 1))]
    pub region: Option<String>,
    /// The service's name in signatures, when it is not the provider's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReferencingText>", length(min = 1))]
    pub service: Option<String>,
}

/// Where a token of Google's comes from. Without any of it: `GOOGLE_APPLICATION_CREDENTIALS`, what
/// `gcloud` left, the machine's own account, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleAuth {
    /// A whole credential document, as `${NAME}` or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub credentials: Option<Secret>,
    /// The file of a credential document.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub credentials_file: Option<PathBuf>,
    /// What the token is for, when it is not the whole platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReferencingText>", length(min = 1))]
    pub scope: Option<String>,
}

/// Where a token of Entra ID comes from. Without any of it: the environment's application, its
/// workload, the machine's own identity, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EntraAuth {
    /// The tenant's id or domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub tenant_id: Option<Secret>,
    /// The application's id, or that of a machine's identity among several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub client_id: Option<Secret>,
    /// The application's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub client_secret: Option<Secret>,
    /// A file that holds the workload's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub federated_token_file: Option<PathBuf>,
    /// The authority, for sovereign clouds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReferencingText>", length(min = 1))]
    pub authority_host: Option<String>,
    /// What the token is for, when it is not what the provider says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReferencingText>", length(min = 1))]
    pub scope: Option<String>,
}

/// A service principal of Databricks; what is left out comes from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DatabricksAuth {
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub client_id: Option<Secret>,
    /// Its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub client_secret: Option<Secret>,
}
