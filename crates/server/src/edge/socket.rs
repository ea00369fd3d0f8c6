//! The TCP stream of one connection: notes what happens on it, gives bytes
//! back that were read to recognise the protocol, and closes without losing
//! the answer to a client that is still sending.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{connections::Connections, pulse::Pulse, worker::Alive};

/// Bytes read and thrown away at most while closing.
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// One place among the open connections, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) connections: Arc<Connections>,
    pub(super) worker: usize,
    pub(super) _alive: Alive,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.leave(self.worker);
    }
}

#[derive(Debug)]
pub(super) struct Socket {
    // First, to be given back before the other side sees the end. It is here
    // so that an upgraded connection stays counted.
    _place: Place,
    tcp: TcpStream,
    given_back: Bytes,
    ending: Ending,
    pulse: Arc<Pulse>,
}

/// What is no longer than this leaves in one piece: copying it costs less than sending two.
const JOINED_MAX: usize = 4096;

thread_local! {
    static JOINED: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(JOINED_MAX));
}

/// How far closing has come.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Open,
    Lingering { discarded: usize },
    Closed,
}

impl Socket {
    pub(super) fn new(tcp: TcpStream, pulse: Arc<Pulse>, place: Place) -> Self {
        Self {
            _place: place,
            tcp,
            given_back: Bytes::new(),
            ending: Ending::Open,
            pulse,
        }
    }

    /// The next reads return these bytes first.
    pub(super) fn give_back(&mut self, bytes: Bytes) {
        self.given_back = bytes;
    }

    fn note_written(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(_)) => self.pulse.flowing(),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.pulse.stuck(),
        }
    }

    /// Reads on until the client has closed too. Closing a socket with unread
    /// bytes makes the kernel send a reset, which may overtake the answer.
    fn poll_discard(&mut self, cx: &mut Context<'_>, mut discarded: usize) -> Poll<()> {
        let mut waste = [0_u8; 8192];
        while discarded < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut waste);
            match Pin::new(&mut self.tcp).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => discarded += buf.filled().len(),
                Poll::Ready(_) => break,
                Poll::Pending => {
                    self.ending = Ending::Lingering { discarded };
                    return Poll::Pending;
                }
            }
        }
        self.ending = Ending::Closed;
        Poll::Ready(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.given_back.is_empty() {
            let n = self.given_back.len().min(buf.remaining());
            buf.put_slice(&self.given_back[..n]);
            self.given_back.advance(n);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.pulse.received();
        } else {
            self.pulse.peer_ended();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.note_written(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tcp = Pin::new(&mut self.tcp);
        let written = if parts.iter().map(|part| part.len()).sum::<usize>() > JOINED_MAX {
            tcp.poll_write_vectored(cx, parts)
        } else {
            JOINED.with_borrow_mut(|joined| {
                joined.clear();
                for part in parts {
                    joined.extend_from_slice(part);
                }
                tcp.poll_write(cx, joined)
            })
        };
        self.note_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let discarded = match self.ending {
            Ending::Closed => return Poll::Ready(Ok(())),
            Ending::Lingering { discarded } => discarded,
            Ending::Open => {
                ready!(Pin::new(&mut self.tcp).poll_shutdown(cx))?;
                if !self.pulse.lingers() {
                    self.ending = Ending::Closed;
                    return Poll::Ready(Ok(()));
                }
                self.pulse.told_to_close();
                0
            }
        };
        self.poll_discard(cx, discarded).map(Ok)
    }
}
