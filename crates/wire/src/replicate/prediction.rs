//! A prediction, as far as the gateway cares.

use crate::ir::Usage;
use crate::json::Node;
use crate::vendor_error::VendorError;

/// Where a prediction is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not finished.
    Running,
    /// Its output is complete.
    Succeeded,
    /// It failed, or was refused.
    Failed,
    /// Somebody stopped it.
    Canceled,
}

/// What a prediction says.
#[derive(Clone, Copy, Debug)]
pub struct Prediction<'a> {
    node: Node<'a>,
}

/// Words that say that the model did not like the request.
const POLICY: [&str; 3] = ["nsfw", "flagged", "e005"];

impl<'a> Prediction<'a> {
    /// A look into one; None when it has no status.
    pub fn of(node: Node<'a>) -> Option<Prediction<'a>> {
        let prediction = Prediction { node };
        prediction.status().map(|_| prediction)
    }

    /// Its id.
    pub fn id(self) -> Option<std::borrow::Cow<'a, str>> {
        self.node.get("id").and_then(Node::text)
    }

    /// Where it is on its way; None for a word that nobody knows.
    pub fn status(self) -> Option<Status> {
        let word = self.node.get("status").and_then(Node::text)?;
        Some(match &*word {
            "starting" | "processing" | "queued" => Status::Running,
            "succeeded" | "successful" => Status::Succeeded,
            "failed" => Status::Failed,
            "canceled" | "cancelled" | "aborted" => Status::Canceled,
            _ => return None,
        })
    }

    /// Where its stream is.
    pub fn stream(self) -> Option<std::borrow::Cow<'a, str>> {
        self.node.get("urls")?.get("stream").and_then(Node::text)
    }

    /// What it gave so far.
    pub(super) fn output(self) -> Option<Node<'a>> {
        self.node.get("output")
    }

    /// The output as text: a list of texts is joined, what is no text is told as JSON.
    pub(super) fn text(self) -> String {
        let words = |node: Node<'_>| node.text().unwrap_or_else(|| node.compact()).into_owned();
        match self.output() {
            None => String::new(),
            Some(list) if list.is_array() => list.elements().into_iter().map(words).collect(),
            Some(node) => words(node),
        }
    }

    /// What was counted.
    pub(super) fn usage(self) -> Option<Usage> {
        let [read, written] = self
            .node
            .get("metrics")?
            .pick(["input_token_count", "output_token_count"]);
        let [read, written] = [read, written].map(|count| count.and_then(Node::uint));
        read.or(written)?;
        Some(Usage {
            uncached_in: read.unwrap_or(0),
            out: written.unwrap_or(0),
            ..Usage::default()
        })
    }

    /// The error that it ended with; None if it did not.
    pub fn failure(self) -> Option<VendorError> {
        let told = self
            .node
            .get("error")
            .map(|error| error.text().unwrap_or_else(|| error.compact()).into_owned());
        failure(self.status()?, told.as_deref())
    }
}

/// What an end means that is no success.
pub(super) fn failure(status: Status, told: Option<&str>) -> Option<VendorError> {
    let told = told.map(str::trim).filter(|told| !told.is_empty());
    let lower = told.unwrap_or_default().to_ascii_lowercase();
    let (code, http, usual) = match status {
        Status::Running | Status::Succeeded => return None,
        Status::Canceled => (
            Some("upstream_cancelled"),
            502,
            "the prediction was cancelled",
        ),
        Status::Failed if POLICY.iter().any(|word| lower.contains(word)) => {
            (Some("content_policy_violation"), 400, "")
        }
        Status::Failed => (None, 502, "the prediction failed"),
    };
    Some(VendorError {
        message: Some(told.unwrap_or(usual).to_owned()),
        code: code.map(str::to_owned),
        status: Some(http),
        ..VendorError::default()
    })
}
