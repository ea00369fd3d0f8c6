//! One vector, kept as the vendor wrote it for as long as nobody wants it otherwise.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ir::{NotAReply, media};
use crate::json::Node;
use crate::json::write::{array, number, text};

/// Bytes of a number in base64.
const WIDTH: usize = 4;

/// One vector.
#[derive(Clone, Debug)]
pub(super) enum Vector<'a> {
    /// A list of numbers.
    List(Node<'a>),
    /// Base64 of numbers, which were decoded once.
    Base64(Cow<'a, str>),
    /// Numbers that were worked out.
    Numbers(Vec<f64>),
}

impl<'a> Vector<'a> {
    /// Checks that a value is one.
    pub(super) fn of(node: Node<'a>) -> Result<Vector<'a>, NotAReply> {
        if let Some(base64) = node.text() {
            decode(&base64).ok_or(NotAReply::Lacks("vector in base64"))?;
            return Ok(Vector::Base64(base64));
        }
        let numbers = node.elements();
        if numbers.is_empty() || numbers.iter().any(|number| number.number().is_none()) {
            return Err(NotAReply::Lacks("vector of numbers"));
        }
        Ok(Vector::List(node))
    }

    /// The mean of vectors of one length.
    pub(super) fn mean(nodes: &[Node<'_>]) -> Result<Vector<'static>, NotAReply> {
        let mut sum: Vec<f64> = Vec::new();
        for node in nodes {
            let numbers = Vector::of(*node)?.numbers();
            if sum.is_empty() {
                sum = numbers;
            } else if sum.len() == numbers.len() {
                sum.iter_mut()
                    .zip(&numbers)
                    .for_each(|(sum, number)| *sum += number);
            } else {
                return Err(NotAReply::Lacks("one length of its vectors"));
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "tokens of a text are few")]
        let count = nodes.len() as f64;
        for number in &mut sum {
            *number /= count;
        }
        Ok(Vector::Numbers(sum))
    }

    fn numbers(&self) -> Vec<f64> {
        match self {
            Vector::List(node) => node
                .elements()
                .into_iter()
                .filter_map(Node::number)
                .collect(),
            Vector::Base64(base64) => {
                let numbers = decode(base64).unwrap_or_default();
                numbers.into_iter().map(f64::from).collect()
            }
            Vector::Numbers(numbers) => numbers.clone(),
        }
    }

    /// The same, as long as one.
    pub(super) fn even(self) -> Vector<'static> {
        let mut numbers = self.numbers();
        let length = numbers
            .iter()
            .map(|number| number * number)
            .sum::<f64>()
            .sqrt();
        if length.is_finite() && length > 0.0 {
            for number in &mut numbers {
                *number /= length;
            }
        }
        Vector::Numbers(numbers)
    }

    /// Writes it, as base64 or as a list.
    pub(super) fn write(&self, base64: bool, out: &mut Vec<u8>) {
        match (self, base64) {
            (Vector::Base64(known), true) => text(out, known),
            (vector, true) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "this form has half the digits"
                )]
                let bytes = vector
                    .numbers()
                    .into_iter()
                    .flat_map(|number| (number as f32).to_le_bytes());
                text(out, &media::encode(&bytes.collect::<Vec<_>>()));
            }
            (Vector::List(node), false) => out.extend_from_slice(node.compact().as_bytes()),
            (Vector::Base64(base64), false) => array(out, |a| {
                for number in decode(base64).unwrap_or_default() {
                    // The shortest text that means the same number of this width.
                    let _ = serde_json::to_writer(a.slot(), &number);
                }
            }),
            (Vector::Numbers(numbers), false) => array(out, |a| {
                for value in numbers {
                    number(a.slot(), *value);
                }
            }),
        }
    }
}

fn decode(base64: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(base64).ok()?;
    if bytes.is_empty() || bytes.len() % WIDTH != 0 {
        return None;
    }
    let numbers = bytes.chunks_exact(WIDTH).map(|chunk| {
        let bytes: [u8; WIDTH] = chunk.try_into().unwrap_or_default();
        f32::from_le_bytes(bytes)
    });
    Some(numbers.collect())
}
