//! What this node noted, newest first.

use maud::{Markup, html};

use super::words::clock;

/// An event, as a line of the timeline.
pub struct Happening {
    /// Wall time, RFC 3339.
    pub at: String,
    /// Louder than information.
    pub grave: bool,
    pub event: String,
    pub sentence: String,
}

/// Events, newest first.
pub(super) fn section(title: &str, happenings: &[Happening]) -> Markup {
    html! {
        section #timeline aria-labelledby="timeline-title" {
            h2 #timeline-title { bdi { (title) } }
            @if happenings.is_empty() { p { "Nothing yet." } }
            ol {
                @for happening in happenings {
                    li .grave[happening.grave] {
                        time datetime=(happening.at) { (clock(&happening.at)) }
                        " " span title=(happening.event) { (happening.sentence) }
                    }
                }
            }
        }
    }
}
