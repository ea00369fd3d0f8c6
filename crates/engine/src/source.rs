//! What a stream is read from: the answer of a vendor, or several of them one after another.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http_body::{Body, Frame};

use crate::upstream::{BoxError, VendorBody};

/// Where the bytes of a stream come from.
pub(crate) enum Source {
    /// One answer.
    One(VendorBody),
    /// Several. An error that is a fault says itself what went wrong.
    Several(BoxStream<'static, Result<Bytes, BoxError>>),
}

impl Body for Source {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Source::One(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|next| next.map(|read| read.map_err(Into::into))),
            Source::Several(answers) => answers
                .as_mut()
                .poll_next(cx)
                .map(|next| next.map(|read| read.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Source::One(body) => body.is_end_stream(),
            Source::Several(_) => false,
        }
    }
}
