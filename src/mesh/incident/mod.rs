//! Incidents: symptoms that belong together, reported once.
//!
//! A detector judges links, a mesh view judges a moment. An engineer who is on call asks *what happened*, from the
//! first bad verdict to the last recovery, and wants one answer, not one for each observer and each second.
//! [`Incidents`] folds one mesh view after the other into such answers. It is a function of its input: no clock, no
//! task, no lock.
//!
//! Three difficulties have one rule each.
//!
//! *The first views are incomplete.* Observers report one after the other, so a crash looks like a broken link until
//! the last of them has noticed. So an incident exists at once, but it is *announced* (logged, counted as opened)
//! only after [`SETTLE`]; until then, symptoms that turn out to be the same are merged silently.
//!
//! *A relapse belongs to the same incident.* A crash loop is one incident. One that is over is held for [`HOLD`]; the
//! same symptom within that time opens it again under its number, as one more failure. Only then is it *closed*, with
//! the time at which it really ended.
//!
//! *Silence is not recovery.* A missing row says nothing; what it said before remains until an observer that speaks
//! contradicts it.
//!
//! No incident: goodbyes and what follows from them, maintenance, peers that were never seen, and anything seen by a
//! node that was itself just paused. A node does not claim more than it can know: inside a split each side reports
//! "cut off, or down", and [`Incidents::learn`] joins both reports afterwards, when the sides reach each other again.
//!
//! Turned down: an incident for each peer (a split of ten nodes would be twenty-five), and one that is opened by the
//! first event of the detector (every crash would begin as a broken link).

mod partition;
mod sides;
mod state;
mod summary;
mod symptom;
mod verdict;

use std::collections::VecDeque;
use std::time::Duration;

pub use state::SETTLE;
pub use summary::{IncidentSummary, NAMES_MAX};
pub use verdict::IncidentVerdict;

use crate::detector::level::Level;
use crate::detector::time::Monotonic;
use crate::mesh::{Member, MeshView};
use state::Incident;
use symptom::{Symptom, Wrong};

/// How long an incident that is over waits for a relapse. The time in which a peer that fails three times counts as
/// flapping (`gray`).
pub const HOLD: Duration = Duration::from_secs(60);
/// Incidents that are not closed yet. No one reads more at a time; further ones are not listed.
pub const LIVE_MAX: usize = 64;
/// Incidents kept after they were closed: a bad week, at some hundred bytes each.
pub const CLOSED_MAX: usize = 64;

/// What became of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncidentChange {
    /// It is announced.
    Opened(IncidentSummary),
    /// It is over for good, or was found to be a part of another.
    Closed(IncidentSummary),
}

impl IncidentChange {
    /// Every name that [`IncidentChange::name`] can give.
    pub const NAMES: [&'static str; 2] = ["incident_opened", "incident_closed"];

    /// The stable name that logs, metrics and the API use.
    pub fn name(&self) -> &'static str {
        match self {
            IncidentChange::Opened(_) => "incident_opened",
            IncidentChange::Closed(_) => "incident_closed",
        }
    }

    /// How loud its log line is.
    pub fn level(&self) -> Level {
        match self {
            IncidentChange::Opened(_) => Level::Warn,
            IncidentChange::Closed(_) => Level::Info,
        }
    }

    /// The incident as it was then.
    pub fn incident(&self) -> &IncidentSummary {
        match self {
            IncidentChange::Opened(incident) | IncidentChange::Closed(incident) => incident,
        }
    }
}

/// All incidents of one node.
#[derive(Clone, Debug, Default)]
pub struct Incidents {
    last_id: u64,
    /// Open, or over and held; oldest first.
    live: Vec<Incident>,
    /// Oldest first.
    closed: VecDeque<Incident>,
}

impl Incidents {
    /// No incident yet; the first will have number 1.
    pub fn new() -> Incidents {
        Incidents::default()
    }

    /// Takes in the view of the mesh that `me` gathered at `now`.
    pub fn observe(&mut self, now: Monotonic, me: &Member, view: &MeshView) -> Vec<IncidentChange> {
        let mut changes = Vec::new();
        // A node that was just paused, or is leaving, sees nothing that it could vouch for.
        if view.rows.iter().any(|row| row.observer == *me && row.speaks()) {
            let mut wrong: Vec<Wrong> = vec![Wrong::default(); self.live.len()];
            for trouble in symptom::symptoms(view, me) {
                self.join(now, trouble, &mut wrong, &mut changes);
            }
            for (incident, mut wrong) in self.live.iter_mut().zip(wrong) {
                wrong.add(incident.wrong.uncontradicted(view));
                incident.wrong = wrong;
                if incident.wrong.is_empty() && incident.ended.is_none() {
                    incident.ended = Some(now);
                }
            }
        }
        changes.extend(self.tick(now));
        changes
    }

    /// Announces and closes what is due. To be called at [`Incidents::deadline`] when nothing is observed.
    pub fn tick(&mut self, now: Monotonic) -> Vec<IncidentChange> {
        let mut changes = Vec::new();
        for incident in self.live.iter_mut().filter(|incident| !incident.announced) {
            if now - incident.first_seen >= SETTLE {
                incident.announced = true;
                changes.push(IncidentChange::Opened(incident.told(now)));
            }
        }
        let is_final =
            |incident: &Incident| incident.announced && incident.ended.is_some_and(|ended| now - ended >= HOLD);
        let (closed, live): (Vec<Incident>, Vec<Incident>) =
            std::mem::take(&mut self.live).into_iter().partition(is_final);
        self.live = live;
        for incident in closed {
            changes.push(IncidentChange::Closed(incident.told(now)));
            if self.closed.len() == CLOSED_MAX {
                self.closed.pop_front();
            }
            self.closed.push_back(incident);
        }
        changes
    }

    /// When [`Incidents::tick`] has something to do next.
    pub fn deadline(&self) -> Option<Monotonic> {
        let due = |incident: &Incident| match (incident.announced, incident.ended) {
            (false, _) => Some(incident.first_seen + SETTLE),
            (true, Some(ended)) => Some(ended + HOLD),
            (true, None) => None,
        };
        self.live.iter().filter_map(due).min()
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.live.iter().filter(|incident| incident.ended.is_none()).count()
    }

    /// All of them: open ones first, the newest of each first.
    pub fn list(&self, now: Monotonic) -> Vec<IncidentSummary> {
        let mut told: Vec<IncidentSummary> =
            self.live.iter().chain(&self.closed).map(|incident| incident.told(now)).collect();
        told.sort_by_key(|told| (!told.is_open(), std::cmp::Reverse(told.id)));
        told
    }

    /// The same as this node saw them itself, newest last, for peers that ask for its history.
    pub fn seen(&self, now: Monotonic) -> Vec<IncidentSummary> {
        self.closed.iter().chain(&self.live).map(|incident| incident.seen(now)).collect()
    }

    /// Those that are over and may come back.
    pub fn held(&self, now: Monotonic) -> Vec<IncidentSummary> {
        self.live.iter().filter(|incident| incident.ended.is_some()).map(|incident| incident.seen(now)).collect()
    }

    /// Adds a symptom to the incident that it belongs to, or makes a new incident of it.
    fn join(&mut self, now: Monotonic, trouble: Symptom, wrong: &mut Vec<Wrong>, changes: &mut Vec<IncidentChange>) {
        let mut matching: Vec<usize> =
            (0..self.live.len()).filter(|at| self.live[*at].is_met_by(now, &trouble)).collect();
        // An announced incident keeps its number; among several, the older one does.
        matching.sort_by_key(|at| (!self.live[*at].announced, self.live[*at].id));
        let Some(first) = matching.first().copied() else {
            if self.live.len() < LIVE_MAX {
                self.last_id += 1;
                wrong.push(trouble.wrong.clone());
                self.live.push(Incident::new(self.last_id, now, trouble));
            }
            return;
        };
        wrong[first].add(trouble.wrong.clone());
        self.live[first].take(now, &trouble);
        // From the end, so that indices stay valid; removing a lower one moves the first.
        let mut others: Vec<usize> = matching[1..].to_vec();
        others.sort_unstable();
        let mut first = first;
        for at in others.into_iter().rev() {
            if self.live[at].is_swallowed_by(&trouble) {
                let taken = wrong.remove(at);
                self.absorb(now, at, &mut first, changes);
                wrong[first].add(taken);
            }
        }
    }

    /// Merges two. If the second was announced, it is reported as closed, with the text of the first.
    fn absorb(&mut self, now: Monotonic, at: usize, into: &mut usize, changes: &mut Vec<IncidentChange>) {
        let part = self.live.remove(at);
        if at < *into {
            *into -= 1;
        }
        let whole = &mut self.live[*into];
        whole.swallow(now, &part);
        if part.announced {
            changes.push(IncidentChange::Closed(part.closed_as(now, whole)));
        }
    }
}

#[cfg(test)]
mod tests;
