//! The stream below a connection to a vendor: TCP, with TLS where the address asks for it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What a connector gives.
pub(super) type Opened = MaybeHttpsStream<TokioIo<TcpStream>>;

pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TokioIo<TokioIo<TcpStream>>>>),
    /// To a vendor inside the process.
    #[cfg(test)]
    Memory(super::memory::Line),
}

impl From<Opened> for Socket {
    fn from(opened: Opened) -> Socket {
        match opened {
            MaybeHttpsStream::Http(tcp) => Socket::Plain(tcp.into_inner()),
            MaybeHttpsStream::Https(tls) => Socket::Tls(Box::new(tls.into_inner())),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Socket::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            #[cfg(test)]
            Socket::Memory(line) => Pin::new(line).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Socket::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
            #[cfg(test)]
            Socket::Memory(line) => Pin::new(line).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, parts),
            Socket::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, parts),
            #[cfg(test)]
            Socket::Memory(line) => Pin::new(line).poll_write_vectored(cx, parts),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Socket::Tls(tls) => Pin::new(tls).poll_flush(cx),
            #[cfg(test)]
            Socket::Memory(line) => Pin::new(line).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Socket::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            #[cfg(test)]
            Socket::Memory(line) => Pin::new(line).poll_shutdown(cx),
        }
    }
}
