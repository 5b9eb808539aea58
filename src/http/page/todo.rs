//! What to do about what is bad: under the sentence of the page, and on the page of a node.
//!
//! The words are those of `heartbeat verify` and `heartbeat why` (`render/advice.rs`). Members with the same advice share a
//! line, so that a rack without power is one line and not twelve.

use maud::{Markup, html};

use super::words::{Root, cut, link, prose};
use crate::mesh::{Member, MeshView};
use crate::render::advice;

/// Lines that are open; on an overloaded machine every node has its own.
const OPEN: usize = 3;
/// Names in a line.
const NAMES: usize = 4;
/// Characters of a name.
const NAME_CHARS: usize = 24;
/// Characters of an advice, which may name many nodes.
const ADVICE_CHARS: usize = 300;

/// Of the whole mesh; nothing where nothing is wrong.
pub(super) fn section(mesh: &MeshView) -> Markup {
    let all = advice::of_mesh(mesh);
    let (open, folded) = all.split_at(all.len().min(OPEN));
    html! {
        @if !all.is_empty() {
            section #todo aria-labelledby="todo-title" {
                h2 #todo-title { "What to do" }
                (list(open))
                @if !folded.is_empty() { details #more-todo { summary { (folded.len()) " more" } (list(folded)) } }
            }
        }
    }
}

fn list(all: &[(Vec<Member>, String)]) -> Markup {
    html! { ul { @for (members, text) in all { li { (about(members)) ": " (prose(&cut(text, ADVICE_CHARS))) } } } }
}

fn about(members: &[Member]) -> Markup {
    let more = members.len().saturating_sub(NAMES);
    let shown = &members[..members.len() - more];
    html! {
        @for (at, member) in shown.iter().enumerate() {
            @if at > 0 { (if more == 0 && at + 1 == shown.len() { " and " } else { ", " }) }
            b { (link(Root::Here, member, NAME_CHARS)) }
        }
        @if more > 0 { " and " (more) " more" }
    }
}

/// Of one node, for its own page. `why` is the paragraph of the node that was asked; what it says about this at its end
/// is one node's view, and is shown where the mesh as a whole has no advice.
pub(super) fn of_node(advice: Option<&str>, why: Option<&str>) -> Markup {
    let (why, own) = match why.map(|why| why.split_once("What to do: ").unwrap_or((why, ""))) {
        Some((why, own)) => (Some(why.trim_end()), own.trim_end_matches('.')),
        None => (None, ""),
    };
    let text = advice.unwrap_or(own);
    html! {
        @if !text.is_empty() { p .todo { b { "What to do: " } (prose(&cut(text, ADVICE_CHARS))) } }
        @if let Some(why) = why { p .why { (why) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_one_advice_and_the_word_of_the_mesh_comes_first() {
        let of = |advice, why| of_node(advice, why).into_string();
        let why = "node-3 is down. What to do: look for <b>.";
        assert_eq!(
            of(Some("start it"), Some(why)),
            "<p class=\"todo\"><b>What to do: </b>start it</p><p class=\"why\">node-3 is down.</p>"
        );
        assert!(of(None, Some(why)).starts_with("<p class=\"todo\"><b>What to do: </b>look for &lt;b&gt;</p>"));
        assert_eq!(of(None, Some("node-3 is alive.")), "<p class=\"why\">node-3 is alive.</p>");
        assert_eq!(of(None, None), "");
    }
}
