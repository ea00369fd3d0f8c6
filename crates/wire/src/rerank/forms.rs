//! Every vendor's question and answer.

use super::{Question, Ranking};
use crate::ir::{NotAReply, Plan};
use crate::json::Node;
use crate::json::write::{Array, Object};

fn each(question: &Question<'_>, a: &mut Array<'_>, write: impl Fn(&mut Object<'_>, &str)) {
    for document in &question.documents {
        a.object(|o| write(o, document));
    }
}

/// Reads a list of numbers and scores, each under its names.
fn read_list(
    list: Option<Node<'_>>,
    names: [&str; 2],
    ranking: &mut Ranking<'_>,
) -> Result<(), NotAReply> {
    let list = list
        .filter(|list| list.is_array())
        .ok_or(NotAReply::Lacks("results"))?;
    for result in list.elements() {
        let [index, score] = result.pick(names);
        // Some write numbers as texts.
        let index = index.and_then(|index| index.uint().or_else(|| index.text()?.parse().ok()));
        let score = score
            .and_then(Node::number)
            .ok_or(NotAReply::Lacks("score"))?;
        ranking
            .scores
            .push((index.ok_or(NotAReply::Lacks("index"))?, score));
    }
    Ok(())
}

/// Searches and tokens that `meta` counts.
pub(super) fn counted(meta: Node<'_>) -> (Option<u64>, Option<u64>) {
    let [billed, tokens] = meta.pick(["billed_units", "tokens"]);
    let searches = billed.and_then(|billed| billed.get("search_units")?.uint());
    let tokens = tokens.and_then(|tokens| tokens.get("input_tokens")?.uint());
    (searches, tokens)
}

pub(super) fn write_cohere(question: &Question<'_>, plan: &Plan<'_>, o: &mut Object<'_>) {
    o.text("model", plan.model);
    o.text("query", &question.query);
    o.array("documents", |a| {
        question.documents.iter().for_each(|text| a.text(text));
    });
    o.uint_if("top_n", question.wanted());
    o.uint_if("max_tokens_per_doc", question.max_tokens_per_doc);
}

pub(super) fn read_cohere<'a>(node: Node<'a>, ranking: &mut Ranking<'a>) -> Result<(), NotAReply> {
    let [id, results, meta] = node.pick(["id", "results", "meta"]);
    read_list(results, ["index", "relevance_score"], ranking)?;
    ranking.id = id.and_then(Node::text);
    (ranking.searches, ranking.tokens) = meta.map(counted).unwrap_or_default();
    Ok(())
}

pub(super) fn write_bedrock(question: &Question<'_>, plan: &Plan<'_>, o: &mut Object<'_>) {
    o.array("queries", |a| {
        a.object(|o| {
            o.text("type", "TEXT");
            o.object("textQuery", |o| o.text("text", &question.query));
        });
    });
    o.array("sources", |a| {
        each(question, a, |o, text| {
            o.text("type", "INLINE");
            o.object("inlineDocumentSource", |o| {
                o.text("type", "TEXT");
                o.object("textDocument", |o| o.text("text", text));
            });
        });
    });
    o.object("rerankingConfiguration", |o| {
        o.text("type", "BEDROCK_RERANKING_MODEL");
        o.object("bedrockRerankingConfiguration", |o| {
            o.object("modelConfiguration", |o| {
                o.text("modelArn", plan.model);
                if let Some(most) = question.max_tokens_per_doc {
                    o.object("additionalModelRequestFields", |o| {
                        o.uint("max_tokens_per_doc", most);
                    });
                }
            });
            o.uint("numberOfResults", question.most() as u64);
        });
    });
}

pub(super) fn read_bedrock<'a>(node: Node<'a>, ranking: &mut Ranking<'a>) -> Result<(), NotAReply> {
    read_list(node.get("results"), ["index", "relevanceScore"], ranking)
}

pub(super) fn write_vertex(question: &Question<'_>, plan: &Plan<'_>, o: &mut Object<'_>) {
    o.text("model", plan.model);
    o.text("query", &question.query);
    o.uint_if("topN", question.wanted());
    o.array("records", |a| {
        for (at, document) in question.documents.iter().enumerate() {
            a.object(|o| {
                o.text("id", &at.to_string());
                o.text("content", document);
            });
        }
    });
}

pub(super) fn read_vertex<'a>(node: Node<'a>, ranking: &mut Ranking<'a>) -> Result<(), NotAReply> {
    read_list(node.get("records"), ["id", "score"], ranking)
}

pub(super) fn write_nvidia(question: &Question<'_>, plan: &Plan<'_>, o: &mut Object<'_>) {
    o.text("model", plan.model);
    o.object("query", |o| o.text("text", &question.query));
    o.array("passages", |a| {
        each(question, a, |o, text| o.text("text", text));
    });
    o.text("truncate", "END");
}

/// Scores there are of any size; the common ones are between 0 and 1.
pub(super) fn read_nvidia<'a>(node: Node<'a>, ranking: &mut Ranking<'a>) -> Result<(), NotAReply> {
    read_list(node.get("rankings"), ["index", "logit"], ranking)?;
    for (_, score) in &mut ranking.scores {
        *score = 1.0 / (1.0 + (-*score).exp());
    }
    Ok(())
}

pub(super) fn write_scores(question: &Question<'_>, _: &Plan<'_>, o: &mut Object<'_>) {
    o.array("queries", |a| a.text(&question.query));
    o.array("documents", |a| {
        question.documents.iter().for_each(|text| a.text(text));
    });
}

pub(super) fn read_scores<'a>(node: Node<'a>, ranking: &mut Ranking<'a>) -> Result<(), NotAReply> {
    let [scores, tokens] = node.pick(["scores", "input_tokens"]);
    let scores = scores.map(Node::elements).unwrap_or_default();
    for (index, score) in (0..).zip(scores) {
        let score = score.number().ok_or(NotAReply::Lacks("score"))?;
        ranking.scores.push((index, score));
    }
    ranking.tokens = tokens.and_then(Node::uint);
    Ok(())
}

pub(super) fn write_worker(question: &Question<'_>, _: &Plan<'_>, o: &mut Object<'_>) {
    o.text("query", &question.query);
    o.array("contexts", |a| {
        each(question, a, |o, text| o.text("text", text));
    });
    o.uint_if("top_k", question.wanted());
}

pub(super) fn read_worker<'a>(node: Node<'a>, ranking: &mut Ranking<'a>) -> Result<(), NotAReply> {
    let result = node.get("result").unwrap_or(node);
    let response = result.get("response").or(Some(result));
    read_list(response, ["id", "score"], ranking)
}
