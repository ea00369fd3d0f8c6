use super::*;
use crate::ir::{Text, Thinking, ToolCall};

const SHAPE: Shape = Shape {
    ids: Rule::USUAL,
    names: Rule::USUAL,
    every_call_answered: true,
};

fn call(id: &str) -> Block<'_> {
    Block::ToolCall(ToolCall {
        id: Cow::Borrowed(id),
        name: Cow::Borrowed("f"),
        arguments: Cow::Borrowed("{}"),
        signature: None,
        custom: false,
        cache: None,
    })
}

fn result(id: &str) -> Block<'_> {
    Block::ToolResult(ToolResult {
        id: Cow::Borrowed(id),
        name: None,
        parts: vec![Block::text("ok")],
        is_error: false,
        cache: None,
    })
}

/// A conversation in short: `U` and `A` before what is said, calls `c1`, results `r1`, errors `e1`.
fn told(turns: &[Turn<'_>]) -> String {
    let block = |block: &Block<'_>| match block {
        Block::Text(text) => format!("'{}'", text.text),
        Block::ToolCall(call) => format!("c{}", call.id),
        Block::ToolResult(result) if result.is_error => format!("e{}", result.id),
        Block::ToolResult(result) => format!("r{}", result.id),
        other => other.kind().to_owned(),
    };
    let turn = |turn: &Turn<'_>| {
        let blocks: Vec<_> = turn.blocks.iter().map(block).collect();
        format!("{:?} {}", turn.role, blocks.join(" "))
    };
    turns.iter().map(turn).collect::<Vec<_>>().join("; ")
}

fn shaped(turns: Vec<Turn<'_>>) -> String {
    let mut request = Request {
        turns,
        ..Request::default()
    };
    shape(&mut request, &SHAPE);
    told(&request.turns)
}

fn user(blocks: Vec<Block<'_>>) -> Turn<'_> {
    Turn::new(Role::User, blocks)
}

fn assistant(blocks: Vec<Block<'_>>) -> Turn<'_> {
    Turn::new(Role::Assistant, blocks)
}

#[test]
fn a07_results_stand_in_the_order_of_their_calls_before_all_else() {
    let turns = vec![
        user(vec![Block::text("go")]),
        assistant(vec![call("1"), call("2")]),
        user(vec![Block::text("also")]),
        user(vec![result("2")]),
        user(vec![result("1")]),
    ];
    assert_eq!(
        shaped(turns),
        "User 'go'; Assistant c1 c2; User r1 r2 'also'"
    );
}

#[test]
fn a_call_without_a_result_gets_an_error_and_a_result_without_a_call_becomes_words() {
    let turns = vec![
        user(vec![result("9")]),
        assistant(vec![call("1")]),
        user(vec![Block::text("never mind")]),
        assistant(vec![Block::text("fine")]),
        user(vec![result("1")]),
    ];
    assert_eq!(
        shaped(turns),
        "User '[tool result 9]: ok'; Assistant c1; User e1 'never mind'; Assistant 'fine'; \
         User '[tool result 1]: ok'"
    );
}

#[test]
fn what_is_empty_goes_and_neighbours_of_one_role_become_one() {
    let turns = vec![
        user(vec![Block::text("a")]),
        assistant(vec![
            Block::Text(Text::new("")),
            Block::Thinking(Thinking::default()),
        ]),
        user(vec![Block::text("b")]),
        assistant(vec![call("1")]),
    ];
    assert_eq!(shaped(turns), "User 'a' 'b'; Assistant c1");
}

#[test]
fn ids_change_on_both_sides_and_signatures_leave_them() {
    let mut request = Request {
        turns: vec![
            assistant(vec![call("a__thought__sig"), call("odd id")]),
            user(vec![result("odd id"), result("a__thought__sig")]),
        ],
        ..Request::default()
    };
    shape(&mut request, &SHAPE);
    let Block::ToolCall(first) = &request.turns[0].blocks[0] else {
        panic!("no call");
    };
    assert_eq!((&*first.id, first.signature.as_deref()), ("a", Some("sig")));
    let ids: Vec<_> = calls(&request.turns[0]);
    let results: Vec<_> = request.turns[1]
        .blocks
        .iter()
        .map(|block| match block {
            Block::ToolResult(result) => result.id.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, results);
}
