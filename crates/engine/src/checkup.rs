//! Asking targets now and then whether they are there, where the operator wants that.
//!
//! Runs beside the calls, on connections of its own; a target that hangs delays nobody.

use std::sync::Arc;

use crate::gateway::Gateway;
use crate::target::Target;
use crate::upstream::Upstream;

/// Starts the checks that are due. To be called about each second.
pub fn start_due(gateway: &Gateway, upstream: &Arc<Upstream>) {
    for target in gateway.snapshot().targets() {
        if target.guard.is_check_due() {
            tokio::spawn(check(target.clone(), upstream.clone()));
        }
    }
}

async fn check(target: Arc<Target>, upstream: Arc<Upstream>) {
    let Some(spec) = target.guard.check() else {
        return;
    };
    let asking = target.check(&upstream, spec.path.as_deref());
    let found = match tokio::time::timeout(spec.timeout, asking).await {
        Ok(found) => found,
        Err(_) => Err(format!("no answer within {:?}", spec.timeout)),
    };
    match (target.guard.checked(found.is_ok()), found) {
        (Some(false), Err(error)) => {
            tracing::warn!(target_name = %target.name, error, "a target fails its health check; no call goes there");
        }
        (Some(_), _) => {
            tracing::info!(target_name = %target.name, "a target passes its health check again");
        }
        (None, _) => {}
    }
}
