//! Reading a vendor's answer whole, within its bounds.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use wire::fault::{Fault, Kind};

use crate::upstream::{BoxError, chain};

/// Reads to the end; fails when it gets too long, goes silent or breaks.
pub(crate) async fn collect<B>(mut body: B, limit: usize, idle: Duration) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let chunk = match next_frame(&mut body, idle).await? {
            None => break,
            Some(Err(error)) => {
                return Err(Fault::new(Kind::UpstreamCut).because(chain(&*error.into())));
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) => chunk,
                Err(_trailers) => continue,
            },
        };
        if first.len() + rest.len() + chunk.len() > limit {
            return Err(Fault::new(Kind::UpstreamInvalid).because(format!(
                "the answer is larger than {limit} bytes (max_response_bytes)"
            )));
        }
        // Most answers come in one piece, which is then kept as it is.
        if first.is_empty() && rest.is_empty() {
            first = chunk;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&chunk);
        }
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

/// The next frame. A clock runs only where it has to be waited for.
async fn next_frame<B>(
    body: &mut B,
    idle: Duration,
) -> Result<Option<Result<Frame<Bytes>, B::Error>>, Fault>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut frame = body.frame();
    if let Poll::Ready(there) = poll_fn(|cx| Poll::Ready(frame.poll_unpin(cx))).await {
        return Ok(there);
    }
    tokio::time::timeout(idle, frame)
        .await
        .map_err(|_| Fault::new(Kind::UpstreamSilent).because(format!("no byte within {idle:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::StreamBody;
    use std::convert::Infallible;

    fn body(pieces: &[&'static str]) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let frames: Vec<_> = pieces
            .iter()
            .map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))))
            .collect();
        StreamBody::new(futures_util::stream::iter(frames))
    }

    #[tokio::test]
    async fn pieces_are_put_together_and_one_piece_is_left_alone() {
        let idle = Duration::from_secs(1);
        assert_eq!(collect(body(&[]), 10, idle).await.unwrap(), "");
        assert_eq!(collect(body(&["ab"]), 2, idle).await.unwrap(), "ab");
        assert_eq!(
            collect(body(&["ab", "c", "", "de"]), 5, idle)
                .await
                .unwrap(),
            "abcde"
        );
    }

    #[tokio::test]
    async fn one_byte_too_many_is_a_fault_that_names_the_setting() {
        let fault = collect(body(&["ab", "cd"]), 3, Duration::from_secs(1))
            .await
            .unwrap_err();
        assert_eq!(fault.kind, Kind::UpstreamInvalid);
        assert!(fault.cause.unwrap().contains("max_response_bytes"));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_a_fault() {
        let silent = StreamBody::new(futures_util::stream::pending::<
            Result<Frame<Bytes>, Infallible>,
        >());
        let fault = collect(silent, 3, Duration::from_secs(5))
            .await
            .unwrap_err();
        assert_eq!(fault.kind, Kind::UpstreamSilent);
    }
}
