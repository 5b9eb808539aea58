//! Names, ages, times and addresses as the page writes them.

use std::time::Duration;

use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::detector::peer::NodeName;
use crate::mesh::Member;
use crate::render::span;

/// The most characters of a name that are shown anywhere; the whole name is in the API.
const NAME_CHARS: usize = 64;
/// The most characters of a name in a table. Ten at each end tell generated names apart.
pub(super) const CELL_CHARS: usize = 20;

/// What stays as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn ago(age: Duration) -> String {
    if age < Duration::from_secs(1) { "now".to_owned() } else { format!("{} ago", seconds(age)) }
}

/// A span without its milliseconds, which nobody reads from a page.
pub(super) fn seconds(time: Duration) -> String {
    span(Duration::from_secs(time.as_secs()))
}

/// A name as it is shown: never empty, never longer than a line.
pub(super) fn shown(name: &str) -> String {
    if name.trim().is_empty() { "(no name)".to_owned() } else { cut(name, NAME_CHARS) }
}

/// The same with its middle left out where it is longer than `chars`.
pub(super) fn short(name: &str, chars: usize) -> String {
    let name = shown(name);
    let length = name.chars().count();
    if length <= chars {
        return name;
    }
    let end = (chars - 1) / 2;
    let first: String = name.chars().take(chars - 1 - end).collect();
    let last: String = name.chars().skip(length - end).collect();
    format!("{first}…{last}")
}

/// The first `chars` characters, with a mark where more were.
pub(super) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Longer words may break: a line of a phone has about 40 characters.
const UNBROKEN_CHARS: usize = 24;

/// A text in which names such as "node-18" do not break at their hyphens.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (at, word) in text.split(' ').enumerate() {
            @if at > 0 { " " }
            @if word.contains('-') && word.chars().count() <= UNBROKEN_CHARS { span .whole-word { (word) } } @else { (word) }
        }
    }
}

/// The time of day of an RFC 3339 text.
pub(super) fn clock(at: &str) -> &str {
    at.split_once('T').map_or(at, |(_, time)| time)
}

/// The same without its milliseconds.
pub(super) fn clock_seconds(at: &str) -> String {
    let time = clock(at);
    time.split_once('.').map_or_else(|| time.to_owned(), |(whole, _)| format!("{whole}Z"))
}

/// Where a page is, as the way back to `/`. All links are relative, so that a proxy may serve the page below a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// `/`
    Here,
    /// `/node/NAME`
    One,
    /// `/why/OBSERVER/PEER`
    Two,
}

impl Root {
    pub(super) fn path(self) -> &'static str {
        match self {
            Root::Here => "./",
            Root::One => "../",
            Root::Two => "../../",
        }
    }

    pub(super) fn to(self, path: &str) -> String {
        format!("{}{path}", self.path())
    }

    /// The page of a node; `None` for a name that cannot be a part of a path.
    pub(super) fn node(self, member: &Member) -> Option<String> {
        Some(self.to(&format!("node/{}", part(member)?)))
    }

    /// The page of a link.
    pub(super) fn why(self, observer: &Member, peer: &Member) -> Option<String> {
        Some(self.to(&format!("why/{}/{}", part(observer)?, part(peer)?)))
    }
}

/// Browsers take dots for a step up, also where they are encoded, and an empty part for none. A name that is longer than
/// that of a node is nobody's.
fn part(member: &Member) -> Option<String> {
    let name = member.as_str();
    let is_part = !matches!(name, "" | "." | "..") && name.len() <= NodeName::LIMIT;
    is_part.then(|| utf8_percent_encode(name, PART).to_string())
}

/// Isolated from the text around it, so that a name in another direction of writing stays in its place.
pub(super) fn name(member: &Member) -> Markup {
    html! { bdi { (shown(member.as_str())) } }
}

/// A name that leads to the page of its node, at most `chars` long; the style sheet shows the whole name on focus.
pub(super) fn link(root: Root, member: &Member, chars: usize) -> Markup {
    let (full, short) = (shown(member.as_str()), short(member.as_str(), chars));
    let more = (full != short).then_some(&full);
    html! {
        @if let Some(href) = root.node(member) {
            a .name href=(href) title=[more] aria-label=[more] data-full=[more] { bdi { (short) } }
        } @else {
            span .name title=[more] { bdi { (short) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_sentence_does_not_break_at_its_hyphen() {
        let text = |text: &str| prose(text).into_string();
        let node = |word: &str| format!("<span class=\"whole-word\">{word}</span>");
        assert_eq!(text("node-1 and <b> can"), format!("{} and &lt;b&gt; can", node("node-1")));
        assert_eq!(text("a  b-c,"), format!("a  {}", node("b-c,")));
        let long = "x-".repeat(20);
        assert_eq!(text(&long), long, "it may break, or it leaves the screen");
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(short("node-1", 10), "node-1");
        assert_eq!(short("heartbeat-7f9c6d-x2x5q", 10), "heart…2x5q");
        assert_eq!(short("", 10), "(no name)");
        assert_eq!(short(&"א".repeat(300), 10).chars().count(), 10);
    }

    #[test]
    fn any_name_is_one_part_of_a_path_or_none() {
        let node = |name: &str| Root::One.node(&Member::from(name));
        assert_eq!(node("node-1.a_b~c").as_deref(), Some("../node/node-1.a_b~c"));
        assert_eq!(node("[::1]:8001/../?#%").as_deref(), Some("../node/%5B%3A%3A1%5D%3A8001%2F..%2F%3F%23%25"));
        assert_eq!(node("\" onclick=x").as_deref(), Some("../node/%22%20onclick%3Dx"));
        for name in ["", ".", "..", &"x".repeat(254)] {
            assert_eq!(node(name), None, "{name:?}");
        }
        assert_eq!(Root::Two.why(&"a".into(), &"b".into()).as_deref(), Some("../../why/a/b"));
    }

    #[test]
    fn a_clock_has_seconds() {
        assert_eq!(clock_seconds("2026-01-01T00:02:10.123Z"), "00:02:10Z");
        assert_eq!(clock_seconds("noon"), "noon");
    }
}
