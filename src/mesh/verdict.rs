//! The verdict about one member, from all rows.
//!
//! Only rows that speak count, and a row speaks about others and, by being there at all, about its own observer: a
//! node that answered is alive, whatever the others report. So the questions come in this order: does any observer
//! reach it? Did it answer itself? Only if neither holds do the reports of its death count, and the gravest one wins,
//! because a detector does not report "down" before it has asked every node that it could.
//!
//! No quorum is needed for that: each detector has counted with better means. So another observer that agrees can never
//! weaken a verdict. It can change which fault the links of a member that is alive have, because that is what half of
//! the observers find (`mostly`).

use std::time::Duration;

use super::rows::{Cell, LinkStatus, Member, Row};
use crate::closed_set::closed_set;
use crate::detector::evidence::Class;
use crate::detector::peer::{BootId, PeerState, Verdict};

/// A restart is mentioned for this long.
const RESTART_SHOWN: Duration = Duration::from_secs(60);

closed_set! {
    /// The verdict about one member, from good news to bad.
    pub enum MeshVerdict {
        /// An observer reaches it, and no node that watches it fails to.
        Up = "up",
        /// Up, with a process that started less than a minute ago.
        Restarted = "restarted",
        /// It said goodbye.
        Left = "left",
        /// In maintenance; anything else that is wrong with it is expected.
        Maintenance = "maintenance",
        /// No node that answered has an opinion yet.
        Unknown = "unknown",
        /// No node that answered has ever heard it, and at least one should have.
        NeverSeen = "never_seen",
        /// What answers at its address does not have the mesh key of the nodes that ask.
        Unverified = "unverified",
        /// Most of the packets between it and its observers are lost.
        Lossy = "lossy",
        /// An observer cannot reach it but receives its pings.
        OneWay = "one_way",
        /// One observer cannot reach it, another can.
        LinkBroken = "link_broken",
        /// Either it or the observers that cannot reach it are cut off; they cannot know which.
        CutOff = "cut_off",
        /// Dead according to the only observers left.
        Unconfirmed = "unconfirmed",
        /// Dead; enough observers agree.
        Down = "down",
    }
}

impl MeshVerdict {
    /// An operator should look at it.
    pub fn is_bad(self) -> bool {
        self >= MeshVerdict::NeverSeen
    }

    /// It is about links of a node that is alive.
    pub fn is_of_a_link(self) -> bool {
        matches!(self, MeshVerdict::Unverified | MeshVerdict::Lossy | MeshVerdict::OneWay | MeshVerdict::LinkBroken)
    }

    /// Its observers call it dead.
    pub fn is_down(self) -> bool {
        matches!(self, MeshVerdict::Unconfirmed | MeshVerdict::Down)
    }
}

/// One member, according to all rows that speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Whom it is about.
    pub member: Member,
    /// The gravest that the rows allow.
    pub verdict: MeshVerdict,
    /// Its newest boot in any row; `None` before it has answered.
    pub boot: Option<BootId>,
    /// While an observer cannot reach it: how long ago any of these last heard it.
    pub silent_for: Option<Duration>,
    /// How it fails for the observers that cannot reach it: the first of the classes that they found.
    pub class: Option<Class>,
    /// How long ago it left or restarted, for a member that did.
    pub since: Option<Duration>,
    /// Observers that reach it.
    pub reached_by: Vec<Member>,
    /// Observers that cannot reach it.
    pub missed_by: Vec<Member>,
    /// Of the observers that reach it: those that suspect it, find it degraded, find it flapping.
    pub suspected_by: Vec<Member>,
    /// Of the observers that reach it: those to which too many of its pings fail or are slow.
    pub degraded_by: Vec<Member>,
    /// Of the observers that reach it: those that lost it three times within a minute.
    pub flapping_by: Vec<Member>,
    /// Observers that have not heard it yet and do not expect to have.
    pub unmet_by: Vec<Member>,
}

impl NodeStatus {
    /// Its links count: it should be there, has been there, and is not known to be down.
    pub fn has_links(&self) -> bool {
        let is_away = matches!(self.verdict, MeshVerdict::NeverSeen | MeshVerdict::Left | MeshVerdict::Maintenance);
        !is_away && !self.verdict.is_down()
    }

    /// An observer that reaches it suspects it, or finds it degraded or flapping.
    pub fn is_doubtful(&self) -> bool {
        [&self.suspected_by, &self.degraded_by, &self.flapping_by].iter().any(|by| !by.is_empty())
    }
}

/// What an observer that speaks reports about the member.
pub(super) struct Opinion<'a> {
    pub observer: &'a Row,
    pub cell: &'a Cell,
}

/// Judges one member from its own row and the cells of others about it.
pub(super) fn node_status(member: &Member, own: Option<&Row>, opinions: &[Opinion<'_>]) -> NodeStatus {
    let mut node_status = NodeStatus {
        member: member.clone(),
        verdict: MeshVerdict::Unknown,
        boot: own.and_then(|own| own.boot).or_else(|| freshest_boot(opinions)),
        silent_for: None,
        class: None,
        since: None,
        reached_by: Vec::new(),
        missed_by: Vec::new(),
        suspected_by: Vec::new(),
        degraded_by: Vec::new(),
        flapping_by: Vec::new(),
        unmet_by: Vec::new(),
    };
    let mut missing = Vec::new();
    for opinion in opinions {
        let name = || opinion.observer.observer.clone();
        match opinion.observer.link_status(opinion.cell) {
            link_status @ (LinkStatus::Good | LinkStatus::Doubt) => {
                node_status.reached_by.push(name());
                node_status.suspected_by.extend((link_status == LinkStatus::Doubt).then(name));
                node_status.degraded_by.extend(opinion.cell.degraded.then(name));
                node_status.flapping_by.extend(opinion.cell.flapping.then(name));
            }
            LinkStatus::Bad => {
                node_status.missed_by.push(name());
                missing.push(opinion);
            }
            LinkStatus::Waiting => node_status.unmet_by.push(name()),
            LinkStatus::Left | LinkStatus::Unknown => {}
        }
    }
    node_status.verdict = verdict(own, opinions, &missing, !node_status.reached_by.is_empty());
    node_status.silent_for = missing.iter().filter_map(|opinion| silence(opinion.cell, node_status.verdict)).min();
    node_status.class = missing.iter().filter_map(|opinion| opinion.cell.class).min();
    node_status.since = match node_status.verdict {
        MeshVerdict::Left => left(opinions).map(|cell| cell.state_age).min(),
        MeshVerdict::Restarted => own.and_then(|own| own.up_for),
        _ => None,
    };
    node_status
}

fn verdict(own: Option<&Row>, opinions: &[Opinion<'_>], missing: &[&Opinion<'_>], is_reached: bool) -> MeshVerdict {
    let own = own.filter(|own| own.freshness == super::rows::RowFreshness::Now);
    if own.is_some_and(|own| own.maintenance) || opinions.iter().any(|opinion| opinion.cell.maintenance) {
        return MeshVerdict::Maintenance;
    }
    let is_here = own.is_some_and(Row::is_here);
    let leaving = own.is_some() && !is_here;
    if leaving || (left(opinions).next().is_some() && !is_reached && !is_here) {
        return MeshVerdict::Left;
    }
    if missing.is_empty() {
        return match is_reached || is_here {
            true if has_restarted(own, opinions) => MeshVerdict::Restarted,
            true => MeshVerdict::Up,
            false => MeshVerdict::Unknown,
        };
    }
    if is_reached || is_here {
        return match link(own, missing) {
            MeshVerdict::LinkBroken if !is_reached => MeshVerdict::CutOff,
            verdict => verdict,
        };
    }
    let gravest = missing.iter().map(|opinion| accusation(opinion.cell)).max().unwrap_or(MeshVerdict::Unknown);
    if gravest <= MeshVerdict::LinkBroken { mostly(missing).unwrap_or(gravest) } else { gravest }
}

/// What half of the observers that cannot reach it find wrong with their links, where that is more than "broken". With
/// many lost packets one or two of many observers find a link broken or one way, by chance.
fn mostly(missing: &[&Opinion<'_>]) -> Option<MeshVerdict> {
    let found = |verdict| 2 * missing.iter().filter(|opinion| opinion.cell.verdict == Some(verdict)).count();
    let kinds = [(Verdict::Lossy, MeshVerdict::Lossy), (Verdict::Unverified, MeshVerdict::Unverified)];
    kinds.into_iter().find(|(verdict, _)| found(*verdict) >= missing.len()).map(|(_, verdict)| verdict)
}

/// The cells of observers that received its goodbye.
fn left<'a>(opinions: &'a [Opinion<'_>]) -> impl Iterator<Item = &'a Cell> {
    opinions.iter().map(|opinion| opinion.cell).filter(|cell| cell.state == PeerState::Left)
}

/// It is alive and some observers do not reach it: does it reach them? One link that is certainly broken both ways
/// decides; one of which a single direction is known does not.
fn link(own: Option<&Row>, missing: &[&Opinion<'_>]) -> MeshVerdict {
    if let Some(verdict) = mostly(missing) {
        return verdict;
    }
    let ways = || missing.iter().map(|opinion| way_back(own, opinion));
    if ways().any(|way| way == Some(true)) && ways().all(|way| way != Some(false)) {
        MeshVerdict::OneWay
    } else {
        MeshVerdict::LinkBroken
    }
}

/// Whether the member reaches the observer that cannot reach it, if that is known.
pub(super) fn way_back(own: Option<&Row>, opinion: &Opinion<'_>) -> Option<bool> {
    let own = own.filter(|own| own.speaks());
    let cell = own.and_then(|own| own.cell(&opinion.observer.observer).map(|cell| own.link_status(cell)));
    match cell {
        Some(LinkStatus::Good | LinkStatus::Doubt) => Some(true),
        Some(LinkStatus::Bad) => Some(false),
        Some(LinkStatus::Waiting | LinkStatus::Left | LinkStatus::Unknown) | None => {
            let one_way = opinion.cell.pings_me || opinion.cell.verdict == Some(Verdict::OneWay);
            one_way.then_some(true)
        }
    }
}

/// The accusation in a cell whose observer cannot reach the member.
fn accusation(cell: &Cell) -> MeshVerdict {
    match (cell.state, cell.verdict) {
        (PeerState::Dead, Some(Verdict::Down)) => MeshVerdict::Down,
        (PeerState::Dead, _) => MeshVerdict::Unconfirmed,
        (PeerState::Unreachable, Some(Verdict::OneWay)) => MeshVerdict::OneWay,
        (PeerState::Unreachable, Some(Verdict::CutOff)) => MeshVerdict::CutOff,
        (PeerState::Unreachable, Some(Verdict::Lossy)) => MeshVerdict::Lossy,
        (PeerState::Unreachable, Some(Verdict::Unverified)) => MeshVerdict::Unverified,
        (PeerState::Unreachable, _) => MeshVerdict::LinkBroken,
        (PeerState::Joining | PeerState::Alive | PeerState::Suspect | PeerState::Left, _) => MeshVerdict::NeverSeen,
    }
}

/// How long the observer has not heard it: any sign of life counts against its death, only an answer counts against a
/// broken link.
fn silence(cell: &Cell, verdict: MeshVerdict) -> Option<Duration> {
    match verdict {
        MeshVerdict::Down | MeshVerdict::Unconfirmed => cell.silent_for(cell.last_proof.or(cell.last_answer)),
        _ => cell.unanswered_for(),
    }
}

fn has_restarted(own: Option<&Row>, opinions: &[Opinion<'_>]) -> bool {
    let young = own.and_then(|own| own.up_for).is_some_and(|up_for| up_for < RESTART_SHOWN);
    young && opinions.iter().any(|opinion| opinion.observer.speaks() && opinion.cell.restarts > 0)
}

/// The boot that was heard last by any observer.
fn freshest_boot(opinions: &[Opinion<'_>]) -> Option<BootId> {
    let known = opinions.iter().map(|opinion| opinion.cell).filter(|cell| cell.boot.is_some());
    known.min_by_key(|cell| (cell.last_proof.unwrap_or(Duration::MAX), cell.boot)).and_then(|cell| cell.boot)
}
