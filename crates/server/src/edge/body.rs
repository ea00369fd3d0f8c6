//! Reading a request's body within a size and without waiting for ever.
//!
//! It must never trust a length it was told further than a bounded reserve,
//! and never cut a slow upload that still moves.

use std::{
    fmt::Display,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

/// Reserved at most before the bytes themselves arrive. Memory that nobody has written to costs
/// next to nothing; a body that outgrows its room is copied as a whole.
const FIRST_RESERVE: usize = 4 * 1024 * 1024;

/// Why a request's body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than allowed, by its own account or by count.
    #[error("the request body is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// Nothing came for too long.
    #[error("the request body stalled for {} s", after.as_secs_f64())]
    Stalled {
        /// The bound.
        after: Duration,
    },
    /// The client left, or broke the framing.
    #[error("the request body could not be read: {0}")]
    Broken(String),
}

pin_project! {
    /// A body that gives up when no frame comes for a while. The clock runs
    /// only while somebody waits, and is armed only when somebody must.
    #[derive(Debug)]
    pub struct TimedBody<B> {
        #[pin]
        inner: B,
        idle: Duration,
        // When the wait in progress began; none between waits.
        since: Option<Instant>,
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<B> TimedBody<B> {
    /// Bounds every wait for a frame of `inner` by `idle`.
    pub fn new(inner: B, idle: Duration) -> Self {
        Self {
            inner,
            idle,
            since: None,
            timer: None,
        }
    }
}

impl<B> Body for TimedBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Display,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.inner.poll_frame(cx) {
            *this.since = None;
            return Poll::Ready(
                frame.map(|frame| frame.map_err(|error| BodyError::Broken(error.to_string()))),
            );
        }
        let due = *this.since.get_or_insert_with(Instant::now) + *this.idle;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        // The timer may stand for an earlier wait: it is moved only when it
        // fires, so that a body which keeps moving pays for it once.
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= due {
                return Poll::Ready(Some(Err(BodyError::Stalled { after: *this.idle })));
            }
            timer.as_mut().reset(due);
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Reads a whole body of at most `limit` bytes, waiting at most `idle` for
/// each piece. A body that arrived in one piece is not copied. A declared
/// length over the limit fails before anything is read, so that a client that
/// asked `100-continue` never sends it.
pub async fn read_body<B>(body: B, limit: usize, idle: Duration) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Display,
{
    let declared = body.size_hint().lower();
    if declared > limit as u64 {
        return Err(BodyError::TooLarge { limit });
    }
    let mut body = pin!(TimedBody::new(body, idle));
    let Some(first) = next_piece(body.as_mut()).await? else {
        return Ok(Bytes::new());
    };
    within(limit, first.len())?;
    if body.is_end_stream() {
        return Ok(first);
    }
    let Some(second) = next_piece(body.as_mut()).await? else {
        return Ok(first);
    };
    let reserve = usize::try_from(declared).map_or(FIRST_RESERVE, |n| n.min(FIRST_RESERVE));
    let mut whole = BytesMut::with_capacity(reserve);
    append(&mut whole, &first, limit)?;
    append(&mut whole, &second, limit)?;
    drop((first, second));
    while let Some(piece) = next_piece(body.as_mut()).await? {
        append(&mut whole, &piece, limit)?;
    }
    Ok(whole.freeze())
}

/// The next piece with bytes in it; trailers are passed over.
async fn next_piece<B>(mut body: Pin<&mut TimedBody<B>>) -> Result<Option<Bytes>, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Display,
{
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        match frame?.into_data() {
            Ok(piece) if !piece.is_empty() => return Ok(Some(piece)),
            _ => {}
        }
    }
    Ok(None)
}

fn append(whole: &mut BytesMut, piece: &[u8], limit: usize) -> Result<(), BodyError> {
    within(limit, whole.len().saturating_add(piece.len()))?;
    whole.extend_from_slice(piece);
    Ok(())
}

fn within(limit: usize, length: usize) -> Result<(), BodyError> {
    if length > limit {
        return Err(BodyError::TooLarge { limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
