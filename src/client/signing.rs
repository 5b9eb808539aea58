//! What a request needs before it is sent where there is a mesh key, and its answer before it is read.

use hyper::http::HeaderMap;

use super::failed::of_key;
use crate::detector::flaw::Flaw;
use crate::mesh_key::guard::{Guard, Seal};
use crate::mesh_key::tags::Operation;

/// What the answer to one request must show. Without a mesh key: nothing.
#[derive(Debug)]
pub(super) struct Check(Option<(Guard, Option<Seal>)>);

impl Check {
    /// Signs a request with these headers, which are complete.
    pub(super) fn sign(guard: Option<&Guard>, op: &str, args: &[&str], headers: &mut HeaderMap) -> Check {
        Check(guard.map(|guard| (guard.clone(), guard.sign(Operation { op, args }, headers))))
    }

    /// Whether there is anything to check.
    pub(super) fn has_key(&self) -> bool {
        self.0.is_some()
    }

    /// Whether an answer with status 200 may be read.
    ///
    /// # Errors
    /// What is wrong with it, where a key is required.
    pub(super) fn answer(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Flaw> {
        match &self.0 {
            None => Ok(()),
            // Where a key is only accepted, what is wrong is counted, and that is all.
            Some((guard, seal)) => match guard.check(seal.as_ref(), headers, body) {
                Err(unverified) if guard.requires() => Err(of_key(unverified)),
                Ok(()) | Err(_) => Ok(()),
            },
        }
    }

    /// What the events of a stream are checked with, where a key is required.
    ///
    /// # Errors
    /// Where the request could not be signed.
    pub(super) fn of_stream(self) -> Result<Option<(Guard, Seal)>, ()> {
        match self.0 {
            Some((guard, seal)) if guard.requires() => Ok(Some((guard, seal.ok_or(())?))),
            _ => Ok(None),
        }
    }
}
