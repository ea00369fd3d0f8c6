//! The try of a call that takes several exchanges, and what its vendor tells before the first.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use providers::native::{self, Course, Description};
use tokio::time::{Instant, timeout_at};
use wire::fault::{Fault, Kind};

use super::headers::relayed;
use super::{Attempt, Received, Seen};
use crate::errand::{Arrived, Errand, Way};
use crate::source::Source;
use crate::tongue::Tongue;

impl Attempt<'_> {
    /// What the vendor tells of the model, where a call wants to know that first; the time that this
    /// took is added to `asked`. A vendor that does not tell is asked as most models are.
    pub(crate) async fn describe(&self, asked: &mut Duration) -> Option<Arc<Description>> {
        let (target, model) = (&self.candidate.target, &*self.candidate.model);
        let path = native::described_at(&target.provider, model)?;
        let begun = Instant::now();
        // Boxed: few vendors need the room.
        let asking = Box::pin(target.described(model, path));
        let described = match self.deadline {
            None => asking.await,
            Some(end) => timeout_at(end, asking).await.ok().flatten(),
        };
        *asked += begun.elapsed();
        described
    }

    /// Asks, as often as it takes, and waits for all that has to be there before the client may see
    /// anything.
    pub(super) async fn exchanges(
        &self,
        mut request: Request<Bytes>,
        course: Course,
        tongue: &Tongue,
        times: (Instant, Option<Instant>),
        seen: &mut Seen,
    ) -> Result<Received, Fault> {
        let Tongue::Other(session) = tongue else {
            return Err(Fault::new(Kind::Internal).because("a course in the client's own dialect"));
        };
        let target = &self.candidate.target;
        let course = course.below(target.root());
        let told = course.headers(target.patience.first_byte, self.left(times));
        request.headers_mut().extend(told);
        let way = Way {
            target: target.clone(),
            upstream: self.upstream.clone(),
            key: self.key,
        };
        let config = &self.call.snapshot.config;
        let limit = usize::try_from(config.max_response_bytes).unwrap_or(usize::MAX);
        let errand = Errand::new(way, course, session, &self.call.snapshot.redactor, limit);
        let (last, arrived) = errand
            .run(request, self.streamed, &mut seen.answering)
            .await;
        self.learn(&last);
        let received = match arrived {
            Ok(Arrived::Whole(head, body)) => Ok(Received::Whole(head, body)),
            Ok(Arrived::Stream(head, answers)) => {
                let source = Source::Several(answers);
                self.hold(head, source, tongue, times).await
            }
            Err(fault) => {
                seen.headers = relayed(&last, &self.call.snapshot.redactor);
                Err(fault)
            }
        };
        received.map_err(|mut fault| {
            fault.answered |= seen.answering;
            fault
        })
    }

    /// What is left of everybody's patience with the whole answer.
    fn left(&self, (begun, end): (Instant, Option<Instant>)) -> Option<Duration> {
        let whole = self.candidate.target.patience.attempt;
        let whole = whole.filter(|_| !self.streamed).map(|time| begun + time);
        let ends = [end, self.deadline, whole];
        let first = ends.into_iter().flatten().min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }
}
