//! One object laid over another.

use super::{MAX_DEPTH, Node, write};

/// The object with the members of another laid over it: objects into objects, all else replaced.
pub fn merge(base: Node<'_>, over: Node<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(base.raw().len() + over.raw().len());
    merge_into(&mut out, base, over, MAX_DEPTH);
    out
}

fn merge_into(out: &mut Vec<u8>, base: Node<'_>, over: Node<'_>, room: usize) {
    let room = room
        .checked_sub(1)
        .filter(|_| base.is_object() && over.is_object());
    let Some(room) = room else {
        out.extend_from_slice(over.raw().as_bytes());
        return;
    };
    let mut new = over.members();
    write::object(out, |o| {
        for (name, value) in base.members() {
            // Of duplicates the last counts.
            match new.iter().rposition(|(other, _)| *other == name) {
                Some(at) => {
                    let (name, over) = new.remove(at);
                    new.retain(|(other, _)| *other != name);
                    merge_into(o.name(&name), value, over, room);
                }
                None => o.raw(&name, value.raw()),
            }
        }
        for (name, value) in new {
            o.raw(&name, value.raw());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_go_into_objects_and_all_else_is_replaced() {
        let merged = merge(
            Node::of(r#"{"a":{"x":1,"y":[1]},"b":2}"#),
            Node::of(r#"{"a":{"y":[2],"z":null},"c":{}}"#),
        );
        let expected = r#"{"a":{"x":1,"y":[2],"z":null},"b":2,"c":{}}"#;
        assert_eq!(String::from_utf8(merged).unwrap(), expected);
    }
}
