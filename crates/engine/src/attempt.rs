//! One try at one target: encode, send, read the head, then the whole or the first of a stream.

use std::borrow::Cow;
use std::future::Future;
use std::pin::pin;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::Full;
use providers::{ChatPlan, OnUnsupported, Refused, Rewrite};
use telemetry::Redactor;
use tokio::time::{Instant, timeout_at};
use wire::chat;
use wire::fault::{Fault, Kind};
use wire::usage::Usage;

use crate::body::collect;
use crate::directory::Candidate;
use crate::gateway::Call;
use crate::receipt::Receipt;
use crate::relay::{Relay, StreamRules};
use crate::reply::{Content, Reply, Stream};
use crate::upstream::{SendError, Upstream, VendorBody};
use crate::vendor;

/// Of a vendor's error body no more than this is read.
const ERROR_BODY_MAX: usize = 256 * 1024;

const PROVIDER: HeaderName = HeaderName::from_static("x-gateway-provider");
const TARGET: HeaderName = HeaderName::from_static("x-gateway-target");
const MODEL: HeaderName = HeaderName::from_static("x-gateway-model");
const DROPPED: HeaderName = HeaderName::from_static("x-gateway-dropped-params");
const VENDOR_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");

/// What the client may see of a vendor's headers: its limits and its timings, never its session.
const RELAYED: [&str; 6] = [
    "x-ratelimit-",
    "ratelimit-",
    "anthropic-ratelimit-",
    "openai-processing-ms",
    "openai-version",
    "x-should-retry",
];

/// What the client may tell the vendor in headers.
const FORWARDED: [&str; 2] = ["openai-beta", "idempotency-key"];

/// What came of an exchange that went well.
enum Received {
    /// A whole answer.
    Whole(Parts, Bytes),
    /// A stream whose first content is there.
    Stream(Parts, Box<Relay<VendorBody>>),
}

/// One try.
pub(crate) struct Attempt<'a> {
    pub upstream: &'a Upstream,
    pub call: &'a Call,
    pub candidate: &'a Candidate,
    pub streamed: bool,
    /// Chooses among the target's keys.
    pub pick: u64,
    /// The end of the operator's patience with the call.
    pub deadline: Option<Instant>,
}

impl Attempt<'_> {
    /// Makes the try; what it waited for goes onto the receipt.
    pub(crate) async fn run(&self, receipt: &mut Receipt) -> Result<Reply, Fault> {
        let encoded = self.encode()?;
        let target = &self.candidate.target;
        let prompt = encoded.body.len() as u64 / 4;
        let mut request = target
            .chat_request(&self.candidate.model, encoded.body, self.pick)
            .map_err(|error| Fault::invalid(error.to_string(), Some("model")))?;
        forward(&self.call.headers, request.headers_mut());

        let begun = Instant::now();
        let end = target.patience.total.map(|total| begun + total);
        // What it cost if the client leaves before there is an answer to count.
        receipt.note(|notes| notes.usage = Some(estimate(prompt, 0)));
        // Pinned here, so that a pointer is moved and not the whole exchange.
        let received = self
            .bounded(
                end,
                pin!(self.exchange(request, encoded.asked_usage, end, receipt)),
            )
            .await;
        receipt.note(|notes| {
            notes.upstream_wait += begun.elapsed();
            (notes.dropped, notes.ignored) = (encoded.dropped, encoded.ignored);
            notes.usage = None;
        });
        let answer = received.and_then(|received| match received {
            Received::Whole(head, body) => self.read_whole(&head, body, prompt, receipt),
            Received::Stream(head, relay) => Ok(self.read_stream(&head, relay, prompt)),
        });
        match answer {
            Ok(mut reply) => {
                let dropped = receipt.notes().map_or(&[][..], |notes| &notes.dropped);
                self.name(&mut reply.headers, dropped);
                Ok(reply)
            }
            Err(fault) => {
                receipt.note(|notes| self.name(&mut notes.headers, &notes.dropped));
                Err(fault)
            }
        }
    }

    /// Sends, and waits for all that has to be there before the client may see anything.
    async fn exchange(
        &self,
        request: http::Request<Full<Bytes>>,
        hide_usage: bool,
        end: Option<Instant>,
        receipt: &mut Receipt,
    ) -> Result<Received, Fault> {
        let answer = self.send(request).await?;
        if !answer.status().is_success() {
            return Err(self.refused(answer, receipt).await);
        }
        let (head, body) = answer.into_parts();
        let idle = self.candidate.target.patience.idle;
        if !self.streamed {
            let limit =
                usize::try_from(self.call.snapshot.config.max_response_bytes).unwrap_or(usize::MAX);
            return Ok(Received::Whole(head, collect(body, limit, idle).await?));
        }
        if let Some(other) = not_a_stream(&head.headers) {
            let body = collect(body, ERROR_BODY_MAX, idle)
                .await
                .unwrap_or_default();
            return Err(match wire::vendor_error::read(&body) {
                Some(error) => vendor::fault_of_error(
                    &error,
                    vendor::retry_after(&head.headers, SystemTime::now()),
                    &self.call.snapshot.redactor,
                ),
                None => Fault::new(Kind::UpstreamInvalid)
                    .because(format!("the answer to a stream is {other}")),
            });
        }
        let mut relay = Box::new(Relay::new(body, self.stream_rules(hide_usage, end)));
        relay.hold().await?;
        Ok(Received::Stream(head, relay))
    }

    fn encode(&self) -> Result<providers::Encoded, Fault> {
        let word = self.call.snapshot.config.compatibility.on_unsupported_param;
        let plan = ChatPlan {
            model: &self.candidate.model,
            include_usage: self.streamed,
            on_unsupported: on_unsupported(word),
            streaming: self.streamed,
        };
        providers::encode_chat(&self.candidate.target.provider, &self.call.body, &plan).map_err(
            |refused: Refused| {
                let mut fault = Fault::new(Kind::UnsupportedParameter).saying(refused.to_string());
                fault.param = refused.params.first().map(|param| param.as_str().into());
                fault
            },
        )
    }

    async fn send(
        &self,
        request: http::Request<Full<Bytes>>,
    ) -> Result<Response<VendorBody>, Fault> {
        let target = &self.candidate.target;
        let limit = target.patience.first_byte;
        match tokio::time::timeout(limit, self.upstream.send(&target.way, request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error @ SendError::Connect(_))) => {
                Err(Fault::new(Kind::UpstreamUnreachable).because(error.to_string()))
            }
            Ok(Err(error @ SendError::Broken(_))) => {
                Err(Fault::new(Kind::UpstreamCut).because(error.to_string()))
            }
            Err(_) => Err(Fault::new(Kind::UpstreamSilent)
                .because(format!("no answer within {limit:?} (timeouts.first_byte)"))),
        }
    }

    async fn refused(&self, answer: Response<VendorBody>, receipt: &mut Receipt) -> Fault {
        let (head, body) = answer.into_parts();
        // A client that is turned away wants to know the limits most of all.
        receipt.note(|notes| notes.headers = self.relayed(&head.headers));
        // A body that cannot be read leaves the status to speak for itself.
        let body = collect(body, ERROR_BODY_MAX, self.candidate.target.patience.idle)
            .await
            .unwrap_or_default();
        vendor::fault_of_answer(
            head.status,
            &head.headers,
            &body,
            SystemTime::now(),
            &self.call.snapshot.redactor,
        )
    }

    fn read_whole(
        &self,
        head: &Parts,
        body: Bytes,
        prompt: u64,
        receipt: &mut Receipt,
    ) -> Result<Reply, Fault> {
        let mut headers = self.relayed(&head.headers);
        let (mut body, mut answered) = (body, None);
        let usage = if let Some(coding) = coding_of(&head.headers) {
            // Asked for in the clear and sent otherwise: it passes, but cannot be read.
            headers.insert(CONTENT_ENCODING, coding.clone());
            estimate(prompt, body.len())
        } else {
            let read = read_answer(head, &body, &self.call.snapshot.redactor)?;
            if let Some(rewrite) = self.candidate.target.provider.rewrite() {
                body = rewritten(body, rewrite);
            }
            answered = read.model;
            read.usage.unwrap_or_else(|| estimate(prompt, body.len()))
        };
        headers.insert(CONTENT_TYPE, media_type(&head.headers, "application/json"));
        receipt.note(|notes| {
            notes.usage = Some(usage);
            notes.answered = answered.map(String::into_boxed_str);
        });
        Ok(Reply {
            status: head.status,
            headers,
            body: Content::Whole(body),
        })
    }

    fn read_stream(
        &self,
        head: &Parts,
        relay: Box<Relay<VendorBody>>,
        prompt_estimate: u64,
    ) -> Reply {
        let drain = self.call.snapshot.config.stream.on_disconnect == config::OnDisconnect::Drain;
        let stream = Stream {
            relay,
            prompt_estimate,
            drain,
        };
        let mut headers = self.relayed(&head.headers);
        headers.insert(CONTENT_TYPE, media_type(&head.headers, "text/event-stream"));
        Reply {
            status: head.status,
            headers,
            body: Content::Stream(stream),
        }
    }

    fn stream_rules(&self, hide_usage: bool, deadline: Option<Instant>) -> StreamRules {
        let (rules, target) = (&self.call.snapshot.config.stream, &self.candidate.target);
        StreamRules {
            heartbeat: rules.heartbeat(),
            idle: rules.idle_timeout.min(target.patience.idle),
            deadline,
            max_event: rules.max_event_bytes,
            hide_usage,
            rewrite: target.provider.rewrite(),
            redactor: self.call.snapshot.redactor.clone(),
        }
    }

    /// The vendor's headers that are the client's business; not one that shows a secret.
    fn relayed(&self, vendor: &HeaderMap) -> HeaderMap {
        let redactor = &self.call.snapshot.redactor;
        let clean = |value: &HeaderValue| {
            value
                .to_str()
                .is_ok_and(|text| matches!(redactor.redact(text), Cow::Borrowed(_)))
        };
        let mut headers = HeaderMap::with_capacity(24);
        for (name, value) in vendor {
            let shown = match name.as_str() {
                "x-request-id" => VENDOR_REQUEST_ID,
                text if RELAYED.iter().any(|start| text.starts_with(start)) => name.clone(),
                _ => continue,
            };
            if clean(value) {
                headers.append(shown, value.clone());
            }
        }
        headers
    }

    /// Within the target's total time and the operator's patience, whichever ends first.
    async fn bounded<T>(
        &self,
        end: Option<Instant>,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let own = end.map(|end| (end, Kind::UpstreamSilent, "timeouts.total"));
        let whole = self
            .deadline
            .map(|end| (end, Kind::GatewayTimeout, "request_timeout"));
        let Some((end, kind, setting)) = own.into_iter().chain(whole).min_by_key(|(end, ..)| *end)
        else {
            return work.await;
        };
        match timeout_at(end, work).await {
            Ok(result) => result,
            Err(_) => Err(Fault::new(kind).because(format!("no whole answer in time ({setting})"))),
        }
    }

    /// Tells the client who answered.
    fn name(&self, headers: &mut HeaderMap, dropped: &[String]) {
        let target = &self.candidate.target;
        for (name, text) in [
            (PROVIDER, &*target.provider_id),
            (TARGET, &*target.name),
            (MODEL, &*self.candidate.model),
        ] {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
        if !dropped.is_empty()
            && let Ok(value) = HeaderValue::from_str(&dropped.join(","))
        {
            headers.insert(DROPPED, value);
        }
    }
}

/// What a whole answer says of itself; an answer that is none, or an error under a good status, is a fault.
fn read_answer(head: &Parts, body: &[u8], redactor: &Redactor) -> Result<chat::Answer, Fault> {
    let read = chat::read_answer(body).map_err(|error| {
        let media = media_of(&head.headers);
        Fault::new(Kind::UpstreamInvalid).because(format!(
            "the answer ({media}) is not a JSON object: {error}"
        ))
    })?;
    if let Some(error) = &read.error {
        return Err(vendor::fault_of_error(
            error,
            vendor::retry_after(&head.headers, SystemTime::now()),
            redactor,
        ));
    }
    if read.choices == 0 && read.usage.is_none() {
        return Err(Fault::new(Kind::UpstreamInvalid).because("the answer holds no choices"));
    }
    Ok(read)
}

fn estimate(prompt: u64, answer_bytes: usize) -> Usage {
    Usage {
        input: prompt,
        output: answer_bytes as u64 / 4,
        estimated: true,
        ..Usage::default()
    }
}

fn forward(from: &HeaderMap, to: &mut HeaderMap) {
    for name in FORWARDED {
        if let Some(value) = from.get(name) {
            to.insert(HeaderName::from_static(name), value.clone());
        }
    }
}

/// What the body was found to be; the vendor's own word for it where that says the same.
fn media_type(vendor: &HeaderMap, found: &'static str) -> HeaderValue {
    let said = vendor.get(CONTENT_TYPE);
    let agrees = |value: &&HeaderValue| {
        value
            .as_bytes()
            .to_ascii_lowercase()
            .starts_with(found.as_bytes())
    };
    said.filter(agrees)
        .cloned()
        .unwrap_or(HeaderValue::from_static(found))
}

fn coding_of(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers
        .get(CONTENT_ENCODING)
        .filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn media_of(headers: &HeaderMap) -> String {
    headers.get(CONTENT_TYPE).map_or_else(
        || "no media type".into(),
        |value| String::from_utf8_lossy(value.as_bytes()).into_owned(),
    )
}

/// The media type of an answer that cannot be an event stream. Vendors that name none, or a
/// neutral one, are believed to stream until their first line says otherwise.
fn not_a_stream(headers: &HeaderMap) -> Option<String> {
    let media = headers
        .get(CONTENT_TYPE)?
        .to_str()
        .ok()?
        .to_ascii_lowercase();
    let essence = media.split(';').next().unwrap_or_default().trim();
    let streams = [
        "text/event-stream",
        "application/octet-stream",
        "text/plain",
    ];
    (!streams.contains(&essence)).then(|| essence.to_owned())
}

fn rewritten(body: Bytes, rewrite: Rewrite) -> Bytes {
    match std::str::from_utf8(&body).ok().and_then(rewrite) {
        Some(flat) => flat.into(),
        None => body,
    }
}

/// How the operator's word on unsupported parameters is said to the provider rules.
fn on_unsupported(word: config::OnUnsupportedParam) -> OnUnsupported {
    match word {
        config::OnUnsupportedParam::Warn => OnUnsupported::Warn,
        config::OnUnsupportedParam::Drop => OnUnsupported::Drop,
        config::OnUnsupportedParam::Reject => OnUnsupported::Reject,
    }
}
