//! Who asks, as far as this node believes it, and the answer as the one that asks can believe it.
//!
//! Without a mesh key a request is from whom its headers name. Where a key is required, a request without a valid tag is
//! a stranger's: it is answered as curl is, without a tag and with one reply for every reason, so that nobody can try
//! tags out. Where a key is accepted, requests are signed and verified, and believed as without one.
//!
//! Where the node has a read token, a valid tag lets a node read what nodes ask each other; without a key that is required,
//! a certificate does where calls between nodes come with one.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;
use super::readers::{NO_TOKEN, WithoutToken};
use super::remote::{Remote, shown};
use super::reply;
use super::state::AppState;
use crate::api::caller_from_headers;
use crate::detector::peer::Caller;
use crate::mesh_key::guard::{Guard, Seal, Unverified};
use crate::mesh_key::header::{HEADER_KEY, HEADER_MAC};
use crate::mesh_key::tags::Operation;

/// Who asks.
pub(super) struct Asker {
    /// The node that asks, if it is one.
    pub caller: Option<Caller>,
    /// It comes from the address of a peer, or has a mesh key or a certificate.
    pub is_peer: bool,
    /// What the answer is signed with.
    pub seal: Option<Seal>,
    /// The name of this node's key, for an answer that is not signed.
    hint: Option<HeaderValue>,
    /// Where a key or a certificate is required, and this request is without.
    is_stranger: bool,
    may: May,
}

/// What may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// That this node lives.
    Least,
    /// What nodes ask each other.
    AsNode,
    /// Everything: it has shown the read token, or there is none.
    All,
}

impl May {
    fn of(is_reader: bool, is_node: bool) -> May {
        match (is_reader, is_node) {
            (true, _) => May::All,
            (false, true) => May::AsNode,
            (false, false) => May::Least,
        }
    }
}

impl Asker {
    /// Who sent this request for `op` with these decoded parameters.
    ///
    /// # Errors
    /// When no token, no tag and no certificate lets it read.
    pub(super) fn of(state: &AppState, request: &Request, op: &str, args: &[&str]) -> Result<Asker, Problem> {
        let is_reader = request.extensions().get::<WithoutToken>().is_none();
        let asker = Asker::at(state, request.headers(), Remote::of(request), Operation { op, args }, is_reader);
        if asker.may_read() { Ok(asker) } else { Err(Problem::reader_needed(NO_TOKEN)) }
    }

    /// Who sent these headers from there. Without a server, in tests, a request is from nowhere.
    pub(super) fn at(
        state: &AppState,
        headers: &HeaderMap,
        from: Option<Remote>,
        operation: Operation<'_>,
        is_reader: bool,
    ) -> Asker {
        let caller = caller_from_headers(headers);
        let has_certificate = from.is_some_and(|from| from.has_certificate);
        if state.is_mutual() && !has_certificate {
            let stranger = Asker::without_certificate(state, headers, from, caller.is_some());
            return Asker { may: May::of(is_reader, false), ..stranger };
        }
        // Where one is asked for, it says more than an address.
        let known = has_certificate || from.is_none_or(|from| from.known);
        let may = May::of(is_reader, state.is_mutual());
        let Some(guard) = &state.guard else {
            return Asker { caller, is_peer: known, seal: None, hint: None, is_stranger: false, may };
        };
        match guard.verify(operation, headers) {
            Ok(seal) => {
                let may = May::of(is_reader, true);
                Asker { caller, is_peer: true, seal: Some(seal), hint: None, is_stranger: false, may }
            }
            Err(reason) => {
                // A reader makes no claim to be a node, and most requests are from readers.
                if caller.is_some() || headers.contains_key(HEADER_MAC) {
                    let from = || shown(from.map(|from| from.address));
                    state.strangers.happened(reason, state.clock.now(), &state.metrics, from);
                }
                let caller = caller.filter(|_| !guard.requires());
                let (hint, is_stranger) = (Some(guard.hint()), guard.requires());
                let may = if is_stranger { May::of(is_reader, false) } else { may };
                Asker { caller, is_peer: known && !is_stranger, seal: None, hint, is_stranger, may }
            }
        }
    }

    /// It is told more than that this node lives.
    pub(super) fn may_read(&self) -> bool {
        self.may != May::Least
    }

    /// It may read what is not for nodes.
    ///
    /// # Errors
    /// When it has shown no token where there is one: an old request of a node, played again, is none.
    pub(super) fn reads(&self) -> Result<(), Problem> {
        if self.may == May::All { Ok(()) } else { Err(Problem::reader_needed(NO_TOKEN)) }
    }

    /// Whatever else it shows: calls between nodes come with a certificate.
    fn without_certificate(state: &AppState, headers: &HeaderMap, from: Option<Remote>, claims: bool) -> Asker {
        if claims || headers.contains_key(HEADER_MAC) {
            let from = || shown(from.map(|from| from.address));
            state.strangers.happened(Unverified::Certificate, state.clock.now(), &state.metrics, from);
        }
        let hint = state.guard.as_ref().map(Guard::hint);
        Asker { caller: None, is_peer: false, seal: None, hint, is_stranger: true, may: May::Least }
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
