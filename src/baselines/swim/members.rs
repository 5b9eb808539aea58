//! What a SWIM process believes of the members, and the suspicions that run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::timing::SwimTiming;
use crate::baselines::lifeguard::{Lifeguard, suspicion_timeout};
use crate::baselines::member::{Member, Opinion};
use crate::baselines::rumours::{Claim, Rumour, Rumours};

struct Entry {
    claim: Claim,
    incarnation: u64,
    /// While it is suspect: since when, and by whom.
    since: Duration,
    suspected_by: BTreeSet<Member>,
}

pub(super) struct Members {
    me: Member,
    /// Of this process.
    incarnation: u64,
    timing: SwimTiming,
    entries: BTreeMap<Member, Entry>,
    rumours: Rumours,
}

impl Members {
    pub(super) fn new(me: Member, peers: Vec<Member>, timing: SwimTiming) -> Members {
        let new =
            || Entry { claim: Claim::Alive, incarnation: 0, since: Duration::ZERO, suspected_by: BTreeSet::new() };
        let entries = peers.into_iter().map(|peer| (peer, new())).collect();
        Members { me, incarnation: 0, timing, entries, rumours: Rumours::default() }
    }

    /// This process is one of them.
    fn count(&self) -> usize {
        self.entries.len() + 1
    }

    pub(super) fn opinion(&self, peer: Member) -> Opinion {
        match self.entries.get(&peer).map(|entry| entry.claim) {
            None | Some(Claim::Alive) => Opinion::Trusted,
            Some(Claim::Suspect) => Opinion::Suspected,
            Some(Claim::Down) => Opinion::Down,
        }
    }

    pub(super) fn trusted_except(&self, target: Member) -> Vec<Member> {
        let trusted = self.entries.iter().filter(|(peer, entry)| entry.claim == Claim::Alive && **peer != target);
        trusted.map(|(peer, _)| *peer).collect()
    }

    pub(super) fn rumour_about(&self, peer: Member) -> Rumour {
        let entry = self.entries.get(&peer);
        let (claim, incarnation) = entry.map_or((Claim::Alive, 0), |entry| (entry.claim, entry.incarnation));
        Rumour { claim, about: peer, incarnation, by: self.me }
    }

    /// For one message.
    pub(super) fn rumours(&mut self) -> Vec<Rumour> {
        self.rumours.take(self.timing.sends_max(self.count()))
    }

    /// This process suspects a member itself.
    pub(super) fn suspect(&mut self, now: Duration, peer: Member) {
        let incarnation = self.entries.get(&peer).map_or(0, |entry| entry.incarnation);
        let _ = self.hear(now, Rumour { claim: Claim::Suspect, about: peer, incarnation, by: self.me });
    }

    /// Whether this process had to refute it.
    pub(super) fn hear(&mut self, now: Duration, rumour: Rumour) -> bool {
        if rumour.about == self.me {
            if rumour.claim == Claim::Alive {
                return false;
            }
            // Who still believes an earlier incarnation to be suspect or down has missed the refutation. The paper's
            // rumours reach all with high probability only; implementations compare whole lists now and then.
            let is_new = rumour.incarnation >= self.incarnation;
            if is_new {
                self.incarnation = rumour.incarnation + 1;
            }
            let refuted = Rumour { claim: Claim::Alive, about: self.me, incarnation: self.incarnation, by: self.me };
            self.rumours.spread(refuted);
            return is_new;
        }
        let Some(entry) = self.entries.get_mut(&rumour.about) else { return false };
        let (claim, incarnation) = (entry.claim, entry.incarnation);
        if rumour.replaces(claim, incarnation) {
            let is_suspect = rumour.claim == Claim::Suspect;
            (entry.claim, entry.incarnation, entry.since) = (rumour.claim, rumour.incarnation, now);
            entry.suspected_by = is_suspect.then_some(rumour.by).into_iter().collect();
            self.rumours.spread(rumour);
        } else if (rumour.claim, rumour.incarnation) == (Claim::Suspect, incarnation) && claim == Claim::Suspect {
            // An independent suspicion is news under Lifeguard, up to K of them.
            let is_open = entry.suspected_by.len() <= Lifeguard::CONFIRMATIONS;
            if is_open && self.timing.lifeguard && entry.suspected_by.insert(rumour.by) {
                self.rumours.spread(rumour);
            }
        }
        false
    }

    /// When a suspicion becomes a verdict.
    fn ends(&self, entry: &Entry) -> Option<Duration> {
        if entry.claim != Claim::Suspect {
            return None;
        }
        let least = self.timing.suspicion_least(self.count());
        if !self.timing.lifeguard {
            return Some(entry.since + least);
        }
        // Nobody else could confirm it in a mesh of two.
        let possible = Lifeguard::CONFIRMATIONS.min(self.count().saturating_sub(2));
        let confirmations = entry.suspected_by.len().saturating_sub(1);
        Some(entry.since + suspicion_timeout(least, least * Lifeguard::BETA, confirmations, possible))
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.entries.values().filter_map(|entry| self.ends(entry)).min()
    }

    pub(super) fn expire(&mut self, now: Duration) {
        let over: Vec<(Member, u64)> = self
            .entries
            .iter()
            .filter(|(_, entry)| self.ends(entry).is_some_and(|at| at <= now))
            .map(|(peer, entry)| (*peer, entry.incarnation))
            .collect();
        for (about, incarnation) in over {
            let _ = self.hear(now, Rumour { claim: Claim::Down, about, incarnation, by: self.me });
        }
    }
}
