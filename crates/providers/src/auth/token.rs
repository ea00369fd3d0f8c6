//! What OAuth token services answer: a token with its lifetime, or why not.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{BadCredential, Granted, Hidden, shown};

/// A token whose lifetime nobody tells is asked for anew this soon.
const UNTOLD: Duration = Duration::from_mins(5);
/// No token is believed to last longer.
const LONGEST: Duration = Duration::from_hours(7 * 24);
/// Of what a service says about a refusal, no more than this is kept.
const WORDS_MAX: usize = 300;

const WHAT: &str = "the token service's answer";

#[derive(Deserialize)]
struct Answer {
    #[serde(default, alias = "accessToken")]
    access_token: Option<Hidden>,
    #[serde(default)]
    expires_in: Option<Value>,
    #[serde(default)]
    expires_on: Option<Value>,
    #[serde(default, rename = "expireTime")]
    expire_time: Option<String>,
}

/// The token of a successful answer. `now` is in seconds since 1970.
pub fn token(body: &[u8], now: u64) -> Result<Granted<Hidden>, BadCredential> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| BadCredential::Form {
        what: WHAT,
        expected: "a JSON object with a token",
    })?;
    let value = answer.access_token.filter(|token| !token.is_empty());
    let value = value.ok_or(BadCredential::Lacks {
        what: WHAT,
        field: "access_token",
    })?;
    let ends = answer
        .expires_on
        .and_then(|end| seconds(&end))
        .or_else(|| super::civil::parse(answer.expire_time.as_deref()?));
    let lifetime = match (answer.expires_in.and_then(|time| seconds(&time)), ends) {
        (Some(time), _) => time,
        (None, Some(end)) => end.saturating_sub(now),
        (None, None) => UNTOLD.as_secs(),
    };
    if lifetime == 0 {
        return Err(BadCredential::Expired { what: "the token" });
    }
    Ok(Granted {
        value,
        lifetime: Some(Duration::from_secs(lifetime).min(LONGEST)),
    })
}

/// Services write numbers as such or as text.
pub(super) fn seconds(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a lifetime, saturating"
)]
fn whole(seconds: f64) -> Option<u64> {
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds as u64)
}

/// What a service said when it refused, on one line; empty when it said nothing that can be read.
pub fn refusal(body: &[u8]) -> String {
    let said = json_words(body).or_else(|| super::aws::xml_words(body));
    said.map(|words| words.join(": "))
        .map_or_else(String::new, |text| {
            let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            one_line.chars().take(WORDS_MAX).collect()
        })
}

/// Where services say why.
const NAMES: [&str; 9] = [
    "error",
    "status",
    "code",
    "Code",
    "error_code",
    "error_description",
    "message",
    "Message",
    "detail",
];

fn json_words(body: &[u8]) -> Option<Vec<String>> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let inner = document.get("error").filter(|error| error.is_object());
    let object = inner.unwrap_or(&document);
    let words: Vec<String> = NAMES
        .iter()
        .filter_map(|name| object.get(name)?.as_str().map(str::to_owned))
        .filter(|word| !word.trim().is_empty())
        .collect();
    (!words.is_empty()).then_some(words)
}

/// The `type` a document names, for telling what it is.
pub(super) fn kind_of(found: Option<&str>) -> String {
    found.map_or_else(|| "unnamed".to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<(String, u64), String> {
        let granted = token(body.as_bytes(), 1000).map_err(|error| error.to_string())?;
        Ok((
            granted.value.expose().to_owned(),
            granted.lifetime.unwrap().as_secs(),
        ))
    }

    #[test]
    fn a_token_is_read_in_every_form_that_services_use() {
        for (body, seconds) in [
            (
                r#"{"access_token":"t","expires_in":3599,"token_type":"Bearer"}"#,
                3599,
            ),
            (r#"{"access_token":"t","expires_in":"3600"}"#, 3600),
            (
                r#"{"access_token":"t","expires_in":3600,"id_token":"i"}"#,
                3600,
            ),
            (r#"{"access_token":"t","expires_in":3599.9}"#, 3599),
            (r#"{"access_token":"t","expires_on":"1500"}"#, 500),
            (
                r#"{"access_token":"t","expires_in":"x","expires_on":1500}"#,
                500,
            ),
            (
                r#"{"accessToken":"t","expireTime":"1970-01-01T00:20:00Z"}"#,
                200,
            ),
            (r#"{"access_token":"t"}"#, 300),
            (r#"{"access_token":"t","expires_in":99999999}"#, 604_800),
        ] {
            assert_eq!(read(body), Ok(("t".into(), seconds)), "{body}");
        }
    }

    #[test]
    fn what_is_no_token_is_told_without_showing_it() {
        for (body, error) in [
            (
                "<html>secret</html>",
                "the token service's answer is not a JSON object with a token",
            ),
            (
                "7",
                "the token service's answer is not a JSON object with a token",
            ),
            ("{}", "the token service's answer holds no `access_token`"),
            (
                r#"{"access_token":""}"#,
                "the token service's answer holds no `access_token`",
            ),
            (
                r#"{"access_token":7}"#,
                "the token service's answer is not a JSON object with a token",
            ),
            (
                r#"{"access_token":"t","expires_in":0}"#,
                "the token has expired already",
            ),
            (
                r#"{"access_token":"t","expires_on":"999"}"#,
                "the token has expired already",
            ),
        ] {
            assert_eq!(read(body), Err(error.into()), "{body}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_services_words() {
        for (body, words) in [
            (
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: bad\r\nTrace"}"#,
                "invalid_client: AADSTS7000215: bad Trace",
            ),
            (
                r#"{"error":{"status":"PERMISSION_DENIED","code":403,"message":"no"}}"#,
                "PERMISSION_DENIED: no",
            ),
            (
                r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"no"}"#,
                "AssumeRoleUnauthorizedAccess: no",
            ),
            (
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>a &lt; b</Message></Error></ErrorResponse>",
                "AccessDenied: a < b",
            ),
            ("<html>", ""),
            ("", ""),
            ("{}", ""),
        ] {
            assert_eq!(refusal(body.as_bytes()), words, "{body}");
        }
        let long = format!(r#"{{"error":"{}"}}"#, "é".repeat(5000));
        assert_eq!(refusal(long.as_bytes()).chars().count(), WORDS_MAX);
    }

    proptest! {
        #[test]
        fn no_answer_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = token(&body, u64::MAX);
            let _ = refusal(&body);
        }

        #[test]
        fn no_odd_lifetime_panics(lifetime in r"-?[0-9]{1,25}(\.[0-9]{1,3})?(e[0-9]{1,3})?") {
            let body = format!(r#"{{"access_token":"t","expires_in":{lifetime},"expires_on":{lifetime}}}"#);
            if let Ok(granted) = token(body.as_bytes(), 5) {
                prop_assert!(granted.lifetime.is_some_and(|time| time <= LONGEST && !time.is_zero()));
            }
        }
    }
}
