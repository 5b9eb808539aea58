//! Names, ages and times as the page writes them.

use std::time::Duration;

use crate::render::span;

/// The most characters of a name that are shown; the whole name is in the API.
const NAME_CHARS: usize = 64;

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

/// The first `chars` characters, with a mark where more were.
pub(super) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The time of day of an RFC 3339 text.
pub(super) fn clock(at: &str) -> &str {
    at.split_once('T').map_or(at, |(_, time)| time)
}
