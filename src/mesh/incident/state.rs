//! The state of one incident: which symptoms are a part of it, and what it learns from them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::sides;
use super::summary::{IncidentSummary, NAMES_MAX};
use super::symptom::{Symptom, Wrong};
use super::verdict::IncidentVerdict;
use crate::detector::evidence::Class;
use crate::detector::time::Monotonic;
use crate::mesh::Member;

/// How long observers have to agree before an incident is announced: in the real networks of `tests/end_to_end/` the
/// last observer is up to 3 s behind the first.
pub const SETTLE: Duration = Duration::from_secs(5);

/// The longest age that is believed of a symptom when it is first seen.
const LEAD_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// One incident, as this node saw it itself.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub id: u64,
    pub first_seen: Monotonic,
    /// How old it was when it was first seen.
    pub lead: Duration,
    pub ended: Option<Monotonic>,
    pub announced: bool,
    pub failures: u32,
    pub verdict: IncidentVerdict,
    pub nodes: BTreeSet<Member>,
    pub observers: BTreeSet<Member>,
    pub reason: Option<Class>,
    /// The sides of a split, once both have reported; else empty.
    pub sides: Vec<Vec<Member>>,
    /// What is known to be wrong at this moment.
    pub wrong: Wrong,
}

impl Incident {
    pub(super) fn new(id: u64, now: Monotonic, trouble: Symptom) -> Incident {
        Incident {
            id,
            first_seen: now,
            lead: trouble.silent_for.min(LEAD_MAX),
            ended: None,
            announced: false,
            failures: 1,
            verdict: trouble.verdict,
            nodes: trouble.nodes,
            observers: trouble.observers,
            reason: trouble.reason,
            sides: trouble.sides,
            wrong: trouble.wrong,
        }
    }

    /// Age of its beginning.
    pub(super) fn began(&self, now: Monotonic) -> Duration {
        (now - self.first_seen).saturating_add(self.lead)
    }

    /// Whether the symptom is a part of this incident. One that is over takes back only its own kind, and what shows
    /// that it was not over.
    pub(super) fn is_met_by(&self, now: Monotonic, trouble: &Symptom) -> bool {
        let same_kind = self.verdict.is_of_a_link() == trouble.verdict.is_of_a_link();
        let belongs = match self.ended {
            None => !self.nodes.is_disjoint(&trouble.nodes),
            Some(_) => same_kind && trouble.nodes.is_subset(&self.nodes),
        };
        belongs || self.is_mirrored_by(trouble) || self.remains_in(now, trouble)
    }

    /// A link of a victim that has been broken since before the incident seemed to be over, a moment ago: the observer
    /// at its other end had not reported in the view in which no one missed the victim any more.
    fn remains_in(&self, now: Monotonic, trouble: &Symptom) -> bool {
        let from_before = self.ended.is_some_and(|ended| now - ended <= SETTLE && trouble.silent_for > now - ended);
        let of_a_victim = !self.verdict.is_of_a_link() && !self.nodes.is_disjoint(&trouble.nodes);
        from_before && of_a_victim && trouble.verdict.is_of_a_link()
    }

    /// The other side's view of the same split: each side's victims are the other's observers.
    fn is_mirrored_by(&self, trouble: &Symptom) -> bool {
        let Wrong { victims, links } = &trouble.wrong;
        let back = |(observer, peer): &(Member, Member)| self.nodes.contains(observer) && self.observers.contains(peer);
        // During recovery, nodes that have noticed us again beside nodes that have not look like one-way links.
        let by_links = victims.is_empty() && !links.is_empty() && links.iter().all(back);
        let by_victims =
            !victims.is_empty() && trouble.nodes.is_subset(&self.observers) && trouble.observers.is_subset(&self.nodes);
        !self.verdict.is_of_a_link() && (by_links || by_victims)
    }

    /// Whether another incident that the symptom fits is only a part of the one that takes it.
    pub(super) fn is_swallowed_by(&self, trouble: &Symptom) -> bool {
        let milder = self.verdict.is_of_a_link() || !trouble.verdict.is_of_a_link();
        !trouble.sides.is_empty() || (!self.announced && milder)
    }

    pub(super) fn take(&mut self, now: Monotonic, trouble: &Symptom) {
        let mirrored = self.is_mirrored_by(trouble);
        let is_no_relapse = mirrored || self.remains_in(now, trouble);
        if self.ended.take().is_some() && !is_no_relapse {
            self.failures = self.failures.saturating_add(1);
        }
        if !self.announced && trouble.silent_for.min(LEAD_MAX) > self.began(now) {
            self.lead = trouble.silent_for.min(LEAD_MAX).saturating_sub(now - self.first_seen);
        }
        self.know_sides(&trouble.sides);
        if mirrored {
            if self.observers.is_disjoint(&self.nodes) {
                self.know_sides(&sides::pair(&self.observers, &self.nodes));
            }
            return;
        }
        match (self.verdict.is_of_a_link(), trouble.verdict.is_of_a_link()) {
            // Now the victim is known.
            (true, false) => {
                self.nodes.clone_from(&trouble.nodes);
                self.observers.clone_from(&trouble.observers);
            }
            // Some have noticed its return and some have not: that a link does not work yet is nothing new.
            (false, true) => return,
            // An observer of it is no victim of it: this is the other side's report, or half of it, while a split
            // heals.
            (false, false)
                if !trouble.nodes.is_disjoint(&self.observers) || !trouble.observers.is_disjoint(&self.nodes) =>
            {
                return;
            }
            (true, true) | (false, false) => {
                self.know_nodes(&trouble.nodes);
                extend(&mut self.observers, &trouble.observers);
            }
        }
        if trouble.verdict > self.verdict {
            self.verdict = trouble.verdict;
            self.reason = trouble.reason.or(self.reason);
        }
    }

    /// The one node whose links are bad says more than the ends of these links, as long as there is no other.
    fn know_nodes(&mut self, nodes: &BTreeSet<Member>) {
        if nodes.len() == 1 && nodes.is_subset(&self.nodes) && self.verdict.is_of_a_link() {
            self.nodes.clone_from(nodes);
        } else if self.nodes.len() != 1 || !self.nodes.is_subset(nodes) || !self.verdict.is_of_a_link() {
            extend(&mut self.nodes, nodes);
        }
    }

    /// Takes over what a merged incident knows.
    pub(super) fn swallow(&mut self, now: Monotonic, part: &Incident) {
        if part.began(now) > self.began(now) {
            (self.first_seen, self.lead) = (part.first_seen, part.lead);
        }
        if part.verdict.is_of_a_link() == self.verdict.is_of_a_link() {
            self.know_nodes(&part.nodes);
            extend(&mut self.observers, &part.observers);
        }
        self.ended = self.ended.zip(part.ended).map(|(one, other)| one.max(other));
        self.know_sides(&part.sides);
        self.wrong.add(part.wrong.clone());
    }

    /// Its final summary, when it was found to be a part of `whole`.
    pub(super) fn closed_as(&self, now: Monotonic, whole: &Incident) -> IncidentSummary {
        let ended = Some(self.ended.map_or(Duration::ZERO, |ended| now - ended));
        IncidentSummary { id: self.id, ended, ..whole.told(now) }
    }

    /// The sides that cover most nodes win.
    pub(super) fn know_sides(&mut self, sides: &[Vec<Member>]) {
        let covered = |sides: &[Vec<Member>]| sides.iter().map(Vec::len).sum::<usize>();
        if covered(sides) > covered(&self.sides) {
            self.sides = sides.to_vec();
        }
    }

    /// As this node saw it, with the sides that it learnt beside it.
    pub(super) fn seen(&self, now: Monotonic) -> IncidentSummary {
        IncidentSummary {
            id: self.id,
            verdict: self.verdict,
            nodes: self.nodes.iter().cloned().collect(),
            sides: self.sides.clone(),
            observers: self.observers.iter().cloned().collect(),
            began: self.began(now),
            ended: self.ended.map(|ended| now - ended),
            failures: self.failures,
            reason: self.reason,
        }
    }

    pub(super) fn told(&self, now: Monotonic) -> IncidentSummary {
        self.seen(now).concluded()
    }
}

/// Adds names, up to the bound.
pub(super) fn extend(names: &mut BTreeSet<Member>, more: &BTreeSet<Member>) {
    for name in more {
        if names.len() >= NAMES_MAX {
            break;
        }
        names.insert(name.clone());
    }
}
