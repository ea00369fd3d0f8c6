//! Idle connections to one origin, last used first.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::Broken;
use super::connection::{Answering, Connection};
use super::socket::Socket;

/// Idle connections kept at most.
const IDLE_MAX: usize = 128;
/// How often the pool looks for connections that have been idle for too long, and how often it
/// finds one before it closes it: 50 to 55 seconds, shorter than the 60 to 75 after which load
/// balancers commonly close.
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS_MAX: u64 = 10;

/// The idle connections of one core on one way.
#[derive(Default)]
pub(super) struct Pool(Mutex<Idle>);

#[derive(Default)]
struct Idle {
    /// The longest idle in front, each with the round it came in: reading a clock costs more.
    connections: VecDeque<(Connection<Socket>, u64)>,
    round: u64,
}

impl Pool {
    /// An empty pool that closes what has been idle for too long.
    pub(super) fn start() -> Arc<Pool> {
        let pool = Arc::<Pool>::default();
        tokio::spawn(sweep(Arc::downgrade(&pool)));
        pool
    }

    /// The connection used last, of those that the vendor has not closed.
    pub(super) fn take(&self) -> Option<Connection<Socket>> {
        let mut idle = self.locked();
        while let Some((mut connection, _)) = idle.connections.pop_back() {
            if connection.is_idle() {
                return Some(connection);
            }
        }
        None
    }

    fn put(&self, connection: Connection<Socket>) {
        let mut idle = self.locked();
        if idle.connections.len() == IDLE_MAX {
            idle.connections.pop_front();
        }
        let round = idle.round;
        idle.connections.push_back((connection, round));
    }

    fn end_round(&self) {
        let mut idle = self.locked();
        idle.round += 1;
        let round = idle.round;
        idle.connections
            .retain_mut(|(connection, since)| round - *since <= ROUNDS_MAX && connection.is_idle());
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends with the pool.
async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.end_round();
    }
}

/// The body of a vendor's answer. As soon as its end has been read it gives its connection back;
/// dropped before, it closes it, which is how the vendor learns that nobody listens any more.
pub(crate) struct VendorBody {
    /// Read when the connection was given back.
    last: Bytes,
    lease: Option<(Answering<Socket>, Arc<Pool>)>,
}

impl VendorBody {
    pub(super) fn new(answering: Answering<Socket>, pool: Arc<Pool>) -> VendorBody {
        let mut body = VendorBody {
            last: Bytes::new(),
            lease: Some((answering, pool)),
        };
        body.give_back_if_over();
        body
    }

    fn give_back_if_over(&mut self) {
        let over = |(answering, _): &mut (Answering<Socket>, _)| answering.is_over();
        if let Some((answering, pool)) = self.lease.take_if(over) {
            let (last, connection) = answering.finish();
            self.last = last;
            if let Some(connection) = connection {
                pool.put(connection);
            }
        }
    }
}

impl Body for VendorBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some((answering, _)) = &mut self.lease else {
            let last = std::mem::take(&mut self.last);
            let frame = (!last.is_empty()).then(|| Ok(Frame::data(last)));
            return Poll::Ready(frame);
        };
        let next = answering.poll_data(cx).map_ok(Frame::data);
        match &next {
            Poll::Ready(Some(Err(_))) => self.lease = None,
            _ => self.give_back_if_over(),
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.lease.is_none() && self.last.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let length = match &self.lease {
            None => Some(self.last.len() as u64),
            Some((answering, _)) => answering.length(),
        };
        length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
