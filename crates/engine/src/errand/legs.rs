//! A stream that is read from several answers: what the vendor told when it began, its stream, and
//! what it tells once that is over; or looks at what there is so far, again and again.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use http_body_util::BodyExt as _;
use providers::native::{Step, stage_event};
use tokio::time::sleep;

use super::Errand;
use crate::source::Source;
use crate::upstream::{BoxError, VendorBody};

/// Ends an event that the vendor left open.
const BLANK: &[u8] = b"\n\n";

/// What is read next.
pub(super) enum Leg {
    /// The vendor's stream; behind its end, a look at this path.
    Stream { body: VendorBody, then: String },
    /// A look, after a pause.
    Look {
        path: String,
        after: Duration,
        /// A stream has told all there is to tell, unless it was cut.
        behind: bool,
    },
    /// Nothing more.
    Over,
}

/// A stream that is being read.
pub(super) struct Legs {
    errand: Errand,
    /// What is there already.
    ready: Option<Bytes>,
    leg: Leg,
}

impl Legs {
    /// A stream that begins with what the vendor told when it began.
    pub(super) fn new(errand: Errand, begun: &[u8], leg: Leg) -> Legs {
        Legs {
            errand,
            ready: Some(stage_event(begun)),
            leg,
        }
    }

    pub(super) fn into_source(self) -> Source {
        let reading = unfold(self, |mut legs| async move {
            let next = legs.next().await?;
            Some((next, legs))
        });
        Source::Several(reading.boxed())
    }

    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if let Some(ready) = self.ready.take() {
            return Some(Ok(ready));
        }
        loop {
            match std::mem::replace(&mut self.leg, Leg::Over) {
                Leg::Over => return None,
                Leg::Stream { mut body, then } => match body.frame().await {
                    Some(Ok(frame)) => {
                        self.leg = Leg::Stream { body, then };
                        if let Ok(data) = frame.into_data() {
                            return Some(Ok(data));
                        }
                    }
                    Some(Err(broken)) => return Some(Err(broken.into())),
                    None => {
                        self.leg = Leg::Look {
                            path: then,
                            after: Duration::ZERO,
                            behind: true,
                        };
                        return Some(Ok(Bytes::from_static(BLANK)));
                    }
                },
                Leg::Look {
                    path,
                    after,
                    behind,
                } => {
                    sleep(after).await;
                    if let Some(told) = self.look(&path, behind).await {
                        return Some(told);
                    }
                }
            }
        }
    }

    async fn look(&mut self, path: &str, behind: bool) -> Option<Result<Bytes, BoxError>> {
        match self.errand.look(path).await {
            Ok((step, heard)) => {
                if let Step::Poll { path, after } = step {
                    self.leg = Leg::Look {
                        path,
                        after,
                        behind,
                    };
                }
                Some(Ok(stage_event(&heard?.body)))
            }
            // Its counters are all that is missing; whether more is, the stream's reader knows.
            Err(_) if behind => None,
            Err(fault) => Some(Err(fault.into())),
        }
    }
}
