//! What a node saw, as it travels between nodes: events and incidents.
//!
//! All times are ages in whole milliseconds at the moment of writing, so a node
//! whose clock is an hour off changes nothing but its own timestamps. Only what
//! a node saw itself is reported: what it heard of others would circulate without end,
//! and its origin would be lost.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limit::{InvalidAnswer, SEQ_LIMIT, bounded, optional};
use super::number::ms;
use super::text::Text;
use super::words::EventName;
use crate::detector::evidence::Class;
use crate::detector::level::Level;
use crate::detector::maintenance::printable;
use crate::detector::peer::{BootId, NodeName};
use crate::mesh::Member;
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

/// What this node saw itself, for its peers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryBody {
    pub node: Text<NodeName>,
    pub boot: Text<BootId>,
    /// What to give as `since` to read on.
    pub next: u64,
    #[serde(default, deserialize_with = "bounded::<_, _, EVENTS>")]
    pub events: Vec<PastEventBody>,
    #[serde(default, deserialize_with = "bounded::<_, _, INCIDENTS>")]
    pub incidents: Vec<PastIncidentBody>,
}

/// An event that this node saw. It has no fields: some of them are timestamps of this node's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PastEventBody {
    #[schemars(range(min = 1))]
    pub seq: u64,
    pub age_ms: u64,
    pub event: Text<EventName>,
    pub level: Text<Level>,
    /// The node name of the peer it is about, or its key while it has none.
    #[serde(default)]
    pub peer: Option<Text<Member>>,
    pub message: String,
    pub sentence: String,
}

/// An incident as this node saw it itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PastIncidentBody {
    /// Counts from 1 in each run of the node that saw it; numbers that were found to be a part of others are missing.
    #[schemars(range(min = 1))]
    pub id: u64,
    pub verdict: Text<IncidentVerdict>,
    /// The nodes that this node and those on its side could not reach, or the ends of the link.
    #[serde(deserialize_with = "bounded::<_, _, NAMES_MAX>")]
    #[schemars(length(min = 1))]
    pub nodes: Vec<Text<NodeName>>,
    /// The sides of a split, where both have reported.
    #[serde(default, deserialize_with = "bounded::<_, _, SIDES>")]
    pub sides: Vec<Side>,
    /// The nodes that saw it.
    #[serde(deserialize_with = "bounded::<_, _, NAMES_MAX>")]
    pub observers: Vec<Text<NodeName>>,
    /// Age of its beginning: the last sign of life before the first bad verdict.
    pub began_ms: u64,
    /// Age of its end; `null` while it continues.
    #[serde(default)]
    pub ended_ms: Option<u64>,
    /// How many times it failed: more than one in a crash loop.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub failures: u32,
    /// How the victim failed, where there is one.
    #[serde(default)]
    pub reason: Option<Text<Class>>,
}

/// One side of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Side(#[serde(deserialize_with = "bounded::<_, _, NAMES_MAX>")] pub Vec<Text<NodeName>>);

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
    pub event: EventName,
    pub level: Level,
    pub peer: Option<Member>,
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
            node: body.node.known().cloned().ok_or(field("node"))?,
            boot: *body.boot.known().ok_or(field("boot"))?,
            next: body.next,
            events: body.events.into_iter().filter_map(PastEventBody::known).collect(),
            incidents: body.incidents.into_iter().filter_map(PastIncidentBody::known).collect(),
        })
    }
}

impl PastEventBody {
    fn known(self) -> Option<PastEvent> {
        Some(PastEvent {
            seq: (self.seq < SEQ_LIMIT).then_some(self.seq)?,
            age: Duration::from_millis(self.age_ms),
            event: *self.event.known()?,
            level: *self.level.known()?,
            peer: match self.peer {
                // What is no name cannot be shown to people or compared either.
                Some(peer) => Some(Member::from(&NodeName::new(&peer.as_str()).ok()?)),
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
        let names = |members: &[Member]| members.iter().map(|member| Text::new(member.as_str())).collect();
        PastIncidentBody {
            id: told.id,
            verdict: told.verdict.into(),
            nodes: names(&told.nodes),
            sides: told.sides.iter().map(|side| Side(names(side))).collect(),
            observers: names(&told.observers),
            began_ms: ms(told.began),
            ended_ms: told.ended.map(ms),
            failures: told.failures,
            reason: told.reason.map(Text::from),
        }
    }
}

impl PastIncidentBody {
    fn known(self) -> Option<IncidentSummary> {
        let ended = self.ended_ms.map(Duration::from_millis);
        let verdict = *self.verdict.known()?;
        // No node stands on two sides, so all of them together have no more names than the two lists.
        let names: usize = self.sides.iter().map(|side| side.0.len()).sum();
        if names > 2 * NAMES_MAX || (verdict == IncidentVerdict::Split && self.sides.len() < 2) {
            return None;
        }
        let told = IncidentSummary {
            id: (self.id < SEQ_LIMIT).then_some(self.id)?,
            verdict,
            nodes: members(&self.nodes)?,
            sides: self.sides.iter().map(|side| members(&side.0)).collect::<Option<_>>()?,
            observers: members(&self.observers)?,
            began: Duration::from_millis(self.began_ms).max(ended.unwrap_or_default()),
            ended,
            failures: self.failures.max(1),
            reason: optional(&self.reason)?,
        };
        (!told.nodes.is_empty() && !told.observers.is_empty()).then_some(told)
    }
}

/// The names in order; `None` when one of them is no name.
fn members(names: &[Text<NodeName>]) -> Option<Vec<Member>> {
    let mut members: Vec<Member> = names.iter().map(|name| Some(Member::from(name.known()?))).collect::<Option<_>>()?;
    members.sort();
    members.dedup();
    Some(members)
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
        assert_eq!((event.seq, event.age, event.event), (7, Duration::from_millis(1234), EventName("peer_down")));
        assert_eq!((event.level, event.peer.clone()), (Level::Warn, Some(Member::from("node-3"))));
        assert_eq!(&*event.sentence, "node-3 is down");
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
