//! A call that takes several exchanges with its vendor, one after another.
//!
//! What to ask next is the [`Course`]'s business; here it is asked. Given up before its end, an
//! errand has the vendor stop the work that it may have begun: nobody pays for what nobody reads.

mod legs;
mod stop;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use providers::native::{Course, Session, Step, with_version};
use telemetry::Redactor;
use tokio::time::sleep;
use wire::fault::{Again, Fault, Kind};

use crate::body::collect;
use crate::source::Source;
use crate::target::{Key, Target};
use crate::upstream::{Upstream, VendorBody};
use crate::vendor;
use legs::{Leg, Legs};

/// Of a vendor's error body no more than this is read.
const ERROR_BODY_MAX: usize = 256 * 1024;

/// Whom an errand goes to, and with which key.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) target: Arc<Target>,
    pub(crate) upstream: Upstream,
    pub(crate) key: Key,
}

/// A call on its way.
pub(crate) struct Errand {
    way: Way,
    course: Course,
    session: Session,
    redactor: Arc<Redactor>,
    /// Bytes of an answer.
    limit: usize,
    /// The answer that is being waited for.
    asking: Option<Asking>,
    /// The last answer's head.
    heard: HeaderMap,
}

/// What came of it.
pub(crate) enum Arrived {
    /// The whole answer.
    Whole(Parts, Bytes),
    /// What a stream is read from.
    Stream(Parts, Source),
}

/// An exchange that can go on when nobody waits for it any more.
type Asking = Pin<Box<dyn Future<Output = Result<Heard, Fault>> + Send>>;

/// An answer.
struct Heard {
    head: Parts,
    body: Bytes,
}

impl Errand {
    /// One that has not begun; `limit` bounds an answer.
    pub(crate) fn new(
        way: Way,
        course: Course,
        session: &Session,
        redactor: &Arc<Redactor>,
        limit: usize,
    ) -> Errand {
        Errand {
            way,
            course,
            session: session.clone(),
            redactor: redactor.clone(),
            limit,
            asking: None,
            heard: HeaderMap::new(),
        }
    }

    /// Asks on until the answer is there, or it is known where its stream is read. `begun` is set
    /// once the vendor works. With what came of it comes the last answer's head.
    pub(crate) async fn run(
        mut self,
        first: Request<Bytes>,
        streamed: bool,
        begun: &mut bool,
    ) -> (HeaderMap, Result<Arrived, Fault>) {
        let (step, created) = match self.create(first).await {
            Ok(created) => created,
            Err(fault) => return (std::mem::take(&mut self.heard), Err(fault)),
        };
        *begun = true;
        if streamed {
            let (heard, leg) = (std::mem::take(&mut self.heard), self.leg(step).await);
            let source = Legs::new(self, &created.body, leg).into_source();
            return (heard, Ok(Arrived::Stream(created.answer_head(), source)));
        }
        let done = self.until_done(step, created).await;
        let arrived = done.map(|done| Arrived::Whole(done.answer_head(), done.body));
        (std::mem::take(&mut self.heard), arrived)
    }

    async fn until_done(&mut self, mut step: Step, mut heard: Heard) -> Result<Heard, Fault> {
        while let Step::Poll { path, after } = step {
            sleep(after).await;
            let looked = self.look(&path).await?;
            step = looked.0;
            heard = looked.1.unwrap_or(heard);
        }
        Ok(heard)
    }

    /// Where a stream begins.
    async fn leg(&mut self, step: Step) -> Leg {
        let look = |path, after| Leg::Look {
            path,
            after,
            behind: false,
        };
        match step {
            Step::Stream { url, then } => match self.open(&url).await {
                Some(body) => Leg::Stream { body, then },
                // Looks tell the same, only later.
                None => look(then, Duration::ZERO),
            },
            Step::Poll { path, after } => look(path, after),
            _ => Leg::Over,
        }
    }

    /// Has the vendor begin, whatever it takes to find out how.
    async fn create(&mut self, first: Request<Bytes>) -> Result<(Step, Heard), Fault> {
        let again = first.clone();
        let mut asked = self.exchange(first).await?;
        loop {
            let request = match &asked.0 {
                Step::Describe { path } => self.way.get(path)?,
                Step::Create { path, version } => {
                    let mut request = again.clone();
                    *request.uri_mut() = self.way.request(Method::POST, path)?.uri().clone();
                    *request.body_mut() = with_version(again.body(), version).into();
                    request
                }
                Step::Answer | Step::Poll { .. } | Step::Stream { .. } => return Ok(asked),
            };
            asked = self.exchange(request).await?;
        }
    }

    /// Looks how far the vendor is. A look that failed in a way that may pass tells nothing.
    async fn look(&mut self, path: &str) -> Result<(Step, Option<Heard>), Fault> {
        let request = self.way.get(path)?;
        let fault = match self.exchange(request).await {
            Ok((step, heard)) => return Ok((step, Some(heard))),
            Err(fault) => fault,
        };
        let passes = fault.again() == Again::SameTarget;
        match self.course.missed().filter(|_| passes) {
            Some(Step::Poll { path, after }) => {
                let after = after.max(fault.retry_after.unwrap_or_default());
                Ok((Step::Poll { path, after }, None))
            }
            _ => Err(fault),
        }
    }

    /// The stream that the vendor named, if it can be had.
    async fn open(&mut self, url: &str) -> Option<VendorBody> {
        let Way {
            target,
            upstream,
            key,
        } = &self.way;
        let (to, mut request) = target.request_at(url, *key).ok()?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.remove(CONTENT_TYPE);
        let sent = target.send_on(&to, upstream, Box::new(request)).await;
        let answer = sent.ok().filter(|answer| answer.status().is_success())?;
        Some(answer.into_body())
    }

    /// Asks, and what to ask next.
    async fn exchange(&mut self, request: Request<Bytes>) -> Result<(Step, Heard), Fault> {
        let heard = self.ask(request).await?;
        self.heard.clone_from(&heard.head.headers);
        let status = heard.head.status.as_u16();
        if !self.course.expects(status) {
            return Err(self.refused(&heard));
        }
        let step = self.course.answered(status, &heard.body)?;
        Ok((step, heard))
    }

    async fn ask(&mut self, request: Request<Bytes>) -> Result<Heard, Fault> {
        let asking = Box::pin(self.way.clone().ask(request, self.limit));
        let heard = self.asking.insert(asking).await;
        self.asking = None;
        heard
    }

    fn refused(&self, heard: &Heard) -> Fault {
        let error = self.session.refused(&heard.head.headers, &heard.body);
        let mut error = error.unwrap_or_default();
        // Work begins at the model's path: what is not there is the model.
        if heard.head.status == StatusCode::NOT_FOUND && self.course.is_creating() {
            error.param.get_or_insert_with(|| "model".to_owned());
        }
        vendor::fault_of_answer(
            heard.head.status,
            &heard.head.headers,
            &error,
            SystemTime::now(),
            &self.redactor,
        )
    }
}

impl Way {
    async fn ask(self, request: Request<Bytes>, limit: usize) -> Result<Heard, Fault> {
        let answer = self.target.send(&self.upstream, Box::new(request)).await?;
        let (head, body) = answer.into_parts();
        let idle = self.target.patience.idle;
        let body = if head.status.is_success() {
            collect(body, limit, idle).await?
        } else {
            // A body that cannot be read leaves the status to speak for itself.
            let told = collect(body, ERROR_BODY_MAX, idle).await;
            told.unwrap_or_default()
        };
        Ok(Heard { head, body })
    }

    fn get(&self, path: &str) -> Result<Request<Bytes>, Fault> {
        self.request(Method::GET, path)
    }

    fn request(&self, method: Method, path: &str) -> Result<Request<Bytes>, Fault> {
        self.target
            .request_below(method, path, self.key)
            .map_err(|error| Fault::new(Kind::Internal).because(error.to_string()))
    }
}

impl Heard {
    /// The head that the client's answer follows from: how the vendor began is not the client's
    /// business.
    fn answer_head(&self) -> Parts {
        let mut head = self.head.clone();
        head.status = StatusCode::OK;
        head
    }
}
