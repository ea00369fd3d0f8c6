//! The kinds of call, one row each. Router, admission, metrics and capabilities follow from the rows.

use providers::Surface;

/// What is true of one kind of call.
#[derive(Debug)]
pub struct SurfaceRow {
    /// Its name in metrics, logs and settings.
    pub name: &'static str,
    /// Its route.
    pub path: &'static str,
    /// What a provider's row must list to serve it whole.
    pub whole: Surface,
    /// What a provider's row must list to serve it as a stream.
    pub streamed: Option<Surface>,
}

/// Every kind of call that the gateway governs.
pub static SURFACES: [SurfaceRow; 1] = [SurfaceRow {
    name: "chat",
    path: "/v1/chat/completions",
    whole: Surface::Chat,
    streamed: Some(Surface::ChatStream),
}];
