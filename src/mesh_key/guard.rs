//! What a node does with its keys: signs what it asks, checks what it is answered, verifies who asks it.
//!
//! An answer is tied to its request by the tag of the request, which its own tag covers. So the one that asks keeps a
//! [`Seal`], the key and the tag that it used, and so does the one that answers. A rotation in between changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::http::{HeaderMap, HeaderValue};

use super::header::{HEADER_KEY, HEADER_MAC, RequestMac, answer_tag, answer_value, bytes, hex};
use super::key::{KeyId, MeshKey};
use super::store::KeyStore;
use super::tags::{Nonce, Operation, Tag};
use crate::closed_set::closed_set;

closed_set! {
    /// What becomes of requests and answers without a valid tag.
    pub enum KeyMode {
        Require = "require",
        Accept = "accept",
    }
}

closed_set! {
    /// Why a request or an answer is not believed.
    pub(crate) enum Unverified {
        /// There is no tag.
        Missing = "missing",
        /// It was made with a key that this node does not have.
        Different = "different",
        /// The tag is not the right one, or not written as tags are.
        Failed = "failed",
        /// Its connection came without a certificate, and this node asks for one.
        Certificate = "certificate",
    }
}

/// The keys of this node and its mode. Clones share the keys.
#[derive(Clone, Debug)]
pub struct Guard {
    store: KeyStore,
    mode: KeyMode,
    /// Answers that were not as they should be, for each reason.
    refused: Arc<[AtomicU64; Unverified::ALL.len()]>,
}

/// A request's tag, and the key that made it.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    key: MeshKey,
    request: Tag,
}

impl Guard {
    pub(crate) fn new(store: KeyStore, mode: KeyMode) -> Guard {
        Guard { store, mode, refused: Arc::default() }
    }

    /// Whether only what is verified counts.
    pub(crate) fn requires(&self) -> bool {
        self.mode == KeyMode::Require
    }

    /// Signs a request whose headers are complete. `None`, and no tag, when the system gives no random bytes: what is
    /// answered then is not believed.
    pub(crate) fn sign(&self, operation: Operation<'_>, headers: &mut HeaderMap) -> Option<Seal> {
        let keys = self.store.keys();
        let key = keys.signing();
        let nonce = Nonce::random().ok()?;
        let tag = key.request_tag(nonce, operation, headers).ok()?;
        headers.insert(HEADER_MAC, RequestMac { key: key.id(), nonce, tag }.value());
        Some(Seal { key: key.clone(), request: tag })
    }

    /// Verifies a request.
    ///
    /// # Errors
    /// Why it is not from a node with one of the keys.
    pub(crate) fn verify(&self, operation: Operation<'_>, headers: &HeaderMap) -> Result<Seal, Unverified> {
        if !headers.contains_key(HEADER_MAC) {
            return Err(Unverified::Missing);
        }
        let mac = RequestMac::of(headers).ok_or(Unverified::Failed)?;
        let keys = self.store.keys();
        let key = keys.find(mac.key).ok_or(Unverified::Different)?;
        let tag = key.request_tag(mac.nonce, operation, headers).map_err(|_| Unverified::Failed)?;
        if !tag.matches(&mac.tag) {
            return Err(Unverified::Failed);
        }
        Ok(Seal { key: key.clone(), request: tag })
    }

    /// Checks the answer with status 200 to the request that `seal` is of, and counts it where something is wrong.
    ///
    /// # Errors
    /// Why it cannot be believed.
    pub(crate) fn check(&self, seal: Option<&Seal>, headers: &HeaderMap, body: &[u8]) -> Result<(), Unverified> {
        self.checked(seal, headers, body).inspect_err(|why| {
            self.refused[*why as usize].fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Answers that were not as they should be since the start, for each reason.
    pub(crate) fn unverified_answers(&self) -> Vec<(Unverified, u64)> {
        let counts = self.refused.iter().map(|count| count.load(Ordering::Relaxed));
        Unverified::ALL.iter().copied().zip(counts).collect()
    }

    fn checked(&self, seal: Option<&Seal>, headers: &HeaderMap, body: &[u8]) -> Result<(), Unverified> {
        if !headers.contains_key(HEADER_MAC) {
            return Err(match headers.get(HEADER_KEY) {
                None => Unverified::Missing,
                Some(hint) => match hint.to_str().ok().and_then(bytes).map(KeyId) {
                    Some(id) if self.store.keys().find(id).is_none() => Unverified::Different,
                    _ => Unverified::Failed,
                },
            });
        }
        let (Some(seal), Some(tag)) = (seal, answer_tag(headers)) else { return Err(Unverified::Failed) };
        let expected = seal.key.answer_tag(&seal.request, body);
        if expected.matches(&tag) { Ok(()) } else { Err(Unverified::Failed) }
    }

    /// The names of the keys, the one that signs first.
    pub(crate) fn ids(&self) -> Vec<[u8; 4]> {
        self.store.keys().ids().map(|id| id.0).collect()
    }

    /// The name of this node's key, for an answer without a tag: for words only.
    pub(crate) fn hint(&self) -> HeaderValue {
        let id = hex(&self.store.keys().signing().id().0);
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static(""))
    }

    /// Whether the key of this seal is still one of the keys.
    pub(crate) fn knows(&self, seal: &Seal) -> bool {
        self.store.keys().find(seal.key.id()).is_some()
    }
}

impl Seal {
    /// The header of the answer with this body.
    pub(crate) fn answer(&self, body: &[u8]) -> HeaderValue {
        answer_value(&self.key.answer_tag(&self.request, body))
    }

    /// The id of an event of the stream that the request opened: its number and its tag.
    pub(crate) fn event_id(&self, number: u64, event: &[u8], data: &[u8]) -> String {
        format!("{number} {}", hex(&self.key.event_tag(&self.request, number, event, data).0))
    }

    /// Whether an event with this id is the one with this number.
    pub(crate) fn is_event(&self, id: &[u8], number: u64, event: &[u8], data: &[u8]) -> bool {
        let Some((counted, tag)) = std::str::from_utf8(id).ok().and_then(|id| id.split_once(' ')) else { return false };
        // The number as text, so that there is one way to write it.
        counted == number.to_string()
            && bytes(tag)
                .map(Tag)
                .is_some_and(|tag| tag.matches(&self.key.event_tag(&self.request, number, event, data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh_key::key::{MeshKeys, generate};
    use crate::mesh_key::tags::PING;

    fn guard(keys: &[&str]) -> Guard {
        Guard::new(KeyStore::new(MeshKeys::parse(&keys.join("\n")).unwrap()), KeyMode::Require)
    }

    fn ping() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("heartbeat-node", HeaderValue::from_static("n1"));
        headers.insert("heartbeat-state", HeaderValue::from_static("ready"));
        headers.insert("user-agent", HeaderValue::from_static("x"));
        headers
    }

    fn op(op: &'static str) -> Operation<'static> {
        Operation { op, args: &[] }
    }

    #[test]
    fn a_request_is_verified_and_its_answer_is_tied_to_it() {
        let key = generate().unwrap();
        let (caller, answerer) = (guard(&[&key]), guard(&[&key]));
        let mut headers = ping();
        let asked = caller.sign(op(PING), &mut headers).unwrap();
        let seal = answerer.verify(op(PING), &headers).unwrap();
        let mut answer = HeaderMap::new();
        answer.insert(HEADER_MAC, seal.answer(b"ready"));
        assert_eq!(caller.check(Some(&asked), &answer, b"ready"), Ok(()));
        assert_eq!(caller.check(Some(&asked), &answer, b"readY"), Err(Unverified::Failed));
        // To another request it is no answer, and a request's tag is no answer's.
        let other = caller.sign(op(PING), &mut ping()).unwrap();
        assert_eq!(caller.check(Some(&other), &answer, b"ready"), Err(Unverified::Failed));
        assert_eq!(caller.check(None, &answer, b"ready"), Err(Unverified::Failed));
        assert_eq!(caller.check(Some(&asked), &headers, b"ready"), Err(Unverified::Failed));
    }

    #[test]
    fn what_was_changed_on_the_way_is_refused_and_what_is_not_covered_may_change() {
        let key = generate().unwrap();
        let guard = guard(&[&key]);
        let mut sent = ping();
        guard.sign(op(PING), &mut sent).unwrap();
        let with = |change: &dyn Fn(&mut HeaderMap)| {
            let mut headers = sent.clone();
            change(&mut headers);
            guard.verify(op(PING), &headers).map(|_| ())
        };
        assert_eq!(with(&|headers| drop(headers.insert("user-agent", HeaderValue::from_static("proxy")))), Ok(()));
        assert_eq!(with(&|headers| drop(headers.insert("via", HeaderValue::from_static("proxy")))), Ok(()));
        let failed = Err(Unverified::Failed);
        for name in ["heartbeat-state", "heartbeat-known"] {
            let leaving = HeaderValue::from_static("leaving");
            assert_eq!(with(&|headers| drop(headers.insert(name, leaving.clone()))), failed, "{name} set");
            let doubled = |headers: &mut HeaderMap| assert!(headers.append("heartbeat-node", leaving.clone()));
            assert_eq!(with(&doubled), failed, "doubled");
        }
        assert_eq!(with(&|headers| drop(headers.remove("heartbeat-state"))), failed);
        assert_eq!(guard.verify(op("GET /api/v1/row"), &sent).map(|_| ()), failed);
        assert_eq!(with(&|headers| drop(headers.remove(HEADER_MAC))), Err(Unverified::Missing));
        let other = generate().unwrap();
        assert_eq!(super::tests::guard(&[&other]).verify(op(PING), &sent).map(|_| ()), Err(Unverified::Different));
        assert!(super::tests::guard(&[&other, &key]).verify(op(PING), &sent).is_ok(), "each of the keys verifies");
    }

    #[test]
    fn an_answer_without_a_tag_says_what_is_missing() {
        let (own, other) = (generate().unwrap(), generate().unwrap());
        let guard = guard(&[&own]);
        let seal = guard.sign(op(PING), &mut ping());
        let mut headers = HeaderMap::new();
        assert_eq!(guard.check(seal.as_ref(), &headers, b""), Err(Unverified::Missing));
        headers.insert(HEADER_KEY, super::tests::guard(&[&other]).hint());
        assert_eq!(guard.check(seal.as_ref(), &headers, b""), Err(Unverified::Different));
        headers.insert(HEADER_KEY, guard.hint());
        assert_eq!(guard.check(seal.as_ref(), &headers, b""), Err(Unverified::Failed));
        let counts = guard.clone().unverified_answers();
        assert_eq!(
            counts,
            [
                (Unverified::Missing, 1),
                (Unverified::Different, 1),
                (Unverified::Failed, 1),
                (Unverified::Certificate, 0)
            ]
        );
    }

    #[test]
    fn an_event_belongs_to_one_place_of_one_stream() {
        let key = generate().unwrap();
        let guard = guard(&[&key]);
        let seal = guard.sign(op("GET /api/v1/events"), &mut ping()).unwrap();
        let id = seal.event_id(7, b"news", b"{}");
        assert!(seal.is_event(id.as_bytes(), 7, b"news", b"{}"));
        let other = guard.sign(op("GET /api/v1/events"), &mut ping()).unwrap();
        assert!(!other.is_event(id.as_bytes(), 7, b"news", b"{}"), "of another stream");
        for (id, number, event, data) in [
            (id.clone(), 8, "news", "{}"),
            (id.clone(), 7, "beat", "{}"),
            (id.clone(), 7, "news", "{ }"),
            (id.replacen('7', "07", 1), 7, "news", "{}"),
            (id.replacen('7', "+7", 1), 7, "news", "{}"),
            (id[..id.len() - 2].to_owned(), 7, "news", "{}"),
            (String::new(), 7, "news", "{}"),
        ] {
            assert!(!seal.is_event(id.as_bytes(), number, event.as_bytes(), data.as_bytes()), "{id} {number} {event}");
        }
    }
}
