//! Idle connections to one origin, last used first.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

/// Idle connections kept at most.
const IDLE_MAX: usize = 128;
/// Shorter than the 60 to 75 seconds after which load balancers commonly close.
const IDLE_TIMEOUT: Duration = Duration::from_secs(55);

/// The near end of a connection.
pub(super) type Sender = SendRequest<Full<Bytes>>;

/// The idle connections of one core on one way.
#[derive(Default)]
pub(super) struct Pool {
    /// The longest idle in front.
    idle: Mutex<VecDeque<(Sender, Instant)>>,
}

impl Pool {
    /// An empty pool that closes what has been idle for too long.
    pub(super) fn start() -> Arc<Pool> {
        let pool = Arc::<Pool>::default();
        tokio::spawn(sweep(Arc::downgrade(&pool)));
        pool
    }

    /// The connection used last, of those that are ready for a request and not about to be closed.
    pub(super) fn take(&self) -> Option<Sender> {
        let now = Instant::now();
        let fit = |(sender, used): &(Sender, Instant)| {
            sender.is_ready() && now.duration_since(*used) < IDLE_TIMEOUT
        };
        let mut idle = self.locked();
        let place = idle.iter().rposition(fit)?;
        idle.remove(place).map(|(sender, _)| sender)
    }

    fn put(&self, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.locked();
        if idle.len() == IDLE_MAX {
            idle.pop_front();
        }
        idle.push_back((sender, Instant::now()));
    }

    fn drop_idle_since(&self, since: Instant) {
        self.locked()
            .retain(|(sender, used)| *used > since && !sender.is_closed());
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, VecDeque<(Sender, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends with the pool.
async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT / 2).await;
        let Some(pool) = pool.upgrade() else { return };
        if let Some(since) = Instant::now().checked_sub(IDLE_TIMEOUT) {
            pool.drop_idle_since(since);
        }
    }
}

/// The body of a vendor's answer. Read to its end it gives its connection back; dropped before, it
/// closes it, which is how the vendor learns that nobody listens any more.
pub(crate) struct VendorBody {
    body: Incoming,
    lease: Option<(Sender, Arc<Pool>)>,
}

impl VendorBody {
    pub(super) fn new(body: Incoming, sender: Sender, pool: Arc<Pool>) -> VendorBody {
        VendorBody {
            body,
            lease: Some((sender, pool)),
        }
    }

    fn give_back(&mut self) {
        if let Some((sender, pool)) = self.lease.take() {
            pool.put(sender);
        }
    }
}

impl Body for VendorBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let next = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(None) = next {
            self.give_back();
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for VendorBody {
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            self.give_back();
        }
    }
}
