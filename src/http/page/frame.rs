//! What all pages share: the head, and the bar that stays at the top. It says how the mesh is in a sentence of at most 90
//! characters and in numbers, whichever part of whichever page the reader is at.

use std::time::Duration;

use maud::{DOCTYPE, Markup, html};

use super::words::{Root, clock_seconds, prose, shown};
use crate::detector::peer::{BootId, SelfState};
use crate::mesh::MeshView;
use crate::mesh::event::NodeEvent;
use crate::render::headline::{counts, headline};
use crate::render::mesh::{Severity, Summary};

/// A heart; no request is made for it.
pub(super) const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath \
                    fill='%23b3325f' d='M8 14 2 8a3.6 3.6 0 0 1 6-4 3.6 3.6 0 0 1 6 4z'/%3E%3C/svg%3E";

/// The node that was asked.
pub struct Me<'a> {
    pub node: &'a str,
    pub boot: Option<BootId>,
    pub state: Option<SelfState>,
    pub version: &'a str,
    pub revision: &'a str,
    /// Wall time, RFC 3339.
    pub started: String,
    pub up_for: Duration,
    /// The longest pause of a peer that is surely ridden out.
    pub tolerated_pause: Duration,
}

/// A page around its sections.
pub(super) struct Frame<'a> {
    pub root: Root,
    pub me: &'a Me<'a>,
    pub mesh: &'a MeshView,
    pub summary: &'a Summary,
    /// Wall time, RFC 3339.
    pub now: &'a str,
    /// What the page is about, before the name of the program.
    pub title: String,
}

impl Frame<'_> {
    /// The whole document.
    pub(super) fn around(&self, sections: &Markup) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.mark()) " " (self.title) " · heartbeat" }
                    link rel="icon" href=(ICON);
                    link rel="stylesheet" href=(self.root.to("page.css"));
                    noscript { meta http-equiv="refresh" content="5"; }
                    script src=(self.root.to("page.js")) defer {}
                }
                body data-root=(self.root.path()) data-events=(events()) {
                    (self.bar())
                    p #stale hidden role="alert" {}
                    main { (sections) }
                    p #announce .unseen aria-live="polite" {}
                }
            }
        };
        page.into_string()
    }

    fn bar(&self) -> Markup {
        let state = self.me.state.map(|state| state.as_str().replace('_', " "));
        html! {
            header #summary .(self.mood()) {
                h1 { (prose(&headline(self.mesh, self.summary))) }
                p {
                    span { (counts(self.mesh)) }
                    " " time #clock datetime=(self.now) { (clock_seconds(self.now)) }
                    " " span { "reported by " strong { bdi { (shown(self.me.node)) } } @if let Some(state) = &state { ", " (state) } }
                    @if self.root != Root::Here { " " a href=(self.root.path()) { "the whole mesh" } }
                }
            }
        }
    }

    fn mark(&self) -> &'static str {
        match self.mood() {
            "fault" => "✕",
            "gap" => "?",
            _ => "✓",
        }
    }

    /// `fault` when something is wrong, `gap` when something is not known, else `whole`.
    fn mood(&self) -> &'static str {
        let has = |weight| self.summary.findings.iter().any(|finding| finding.weight == weight);
        match (has(Severity::Fault), self.mesh.whole) {
            (true, _) => "fault",
            (false, false) => "gap",
            (false, true) => "whole",
        }
    }
}

/// What the script listens for: everything that has a name, but the pings.
fn events() -> String {
    NodeEvent::names_of_changes().collect::<Vec<_>>().join(" ")
}

/// A table that may be wider than the screen: it scrolls by itself, with the keyboard as well.
pub(super) fn wide(title_id: &str, class: &str, table: &Markup) -> Markup {
    html! {
        div .wide tabindex="0" role="region" aria-labelledby=(title_id) { table .(class) { (table) } }
    }
}
