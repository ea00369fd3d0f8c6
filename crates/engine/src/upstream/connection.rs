//! One HTTP/1.1 connection, driven by the call that uses it.
//!
//! No task of its own and no channel: what a call writes and reads happens on the call's task. That
//! is also why an idle connection notices nothing by itself and has to be looked at before use.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Broken;
use super::framing::Framing;
use super::head::{self, AnswerHead, HEAD_MAX, Message};

/// Informational heads passed over before the answer.
const INFORMATIONAL_MAX: usize = 16;
/// Read at a time.
const READ_MAX: usize = 64 * 1024;

thread_local! {
    /// What is read lands here first and is copied out to its size: connections that wait hold no
    /// buffer, and the copy is what takes the chunks' frames out.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_MAX].into());
}

/// Why an exchange brought no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// Nothing was sent: the connection had been closed before.
    Unsent(Broken),
    /// The vendor may have seen the request.
    Broken(Broken),
}

/// A connection between two exchanges.
pub(super) struct Connection<S> {
    wire: Wire<S>,
}

/// A connection with the answer that is being read from it.
pub(super) struct Answering<S> {
    wire: Wire<S>,
    framing: Framing,
    /// The body's bytes that came with the head.
    first: Bytes,
    keep: bool,
}

struct Wire<S> {
    socket: S,
    /// The request, until all of it is written.
    sending: Option<Message>,
    /// Whether any of it is.
    sent: bool,
}

/// The answer's head as far as it has come.
#[derive(Default)]
struct Heading {
    bytes: Vec<u8>,
    /// Informational heads before it: how many, and how long.
    passed: (usize, usize),
    head_only: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(socket: S) -> Connection<S> {
        Connection {
            wire: Wire {
                socket,
                sending: None,
                sent: false,
            },
        }
    }

    /// Whether the vendor has neither closed it nor said anything unasked.
    pub(super) fn is_idle(&mut self) -> bool {
        let mut byte = [0];
        let mut cx = Context::from_waker(Waker::noop());
        let socket = Pin::new(&mut self.wire.socket);
        socket
            .poll_read(&mut cx, &mut ReadBuf::new(&mut byte))
            .is_pending()
    }

    /// Sends the request and reads the head of the answer, which may come before all is sent.
    pub(super) async fn exchange(
        self,
        message: Message,
    ) -> Result<(AnswerHead, Answering<S>), Lost> {
        let mut wire = self.wire;
        let mut heading = Heading {
            head_only: message.head_only,
            ..Heading::default()
        };
        wire.sent = false;
        wire.sending = Some(message);
        let (mut first, mut refused) = (Bytes::new(), false);
        let mut head = poll_fn(|cx| {
            if let Err(error) = wire.poll_send(cx) {
                if !wire.sent {
                    return Poll::Ready(Err(Lost::Unsent(Broken::Io(error))));
                }
                // It may have been refused before it was read: then the answer says why.
                (wire.sending, refused) = (None, true);
            }
            loop {
                let read = ready!(wire.poll_read(cx, |bytes| heading.take(bytes, &mut first)));
                match read.map_err(Broken::Io).and_then(|taken| taken) {
                    Ok(None) => {}
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Err(broken) => return Poll::Ready(Err(Lost::Broken(broken))),
                }
            }
        })
        .await?;
        let framing = std::mem::replace(&mut head.framing, Framing::Over);
        let keep = head.keep && !refused;
        Ok((
            head,
            Answering {
                wire,
                framing,
                first,
                keep,
            },
        ))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Answering<S> {
    /// The next of the body's bytes, all that has come.
    pub(super) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.first))));
        }
        if self.wire.sending.is_some() && self.wire.poll_send(cx).is_err() {
            (self.wire.sending, self.keep) = (None, false);
        }
        while !self.framing.is_over() {
            let (framing, keep) = (&mut self.framing, &mut self.keep);
            let read = ready!(
                self.wire
                    .poll_read(cx, |bytes| decode(framing, bytes, keep))
            );
            match read.map_err(Broken::Io).and_then(|decoded| decoded) {
                Ok(data) if data.is_empty() => {}
                decoded => return Poll::Ready(Some(decoded)),
            }
        }
        Poll::Ready(None)
    }

    /// Whether all of the body has been read; some of it may still have to be handed out.
    pub(super) fn is_over(&self) -> bool {
        self.framing.is_over()
    }

    /// Exactly how many bytes are to come, if the answer says so.
    pub(super) fn length(&self) -> Option<u64> {
        let rest = match &self.framing {
            Framing::Over => 0,
            Framing::Length(left) => *left,
            Framing::Chunked(_) | Framing::Close => return None,
        };
        Some(self.first.len() as u64 + rest)
    }

    /// The bytes that are there, and the connection if it can serve again.
    pub(super) fn finish(self) -> (Bytes, Option<Connection<S>>) {
        let reusable = self.keep && self.framing.is_over() && self.wire.sending.is_none();
        let connection = reusable.then_some(Connection { wire: self.wire });
        (self.first, connection)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Writes as much as the socket takes.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Some(message) = &mut self.sending {
            let socket = Pin::new(&mut self.socket);
            let written = match (message.first.is_empty(), message.rest.is_empty()) {
                (true, true) => {
                    if let Poll::Ready(flushed) = socket.poll_flush(cx) {
                        self.sending = None;
                        flushed?;
                    }
                    return Ok(());
                }
                (false, false) => {
                    let parts = [IoSlice::new(&message.first), IoSlice::new(&message.rest)];
                    socket.poll_write_vectored(cx, &parts)
                }
                (false, true) => socket.poll_write(cx, &message.first),
                (true, false) => socket.poll_write(cx, &message.rest),
            };
            match written {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    self.sent = true;
                    let of_first = count.min(message.first.len());
                    message.first.advance(of_first);
                    message.rest.advance(count - of_first);
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads once and shows what came; nothing when the vendor has closed.
    fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        show: impl FnOnce(&[u8]) -> T,
    ) -> Poll<io::Result<T>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
            Poll::Ready(Ok(show(buffer.filled())))
        })
    }
}

impl Heading {
    /// Takes what was read. With the end of the head come the first bytes of the body.
    fn take(&mut self, read: &[u8], first: &mut Bytes) -> Result<Option<AnswerHead>, Broken> {
        if read.is_empty() {
            return Err(Broken::Cut(
                "connection closed before the end of the answer's head".into(),
            ));
        }
        // Most heads come in one piece, and are read where they lie.
        if self.bytes.is_empty() {
            return self.split(read, 0, first);
        }
        // A blank line is at most three bytes that may have been taken for none before.
        let fresh = self.bytes.len().saturating_sub(3);
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.extend_from_slice(read);
        self.split(&bytes, fresh, first)
    }

    fn split(
        &mut self,
        mut bytes: &[u8],
        mut fresh: usize,
        first: &mut Bytes,
    ) -> Result<Option<AnswerHead>, Broken> {
        while let Some(end) = head::end(bytes, fresh) {
            self.check_length(end)?;
            let (head, rest) = bytes.split_at(end);
            let mut head = head::read(head, self.head_only)?;
            if !head.status.is_informational() {
                if !rest.is_empty() {
                    *first = decode(&mut head.framing, rest, &mut head.keep)?;
                }
                return Ok(Some(head));
            }
            self.pass(&head, end)?;
            (bytes, fresh) = (rest, 0);
        }
        self.check_length(bytes.len())?;
        self.bytes = bytes.to_vec();
        Ok(None)
    }

    fn pass(&mut self, head: &AnswerHead, length: usize) -> Result<(), Broken> {
        self.passed.0 += 1;
        self.passed.1 += length;
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Broken::malformed(
                "another protocol, which nobody asked for",
            ));
        }
        if self.passed.0 > INFORMATIONAL_MAX {
            return Err(Broken::malformed(format!(
                "more than {INFORMATIONAL_MAX} informational answers"
            )));
        }
        Ok(())
    }

    fn check_length(&self, length: usize) -> Result<(), Broken> {
        if self.passed.1 + length > HEAD_MAX {
            return Err(Broken::malformed(format!(
                "a head of more than {HEAD_MAX} bytes"
            )));
        }
        Ok(())
    }
}

/// The body's bytes among those that were read; none read means that the vendor has closed. What
/// lies behind the body's end makes the connection useless.
fn decode(framing: &mut Framing, bytes: &[u8], keep: &mut bool) -> Result<Bytes, Broken> {
    if bytes.is_empty() {
        *keep = false;
        framing.close()?;
        return Ok(Bytes::new());
    }
    let mut out = BytesMut::with_capacity(match framing {
        Framing::Over => 0,
        Framing::Length(left) => usize::try_from(*left)
            .unwrap_or(usize::MAX)
            .min(bytes.len()),
        Framing::Chunked(_) | Framing::Close => bytes.len(),
    });
    let taken = framing.decode(bytes, &mut out)?;
    *keep &= taken == bytes.len();
    Ok(out.freeze())
}

#[cfg(test)]
mod tests;
