//! Who asks, as far as this node believes it, and the answer as the one that asks can believe it.
//!
//! Without a mesh key a request is from whom its headers name. Where a key is required, a request without a valid tag is
//! a stranger's: it is answered as curl is, without a tag and with one reply for every reason, so that nobody can try
//! tags out. Where a key is accepted, requests are signed and verified, and believed as without one.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::remote::{Remote, shown};
use super::reply;
use super::state::AppState;
use crate::api::caller_from_headers;
use crate::detector::peer::Caller;
use crate::mesh_key::guard::Seal;
use crate::mesh_key::header::{HEADER_KEY, HEADER_MAC};
use crate::mesh_key::tags::Operation;

/// Who asks.
pub(super) struct Asker {
    /// The node that asks, if it is one.
    pub caller: Option<Caller>,
    /// It comes from the address of a peer, or has a mesh key.
    pub is_peer: bool,
    /// What the answer is signed with.
    pub seal: Option<Seal>,
    /// The name of this node's key, for an answer that is not signed.
    hint: Option<HeaderValue>,
    /// Where a key is required, and this request is without a valid tag.
    is_stranger: bool,
}

impl Asker {
    /// Who sent this request for `op` with these decoded parameters.
    pub(super) fn of(state: &AppState, request: &Request, op: &str, args: &[&str]) -> Asker {
        Asker::at(state, request.headers(), Remote::of(request), Operation { op, args })
    }

    /// Who sent these headers from there. Without a server, in tests, a request is from nowhere.
    pub(super) fn at(state: &AppState, headers: &HeaderMap, from: Option<Remote>, operation: Operation<'_>) -> Asker {
        let caller = caller_from_headers(headers);
        let known = from.is_none_or(|from| from.known);
        let Some(guard) = &state.guard else {
            return Asker { caller, is_peer: known, seal: None, hint: None, is_stranger: false };
        };
        match guard.verify(operation, headers) {
            Ok(seal) => Asker { caller, is_peer: true, seal: Some(seal), hint: None, is_stranger: false },
            Err(reason) => {
                // A reader makes no claim to be a node, and most requests are from readers.
                if caller.is_some() || headers.contains_key(HEADER_MAC) {
                    let from = || shown(from.map(|from| from.address));
                    state.strangers.happened(reason, state.clock.now(), &state.metrics, from);
                }
                let caller = caller.filter(|_| !guard.requires());
                let (hint, is_stranger) = (Some(guard.hint()), guard.requires());
                Asker { caller, is_peer: known && !is_stranger, seal: None, hint, is_stranger }
            }
        }
    }

    /// Nothing is done for this one but answering.
    pub(super) fn is_stranger(&self) -> bool {
        self.is_stranger
    }

    /// The answer, signed for who can check it.
    pub(super) fn json(&self, body: &impl Serialize) -> Response {
        let Ok(bytes) = serde_json::to_vec(body).map(Bytes::from) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mut response = reply::text("application/json", bytes.clone());
        if let Some(seal) = &self.seal {
            response.headers_mut().insert(HEADER_MAC, seal.answer(&bytes));
        } else if let Some(hint) = &self.hint {
            response.headers_mut().insert(HEADER_KEY, hint.clone());
        }
        response
    }
}
