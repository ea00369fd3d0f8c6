//! One request: read it, record it, find its plan, and hand the plan to the
//! connection.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version, request::Parts,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::{
    anthropic::Form,
    ask::Ask,
    behaviour::{Behaviour, SettingError, Spread},
    control, dice,
    line::{End, Line},
    lock::hold,
    openai::Refusal,
    plan::{self, NoAnswer, Plan},
    playback::{Exit, Playback},
    record::{Counters, Entry, Log, Outcome, Ticket},
    replicate::Desk,
    script::Script,
};

/// Bytes of a request's body.
const MOST_BODY: usize = 64 << 20;
/// Plans kept by one worker.
const MOST_PLANS: usize = 256;
/// Bytes of body in all of them.
const MOST_BYTES: usize = 128 << 20;

const SETTINGS_HEADER: HeaderName = HeaderName::from_static("x-mock");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What all workers of a mock share.
pub(crate) struct House {
    pub(crate) defaults: Behaviour,
    pub(crate) expected_key: Option<String>,
    /// Absent when nothing is to be recorded.
    pub(crate) log: Option<Log>,
    pub(crate) script: Script,
    pub(crate) desk: Desk,
    pub(crate) counters: Arc<Counters>,
}

/// What serves the connections of one runtime.
pub(crate) struct Worker {
    pub(crate) house: Arc<House>,
    plans: Mutex<Plans>,
}

/// Plans made before, so that a repeated request costs only its lookup.
#[derive(Default)]
struct Plans {
    known: HashMap<Ask, Pair>,
    bytes: usize,
}

/// What each n-th request gets, and what the others get.
#[derive(Clone)]
struct Pair {
    every: u64,
    shown: Arc<Plan>,
    spared: Option<Arc<Plan>>,
}

/// There is no answer: the connection ends, or the stream of this request.
#[derive(Debug)]
pub(crate) struct Silence;

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer is to be given")
    }
}

impl std::error::Error for Silence {}

pub(crate) async fn serve(
    worker: Arc<Worker>,
    line: Arc<Line>,
    request: Request<Incoming>,
) -> Result<Response<Playback>, Silence> {
    if control::owns(request.uri().path()) {
        let plan = control::answer(&worker.house, request).await?;
        return Ok(response(Arc::new(plan), None, Exit::Stream));
    }
    let mut ticket = Ticket::open(&worker.house.counters);
    let (parts, body) = request.into_parts();
    let body = read(body, MOST_BODY).await?;
    let version = parts.version;
    let bodiless = parts.method == Method::HEAD;
    let plan = worker.plan(&parts, &body, ticket.sequence());
    worker.record(&mut ticket, &line, parts, &body.unwrap_or_default());

    wait(plan.latency, ticket.sequence()).await;
    let exit = match version {
        Version::HTTP_2 => Exit::Stream,
        _ => Exit::Line(line),
    };
    open(&plan, &exit, &mut ticket).await?;
    if bodiless {
        // Hyper drops the body of such an answer unread.
        ticket.end(Outcome::Answered);
    }
    Ok(response(plan, Some(ticket), exit))
}

/// The whole body; the inner error says that it is too large.
pub(crate) async fn read(body: Incoming, limit: usize) -> Result<Result<Bytes, Refusal>, Silence> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(Ok(collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(Err(Refusal::too_large())),
        Err(_) => Err(Silence),
    }
}

async fn wait(latency: Option<Spread>, seed: u64) {
    let Some(Spread { from, to }) = latency else {
        return;
    };
    let time = from + to.saturating_sub(from).mul_f64(dice::share(seed));
    if time > Duration::ZERO {
        tokio::time::sleep(time).await;
    }
}

/// What a plan says about the time before the first byte of its body.
async fn open(plan: &Plan, exit: &Exit, ticket: &mut Ticket) -> Result<(), Silence> {
    if plan.refusal == Some(NoAnswer::Stall) {
        std::future::pending::<()>().await;
    }
    if plan.refusal.is_some() {
        ticket.end(Outcome::Broken);
    }
    let Exit::Line(line) = exit else {
        return plan.refusal.map_or(Ok(()), |_| Err(Silence));
    };
    match (plan.refusal, plan.preface) {
        (Some(NoAnswer::NotHttp), Some(greeting)) => line.replace(greeting),
        (Some(NoAnswer::Reset), _) => {
            line.end(End::Reset);
            return Err(Silence);
        }
        (Some(_), _) => return Err(Silence),
        (None, Some(preface)) => line.precede(preface),
        (None, None) => {}
    }
    if let Some(time) = plan.slow {
        line.slow(time);
    }
    Ok(())
}

fn response(plan: Arc<Plan>, ticket: Option<Ticket>, exit: Exit) -> Response<Playback> {
    let mut headers = plan.headers.clone();
    if let Some(ticket) = &ticket {
        let id = format!("req_{:016x}", ticket.sequence());
        if let Ok(id) = HeaderValue::try_from(id) {
            let own = [plan::REQUEST_ID, plan::MESSAGE_ID];
            let own = own.into_iter().find(|name| headers.contains_key(name));
            match own.and_then(|name| headers.get_mut(name)) {
                Some(slot) => *slot = id,
                None => {
                    headers.entry(REQUEST_ID).or_insert(id);
                }
            }
        }
    }
    let status = plan.status;
    let mut response = Response::new(Playback::new(plan, ticket, exit));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

impl Worker {
    pub(crate) fn new(house: Arc<House>) -> Worker {
        Worker {
            house,
            plans: Mutex::default(),
        }
    }

    fn record(&self, ticket: &mut Ticket, line: &Line, parts: Parts, body: &Bytes) {
        if let Some(log) = &self.house.log {
            let entry = Arc::new(Entry::new(ticket.sequence(), line.number, parts, body));
            log.push(Arc::clone(&entry));
            ticket.follow(entry);
        }
    }

    fn plan(&self, parts: &Parts, body: &Result<Bytes, Refusal>, sequence: u64) -> Arc<Plan> {
        let form = Form::of(parts.uri.path());
        let mut ask = self
            .ask(parts, body)
            .map_err(|refusal| refusal.in_form(form));
        let model = ask.as_ref().ok().and_then(Ask::model);
        let script = self.house.script.take(parts.uri.path(), model);
        let header = parts.headers.get(SETTINGS_HEADER);
        // What is told of a prediction changes from look to look.
        let changes = matches!(ask, Ok(Ask::Prediction(_)));
        let by_name_only = script.is_none() && header.is_none() && !changes;
        let known = ask.as_ref().ok().filter(|_| by_name_only);
        if let Some(pair) = known.and_then(|ask| hold(&self.plans).known.get(ask).cloned()) {
            return pair.pick(sequence);
        }
        let pair = match self.behaviour(header, script, model) {
            Ok(mut behaviour) => {
                if let Ok(Ask::Prediction(prediction)) = &mut ask
                    && let Err(refusal) = self.house.desk.take(prediction, &mut behaviour)
                {
                    ask = Err(refusal);
                }
                Pair::new(&ask, behaviour)
            }
            Err(error) => {
                let refused = Err(Refusal::bad_setting(&error).in_form(form));
                Pair::new(&refused, Behaviour::default())
            }
        };
        let plan = pair.pick(sequence);
        if let Some(ask) = ask.ok().filter(|_| by_name_only) {
            hold(&self.plans).keep(ask, pair);
        }
        plan
    }

    fn ask(&self, parts: &Parts, body: &Result<Bytes, Refusal>) -> Result<Ask, Refusal> {
        if let Some(expected) = &self.house.expected_key {
            let given = key(&parts.headers);
            if given != Some(expected) {
                return Err(Refusal::bad_key(given));
            }
        }
        let body = body.as_ref().map_err(Clone::clone)?;
        Ask::read(parts, body)
    }

    /// The layers, the first on top.
    fn behaviour(
        &self,
        header: Option<&HeaderValue>,
        script: Option<Behaviour>,
        model: Option<&str>,
    ) -> Result<Behaviour, SettingError> {
        let header = header
            .map(|value| Behaviour::read(&String::from_utf8_lossy(value.as_bytes())))
            .transpose()?;
        let named = model
            .and_then(named_settings)
            .map(str::parse::<Behaviour>)
            .transpose()?;
        let layers = [header, script, named, Some(self.house.defaults.clone())];
        Ok(layers
            .into_iter()
            .flatten()
            .rev()
            .reduce(|under, upper| upper.over(&under))
            .unwrap_or_default())
    }
}

/// The settings in a model's name, which may stand behind a vendor's prefix.
fn named_settings(model: &str) -> Option<&str> {
    model
        .strip_prefix("mock:")
        .or_else(|| Some(model.split_once("/mock:")?.1))
}

fn key(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    text("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .or_else(|| text("x-api-key"))
        .or_else(|| text("api-key"))
        .or_else(|| text("x-goog-api-key"))
}

impl Pair {
    fn new(ask: &Result<Ask, Refusal>, behaviour: Behaviour) -> Pair {
        Pair {
            every: u64::from(behaviour.every.unwrap_or(1).max(1)),
            shown: Arc::new(Plan::new(ask, &behaviour)),
            spared: behaviour
                .every
                .map(|_| Arc::new(Plan::new(ask, &behaviour.spared()))),
        }
    }

    fn pick(&self, sequence: u64) -> Arc<Plan> {
        let plan = match &self.spared {
            Some(spared) if !sequence.is_multiple_of(self.every) => spared,
            _ => &self.shown,
        };
        Arc::clone(plan)
    }

    fn weight(&self) -> usize {
        let spared = self.spared.as_ref().map_or(0, |plan| plan.weight());
        self.shown.weight() + spared
    }
}

impl Plans {
    fn keep(&mut self, ask: Ask, pair: Pair) {
        let bytes = pair.weight() + ask.weight();
        if bytes > MOST_BYTES / 4 {
            return;
        }
        if self.known.len() >= MOST_PLANS || self.bytes + bytes > MOST_BYTES {
            *self = Plans::default();
        }
        self.bytes += bytes;
        self.known.insert(ask, pair);
    }
}
