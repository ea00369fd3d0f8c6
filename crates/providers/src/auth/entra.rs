//! Entra ID (Azure): what is asked for the tokens of an application, a workload or a machine.

use http::Method;

use super::ask::form;
use super::{Ask, BadCredential, Hidden};

/// Where tokens are had, outside of sovereign clouds.
pub const AUTHORITY: &str = "https://login.microsoftonline.com";
/// The metadata endpoint of Azure's machines.
pub const IMDS: &str = "http://169.254.169.254";

/// An application in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The authority: scheme and host.
    pub authority: String,
    /// The tenant's id or domain.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
}

impl Application {
    /// Asks with the application's secret.
    pub fn ask_with_secret(&self, scope: &str, secret: &Hidden) -> Ask {
        self.ask(scope, &[("client_secret", secret.expose())])
    }

    /// Asks with a token that the workload was given.
    pub fn ask_with_assertion(&self, scope: &str, assertion: &Hidden) -> Ask {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let proof = [
            ("client_assertion_type", kind),
            ("client_assertion", assertion.expose().trim()),
        ];
        self.ask(scope, &proof)
    }

    fn ask(&self, scope: &str, proof: &[(&str, &str)]) -> Ask {
        let mut tenant = String::new();
        crate::percent::segment(&self.tenant, &mut tenant);
        let url = format!(
            "{}/{tenant}/oauth2/v2.0/token",
            self.authority.trim_end_matches('/')
        );
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id.as_str()),
            ("scope", scope),
        ];
        fields.extend(proof);
        Ask::form(url, &fields)
    }
}

/// Asks the endpoint that App Service and Container Apps give to what they run.
pub fn ask_app_service(
    endpoint: &str,
    header: &Hidden,
    scope: &str,
    client_id: Option<&str>,
) -> Result<Ask, BadCredential> {
    let mut fields = vec![("api-version", "2019-08-01"), ("resource", resource(scope))];
    fields.extend(client_id.map(|id| ("client_id", id)));
    let joint = if endpoint.contains('?') { '&' } else { '?' };
    let url = format!("{endpoint}{joint}{}", form(&fields));
    Ask::plain(Method::GET, url).with("x-identity-header", header.expose(), "IDENTITY_HEADER")
}

/// Asks the metadata endpoint of the machine.
pub fn ask_machine(
    endpoint: &str,
    scope: &str,
    client_id: Option<&str>,
) -> Result<Ask, BadCredential> {
    let mut fields = vec![("api-version", "2018-02-01"), ("resource", resource(scope))];
    fields.extend(client_id.map(|id| ("client_id", id)));
    let url = format!(
        "{}/metadata/identity/oauth2/token?{}",
        endpoint.trim_end_matches('/'),
        form(&fields)
    );
    Ask::plain(Method::GET, url).with("metadata", "true", "the metadata header")
}

/// Older endpoints name the resource where newer ones name a scope.
fn resource(scope: &str) -> &str {
    scope.strip_suffix(".default").unwrap_or(scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

    #[test]
    fn an_application_asks_with_its_secret_or_its_workloads_token() {
        let application = Application {
            authority: "https://login.test/".into(),
            tenant: "my tenant".into(),
            client_id: "app".into(),
        };
        let ask = application.ask_with_secret(SCOPE, &Hidden::new("s&t"));
        assert_eq!(ask.url, "https://login.test/my%20tenant/oauth2/v2.0/token");
        assert_eq!(
            ask.body.expose(),
            "grant_type=client_credentials&client_id=app&\
             scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default&client_secret=s%26t"
        );
        let ask = application.ask_with_assertion(SCOPE, &Hidden::new("jwt\n"));
        assert!(ask.body.expose().ends_with(
            "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion=jwt"
        ));
    }

    #[test]
    fn a_machine_is_asked_for_the_resource() {
        let ask = ask_machine(IMDS, SCOPE, None).unwrap();
        assert_eq!(
            ask.url,
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01\
             &resource=https%3A%2F%2Fcognitiveservices.azure.com%2F"
        );
        assert_eq!(ask.headers["metadata"], "true");
        let ask = ask_app_service(
            "http://127.0.0.1:4141/msi?x=1",
            &Hidden::new("h"),
            SCOPE,
            Some("id"),
        )
        .unwrap();
        assert!(
            ask.url
                .starts_with("http://127.0.0.1:4141/msi?x=1&api-version=2019-08-01&resource=")
        );
        assert!(ask.url.ends_with("&client_id=id"));
        assert!(ask.headers["x-identity-header"].is_sensitive());
    }
}
