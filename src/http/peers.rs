//! `GET /api/v1/peers` and `/api/v1/peers/{key}`: what this node believes.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use super::problem::Problem;
use super::reply::json;
use super::state::{Shared, wall_time};
use crate::api::{PeerBody, PeersBody};
use crate::detector::peer::NodeName;
use crate::detector::view::{PeerView, View};
use crate::render::first_of;

/// Peers named when one was asked for that there is not.
const KNOWN_KEYS_NAMED: usize = 32;

pub(super) async fn list(State(state): State<Shared>) -> Result<Response, Problem> {
    Ok(json(&PeersBody::new(&state.handle.view().await?, wall_time())))
}

/// One peer by its key, or by the name it declares.
pub(super) async fn one(
    State(state): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(key) = path.map_err(|_| Problem::bad_path("a key is UTF-8"))?;
    let view = state.handle.view().await?;
    match find(&view.peers, &key) {
        Some(peer) => Ok(json(&PeerBody::new(peer, wall_time()))),
        None => Err(unknown(&view, &key)),
    }
}

/// The peer of this key, or else the one that declares this name.
pub(super) fn find<'a>(peers: &'a [PeerView], wanted: &str) -> Option<&'a PeerView> {
    let by_key = peers.iter().find(|peer| *peer.peer.key.0 == *wanted);
    by_key.or_else(|| peers.iter().find(|peer| peer.peer.node.as_ref().map(NodeName::as_str) == Some(wanted)))
}

/// What to answer where there is no such peer.
pub(super) fn unknown(view: &View, wanted: &str) -> Problem {
    let known = known_keys(&view.peers);
    Problem::no_such_peer(if wanted == view.node.as_str() {
        format!("{wanted} is this node itself, which only others can judge; {known}")
    } else {
        format!("there is no such peer; {known}")
    })
}

fn known_keys(peers: &[PeerView]) -> String {
    if peers.is_empty() {
        return "this node watches no peers".to_owned();
    }
    let keys = peers.iter().map(|peer| &*peer.peer.key.0);
    format!("the peers of this node are {}", first_of(keys, KNOWN_KEYS_NAMED))
}
