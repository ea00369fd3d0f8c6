//! Pictures from words: OpenAI's question and answer, and those of every vendor that has its own.
//!
//! A question may take several calls, where a model makes one picture in each. [`write`] gives the
//! bodies in the order in which [`Recall::read`] wants the answers.

mod bedrock;
mod google;
mod question;
mod raw;
mod shape;

pub use question::{Question, Wanted};

use std::borrow::Cow;

use crate::ir::{
    Dropped, NotAReply, Plan, Received, Refusal, Told, Usage, media, note_strangers, unsayable,
    with_extra,
};
use crate::json::Node;
use crate::json::write::{self, Object};
use crate::replicate;
use crate::vendor_error::VendorError;

/// A vendor's form of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// OpenAI's.
    OpenAi,
    /// Imagen's predictions.
    Imagen,
    /// Gemini models, which draw as they talk.
    Gemini,
    /// Nova Canvas and Titan.
    Canvas,
    /// Stable Diffusion XL on Bedrock.
    Sdxl,
    /// Stability's later models on Bedrock.
    Stability,
    /// Replicate's predictions.
    Replicate,
    /// Hugging Face's task of drawing.
    Tasks,
    /// Models of Workers AI.
    Workers,
}

struct Row {
    /// The most pictures of one call.
    most: u64,
    /// Members that it takes beside the usual ones.
    takes: &'static [&'static str],
    write: fn(&mut Body<'_, '_>, &mut Object<'_>),
    read: for<'a> fn(&Received<'a>, &mut Drawing<'a>) -> Result<(), NotAReply>,
}

/// What the body of a call is written from.
struct Body<'b, 'a> {
    question: &'b Question<'a>,
    /// Pictures that the call is to give.
    count: u64,
    dropped: &'b mut Dropped,
}

/// A picture, in one of the two ways in which vendors give one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Picture<'a> {
    Base64(Cow<'a, str>),
    Url(Cow<'a, str>),
}

/// What the answers hold.
#[derive(Default)]
struct Drawing<'a> {
    pictures: Vec<Picture<'a>>,
    /// Why a picture was held back.
    filtered: Option<Cow<'a, str>>,
    usage: Option<Usage>,
}

impl Form {
    const fn row(self) -> Row {
        match self {
            Form::OpenAi | Form::Replicate => Row {
                most: question::MOST,
                takes: &[],
                write: raw::write_nothing,
                read: raw::read_prediction,
            },
            Form::Imagen => Row {
                most: question::MOST,
                takes: &["aspect_ratio"],
                write: google::write_imagen,
                read: google::read_imagen,
            },
            Form::Gemini => Row {
                most: 1,
                takes: &["aspect_ratio", "quality"],
                write: google::write_gemini,
                read: google::read_gemini,
            },
            Form::Canvas => Row {
                most: 5,
                takes: &["quality"],
                write: bedrock::write_canvas,
                read: bedrock::read_images,
            },
            Form::Sdxl => Row {
                most: question::MOST,
                takes: &[],
                write: bedrock::write_sdxl,
                read: bedrock::read_sdxl,
            },
            Form::Stability => Row {
                most: 1,
                takes: &["aspect_ratio", "output_format", "seed", "negative_prompt"],
                write: bedrock::write_stability,
                read: bedrock::read_images,
            },
            Form::Tasks => Row {
                most: 1,
                takes: &[],
                write: raw::write_task,
                read: raw::read_raw,
            },
            Form::Workers => Row {
                most: 1,
                takes: &[],
                write: raw::write_worker,
                read: raw::read_raw,
            },
        }
    }

    /// The form of a model on Bedrock; None when nothing is known of one.
    pub fn at_bedrock(known_as: &str) -> Option<Form> {
        bedrock::form(known_as)
    }

    /// The form of a model of Google's; None when it is none that draws.
    pub fn of_google(model: &str) -> Option<Form> {
        google::form(model)
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

/// What the answers' reader has to know of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recall {
    form: Form,
    calls: usize,
    wanted: Option<Wanted>,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawn {
    /// OpenAI's answer.
    Told(Told),
    /// The pictures are at these addresses, and the client wants themselves: [`Recall::read`] again,
    /// with what is found there in this order. They are not the vendor's API: no credential goes
    /// there.
    Fetch(Vec<String>),
}

/// Puts a question into a vendor's form; `inputs` is what is known of a model of Replicate's.
pub fn write(
    question: &Question<'_>,
    form: Form,
    plan: &Plan<'_>,
    inputs: Option<&replicate::Inputs>,
) -> Result<Written, Refusal> {
    check(question, form, plan)?;
    let recall = |calls| Recall {
        form,
        calls,
        wanted: question.wanted,
    };
    if form == Form::Replicate {
        let encoded = replicate::write_image_request(question.body, plan, inputs)?;
        return Ok(Written {
            bodies: vec![encoded.body],
            dropped: encoded.dropped,
            recall: recall(1),
        });
    }
    let row = form.row();
    let mut dropped = Dropped::default();
    let known = [&question::KNOWN[..], row.takes].concat();
    note_strangers(question.body, &known, &mut dropped);
    let most = google::most(plan.model).unwrap_or(question::MOST);
    dropped.note_if(question.n > most, "n");
    let mut left = question.n.min(most);
    let mut bodies = Vec::new();
    while left > 0 {
        let count = left.min(row.most);
        left -= count;
        let mut body = Body {
            question,
            count,
            dropped: &mut dropped,
        };
        let mut out = Vec::with_capacity(256);
        write::object(&mut out, |o| (row.write)(&mut body, o));
        bodies.push(with_extra(out, question.extra.as_ref(), plan, &mut dropped));
    }
    Ok(Written {
        recall: recall(bodies.len()),
        bodies,
        dropped: dropped.settle(plan)?,
    })
}

fn check(question: &Question<'_>, form: Form, plan: &Plan<'_>) -> Result<(), Refusal> {
    let by_url = matches!(form, Form::OpenAi | Form::Replicate);
    if question.wanted == Some(Wanted::Url) && !by_url {
        return Err(unsayable(
            plan,
            "response_format",
            "gives b64_json only, not url",
        ));
    }
    if form == Form::Tasks && question.n > 1 {
        let why = format!("makes one picture at a time, not {}", question.n);
        return Err(unsayable(plan, "n", &why));
    }
    Ok(())
}

impl Recall {
    /// Puts the answers, in the order of the calls, into OpenAI's form. `fetched` is what was found
    /// where [`Drawn::Fetch`] said, or nothing.
    pub fn read(
        &self,
        answers: &[Received<'_>],
        fetched: &[&[u8]],
        created: u64,
    ) -> Result<Drawn, NotAReply> {
        if answers.len() != self.calls {
            return Err(NotAReply::Lacks("answer to each call"));
        }
        let row = self.form.row();
        let mut drawing = Drawing::default();
        for answer in answers {
            (row.read)(answer, &mut drawing)?;
        }
        if drawing.pictures.is_empty() {
            return Err(nothing(drawing.filtered.as_deref()));
        }
        let as_url = self.form == Form::Replicate && self.wanted != Some(Wanted::Base64);
        if !as_url && fetched.is_empty() {
            let urls: Vec<_> = drawing.urls().map(str::to_owned).collect();
            if !urls.is_empty() {
                return Ok(Drawn::Fetch(urls));
            }
        }
        if !as_url && fetched.len() != drawing.urls().count() {
            return Err(NotAReply::Lacks("picture at each address"));
        }
        Ok(Drawn::Told(drawing.told(as_url, fetched, created)))
    }
}

impl Drawing<'_> {
    fn urls(&self) -> impl Iterator<Item = &str> {
        self.pictures.iter().filter_map(|picture| match picture {
            Picture::Url(url) => Some(&**url),
            Picture::Base64(_) => None,
        })
    }

    fn told(&self, as_url: bool, fetched: &[&[u8]], created: u64) -> Told {
        let mut fetched = fetched.iter();
        let mut body = Vec::with_capacity(256);
        write::object(&mut body, |o| {
            o.uint("created", created);
            o.array("data", |a| {
                for picture in &self.pictures {
                    a.object(|o| match picture {
                        Picture::Base64(data) => o.text("b64_json", data),
                        Picture::Url(url) if as_url => o.text("url", url),
                        Picture::Url(_) => {
                            let bytes = fetched.next().copied().unwrap_or_default();
                            o.text("b64_json", &media::encode(bytes));
                        }
                    });
                }
            });
            if let Some(usage) = &self.usage {
                o.object("usage", |o| {
                    o.uint("input_tokens", usage.prompt());
                    o.uint("output_tokens", usage.out);
                    o.uint("total_tokens", usage.prompt().saturating_add(usage.out));
                });
            }
        });
        Told {
            body,
            usage: self.usage.map(crate::usage::Usage::from),
            pictures: self.pictures.len() as u64,
        }
    }
}

/// Every picture was held back, or there was none.
fn nothing(why: Option<&str>) -> NotAReply {
    match why {
        Some(why) => NotAReply::Vendor(VendorError {
            message: Some(why.to_owned()),
            code: Some("content_policy_violation".to_owned()),
            status: Some(400),
            ..VendorError::default()
        }),
        None => NotAReply::Lacks("picture"),
    }
}

/// Reads what is needed of an answer in OpenAI's form: it goes to the client as it came.
pub fn read_openai(body: &[u8]) -> Result<Told, NotAReply> {
    let [data, usage] = Node::parse(body)?.pick(["data", "usage"]);
    let data = data
        .filter(|data| data.is_array())
        .ok_or(NotAReply::Lacks("data"))?;
    Ok(Told {
        body: body.to_vec(),
        usage: usage.and_then(|usage| crate::usage::Usage::read(usage.raw())),
        pictures: data.elements().len() as u64,
    })
}
