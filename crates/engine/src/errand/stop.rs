//! What is left to do for an errand that was given up.

use std::time::Duration;

use http::Method;
use providers::native::Course;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::{Asking, Errand, Way};
use crate::turn::Turns;

/// How long it may take: the vendor may first have to say what it has begun.
const PATIENCE: Duration = Duration::from_secs(75);
/// Errands that are being stopped at a time, in the whole process.
static STOPPING: Turns = Turns::new(1000);

/// The rest of an errand.
struct Rest {
    way: Way,
    course: Course,
    /// The answer that tells of the vendor's work, where nobody knows of it yet.
    asking: Option<Asking>,
}

impl Rest {
    async fn stop(mut self) {
        if let Some(asking) = self.asking.take()
            && let Ok(heard) = asking.await
            && self.course.expects(heard.head.status.as_u16())
        {
            // Only for what the course then knows.
            let _ = self
                .course
                .answered(heard.head.status.as_u16(), &heard.body);
        }
        let Some(Ok(request)) = self
            .course
            .cancel()
            .map(|path| self.way.request(Method::POST, &path))
        else {
            return;
        };
        let Way {
            target, upstream, ..
        } = &self.way;
        if let Err(fault) = target.send(upstream, Box::new(request)).await {
            tracing::warn!(target_name = %target.name, reason = %target.scrubbed(fault), "work that nobody waits for could not be stopped");
        }
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        let asking = self.asking.take().filter(|_| self.course.is_creating());
        if asking.is_none() && self.course.cancel().is_none() {
            return;
        }
        let (Ok(runtime), Some(turn)) = (Handle::try_current(), STOPPING.take()) else {
            return;
        };
        let rest = Rest {
            way: self.way.clone(),
            course: self.course.clone(),
            asking,
        };
        runtime.spawn(async move {
            let _ = timeout(PATIENCE, rest.stop()).await;
            drop(turn);
        });
    }
}
