//! Databricks: what is asked for the token of a service principal.

use super::{Ask, BadCredential, Hidden};

/// Asks a workspace for a token; `workspace` is its scheme and host.
pub fn ask(workspace: &str, client_id: &str, secret: &Hidden) -> Result<Ask, BadCredential> {
    let url = format!("{}/oidc/v1/token", workspace.trim_end_matches('/'));
    let fields = [("grant_type", "client_credentials"), ("scope", "all-apis")];
    Ask::form(url, &fields).basic(client_id, secret.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_asked_in_the_principals_name() {
        let ask = ask("https://dbc-1.test/", "id", &Hidden::new("secret")).unwrap();
        assert_eq!(ask.url, "https://dbc-1.test/oidc/v1/token");
        assert_eq!(
            ask.body.expose(),
            "grant_type=client_credentials&scope=all-apis"
        );
        assert_eq!(ask.headers["authorization"], "Basic aWQ6c2VjcmV0");
    }
}
