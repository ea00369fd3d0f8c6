//! Listening sockets: one for each worker and address, where the system can
//! share a port between them.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::EdgeError;

const BACKLOG: i32 = 1024;

/// Clients that vanished without a word are found out after this long.
const PROBE_AFTER: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) per_worker: Vec<Vec<TcpListener>>,
}

/// Binds every address for every worker, or none.
pub(super) fn bind(listen: &[SocketAddr], workers: usize) -> Result<Listeners, EdgeError> {
    if listen.is_empty() {
        return Err(EdgeError::NoAddress);
    }
    let mut addresses = Vec::with_capacity(listen.len());
    let mut per_worker: Vec<Vec<TcpListener>> = (0..workers).map(|_| Vec::new()).collect();
    for &address in listen {
        let only_v6 = listen
            .iter()
            .any(|other| other.is_ipv4() && other.port() == address.port());
        let shared = share(address, workers, only_v6).map_err(|source| refusal(address, source))?;
        addresses.push(
            shared[0]
                .local_addr()
                .map_err(|source| refusal(address, source))?,
        );
        for (sockets, listener) in per_worker.iter_mut().zip(shared) {
            sockets.push(listener);
        }
    }
    Ok(Listeners {
        addresses,
        per_worker,
    })
}

fn refusal(address: SocketAddr, source: io::Error) -> EdgeError {
    if source.kind() == ErrorKind::AddrInUse {
        return EdgeError::InUse { address };
    }
    EdgeError::Listen { address, source }
}

/// One listener per worker on one address. The first is bound without asking
/// to share, so that a port another gateway shares among its own workers is
/// refused; only then is it opened to the others.
#[cfg(target_os = "linux")]
fn share(address: SocketAddr, workers: usize, only_v6: bool) -> io::Result<Vec<TcpListener>> {
    let first = bound(address, only_v6, false)?;
    first.set_reuse_port(true)?;
    first.listen(BACKLOG)?;
    let address = first
        .local_addr()?
        .as_socket()
        .ok_or(ErrorKind::AddrNotAvailable)?;
    let mut listeners = vec![first.into()];
    while listeners.len() < workers {
        let next = bound(address, only_v6, true)?;
        next.listen(BACKLOG)?;
        listeners.push(next.into());
    }
    Ok(listeners)
}

/// One listener, shared by the workers: whoever is free accepts.
#[cfg(not(target_os = "linux"))]
fn share(address: SocketAddr, workers: usize, only_v6: bool) -> io::Result<Vec<TcpListener>> {
    let first = bound(address, only_v6, false)?;
    first.listen(BACKLOG)?;
    let first: TcpListener = first.into();
    let mut listeners = Vec::with_capacity(workers);
    for _ in 1..workers {
        listeners.push(first.try_clone()?);
    }
    listeners.push(first);
    Ok(listeners)
}

fn bound(address: SocketAddr, only_v6: bool, shared: bool) -> io::Result<Socket> {
    match bound_exactly(address, only_v6, shared) {
        // "All interfaces" on a host without IPv6 means all there are.
        Err(error) if is_any_v6(address) && lacks_v6(&error) => {
            let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            bound_exactly(any, false, shared)
        }
        bound => bound,
    }
}

fn is_any_v6(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

fn lacks_v6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn bound_exactly(address: SocketAddr, only_v6: bool, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    #[cfg(target_os = "linux")]
    socket.set_reuse_port(shared)?;
    #[cfg(not(target_os = "linux"))]
    let _ = shared;
    // Both are inherited by what is accepted.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE_AFTER))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
