//! A network inside the process: the other end of a connection is a function. Nothing is sent and
//! nothing is waited for but the clock, so a simulated hour passes in milliseconds.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What a vendor says to one request.
pub(crate) struct Said {
    /// How long it takes.
    pub(crate) after: Duration,
    /// The whole answer; none closes the connection.
    pub(crate) answer: Vec<u8>,
    /// Told whether the answer was read, or nobody waited for it.
    pub(crate) end: Box<dyn FnOnce(bool) + Send>,
}

/// Hears a request.
pub(crate) type Hear = Box<dyn FnMut() -> Said + Send>;
type Dial = Box<dyn Fn(&str) -> Result<Hear, String>>;

thread_local! {
    static NETWORK: RefCell<Option<Dial>> = const { RefCell::new(None) };
}

/// From now on all connections of this thread are made here, by the host's name.
pub(crate) fn install(dial: impl Fn(&str) -> Result<Hear, String> + 'static) {
    NETWORK.set(Some(Box::new(dial)));
}

/// A connection, where such a network is installed.
pub(super) fn dial(origin: &Uri) -> Option<Result<Line, String>> {
    NETWORK.with_borrow(|network| {
        let hear = network.as_ref()?(origin.host().unwrap_or_default());
        Some(hear.map(|hear| Line {
            hear,
            asked: false,
            saying: None,
        }))
    })
}

/// One connection.
pub(crate) struct Line {
    hear: Hear,
    /// A request is being written.
    asked: bool,
    saying: Option<(Pin<Box<Sleep>>, Said)>,
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        let Some((due, _)) = &mut line.saying else {
            return Poll::Pending;
        };
        std::task::ready!(due.as_mut().poll(cx));
        if let Some((_, said)) = line.saying.take() {
            buf.put_slice(&said.answer);
            (said.end)(true);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().asked = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        if std::mem::take(&mut line.asked) {
            let said = (line.hear)();
            line.saying = Some((Box::pin(tokio::time::sleep(said.after)), said));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some((_, said)) = self.saying.take() {
            (said.end)(false);
        }
    }
}
