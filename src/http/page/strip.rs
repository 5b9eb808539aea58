//! The last 15 minutes as a row of marks, drawn by the server.
//!
//! Marks differ by height before they differ by colour: low is up, high is down. A run of equal marks is one dashed
//! line, so that a strip in which nothing happened takes a hundred bytes.

use std::time::Duration;

use maud::{Markup, html};

use crate::mesh_service::strips::{MARKS, Mark, Run, SLOT};
use crate::render::span;

/// The class of a mark, the height of its line, and its word.
fn look(mark: Mark) -> (&'static str, &'static str, &'static str) {
    match mark {
        Mark::Unknown => ("blank", "11.5", "not known"),
        Mark::Up => ("up", "9.5", "up"),
        Mark::Away => ("away", "11", "left or in maintenance"),
        Mark::Partly => ("partly", "8", "partly reached or suspected"),
        Mark::Down => ("down", "6", "down"),
    }
}

/// The strip. What it shows is its title as well, for those who hear it.
pub(super) fn strip(runs: &[Run]) -> Markup {
    let mut at = 0;
    let paths = runs.iter().map(|run| {
        let (class, y, _) = look(run.mark);
        let path = (class, format!("M{at} {y}h{}", run.slots));
        at += run.slots;
        path
    });
    let paths: Vec<(&str, String)> = paths.collect();
    html! {
        svg .strip viewBox={ "0 0 " (MARKS) " 12" } preserveAspectRatio="none" role="img" {
            title { (words(runs)) }
            @for (class, path) in paths { path .(class) d=(path) {} }
        }
    }
}

/// What a strip shows, in a line: how long it was what, the worst first.
fn words(runs: &[Run]) -> String {
    let parts = [Mark::Down, Mark::Partly, Mark::Away, Mark::Up, Mark::Unknown].into_iter().filter_map(|mark| {
        let slots: usize = runs.iter().filter(|run| run.mark == mark).map(|run| run.slots).sum();
        let time = SLOT.saturating_mul(u32::try_from(slots).unwrap_or(0));
        (time > Duration::ZERO).then(|| format!("{} {}", look(mark).2, span(time)))
    });
    format!("last 15 min: {}", parts.collect::<Vec<_>>().join(", "))
}

/// What the heights mean.
pub(super) fn legend() -> Markup {
    let marks = [Mark::Down, Mark::Partly, Mark::Up, Mark::Away, Mark::Unknown];
    html! {
        p .legend {
            "A mark is 10 s, the newest is at the right: "
            @for mark in marks {
                @let (class, y, word) = look(mark);
                span {
                    svg .strip .key viewBox="0 0 4 12" preserveAspectRatio="none" aria-hidden="true" {
                        path .(class) d={ "M0 " (y) "h4" } {}
                    }
                    " " (word)
                }
                " "
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_is_short_and_says_what_it_shows() {
        let runs = [
            Run { mark: Mark::Unknown, slots: 6 },
            Run { mark: Mark::Up, slots: 80 },
            Run { mark: Mark::Down, slots: 4 },
        ];
        let html = strip(&runs).into_string();
        assert!(html.contains("<title>last 15 min: down 40 s, up 13 min 20 s, not known 1 min</title>"), "{html}");
        assert!(html.contains("<path class=\"down\" d=\"M86 6h4\"></path>"), "{html}");
        assert!(html.len() < 400, "{} bytes", html.len());
    }
}
