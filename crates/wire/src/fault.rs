//! The one error of a call: what happened, whose fault it is, and whether another try could mend it.
//!
//! Status, type, code, metric label and the default text all follow from [`Kind`] through one table.
//! Nothing else in the gateway may decide any of them.

mod answer;

use std::borrow::Cow;
use std::time::Duration;

pub use answer::{of_answer, of_status};

/// Who has to change something so that the next call succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// The caller: the request itself is wrong.
    Client,
    /// The operator's rules: keys, scopes, limits.
    Policy,
    /// The gateway itself.
    Gateway,
    /// The vendor, or the way to it.
    Upstream,
}

/// Whether the same call may be tried again, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Again {
    /// No other try can help.
    Never,
    /// The same target may succeed in a moment, or another one.
    SameTarget,
    /// Only another target may succeed.
    NextTarget,
}

/// Against what a failure counts when calls are kept from those that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Nothing: the caller is at fault, or nobody.
    Nobody,
    /// The pace: the target is well, but wants fewer calls for a while.
    Pace,
    /// The credential that was used.
    Key,
    /// The target with this model.
    Model,
    /// The target, whatever the model.
    Target,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The body or a field of it is wrong.
    InvalidRequest,
    /// The vendor cannot express a parameter and the operator chose to refuse it.
    UnsupportedParameter,
    /// The body is encoded in a way the gateway does not read.
    UnsupportedEncoding,
    /// The path could reach a place other than the one it names.
    InvalidPath,
    /// No such route.
    NotFound,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The method is not one of HTTP's.
    MethodUnknown,
    /// The body is over its bound.
    RequestTooLarge,
    /// The body did not arrive in time.
    RequestTimeout,
    /// No target serves the model.
    ModelNotFound,
    /// The client went away before the answer was complete.
    ClientGone,
    /// No credential was sent.
    MissingKey,
    /// The credential is unknown, disabled or expired.
    InvalidKey,
    /// The credential is known but may not do this.
    InsufficientScope,
    /// The credential may not use this model.
    ModelNotAllowed,
    /// The caller's address sent too many requests without a valid credential.
    RateLimited,
    /// A defect of the gateway.
    Internal,
    /// The operator's own deadline for a call passed.
    GatewayTimeout,
    /// The vendor refused the operator's credential.
    UpstreamAuth,
    /// The vendor's account has no credit left.
    UpstreamQuota,
    /// The vendor limits the operator's rate.
    UpstreamRateLimited,
    /// The vendor does not know the model.
    UpstreamModelNotFound,
    /// The vendor found the request wrong; the client sees its status and text.
    UpstreamRejected,
    /// The vendor said that it ran out of time.
    UpstreamTimeout,
    /// The vendor did not begin or continue its answer in time.
    UpstreamSilent,
    /// The vendor could not be reached.
    UpstreamUnreachable,
    /// The vendor failed.
    UpstreamError,
    /// The vendor's answer breaks its own contract.
    UpstreamInvalid,
    /// The vendor's answer ended before it was complete.
    UpstreamCut,
    /// The target has as many calls as it may have, and no room for one that waits.
    ProviderSaturated,
    /// Targets that fail are kept from calls for a while, and there is no other.
    UpstreamUnavailable,
    /// The vendor gave up its work before the end, or was told to.
    UpstreamCancelled,
    /// The vendor found that the request, or the answer to it, is against its rules.
    UpstreamContentPolicy,
    /// A file that the request names by URL is not fetched, and the vendor takes no URL.
    MediaNotFetched,
    /// The conversation is longer than the model can read.
    UpstreamTooLong,
    /// The request is larger than the vendor accepts.
    UpstreamTooLarge,
    /// The vendor's own filter stopped the request.
    UpstreamFiltered,
    /// The vendor has more calls than it can answer.
    UpstreamOverloaded,
    /// The vendor has nothing at the address, and says nothing of the model.
    UpstreamNotFound,
}

/// What follows from a [`Kind`].
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The kind this row is for; its position in [`ROWS`] is the kind's number.
    pub kind: Kind,
    /// HTTP status towards the client.
    pub status: u16,
    /// `error.type`.
    pub error_type: &'static str,
    /// `error.code`.
    pub code: &'static str,
    /// Who has to act.
    pub whose: Whose,
    /// Whether to try again.
    pub again: Again,
    /// Against what it counts.
    pub blame: Blame,
    /// How much it tells a caller whose call failed at several targets in several ways.
    pub tells: u8,
    /// `error_type` label of the provider error metric.
    pub label: &'static str,
    /// What the client reads when nothing better may be said.
    pub text: &'static str,
}

const fn row(
    kind: Kind,
    status: u16,
    (error_type, code): (&'static str, &'static str),
    (whose, again, blame, tells): Consequences,
    label: &'static str,
    text: &'static str,
) -> Row {
    Row {
        kind,
        status,
        error_type,
        code,
        whose,
        again,
        blame,
        tells,
        label,
        text,
    }
}

const INVALID: &str = "invalid_request_error";
const AUTH: &str = "authentication_error";
const PERMISSION: &str = "permission_error";
const RATE: &str = "rate_limit_error";
const SERVER: &str = "server_error";
const UPSTREAM: &str = "upstream_error";

type Consequences = (Whose, Again, Blame, u8);

const CLIENT: Consequences = (Whose::Client, Again::Never, Blame::Nobody, 9);
/// The request is wrong for this target, and may be right for another.
const TOO_MUCH: Consequences = (Whose::Client, Again::NextTarget, Blame::Nobody, 9);
const ELSEWHERE: Consequences = (Whose::Client, Again::NextTarget, Blame::Nobody, 3);
const POLICY: Consequences = (Whose::Policy, Again::Never, Blame::Nobody, 9);
const GATEWAY: Consequences = (Whose::Gateway, Again::Never, Blame::Nobody, 9);
const DEADLINE: Consequences = (Whose::Upstream, Again::Never, Blame::Model, 9);
const PACE: Consequences = (Whose::Upstream, Again::SameTarget, Blame::Pace, 8);
const FULL: Consequences = (Whose::Policy, Again::NextTarget, Blame::Nobody, 7);
const SLOW: Consequences = (Whose::Upstream, Again::SameTarget, Blame::Model, 6);
const SILENT: Consequences = (Whose::Upstream, Again::NextTarget, Blame::Model, 6);
const FAILED: Consequences = (Whose::Upstream, Again::SameTarget, Blame::Model, 5);
const UNREACHED: Consequences = (Whose::Upstream, Again::SameTarget, Blame::Target, 5);
const NONSENSE: Consequences = (Whose::Upstream, Again::NextTarget, Blame::Model, 5);
const CREDENTIAL: Consequences = (Whose::Upstream, Again::NextTarget, Blame::Key, 4);
const BARRED: Consequences = (Whose::Upstream, Again::NextTarget, Blame::Nobody, 2);
const MISPLACED: Consequences = (Whose::Upstream, Again::NextTarget, Blame::Nobody, 2);
const NOT_THERE: Consequences = (Whose::Upstream, Again::NextTarget, Blame::Nobody, 1);

/// The whole table, in the order of [`Kind`].
#[rustfmt::skip]
pub static ROWS: [Row; 39] = [
    row(Kind::InvalidRequest, 400, (INVALID, "invalid_request"), CLIENT, "client_error", "the request is not valid"),
    row(Kind::UnsupportedParameter, 400, (INVALID, "unsupported_parameter"), CLIENT, "client_error", "the provider cannot express a parameter of this request"),
    row(Kind::UnsupportedEncoding, 415, (INVALID, "unsupported_content_encoding"), CLIENT, "client_error", "send the body without a content encoding"),
    row(Kind::InvalidPath, 400, (INVALID, "invalid_proxy_path"), CLIENT, "client_error", "the path is malformed or leaves its own root"),
    row(Kind::NotFound, 404, (INVALID, "not_found"), CLIENT, "client_error", "there is nothing at this path"),
    row(Kind::MethodNotAllowed, 405, (INVALID, "method_not_supported"), CLIENT, "client_error", "this path does not take that method"),
    row(Kind::MethodUnknown, 501, (INVALID, "method_not_supported"), CLIENT, "client_error", "the method is not one of HTTP's"),
    row(Kind::RequestTooLarge, 413, (INVALID, "request_too_large"), CLIENT, "client_error", "the request body is larger than this gateway accepts"),
    row(Kind::RequestTimeout, 408, (INVALID, "request_timeout"), CLIENT, "client_error", "the request body did not arrive in time"),
    row(Kind::ModelNotFound, 404, (INVALID, "model_not_found"), CLIENT, "no_target", "no target on this gateway serves that model"),
    row(Kind::ClientGone, 499, (INVALID, "client_closed_request"), CLIENT, "client_canceled", "the client closed the connection"),
    row(Kind::MissingKey, 401, (AUTH, "missing_api_key"), POLICY, "denied", "send an API key: `Authorization: Bearer <key>`, `x-api-key` or `api-key`"),
    row(Kind::InvalidKey, 401, (AUTH, "invalid_api_key"), POLICY, "denied", "the API key is unknown, disabled or expired"),
    row(Kind::InsufficientScope, 403, (PERMISSION, "insufficient_scope"), POLICY, "denied", "the API key may not do this"),
    row(Kind::ModelNotAllowed, 403, (PERMISSION, "model_not_allowed"), POLICY, "denied", "the API key may not use this model"),
    row(Kind::RateLimited, 429, (RATE, "rate_limit_exceeded"), POLICY, "denied", "too many requests from this address; slow down or send a valid API key"),
    row(Kind::Internal, 500, (SERVER, "internal_error"), GATEWAY, "internal", "the gateway failed; the request id finds the cause in its log"),
    row(Kind::GatewayTimeout, 504, (UPSTREAM, "gateway_timeout"), DEADLINE, "timeout", "the call took longer than this gateway allows"),
    row(Kind::UpstreamAuth, 502, (UPSTREAM, "upstream_auth_error"), CREDENTIAL, "provider_error", "the provider refused the gateway's own credential"),
    row(Kind::UpstreamQuota, 502, (UPSTREAM, "upstream_billing"), CREDENTIAL, "provider_error", "the gateway's account at the provider has no credit left"),
    row(Kind::UpstreamRateLimited, 429, (RATE, "rate_limit_exceeded"), PACE, "provider_error", "the provider limits the gateway's request rate"),
    row(Kind::UpstreamModelNotFound, 404, (INVALID, "model_not_found"), NOT_THERE, "provider_error", "the provider does not offer that model"),
    row(Kind::UpstreamRejected, 400, (INVALID, "invalid_request"), CLIENT, "client_error", "the provider found the request wrong"),
    row(Kind::UpstreamTimeout, 504, (UPSTREAM, "upstream_timeout"), SLOW, "timeout", "the provider ran out of time"),
    row(Kind::UpstreamSilent, 504, (UPSTREAM, "gateway_timeout"), SILENT, "timeout", "the provider did not answer in time"),
    row(Kind::UpstreamUnreachable, 502, (UPSTREAM, "upstream_error"), UNREACHED, "provider_error", "the provider could not be reached"),
    row(Kind::UpstreamError, 502, (UPSTREAM, "upstream_error"), FAILED, "provider_error", "the provider failed"),
    row(Kind::UpstreamInvalid, 502, (UPSTREAM, "upstream_error"), NONSENSE, "provider_error", "the provider sent an answer that is not valid"),
    row(Kind::UpstreamCut, 502, (UPSTREAM, "upstream_error"), FAILED, "provider_error", "the provider's answer ended before it was complete"),
    row(Kind::ProviderSaturated, 429, (RATE, "provider_saturated"), FULL, "saturated", "the provider has as many calls from this gateway as it may have; try again in a moment"),
    row(Kind::UpstreamUnavailable, 503, (UPSTREAM, "upstream_unavailable"), BARRED, "circuit_open", "the providers of this model fail and are left alone for a while"),
    row(Kind::UpstreamCancelled, 502, (UPSTREAM, "upstream_cancelled"), FAILED, "provider_error", "the provider gave up before the answer was complete"),
    row(Kind::UpstreamContentPolicy, 400, (INVALID, "content_policy_violation"), CLIENT, "client_error", "the provider's rules do not allow this request"),
    row(Kind::MediaNotFetched, 400, (INVALID, "media_not_fetched"), ELSEWHERE, "client_error", "a file that the request names cannot be fetched"),
    row(Kind::UpstreamTooLong, 400, (INVALID, "context_length_exceeded"), TOO_MUCH, "client_error", "the conversation is longer than the model can read"),
    row(Kind::UpstreamTooLarge, 413, (INVALID, "request_too_large"), TOO_MUCH, "client_error", "the request is larger than the provider accepts"),
    row(Kind::UpstreamFiltered, 400, (INVALID, "content_filter"), CLIENT, "client_error", "the provider's content filter stopped the request"),
    row(Kind::UpstreamOverloaded, 503, (UPSTREAM, "upstream_overloaded"), FAILED, "provider_error", "the provider has more calls than it can answer"),
    row(Kind::UpstreamNotFound, 502, (UPSTREAM, "upstream_error"), MISPLACED, "provider_error", "the provider has nothing at the address that is configured for it"),
];

impl Kind {
    /// What follows from this kind.
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}

/// Why a call did not succeed.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What happened.
    pub kind: Kind,
    /// What the client may read.
    pub message: Cow<'static, str>,
    /// The field of the request that is wrong.
    pub param: Option<Box<str>>,
    /// What the operator reads in the log; may hold a vendor's own words.
    pub cause: Option<Box<str>>,
    /// When another try makes sense.
    pub retry_after: Option<Duration>,
    /// The vendor's own status, when it gave one.
    pub upstream_status: Option<u16>,
    /// Whether the vendor's answer had begun, or might have: what it did is then done.
    pub answered: bool,
    /// The methods that the path does take.
    pub allow: Option<&'static str>,
    /// Every try of the call, for callers who may know.
    pub tries: Option<Box<[Try]>>,
}

/// One try of a call, as a caller who may know it is told of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Try {
    /// The target's name.
    pub target: Box<str>,
    /// Its vendor.
    pub provider: Box<str>,
    /// The vendor's status, when it gave one.
    pub status: Option<u16>,
    /// The code of what went wrong.
    pub error: &'static str,
    /// What went wrong, in words.
    pub cause: Box<str>,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

impl Fault {
    /// A fault with the kind's own text.
    pub fn new(kind: Kind) -> Fault {
        Fault {
            kind,
            message: Cow::Borrowed(kind.row().text),
            param: None,
            cause: None,
            retry_after: None,
            upstream_status: None,
            answered: false,
            allow: None,
            tries: None,
        }
    }

    /// A wrong request: what is wrong, and where.
    pub fn invalid(message: impl Into<Cow<'static, str>>, param: Option<&str>) -> Fault {
        let mut fault = Fault::new(Kind::InvalidRequest).saying(message);
        fault.param = param.map(Into::into);
        fault
    }

    /// The same fault with a better text for the client.
    pub fn saying(mut self, message: impl Into<Cow<'static, str>>) -> Fault {
        self.message = message.into();
        self
    }

    /// The same fault with a cause for the log.
    pub fn because(mut self, cause: impl Into<String>) -> Fault {
        self.cause = Some(cause.into().into_boxed_str());
        self
    }

    /// The same fault with its texts as `scrub` leaves them.
    pub fn scrubbed(mut self, scrub: impl Fn(&str) -> Cow<'_, str>) -> Fault {
        if let Cow::Owned(clean) = scrub(&self.message) {
            self.message = Cow::Owned(clean);
        }
        if let Some(param) = self.param.take() {
            self.param = Some(scrub(&param).into_owned().into_boxed_str());
        }
        if let Some(cause) = self.cause.take() {
            self.cause = Some(scrub(&cause).into_owned().into_boxed_str());
        }
        self
    }

    /// The status towards the client.
    pub fn status(&self) -> u16 {
        match (self.kind, self.upstream_status) {
            (Kind::UpstreamRejected, Some(status)) => status,
            _ => self.kind.row().status,
        }
    }

    /// Who has to act.
    pub fn whose(&self) -> Whose {
        self.kind.row().whose
    }

    /// Whether to try again, and where.
    pub fn again(&self) -> Again {
        self.kind.row().again
    }

    /// Against what it counts. A status of the 4xx family that nobody knows is the caller's; a
    /// credential that could not be had is nobody's, for the vendor was not asked.
    pub fn blame(&self) -> Blame {
        match (self.kind, self.upstream_status) {
            // Bedrock's word for a model that broke.
            (Kind::UpstreamError, Some(424)) => self.kind.row().blame,
            (Kind::UpstreamError, Some(400..=499)) | (Kind::UpstreamAuth, None) => Blame::Nobody,
            _ => self.kind.row().blame,
        }
    }

    /// The one of two that tells the caller more; of equals the later.
    pub fn or_later(self, later: Fault) -> Fault {
        if self.kind.row().tells > later.kind.row().tells {
            self
        } else {
            later
        }
    }

    /// Seconds for `Retry-After`: the vendor's hint, or 1 for a 429 without one.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self.retry_after {
            Some(wait) => Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
            None if self.status() == 429 => Some(1),
            None => None,
        }
    }

    /// The error object as the body of an answer.
    pub fn body(&self) -> Vec<u8> {
        let row = self.kind.row();
        self.render(row.error_type, row.code)
    }

    /// The error object as an event inside a stream that has already begun.
    pub fn event(&self) -> Vec<u8> {
        let (error_type, code) = match self.kind {
            Kind::UpstreamSilent | Kind::GatewayTimeout => ("timeout_error", "stream_timeout"),
            // Clients wait and try again by these words.
            Kind::UpstreamRateLimited => {
                let row = self.kind.row();
                (row.error_type, row.code)
            }
            _ => ("stream_error", "stream_error"),
        };
        self.render(error_type, code)
    }

    fn render(&self, error_type: &str, code: &str) -> Vec<u8> {
        #[derive(serde::Serialize)]
        struct Body<'a> {
            error: Error<'a>,
        }
        #[derive(serde::Serialize)]
        struct Error<'a> {
            message: &'a str,
            r#type: &'a str,
            code: &'a str,
            param: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            attempts: Option<&'a [Try]>,
        }
        let error = Error {
            message: &self.message,
            r#type: error_type,
            code,
            param: self.param.as_deref(),
            attempts: self.tries.as_deref(),
        };
        // Strings and options of strings always serialise.
        serde_json::to_vec(&Body { error }).unwrap_or_default()
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.cause {
            Some(cause) if **cause != *self.message => write!(f, ": {cause}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_its_kinds_number() {
        for (number, row) in ROWS.iter().enumerate() {
            assert_eq!(row.kind as usize, number, "{:?}", row.kind);
        }
        assert_eq!(Kind::UpstreamNotFound as usize + 1, ROWS.len());
    }

    #[test]
    fn a_vendors_status_becomes_the_documented_answer() {
        for (upstream, status, error_type, code) in [
            (400, 400, "invalid_request_error", "invalid_request"),
            (401, 502, "upstream_error", "upstream_auth_error"),
            (402, 502, "upstream_error", "upstream_billing"),
            (403, 502, "upstream_error", "upstream_auth_error"),
            (404, 404, "invalid_request_error", "model_not_found"),
            (408, 504, "upstream_error", "upstream_timeout"),
            (413, 413, "invalid_request_error", "request_too_large"),
            (422, 422, "invalid_request_error", "invalid_request"),
            (429, 429, "rate_limit_error", "rate_limit_exceeded"),
            (302, 502, "upstream_error", "upstream_error"),
            (500, 502, "upstream_error", "upstream_error"),
            (424, 502, "upstream_error", "upstream_error"),
            (498, 503, "upstream_error", "upstream_overloaded"),
            (503, 503, "upstream_error", "upstream_overloaded"),
            (529, 503, "upstream_error", "upstream_overloaded"),
            (504, 504, "upstream_error", "upstream_timeout"),
        ] {
            let mut fault = Fault::new(of_status(upstream));
            fault.upstream_status = Some(upstream);
            let row = fault.kind.row();
            assert_eq!(
                (fault.status(), row.error_type, row.code),
                (status, error_type, code),
                "upstream {upstream}"
            );
        }
    }

    /// Z1: what a caller does wrong says nothing about the target.
    #[test]
    fn z1_only_what_is_the_targets_counts_against_it() {
        for (upstream, blame) in [
            (400, Blame::Nobody),
            (404, Blame::Nobody),
            (409, Blame::Nobody),
            (413, Blame::Nobody),
            (418, Blame::Nobody),
            (424, Blame::Model),
            (422, Blame::Nobody),
            (429, Blame::Pace),
            (401, Blame::Key),
            (402, Blame::Key),
            (403, Blame::Key),
            (302, Blame::Model),
            (408, Blame::Model),
            (500, Blame::Model),
            (503, Blame::Model),
            (529, Blame::Model),
            (504, Blame::Model),
        ] {
            let mut fault = Fault::new(of_status(upstream));
            fault.upstream_status = Some(upstream);
            assert_eq!(fault.blame(), blame, "upstream {upstream}");
        }
        assert_eq!(Fault::new(Kind::UpstreamUnreachable).blame(), Blame::Target);
        assert_eq!(Fault::new(Kind::ClientGone).blame(), Blame::Nobody);
        assert_eq!(Fault::new(Kind::UpstreamAuth).blame(), Blame::Nobody);
        assert_eq!(Fault::new(Kind::ProviderSaturated).blame(), Blame::Nobody);
        let deadline = Fault::new(Kind::GatewayTimeout);
        assert_eq!(deadline.blame(), Blame::Model, "case 20");
    }

    /// Z19: not the last error decides, but the one that helps most.
    #[test]
    fn z19_of_several_faults_the_most_telling_one_is_told() {
        use Kind::{
            ProviderSaturated, UpstreamAuth, UpstreamError, UpstreamModelNotFound,
            UpstreamRateLimited, UpstreamSilent, UpstreamUnavailable,
        };
        for (first, second, told) in [
            (UpstreamRateLimited, UpstreamError, UpstreamRateLimited),
            (UpstreamError, UpstreamRateLimited, UpstreamRateLimited),
            (UpstreamError, UpstreamUnavailable, UpstreamError),
            (UpstreamUnavailable, UpstreamError, UpstreamError),
            (UpstreamModelNotFound, UpstreamError, UpstreamError),
            (UpstreamError, UpstreamModelNotFound, UpstreamError),
            (UpstreamAuth, UpstreamSilent, UpstreamSilent),
            (ProviderSaturated, UpstreamError, ProviderSaturated),
            (
                UpstreamUnavailable,
                UpstreamModelNotFound,
                UpstreamUnavailable,
            ),
        ] {
            let kept = Fault::new(first).or_later(Fault::new(second));
            assert_eq!(kept.kind, told, "{first:?}, then {second:?}");
        }
    }

    #[test]
    fn tries_are_told_only_where_they_were_added() {
        let mut fault = Fault::new(Kind::UpstreamError);
        let body: serde_json::Value = serde_json::from_slice(&fault.body()).unwrap();
        assert_eq!(body["error"].get("attempts"), None);
        fault.tries = Some(Box::new([Try {
            target: "a".into(),
            provider: "acme".into(),
            status: Some(503),
            error: "upstream_error",
            cause: "closed".into(),
            ms: 7,
        }]));
        let body: serde_json::Value = serde_json::from_slice(&fault.body()).unwrap();
        assert_eq!(body["error"]["attempts"][0]["status"], 503);
    }

    #[test]
    fn only_a_rate_limit_without_a_hint_waits_one_second() {
        let mut fault = Fault::new(Kind::UpstreamRateLimited);
        assert_eq!(fault.retry_after_seconds(), Some(1));
        fault.retry_after = Some(Duration::from_millis(6001));
        assert_eq!(fault.retry_after_seconds(), Some(7));
        assert_eq!(Fault::new(Kind::UpstreamError).retry_after_seconds(), None);
    }

    #[test]
    fn the_body_is_the_documented_envelope() {
        let fault = Fault::invalid("`messages` is \"missing\"", Some("messages"));
        let body: serde_json::Value = serde_json::from_slice(&fault.body()).unwrap();
        assert_eq!(body["error"]["message"], "`messages` is \"missing\"");
        assert_eq!(body["error"]["param"], "messages");
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }
}
