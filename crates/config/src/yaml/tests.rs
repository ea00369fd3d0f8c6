use super::*;
use crate::node::Scalar;

/// The tree as JSON-like text, without places.
fn shape(node: &Node) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match &node.kind {
        Kind::Scalar(Scalar { sort, text }) => match sort {
            Sort::Null => "null".into(),
            Sort::Bool | Sort::Number => text.clone(),
            Sort::Text => format!("'{text}'"),
        },
        Kind::List(items) => format!("[{}]", joined(items.iter().map(shape).collect())),
        Kind::Map(members) => {
            let member = |m: &Member| format!("{}:{}", m.key, shape(&m.value));
            format!("{{{}}}", joined(members.iter().map(member).collect()))
        }
    }
}

fn problems(text: &str) -> Vec<String> {
    match read(text) {
        Ok(tree) => tree.problems.iter().map(ToString::to_string).collect(),
        Err(problem) => vec![problem.to_string()],
    }
}

#[test]
fn scalars_are_what_the_core_schema_says() {
    for (text, expected) in [
        ("", "null"),
        ("# only a comment", "null"),
        ("~", "null"),
        ("no", "'no'"),
        ("yes", "'yes'"),
        ("True", "True"),
        ("'true'", "'true'"),
        ("12", "12"),
        ("-1.5e+3", "-1.5e+3"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        (".inf", ".inf"),
        ("1_000", "'1_000'"),
        ("2024-10-21", "'2024-10-21'"),
        ("1.2.3", "'1.2.3'"),
        ("e5", "'e5'"),
        (".", "'.'"),
        ("-", "[null]"),
        ("\"12\"", "'12'"),
        ("!!str 12", "'12'"),
        ("! 12", "'12'"),
        ("!!int \"12\"", "12"),
        ("|\n a\n b", "'a\nb\n'"),
        ("[a, {b: c}]", "['a',{b:'c'}]"),
        ("{1: x, true: y}", "{1:'x',true:'y'}"),
        ("---\na: 1\n...\n", "{a:1}"),
    ] {
        assert_eq!(shape(&read(text).unwrap().root), expected, "{text}");
    }
}

#[test]
fn aliases_and_merges_are_resolved() {
    for (text, expected) in [
        ("a: &x {p: 1}\nb: *x", "{a:{p:1},b:{p:1}}"),
        (
            "a: &x {p: 1, q: 2}\nb: {<<: *x, p: 3}",
            "{a:{p:1,q:2},b:{p:3,q:2}}",
        ),
        ("b: {<<: [{p: 1}, {p: 2, q: 3}]}", "{b:{p:1,q:3}}"),
        ("b: {'<<': 1}", "{b:{<<:1}}"),
        ("a: &x 1\nb: &x 2\nc: *x", "{a:1,b:2,c:2}"),
        ("&x a: 1\nb: *x", "{a:1,b:'a'}"),
    ] {
        let tree = read(text).unwrap();
        assert_eq!(tree.problems, [], "{text}");
        assert_eq!(shape(&tree.root), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        (
            "a: 1\nb: 2\na: 3",
            "line 3, column 1: a: this key stands on line 1 already",
        ),
        (
            "a: {b: 1, b: 2}",
            "line 1, column 11: a.b: this key stands on line 1 already",
        ),
        (
            "a: 1\n---\nb: 2",
            "line 2, column 1: a second document starts here",
        ),
        (
            "a: *x",
            "line 1, column 4: not valid YAML: while parsing node, found unknown anchor",
        ),
        (
            "a: &x [*x]",
            "line 1, column 8: a[0]: this alias stands inside what it refers to",
        ),
        (
            "a: !secret x",
            "line 1, column 4: a: the tag `!secret` has no meaning here",
        ),
        (
            "a: !!binary eA==",
            "line 1, column 4: a: the tag `!!binary` has no meaning here",
        ),
        (
            "a: !!set {x}",
            "line 1, column 4: a: the tag `!!set` has no meaning here",
        ),
        (
            "a: {<<: 5}",
            "line 1, column 9: `<<` takes a mapping or a list of mappings, found a number",
        ),
        (
            "? [a]\n: b",
            "line 1, column 3: a key must be text, found a list",
        ),
        ("a: [", "not valid YAML"),
        ("a: 'x", "not valid YAML"),
        ("a:\n\t- b", "line 2, column 2: not valid YAML: tabs"),
    ] {
        let found = problems(text).join("\n");
        assert!(
            found.contains(expected),
            "{text}\nfound:    {found}\nexpected: {expected}"
        );
    }
}

#[test]
fn places_are_those_of_keys_and_values() {
    let tree = read("top:\n  - name: x\n    other:\n").unwrap();
    let Kind::Map(top) = &tree.root.kind else {
        panic!("{:?}", tree.root)
    };
    let Kind::List(items) = &top[0].value.kind else {
        panic!("{top:?}")
    };
    let Kind::Map(first) = &items[0].kind else {
        panic!("{items:?}")
    };
    assert_eq!(top[0].mark, Mark { line: 1, column: 1 });
    assert_eq!(items[0].mark, Mark { line: 2, column: 5 });
    assert_eq!(first[0].mark, Mark { line: 2, column: 5 });
    assert_eq!(
        first[0].value.mark,
        Mark {
            line: 2,
            column: 11
        }
    );
    assert_eq!(
        first[1].value.mark,
        Mark { line: 3, column: 5 },
        "a missing value stands at its key"
    );
}

#[test]
fn depth_is_bounded() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(read(&deep(MAX_DEPTH)).is_ok());
    for levels in [MAX_DEPTH + 1, 200, 100_000] {
        assert!(!problems(&deep(levels)).is_empty(), "{levels}");
    }
    let block = "- ".repeat(50_000) + "x";
    assert!(
        problems(&block)
            .join("")
            .contains("nested deeper than 64 levels")
    );
    let link = |n: usize| format!("a{n}: &a{n} [*a{}]", n - 1);
    let chain = (1..100).map(link).collect::<Vec<_>>().join("\n");
    let chained = problems(&format!("a0: &a0 [x]\n{chain}"));
    assert!(
        chained.join("").contains("nested deeper than 64 levels"),
        "{chained:?}"
    );
}

#[test]
fn the_growth_of_aliases_is_bounded() {
    let level = |n: usize| {
        format!(
            "a{n}: &a{n} [{}]\n",
            vec![format!("*a{}", n - 1); 10].join(",")
        )
    };
    let bomb: String = (1..12).map(level).collect();
    let found = problems(&format!("a0: &a0 [lol]\n{bomb}"));
    assert!(
        found
            .join("")
            .contains("the aliases grow to more than 67108864 bytes"),
        "{found:?}"
    );
}
