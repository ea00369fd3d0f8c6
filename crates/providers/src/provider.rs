//! A vendor's row. The same fields may be written in an operator's config.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::chat::{self, Oddities, Rewrite};

use crate::claims::{Claim, Claims};
use crate::duration;
use crate::family::Family;
use crate::form::Form;
use crate::rules::{ChatRules, EmbeddingRules, ImageRules};
use crate::surface::Surface;

/// Values for the `{name}` places of a row's URLs.
pub type Vars = BTreeMap<String, String>;

/// A vendor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its name in configs, metrics and logs: lower case, hyphens.
    pub id: String,
    /// Its name for people.
    #[serde(default)]
    pub name: String,
    /// The API root. `{name}` stands for a variable.
    pub base_url: String,
    /// Other API roots of the same vendor, by name.
    #[serde(default)]
    pub regions: BTreeMap<String, String>,
    /// How an operator's own API root is read, where the usual reading is not enough.
    #[serde(default)]
    pub root: RootRule,
    /// Where credentials and addresses stand in the environment.
    #[serde(default)]
    pub env: EnvNames,
    /// Whether a key is needed.
    #[serde(default)]
    pub key: KeyNeed,
    /// How the key is sent.
    #[serde(default)]
    pub auth: Auth,
    /// Keys that are tokens, and sent as such whatever `auth` says.
    #[serde(default)]
    pub tokens: Option<TokenKeys>,
    /// The wire form of its answers and questions.
    #[serde(default)]
    pub dialect: Dialect,
    /// Another wire form that it speaks as well, for requests that say what only that one can.
    #[serde(default)]
    pub second_dialect: Option<Dialect>,
    /// Models that are spoken to in another wire form than the others.
    #[serde(default)]
    pub families: Vec<Family>,
    /// What clients may write before a model's name, and the vendor does not know.
    #[serde(default)]
    pub model_prefix: Option<String>,
    /// What it serves.
    #[serde(default = "usual_surfaces")]
    pub surfaces: Vec<Surface>,
    /// Paths that differ from the surface's usual one: below the root, or whole URLs. `{model}` is
    /// the model as one path segment.
    #[serde(default)]
    pub paths: BTreeMap<Surface, String>,
    /// Another way to the same surfaces, taken when its variable is set.
    #[serde(default)]
    pub dated_route: Option<DatedRoute>,
    /// Endings that are taken off the API root before the path of a surface.
    #[serde(default)]
    pub strips: BTreeMap<Surface, String>,
    /// The forms of what is asked beside chats, where they are not OpenAI's.
    #[serde(default)]
    pub forms: BTreeMap<Surface, Form>,
    /// Endings of hosts that speak OpenAI's forms at its paths all the same.
    #[serde(default)]
    pub plain_hosts: Vec<String>,
    /// Headers sent with every call.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers of the client's that mean something to the vendor, in lower case. Never one that holds
    /// a credential.
    #[serde(default)]
    pub forwards: Vec<String>,
    /// Which models it is taken to serve.
    #[serde(default)]
    pub claims: Claims,
    /// Models known without asking, until the operator or the vendor names others.
    #[serde(default)]
    pub models: Vec<String>,
    /// The path that lists its models, if it has one.
    #[serde(default)]
    pub discovery: Option<String>,
    /// Endings that are taken off the API root before that path.
    #[serde(default)]
    pub discovery_strips: Vec<String>,
    /// How long it may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// What is odd about its answers.
    #[serde(default)]
    pub quirks: Vec<Quirk>,
    /// What it cannot take in a chat request.
    #[serde(default)]
    pub chat: ChatRules,
    /// What it takes of an embeddings request in OpenAI's form.
    #[serde(default)]
    pub embeddings: EmbeddingRules,
    /// What it takes of a request for pictures in OpenAI's form.
    #[serde(default)]
    pub images: ImageRules,
}

fn usual_surfaces() -> Vec<Surface> {
    vec![Surface::Chat, Surface::ChatStream, Surface::Passthrough]
}

/// How an operator's own API root is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RootRule {
    /// Where the path ends, with all that is behind it: people paste whole endpoints.
    pub cut: Vec<String>,
    /// Endings that are taken off, again and again.
    pub strip: Vec<String>,
    /// What the path must contain; added at the end when it does not.
    pub append: Option<String>,
    /// Endings of roots that are whole as they stand: nothing is added to them.
    pub whole: Vec<String>,
    /// The scheme of an address written without one. Without this such an address is refused.
    pub scheme: Option<String>,
    /// The port of an address written without scheme and port.
    pub port: Option<u16>,
}

/// Names of environment variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EnvNames {
    /// For the key: the first that is set counts.
    pub api_key: Vec<String>,
    /// For the API root.
    pub base_url: Option<String>,
    /// Whether the vendor is only there when the API root is set.
    pub base_url_required: bool,
    /// For the `{name}` places of the URLs.
    pub vars: BTreeMap<String, VarNames>,
    /// For the list of models.
    pub models: ModelNames,
    /// Whether the vendor is only there when the config names it. For variables that commonly are
    /// set for reasons other than the wish to use the vendor here.
    pub explicit: bool,
}

/// Where the value of a `{name}` place comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VarNames {
    /// The environment variable.
    pub env: Option<String>,
    /// Whether the vendor cannot be used without it.
    pub required: bool,
    /// The value when nothing is set.
    pub default: Option<String>,
}

/// Where the list of models comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelNames {
    /// Environment variables holding comma-separated names: the first that is set counts.
    pub env: Vec<String>,
    /// Whether the vendor is found in the environment only when one of them is set.
    pub required: bool,
}

/// Whether a vendor needs a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyNeed {
    /// Nothing works without one.
    #[default]
    Required,
    /// Sent when there is one.
    Optional,
    /// Never sent.
    None,
}

/// How a key is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// `api-key: KEY`.
    ApiKey,
    /// The key alone in a header of this name.
    Header(String),
    /// `Authorization: Bearer KEY`, or else requests signed with an AWS key.
    #[serde(rename = "aws-sigv4")]
    Aws(AwsService),
    /// `x-goog-api-key: KEY`, or else a token that Google grants.
    Google(GoogleAccess),
    /// `api-key: KEY`, or else a token that Entra ID grants.
    Entra(EntraAccess),
    /// `Authorization: Bearer KEY`, or else a token that the Databricks workspace grants.
    Databricks,
}

/// Keys that are tokens of a person's: sent as `Authorization: Bearer KEY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenKeys {
    /// How they begin.
    pub prefix: String,
    /// Headers that a call with one carries besides.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// What an AWS service is called in signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsService {
    /// Its name there, such as `bedrock`.
    pub service: String,
}

/// What a token of Google's is asked with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleAccess {
    /// Environment variables that may hold a whole credential document, looked at before Google's own.
    pub document_env: Vec<String>,
}

/// What a token of Entra ID is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntraAccess {
    /// The scope, such as `https://cognitiveservices.azure.com/.default`.
    pub scope: String,
}

impl Auth {
    /// Environment variables that stand in for a key, when all of one list are set.
    pub fn instead_of_a_key(&self) -> &'static [&'static [&'static str]] {
        match self {
            Auth::Bearer | Auth::ApiKey | Auth::Header(_) => &[],
            Auth::Aws(_) => &[
                &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
                &["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"],
                &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"],
                &["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
                &["AWS_PROFILE"],
                &["AWS_REGION"],
            ],
            // Where a project is known, the machine's own account will do.
            Auth::Google(_) => &[&[]],
            Auth::Entra(_) => &[
                &["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"],
                &[
                    "AZURE_TENANT_ID",
                    "AZURE_CLIENT_ID",
                    "AZURE_FEDERATED_TOKEN_FILE",
                ],
                &["IDENTITY_ENDPOINT", "IDENTITY_HEADER"],
            ],
            Auth::Databricks => &[&["DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"]],
        }
    }
}

/// The wire form a vendor speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// OpenAI's.
    #[default]
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Cohere's chat, version 2.
    Cohere,
    /// Ollama's own chat.
    Ollama,
    /// Replicate's predictions.
    Replicate,
    /// Bedrock's Converse.
    Converse,
    /// Google's `generateContent`, at the Developer API.
    Gemini,
    /// Google's Vertex AI: each model in the dialect of its own vendor.
    Vertex,
}

/// Another way to a vendor's surfaces, taken when a variable is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatedRoute {
    /// The variable that turns it on.
    pub when: String,
    /// An ending taken off the API root.
    pub strip: String,
    /// The path: `{path}` is the surface's usual one, `{model}` the model as one segment.
    pub path: String,
    /// The surfaces that are reached this way.
    pub surfaces: Vec<Surface>,
    /// Values of the variable that mean the usual way all the same, and the query that goes with each.
    #[serde(default)]
    pub undated: BTreeMap<String, String>,
}

/// How long a vendor may take. No bound may be shorter than honest work: reasoning models are
/// silent for minutes before the first byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Until the connection stands.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub connect: Duration,
    /// Until the head of the answer.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub first_byte: Duration,
    /// Between two reads of the answer.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub idle: Duration,
    /// For the whole exchange.
    #[serde(with = "duration::optional")]
    #[schemars(with = "Option<String>")]
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_mins(10),
            idle: Duration::from_mins(2),
            total: None,
        }
    }
}

/// What is odd about a vendor's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quirk {
    /// `content` may be an array of blocks where OpenAI's is a string.
    ContentBlocks,
    /// Texts may be of other types, calls without ids, whole answers without a reason to end.
    LooseTypes,
    /// Events of streams may hold nothing but what a content filter found.
    FilterEvents,
}

impl Provider {
    /// Whether it serves `surface`.
    pub fn serves(&self, surface: Surface) -> bool {
        self.surfaces.contains(&surface)
    }

    /// How it stands to `model`, going by the row alone.
    pub fn claim(&self, model: &str) -> Claim {
        self.claims.claim(model)
    }

    /// Whether its answers are odd in this way.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// What makes OpenAI's form of its answers, where they are odd.
    pub fn rewrite(&self) -> Option<Rewrite> {
        self.quirks.iter().find_map(|quirk| match quirk {
            Quirk::ContentBlocks => Some(chat::flatten_content_blocks as Rewrite),
            Quirk::LooseTypes => Some(chat::mend_types as Rewrite),
            Quirk::FilterEvents => None,
        })
    }

    /// In what its streams are odd, if they are.
    pub fn oddities(&self) -> Option<Oddities> {
        (!self.quirks.is_empty()).then(|| Oddities {
            rewrite: self.rewrite(),
            findings: self.has(Quirk::FilterEvents),
            open_end: self.has(Quirk::LooseTypes),
        })
    }

    /// A model's name as the vendor knows it.
    pub fn bare_model<'m>(&self, model: &'m str) -> &'m str {
        let bare = self
            .model_prefix
            .as_deref()
            .and_then(|prefix| model.strip_prefix(prefix));
        bare.filter(|bare| !bare.is_empty()).unwrap_or(model)
    }

    /// Its name for people; the id when it has none.
    pub fn display_name(&self) -> &str {
        if self.name.is_empty() {
            &self.id
        } else {
            &self.name
        }
    }

    /// The path of a surface below the root, as the row writes it.
    pub(crate) fn path(&self, surface: Surface) -> &str {
        let own = match surface {
            Surface::ChatStream => self
                .paths
                .get(&surface)
                .or_else(|| self.paths.get(&Surface::Chat)),
            _ => self.paths.get(&surface),
        };
        own.map_or(surface.path(), String::as_str)
    }

    /// The value of a `{name}` place: what is set, else the row's default.
    pub(crate) fn var<'a>(&'a self, name: &str, vars: &'a Vars) -> Option<&'a str> {
        let set = vars
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty());
        set.or_else(|| self.env.vars.get(name)?.default.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Result<Provider, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_row_needs_no_more_than_an_id_and_a_root() {
        let provider = row("id = 'acme'\nbase_url = 'https://api.acme.test/v1'").unwrap();
        assert_eq!(provider.surfaces, usual_surfaces());
        assert_eq!(
            (provider.key, provider.auth.clone()),
            (KeyNeed::Required, Auth::Bearer)
        );
        assert_eq!(provider.display_name(), "acme");
        assert_eq!(provider.chat, ChatRules::default());
    }

    #[test]
    fn a_misspelt_field_is_an_error_at_every_level() {
        for text in [
            "basr_url = ''",
            "[claims]\nprefix = []",
            "[chat]\nrenames = []",
            "[env]\nkey = []",
            "[timeouts]\nfirst = '1s'",
            "[root]\nstrips = []",
        ] {
            let text = format!("id = 'a'\nbase_url = 'https://a.test'\n{text}");
            assert!(
                row(&text)
                    .unwrap_err()
                    .to_string()
                    .contains("unknown field"),
                "{text}"
            );
        }
    }

    /// Row 19: no vendor is cut off while it may still be thinking.
    #[test]
    fn d06_row_19_the_first_byte_may_take_ten_minutes_and_the_whole_has_no_bound() {
        let Timeouts {
            first_byte,
            idle,
            total,
            ..
        } = Timeouts::default();
        assert_eq!(
            (first_byte.as_secs(), idle.as_secs(), total),
            (600, 120, None)
        );
    }

    #[test]
    fn a_row_survives_the_way_to_json_and_back() {
        let text = "id = 'a'\nbase_url = 'https://a.test'\nauth = { header = 'x-key' }\n\
                    paths = { chat = '/x/{model}' }\ntimeouts = { connect = '1s', total = '5m' }";
        let provider = row(text).unwrap();
        let json = serde_json::to_string(&provider).unwrap();
        assert_eq!(serde_json::from_str::<Provider>(&json).unwrap(), provider);
    }

    #[test]
    fn the_schema_refuses_what_reading_refuses() {
        let schema = serde_json::to_value(schemars::schema_for!(Provider)).unwrap();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], serde_json::json!(["id", "base_url"]));
        assert!(schema["$defs"]["ChatRules"]["properties"]["drop"].is_object());
    }
}
