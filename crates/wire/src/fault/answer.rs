//! What kind of failure a vendor's answer means: its status, and what its body says.

use super::Kind;
use crate::vendor_error::VendorError;

/// The fault that a vendor's status means, before its body has been read.
pub fn of_status(status: u16) -> Kind {
    match status {
        401 | 403 => Kind::UpstreamAuth,
        402 => Kind::UpstreamQuota,
        404 => Kind::UpstreamModelNotFound,
        408 | 504 => Kind::UpstreamTimeout,
        413 => Kind::UpstreamTooLarge,
        429 => Kind::UpstreamRateLimited,
        // Cohere and Cloudflare say 498 and 499, Anthropic 529.
        498 | 499 | 503 | 529 => Kind::UpstreamOverloaded,
        400 | 409 | 412 | 415 | 422 => Kind::UpstreamRejected,
        _ => Kind::UpstreamError,
    }
}

/// The fault that a vendor's status and body mean together.
pub fn of_answer(status: u16, error: &VendorError) -> Kind {
    let kind = of_status(status);
    match kind {
        Kind::UpstreamRejected | Kind::UpstreamTooLarge if is_too_long(error) => {
            Kind::UpstreamTooLong
        }
        Kind::UpstreamRejected if says(error, &FILTERED) => Kind::UpstreamFiltered,
        Kind::UpstreamRejected if says(error, &AGAINST_RULES) => Kind::UpstreamContentPolicy,
        Kind::UpstreamError if says(error, &CANCELLED) => Kind::UpstreamCancelled,
        // No pause brings an empty account back.
        Kind::UpstreamRateLimited if says(error, &EMPTY) => Kind::UpstreamQuota,
        Kind::UpstreamModelNotFound if !is_about_a_model(error) => Kind::UpstreamNotFound,
        kind => kind,
    }
}

/// Codes of requests that a vendor's own filter has stopped.
const FILTERED: [&str; 2] = ["content_filter", "ResponsibleAIPolicyViolation"];

/// Codes of requests that are against a vendor's rules.
const AGAINST_RULES: [&str; 1] = ["content_policy_violation"];

/// Codes of work that was given up.
const CANCELLED: [&str; 1] = ["upstream_cancelled"];

/// Codes of accounts without credit.
const EMPTY: [&str; 2] = ["insufficient_quota", "billing_hard_limit_reached"];

/// Codes of conversations that are too long.
const TOO_LONG: [&str; 4] = [
    "context_length_exceeded",
    "context_window_exceeded",
    "exceed_context_size_error",
    "string_above_max_length",
];

/// Words of vendors that have no code for it, in lower case.
const TOO_LONG_WORDS: [&str; 13] = [
    "maximum context length",
    "context length exceeded",
    "exceeds the context length",
    "exceeds the model's context",
    "exceeds the model's maximum context",
    "exceeds the available context size",
    "exceed context limit",
    "exceeds the context window",
    "prompt is too long",
    "input is too long",
    "too many total text bytes",
    "reduce the length of the messages",
    "too many tokens",
];

/// What a model is called by those who do not know it.
const MODEL_WORDS: [&str; 5] = ["model", "deployment", "endpoint", "engine", "profile"];

/// Cloudflare's codes for the same.
const MODEL_CODES: [&str; 3] = ["3042", "5007", "7003"];

fn says(error: &VendorError, codes: &[&str]) -> bool {
    let said = [error.code.as_deref(), error.kind.as_deref()];
    said.into_iter().flatten().any(|said| codes.contains(&said))
}

fn is_too_long(error: &VendorError) -> bool {
    says(error, &TOO_LONG) || has_one_of(error.message.as_deref(), &TOO_LONG_WORDS)
}

fn is_about_a_model(error: &VendorError) -> bool {
    let texts = [&error.message, &error.code, &error.kind, &error.param];
    let mut texts = texts.into_iter();
    says(error, &MODEL_CODES) || texts.any(|text| has_one_of(text.as_deref(), &MODEL_WORDS))
}

fn has_one_of(text: Option<&str>, words: &[&str]) -> bool {
    let text = text.map(str::to_ascii_lowercase);
    text.is_some_and(|text| words.iter().any(|word| text.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Again;
    use crate::{anthropic, cohere, converse, gemini, ollama, vendor_error};

    type Read = fn(&[u8]) -> Option<VendorError>;

    const OPENAI: Read = vendor_error::read;
    const ANTHROPIC: Read = anthropic::read_error;
    const GEMINI: Read = gemini::read_error;
    const BEDROCK: Read = |body| converse::read_error(None, body);
    const COHERE: Read = cohere::read_error;
    const OLLAMA: Read = ollama::read_error;

    /// What vendors say, each in its own words: status and body, and what the client is told.
    #[test]
    #[rustfmt::skip]
    fn t13_every_vendors_refusal_has_its_kind() {
        for (read, status, body, kind) in [
            (OPENAI, 400, r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#, Kind::UpstreamTooLong),
            (OPENAI, 400, r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#, Kind::UpstreamTooLong),
            (OPENAI, 400, r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}"#, Kind::UpstreamTooLong),
            (OPENAI, 413, r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","code":"context_length_exceeded"}}"#, Kind::UpstreamTooLong),
            (OPENAI, 413, "<html>too large</html>", Kind::UpstreamTooLarge),
            (OPENAI, 400, r#"{"error":{"code":"content_filter","message":"The response was filtered","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#, Kind::UpstreamFiltered),
            (OPENAI, 400, r#"{"error":{"message":"unknown field","type":"invalid_request_error"}}"#, Kind::UpstreamRejected),
            (OPENAI, 422, r#"{"detail":[{"loc":["body","n"],"msg":"n must be 1","type":"value_error"}]}"#, Kind::UpstreamRejected),
            (OPENAI, 402, r#"{"error":{"message":"Insufficient Balance"}}"#, Kind::UpstreamQuota),
            (OPENAI, 429, r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#, Kind::UpstreamQuota),
            (OPENAI, 429, r#"{"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}"#, Kind::UpstreamRateLimited),
            (OPENAI, 404, r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#, Kind::UpstreamModelNotFound),
            (OPENAI, 404, r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#, Kind::UpstreamModelNotFound),
            (OPENAI, 404, r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"The given endpoint does not exist"}"#, Kind::UpstreamModelNotFound),
            (OPENAI, 404, r#"{"detail":"Not Found"}"#, Kind::UpstreamNotFound),
            (OPENAI, 404, "<html>nginx</html>", Kind::UpstreamNotFound),
            (OPENAI, 503, r#"{"error_code":"TEMPORARILY_UNAVAILABLE","message":"scaling up"}"#, Kind::UpstreamOverloaded),
            (OPENAI, 503, "", Kind::UpstreamOverloaded),
            (OPENAI, 498, r#"{"error":{"message":"capacity"}}"#, Kind::UpstreamOverloaded),
            (OPENAI, 500, r#"{"error":"#, Kind::UpstreamError),
            (ANTHROPIC, 529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, Kind::UpstreamOverloaded),
            (ANTHROPIC, 413, r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#, Kind::UpstreamTooLarge),
            (ANTHROPIC, 400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#, Kind::UpstreamTooLong),
            (ANTHROPIC, 400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"}}"#, Kind::UpstreamTooLong),
            (ANTHROPIC, 404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#, Kind::UpstreamModelNotFound),
            (ANTHROPIC, 402, r#"{"type":"error","error":{"type":"billing_error","message":"no"}}"#, Kind::UpstreamQuota),
            (ANTHROPIC, 500, r#"{"type":"error","error":{"type":"api_error","message":"no"}}"#, Kind::UpstreamError),
            (ANTHROPIC, 504, r#"{"type":"error","error":{"type":"timeout_error","message":"no"}}"#, Kind::UpstreamTimeout),
            (GEMINI, 400, r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}"#, Kind::UpstreamTooLong),
            (GEMINI, 400, r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#, Kind::UpstreamAuth),
            (GEMINI, 503, r#"[{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}]"#, Kind::UpstreamOverloaded),
            (GEMINI, 504, r#"{"error":{"code":504,"message":"x","status":"DEADLINE_EXCEEDED"}}"#, Kind::UpstreamTimeout),
            (GEMINI, 404, r#"{"error":{"code":404,"message":"models/x is not found for API version v1beta","status":"NOT_FOUND"}}"#, Kind::UpstreamModelNotFound),
            (BEDROCK, 400, r#"{"__type":"com.amazon#ValidationException","message":"Input is too long for requested model."}"#, Kind::UpstreamTooLong),
            (BEDROCK, 408, r#"{"__type":"ModelTimeoutException","message":"timed out"}"#, Kind::UpstreamTimeout),
            (BEDROCK, 424, r#"{"__type":"ModelErrorException","message":"broke"}"#, Kind::UpstreamError),
            (BEDROCK, 429, r#"{"__type":"ModelNotReadyException","message":"warming up"}"#, Kind::UpstreamRateLimited),
            (BEDROCK, 429, r#"{"__type":"ThrottlingException","Message":"slow"}"#, Kind::UpstreamRateLimited),
            (BEDROCK, 503, r#"{"__type":"ServiceUnavailableException","message":"busy"}"#, Kind::UpstreamOverloaded),
            (BEDROCK, 403, r#"{"__type":"AccessDeniedException","Message":"not enabled"}"#, Kind::UpstreamAuth),
            (BEDROCK, 404, r#"{"__type":"ResourceNotFoundException","message":"Could not resolve the foundation model"}"#, Kind::UpstreamModelNotFound),
            (COHERE, 400, r#"{"message":"too many tokens: total number of tokens in the prompt cannot exceed 128000"}"#, Kind::UpstreamTooLong),
            (COHERE, 498, r#"{"message":"blocked"}"#, Kind::UpstreamOverloaded),
            (COHERE, 404, r#"{"message":"model 'x' not found"}"#, Kind::UpstreamModelNotFound),
            (OLLAMA, 404, r#"{"error":"model 'x' not found"}"#, Kind::UpstreamModelNotFound),
            (OLLAMA, 503, r#"{"error":"server busy, please try again"}"#, Kind::UpstreamOverloaded),
        ] {
            let error = read(body.as_bytes()).unwrap_or_default();
            // A head may be vague where the body is not.
            let status = error.status.filter(|_| status == 400).unwrap_or(status);
            assert_eq!(of_answer(status, &error), kind, "{status} {body}");
        }
    }

    /// A longer context or a larger bound may be elsewhere; the same target would say the same.
    #[test]
    fn what_is_too_long_or_too_large_may_be_mended_by_another_target_alone() {
        for kind in [Kind::UpstreamTooLong, Kind::UpstreamTooLarge] {
            assert_eq!(kind.row().again, Again::NextTarget, "{kind:?}");
        }
        for kind in [Kind::UpstreamRejected, Kind::UpstreamFiltered] {
            assert_eq!(kind.row().again, Again::Never, "{kind:?}");
        }
        assert_eq!(Kind::UpstreamOverloaded.row().again, Again::SameTarget);
    }
}
