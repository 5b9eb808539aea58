//! The answer to a ping, which is also what a node pushes to its peers as news.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limit::{InvalidAnswer, SEQ_LIMIT, bounded, optional, self_state};
use super::number::ms;
use super::text::Text;
use crate::detector::evidence::Class;
use crate::detector::maintenance::{Announcement, Maintenance, MaintenanceReason};
use crate::detector::peer::{Accusation, Answer, BootId, NodeName, PeerState, SelfState, Seq, WatchDelta, Watched};

/// The most bytes of an answer that are read. A first answer lists every
/// watched peer: 4,096 of them with names of 100 characters fit.
pub const ANSWER_BYTES: usize = 1024 * 1024;
/// The most accusations taken from one answer; the rest is dropped. A node that
/// accuses more than a thousand others is faulty or hostile.
pub const ACCUSATIONS: usize = 1024;
/// The most lines of a watch list taken from one answer; the rest is dropped.
/// Four times the largest mesh this detector is measured at.
pub const WATCHED: usize = 4096;
/// The longest version text taken from an answer.
const VERSION_BYTES: usize = 64;

/// The answer to a ping, and one piece of news on a peer's stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerBody {
    pub node: Text<NodeName>,
    pub boot: Text<BootId>,
    /// Milliseconds since the detector began.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    pub seq: u64,
    pub state: Text<SelfState>,
    #[schemars(length(max = 64))]
    pub version: String,
    /// Boots that this node finds gone by its own observation.
    #[serde(default, deserialize_with = "bounded::<_, _, ACCUSATIONS>")]
    pub accusations: Vec<AccusationBody>,
    #[serde(default)]
    pub watch: WatchBody,
    /// This node's own maintenance; absent when it has nothing to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<AnnouncementBody>,
}

/// What a node says of its own maintenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnnouncementBody {
    /// Read up to a limit, and made fit to be shown.
    #[serde(default)]
    pub reason: String,
    /// Milliseconds until it ends; 0: an operator has ended it. A body without it says nothing.
    #[serde(default)]
    pub left_ms: Option<u64>,
}

/// One accusation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccusationBody {
    pub node: Text<NodeName>,
    pub boot: Text<BootId>,
    pub class: Text<Class>,
    /// Milliseconds since the last proof of life.
    pub silent_ms: u64,
}

/// What changed in this node's watch list after revision `since`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchBody {
    pub since: u64,
    pub rev: u64,
    #[serde(default, deserialize_with = "bounded::<_, _, WATCHED>")]
    pub peers: Vec<WatchedBody>,
}

/// One line of a watch list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchedBody {
    pub node: Text<NodeName>,
    pub boot: Text<BootId>,
    /// `null`: no longer watched.
    pub state: Option<Text<PeerState>>,
}

impl AnswerBody {
    /// Reads an answer from the bytes of a body.
    ///
    /// # Errors
    /// [`InvalidAnswer::Json`] when the bytes are not the JSON of an answer.
    pub fn parse(bytes: &[u8]) -> Result<AnswerBody, InvalidAnswer> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// What a stranger is told where reading needs a token: that the node lives.
    pub(crate) fn for_strangers(self) -> AnswerBody {
        AnswerBody { accusations: Vec::new(), watch: WatchBody::default(), maintenance: None, ..self }
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
            node: Text::from(&answer.node),
            boot: answer.boot.into(),
            seq: answer.seq.0,
            state: answer.state.into(),
            version: answer.version.to_string(),
            accusations: answer.accusations.iter().map(AccusationBody::from).collect(),
            watch: WatchBody::from(&answer.watch),
            maintenance: answer.maintenance.as_ref().map(AnnouncementBody::from),
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
            node: body.node.known().cloned().ok_or(field("node"))?,
            boot: body.boot.known().copied().ok_or(field("boot"))?,
            seq: Seq(body.seq),
            state: self_state(&body.state),
            version: body.version.into(),
            accusations: body.accusations.iter().filter_map(AccusationBody::known).collect(),
            watch: WatchDelta {
                since: body.watch.since,
                rev: body.watch.rev,
                peers: body.watch.peers.iter().filter_map(WatchedBody::known).collect(),
            },
            maintenance: body.maintenance.as_ref().and_then(AnnouncementBody::known),
        })
    }
}

impl From<&Announcement> for AnnouncementBody {
    fn from(announcement: &Announcement) -> AnnouncementBody {
        match announcement {
            Announcement::Off => AnnouncementBody { reason: String::new(), left_ms: Some(0) },
            Announcement::On(Maintenance { reason, left }) => {
                // The last fraction of a millisecond is not yet the end.
                AnnouncementBody { reason: reason.as_str().to_owned(), left_ms: Some(ms(*left).max(1)) }
            }
        }
    }
}

impl AnnouncementBody {
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
            node: Text::from(&accusation.node),
            boot: accusation.boot.into(),
            class: accusation.class.into(),
            silent_ms: ms(accusation.silent_for),
        }
    }
}

impl AccusationBody {
    /// The accusation, unless a word of it is not known here.
    fn known(&self) -> Option<Accusation> {
        Some(Accusation {
            node: self.node.known()?.clone(),
            boot: *self.boot.known()?,
            class: *self.class.known()?,
            silent_for: Duration::from_millis(self.silent_ms),
        })
    }
}

impl From<&WatchDelta> for WatchBody {
    fn from(delta: &WatchDelta) -> WatchBody {
        let line = |watched: &Watched| WatchedBody {
            node: Text::from(&watched.node),
            boot: watched.boot.into(),
            state: watched.state.map(Text::from),
        };
        WatchBody { since: delta.since, rev: delta.rev, peers: delta.peers.iter().map(line).collect() }
    }
}

impl WatchedBody {
    /// The line, unless a word of it is not known here.
    fn known(&self) -> Option<Watched> {
        Some(Watched { node: self.node.known()?.clone(), boot: *self.boot.known()?, state: optional(&self.state)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    /// The released form is read, and written byte for byte: a change that breaks this breaks a rolling update.
    #[test]
    fn the_released_form_is_read_and_written() {
        let released = include_str!("../../tests/answers/0.1.0.json");
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
        let body = AnnouncementBody::from(&Announcement::On(fraction));
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

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = AnswerBody::parse(&bytes).and_then(Answer::try_from);
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
