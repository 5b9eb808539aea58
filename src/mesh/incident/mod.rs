//! Incidents: what belongs together, told once.
//!
//! A detector judges links, a mesh view judges a moment. Whoever is woken at
//! night asks neither: they ask *what happened*, from the first bad verdict to
//! the last recovery, and they want one answer and not one for each observer
//! and each second. [`Incidents`] folds one mesh view after the other into such
//! answers. It is a function of what it is shown: no clock, no task, no lock.
//!
//! Three things make it harder than it sounds, and each has one rule.
//!
//! *A picture needs a moment to become sharp.* Observers report one after the
//! other, so a crash looks like a broken link for as long as one of them has
//! not noticed. An incident is therefore there at once, but *announced* (logged,
//! counted as opened) only after [`SETTLE`]; until then what turns out to be the
//! same trouble is merged without a word.
//!
//! *What comes back belongs to what was there.* A crash loop is one incident. One
//! that is over is held for [`HOLD`]; the same trouble within that time opens it
//! again under its number, as one failure more. Only then is it *closed*, with
//! the time at which it really ended.
//!
//! *Silence is not recovery.* A row that did not come says nothing; whatever it
//! said before goes on until somebody who speaks contradicts it.
//!
//! What is no incident: goodbyes and what follows them, maintenance, peers that
//! were never seen, and anything seen by a node that has itself just not been
//! running. Who cannot know better does not say better: inside of a split each
//! side tells "cut off, or down", and [`Incidents::learn`] makes one story of both
//! afterwards, when they can talk again.
//!
//! Turned down: an incident for each peer (a split of ten nodes would be
//! twenty-five), and one that is opened by the first event of the detector
//! (every crash would begin its life as a broken link).

mod partition;
mod state;
mod summary;
mod symptom;

use std::collections::VecDeque;
use std::time::Duration;

pub use summary::{IncidentSummary, IncidentVerdict};

use crate::detector::level::Level;
use crate::detector::time::Monotonic;
use crate::mesh::{Member, MeshView};
use state::{Incident, Wrong};
use symptom::Symptom;

/// How long a picture is given to become sharp before it is announced: in the
/// real networks of `tests/end_to_end/` the last observer is up to three seconds behind the first.
pub const SETTLE: Duration = Duration::from_secs(5);
/// How long an incident that is over waits for its trouble to come back. The
/// time in which a peer that fails three times counts as flapping (`gray`).
pub const HOLD: Duration = Duration::from_secs(60);
/// Incidents that are not closed yet. Nobody reads more at a time; what comes on top of them is not told one by one.
pub const LIVE_MAX: usize = 64;
/// Incidents kept after they were closed: a bad week, at some hundred bytes each.
pub const CLOSED_MAX: usize = 64;
/// Names kept in one incident, on each side. Enough for every mesh in which everybody watches everybody by default.
pub const NAMES_MAX: usize = 128;

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
    pub fn new() -> Incidents {
        Incidents::default()
    }

    /// Takes in what the mesh looks like at `now`, as `me` gathered it.
    pub fn observe(&mut self, now: Monotonic, me: &Member, view: &MeshView) -> Vec<IncidentChange> {
        let mut changes = Vec::new();
        // A node that has just not been running, or leaves, sees nothing that it could vouch for.
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

    /// How many go on.
    pub fn open(&self) -> usize {
        self.live.iter().filter(|incident| incident.ended.is_none()).count()
    }

    /// All of them: those that go on first, the newest of each first.
    pub fn list(&self, now: Monotonic) -> Vec<IncidentSummary> {
        let mut told: Vec<IncidentSummary> =
            self.live.iter().chain(&self.closed).map(|incident| incident.told(now)).collect();
        told.sort_by_key(|told| (!told.is_open(), std::cmp::Reverse(told.id)));
        told
    }

    /// The same as this node saw them itself, newest last, for those who ask for its history.
    pub fn seen(&self, now: Monotonic) -> Vec<IncidentSummary> {
        self.closed.iter().chain(&self.live).map(|incident| incident.seen(now)).collect()
    }

    /// Those that are over and may come back.
    pub fn held(&self, now: Monotonic) -> Vec<IncidentSummary> {
        self.live.iter().filter(|incident| incident.ended.is_some()).map(|incident| incident.seen(now)).collect()
    }

    /// Puts a trouble to the incident that it belongs to, or makes a new one of it.
    fn join(&mut self, now: Monotonic, trouble: Symptom, wrong: &mut Vec<Wrong>, changes: &mut Vec<IncidentChange>) {
        let mut matching: Vec<usize> = (0..self.live.len()).filter(|at| self.live[*at].is_met_by(&trouble)).collect();
        // What was announced keeps its number, and the older one does.
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
        // From behind, so that places stay what they are; a lower one moves the first.
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

    /// Makes one of two. Whoever was told of the second is told that it is closed, in the words of the first.
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
