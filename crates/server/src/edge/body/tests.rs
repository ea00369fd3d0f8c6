use std::{collections::VecDeque, convert::Infallible};

use http_body_util::{Empty, Full};

use super::*;

/// A scripted body: pieces, and then an end or silence.
struct Script {
    pieces: VecDeque<Bytes>,
    silent: bool,
    declared: Option<u64>,
}

impl Script {
    fn new(pieces: &[&'static str]) -> Self {
        Self {
            pieces: pieces
                .iter()
                .map(|p| Bytes::from_static(p.as_bytes()))
                .collect(),
            silent: false,
            declared: None,
        }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.silent => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.declared.unwrap_or(0));
        hint
    }
}

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn one_piece_is_not_copied() {
    let whole = Bytes::from_static(b"{\"model\":\"m\"}");
    let read = read_body(Full::new(whole.clone()), 64, LONG).await.unwrap();
    assert_eq!(read.as_ptr(), whole.as_ptr());
    assert_eq!(read, whole);
    assert_eq!(read_body(Empty::new(), 64, LONG).await, Ok(Bytes::new()));
}

#[tokio::test]
async fn pieces_become_one_and_empty_ones_do_not_count() {
    let body = Script::new(&["", "ab", "", "cd", "e", ""]);
    assert_eq!(read_body(body, 5, LONG).await.unwrap(), "abcde");
}

#[tokio::test]
async fn the_limit_holds_for_every_way_of_exceeding_it() {
    let over = Err(BodyError::TooLarge { limit: 4 });
    assert_eq!(read_body(Script::new(&["abcde"]), 4, LONG).await, over);
    assert_eq!(read_body(Script::new(&["abc", "de"]), 4, LONG).await, over);
    assert_eq!(read_body(Script::new(&["abcd", " "]), 4, LONG).await, over);
    assert_eq!(
        read_body(Script::new(&["a", "b", "c", "d", "e"]), 4, LONG).await,
        over
    );
    assert_eq!(
        read_body(Script::new(&["abcd"]), 4, LONG).await.unwrap(),
        "abcd"
    );
}

#[tokio::test]
async fn a_declared_length_over_the_limit_fails_unread() {
    let mut body = Script::new(&[]);
    body.silent = true;
    body.declared = Some(5);
    assert_eq!(
        read_body(body, 4, LONG).await,
        Err(BodyError::TooLarge { limit: 4 })
    );
}

#[tokio::test]
async fn a_lying_length_reserves_no_more_than_the_first_reserve() {
    let mut body = Script::new(&["ab", "cd"]);
    body.declared = Some(u64::from(u32::MAX));
    let read = read_body(body, usize::MAX, LONG).await.unwrap();
    assert_eq!(read, "abcd");
}

#[tokio::test]
async fn silence_is_told_as_a_stall() {
    let mut body = Script::new(&["ab"]);
    body.silent = true;
    let idle = Duration::from_millis(20);
    let begun = Instant::now();
    assert_eq!(
        read_body(body, 64, idle).await,
        Err(BodyError::Stalled { after: idle })
    );
    assert!(begun.elapsed() >= idle);
}
