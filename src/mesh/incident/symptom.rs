//! What is wrong in one mesh view, split into symptoms that may belong together.
//!
//! Each dead member is a symptom of its own, because two that die at once are two alerts. Members that the same
//! observers do not hear and that may be cut off are one, because no node can tell which of them is. Links that share
//! an end are one, because a bad cable has two ends and a bad switch has many.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::summary::NAMES_MAX;
use super::verdict::IncidentVerdict;
use crate::detector::evidence::Class;
use crate::detector::peer::PeerState;
use crate::mesh::{Cell, LinkStatus, Member, MeshVerdict, MeshView, NodeStatus, Row};

/// One thing that is wrong at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Symptom {
    pub verdict: IncidentVerdict,
    pub nodes: BTreeSet<Member>,
    pub observers: BTreeSet<Member>,
    pub reason: Option<Class>,
    /// Since the last sign of life, or the last answer over the link.
    pub silent_for: Duration,
    /// Where rows of both sides are available: the members of each side.
    pub sides: Vec<Vec<Member>>,
    pub wrong: Wrong,
}

/// What must be seen working again before the incident is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    pub victims: BTreeSet<Member>,
    /// Observer, and the peer that it does not reach.
    pub links: BTreeSet<(Member, Member)>,
}

impl Wrong {
    pub(super) fn is_empty(&self) -> bool {
        self.victims.is_empty() && self.links.is_empty()
    }

    pub(super) fn add(&mut self, more: Wrong) {
        self.victims.extend(more.victims);
        self.links.extend(more.links);
    }

    /// What no observer that speaks says anything about: it continues.
    pub(super) fn uncontradicted(&self, view: &MeshView) -> Wrong {
        let node_status = |member: &Member| view.member(member).map(|(node_status, _)| node_status);
        let unknown = |member: &&Member| {
            node_status(member)
                .is_some_and(|known| matches!(known.verdict, MeshVerdict::Unknown | MeshVerdict::NeverSeen))
        };
        let lives = |member: &Member| {
            node_status(member).is_some_and(|known| {
                !matches!(
                    known.verdict,
                    MeshVerdict::Left | MeshVerdict::Maintenance | MeshVerdict::Down | MeshVerdict::Unconfirmed
                )
            })
        };
        let untold = |(observer, peer): &&(Member, Member)| {
            let Some((_, row)) = view.member(observer) else { return false };
            let link_status = row.cell(peer).map(|cell| row.link_status(cell));
            lives(observer) && lives(peer) && (!row.speaks() || link_status == Some(LinkStatus::Unknown))
        };
        Wrong {
            victims: self.victims.iter().filter(unknown).cloned().collect(),
            links: self.links.iter().filter(untold).cloned().collect(),
        }
    }
}

impl Symptom {
    fn of_victims(verdict: IncidentVerdict, victims: &[&NodeStatus], view: &MeshView) -> Symptom {
        let missed_by = || victims.iter().flat_map(|victim| victim.missed_by.iter());
        let reasons = victims.iter().flat_map(|victim| reasons(victim, view));
        Symptom {
            verdict,
            nodes: names(victims.iter().map(|victim| &victim.member)),
            observers: names(missed_by()),
            reason: reasons.min(),
            silent_for: victims.iter().filter_map(|victim| victim.silent_for).max().unwrap_or_default(),
            sides: Vec::new(),
            wrong: Wrong {
                victims: victims.iter().map(|victim| victim.member.clone()).collect(),
                links: BTreeSet::new(),
            },
        }
    }
}

/// Everything that is wrong: splits first, then deaths, then members that may be cut off, then links.
pub(super) fn symptoms(view: &MeshView, me: &Member) -> Vec<Symptom> {
    let mut troubles: Vec<Symptom> = split(view, me).into_iter().collect();
    let with =
        |verdict: MeshVerdict| view.node_statuses.iter().filter(move |node_status| node_status.verdict == verdict);
    for (seen, told) in
        [(MeshVerdict::Down, IncidentVerdict::Down), (MeshVerdict::Unconfirmed, IncidentVerdict::Unconfirmed)]
    {
        troubles.extend(with(seen).map(|victim| Symptom::of_victims(told, &[victim], view)));
    }
    let mut unheard: Vec<&NodeStatus> =
        with(MeshVerdict::CutOff).filter(|node_status| !is_explained(view, node_status)).collect();
    while let Some(first) = unheard.pop() {
        let mut together = vec![first];
        let mut by: BTreeSet<&Member> = first.missed_by.iter().collect();
        // Adds members that share an observer, until none is added.
        while let Some(at) = unheard.iter().position(|other| other.missed_by.iter().any(|one| by.contains(one))) {
            let other = unheard.swap_remove(at);
            by.extend(other.missed_by.iter());
            together.push(other);
        }
        troubles.push(Symptom::of_victims(IncidentVerdict::CutOff, &together, view));
    }
    troubles.extend(links(view));
    troubles
}

/// A split that is visible from both sides, because rows of both sides came. Rare while it lasts, usual while it
/// heals. Described from the side of `me`: my side cannot reach the others. Members whose absence is planned have no
/// side.
fn split(view: &MeshView, me: &Member) -> Option<Symptom> {
    if !view.groups.split {
        return None;
    }
    let planned: BTreeSet<&Member> = view
        .node_statuses
        .iter()
        .filter(|node_status| is_planned(node_status.verdict))
        .map(|node_status| &node_status.member)
        .collect();
    let unplanned = |group: &Vec<Member>| -> Vec<Member> {
        group.iter().filter(|member| !planned.contains(member)).take(NAMES_MAX).cloned().collect()
    };
    let sides: Vec<Vec<Member>> = view.groups.groups.iter().map(unplanned).filter(|side| !side.is_empty()).collect();
    let mine = sides.iter().find(|side| side.contains(me))?;
    let others = || sides.iter().filter(|side| *side != mine).flatten();
    let victims: Vec<&NodeStatus> =
        view.node_statuses.iter().filter(|node_status| others().any(|other| *other == node_status.member)).collect();
    if victims.is_empty() {
        return None;
    }
    let trouble = Symptom::of_victims(IncidentVerdict::CutOff, &victims, view);
    Some(Symptom { observers: names(mine.iter()), sides, ..trouble })
}

/// Every observer that cannot reach it is on another side of a split.
fn is_explained(view: &MeshView, node_status: &NodeStatus) -> bool {
    view.groups.split && node_status.missed_by.iter().all(|by| view.groups.apart(by, &node_status.member))
}

/// A link that is broken while both ends are alive.
struct Broken<'a> {
    observer: &'a Member,
    peer: &'a Member,
    verdict: IncidentVerdict,
    cell: &'a Cell,
}

fn links(view: &MeshView) -> Vec<Symptom> {
    let node_statuses: BTreeMap<&Member, &NodeStatus> =
        view.node_statuses.iter().map(|node_status| (&node_status.member, node_status)).collect();
    let rows: BTreeMap<&Member, &Row> = view.rows.iter().map(|row| (&row.observer, row)).collect();
    let mut broken: Vec<Broken<'_>> = Vec::new();
    for node_status in view.node_statuses.iter().filter(|node_status| node_status.verdict.is_of_a_link()) {
        for by in &node_status.missed_by {
            let may_speak = node_statuses.get(by).is_some_and(|by| !is_planned(by.verdict));
            let apart = view.groups.split && view.groups.apart(by, &node_status.member);
            let cell = rows.get(by).and_then(|row| row.cell(&node_status.member));
            if let Some(cell) = cell.filter(|cell| may_speak && !apart && cell.state != PeerState::Joining) {
                let verdict = match node_status.verdict {
                    MeshVerdict::Unverified => IncidentVerdict::Unverified,
                    MeshVerdict::Lossy => IncidentVerdict::Lossy,
                    MeshVerdict::OneWay => IncidentVerdict::OneWay,
                    _ => IncidentVerdict::LinkBroken,
                };
                broken.push(Broken { observer: by, peer: &node_status.member, verdict, cell });
            }
        }
    }
    let mut troubles = Vec::new();
    while let Some(first) = broken.pop() {
        let mut ends = BTreeSet::from([first.observer, first.peer]);
        let mut together = vec![first];
        while let Some(at) = broken.iter().position(|link| ends.contains(link.observer) || ends.contains(link.peer)) {
            let link = broken.swap_remove(at);
            ends.extend([link.observer, link.peer]);
            together.push(link);
        }
        troubles.push(between(&ends, &together));
    }
    troubles
}

fn between(ends: &BTreeSet<&Member>, broken: &[Broken<'_>]) -> Symptom {
    let links: BTreeSet<(&Member, &Member)> = broken.iter().map(|link| (link.observer, link.peer)).collect();
    let mutual = |link: &Broken<'_>| links.contains(&(link.peer, link.observer));
    let verdict = |link: &Broken<'_>| match link.verdict {
        IncidentVerdict::OneWay if mutual(link) => IncidentVerdict::LinkBroken,
        verdict => verdict,
    };
    let verdict = broken.iter().map(verdict).max().unwrap_or(IncidentVerdict::LinkBroken);
    let victim = common_end(ends, broken).filter(|_| verdict <= IncidentVerdict::Lossy);
    Symptom {
        verdict,
        nodes: victim.map_or_else(|| names(ends.iter().copied()), |victim| names(std::iter::once(victim))),
        observers: names(broken.iter().map(|link| link.observer)),
        reason: broken.iter().filter_map(|link| link.cell.class).min(),
        silent_for: broken.iter().map(|link| link.cell.last_answer.unwrap_or_default()).max().unwrap_or_default(),
        sides: Vec::new(),
        wrong: Wrong {
            victims: BTreeSet::new(),
            links: broken.iter().map(|link| (link.observer.clone(), link.peer.clone())).collect(),
        },
    }
}

/// The one node that has a part in all of several links: what is wrong with them is wrong with it.
fn common_end<'a>(ends: &BTreeSet<&'a Member>, broken: &[Broken<'_>]) -> Option<&'a Member> {
    let is_in_all = |end: &&&Member| broken.iter().all(|link| link.observer == **end || link.peer == **end);
    ends.iter().filter(|_| ends.len() > 2).find(is_in_all).copied()
}

/// Links of such a member are expected to be broken.
fn is_planned(verdict: MeshVerdict) -> bool {
    matches!(verdict, MeshVerdict::Left | MeshVerdict::Maintenance)
}

/// How the victim failed, according to each observer that cannot reach it.
fn reasons(victim: &NodeStatus, view: &MeshView) -> Vec<Class> {
    let cell = |row: &Row| row.cell(&victim.member).filter(|cell| row.link_status(cell) == LinkStatus::Bad)?.class;
    view.rows.iter().filter(|row| victim.missed_by.contains(&row.observer)).filter_map(cell).collect()
}

fn names<'a>(members: impl Iterator<Item = &'a Member>) -> BTreeSet<Member> {
    let mut names = BTreeSet::new();
    for member in members {
        if names.len() >= NAMES_MAX {
            break;
        }
        names.insert(member.clone());
    }
    names
}
