//! What is known of a request, and of each try at it.

use std::sync::Arc;
use std::time::Duration;

use catalog::Price;
use http::HeaderMap;
use tokio::time::Instant;
use wire::fault::{Fault, Kind};
use wire::usage::Usage;

use crate::cost::{self, Cost, Spent};
use crate::tokens::Prompt;

/// One try at one target.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The target's name.
    pub target: Arc<str>,
    /// The vendor.
    pub provider: Arc<str>,
    /// What went wrong, if anything did.
    pub fault: Option<Kind>,
    /// The same in words, for the operator.
    pub cause: Option<Box<str>>,
    /// The vendor's status, when it gave one that says so.
    pub status: Option<u16>,
    /// How long it waited for its turn before.
    pub wait: Duration,
    /// How long it took to an answer or a failure.
    pub took: Duration,
    /// Another one was faster.
    pub lost: bool,
    /// What it used, where that is not what the answer to the call has used.
    pub spent: Option<Spent>,
}

impl Attempt {
    /// How it ended, in one word.
    pub(super) fn outcome(&self) -> &'static str {
        match (self.lost, self.fault) {
            (true, _) => "lost",
            (false, None) => "ok",
            (false, Some(kind)) => kind.row().label,
        }
    }
}

/// Files that a request named by URL and that were fetched for a vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long the call waited for them.
    pub took: Duration,
}

/// What is known of a request; filled in as it goes along.
#[derive(Debug, Default)]
pub struct Notes {
    /// The credential's name.
    pub key: Option<Arc<str>>,
    /// The model that the client asked for.
    pub asked: Option<Box<str>>,
    /// The vendor of the last attempt.
    pub provider: Option<Arc<str>>,
    /// The target of the last attempt.
    pub target: Option<Arc<str>>,
    /// The target's own name of the model.
    pub model: Option<Arc<str>>,
    /// Whether that is a model that the target is known to have.
    pub owned: bool,
    /// The model that the vendor says it used.
    pub answered: Option<Box<str>>,
    /// The route that decided, where one matched.
    pub route: Option<Arc<str>>,
    /// The side of an experiment that the caller is on.
    pub variant: Option<Arc<str>>,
    /// Whether another side, or none, served the call.
    pub variant_failover: bool,
    /// Every attempt.
    pub attempts: Vec<Attempt>,
    /// Fields of the request that did not reach the vendor as they were.
    pub dropped: Vec<String>,
    /// Fields that the vendor is known not to honour.
    pub ignored: Vec<String>,
    /// Files that were fetched for it.
    pub media: Option<Fetched>,
    /// The prompt of the last attempt, if it is to be counted where its vendor does not.
    pub(crate) prompt: Option<Prompt>,
    /// What was used by the last attempt.
    pub usage: Option<Usage>,
    /// The price list of the last attempt's model, if one is known.
    pub price: Option<Arc<Price>>,
    /// What the call cost, once that will not change any more.
    pub cost: Option<Cost>,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Time spent waiting for vendors.
    pub upstream_wait: Duration,
    /// Time spent waiting for the client's body.
    pub client_wait: Duration,
    /// Since when a vendor is being waited for, while one is.
    pub waiting: Option<Instant>,
    /// The gateway's own part of the time until the head of the answer was ready.
    pub overhead: Option<Duration>,
    /// Headers that an error answer carries: the vendor's limits, and who it was.
    pub headers: HeaderMap,
    /// Time to the first content.
    pub first_token: Option<Duration>,
    /// Mean time between content events.
    pub inter_token: Option<Duration>,
    /// Status of the answer.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// Why it failed.
    pub fault: Option<Kind>,
    /// The operator's explanation of it.
    pub cause: Option<Box<str>>,
}

impl Notes {
    /// What attempts have used that were in vain.
    pub(super) fn spent(&self) -> impl Iterator<Item = &Spent> {
        let attempts = self.attempts.iter();
        attempts.filter_map(|attempt| attempt.spent.as_ref())
    }

    /// Takes down why the request failed.
    pub fn failed(&mut self, fault: &Fault) {
        self.fault = Some(fault.kind);
        self.cause = Some(fault.to_string().into_boxed_str());
    }

    /// Counts the prompts that no vendor has counted and that can be.
    pub(crate) fn count_prompts(&mut self) {
        let attempts = self.attempts.iter_mut();
        let spent = attempts.filter_map(|attempt| attempt.spent.as_mut());
        let spent = spent.map(|spent| (&mut spent.usage, &mut spent.prompt));
        let last = self.usage.as_mut().map(|usage| (usage, &mut self.prompt));
        for (usage, prompt) in spent.chain(last) {
            if let Some(prompt) = prompt.take().filter(|_| usage.estimated) {
                usage.input = prompt.tokens();
            }
        }
    }

    /// What the last attempt used, if anything.
    fn last_spent(&self) -> Option<Spent> {
        Some(Spent {
            provider: self.provider.clone()?,
            model: self.model.clone()?,
            price: self.price.clone(),
            usage: self.usage?,
            prompt: self.prompt.clone(),
        })
    }

    /// The attempt that the rest speaks of was in vain: what it used is put aside.
    pub(crate) fn put_spent_aside(&mut self, number: usize) {
        let spent = self.last_spent();
        (self.usage, self.prompt) = (None, None);
        if let Some(attempt) = self.attempts.get_mut(number) {
            attempt.spent = spent;
        }
    }

    /// What the call has cost so far, whatever came of it. None when nothing was used, or nothing
    /// whose price is known.
    pub fn cost(&self) -> Option<Cost> {
        self.cost
            .or_else(|| cost::sum(self.spent().chain(&self.last_spent())))
    }
}
