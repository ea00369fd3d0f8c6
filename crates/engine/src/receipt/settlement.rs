//! What a settled receipt leaves in the metrics.

use std::time::Duration;

use telemetry::CallMetrics;
use wire::fault::Kind;
use wire::usage::Usage;

use super::Open;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client has its whole answer.
    Answered,
    /// Refused by the operator's rules.
    Denied,
    /// The request, the gateway or the vendor was at fault.
    Failed,
    /// The client went away.
    Aborted,
}

impl Outcome {
    /// The word in the access line.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
            Outcome::Aborted => "aborted",
        }
    }
}

impl Open {
    /// Counts the request and writes its line.
    pub(super) fn settle(mut self, outcome: Outcome) {
        self.notes.count_prompts();
        self.notes.cost = self.notes.cost();
        let took = self.started.elapsed();
        let status = match outcome {
            Outcome::Aborted => Kind::ClientGone.row().status,
            _ => self.notes.status,
        };
        self.count(outcome, status, took);
        self.write_line(outcome, status, took);
    }

    fn count(&self, outcome: Outcome, status: u16, took: Duration) {
        let (Some((surface, _)), notes) = (&self.surface, &self.notes) else {
            return;
        };
        surface.request_bytes.add(notes.bytes_in);
        surface.response_bytes.add(notes.bytes_out);
        surface.response(status);
        if outcome == Outcome::Aborted {
            surface.aborted.inc();
        }
        let metrics = &self.books.metrics;
        for attempt in &notes.attempts {
            metrics.attempt(&attempt.provider, attempt.outcome());
            if let Some(kind) = attempt.fault {
                metrics.provider_error(&attempt.provider, kind.row().label);
            }
        }
        // Names that only a client has thought of are not worth a series.
        let model = notes
            .model
            .as_deref()
            .filter(|_| notes.owned || outcome == Outcome::Answered);
        let call = metrics.call(
            notes.provider.as_deref().unwrap_or("none"),
            model.unwrap_or("unknown"),
        );
        match outcome {
            Outcome::Answered => call.requests_success.inc(),
            Outcome::Denied => call.requests_rejected.inc(),
            Outcome::Failed | Outcome::Aborted => call.requests_error.inc(),
        }
        if let Some(variant) = &notes.variant {
            let ended = match outcome {
                Outcome::Answered if notes.variant_failover => "failover",
                Outcome::Answered => "success",
                Outcome::Denied => "rejected",
                Outcome::Failed | Outcome::Aborted => "error",
            };
            metrics.variant(variant, ended);
        }
        call.duration.observe(took);
        call.overhead.observe(self.own_time(took));
        if let Some(first) = notes.first_token {
            call.first_token.observe(first);
        }
        if let Some(gap) = notes.inter_token {
            call.inter_token.observe(gap);
        }
        if let Some(usage) = &notes.usage {
            count_tokens(&call, usage);
        }
        // Attempts in vain count where they were made; the rest of the sum is the last one's.
        let mut rest = notes.cost.unwrap_or_default().amount;
        for spent in notes.spent() {
            let there = metrics.call(&spent.provider, &spent.model);
            count_tokens(&there, &spent.usage);
            let Some(cost) = spent.cost() else { continue };
            there.cost_pico_usd.add(cost.amount.pico());
            rest = rest.saturating_sub(cost.amount);
        }
        call.cost_pico_usd.add(rest.pico());
    }
}

fn count_tokens(call: &CallMetrics, usage: &Usage) {
    call.tokens_input.add(usage.input);
    call.tokens_output.add(usage.output);
    call.tokens_cached.add(usage.cached);
}
