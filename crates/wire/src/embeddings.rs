//! Embeddings: OpenAI's question and answer, and those of every vendor that has its own.
//!
//! A question may take several calls: vendors bound the texts of one. [`write`] gives the bodies in
//! the order in which [`Recall::read`] wants the answers. Vendors that speak OpenAI's form get the
//! client's own bytes; only their answers are read here.

mod bedrock;
mod cohere;
mod google;
mod plain;
mod question;
mod task;
mod vector;

pub use question::{Input, Question};

use crate::ir::{Dropped, NotAReply, Plan, Received, Refusal, Told, unsayable, with_extra};
use crate::json::Node;
use crate::json::write::{self, Object};
use crate::usage::Usage;
use vector::Vector;

/// A vendor's form of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// OpenAI's.
    OpenAi,
    /// Google's Developer API, many texts in one.
    Gemini,
    /// Vertex AI's predictions.
    Vertex,
    /// The same where a model takes one text in a call.
    VertexSingle,
    /// Vertex AI's `embedContent`, one text in a call.
    VertexContent,
    /// Cohere's, version 2.
    Cohere,
    /// Cohere's models on Bedrock.
    BedrockCohere,
    /// Titan's texts.
    Titan,
    /// Titan's texts and pictures.
    TitanImage,
    /// Nova's.
    Nova,
    /// Ollama's own.
    Ollama,
    /// Hugging Face's task of feature extraction.
    Tasks,
}

/// What a vendor counted; None where it does not say.
type Counted = Result<Option<u64>, NotAReply>;

struct Row {
    /// The most inputs of one call.
    most: usize,
    /// Whether an input may be a picture.
    pictures: bool,
    /// Refuses what models of this form cannot be asked, where there is such a thing.
    check: Option<Check>,
    write: Write,
    read: Read,
}

type Check = fn(&Question<'_>, &Plan<'_>) -> Result<(), Refusal>;
/// Writes the members of a body.
type Write = fn(&mut Body<'_, '_>, &mut Object<'_>);
/// Reads so many vectors.
type Read = for<'a> fn(Node<'a>, usize, &mut Vec<Vector<'a>>) -> Counted;

/// What the body of one call is written from.
struct Body<'b, 'a> {
    question: &'b Question<'a>,
    inputs: &'b [Input<'a>],
    plan: &'b Plan<'b>,
    dropped: &'b mut Dropped,
}

const fn texts(most: usize, write: Write, read: Read) -> Row {
    Row {
        most,
        pictures: false,
        check: None,
        write,
        read,
    }
}

impl Form {
    const fn row(self) -> Row {
        match self {
            Form::OpenAi => texts(question::MOST, plain::write_openai, plain::read_openai),
            Form::Gemini => texts(100, google::write_batch, google::read_batch),
            Form::Vertex => texts(250, google::write_instances, google::read_predictions),
            Form::VertexSingle => texts(1, google::write_instances, google::read_predictions),
            Form::VertexContent => texts(1, google::write_content, google::read_content),
            Form::Cohere => Row {
                pictures: true,
                check: Some(cohere::check),
                ..texts(96, cohere::write, cohere::read)
            },
            Form::BedrockCohere => Row {
                check: Some(cohere::check_at_bedrock),
                ..texts(96, cohere::write_at_bedrock, cohere::read)
            },
            Form::Titan => Row {
                check: Some(bedrock::check_titan),
                ..texts(1, bedrock::write_titan, bedrock::read_titan)
            },
            Form::TitanImage => texts(1, bedrock::write_titan_image, bedrock::read_titan),
            Form::Nova => texts(1, bedrock::write_nova, bedrock::read_nova),
            Form::Ollama => texts(question::MOST, plain::write_ollama, plain::read_ollama),
            Form::Tasks => texts(question::MOST, plain::write_tasks, plain::read_tasks),
        }
    }

    /// The form of a model on Bedrock; None when nothing is known of one.
    pub fn at_bedrock(known_as: &str) -> Option<Form> {
        bedrock::form(known_as)
    }

    /// The form of a model on Vertex AI; None when it is none that embeds.
    pub fn at_vertex(model: &str) -> Option<Form> {
        google::form_at_vertex(model)
    }
}

/// A question in a vendor's form.
#[derive(Clone, Debug)]
pub struct Written {
    /// The bodies of its calls, never none.
    pub bodies: Vec<Vec<u8>>,
    /// Parameters that did not reach the vendor as the client wrote them.
    pub dropped: Vec<String>,
    /// What the answers' reader has to know.
    pub recall: Recall,
}

/// Puts a question into a vendor's form.
pub fn write(question: &Question<'_>, form: Form, plan: &Plan<'_>) -> Result<Written, Refusal> {
    let row = form.row();
    question.check(plan, row.pictures)?;
    if let Some(check) = row.check {
        check(question, plan)?;
    }
    let mut dropped = Dropped::default();
    question.note_lost(&mut dropped);
    let (mut bodies, mut counts) = (Vec::new(), Vec::new());
    for inputs in question.inputs.chunks(row.most) {
        let mut body = Body {
            question,
            inputs,
            plan,
            dropped: &mut dropped,
        };
        let mut out = Vec::with_capacity(256);
        write::object(&mut out, |o| (row.write)(&mut body, o));
        bodies.push(with_extra(out, question.extra.as_ref(), plan, &mut dropped));
        counts.push(inputs.len());
    }
    Ok(Written {
        bodies,
        dropped: dropped.settle(plan)?,
        recall: Recall {
            form,
            counts,
            base64: question.base64,
            even: google::is_uneven(plan.model, question.dimensions),
            as_it_is: false,
        },
    })
}

/// What the answers' reader has to know of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    form: Form,
    /// The inputs of each call.
    counts: Vec<usize>,
    base64: bool,
    /// Whether vectors are to be made as long as one.
    even: bool,
    /// Whether the one answer is the client's as it came.
    as_it_is: bool,
}

impl Recall {
    /// That of a question in OpenAI's form: the inputs of each call, and whether the vendor was
    /// asked for the encoding that the client wants.
    pub fn of_openai(counts: Vec<usize>, base64: bool, as_asked: bool) -> Recall {
        Recall {
            form: Form::OpenAi,
            as_it_is: as_asked && counts.len() == 1,
            counts,
            base64,
            even: false,
        }
    }

    /// Puts the answers, in the order of the calls, into OpenAI's form; `named` is the model as the
    /// client knows it.
    pub fn read(&self, answers: &[Received<'_>], named: &str) -> Result<Told, NotAReply> {
        if answers.len() != self.counts.len() {
            return Err(NotAReply::Lacks("answer to each call"));
        }
        if self.form == Form::OpenAi
            && let [answer] = answers
        {
            return plain::keep(answer, self);
        }
        let row = self.form.row();
        let (mut vectors, mut tokens) = (Vec::new(), None);
        for (answer, count) in answers.iter().zip(&self.counts) {
            let before = vectors.len();
            let counted = (row.read)(Node::parse(answer.body)?, *count, &mut vectors)?;
            if vectors.len() - before != *count {
                return Err(NotAReply::Lacks("vector for each input"));
            }
            if let Some(counted) = counted.or(answer.input_tokens) {
                tokens = Some(counted.saturating_add(tokens.unwrap_or(0)));
            }
        }
        if self.even {
            vectors = vectors.into_iter().map(Vector::even).collect();
        }
        let mut out = Vec::with_capacity(256);
        self.write(&vectors, tokens.unwrap_or(0), named, &mut out);
        Ok(Told {
            body: out,
            usage: tokens.map(|input| Usage {
                input,
                ..Usage::default()
            }),
            pictures: 0,
        })
    }

    fn write(&self, vectors: &[Vector<'_>], tokens: u64, named: &str, out: &mut Vec<u8>) {
        write::object(out, |o| {
            o.text("object", "list");
            o.array("data", |a| {
                for (at, vector) in (0..).zip(vectors) {
                    a.object(|o| {
                        o.text("object", "embedding");
                        o.uint("index", at);
                        vector.write(self.base64, o.name("embedding"));
                    });
                }
            });
            o.text("model", named);
            o.object("usage", |o| {
                o.uint("prompt_tokens", tokens);
                o.uint("total_tokens", tokens);
            });
        });
    }
}

/// The vectors of a list.
fn read_list<'a>(list: Node<'a>, into: &mut Vec<Vector<'a>>) -> Result<(), NotAReply> {
    for vector in list.elements() {
        into.push(Vector::of(vector)?);
    }
    Ok(())
}

/// Refuses a length for a model that has one only.
fn no_dimensions(question: &Question<'_>, plan: &Plan<'_>) -> Result<(), Refusal> {
    match question.dimensions {
        None => Ok(()),
        Some(_) => {
            let why = format!("has one length of vectors for {}", plan.model);
            Err(unsayable(plan, "dimensions", &why))
        }
    }
}
