//! The headers by which a node says who asks.

use hyper::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::limit::{SEQ_LIMIT, self_state};
use super::text::Text;
use crate::detector::peer::{Ack, Caller, NodeName, Seq};

/// The caller's node name.
pub(crate) const HEADER_NODE: &str = "heartbeat-node";
/// The caller's boot id, 16 hex digits.
pub(super) const HEADER_BOOT: &str = "heartbeat-boot";
/// The caller's own milliseconds since its boot.
pub(super) const HEADER_SEQ: &str = "heartbeat-seq";
/// The caller's own state: `starting`, `ready`, `cut_off`, `slow` or `leaving`.
pub(super) const HEADER_STATE: &str = "heartbeat-state";
/// The revision of the answerer's watch list that the caller holds; absent for none.
pub(super) const HEADER_KNOWN: &str = "heartbeat-known";
/// The answerer's boot, and the highest time of it that the caller has verified; only where a mesh key is set.
pub(super) const HEADER_ACK: &str = "heartbeat-ack";

// As names that need not be read anew for each ping.
static NODE: HeaderName = HeaderName::from_static(HEADER_NODE);
static BOOT: HeaderName = HeaderName::from_static(HEADER_BOOT);
static SEQ: HeaderName = HeaderName::from_static(HEADER_SEQ);
static STATE: HeaderName = HeaderName::from_static(HEADER_STATE);
static KNOWN: HeaderName = HeaderName::from_static(HEADER_KNOWN);
static ACK: HeaderName = HeaderName::from_static(HEADER_ACK);
static HOST: HeaderName = header::HOST;
static USER_AGENT: HeaderName = header::USER_AGENT;

/// The names of the headers that nearly every ping has.
pub(crate) static PING_HEADERS: [&HeaderName; 8] = [&NODE, &BOOT, &SEQ, &STATE, &KNOWN, &ACK, &HOST, &USER_AGENT];

/// Who sent this request, as its headers say; `None` when it is not a node
/// (curl, a browser) or when what it says of itself is not valid.
pub fn caller_from_headers(headers: &HeaderMap) -> Option<Caller> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok();
    let seq: u64 = text(&SEQ)?.parse().ok()?;
    Some(Caller {
        node: NodeName::new(text(&NODE)?).ok()?,
        boot: text(&BOOT)?.parse().ok()?,
        seq: (seq < SEQ_LIMIT).then_some(Seq(seq))?,
        state: self_state(&Text::new(text(&STATE).unwrap_or_default())),
        known_rev: text(&KNOWN).and_then(|rev| rev.parse().ok()).unwrap_or(0),
        ack: text(&ACK).and_then(ack),
    })
}

fn ack(text: &str) -> Option<Ack> {
    let (boot, seq) = text.split_once(' ')?;
    let seq: u64 = seq.parse().ok()?;
    Some(Ack { boot: boot.parse().ok()?, seq: (seq < SEQ_LIMIT).then_some(Seq(seq))? })
}

/// The headers that say who sends a request.
pub fn caller_headers(caller: &Caller) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    // A node name is visible ASCII by construction, so this never fails; without it the peer would
    // treat the request as one from an unknown process, which is the right thing to degrade to.
    if let Ok(node) = HeaderValue::from_str(caller.node.as_str()) {
        headers.insert(&NODE, node);
    }
    if let Ok(boot) = HeaderValue::from_str(&caller.boot.to_string()) {
        headers.insert(&BOOT, boot);
    }
    headers.insert(&SEQ, HeaderValue::from(caller.seq.0));
    headers.insert(&STATE, HeaderValue::from_static(caller.state.as_str()));
    if caller.known_rev > 0 {
        headers.insert(&KNOWN, HeaderValue::from(caller.known_rev));
    }
    if let Some(Ack { boot, seq }) = caller.ack
        && let Ok(ack) = HeaderValue::from_str(&format!("{boot} {}", seq.0))
    {
        headers.insert(&ACK, ack);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::peer::{BootId, SelfState};

    #[test]
    fn a_caller_survives_its_headers() {
        let caller = Caller {
            node: NodeName::new("node-1:8002").expect("valid"),
            boot: BootId(7),
            seq: Seq(99),
            state: SelfState::Leaving,
            known_rev: 12,
            ack: Some(Ack { boot: BootId(8), seq: Seq(4) }),
        };
        assert_eq!(caller_from_headers(&caller_headers(&caller)), Some(caller.clone()));
        let unknown = Caller { known_rev: 0, ack: None, ..caller };
        assert_eq!(caller_from_headers(&caller_headers(&unknown)), Some(unknown));
    }

    #[test]
    fn a_stranger_is_nobody() {
        assert_eq!(caller_from_headers(&HeaderMap::new()), None);
        let mut headers = HeaderMap::new();
        headers.insert(HEADER_NODE, HeaderValue::from_static("node-1"));
        assert_eq!(caller_from_headers(&headers), None);
    }
}
