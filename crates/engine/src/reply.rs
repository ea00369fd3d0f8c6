//! An answer on its way out, together with the receipt that it closes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use wire::fault::Kind;

use crate::guard::Admission;
use crate::receipt::Receipt;
use crate::relay::Relay;
use crate::source::Source;
use crate::turn::Turns;

/// What a call was answered with.
pub struct Reply {
    /// The vendor's status.
    pub status: StatusCode,
    /// Headers of the vendor's that the client gets.
    pub headers: HeaderMap,
    /// The body.
    pub body: Content,
}

/// The body of an answer.
pub enum Content {
    /// All of it.
    Whole(Bytes),
    /// As it comes.
    Stream(Stream),
}

/// A relayed stream and what its receipt needs to know.
pub struct Stream {
    pub(crate) relay: Box<Relay<Source>>,
    /// Tokens of the request, if the vendor never says.
    pub(crate) prompt_estimate: u64,
    /// A client that leaves does not end the call: it is read to its end for the count.
    pub(crate) drain: bool,
    /// What the call holds at its target until the stream's last byte.
    pub(crate) admission: Option<Admission>,
}

/// A response body that settles its receipt: closed when everything has been handed over, dropped
/// (and so settled as aborted) when the client left before that.
pub struct Outgoing {
    content: Option<Content>,
    receipt: Option<Receipt>,
}

impl Outgoing {
    /// A body and the receipt it closes.
    pub fn new(content: Content, receipt: Receipt) -> Outgoing {
        Outgoing {
            content: Some(content),
            receipt: Some(receipt),
        }
    }

    /// A body of bytes.
    pub fn whole(bytes: impl Into<Bytes>, receipt: Receipt) -> Outgoing {
        Outgoing::new(Content::Whole(bytes.into()), receipt)
    }

    /// No body.
    pub fn empty(receipt: Receipt) -> Outgoing {
        receipt.close();
        Outgoing {
            content: None,
            receipt: None,
        }
    }

    fn close(&mut self) {
        self.content = None;
        if let Some(receipt) = self.receipt.take() {
            receipt.close();
        }
    }

    fn handed_over(&mut self, bytes: usize) {
        if let Some(receipt) = &mut self.receipt {
            receipt.note(|notes| notes.bytes_out += bytes as u64);
        }
    }
}

impl Stream {
    /// The vendor has said all that it will say: that is how the call went for its target.
    fn settle(&mut self) {
        if let Some(admission) = self.admission.take() {
            match self.relay.fault() {
                Some(fault) => admission.fail_late(fault),
                None => admission.succeed(),
            }
        }
    }

    /// Takes down what the stream has shown so far.
    fn tally(&self, receipt: &mut Receipt) {
        let relay = &self.relay;
        let started = receipt.started();
        receipt.note(|notes| {
            notes.usage = Some(relay.usage(self.prompt_estimate));
            notes.answered = relay.model().map(Into::into);
            notes.inter_token = relay.inter_token();
            notes.first_token = relay
                .first_content()
                .zip(started)
                .map(|(first, start)| first.duration_since(start));
            if let Some(fault) = relay.fault() {
                notes.failed(fault);
                if let Some(attempt) = notes.attempts.last_mut() {
                    attempt.fault = Some(fault.kind);
                    attempt.cause = Some(fault.to_string().into_boxed_str());
                }
            }
        });
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let next = match &mut this.content {
            None => None,
            Some(Content::Whole(bytes)) => {
                let bytes = std::mem::take(bytes);
                this.handed_over(bytes.len());
                this.close();
                Some(bytes).filter(|bytes| !bytes.is_empty())
            }
            Some(Content::Stream(stream)) => {
                let next = match stream.relay.poll_next(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(next) => next,
                };
                if let Some(run) = &next {
                    let bytes = run.len();
                    this.handed_over(bytes);
                } else {
                    if let Some(receipt) = &mut this.receipt {
                        stream.tally(receipt);
                    }
                    stream.settle();
                    this.close();
                }
                next
            }
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            None => SizeHint::with_exact(0),
            Some(Content::Whole(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            Some(Content::Stream(_)) => SizeHint::default(),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let (Some(content), Some(mut receipt)) = (self.content.take(), self.receipt.take()) else {
            return;
        };
        let Content::Stream(mut stream) = content else {
            return;
        };
        if stream.relay.is_over() {
            stream.tally(&mut receipt);
            stream.settle();
            return receipt.close();
        }
        // What is known now counts, even if the rest is never learnt.
        stream.tally(&mut receipt);
        let turn = DRAINING
            .take()
            .filter(|_| stream.drain && !stream.relay.is_settled());
        if let (Ok(runtime), Some(turn)) = (tokio::runtime::Handle::try_current(), turn) {
            receipt.note(|notes| notes.fault = Some(Kind::ClientGone));
            runtime.spawn(async move {
                stream.relay.drain().await;
                stream.tally(&mut receipt);
                if stream.relay.is_settled() {
                    stream.settle();
                }
                drop(turn);
            });
        }
    }
}

/// Streams without a client that are read on at a time, in the whole process.
static DRAINING: Turns = Turns::new(1000);
