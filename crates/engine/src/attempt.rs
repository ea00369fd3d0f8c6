//! One try at one target: encode, send, judge the head, then read the whole or the first of a stream.

mod headers;
mod several;
mod whole;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderMap, Response};
use providers::native::{Course, Description, Session};
use tokio::time::{Instant, timeout_at};
use wire::fault::{Fault, Kind};
use wire::ir::Face;
use wire::ir::files::Files;
use wire::usage::Usage;

use self::headers::{forward, media_type, name, not_a_stream, relayed};
use crate::body::collect;
use crate::directory::Candidate;
use crate::gateway::Call;
use crate::guard::{Vital, told};
use crate::relay::{Relay, StreamRules};
use crate::reply::{Content, Reply, Stream};
use crate::source::Source;
use crate::target::Key;
use crate::tokens;
use crate::tongue::{Listener, Tongue, Unspoken, speak};
use crate::upstream::{Upstream, VendorBody};
use crate::vendor;

/// Of a vendor's error body no more than this is read.
const ERROR_BODY_MAX: usize = 256 * 1024;

/// What came of an exchange that went well.
enum Received {
    /// A whole answer.
    Whole(Parts, Bytes),
    /// A stream whose first content is there.
    Stream(Parts, Box<Relay<Source>>),
}

/// One try.
pub(crate) struct Attempt<'a> {
    pub upstream: &'a Upstream,
    pub call: &'a Call,
    pub candidate: &'a Candidate,
    /// What is known of the target with the model.
    pub vital: &'a Vital,
    pub streamed: bool,
    /// Whether earlier answers of the conversation may be this target's own.
    pub own_history: bool,
    /// The target's key that is used.
    pub key: Key,
    /// The end of the operator's patience with the call.
    pub deadline: Option<Instant>,
}

/// A request that is ready to be sent.
pub(crate) struct Prepared {
    /// Boxed: it is handed on through many hands.
    request: Box<http::Request<Bytes>>,
    /// Fields of the client's that it does not carry as they were.
    dropped: Vec<String>,
    /// Fields that the vendor is known not to honour.
    ignored: Vec<String>,
    /// Tokens of the prompt, if the vendor never says.
    prompt: u64,
    /// The prompt, if it is to be counted where the vendor does not.
    to_count: Option<tokens::Prompt>,
    /// How it goes on, where it takes several exchanges.
    course: Option<Box<Course>>,
    /// How its answer is read.
    tongue: Tongue,
}

impl Prepared {
    /// What it costs if the client leaves before there is an answer to count.
    pub(crate) fn estimate(&self) -> Usage {
        estimate(self.prompt, 0)
    }

    /// The prompt, if it is to be counted where the vendor does not.
    pub(crate) fn to_count(&self) -> Option<tokens::Prompt> {
        self.to_count.clone()
    }
}

/// What a try has shown beside its result.
#[derive(Default)]
pub(crate) struct Seen {
    /// Fields of the client's that the vendor did not get as they were.
    pub(crate) dropped: Vec<String>,
    /// Fields that the vendor is known not to honour.
    pub(crate) ignored: Vec<String>,
    /// Whether the vendor has begun to answer: then it has read the prompt.
    pub(crate) answering: bool,
    /// What was used.
    pub(crate) usage: Option<Usage>,
    /// The model that the vendor says it used.
    pub(crate) answered: Option<Box<str>>,
    /// Headers that an error answer carries: the vendor's limits, and who it was.
    pub(crate) headers: HeaderMap,
    /// Time spent waiting for the vendor.
    pub(crate) waited: Duration,
}

impl Attempt<'_> {
    /// Encodes the call for the target, with what has been fetched for it; of the model the vendor
    /// may have told this.
    pub(crate) fn prepare(
        &self,
        described: Option<&Arc<Description>>,
        files: &Files,
    ) -> Result<Prepared, Unspoken> {
        let (target, model) = (&self.candidate.target, &*self.candidate.model);
        let to = Listener {
            provider: &target.provider,
            model,
            family: target.models.family(model),
            own_history: self.own_history,
            described,
            files,
        };
        let spoken = speak(self.call, self.streamed, &to)?;
        if let Some(region) = &spoken.region {
            target.check_region(region)?;
        }
        // Nobody counts files by their bytes.
        let words = spoken.body.len().saturating_sub(files.weight());
        let prompt = tokens::by_rule(words);
        let exact = self.call.snapshot.config.estimates.tokenizer == config::Tokenizer::Exact;
        let to_count = exact.then(|| tokens::Prompt::of(&spoken.body, model));
        let mut request = target
            .chat_request(
                model,
                spoken.path.as_deref(),
                spoken.strip.as_deref(),
                spoken.body,
                self.key,
            )
            .map_err(|error| Fault::invalid(error.to_string(), Some("model")))?;
        let named = target.provider.forwards.iter().map(String::as_str);
        forward(&self.call.headers, named, request.headers_mut());
        providers::join_headers(request.headers_mut(), spoken.headers);
        Ok(Prepared {
            request: Box::new(request),
            dropped: spoken.dropped,
            ignored: spoken.ignored,
            prompt,
            to_count: to_count.flatten(),
            course: spoken.course,
            tongue: spoken.tongue,
        })
    }

    /// Sends, judges, and reads what has to be there before the client may see anything.
    pub(crate) async fn run(&self, prepared: Prepared) -> (Seen, Result<Reply, Fault>) {
        let Prepared {
            request,
            dropped,
            ignored,
            prompt,
            to_count: _,
            course,
            tongue,
        } = prepared;
        let begun = Instant::now();
        let mut seen = Seen {
            dropped,
            ignored,
            ..Seen::default()
        };
        let end = self
            .candidate
            .target
            .patience
            .total
            .map(|total| begun + total);
        let times = (begun, end);
        let received = match course {
            // Pinned here, so that a pointer is moved and not the whole exchange.
            None => {
                let exchange = pin!(self.exchange(request, &tongue, times, &mut seen));
                self.bounded(times, exchange).await
            }
            // Boxed: few vendors need the room.
            Some(course) => {
                let exchanges = self.exchanges(*request, *course, &tongue, times, &mut seen);
                self.bounded(times, Box::pin(exchanges)).await
            }
        };
        seen.waited = begun.elapsed();
        let answer = received.and_then(|received| match received {
            Received::Whole(head, body) => self.read_whole(&head, body, &tongue, prompt, &mut seen),
            Received::Stream(head, relay) => Ok(self.read_stream(&head, relay, prompt)),
        });
        if seen.answering {
            seen.usage.get_or_insert(estimate(prompt, 0));
        }
        match answer {
            Ok(mut reply) => {
                name(&mut reply.headers, self.candidate, &seen.dropped);
                (seen, Ok(reply))
            }
            Err(fault) => {
                name(&mut seen.headers, self.candidate, &seen.dropped);
                let redactor = &self.call.snapshot.redactor;
                let fault = fault.scrubbed(|text| redactor.redact(text));
                (seen, Err(self.candidate.target.scrubbed(fault)))
            }
        }
    }

    /// Sends, and waits for all that has to be there before the client may see anything.
    async fn exchange(
        &self,
        request: Box<http::Request<Bytes>>,
        tongue: &Tongue,
        (begun, end): (Instant, Option<Instant>),
        seen: &mut Seen,
    ) -> Result<Received, Fault> {
        let answer = self.candidate.target.send(self.upstream, request).await?;
        self.learn(answer.headers());
        if !answer.status().is_success() {
            return Err(self.refused(answer, tongue, seen).await);
        }
        seen.answering = true;
        let (head, body) = answer.into_parts();
        self.receive(head, body, tongue, (begun, end))
            .await
            .map_err(|mut fault| {
                fault.answered = true;
                fault
            })
    }

    /// The whole answer, or a stream up to its first content.
    async fn receive(
        &self,
        head: Parts,
        body: VendorBody,
        tongue: &Tongue,
        times: (Instant, Option<Instant>),
    ) -> Result<Received, Fault> {
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
            return Err(match tongue.error(&head.headers, &body) {
                Some(error) => vendor::fault_of_error(
                    &error,
                    vendor::retry_after(&head.headers, SystemTime::now()),
                    &self.call.snapshot.redactor,
                ),
                None => Fault::new(Kind::UpstreamInvalid)
                    .because(format!("the answer to a stream is {other}")),
            });
        }
        self.hold(head, Source::One(body), tongue, times).await
    }

    /// A stream up to its first content.
    async fn hold(
        &self,
        head: Parts,
        source: Source,
        tongue: &Tongue,
        times: (Instant, Option<Instant>),
    ) -> Result<Received, Fault> {
        let rules = &self.call.snapshot.config.stream;
        let reading = tongue.reading(
            &self.candidate.target.provider,
            |session| self.face(session, &head.headers),
            rules.max_event_bytes,
        );
        let mut relay = Box::new(Relay::new(
            source,
            reading,
            self.stream_rules(tongue, times),
        ));
        relay.hold().await?;
        Ok(Received::Stream(head, relay))
    }

    /// Keeps what the vendor tells of its limits.
    fn learn(&self, headers: &HeaderMap) {
        if let Some(told) = told(headers, SystemTime::now) {
            let now = self.vital.clock().now();
            self.vital.headroom().keep(now, told);
            self.candidate.target.keys().told(self.key, told, now);
        }
    }

    async fn refused(
        &self,
        answer: Response<VendorBody>,
        tongue: &Tongue,
        seen: &mut Seen,
    ) -> Fault {
        let (head, body) = answer.into_parts();
        // A client that is turned away wants to know the limits most of all.
        seen.headers = relayed(&head.headers, &self.call.snapshot.redactor);
        // A body that cannot be read leaves the status to speak for itself.
        let body = collect(body, ERROR_BODY_MAX, self.candidate.target.patience.idle)
            .await
            .unwrap_or_default();
        let error = tongue.error(&head.headers, &body).unwrap_or_default();
        vendor::fault_of_answer(
            tongue.status(head.status, &error),
            &head.headers,
            &error,
            SystemTime::now(),
            &self.call.snapshot.redactor,
        )
    }

    fn read_stream(&self, head: &Parts, relay: Box<Relay<Source>>, prompt_estimate: u64) -> Reply {
        let drain = self.call.snapshot.config.stream.on_disconnect == config::OnDisconnect::Drain;
        let stream = Stream {
            relay,
            prompt_estimate,
            drain,
            admission: None,
        };
        let mut headers = relayed(&head.headers, &self.call.snapshot.redactor);
        headers.insert(CONTENT_TYPE, media_type(&head.headers, "text/event-stream"));
        Reply {
            status: head.status,
            headers,
            body: Content::Stream(stream),
        }
    }

    fn stream_rules(
        &self,
        tongue: &Tongue,
        (begun, deadline): (Instant, Option<Instant>),
    ) -> StreamRules {
        let (rules, target) = (&self.call.snapshot.config.stream, &self.candidate.target);
        let first = [
            (target.patience.first_token, "timeouts.first_token"),
            (target.patience.attempt, "timeouts.attempt"),
        ];
        let first = first.map(|(time, setting)| Some((begun + time?, setting)));
        StreamRules {
            heartbeat: rules.heartbeat(),
            idle: rules.idle_timeout.min(target.patience.idle),
            deadline,
            first_content: first.into_iter().flatten().min(),
            hide_usage: tongue.hides_usage(),
            redactor: self.call.snapshot.redactor.clone(),
        }
    }

    /// What the gateway adds to a translated answer.
    fn face(&self, session: &Session, headers: &HeaderMap) -> Face {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let id = self.call.trace.to_string();
        Face {
            created: since.map_or(0, |since| since.as_secs()),
            id: session
                .id(headers)
                .unwrap_or_else(|| format!("chatcmpl-{id}")),
            model: self.candidate.model.to_string(),
            provider: self.candidate.target.provider_id.to_string(),
            request_id: id,
            include_usage: session.include_usage,
            ..Face::default()
        }
    }

    /// Within the target's times and the operator's patience, whichever ends first.
    async fn bounded<T>(
        &self,
        (begun, end): (Instant, Option<Instant>),
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let patience = &self.candidate.target.patience;
        let own = end.map(|end| (end, Kind::UpstreamSilent, "timeouts.total"));
        let since = |time: Option<Duration>, setting| {
            time.map(|time| (begun + time, Kind::UpstreamSilent, setting))
        };
        let first_token = patience.first_token.filter(|_| self.streamed);
        let whole = self
            .deadline
            .map(|end| (end, Kind::GatewayTimeout, "request_timeout"));
        let bounds = [
            whole,
            own,
            since(patience.attempt, "timeouts.attempt"),
            since(first_token, "timeouts.first_token"),
        ];
        let bound = bounds.into_iter().flatten().min_by_key(|(end, ..)| *end);
        let Some((end, kind, setting)) = bound else {
            return work.await;
        };
        match timeout_at(end, work).await {
            Ok(result) => result,
            Err(_) => Err(Fault::new(kind).because(format!("no answer in time ({setting})"))),
        }
    }
}

fn estimate(prompt: u64, answer_bytes: usize) -> Usage {
    Usage {
        input: prompt,
        output: tokens::by_rule(answer_bytes),
        estimated: true,
        ..Usage::default()
    }
}
