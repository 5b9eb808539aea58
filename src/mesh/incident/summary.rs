//! An incident as it is told: what it was, whom it struck, and for how long.

use std::time::Duration;

use super::partition;
use crate::closed_set::closed_set;
use crate::detector::evidence::Class;
use crate::mesh::Member;

closed_set! {
    /// What an incident is, from the mildest to the gravest: a sharper one replaces a milder.
    pub enum IncidentVerdict {
        /// A link works in one direction only.
        OneWay = "one_way",
        /// A link is broken and both ends live.
        LinkBroken = "link_broken",
        /// Dead, on the word of those who were left to say so.
        Unconfirmed = "unconfirmed",
        /// Not heard: down or cut off, or (when both sides have told) certainly cut off.
        CutOff = "cut_off",
        /// Dead; enough observers agree.
        Down = "down",
        /// Two groups or more that did not reach each other. Known only when both sides have told.
        Split = "split",
    }
}

impl IncidentVerdict {
    /// It lies between nodes that live.
    pub(super) fn is_of_a_link(self) -> bool {
        matches!(self, IncidentVerdict::OneWay | IncidentVerdict::LinkBroken)
    }
}

/// An incident as it is told at one moment. All times are ages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentSummary {
    /// Counts from 1 in each life of the node; numbers that were merged into others are missing.
    pub id: u64,
    pub verdict: IncidentVerdict,
    /// Who is down or cut off, or the ends of the links, or everybody in a split; sorted.
    pub nodes: Vec<Member>,
    /// Who stood on which side, when both have told; else empty. Of one that stood alone: the others first.
    pub sides: Vec<Vec<Member>>,
    /// Who saw it themselves; sorted.
    pub observers: Vec<Member>,
    /// Age of its beginning: the last sign of life before the first bad verdict.
    pub began: Duration,
    /// Age of its end; `None` while it goes on.
    pub ended: Option<Duration>,
    /// How many times it failed.
    pub failures: u32,
    /// How the victim failed, where there is one.
    pub reason: Option<Class>,
}

impl IncidentSummary {
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

    /// What is to be told of it: where both sides are known, what follows from them.
    #[must_use]
    pub fn concluded(self) -> IncidentSummary {
        let Some((verdict, nodes)) = partition::conclusion(&self.sides) else { return self };
        let observers = if verdict == IncidentVerdict::CutOff { self.observers } else { nodes.clone() };
        IncidentSummary { verdict, nodes, observers, reason: None, ..self }
    }
}
