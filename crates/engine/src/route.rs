//! From a call to the order in which targets are tried for it.

use wire::fault::{Fault, Kind};

use crate::chat::ChatFacts;
use crate::directory::Candidate;
use crate::gateway::Call;

/// Whom to try for a call, and in which order.
pub struct Plan {
    /// The candidates, best first; never empty.
    pub candidates: Vec<Candidate>,
    /// Whether the next candidate may be tried after a failure that it might mend.
    pub advance: bool,
}

/// Whether the caller may have the model, and who could serve it.
pub fn plan(call: &Call, facts: &ChatFacts) -> Result<Plan, Fault> {
    let model = call.snapshot.resolve(&facts.model);
    if !call.principal.may_use(&facts.model) && !call.principal.may_use(model) {
        let text = format!(
            "the API key `{}` may not use the model `{}`",
            call.principal.id, facts.model
        );
        return Err(Fault::new(Kind::ModelNotAllowed).saying(text));
    }
    let candidates = call.snapshot.route(model, call.row, facts.stream);
    if candidates.is_empty() {
        let mut fault = Fault::new(Kind::ModelNotFound);
        fault.param = Some("model".into());
        return Err(fault);
    }
    Ok(Plan {
        candidates,
        advance: true,
    })
}
