//! Documents in order, in every vendor's form: those that share more words with the query come
//! first.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    answer::Answer, anthropic::Form as Errors, behaviour::Behaviour, fault::Fault, openai::Refusal,
    vectors,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Cohere,
    Bedrock,
    Vertex,
    Nvidia,
    Scores,
    Workers,
}

/// What a request for an order asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ranks {
    pub(crate) form: Form,
    pub(crate) model: String,
    query: String,
    documents: Vec<String>,
    most: usize,
}

impl Form {
    /// The dialect in which errors are told.
    pub(crate) fn errors(self) -> Errors {
        match self {
            Form::Cohere => Errors::Cohere,
            Form::Bedrock => Errors::Converse,
            Form::Vertex => Errors::Gemini,
            Form::Nvidia | Form::Scores | Form::Workers => Errors::OpenAi,
        }
    }
}

/// The form that a request is in; None when it asks for something else.
pub(crate) fn form(path: &str, body: &Value) -> Option<Form> {
    if path.ends_with("/rerank") {
        let agent = body.get("sources").is_some();
        Some(if agent { Form::Bedrock } else { Form::Cohere })
    } else if path.ends_with(":rank") {
        Some(Form::Vertex)
    } else if path.ends_with("/ranking") || path.ends_with("/reranking") {
        Some(Form::Nvidia)
    } else if path.contains("/inference/") && body.get("queries").is_some() {
        Some(Form::Scores)
    } else {
        (path.contains("/run/") && body.get("contexts").is_some()).then_some(Form::Workers)
    }
}

/// What a request asks for.
pub(crate) fn read(form: Form, path: &str, body: &Bytes) -> Result<Ranks, Refusal> {
    let members: Value = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let at = |place: &str| members.pointer(place);
    let settings = "/rerankingConfiguration/bedrockRerankingConfiguration";
    let (query, documents, inside, most) = match form {
        Form::Cohere => (at("/query"), at("/documents"), "", at("/top_n")),
        Form::Bedrock => (
            at("/queries/0/textQuery/text"),
            at("/sources"),
            "/inlineDocumentSource/textDocument/text",
            members.pointer(&format!("{settings}/numberOfResults")),
        ),
        Form::Vertex => (at("/query"), at("/records"), "/content", at("/topN")),
        Form::Nvidia => (at("/query/text"), at("/passages"), "/text", None),
        Form::Scores => (at("/queries/0"), at("/documents"), "", None),
        Form::Workers => (at("/query"), at("/contexts"), "/text", at("/top_k")),
    };
    let query = query
        .and_then(Value::as_str)
        .ok_or_else(|| Refusal::missing("query"))?;
    let items = documents.and_then(Value::as_array).into_iter().flatten();
    let text = |item: &Value| match item.pointer(inside) {
        Some(Value::String(text)) => text.clone(),
        other => other.map(Value::to_string).unwrap_or_default(),
    };
    let documents: Vec<_> = items.map(text).collect();
    if documents.is_empty() {
        return Err(Refusal::missing("documents"));
    }
    let model = match form {
        Form::Bedrock => {
            let arn = members.pointer(&format!("{settings}/modelConfiguration/modelArn"));
            arn.and_then(Value::as_str)
                .map(|arn| arn.rsplit('/').next().unwrap_or(arn).to_owned())
        }
        Form::Scores => path
            .split_once("/inference/")
            .map(|(_, model)| model.to_owned()),
        _ => vectors::model(path, &members),
    };
    let most = most
        .and_then(Value::as_u64)
        .and_then(|most| usize::try_from(most).ok());
    Ok(Ranks {
        form,
        model: model.ok_or_else(Refusal::no_model)?,
        query: query.to_owned(),
        most: most.unwrap_or(documents.len()).min(documents.len()),
        documents,
    })
}

impl Ranks {
    /// Bytes of text it holds besides the model's name.
    pub(crate) fn weight(&self) -> usize {
        self.query.len() + self.documents.iter().map(String::len).sum::<usize>()
    }

    /// The share of the query's words that a document has.
    fn score(&self, document: &str) -> f64 {
        let words: Vec<_> = self
            .query
            .split_whitespace()
            .map(str::to_lowercase)
            .collect();
        let document = document.to_lowercase();
        let shared = words
            .iter()
            .filter(|word| document.contains(word.as_str()))
            .count();
        let of = |count: usize| u32::try_from(count).map_or(0.0, f64::from);
        of(shared) / of(words.len()).max(1.0)
    }
}

/// The answer to a request, faults of the transport aside.
pub(crate) fn answer(asked: &Ranks, behaviour: &Behaviour) -> Answer {
    if asked.model.starts_with("nope") {
        return Refusal::unknown_model(&asked.model)
            .in_form(asked.form.errors())
            .answer();
    }
    let scores: Vec<_> = asked
        .documents
        .iter()
        .map(|document| asked.score(document))
        .collect();
    let mut order: Vec<_> = scores.iter().copied().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.truncate(asked.most);
    let list = |write: fn(usize, f64) -> Value| -> Value {
        order.iter().map(|(at, score)| write(*at, *score)).collect()
    };
    let counts = !behaviour.has(Fault::NoUsage);
    let body = match asked.form {
        Form::Cohere => {
            let results = list(|at, score| json!({"index": at, "relevance_score": score}));
            let mut body = json!({"id": "rank-mock", "results": results});
            if counts {
                body["meta"] = json!({"billed_units": {"search_units": 1}});
            }
            body
        }
        Form::Bedrock => {
            json!({"results": list(|at, score| json!({"index": at, "relevanceScore": score}))})
        }
        Form::Vertex => {
            json!({"records": list(|at, score| json!({"id": at.to_string(), "score": score}))})
        }
        Form::Nvidia => {
            json!({"rankings": list(|at, score| json!({"index": at, "logit": score * 8.0 - 4.0}))})
        }
        Form::Scores => json!({"scores": scores, "input_tokens": 8}),
        Form::Workers => {
            let response = list(|at, score| json!({"id": at, "score": score}));
            json!({"result": {"response": response}, "success": true, "errors": [], "messages": []})
        }
    };
    Answer::Whole(StatusCode::OK, body.to_string().into_bytes())
}
