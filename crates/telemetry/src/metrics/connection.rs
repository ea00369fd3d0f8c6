//! Client connections: how many there are in which state, and how often they changed it. Counted
//! by whoever accepts them; read here at the scrape.

/// Sums over all connections since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionTotals {
    /// Connections taken on.
    pub opened: u64,
    /// Times that one began to serve.
    pub activated: u64,
    /// Times that one went back to waiting.
    pub idled: u64,
    /// Connections that are gone.
    pub closed: u64,
    /// Connections that serve now.
    pub active: u64,
    /// Connections turned away at the cap.
    pub refused: u64,
}

impl ConnectionTotals {
    /// Only serving and waiting connections are worth a gauge: new ones become either at once,
    /// closed ones are gone.
    pub(super) fn current(&self) -> [(&'static str, u64); 2] {
        let open = self.opened.saturating_sub(self.closed);
        [
            ("active", self.active),
            ("idle", open.saturating_sub(self.active)),
        ]
    }

    pub(super) fn transitions(&self) -> [(&'static str, u64); 5] {
        [
            ("new", self.opened),
            ("active", self.activated),
            ("idle", self.idled),
            ("closed", self.closed),
            ("refused", self.refused),
        ]
    }
}
