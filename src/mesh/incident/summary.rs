//! An incident as it is reported: what it was, which nodes it hit, and for how long.

use std::time::Duration;

use super::sides;
use super::verdict::IncidentVerdict;
use crate::detector::evidence::Class;
use crate::mesh::Member;

/// Names kept in one incident, on each side. Enough for every mesh in which every node watches every other by
/// default.
pub const NAMES_MAX: usize = 128;

/// An incident as it is reported at one moment. All times are ages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentSummary {
    /// Counts from 1 in each life of the node; numbers that were merged into others are missing.
    pub id: u64,
    /// The gravest one while it lasted.
    pub verdict: IncidentVerdict,
    /// The nodes that are down or cut off, or the ends of the links, or all nodes of a split; sorted.
    pub nodes: Vec<Member>,
    /// The members of each side, when both have reported; else empty. For a side of one node: the others first.
    pub sides: Vec<Vec<Member>>,
    /// The nodes that saw it themselves; sorted.
    pub observers: Vec<Member>,
    /// Age of its beginning: the last sign of life before the first bad verdict.
    pub began: Duration,
    /// Age of its end; `None` while it is open.
    pub ended: Option<Duration>,
    /// How many times it failed.
    pub failures: u32,
    /// How the victim failed, where there is one.
    pub reason: Option<Class>,
}

impl IncidentSummary {
    /// It has not ended yet.
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// From its beginning to its end, or until now.
    pub fn lasted(&self) -> Duration {
        self.began.saturating_sub(self.ended.unwrap_or_default())
    }

    /// The same, `age` later.
    #[must_use]
    pub fn aged(&self, age: Duration) -> IncidentSummary {
        let older = |time: Duration| time.saturating_add(age);
        IncidentSummary { began: older(self.began), ended: self.ended.map(older), ..self.clone() }
    }

    /// What to report of it: where both sides are known, what follows from them.
    #[must_use]
    pub fn concluded(self) -> IncidentSummary {
        let Some((verdict, nodes)) = sides::conclusion(&self.sides) else { return self };
        let observers = if verdict == IncidentVerdict::CutOff { self.observers } else { nodes.clone() };
        IncidentSummary { verdict, nodes, observers, reason: None, ..self }
    }
}
