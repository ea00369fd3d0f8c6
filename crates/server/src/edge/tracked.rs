//! An answer's body that notes when it is taken, and whose end is the end of
//! its call.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::pulse::InFlight;

pin_project! {
    /// A body and the call it ends.
    #[derive(Debug)]
    pub(super) struct Tracked<B> {
        #[pin]
        inner: B,
        call: InFlight,
    }
}

impl<B> Tracked<B> {
    pub(super) fn new(inner: B, call: InFlight) -> Self {
        Self { inner, call }
    }
}

impl<B: Body<Data = Bytes>> Body for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        this.call.wanted();
        let frame = this.inner.poll_frame(cx);
        if let Poll::Ready(Some(Ok(_))) = &frame {
            this.call.gave();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
