//! A question to a token service, ready to be sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{BadCredential, Hidden};
use crate::percent;

/// A question to a token service.
#[derive(Clone, Debug)]
pub struct Ask {
    /// How it is asked.
    pub method: Method,
    /// Where it is asked; the query holds no secret.
    pub url: String,
    /// What goes with it; secrets are marked as such.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Hidden,
}

impl Ask {
    /// Asks without a body.
    pub fn plain(method: Method, url: impl Into<String>) -> Ask {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ask {
            method,
            url: url.into(),
            headers,
            body: Hidden::default(),
        }
    }

    /// Posts a form.
    pub fn form(url: impl Into<String>, fields: &[(&str, &str)]) -> Ask {
        let mut ask = Ask::plain(Method::POST, url);
        ask.body = Hidden::new(form(fields));
        ask.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        ask
    }

    /// Posts a JSON document.
    pub fn json(url: impl Into<String>, document: &serde_json::Value) -> Ask {
        let mut ask = Ask::plain(Method::POST, url);
        ask.body = Hidden::new(document.to_string());
        ask.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        ask
    }

    /// The same with a header more.
    pub fn with(
        mut self,
        name: &'static str,
        value: &str,
        what: &'static str,
    ) -> Result<Ask, BadCredential> {
        self.headers
            .insert(HeaderName::from_static(name), secret(value, what)?);
        Ok(self)
    }

    /// The same in the name of a user.
    pub fn basic(mut self, user: &str, password: &str) -> Result<Ask, BadCredential> {
        let pair = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        self.headers
            .insert(AUTHORIZATION, secret(&pair, "the client's secret")?);
        Ok(self)
    }

    /// The same with a token.
    pub fn bearer(mut self, token: &Hidden) -> Result<Ask, BadCredential> {
        self.headers.insert(AUTHORIZATION, bearer(token)?);
        Ok(self)
    }
}

/// The value of `Authorization` for a token.
pub(super) fn bearer(token: &Hidden) -> Result<HeaderValue, BadCredential> {
    secret(&format!("Bearer {}", token.expose()), "the token")
}

pub(super) fn secret(value: &str, what: &'static str) -> Result<HeaderValue, BadCredential> {
    let mut value = HeaderValue::from_str(value).map_err(|_| BadCredential::Header { what })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Fields as a form, or as a query.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        percent::segment(name, &mut out);
        out.push('=');
        percent::segment(value, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_shows_no_secret() {
        let ask = Ask::form("https://t.test/token", &[("client_secret", "p&w d=1")])
            .basic("id", "p&w")
            .unwrap();
        assert_eq!(ask.body.expose(), "client_secret=p%26w%20d%3D1");
        assert_eq!(ask.headers[AUTHORIZATION], "Basic aWQ6cCZ3");
        let shown = format!("{ask:?}");
        assert!(
            !shown.contains("p%26w") && !shown.contains("aWQ6"),
            "{shown}"
        );
    }

    #[test]
    fn a_secret_that_no_header_can_carry_is_refused_unseen() {
        let refused = Ask::plain(Method::GET, "http://t.test")
            .bearer(&Hidden::new("tok\nen"))
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the token holds a character that a header cannot carry"
        );
    }
}
