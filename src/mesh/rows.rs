//! The input of the mesh view: one row for each observer, with one cell for each peer that it watches.
//!
//! A row is what one node reported about its own links, and when. If an observer did not answer, its last row is kept
//! and shown with its age, but it does not *speak*: what was good then may be bad now, and the reverse. Every
//! conclusion in this folder asks [`Row::speaks`] first, so this rule has one place.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::blind_spot::BlindSpot;
use super::key_id::MeshKeyId;
use crate::closed_set::closed_set;
use crate::detector::evidence::Class;
use crate::detector::natural_order::natural;
use crate::detector::peer::{BootId, NodeName, PeerKey, PeerState, SelfState, Verdict};

/// A node of the mesh, by the name it declares; one that has never answered goes by the key under which it is listed.
///
/// In natural order: `node-2` before `node-10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member(pub Arc<str>);

impl Member {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Member {
    fn from(text: &str) -> Member {
        Member(text.into())
    }
}

impl From<&NodeName> for Member {
    fn from(name: &NodeName) -> Member {
        Member(name.as_str().into())
    }
}

impl From<&PeerKey> for Member {
    fn from(key: &PeerKey) -> Member {
        Member(key.0.clone())
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for Member {
    fn cmp(&self, other: &Member) -> Ordering {
        natural(&self.0, &other.0).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Member {
    fn partial_cmp(&self, other: &Member) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

closed_set! {
    /// Whether an observer answered when it was asked for its row.
    pub enum RowFreshness {
        /// The row is current.
        Now = "now",
        /// It did not answer; this is its last row.
        Before = "before",
        /// It has never given one.
        Never = "never",
    }
}

/// What one observer reports about its links.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The node that reported it.
    pub observer: Member,
    /// Whether it reported just now.
    pub freshness: RowFreshness,
    /// Age of the row; `None` when there is none.
    pub as_of: Option<Duration>,
    /// The life of the observer that reported; `None` when there is no row.
    pub boot: Option<BootId>,
    /// Its own state.
    pub state: Option<SelfState>,
    /// It was just paused and judges no peer yet.
    pub stalled: bool,
    /// It is in maintenance.
    pub maintenance: bool,
    /// Time since it started.
    pub up_for: Option<Duration>,
    /// One for each peer that the observer watches.
    pub cells: Vec<Cell>,
    /// What it knows that it does not see; sorted.
    pub blind_spots: Vec<BlindSpot>,
    /// Its mesh keys, the one that signs first.
    pub mesh_keys: Vec<MeshKeyId>,
}

/// What one observer reports about one peer. All times are ages, as of now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The watched node.
    pub peer: Member,
    /// `None`: it has never answered this observer.
    pub boot: Option<BootId>,
    /// What the observer believes.
    pub state: PeerState,
    /// Why, where something is wrong.
    pub verdict: Option<Verdict>,
    /// How the peer fails, where it does.
    pub class: Option<Class>,
    /// Age of the present state.
    pub state_age: Duration,
    /// Age of the last proof of life, an incoming ping included.
    pub last_proof: Option<Duration>,
    /// Age of the last answer to this observer's own pings.
    pub last_answer: Option<Duration>,
    /// How long the observer itself did not run since the last proof of life. Ages are of the time in which it ran.
    pub lost: Duration,
    /// Of the last scheduled ping that was answered.
    pub rtt: Option<Duration>,
    /// 99th percentile of the last round trips.
    pub rtt_p99: Option<Duration>,
    /// Failed of the last ten scheduled pings, in thousandths.
    pub loss: Option<u16>,
    /// Changes of the peer's boot that the observer has seen.
    pub restarts: u64,
    /// The observer counts it for alerts.
    pub expected: bool,
    /// Too many of the last ten scheduled pings failed or were slow.
    pub degraded: bool,
    /// It became down or unreachable three times within a minute.
    pub flapping: bool,
    /// The observer knows of a maintenance of the peer.
    pub maintenance: bool,
    /// Its pings arrive at the observer.
    pub pings_me: bool,
    /// It is about a boot that has been replaced by another a moment ago. Found when the rows are compared.
    pub of_ended_boot: bool,
}

closed_set! {
    /// What a cell means in the whole picture: one word, the same on the page, in the text and on the command line.
    pub enum LinkStatus {
        /// The observer reaches it.
        Good = "good",
        /// A ping failed or is late; too early to say.
        Doubt = "doubt",
        /// The observer does not reach it.
        Bad = "bad",
        /// It has not answered this observer yet, and is not overdue.
        Waiting = "waiting",
        /// It said goodbye.
        Left = "left",
        /// The observer does not speak: its last row is neither good nor bad news.
        Unknown = "unknown",
    }
}

impl LinkStatus {
    /// The peer counts as up: a suspicion is not yet a fault.
    pub fn reaches(self) -> bool {
        matches!(self, LinkStatus::Good | LinkStatus::Doubt)
    }
}

impl Row {
    /// The row of an observer that was asked and has never answered.
    pub fn never(observer: Member) -> Row {
        Row {
            observer,
            freshness: RowFreshness::Never,
            as_of: None,
            boot: None,
            state: None,
            stalled: false,
            maintenance: false,
            up_for: None,
            cells: Vec::new(),
            blind_spots: Vec::new(),
            mesh_keys: Vec::new(),
        }
    }

    /// Whether conclusions may rest on this row: its observer answered now, was not paused just before, and is not
    /// leaving.
    pub fn speaks(&self) -> bool {
        self.is_here() && !self.stalled
    }

    /// The observer answered now and is not leaving: whatever its links are like, it is alive.
    pub fn is_here(&self) -> bool {
        self.freshness == RowFreshness::Now && self.state != Some(SelfState::Leaving)
    }

    /// What the observer reports about this peer; `None` when it does not watch it. For the rows of a view, whose cells
    /// are sorted.
    pub fn cell(&self, peer: &Member) -> Option<&Cell> {
        let at = self.cells.binary_search_by(|cell| cell.peer.cmp(peer)).ok()?;
        self.cells.get(at)
    }

    /// What may be concluded from the cell now: nothing when the row does not speak.
    pub fn link_status(&self, cell: &Cell) -> LinkStatus {
        match cell.link_status() {
            _ if !self.speaks() => LinkStatus::Unknown,
            LinkStatus::Bad if cell.of_ended_boot => LinkStatus::Waiting,
            link_status => link_status,
        }
    }

    /// The row with all ages advanced by `age`.
    pub fn aged(&self, age: Duration) -> Row {
        let older = |time: Option<Duration>| time.map(|time| time.saturating_add(age));
        let cells = self.cells.iter().map(|cell| Cell {
            state_age: cell.state_age.saturating_add(age),
            last_proof: older(cell.last_proof),
            last_answer: older(cell.last_answer),
            ..cell.clone()
        });
        Row { as_of: older(self.as_of), up_for: older(self.up_for), cells: cells.collect(), ..self.clone() }
    }
}

impl Cell {
    /// A peer in `state`, with nothing else known about it.
    pub fn new(peer: Member, state: PeerState) -> Cell {
        Cell {
            peer,
            boot: None,
            state,
            verdict: None,
            class: None,
            state_age: Duration::ZERO,
            last_proof: None,
            last_answer: None,
            lost: Duration::ZERO,
            rtt: None,
            rtt_p99: None,
            loss: None,
            restarts: 0,
            expected: true,
            degraded: false,
            flapping: false,
            maintenance: false,
            pings_me: false,
            of_ended_boot: false,
        }
    }

    /// How long the observer has had no answer from the peer; `None` where it has never had one.
    pub fn unanswered_for(&self) -> Option<Duration> {
        self.silent_for(self.last_answer)
    }

    /// How long it is since it was `heard`. An observer that was stopped meanwhile could not have heard it: that time is
    /// a part of the silence.
    pub(super) fn silent_for(&self, heard: Option<Duration>) -> Option<Duration> {
        heard.or_else(|| self.boot.map(|_| self.state_age)).map(|age| age.saturating_add(self.lost))
    }

    /// What the cell means while its row speaks.
    fn link_status(&self) -> LinkStatus {
        match (self.state, self.verdict) {
            (PeerState::Joining, Some(Verdict::NeverSeen)) => LinkStatus::Bad,
            (PeerState::Joining, _) => LinkStatus::Waiting,
            (PeerState::Alive, _) => LinkStatus::Good,
            (PeerState::Suspect, _) => LinkStatus::Doubt,
            (PeerState::Unreachable | PeerState::Dead, _) => LinkStatus::Bad,
            (PeerState::Left, _) => LinkStatus::Left,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_ordered_as_a_person_would() {
        let mut members: Vec<Member> =
            ["node-10", "node-2", "b", "node-02", "node-1", "a:8001", "a:801", "", "node"].map(Member::from).into();
        members.sort();
        let texts: Vec<&str> = members.iter().map(Member::as_str).collect();
        assert_eq!(texts, ["", "a:801", "a:8001", "b", "node", "node-1", "node-02", "node-2", "node-10"]);
    }

    #[test]
    fn a_row_that_does_not_speak_reads_as_unknown() {
        let last_answer = Some(Duration::from_secs(2));
        let cell = Cell { last_answer, ..Cell::new("b".into(), PeerState::Alive) };
        let row = Row { freshness: RowFreshness::Now, cells: vec![cell], ..Row::never("a".into()) };
        assert_eq!(row.link_status(&row.cells[0]), LinkStatus::Good);
        for mute in [
            Row { freshness: RowFreshness::Before, ..row.clone() },
            Row { stalled: true, ..row.clone() },
            Row { state: Some(SelfState::Leaving), ..row.clone() },
        ] {
            assert_eq!(mute.link_status(&mute.cells[0]), LinkStatus::Unknown, "{mute:?}");
        }
        let older = Row { as_of: Some(Duration::ZERO), ..row }.aged(Duration::from_secs(3));
        assert_eq!(older.as_of, Some(Duration::from_secs(3)));
        assert_eq!(older.cells[0].last_answer, Some(Duration::from_secs(5)));
        assert_eq!(older.cells[0].last_proof, None);
    }
}
