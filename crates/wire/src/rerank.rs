//! Documents in the order of their relevance: one question and answer for all vendors, which is
//! Cohere's, and the forms of those that have their own.
//!
//! Vendors of the common form get the client's own bytes; only what they counted is read here.

mod forms;
mod question;

pub use question::Question;

use std::borrow::Cow;

use crate::ir::{
    Dropped, NotAReply, Plan, Received, Refusal, Told, Usage, note_strangers, with_extra,
};
use crate::json::Node;
use crate::json::write::{self, Object, number};
use question::Documents;

/// A vendor's form of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Cohere's, version 2, with texts for documents.
    Cohere,
    /// Bedrock's agents; the model is an ARN.
    Bedrock,
    /// Vertex AI's ranking.
    Vertex,
    /// NVIDIA's, by logits.
    Nvidia,
    /// A score for each document.
    Scores,
    /// Models of Workers AI.
    Workers,
}

struct Row {
    /// Whether the vendor takes a bound on the tokens of a document.
    bounds: bool,
    /// Whether scores come in the order of the documents.
    unsorted: bool,
    write: Write,
    read: Read,
}

type Write = fn(&Question<'_>, &Plan<'_>, &mut Object<'_>);
type Read = for<'a> fn(Node<'a>, &mut Ranking<'a>) -> Result<(), NotAReply>;

/// What an answer says.
#[derive(Default)]
struct Ranking<'a> {
    id: Option<Cow<'a, str>>,
    /// Documents by number, with their scores.
    scores: Vec<(u64, f64)>,
    searches: Option<u64>,
    tokens: Option<u64>,
}

impl Form {
    const fn row(self) -> Row {
        let (write, read): (Write, Read) = match self {
            Form::Cohere => (forms::write_cohere, forms::read_cohere),
            Form::Bedrock => (forms::write_bedrock, forms::read_bedrock),
            Form::Vertex => (forms::write_vertex, forms::read_vertex),
            Form::Nvidia => (forms::write_nvidia, forms::read_nvidia),
            Form::Scores => (forms::write_scores, forms::read_scores),
            Form::Workers => (forms::write_worker, forms::read_worker),
        };
        Row {
            bounds: matches!(self, Form::Cohere | Form::Bedrock),
            unsorted: matches!(self, Form::Scores | Form::Nvidia | Form::Workers),
            write,
            read,
        }
    }
}

/// A question in a vendor's form.
#[derive(Clone, Debug)]
pub struct Written {
    /// The body; None where the answer is known without a call, because nothing is wanted.
    pub body: Option<Vec<u8>>,
    /// Parameters that did not reach the vendor as the client wrote them.
    pub dropped: Vec<String>,
    /// What the answer's reader has to know.
    pub recall: Recall,
}

/// What the answer's reader has to know of the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Recall {
    form: Form,
    documents: usize,
    most: usize,
    /// Documents that are to be told again.
    told: Option<Documents>,
}

/// Puts a question into a vendor's form.
pub fn write(question: &Question<'_>, form: Form, plan: &Plan<'_>) -> Result<Written, Refusal> {
    let row = form.row();
    let mut dropped = Dropped::default();
    note_strangers(question.body, &question::KNOWN, &mut dropped);
    let bounded = question.max_tokens_per_doc.is_some();
    dropped.note_if(bounded && !row.bounds, "max_tokens_per_doc");
    let body = (question.most() > 0).then(|| {
        let mut out = Vec::with_capacity(256);
        write::object(&mut out, |o| (row.write)(question, plan, o));
        with_extra(out, question.extra.as_ref(), plan, &mut dropped)
    });
    Ok(Written {
        body,
        dropped: dropped.settle(plan)?,
        recall: Recall {
            form,
            documents: question.documents.len(),
            most: question.most(),
            told: question.return_documents.then(|| Documents::of(question)),
        },
    })
}

impl Recall {
    /// Puts the answer into the common form; `answer` is None where there was no call, `id` stands
    /// in for one that the vendor does not give, `named` is the model as the client knows it.
    pub fn read(
        &self,
        answer: Option<&Received<'_>>,
        id: &str,
        named: &str,
    ) -> Result<Told, NotAReply> {
        let row = self.form.row();
        let mut ranking = Ranking::default();
        if let Some(answer) = answer {
            (row.read)(Node::parse(answer.body)?, &mut ranking)?;
            ranking.tokens = ranking.tokens.or(answer.input_tokens);
        }
        self.check(&ranking)?;
        if row.unsorted {
            ranking.scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        }
        ranking.scores.truncate(self.most);
        let mut body = Vec::with_capacity(256);
        self.write(&ranking, id, named, &mut body);
        let usage = Usage {
            uncached_in: ranking.tokens.unwrap_or(0),
            search_units: ranking.searches.unwrap_or(0),
            ..Usage::default()
        };
        let counted = ranking.tokens.or(ranking.searches);
        Ok(Told {
            body,
            usage: counted.map(|_| usage.into()),
            pictures: 0,
        })
    }

    /// Every number is a document's, and none comes twice.
    fn check(&self, ranking: &Ranking<'_>) -> Result<(), NotAReply> {
        let mut seen = vec![false; self.documents];
        for (index, _) in &ranking.scores {
            let place = usize::try_from(*index)
                .ok()
                .and_then(|index| seen.get_mut(index));
            match place {
                Some(place) if !*place => *place = true,
                _ => return Err(NotAReply::Lacks("number of a document")),
            }
        }
        if self.form == Form::Scores && self.most > 0 && seen.contains(&false) {
            return Err(NotAReply::Lacks("score for each document"));
        }
        Ok(())
    }

    fn write(&self, ranking: &Ranking<'_>, id: &str, named: &str, out: &mut Vec<u8>) {
        write::object(out, |o| {
            o.text("id", ranking.id.as_deref().unwrap_or(id));
            o.text("model", named);
            o.array("results", |a| {
                for (index, score) in &ranking.scores {
                    a.object(|o| {
                        o.uint("index", *index);
                        number(o.name("relevance_score"), *score);
                        let told = self.told.as_ref();
                        let document = told.and_then(|told| told.get(*index));
                        o.raw_if("document", document);
                    });
                }
            });
            if ranking.tokens.or(ranking.searches).is_none() {
                return;
            }
            o.object("meta", |o| {
                if let Some(searches) = ranking.searches {
                    o.object("billed_units", |o| o.uint("search_units", searches));
                }
                if let Some(tokens) = ranking.tokens {
                    o.object("tokens", |o| o.uint("input_tokens", tokens));
                }
            });
        });
    }
}

/// Reads what is needed of an answer in the common form: it goes to the client as it came.
pub fn read_common(body: &[u8]) -> Result<Told, NotAReply> {
    let [results, data, meta, usage] =
        Node::parse(body)?.pick(["results", "data", "meta", "usage"]);
    let list = results.or(data).filter(|list| list.is_array());
    list.ok_or(NotAReply::Lacks("results"))?;
    let (searches, tokens) = meta.map(forms::counted).unwrap_or_default();
    let counted = searches.or(tokens).map(|_| {
        crate::usage::Usage::from(Usage {
            uncached_in: tokens.unwrap_or(0),
            search_units: searches.unwrap_or(0),
            ..Usage::default()
        })
    });
    let usage = usage.and_then(|usage| crate::usage::Usage::read(usage.raw()));
    Ok(Told {
        body: body.to_vec(),
        usage: usage.or(counted),
        pictures: 0,
    })
}
