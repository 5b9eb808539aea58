//! `GET /`: the mesh for a person who has just opened the port in a browser, `/node/NAME` and `/why/OBSERVER/PEER` for
//! one who clicks, and `/mesh.svg` for chats.
//!
//! The page is complete as plain HTML, so it can be read with scripts off, by a
//! screen reader, in a terminal browser, and printed into a ticket. Its script
//! adds one thing: it keeps the page current, by asking for it again when this
//! node's event stream says that something happened, and every two seconds for
//! the links that other nodes watch. Without the script the page asks the
//! browser to load it again every five.
//!
//! Nothing is loaded from anywhere else, and a strict content security policy
//! tells the browser so. Names come from other nodes; the template escapes
//! everything it is given (`render.rs`), and names that are absurdly long are cut.
//!
//! When something breaks, many people open it. So readers of one gathering get
//! one rendering of it ([`written`]), which is at most 0.3 s old.
//!
//! Turned down: a page that draws itself from the API in the browser. It shows
//! nothing without scripts, and it would word the verdicts a second time.

mod blocks;
mod cell;
mod frame;
mod graph;
mod incidents;
pub(super) mod login;
mod matrix;
mod node;
mod nodes;
mod order;
mod render;
mod strip;
mod timeline;
mod todo;
mod why;
mod words;
pub(super) mod written;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::response::Response;
use serde::Deserialize;

use super::problem::Problem;
use super::reply::text;
use super::state::{AppState, Shared, wall_time};
use crate::api::WhyBody;
use crate::api::timestamp::{rfc3339, rfc3339_before};
use crate::detector::level::Level;
use crate::mesh::Member;
use crate::mesh_service::collector::Gathered;
use crate::mesh_service::incident_store::Entry;
use crate::render::headline::{counts, headline};
use crate::render::incident::story;
use crate::render::{describe, first_of};
use crate::telemetry::events::{EVENTS_KEPT, Entry as EventEntry, Filter, Page as Events};
use crate::telemetry::metrics::{REVISION, VERSION};
use frame::Frame;
pub use frame::Me;
pub use incidents::IncidentRow;
use node::NodePage;
pub use render::Page;
pub use timeline::Happening;
use why::{Evidence, WhyPage};
use words::Root;
use written::Stamp;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Events shown. What fits on a screen below the matrix; the API has the rest.
const HAPPENINGS: usize = 25;
/// Nodes named when one was asked for that there is not.
const KNOWN_NAMED: usize = 32;

/// Everything from this origin, nothing from elsewhere, no inline scripts or styles, no frames. `data:` is the icon.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    only: Option<String>,
}

pub(super) async fn page(
    State(state): State<Shared>,
    query: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Problem> {
    let wish = query.map_err(|_| Problem::bad_query("the only parameter is only, once"))?.0;
    let only_bad = match wish.only.as_deref() {
        None | Some("all") => false,
        Some("bad") => true,
        Some(_) => return Err(Problem::bad_query("only must be bad or all")),
    };
    let (gathered, age) = state.mesh.view().await?;
    let _turn = state.slots.large_answer().await;
    let events = state.events.list(&Filter::default(), HAPPENINGS);
    let stamp = Stamp { gathered: gathered.at, events: events.next };
    let page = state.page.get(only_bad, stamp, || write(&state, &gathered, age, &events, only_bad));
    Ok(guarded("text/html; charset=utf-8", page))
}

fn write(state: &AppState, gathered: &Gathered, age: Duration, events: &Events, only_bad: bool) -> String {
    let page = Page {
        me: me(state, gathered),
        mesh: &gathered.view,
        summary: &gathered.summary,
        age,
        asked: gathered.asked,
        answered: gathered.answered,
        now: rfc3339(wall_time()),
        strips: gathered.view.rows.iter().map(|row| state.mesh.strips().node(&row.observer)).collect(),
        incidents: incidents(state),
        happenings: events.entries.iter().rev().map(|entry| Happening::from(&**entry)).collect(),
        only_bad,
    };
    page.html()
}

/// This node's own state comes from its row, so that it is of the same moment as all else on the page.
fn me<'a>(state: &AppState, gathered: &'a Gathered) -> Me<'a> {
    let own = gathered.view.member(&Member::from(&gathered.node)).map(|(_, row)| row);
    Me {
        node: gathered.node.as_str(),
        boot: own.and_then(|row| row.boot),
        state: own.and_then(|row| row.state),
        version: VERSION,
        revision: REVISION,
        started: rfc3339(state.started()),
        up_for: state.up_for(),
        tolerated_pause: state.config.detector.tolerated_pause(),
    }
}

pub(super) async fn node(
    State(state): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(name) = path.map_err(|_| Problem::bad_path("a name is UTF-8"))?;
    let (gathered, _) = state.mesh.view().await?;
    let member = known(&gathered, &name)?;
    let strips = state.mesh.strips();
    let others = gathered.view.rows.iter().map(|row| &row.observer).filter(|other| *other != member);
    let page = NodePage {
        mesh: &gathered.view,
        member,
        strip: strips.node(member),
        links: others.map(|other| (strips.link(member, other), strips.link(other, member))).collect(),
        why: own_evidence(&state, member).await?.map(|body| body.explanation),
        happenings: events_about(&state, member),
    };
    Ok(framed(&state, &gathered, Root::One, member.to_string(), &page.sections()))
}

pub(super) async fn why(
    State(state): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((observer, peer)) = path.map_err(|_| Problem::bad_path("a name is UTF-8"))?;
    let (gathered, _) = state.mesh.view().await?;
    let (observer, peer) = (known(&gathered, &observer)?, known(&gathered, &peer)?);
    let body = if observer.as_str() == gathered.node.as_str() {
        own_evidence(&state, peer).await?
    } else {
        state.mesh.evidence().of(observer, peer).await?
    };
    let strip = state.mesh.strips().link(observer, peer);
    let page = WhyPage { mesh: &gathered.view, observer, peer, strip, evidence: body.map(Evidence::from) };
    Ok(framed(&state, &gathered, Root::Two, format!("{observer} → {peer}"), &page.sections()))
}

pub(super) async fn picture(State(state): State<Shared>) -> Result<Response, Problem> {
    let (gathered, _) = state.mesh.view().await?;
    let Gathered { view, summary, .. } = &*gathered;
    Ok(guarded("image/svg+xml", graph::file(view, &headline(view, summary), &counts(view))))
}

/// The member of this name, or which there are.
fn known<'a>(gathered: &'a Arc<Gathered>, name: &str) -> Result<&'a Member, Problem> {
    let found = gathered.view.member(&Member::from(name)).map(|(status, _)| &status.member);
    found.ok_or_else(|| {
        let names = gathered.view.rows.iter().map(|row| row.observer.as_str());
        Problem::no_such_peer(format!("the nodes of the mesh are {}", first_of(names, KNOWN_NAMED)))
    })
}

/// What this node knows about its own link to the member; `None` of itself and of a node that it does not watch.
async fn own_evidence(state: &AppState, member: &Member) -> Result<Option<WhyBody>, Problem> {
    let why = state.handle.why(member.as_str().into()).await?;
    Ok(why.map(|why| WhyBody::new(&why, wall_time())))
}

/// Newest first.
fn events_about(state: &AppState, member: &Member) -> Vec<Happening> {
    let events = state.events.list(&Filter::default(), EVENTS_KEPT);
    let about = events.entries.iter().rev().filter(|entry| entry.event.peer_member().as_ref() == Some(member));
    about.take(HAPPENINGS).map(|entry| Happening::from(&**entry)).collect()
}

fn framed(state: &AppState, gathered: &Gathered, root: Root, title: String, sections: &maud::Markup) -> Response {
    let (me, now) = (me(state, gathered), rfc3339(wall_time()));
    let frame = Frame {
        root,
        me: &me,
        mesh: &gathered.view,
        summary: &gathered.summary,
        now: &now,
        title: words::cut(&title, 64),
    };
    guarded("text/html; charset=utf-8", frame.around(sections))
}

fn incidents(state: &AppState) -> Vec<IncidentRow> {
    let now = wall_time();
    let row = |entry: &Entry| IncidentRow {
        open: entry.told.is_open(),
        began: rfc3339_before(now, entry.told.began),
        began_age: entry.told.began,
        ended_age: entry.told.ended,
        verdict: entry.told.verdict.as_str().to_owned(),
        story: story(&entry.told),
        from: entry.from.as_ref().map(ToString::to_string),
    };
    // One more than is shown says that there are older ones.
    state.incidents.list().iter().take(incidents::INCIDENTS + 1).map(row).collect()
}

pub(super) async fn style() -> Response {
    guarded("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    guarded("text/javascript; charset=utf-8", SCRIPT)
}

fn guarded(media_type: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = text(media_type, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

impl From<&EventEntry> for Happening {
    fn from(entry: &EventEntry) -> Happening {
        let words = describe(&entry.event);
        Happening {
            at: rfc3339(entry.at),
            grave: words.level == Level::Warn,
            event: words.name.to_owned(),
            sentence: words.sentence,
        }
    }
}
