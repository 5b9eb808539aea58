//! What both sides of a split know together.
//!
//! Inside a split no node can know it: each side cannot reach the other, which may be down, or be itself cut off. But
//! the two reports are mirror images: our victims are their observers, and the reverse. When the sides reach each
//! other again, both reports together say which nodes were on which side, and that none of them was down.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use super::sides::pair;
use super::state::{Incident, extend};
use super::summary::IncidentSummary;
use super::{IncidentChange, Incidents};
use crate::detector::time::Monotonic;
use crate::mesh::Member;

/// Two nodes that saw the same may disagree by this much about when it was.
const ABOUT: Duration = Duration::from_secs(2);

impl IncidentSummary {
    /// Whether two reported incidents are one: they share a time, and a node or a link, or they mirror each other.
    pub fn is_same_as(&self, other: &IncidentSummary) -> bool {
        (self.shares_time_with(other, ABOUT) && share(&self.nodes, &other.nodes)) || self.mirrors(other)
    }

    /// The same for two incidents that peers reported, neither of which this node can vouch for: a peer that names
    /// every node must not hide what others report.
    pub fn is_twin_of(&self, other: &IncidentSummary) -> bool {
        (self.nodes == other.nodes && self.shares_time_with(other, ABOUT)) || self.mirrors(other)
    }

    /// Whether they are the two sides of one split: at the same time, each side's victims are the other's observers,
    /// and no node is on both.
    fn mirrors(&self, other: &IncidentSummary) -> bool {
        !self.verdict.is_of_a_link()
            && !other.verdict.is_of_a_link()
            && self.shares_time_with(other, Duration::ZERO)
            && share(&self.nodes, &other.observers)
            && share(&other.nodes, &self.observers)
            && !share(&self.observers, &other.observers)
    }

    fn shares_time_with(&self, other: &IncidentSummary, about: Duration) -> bool {
        let until = |told: &IncidentSummary| told.ended.unwrap_or(Duration::ZERO);
        until(self) <= other.began.saturating_add(about) && until(other) <= self.began.saturating_add(about)
    }
}

/// Whether two lists of names, both in order, have one in common.
fn share(one: &[Member], other: &[Member]) -> bool {
    let (mut at, mut by) = (0, 0);
    while at < one.len() && by < other.len() {
        match one[at].cmp(&other[by]) {
            Ordering::Less => at += 1,
            Ordering::Greater => by += 1,
            Ordering::Equal => return true,
        }
    }
    false
}

/// The nodes that this node could not reach itself, and the observers that agreed, in all of its incidents of one
/// time.
struct Witnessed {
    missed: BTreeSet<Member>,
    by: BTreeSet<Member>,
}

impl Incidents {
    /// Takes in what `teller` itself saw. It can only be the mirror image of an incident in which this node could not
    /// reach the teller; then both sides are known. It places no node on a side where this node did not see it
    /// itself: a node that lies can turn its own death into a cut, and no more.
    pub fn learn(&mut self, now: Monotonic, teller: &Member, theirs: &IncidentSummary) -> Vec<IncidentChange> {
        if theirs.verdict.is_of_a_link() || !theirs.observers.contains(teller) {
            return Vec::new();
        }
        let witnessed = self.witnessed(now, theirs);
        let mut learnt = Vec::new();
        for incident in self.live.iter_mut().chain(&mut self.closed) {
            if incident.nodes.contains(teller) && incident.learn(now, theirs, &witnessed) {
                learnt.push(incident.id);
            }
        }
        learnt.into_iter().flat_map(|id| self.unite(now, id)).collect()
    }

    fn witnessed(&self, now: Monotonic, theirs: &IncidentSummary) -> Witnessed {
        let mut witnessed = Witnessed { missed: BTreeSet::new(), by: BTreeSet::new() };
        let at_the_time = |incident: &&Incident| {
            !incident.verdict.is_of_a_link() && incident.seen(now).shares_time_with(theirs, Duration::ZERO)
        };
        for incident in self.live.iter().chain(&self.closed).filter(at_the_time) {
            extend(&mut witnessed.missed, &incident.nodes);
            extend(&mut witnessed.by, &incident.observers);
        }
        witnessed
    }

    /// Incidents whose sides turned out to be the same are one.
    fn unite(&mut self, now: Monotonic, id: u64) -> Vec<IncidentChange> {
        let mut changes = Vec::new();
        let find = |all: &Incidents, id: u64| all.live.iter().chain(&all.closed).find(|one| one.id == id).cloned();
        let Some(one) = find(self, id) else { return changes };
        let told = one.seen(now);
        let meets = |other: &Incident| {
            other.id != id
                && one.sides.iter().zip(&other.sides).all(|(mine, its)| its.iter().any(|name| mine.contains(name)))
                && !other.sides.is_empty()
                && told.shares_time_with(&other.seen(now), ABOUT)
        };
        let others: Vec<u64> =
            self.live.iter().chain(&self.closed).filter(|other| meets(other)).map(|o| o.id).collect();
        let mut id = id;
        for other in others {
            let lives = |id: u64| self.live.iter().any(|one| one.id == id);
            // An open incident keeps its number, because it is closed once; else the older one does.
            let (kept, gone) = match (lives(id), lives(other)) {
                (true, false) => (id, other),
                (false, true) => (other, id),
                _ => (other.min(id), other.max(id)),
            };
            let was_live = lives(gone);
            id = kept;
            let Some(part) = find(self, gone) else { continue };
            self.live.retain(|one| one.id != gone);
            self.closed.retain(|one| one.id != gone);
            if let Some(whole) = self.live.iter_mut().chain(&mut self.closed).find(|one| one.id == kept) {
                whole.swallow(now, &part);
                if was_live && part.announced {
                    changes.push(IncidentChange::Closed(part.closed_as(now, whole)));
                }
            }
        }
        changes
    }
}

impl Incident {
    /// Whether the sides are known from now on.
    fn learn(&mut self, now: Monotonic, theirs: &IncidentSummary, witnessed: &Witnessed) -> bool {
        if !self.seen(now).mirrors(theirs) {
            return false;
        }
        let with = |own: &BTreeSet<Member>, names: &[Member], seen: &BTreeSet<Member>| {
            let mut side = own.clone();
            extend(&mut side, &names.iter().filter(|name| seen.contains(name)).cloned().collect());
            side
        };
        let here = with(&self.observers, &theirs.nodes, &witnessed.by);
        let there = with(&self.nodes, &theirs.observers, &witnessed.missed);
        if !here.is_disjoint(&there) {
            return false;
        }
        self.know_sides(&pair(&here, &there));
        true
    }
}
