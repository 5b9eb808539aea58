//! What nodes say to each other: JSON shapes and headers, and their way to and
//! from the detector's own types.
//!
//! The detector knows nothing of JSON, and the wire knows nothing of the
//! detector: the shapes here are separate types, so that a field can be renamed
//! inside without a peer of another version noticing. Three rules let versions
//! mix during a rolling update. Fields that are not known are ignored. An
//! *entry* of a list with a word that is not known is dropped, the rest stays.
//! And a *state* that is not known counts as `ready`: whoever answers is there,
//! whatever its next release calls that. What identifies the answerer (name,
//! boot, seq) must be right, or the whole answer is invalid.
//!
//! A peer is not trusted to be small. Bodies are cut off at [`ANSWER_BYTES`]
//! before they are parsed, lists are cut off while they are parsed, and nothing
//! is ever parsed into a tree of values: a hostile answer costs at most its own
//! length once. Turned down: a binary encoding. It would save a few microseconds
//! a ping and cost everybody the `curl http://localhost:8001/ping` that explains
//! this product best.

mod history;
mod row;

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use hyper::http::{HeaderMap, HeaderValue};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

pub use self::history::{
    EVENTS, HISTORY_BYTES, History, HistoryBody, INCIDENTS, PastEvent, PastEventBody, PastIncidentBody,
};
pub use self::row::{CELLS, CellBody, ROW_BYTES, RowBody};
use crate::detector::evidence::{Class, Evidence};
use crate::detector::maintenance::{Announcement, Maintenance, MaintenanceReason};
use crate::detector::peer::{
    Accusation, Answer, Caller, NodeName, PeerState, SelfState, Seq, Testimony, WatchDelta, Watched,
};

/// The most bytes of an answer that are read. A first answer lists every
/// watched peer: 4,096 of them with names of 100 characters fit.
pub const ANSWER_BYTES: usize = 1024 * 1024;
/// The most bytes of a witness's answer that are read: one short line.
pub const TESTIMONY_BYTES: usize = 4 * 1024;
/// The most accusations taken from one answer; the rest is dropped. A node that
/// accuses more than a thousand others is ill or hostile.
pub const ACCUSATIONS: usize = 1024;
/// The most lines of a watch list taken from one answer; the rest is dropped.
/// Four times the largest mesh this detector is measured at.
pub const WATCHED: usize = 4096;
/// The longest version text taken from an answer.
pub const VERSION_BYTES: usize = 64;
/// One past the largest whole number that a browser's number type keeps.
const SEQ_LIMIT: u64 = 1 << 53;

/// The caller's node name.
pub const HEADER_NODE: &str = "heartbeat-node";
/// The caller's boot id, 16 hex digits.
pub const HEADER_BOOT: &str = "heartbeat-boot";
/// The caller's own milliseconds since its boot.
pub const HEADER_SEQ: &str = "heartbeat-seq";
/// The caller's state about itself: `starting`, `ready`, `cut_off` or `leaving`.
pub const HEADER_STATE: &str = "heartbeat-state";
/// The revision of the answerer's watch list that the caller holds; absent for none.
pub const HEADER_KNOWN: &str = "heartbeat-known";

/// The answer to a ping, and one message of news on an event stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerBody {
    pub node: String,
    pub boot: String,
    pub seq: u64,
    pub state: String,
    pub version: String,
    #[serde(default, deserialize_with = "bounded::<_, _, ACCUSATIONS>")]
    pub accusations: Vec<AccusationBody>,
    #[serde(default)]
    pub watch: WatchBody,
    /// Absent: the node says nothing about a maintenance of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<MaintenanceBody>,
}

/// A node's own maintenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceBody {
    /// Read up to a limit, and made fit to be shown.
    #[serde(default)]
    pub reason: String,
    /// Milliseconds until it ends; 0: an operator has ended it. A body without it says nothing.
    #[serde(default)]
    pub left_ms: Option<u64>,
}

/// One accusation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccusationBody {
    pub node: String,
    pub boot: String,
    /// `gone`, `silent` or `stalled`.
    pub class: String,
    /// Milliseconds since the last proof of life.
    pub silent_ms: u64,
}

/// What changed in the answerer's watch list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchBody {
    pub since: u64,
    pub rev: u64,
    #[serde(default, deserialize_with = "bounded::<_, _, WATCHED>")]
    pub peers: Vec<WatchedBody>,
}

/// One line of a watch list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedBody {
    pub node: String,
    pub boot: String,
    /// `null`: no longer watched.
    pub state: Option<String>,
}

/// What a witness says. Its silence (`NoOpinion`) is a 404 or 429 without this body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestimonyBody {
    /// `answered`, `failed` or `left`.
    pub testimony: String,
    /// With `answered`: the boot that answered, which may be newer than the one asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
    /// With `failed`: how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// Why a body is not an answer.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAnswer {
    #[error("not the JSON of an answer: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{field} is not valid")]
    Field { field: &'static str },
}

impl AnswerBody {
    /// Reads an answer from the bytes of a body.
    ///
    /// # Errors
    /// [`InvalidAnswer::Json`] when the bytes are not the JSON of an answer.
    pub fn parse(bytes: &[u8]) -> Result<AnswerBody, InvalidAnswer> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The answer as one line of JSON.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists always serialise; an empty object would be refused by every reader.
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

impl From<&Answer> for AnswerBody {
    fn from(answer: &Answer) -> AnswerBody {
        AnswerBody {
            node: answer.node.to_string(),
            boot: answer.boot.to_string(),
            seq: answer.seq.0,
            state: answer.state.as_str().to_owned(),
            version: answer.version.to_string(),
            accusations: answer.accusations.iter().map(AccusationBody::from).collect(),
            watch: WatchBody::from(&answer.watch),
            maintenance: answer.maintenance.as_ref().map(MaintenanceBody::from),
        }
    }
}

impl TryFrom<AnswerBody> for Answer {
    type Error = InvalidAnswer;

    fn try_from(body: AnswerBody) -> Result<Answer, InvalidAnswer> {
        let field = |field| InvalidAnswer::Field { field };
        if body.version.len() > VERSION_BYTES || body.version.chars().any(char::is_control) {
            return Err(field("version"));
        }
        if body.seq >= SEQ_LIMIT {
            return Err(field("seq"));
        }
        Ok(Answer {
            node: NodeName::new(&body.node).map_err(|_| field("node"))?,
            boot: body.boot.parse().map_err(|_| field("boot"))?,
            seq: Seq(body.seq),
            state: self_state(&body.state),
            version: body.version.into(),
            accusations: body.accusations.iter().filter_map(AccusationBody::known).collect(),
            watch: WatchDelta {
                since: body.watch.since,
                rev: body.watch.rev,
                peers: body.watch.peers.iter().filter_map(WatchedBody::known).collect(),
            },
            maintenance: body.maintenance.as_ref().and_then(MaintenanceBody::known),
        })
    }
}

impl From<&Announcement> for MaintenanceBody {
    fn from(announcement: &Announcement) -> MaintenanceBody {
        match announcement {
            Announcement::Off => MaintenanceBody { reason: String::new(), left_ms: Some(0) },
            Announcement::On(Maintenance { reason, left }) => {
                // The last fraction of a millisecond is not yet the end.
                let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
                MaintenanceBody { reason: reason.as_str().to_owned(), left_ms: Some(left) }
            }
        }
    }
}

impl MaintenanceBody {
    fn known(&self) -> Option<Announcement> {
        Some(match Duration::from_millis(self.left_ms?) {
            Duration::ZERO => Announcement::Off,
            left => Announcement::On(Maintenance { reason: MaintenanceReason::from_peer(&self.reason), left }),
        })
    }
}

impl From<&Accusation> for AccusationBody {
    fn from(accusation: &Accusation) -> AccusationBody {
        AccusationBody {
            node: accusation.node.to_string(),
            boot: accusation.boot.to_string(),
            class: accusation.class.as_str().to_owned(),
            silent_ms: u64::try_from(accusation.silent_for.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl AccusationBody {
    /// The accusation, unless a word of it is not known here.
    fn known(&self) -> Option<Accusation> {
        Some(Accusation {
            node: NodeName::new(&self.node).ok()?,
            boot: self.boot.parse().ok()?,
            class: Class::ALL.into_iter().find(|class| class.as_str() == self.class)?,
            silent_for: Duration::from_millis(self.silent_ms),
        })
    }
}

impl From<&WatchDelta> for WatchBody {
    fn from(delta: &WatchDelta) -> WatchBody {
        let line = |watched: &Watched| WatchedBody {
            node: watched.node.to_string(),
            boot: watched.boot.to_string(),
            state: watched.state.map(|state| state.as_str().to_owned()),
        };
        WatchBody { since: delta.since, rev: delta.rev, peers: delta.peers.iter().map(line).collect() }
    }
}

impl WatchedBody {
    /// The line, unless a word of it is not known here.
    fn known(&self) -> Option<Watched> {
        let state = match &self.state {
            None => None,
            Some(word) => Some(PeerState::ALL.into_iter().find(|state| state.as_str() == word)?),
        };
        Some(Watched { node: NodeName::new(&self.node).ok()?, boot: self.boot.parse().ok()?, state })
    }
}

impl TestimonyBody {
    /// The body of a testimony; `None` for [`Testimony::NoOpinion`], which is a 404 without one.
    pub fn from_testimony(testimony: Testimony) -> Option<TestimonyBody> {
        let body = |word: &str| TestimonyBody { testimony: word.to_owned(), boot: None, evidence: None };
        match testimony {
            Testimony::Answered { boot } => Some(TestimonyBody { boot: Some(boot.to_string()), ..body("answered") }),
            Testimony::Failed { evidence } => {
                Some(TestimonyBody { evidence: Some(evidence.as_str().to_owned()), ..body("failed") })
            }
            Testimony::Left => Some(body("left")),
            Testimony::NoOpinion => None,
        }
    }

    /// Reads a witness's answer. Whatever cannot be understood is no opinion.
    pub fn parse(bytes: &[u8]) -> Testimony {
        serde_json::from_slice::<TestimonyBody>(bytes)
            .ok()
            .and_then(|body| body.known())
            .unwrap_or(Testimony::NoOpinion)
    }

    fn known(&self) -> Option<Testimony> {
        match self.testimony.as_str() {
            "answered" => Some(Testimony::Answered { boot: self.boot.as_deref()?.parse().ok()? }),
            "failed" => {
                let word = self.evidence.as_deref()?;
                let evidence = Evidence::ALL.into_iter().find(|evidence| evidence.as_str() == word)?;
                // "Failed: answered" contradicts itself.
                (evidence != Evidence::Answered).then_some(Testimony::Failed { evidence })
            }
            "left" => Some(Testimony::Left),
            _ => None,
        }
    }
}

/// Who sent this request, as its headers say; `None` when it is not a node
/// (curl, a browser) or when what it says of itself is not valid.
pub fn caller_from_headers(headers: &HeaderMap) -> Option<Caller> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let seq: u64 = text(HEADER_SEQ)?.parse().ok()?;
    Some(Caller {
        node: NodeName::new(text(HEADER_NODE)?).ok()?,
        boot: text(HEADER_BOOT)?.parse().ok()?,
        seq: (seq < SEQ_LIMIT).then_some(Seq(seq))?,
        state: self_state(text(HEADER_STATE).unwrap_or_default()),
        known_rev: text(HEADER_KNOWN).and_then(|rev| rev.parse().ok()).unwrap_or(0),
    })
}

/// The headers that say who sends a request.
pub fn caller_headers(caller: &Caller) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    // A node name is visible ASCII by construction, so this never fails; without it the peer would
    // take the request for a stranger's, which is the right thing to degrade to.
    if let Ok(node) = HeaderValue::from_str(caller.node.as_str()) {
        headers.insert(HEADER_NODE, node);
    }
    if let Ok(boot) = HeaderValue::from_str(&caller.boot.to_string()) {
        headers.insert(HEADER_BOOT, boot);
    }
    headers.insert(HEADER_SEQ, HeaderValue::from(caller.seq.0));
    headers.insert(HEADER_STATE, HeaderValue::from_static(caller.state.as_str()));
    if caller.known_rev > 0 {
        headers.insert(HEADER_KNOWN, HeaderValue::from(caller.known_rev));
    }
    headers
}

fn self_state(word: &str) -> SelfState {
    SelfState::ALL.into_iter().find(|state| state.as_str() == word).unwrap_or(SelfState::Ready)
}

/// A list of which at most `LIMIT` entries are kept. The rest is read past
/// without being built, so that its length costs no memory.
fn bounded<'de, D, T, const LIMIT: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T, const LIMIT: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const LIMIT: usize> Visitor<'de> for Bounded<T, LIMIT> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while list.len() < LIMIT {
                match seq.next_element()? {
                    Some(entry) => list.push(entry),
                    None => return Ok(list),
                }
            }
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(list)
        }
    }

    deserializer.deserialize_seq(Bounded::<T, LIMIT>(PhantomData))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detector::peer::BootId;

    fn answer() -> Answer {
        Answer {
            node: NodeName::new("node-1").expect("valid"),
            boot: BootId(0x0123_4567_89ab_cdef),
            seq: Seq(1234),
            state: SelfState::Ready,
            version: "0.1.0".into(),
            accusations: vec![Accusation {
                node: NodeName::new("node-3").expect("valid"),
                boot: BootId(0xff),
                class: Class::Gone,
                silent_for: Duration::from_millis(251),
            }],
            watch: WatchDelta {
                since: 0,
                rev: 3,
                peers: vec![
                    Watched {
                        node: NodeName::new("node-2").expect("valid"),
                        boot: BootId(0xfedc_ba98_7654_3210),
                        state: Some(PeerState::Alive),
                    },
                    Watched { node: NodeName::new("node-4").expect("valid"), boot: BootId(0xaa), state: None },
                ],
            },
            maintenance: None,
        }
    }

    fn read(text: &str) -> Result<Answer, InvalidAnswer> {
        AnswerBody::parse(text.as_bytes()).and_then(Answer::try_from)
    }

    /// The released form is read, and written byte for byte: whoever breaks this breaks a rolling update.
    #[test]
    fn the_released_form_is_read_and_written() {
        let released = include_str!("../tests/answers/0.1.0.json");
        assert_eq!(read(released).expect("readable"), answer());
        assert_eq!(AnswerBody::from(&answer()).to_json(), released.trim_end());
    }

    #[test]
    fn what_a_later_release_adds_does_no_harm() {
        let text = r#"{"node":"n","boot":"00000000000000ff","seq":1,"state":"hibernating","version":"9","mood":{"a":[1]},
            "accusations":[{"node":"a","boot":"0000000000000001","class":"asleep","silent_ms":1},
                           {"node":"b","boot":"0000000000000001","class":"silent","silent_ms":2,"why":"x"}],
            "watch":{"since":0,"rev":1,"peers":[{"node":"c","boot":"0000000000000001","state":"odd"},
                                                {"node":"d e","boot":"0000000000000001","state":"dead"},
                                                {"node":"f","boot":"0000000000000001","state":"left"}]}}"#;
        let answer = read(text).expect("readable");
        assert_eq!(answer.state, SelfState::Ready);
        assert_eq!(answer.accusations.len(), 1);
        assert_eq!(answer.accusations[0].node.as_str(), "b");
        assert_eq!(answer.watch.peers.len(), 1);
        assert_eq!(answer.watch.peers[0].state, Some(PeerState::Left));
    }

    #[test]
    fn lists_are_optional() {
        let answer =
            read(r#"{"node":"n","boot":"00000000000000ff","seq":1,"state":"ready","version":"0"}"#).expect("readable");
        assert!(answer.accusations.is_empty());
        assert_eq!(answer.watch, WatchDelta::default());
    }

    #[test]
    fn a_maintenance_survives_the_wire_and_is_made_fit_to_be_shown() {
        let on = |reason: &str, ms| {
            let reason = MaintenanceReason::new(reason).expect("valid");
            Some(Announcement::On(Maintenance { reason, left: Duration::from_millis(ms) }))
        };
        for maintenance in [None, Some(Announcement::Off), on("new \"disk\", ticket 42", 1_799_123)] {
            let sent = Answer { maintenance: maintenance.clone(), ..answer() };
            assert_eq!(read(&AnswerBody::from(&sent).to_json()).expect("readable").maintenance, maintenance);
        }
        let said = |maintenance: &str| {
            let text = format!(
                r#"{{"node":"n","boot":"00000000000000ff","seq":1,"state":"ready","version":"0","maintenance":{maintenance}}}"#
            );
            read(&text).expect("readable").maintenance
        };
        assert_eq!(said("null"), None);
        assert_eq!(said(r#"{"reason":"x","phase":2}"#), None, "a later form that this version cannot read");
        assert_eq!(said(r#"{"left_ms":5}"#), on("no reason given", 5));
        assert_eq!(said(r#"{"left_ms":5,"reason":"\u001b[2J\u202ea"}"#), on("[2Ja", 5));
        assert_eq!(said(r#"{"left_ms":0,"reason":"over"}"#), Some(Announcement::Off));
        let long = "y".repeat(100_000);
        assert_eq!(said(&format!(r#"{{"left_ms":5,"reason":"{long}"}}"#)), on(&long[..MaintenanceReason::LIMIT], 5));
        let fraction =
            Maintenance { reason: MaintenanceReason::new("x").expect("valid"), left: Duration::from_nanos(9) };
        let body = MaintenanceBody::from(&Announcement::On(fraction));
        assert_eq!(body.left_ms, Some(1), "what is nearly over is not withdrawn");
    }

    #[test]
    fn who_answers_must_be_right() {
        let text = |node: &str, boot: &str, seq: &str, version: &str| {
            format!(r#"{{"node":"{node}","boot":"{boot}","seq":{seq},"state":"ready","version":"{version}"}}"#)
        };
        assert!(read(&text("n", "00000000000000ff", "9007199254740991", "1")).is_ok());
        for wrong in [
            text("", "00000000000000ff", "1", "1"),
            text("a b", "00000000000000ff", "1", "1"),
            text("n", "ff", "1", "1"),
            text("n", "00000000000000fg", "1", "1"),
            text("n", "00000000000000ff", "-1", "1"),
            text("n", "00000000000000ff", "9007199254740992", "1"),
            text("n", "00000000000000ff", "1", &"v".repeat(VERSION_BYTES + 1)),
            "[]".to_owned(),
            String::new(),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_are_cut_at_their_limits() {
        let entry = r#"{"node":"n","boot":"00000000000000ff","class":"gone","silent_ms":1}"#;
        let list = vec![entry; ACCUSATIONS + 10].join(",");
        let text = format!(
            r#"{{"node":"n","boot":"00000000000000ff","seq":1,"state":"ready","version":"0","accusations":[{list}]}}"#
        );
        assert_eq!(read(&text).expect("readable").accusations.len(), ACCUSATIONS);
    }

    #[test]
    fn the_largest_first_answer_fits() {
        let name = NodeName::new(&"n".repeat(100)).expect("valid");
        let line = Watched { node: name, boot: BootId(u64::MAX), state: Some(PeerState::Unreachable) };
        let mut largest = answer();
        largest.watch.peers = vec![line; WATCHED];
        assert!(AnswerBody::from(&largest).to_json().len() <= ANSWER_BYTES);
    }

    #[test]
    fn a_caller_survives_its_headers() {
        let caller = Caller {
            node: NodeName::new("node-1:8002").expect("valid"),
            boot: BootId(7),
            seq: Seq(99),
            state: SelfState::Leaving,
            known_rev: 12,
        };
        assert_eq!(caller_from_headers(&caller_headers(&caller)), Some(caller.clone()));
        let unknown = Caller { known_rev: 0, ..caller };
        assert_eq!(caller_from_headers(&caller_headers(&unknown)), Some(unknown));
    }

    #[test]
    fn a_stranger_is_nobody() {
        assert_eq!(caller_from_headers(&HeaderMap::new()), None);
        let mut headers = HeaderMap::new();
        headers.insert(HEADER_NODE, HeaderValue::from_static("node-1"));
        assert_eq!(caller_from_headers(&headers), None);
    }

    #[test]
    fn testimonies_survive_the_wire() {
        let all = [
            Testimony::Answered { boot: BootId(3) },
            Testimony::Failed { evidence: Evidence::Refused },
            Testimony::Left,
        ];
        for testimony in all {
            let body = TestimonyBody::from_testimony(testimony).expect("has a body");
            let text = serde_json::to_string(&body).expect("serialises");
            assert_eq!(TestimonyBody::parse(text.as_bytes()), testimony, "{text}");
        }
        assert_eq!(TestimonyBody::from_testimony(Testimony::NoOpinion), None);
        for odd in [
            "",
            "{}",
            r#"{"testimony":"shrug"}"#,
            r#"{"testimony":"answered"}"#,
            r#"{"testimony":"failed","evidence":"answered"}"#,
        ] {
            assert_eq!(TestimonyBody::parse(odd.as_bytes()), Testimony::NoOpinion, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = AnswerBody::parse(&bytes).and_then(Answer::try_from);
            let _ = TestimonyBody::parse(&bytes);
        }

        /// One byte of a good answer changed: either refused, or still an answer of bounded size.
        #[test]
        fn a_damaged_answer_never_panics(at in 0usize..330, byte in any::<u8>()) {
            let mut bytes = AnswerBody::from(&answer()).to_json().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(read) = AnswerBody::parse(&bytes).and_then(Answer::try_from) {
                prop_assert!(read.accusations.len() <= 1 && read.watch.peers.len() <= 2);
            }
        }

        #[test]
        fn every_answer_survives_the_wire(node in "[!#-&(-+.0-;=?-Z^-~-]{1,40}", boot in any::<u64>(), seq in 0u64..SEQ_LIMIT, silent_ms in 0u64..1 << 40, rev in any::<u64>()) {
            let mut sent = answer();
            sent.node = NodeName::new(&node).expect("valid");
            sent.boot = BootId(boot);
            sent.seq = Seq(seq);
            sent.accusations[0].silent_for = Duration::from_millis(silent_ms);
            sent.watch.rev = rev;
            let received = AnswerBody::parse(AnswerBody::from(&sent).to_json().as_bytes()).and_then(Answer::try_from).expect("readable");
            prop_assert_eq!(received, sent);
        }
    }
}
