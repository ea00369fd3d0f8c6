//! One client connection: a socket under hyper that can be told to do what no
//! proper server does. Orders are given by the answer being played and carried
//! out where hyper writes and flushes.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use crate::{answer::find, lock::hold};

/// How the mock ends a connection on its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// FIN.
    Close,
    /// RST.
    Reset,
}

/// What the socket is to do besides carrying bytes.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: u64,
    orders: Mutex<Orders>,
    /// Spares the lock while there are no orders.
    ordered: AtomicBool,
}

#[derive(Debug, Default)]
struct Orders {
    preface: Bytes,
    preface_only: bool,
    slow: Option<Duration>,
    end: Option<End>,
}

impl Line {
    pub(crate) fn new(number: u64) -> Line {
        Line {
            number,
            orders: Mutex::default(),
            ordered: AtomicBool::new(false),
        }
    }

    /// Sends this ahead of the next head.
    pub(crate) fn precede(&self, preface: &'static [u8]) {
        self.order(|orders| orders.preface = Bytes::from_static(preface));
    }

    /// Sends this instead of the next head, and closes.
    pub(crate) fn replace(&self, preface: &'static [u8]) {
        self.precede(preface);
        self.order(|orders| orders.preface_only = true);
    }

    /// Spreads the next head over this time.
    pub(crate) fn slow(&self, time: Duration) {
        self.order(|orders| orders.slow = Some(time));
    }

    /// Ends the connection once everything written is out.
    pub(crate) fn end(&self, end: End) {
        self.order(|orders| orders.end = Some(end));
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut hold(&self.orders));
        self.ordered.store(true, Relaxed);
    }

    fn ending(&self) -> Option<End> {
        if self.ordered.load(Relaxed) {
            hold(&self.orders).end
        } else {
            None
        }
    }
}

pub(crate) struct Socket {
    io: TokioIo<TcpStream>,
    line: Arc<Line>,
    slow: Option<Slow>,
}

/// A head on its way out, byte by byte.
struct Slow {
    began: Instant,
    time: Duration,
    length: usize,
    sent: usize,
    timer: Pin<Box<Sleep>>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, line: Arc<Line>) -> Socket {
        Socket {
            io: TokioIo::new(stream),
            line,
            slow: None,
        }
    }

    /// Carries out what stands ahead of the bytes hyper wants to write.
    fn poll_orders(&mut self, cx: &mut Context<'_>, next: &[u8]) -> Poll<io::Result<()>> {
        let mut orders = hold(&self.line.orders);
        while orders.preface.has_remaining() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &orders.preface))?;
            orders.preface.advance(written);
        }
        if orders.preface_only {
            return Poll::Ready(Err(ended()));
        }
        if let Some(time) = orders.slow.take() {
            self.slow = Some(Slow::new(time, next));
        }
        self.line.ordered.store(orders.end.is_some(), Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_slow(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(slow) = &mut self.slow else {
            return Pin::new(&mut self.io).poll_write(cx, bytes);
        };
        let due = ready!(slow.poll_due(cx)).min(bytes.len());
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, &bytes[..due]))?;
        slow.sent += written;
        if slow.sent >= slow.length {
            self.slow = None;
        }
        Poll::Ready(Ok(written))
    }
}

impl Slow {
    fn new(time: Duration, head: &[u8]) -> Slow {
        const END: &[u8] = b"\r\n\r\n";
        let began = Instant::now();
        Slow {
            began,
            time,
            length: find(head, END).map_or(head.len(), |at| at + END.len()),
            sent: 0,
            timer: Box::pin(sleep_until(began)),
        }
    }

    /// How many bytes are due: waits for the next, and takes with it those
    /// that fell due while the timer was late.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let next = self.began + self.due_after(self.sent);
        if self.timer.deadline() != next {
            self.timer.as_mut().reset(next);
        }
        ready!(self.timer.as_mut().poll(cx));
        let passed = self.began.elapsed().as_nanos() * self.length as u128;
        let due = passed / self.time.as_nanos().max(1);
        let due = usize::try_from(due).map_or(self.length, |due| due.min(self.length));
        Poll::Ready(due.saturating_sub(self.sent).max(1))
    }

    fn due_after(&self, bytes: usize) -> Duration {
        let count = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        self.time / count(self.length) * count(bytes)
    }
}

impl Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buffer)
    }
}

impl Write for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        if socket.line.ordered.load(Relaxed) {
            ready!(socket.poll_orders(cx, bytes))?;
        }
        socket.poll_slow(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.slow.is_none() && !self.line.ordered.load(Relaxed) {
            return Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// Hyper flushes when all it has is written: then it is time to end.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        ready!(Pin::new(&mut socket.io).poll_flush(cx))?;
        match socket.line.ending() {
            Some(_) => Poll::Ready(Err(ended())),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.line.ending() == Some(End::Reset) {
            // Should it fail, the client sees a close, and the test says so.
            let _ = self.io.inner().set_zero_linger();
        }
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "a fault ended it")
}
