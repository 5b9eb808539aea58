//! What a node saw, as it travels between nodes: events and incidents.
//!
//! All times are ages in whole milliseconds at the moment of writing, so a node
//! whose clock is an hour off changes nothing but its own timestamps. Only what
//! a node saw itself is told: what it heard of others would go round for ever,
//! and nobody could say whose word it was.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{InvalidAnswer, SEQ_LIMIT, bounded};
use crate::detector::evidence::Class;
use crate::detector::maintenance::printable;
use crate::detector::peer::{BootId, NodeName};
use crate::mesh::Member;
use crate::mesh::event::NodeEvent;
use crate::mesh::incident::{IncidentSummary, IncidentVerdict, NAMES_MAX};

/// The most bytes of a history that are read. [`EVENTS`] of the longest events take half of it.
pub const HISTORY_BYTES: usize = 512 * 1024;
/// Events in one answer; who wants more asks again.
pub const EVENTS: usize = 128;
/// Incidents in one answer, the newest.
pub const INCIDENTS: usize = 32;
/// The longest text of an event that is kept.
const TEXT_LIMIT: usize = 400;
/// Sides of a split that are read.
const SIDES: usize = 16;

/// `GET /api/v1/history`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryBody {
    pub node: String,
    pub boot: String,
    /// What to give as `since` to read on.
    pub next: u64,
    #[serde(default, deserialize_with = "bounded::<_, _, EVENTS>")]
    pub events: Vec<PastEventBody>,
    #[serde(default, deserialize_with = "bounded::<_, _, INCIDENTS>")]
    pub incidents: Vec<PastIncidentBody>,
}

/// An event of that node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastEventBody {
    pub seq: u64,
    pub age_ms: u64,
    pub event: String,
    pub level: String,
    /// The node name of the peer it is about, or its key while it has none.
    #[serde(default)]
    pub peer: Option<String>,
    pub message: String,
    pub sentence: String,
}

/// An incident as that node saw it itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastIncidentBody {
    pub id: u64,
    pub verdict: String,
    #[serde(deserialize_with = "bounded::<_, _, NAMES_MAX>")]
    pub nodes: Vec<String>,
    #[serde(default, deserialize_with = "bounded::<_, _, SIDES>")]
    pub sides: Vec<Side>,
    #[serde(deserialize_with = "bounded::<_, _, NAMES_MAX>")]
    pub observers: Vec<String>,
    pub began_ms: u64,
    #[serde(default)]
    pub ended_ms: Option<u64>,
    #[serde(default)]
    pub failures: u32,
    #[serde(default)]
    pub reason: Option<String>,
}

/// One side of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Side(#[serde(deserialize_with = "bounded::<_, _, NAMES_MAX>")] pub Vec<String>);

/// What another node saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    pub node: NodeName,
    pub boot: BootId,
    pub next: u64,
    pub events: Vec<PastEvent>,
    pub incidents: Vec<IncidentSummary>,
}

/// An event that another node saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEvent {
    pub seq: u64,
    pub age: Duration,
    /// One of [`NodeEvent::names`].
    pub event: &'static str,
    /// `debug`, `info` or `warn`.
    pub level: &'static str,
    pub peer: Option<Box<str>>,
    pub message: Box<str>,
    pub sentence: Box<str>,
}

impl HistoryBody {
    /// Reads a history from the bytes of a body. Entries with a word that is not known are dropped.
    ///
    /// # Errors
    /// [`InvalidAnswer`] when the bytes are not the JSON of a history, or do not say whose.
    pub fn read(bytes: &[u8]) -> Result<History, InvalidAnswer> {
        let body: HistoryBody = serde_json::from_slice(bytes)?;
        let field = |field| InvalidAnswer::Field { field };
        if body.next >= SEQ_LIMIT {
            return Err(field("next"));
        }
        Ok(History {
            node: NodeName::new(&body.node).map_err(|_| field("node"))?,
            boot: body.boot.parse().map_err(|_| field("boot"))?,
            next: body.next,
            events: body.events.into_iter().filter_map(PastEventBody::known).collect(),
            incidents: body.incidents.into_iter().filter_map(PastIncidentBody::known).collect(),
        })
    }
}

impl PastEventBody {
    fn known(self) -> Option<PastEvent> {
        let word = |known: &[&'static str], text: &str| known.iter().copied().find(|word| *word == text);
        Some(PastEvent {
            seq: (self.seq < SEQ_LIMIT).then_some(self.seq)?,
            age: Duration::from_millis(self.age_ms),
            event: NodeEvent::names().find(|name| *name == self.event)?,
            level: word(&["debug", "info", "warn"], &self.level)?,
            peer: match self.peer {
                Some(peer) => Some(NodeName::new(&peer).ok()?.as_str().into()),
                None => None,
            },
            message: shown(&self.message),
            sentence: shown(&self.sentence),
        })
    }
}

/// A text of a peer, made fit to be shown.
fn shown(text: &str) -> Box<str> {
    text.chars().filter(|c| printable(*c)).take(TEXT_LIMIT).collect::<String>().into()
}

impl From<&IncidentSummary> for PastIncidentBody {
    fn from(told: &IncidentSummary) -> PastIncidentBody {
        let names = |members: &[Member]| members.iter().map(ToString::to_string).collect();
        PastIncidentBody {
            id: told.id,
            verdict: told.verdict.as_str().to_owned(),
            nodes: names(&told.nodes),
            sides: told.sides.iter().map(|side| Side(names(side))).collect(),
            observers: names(&told.observers),
            began_ms: ms(told.began),
            ended_ms: told.ended.map(ms),
            failures: told.failures,
            reason: told.reason.map(|reason| reason.as_str().to_owned()),
        }
    }
}

impl PastIncidentBody {
    fn known(self) -> Option<IncidentSummary> {
        let ended = self.ended_ms.map(Duration::from_millis);
        // Nobody stands on two sides, so all of them together have no more names than the two lists.
        let names: usize = self.sides.iter().map(|side| side.0.len()).sum();
        if names > 2 * NAMES_MAX || (self.verdict == IncidentVerdict::Split.as_str() && self.sides.len() < 2) {
            return None;
        }
        let told = IncidentSummary {
            id: (self.id < SEQ_LIMIT).then_some(self.id)?,
            verdict: IncidentVerdict::ALL.into_iter().find(|verdict| verdict.as_str() == self.verdict)?,
            nodes: members(&self.nodes)?,
            sides: self.sides.iter().map(|side| members(&side.0)).collect::<Option<_>>()?,
            observers: members(&self.observers)?,
            began: Duration::from_millis(self.began_ms).max(ended.unwrap_or_default()),
            ended,
            failures: self.failures.max(1),
            reason: match self.reason {
                Some(word) => Some(Class::ALL.into_iter().find(|class| class.as_str() == word)?),
                None => None,
            },
        };
        (!told.nodes.is_empty() && !told.observers.is_empty()).then_some(told)
    }
}

/// The names in order; `None` when one of them is no name.
fn members(names: &[String]) -> Option<Vec<Member>> {
    let mut members: Vec<Member> =
        names.iter().map(|name| Some(Member::from(&NodeName::new(name).ok()?))).collect::<Option<_>>()?;
    members.sort();
    members.dedup();
    Some(members)
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the first release that had histories writes it.
    const RELEASED: &str = r#"{"node":"node-2","boot":"00000000000000ff","next":9,"events":[{"seq":7,"age_ms":1234,"event":"peer_down","level":"warn","peer":"node-3","message":"Peer unreachable","sentence":"node-3 is down"}],"incidents":[{"id":1,"verdict":"cut_off","nodes":["node-1"],"sides":[["node-1"],["node-2","node-3"]],"observers":["node-2"],"began_ms":5000,"ended_ms":400,"failures":2,"reason":"silent"}]}"#;

    fn read(text: &str) -> Result<History, InvalidAnswer> {
        HistoryBody::read(text.as_bytes())
    }

    #[test]
    fn the_released_form_is_read_and_written() {
        let history = read(RELEASED).expect("a history");
        assert_eq!((history.node.as_str(), history.boot, history.next), ("node-2", BootId(255), 9));
        let event = &history.events[0];
        assert_eq!((event.seq, event.age, event.event), (7, Duration::from_millis(1234), "peer_down"));
        assert_eq!((event.level, event.peer.as_deref(), &*event.sentence), ("warn", Some("node-3"), "node-3 is down"));
        let body: HistoryBody = serde_json::from_str(RELEASED).expect("a body");
        assert_eq!(PastIncidentBody::from(&history.incidents[0]), body.incidents[0]);
        assert_eq!(serde_json::to_string(&body).expect("JSON"), RELEASED);
    }

    #[test]
    fn what_is_not_known_costs_its_entry_and_what_cannot_be_shown_is_left_out() {
        for (from, to, events, incidents) in [
            ("peer_down", "peer_vanished", 0, 1),
            ("\"warn\"", "\"panic\"", 0, 1),
            ("\"peer\":\"node-3\"", "\"peer\":\"<b>\"", 0, 1),
            ("\"cut_off\"", "\"bewitched\"", 1, 0),
            ("\"silent\"", "\"silly\"", 1, 0),
            ("\"nodes\":[\"node-1\"]", "\"nodes\":[\"a b\"]", 1, 0),
            ("\"nodes\":[\"node-1\"]", "\"nodes\":[]", 1, 0),
            ("\"seq\":7", "\"seq\":7,\"aura\":\"blue\"", 1, 1),
        ] {
            let history = read(&RELEASED.replace(from, to)).unwrap_or_else(|error| panic!("{to}: {error}"));
            assert_eq!((history.events.len(), history.incidents.len()), (events, incidents), "{to}");
        }
        for (from, to) in [("\"node-2\",\"boot\"", "\"a b\",\"boot\""), ("00ff", "ff"), ("\"next\":9", "\"next\":-1")] {
            assert!(read(&RELEASED.replacen(from, to, 1)).is_err(), "{to}");
        }
        let long = format!("x\\u202e\\n{}", "y".repeat(1000));
        let history = read(&RELEASED.replace("node-3 is down", &long)).expect("a history");
        assert_eq!(history.events[0].sentence.len(), TEXT_LIMIT);
        assert!(history.events[0].sentence.starts_with("xyy"));
        // It cannot have ended before it began.
        let told = &read(&RELEASED.replace("\"began_ms\":5000", "\"began_ms\":5")).expect("a history").incidents[0];
        assert_eq!(told.lasted(), Duration::ZERO);
    }

    #[test]
    fn lists_are_cut_off_while_they_are_read() {
        let event =
            &RELEASED[RELEASED.find("{\"seq\"").expect("an event")..RELEASED.find("],\"incidents\"").expect("its end")];
        let many = vec![event; EVENTS + 10].join(",");
        assert_eq!(read(&RELEASED.replace(event, &many)).expect("a history").events.len(), EVENTS);
        let names = (0..NAMES_MAX * 2).map(|at| format!("\"n{at}\"")).collect::<Vec<_>>().join(",");
        let wide = RELEASED.replace("\"nodes\":[\"node-1\"]", &format!("\"nodes\":[{names}]"));
        assert_eq!(read(&wide).expect("a history").incidents[0].nodes.len(), NAMES_MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_history_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..RELEASED.len(), by in any::<u8>()) {
            // Only that it returns is asked.
            let _ = HistoryBody::read(&bytes);
            let mut damaged = RELEASED.as_bytes().to_vec();
            damaged[at] = by;
            let _ = HistoryBody::read(&damaged);
        }
    }
}
