//! `/node/NAME`: one node and all its links, each with its last 15 minutes in both directions.

use maud::{Markup, html};

use super::cell::{age, figure, mark, node_look, said, word};
use super::frame::wide;
use super::nodes;
use super::strip::{legend, strip};
use super::timeline::{self, Happening};
use super::todo;
use super::words::{CELL_CHARS, Root, link, name, seconds, shown};
use crate::mesh::{Member, MeshView, Row};
use crate::mesh_service::strips::Run;
use crate::render::advice;

/// Everything that the page of a node shows.
pub(super) struct NodePage<'a> {
    pub mesh: &'a MeshView,
    pub member: &'a Member,
    pub strip: Vec<Run>,
    /// For each other node of the mesh, in its order: the link to it, and the link from it.
    pub links: Vec<(Vec<Run>, Vec<Run>)>,
    /// What the node that was asked can say of its own link to this one, in a paragraph.
    pub why: Option<String>,
    /// Newest first.
    pub happenings: Vec<Happening>,
}

impl NodePage<'_> {
    pub(super) fn sections(&self) -> Markup {
        let Some((status, row)) = self.mesh.member(self.member) else { return html! {} };
        let (class, mark) = node_look(status);
        html! {
            section #node aria-labelledby="node-title" {
                h2 #node-title { (name(self.member)) }
                p .verdict .(class) { b aria-hidden="true" { (mark) } " " (nodes::verdict(status)) ", " (said(row)) }
                (todo::of_node(advice::of_member(status, row).as_deref(), self.why.as_deref()))
                (strip(&self.strip))
                (legend())
            }
            (self.links(row))
            @if !self.happenings.is_empty() { (timeline::section("Events about it", &self.happenings)) }
        }
    }

    fn links(&self, own: &Row) -> Markup {
        let others = self.mesh.rows.iter().filter(|row| row.observer != *self.member);
        let table = html! {
            thead {
                tr {
                    th scope="col" { "other node" }
                    th scope="col" { (shown(self.member.as_str())) " → other" }
                    th scope="col" { "last 15 minutes" }
                    th scope="col" { "other → " (shown(self.member.as_str())) }
                    th scope="col" { "last 15 minutes" }
                }
            }
            tbody {
                @for (other, (to, from)) in others.zip(&self.links) {
                    tr {
                        th scope="row" { (link(Root::One, &other.observer, CELL_CHARS)) }
                        (direction(own, &other.observer)) td .history { (strip(to)) }
                        (direction(other, self.member)) td .history { (strip(from)) }
                    }
                }
            }
        };
        html! {
            section #links aria-labelledby="links-title" {
                h2 #links-title { "Links" }
                (wide("links-title", "nodes", &table))
            }
        }
    }
}

/// What `row` says of its link to `peer`, as a cell that leads to the evidence.
fn direction(row: &Row, peer: &Member) -> Markup {
    let Some(cell) = row.cell(peer) else { return html! { td .unknown { "? not known" } } };
    let status = row.link_status(cell);
    let text = html! {
        b aria-hidden="true" { (mark(status)) } " " (word(row, cell))
        @if let Some(figure) = figure(row, cell) { " " (figure) " ms" }
    };
    html! {
        td .(status.as_str()) .degraded[cell.degraded] .maintenance[cell.maintenance] {
            @if let Some(href) = Root::One.why(&row.observer, peer) { a href=(href) { (text) } } @else { (text) }
            @if let Some(age) = age(row, cell) { small { (seconds(age)) } }
        }
    }
}
