//! Which peer is dead, which is merely out of my reach, and when I am cut off myself.
//!
//! The order of the questions matters. Is my own wait met? If an observer vouches,
//! the link is broken and the peer is not. If the peer is silent and I hear less
//! than half of the others, I am the one cut off. Only then do I accuse, and
//! only with enough others, or with no observer left to ask, is it dead.

use super::Node;
use crate::detector::event::{Doubt, EventKind, PeerRef};
use crate::detector::evidence::{Class, Evidence};
use crate::detector::limits::CHECK_GAP;
use crate::detector::link::Link;
use crate::detector::natural_order::natural;
use crate::detector::peer::{NodeName, PeerId, PeerState, Verdict};
use crate::detector::quorum::{CutOff, QuorumCount, QuorumDecision, hears_half};
use crate::detector::rule::Rule;
use crate::detector::table;
use crate::detector::time::ObserverTime;
use crate::detector::timers::Timer;

/// A peer was heard after another fell silent only if it was heard more than
/// this many intervals after the last proof of life: jitter stretches one
/// interval to at most this.
const HEARD_AFTER: f64 = 1.1;

impl Node {
    /// Puts what a rule has decided through the table. `Some` with the state before when it changed something.
    pub(super) fn apply(&mut self, id: PeerId, rule: Rule, now: ObserverTime) -> Option<PeerState> {
        let link = self.links.get_mut(&id)?;
        let prev = link.state;
        let state = table::next(prev, rule.input());
        if state == prev {
            if rule == Rule::NewBoot {
                self.decided(id, rule, prev, now);
            }
            return None;
        }
        link.state = state;
        link.state_since = now;
        if !prev.is_broken() {
            link.outage_from = link.last_answer.unwrap_or(link.added);
        }
        if link.in_doubt() {
            self.doubted.insert(id);
        } else {
            self.doubted.remove(&id);
        }
        self.bump(id);
        self.rejudge = true;
        self.mood_changed = true;
        self.decided(id, rule, prev, now);
        self.entered(id, state, now);
        Some(prev)
    }

    /// What entering a state starts and stops.
    fn entered(&mut self, id: PeerId, state: PeerState, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        match state {
            PeerState::Joining => {}
            PeerState::Alive => {
                link.next_check = None;
                link.next_ask = None;
                link.forget_hearsay_of_me();
                link.reopen = Some(now);
                self.cancel_checks(id);
            }
            PeerState::Suspect => self.ask_witnesses(id, now),
            PeerState::Unreachable | PeerState::Dead => {
                link.next_check = None;
                link.answers_since_dead = 0;
                let flapping = link.flaps.add(now);
                let changes = link.flaps.count() as u32;
                if flapping {
                    self.emit(Some(id), EventKind::PeerFlapping { on: true, changes });
                }
                if state == PeerState::Dead {
                    self.close_stream(id);
                }
            }
            PeerState::Left => {
                link.next_check = None;
                link.next_ask = None;
                link.next_ping = now + self.config.interval;
                link.trail = Default::default();
                link.forget_hearsay();
                self.withdraw(id);
                self.cancel_all(id, true);
                self.close_stream(id);
            }
        }
    }

    fn cancel_checks(&mut self, id: PeerId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        for check in std::mem::take(&mut link.checks) {
            self.transmits.push_back(crate::detector::transmit::Transmit::Cancel { attempt: check.id });
        }
    }

    /// A reason to look closer.
    pub(super) fn doubt(&mut self, id: PeerId, doubt: Doubt, now: ObserverTime) {
        let blind = self.links.get(&id).is_some_and(|link| link.blind.is_some());
        if blind || self.leaving || self.apply(id, doubt.into(), now).is_none() {
            return;
        }
        self.emit(Some(id), EventKind::PeerSuspect { doubt });
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.next_check.is_some() || link.checks.iter().any(|check| !check.counted) {
            return;
        }
        match doubt {
            Doubt::Failed | Doubt::Late => self.start_check(id, now),
            Doubt::CheckFailed => link.next_check = Some(now + CHECK_GAP),
        }
    }

    /// A kernel or a process at the other end answered something.
    pub(super) fn contact(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let before = link.last_contact.replace(now);
        // For which links is this peer now heard after they fell silent, and was not?
        self.rejudge |= self.doubted.iter().filter_map(|id| self.links.get(id)).any(|accused| {
            let since = self.silent_since(accused);
            now > since && before.is_none_or(|before| before <= since)
        });
        if self.cut_off.is_some() {
            self.reconsider_cut_off(now);
        }
    }

    /// One link that is suspect, unreachable or dead: what is its verdict now?
    pub(super) fn judge(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get(&id) else { return };
        if !link.in_doubt() || link.blind.is_some() || self.leaving {
            return;
        }
        let Some(class) = link.trail.class() else { return };
        let link_broken = link.is_due(Timer::LinkWait, &self.config, now);
        let met = link.is_due(Timer::ProofWait, &self.config, now);
        let silent = link.trail.last() == Some(Evidence::Silent);
        let dark = silent && (self.cut_off.is_some() || !self.half_heard(link).0);
        // Its own pings reach me: whatever else is wrong, it is alive.
        let accusable = met && !dark && !link.pinged_despite_failure(now);
        self.accuse(id, accusable, now);
        let Some(link) = self.links.get(&id) else { return };
        if link_broken && link.broken_despite_vouching(now) {
            let one_way = link.pinged_despite_failure(now);
            let rule = if one_way { Rule::OwnPings } else { Rule::WitnessVouches };
            self.unreachable(id, rule, class, now);
        } else if met && dark {
            if self.cut_off.is_none() && link.is_due(Timer::CutOffWait, &self.config, now) {
                self.begin_cut_off(id, now);
            }
            if self.cut_off.is_some() {
                self.unreachable(id, Rule::MostUnheard, class, now);
            }
        } else if met && !link.vouched(now) && self.try_to_condemn(id, class, now) {
            return;
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.last_call = None;
        }
    }

    /// Publishes my accusation, or withdraws it.
    fn accuse(&mut self, id: PeerId, stands: bool, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if stands != link.accused.is_some() {
            link.accused = stands.then_some(now);
            self.publish = true;
            self.rejudge = true;
        }
    }

    fn unreachable(&mut self, id: PeerId, rule: Rule, class: Class, now: ObserverTime) {
        let prev = self.apply(id, rule, now);
        let (Some(link), Some(verdict)) = (self.links.get(&id), rule.verdict()) else { return };
        if link.state == PeerState::Unreachable && link.verdict != Some(verdict) {
            self.decided(id, rule, PeerState::Unreachable, now);
        }
        let (Some(link), Some(prev)) = (self.links.get(&id), prev) else { return };
        let evidence = link.trail.last().unwrap_or(Evidence::Silent);
        let silent_for = now.since(link.last_answer.unwrap_or(link.added));
        let witnesses = self.vouchers(link, now);
        self.emit(Some(id), EventKind::PeerUnreachable { prev, verdict, class, evidence, silent_for, witnesses });
    }

    /// My wait is met and no observer vouches: is that enough? True while the verdict waits for a last call.
    fn try_to_condemn(&mut self, id: PeerId, class: Class, now: ObserverTime) -> bool {
        let Some(link) = self.links.get(&id) else { return false };
        let (trial, accusers, silent_witnesses) = self.trial(link, class, now);
        let rule = match trial.ruling() {
            QuorumDecision::Confirmed => Rule::Quorum,
            QuorumDecision::OnlyObserver => Rule::OnlyObserver,
            QuorumDecision::NobodyLeft => Rule::NobodyLeft,
            QuorumDecision::Wait => return false,
        };
        if link.state == PeerState::Dead {
            // Others have come to agree with what I said alone.
            if rule == Rule::Quorum && link.verdict == Some(Verdict::Unconfirmed) {
                self.decided(id, rule, PeerState::Dead, now);
                self.rejudge = true;
            }
            return false;
        }
        if self.last_call(id, &silent_witnesses, now) {
            return true;
        }
        let (Some(prev), Some(verdict)) = (self.apply(id, rule, now), rule.verdict()) else { return false };
        let mut names = vec![self.me.node.clone()];
        names.extend(self.names_of(&accusers));
        let Some(link) = self.links.get_mut(&id) else { return false };
        let evidence = link.trail.last().unwrap_or(Evidence::Silent);
        let silent_for = now.since(link.last_proof().unwrap_or(link.added));
        let kind = EventKind::PeerDown { prev, verdict, class, evidence, silent_for, accusers: names };
        self.emit(Some(id), kind);
        false
    }

    /// The numbers of the trial, those who accuse with me, and those who could still object.
    pub(super) fn trial(
        &self,
        accused: &Link,
        class: Class,
        now: ObserverTime,
    ) -> (QuorumCount, Vec<PeerId>, Vec<PeerId>) {
        let overtime = accused.is_due(Timer::Overtime, &self.config, now);
        let mut trial =
            QuorumCount { observers: 1, accusers: 1, can_speak: 0, may_give_up: overtime || class == Class::Gone };
        let (mut accusers, mut objectors) = (Vec::new(), Vec::new());
        for observer in self.links.iter() {
            if !self.observes(observer, accused, now) || (class == Class::Gone && out_of_the_game(observer)) {
                continue;
            }
            trial.observers += 1;
            if accused.accusers.iter().any(|accuser| accuser.observer == observer.id && now < accuser.until) {
                trial.accusers += 1;
                accusers.push(observer.id);
            } else if observer.accused.is_none() && !(overtime && cannot_speak(observer, class)) {
                trial.can_speak += 1;
                objectors.push(observer.id);
            }
        }
        (trial, accusers, objectors)
    }

    /// An observer of the accused is on my list, is another, has not left, and has heard this very boot. One
    /// whose watch list I have just asked for may have: its next answer will tell.
    fn observes(&self, observer: &Link, accused: &Link, now: ObserverTime) -> bool {
        if observer.id == accused.id || matches!(observer.state, PeerState::Left | PeerState::Joining) {
            return false;
        }
        let knows = observer.watch.get(&accused.id).is_some_and(|(boot, _)| Some(*boot) == accused.boot());
        let unread = observer.watch_asked.is_some() && !observer.is_due(Timer::ListOverdue, &self.config, now);
        knows || unread
    }

    /// Before a verdict every observer that could object and was not asked lately is
    /// asked once. True while an answer is outstanding. Lately is before the verdict could be made: if it grew old
    /// while another answer is outstanding, each round of questions would put the verdict off for the next one.
    fn last_call(&mut self, id: PeerId, objectors: &[PeerId], now: ObserverTime) -> bool {
        let interval = self.config.interval;
        let Some(link) = self.links.get_mut(&id) else { return false };
        let began = *link.last_call.get_or_insert(now);
        for &witness in objectors {
            let Some(link) = self.links.get(&id) else { return false };
            let lately =
                |asked: &crate::detector::link::Asked| asked.witness == witness && began.since(asked.at) < interval;
            let alive = self.links.get(&witness).is_some_and(|witness| witness.state == PeerState::Alive);
            if alive && !link.asked.iter().any(lately) {
                self.ask(id, witness, true, now);
            }
        }
        let Some(link) = self.links.get(&id) else { return false };
        let waits = |asked: &crate::detector::link::Asked| {
            // An observer that has accused meanwhile has answered in another way.
            let may_object = asked.last_call && objectors.contains(&asked.witness);
            may_object && asked.said.is_none() && now < asked.last_call_ends(&self.config)
        };
        link.asked.iter().any(waits)
    }

    /// Whether at least half of the peers I expect were heard after this one
    /// fell silent, and those that were not.
    pub(super) fn half_heard(&self, accused: &Link) -> (bool, u32, u32, Vec<PeerRef>) {
        let since = self.silent_since(accused);
        self.count_heard(|link| link.last_contact.is_some_and(|contact| contact > since))
    }

    /// A peer that was heard after this moment was heard after `accused` fell silent.
    fn silent_since(&self, accused: &Link) -> ObserverTime {
        accused.last_heard_of(&self.config) + self.config.interval.mul_f64(HEARD_AFTER)
    }

    fn count_heard(&self, is_heard: impl Fn(&Link) -> bool) -> (bool, u32, u32, Vec<PeerRef>) {
        let (mut heard, mut expected, mut unheard) = (0u32, 0u32, Vec::new());
        for link in self.links.iter().filter(|link| is_expected_to_be_heard(link)) {
            expected += 1;
            if is_heard(link) {
                heard += 1;
            } else {
                unheard.push(link.peer_ref());
            }
        }
        (hears_half(heard as usize, expected as usize), heard, expected, unheard)
    }

    fn begin_cut_off(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get(&id) else { return };
        let (_, heard, expected, missed) = self.half_heard(link);
        // Peers that were looked up have come in any order; people read them by name.
        let mut unheard: Vec<PeerRef> = Vec::with_capacity(missed.len());
        for peer in missed {
            let before = |other: &PeerRef| natural(other.display_name(), peer.display_name()).is_lt();
            unheard.insert(unheard.partition_point(before), peer);
        }
        self.cut_off = Some(CutOff { since: now, heard, expected });
        self.publish = true;
        self.rejudge = true;
        self.emit(None, EventKind::SelfCutOff { heard, expected, unheard });
    }

    /// Half of my peers were heard since it began, and lately: it is over. The
    /// silent and stalled ones get their whole wait anew, or the first answer
    /// after a healed split would condemn all the others.
    pub(super) fn reconsider_cut_off(&mut self, now: ObserverTime) {
        let Some(CutOff { since: began, .. }) = self.cut_off else { return };
        let recent = self.config.wait_silent;
        let (half, ..) = self.count_heard(|link| {
            link.last_contact.is_some_and(|contact| contact > began && now.since(contact) <= recent)
        });
        if !half {
            return;
        }
        self.cut_off = None;
        self.publish = true;
        self.rejudge = true;
        for id in &self.doubted {
            if let Some(link) = self.links.get_mut(id)
                && link.trail.class() != Some(Class::Gone)
            {
                link.waits_from = now;
                link.accused = None;
            }
        }
        self.emit(None, EventKind::SelfRejoined { cut_off_for: now.since(began) });
    }

    /// Logged once; a peer that never answered is never dead.
    pub(super) fn tell_never_seen(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let waited = now.since(link.added);
        if link.is_due(Timer::NeverSeen, &self.config, now) {
            link.never_seen_told = true;
            let evidence = link.trail.last();
            self.decided(id, Rule::NeverAnswered, PeerState::Joining, now);
            self.emit(Some(id), EventKind::PeerNeverSeen { waited, evidence });
        }
    }

    pub(super) fn names_of(&self, ids: &[PeerId]) -> Vec<NodeName> {
        ids.iter().filter_map(|id| self.links.get(id)?.node().cloned()).collect()
    }
}

impl Link {
    /// What was reported while I suspected it is settled by its answer.
    fn forget_hearsay_of_me(&mut self) {
        self.vetoes.clear();
        self.ping_veto = None;
    }
}

fn out_of_the_game(observer: &Link) -> bool {
    matches!(observer.state, PeerState::Dead | PeerState::Joining)
}

/// In overtime, who is not waited for any more.
fn cannot_speak(observer: &Link, class: Class) -> bool {
    match class {
        Class::Gone => observer.state != PeerState::Alive,
        Class::Silent | Class::Stalled => {
            let silent = observer.in_doubt() && observer.trail.last() == Some(Evidence::Silent);
            silent || out_of_the_game(observer)
        }
    }
}

/// Dead peers that others found dead, those that left and those that never answered do not count.
fn is_expected_to_be_heard(link: &Link) -> bool {
    match link.state {
        PeerState::Joining | PeerState::Left => false,
        PeerState::Dead => link.verdict != Some(Verdict::Down),
        PeerState::Alive | PeerState::Suspect | PeerState::Unreachable => true,
    }
}
