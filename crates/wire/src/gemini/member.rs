//! Members under either of the spellings that this dialect's clients use.

use crate::json::Node;

/// The members of an object by the names that they have here; what is absent or null is None.
pub(super) fn pick<'a, const N: usize>(node: Node<'a>, names: [&str; N]) -> [Option<Node<'a>>; N] {
    let mut found = [None; N];
    for (name, value) in node.members() {
        if let Some(slot) = names.iter().position(|wanted| same(&name, wanted)) {
            found[slot] = Some(value).filter(|value| !value.is_null());
        }
    }
    found
}

/// One of them.
pub(crate) fn get<'a>(node: Node<'a>, name: &str) -> Option<Node<'a>> {
    let [found] = pick(node, [name]);
    found
}

/// Whether a name is another, or that one in its longer spelling.
pub(super) fn same(name: &str, wanted: &str) -> bool {
    let bare = |text: &str| -> Vec<u8> {
        let bytes = text.bytes().filter(|byte| *byte != b'_');
        bytes.map(|byte| byte.to_ascii_lowercase()).collect()
    };
    name == wanted || name.contains('_') && bare(name) == bare(wanted)
}
