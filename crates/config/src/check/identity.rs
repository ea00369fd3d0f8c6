//! A cloud's identity: exactly one, whole, and of a kind that the provider takes.

use providers::{Auth as Row, KeyNeed, Provider};

use super::Check;
use crate::auth::{Auth, AwsAuth, EntraAuth, GoogleAuth};
use crate::path::Path;
use crate::secret::Secret;
use crate::target::Target;

impl Check<'_> {
    /// What holds for `auth` whatever the provider.
    pub(super) fn identity(&mut self, at: &Path<'_>, target: &Target) {
        let Some(auth) = &target.auth else { return };
        let place = at.key("auth");
        if target.api_key.is_some() {
            let message = "a target has either `api_key` or `auth`; one of them must go";
            self.tell(&place, message);
        }
        let kinds = named(auth);
        if kinds.len() != 1 {
            let message = "name exactly one of aws, google, entra and databricks, `{}` when all of it comes from the environment";
            self.tell(&place, message);
        }
        if let Some(aws) = &auth.aws {
            self.aws(&place.key("aws"), aws);
        }
        if let Some(google) = &auth.google {
            self.google(&place.key("google"), google);
        }
        if let Some(entra) = &auth.entra {
            self.entra(&place.key("entra"), entra);
        }
        if let Some(databricks) = &auth.databricks {
            let place = place.key("databricks");
            self.pair(
                &place,
                ("client_id", databricks.client_id.is_some()),
                ("client_secret", databricks.client_secret.is_some()),
            );
            self.secrets(&place, &[("client_secret", &databricks.client_secret)]);
        }
    }

    fn aws(&mut self, at: &Path<'_>, aws: &AwsAuth) {
        let id = ("access_key_id", aws.access_key_id.is_some());
        let secret = ("secret_access_key", aws.secret_access_key.is_some());
        self.pair(at, id, secret);
        let keys = ("access_key_id", id.1 && secret.1);
        self.apart(at, keys, ("profile", aws.profile.is_some()));
        let web = (
            "web_identity_token_file",
            aws.web_identity_token_file.is_some(),
        );
        self.apart(at, keys, web);
        self.apart(at, ("profile", aws.profile.is_some()), web);
        let role = ("role_arn", aws.role_arn.is_some());
        self.needs(at, ("session_token", aws.session_token.is_some()), id);
        for with_role in [
            web,
            ("external_id", aws.external_id.is_some()),
            ("session_name", aws.session_name.is_some()),
        ] {
            self.needs(at, with_role, role);
        }
        self.secrets(
            at,
            &[
                ("secret_access_key", &aws.secret_access_key),
                ("session_token", &aws.session_token),
            ],
        );
    }

    fn google(&mut self, at: &Path<'_>, google: &GoogleAuth) {
        self.apart(
            at,
            ("credentials", google.credentials.is_some()),
            ("credentials_file", google.credentials_file.is_some()),
        );
        self.secrets(at, &[("credentials", &google.credentials)]);
    }

    fn entra(&mut self, at: &Path<'_>, entra: &EntraAuth) {
        let secret = ("client_secret", entra.client_secret.is_some());
        let file = ("federated_token_file", entra.federated_token_file.is_some());
        self.apart(at, secret, file);
        for proof in [secret, file] {
            self.needs(at, proof, ("client_id", entra.client_id.is_some()));
            self.needs(at, proof, ("tenant_id", entra.tenant_id.is_some()));
        }
        if let Some(host) = &entra.authority_host
            && !host.starts_with("https://")
            && !host.starts_with("http://")
            && !host.starts_with("${")
        {
            let message = "an authority is a URL such as https://login.microsoftonline.com";
            self.tell(&at.key("authority_host"), message);
        }
        self.secrets(at, &[("client_secret", &entra.client_secret)]);
    }

    /// Two settings that are worth nothing without each other.
    fn pair(&mut self, at: &Path<'_>, one: (&str, bool), other: (&str, bool)) {
        self.needs(at, one, other);
        self.needs(at, other, one);
    }

    /// A setting that is worth nothing without another one.
    fn needs(&mut self, at: &Path<'_>, (one, is_set): (&str, bool), other: (&str, bool)) {
        if is_set && !other.1 {
            let message = format!("`{one}` needs `{}` beside it", other.0);
            self.tell(&at.key(one), message);
        }
    }

    /// Two settings that say different things.
    fn apart(&mut self, at: &Path<'_>, one: (&str, bool), other: (&str, bool)) {
        if one.1 && other.1 {
            let message = format!(
                "`{}` and `{}` exclude each other; one of them must go",
                one.0, other.0
            );
            self.tell(&at.key(other.0), message);
        }
    }

    fn secrets(&mut self, at: &Path<'_>, secrets: &[(&str, &Option<Secret>)]) {
        for (name, secret) in secrets {
            if let Some(secret) = secret {
                self.credential(&at.key(name), secret);
            }
        }
    }

    /// Whether the provider takes an identity of this kind.
    pub(super) fn takes_identity(&mut self, at: &Path<'_>, target: &Target, row: &Provider) {
        let Some(auth) = &target.auth else { return };
        let place = at.key("auth");
        if row.key == KeyNeed::None {
            self.tell(&place, format!("{} takes no credential", row.id));
            return;
        }
        for kind in named(auth) {
            let own = own_kind(&row.auth);
            let place = place.key(kind);
            match &row.auth {
                Row::ApiKey | Row::Header(_) => {
                    let message = format!("{} takes an `api_key` and no token", row.id);
                    self.tell(&place, message);
                }
                Row::Bearer => self.complete(&place, auth, kind),
                _ if own == Some(kind) => {}
                _ => {
                    let own = own.unwrap_or_default();
                    let message = format!("{} takes `auth.{own}`, not `auth.{kind}`", row.id);
                    self.tell(&place, message);
                }
            }
        }
    }

    /// Where the provider does not say what a credential is for, the target has to.
    fn complete(&mut self, at: &Path<'_>, auth: &Auth, kind: &str) {
        if auth.aws.as_ref().is_some_and(|aws| aws.service.is_none()) && kind == "aws" {
            self.tell(
                at,
                "`service` is required here: the service's name in signatures, such as bedrock",
            );
        }
        if auth
            .entra
            .as_ref()
            .is_some_and(|entra| entra.scope.is_none())
            && kind == "entra"
        {
            self.tell(at, "`scope` is required here: what the token is for, such as https://ai.azure.com/.default");
        }
    }
}

fn named(auth: &Auth) -> Vec<&'static str> {
    [
        ("aws", auth.aws.is_some()),
        ("google", auth.google.is_some()),
        ("entra", auth.entra.is_some()),
        ("databricks", auth.databricks.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, is_set)| is_set.then_some(name))
    .collect()
}

fn own_kind(row: &Row) -> Option<&'static str> {
    match row {
        Row::Bearer | Row::ApiKey | Row::Header(_) => None,
        Row::Aws(_) => Some("aws"),
        Row::Google(_) => Some("google"),
        Row::Entra(_) => Some("entra"),
        Row::Databricks => Some("databricks"),
    }
}
