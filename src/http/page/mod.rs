//! `GET /`: the mesh for a person who has just opened the port in a browser.
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

mod incidents;
mod render;
mod words;
pub(super) mod written;

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;

use super::problem::Problem;
use super::reply::text;
use super::state::{AppState, Shared, wall_time};
use crate::api::timestamp::{rfc3339, rfc3339_before};
use crate::detector::level::Level;
use crate::mesh_service::collector::Gathered;
use crate::mesh_service::incident_store::Entry;
use crate::render::describe;
use crate::render::incident::story;
use crate::telemetry::events::{Entry as EventEntry, Filter, Page as Events};
use crate::telemetry::metrics::{REVISION, VERSION};
pub use incidents::IncidentRow;
pub use render::{Happening, Me, Page};
use written::Stamp;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Events shown. What fits on a screen below the matrix; the API has the rest.
const HAPPENINGS: usize = 25;

/// Everything from this origin, nothing from elsewhere, no inline scripts or styles, no frames. `data:` is the icon.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn page(State(state): State<Shared>) -> Result<Response, Problem> {
    let (gathered, age) = state.mesh.view().await?;
    let events = state.events.list(&Filter::default(), HAPPENINGS);
    let stamp = Stamp { gathered: gathered.at, events: events.next };
    let page = state.page.get(stamp, || write(&state, &gathered, age, &events));
    Ok(guarded("text/html; charset=utf-8", page))
}

fn write(state: &AppState, gathered: &Gathered, age: Duration, events: &Events) -> String {
    // This node's own state comes from its row, so that it is of the same moment as all else on the page.
    let own = gathered.view.rows.iter().find(|row| row.observer.as_str() == gathered.node.as_str());
    let me = Me {
        node: gathered.node.as_str(),
        boot: own.and_then(|row| row.boot),
        state: own.and_then(|row| row.state),
        version: VERSION,
        revision: REVISION,
        started: rfc3339(state.started),
        up_for: wall_time().duration_since(state.started).unwrap_or_default(),
        tolerated_pause: state.config.detector.tolerated_pause(),
    };
    let page = Page {
        me,
        mesh: &gathered.view,
        summary: &gathered.summary,
        age,
        asked: gathered.asked,
        answered: gathered.answered,
        now: rfc3339(wall_time()),
        incidents: incidents(state),
        happenings: events.entries.iter().rev().map(|entry| Happening::from(&**entry)).collect(),
    };
    page.html()
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
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
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
