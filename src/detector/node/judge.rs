//! Which peer is dead, which is merely out of my reach, and when I am cut off myself.
//!
//! The order of the questions matters. Is my own wait met? If an observer vouches,
//! the link is broken and the peer is not. If the peer is silent and I hear less
//! than half of the others, I am the one cut off. Only then do I accuse, and
//! only with enough others, or with no observer left to ask, is it dead.

use super::Node;
use crate::detector::event::{Doubt, EventKind};
use crate::detector::evidence::{Class, Evidence};
use crate::detector::limits::CHECK_GAP;
use crate::detector::link::Link;
use crate::detector::peer::{NodeName, PeerId, PeerState, Verdict};
use crate::detector::quorum::{QuorumCount, QuorumDecision};
use crate::detector::rule::Rule;
use crate::detector::table;
use crate::detector::time::ObserverTime;
use crate::detector::timers::Timer;

impl Node {
    /// Puts what a rule has decided through the table. `Some` with the state before when it changed something.
    pub(super) fn apply(&mut self, link: &mut Link, rule: Rule, now: ObserverTime) -> Option<PeerState> {
        let prev = link.state();
        let state = table::next(prev, rule.input());
        if state == prev {
            if rule == Rule::NewBoot {
                self.decided(link, rule, prev, now);
            }
            return None;
        }
        link.enter(state, now);
        if link.in_doubt() {
            self.in_doubt.insert(link.id());
        } else {
            self.in_doubt.remove(&link.id());
        }
        self.line_changed(link);
        self.effects.rejudge();
        self.effects.states_changed();
        self.decided(link, rule, prev, now);
        self.entered(link, now);
        Some(prev)
    }

    /// What entering a state starts and stops.
    fn entered(&mut self, link: &mut Link, now: ObserverTime) {
        match link.state() {
            PeerState::Joining => {}
            PeerState::Alive => {
                link.requests.set_next_check(None);
                link.questions.set_next(None);
                link.hearsay.forget_vouchers();
                link.stream.set_reopen(Some(now));
                self.effects.cancel(link.requests.take_checks());
            }
            PeerState::Suspect => self.ask_witnesses(link, now),
            PeerState::Unreachable | PeerState::Dead => {
                link.requests.set_next_check(None);
                link.proofs.count_answers_anew();
                if let Some(changes) = link.flaps.add(now) {
                    self.report(link, EventKind::PeerFlapping { on: true, changes });
                }
                if link.state() == PeerState::Dead {
                    self.close_stream(link);
                }
            }
            PeerState::Left => {
                link.requests.set_next_check(None);
                link.questions.set_next(None);
                link.requests.set_next_ping(now + self.config.interval);
                link.trail = Default::default();
                link.hearsay.forget();
                self.withdraw(link, now);
                self.cancel_all(link, true);
                self.close_stream(link);
            }
        }
    }

    /// A reason to look closer, unless it has another explanation.
    pub(super) fn doubt_for(&mut self, link: &mut Link, doubt: Doubt, evidence: Evidence, now: ObserverTime) {
        if !self.explains(link, evidence, now) {
            self.doubt(link, doubt, now);
        }
    }

    /// A reason to look closer.
    pub(super) fn doubt(&mut self, link: &mut Link, doubt: Doubt, now: ObserverTime) {
        if !link.proofs.has_opinion() || self.leaving || self.apply(link, doubt.into(), now).is_none() {
            return;
        }
        self.report(link, EventKind::PeerSuspect { doubt });
        if link.requests.has_check() {
            return;
        }
        match doubt {
            Doubt::Failed | Doubt::Late => self.start_check(link, now),
            Doubt::CheckFailed => link.requests.set_next_check(Some(now + CHECK_GAP)),
        }
    }

    /// A kernel or a process at the other end answered something.
    pub(super) fn contact(&mut self, link: &mut Link, now: ObserverTime) {
        self.last_response = now;
        let before = link.proofs.contacted(now);
        let changes = self.is_news(before, now);
        self.effects.rejudge_if(changes);
        if self.cut_off.is_some() {
            self.reconsider_cut_off(Some(link), now);
        }
    }

    /// One link that is suspect, unreachable or dead: what is its verdict now?
    pub(super) fn judge(&mut self, link: &mut Link, now: ObserverTime) {
        if !link.in_doubt() || !link.proofs.has_opinion() || self.leaving {
            return;
        }
        // Something answers, perhaps the peer: that is a matter of keys, and no reason to accuse it.
        let unverified = link.is_unverified();
        let is_lossy = !unverified && self.judge_losses(link, now);
        let Some(class) = link.trail.class() else { return };
        let is_lossy = is_lossy && class != Class::Gone;
        let slow = self.slow.is_some() && class != Class::Gone;
        let link_broken = link.is_due(Timer::LinkWait, &self.config, now);
        let met = link.is_due(Timer::ProofWait, &self.config, now);
        // What could not be sent shows nothing about the peer; who hears no other then has no network.
        let unsent = link.is_unsent();
        let too_few = || {
            let hearing = self.heard_since_silence_of(link);
            !self.hears_half(&hearing) || (unsent && hearing.heard == 0)
        };
        // What a cut-off host loses includes the answers on connections that stand: stalled is no better than silent then.
        let may_be_mine = link.is_silent() || unsent || (self.cut_off.is_some() && class == Class::Stalled);
        let may_be_me = slow || may_be_mine && (self.cut_off.is_some() || too_few());
        // Its own pings reach me: whatever else is wrong, it is alive.
        let one_way = link.hearsay.own_ping_vouches_at(now);
        self.accuse(link, met && !may_be_me && !unsent && !one_way && !unverified, now);
        let mut waits_for_last_call = false;
        if link_broken && unverified {
            self.judge_unverified(link, class, met, now);
        } else if slow && met && !link.hearsay.is_vouched(now) && self.is_accused_by_enough_others(link, class, now) {
            waits_for_last_call = self.try_to_declare_dead(link, class, now);
        } else if !is_lossy && link_broken && link.is_broken_despite_vouching(now) {
            let rule = if one_way { Rule::OwnPings } else { Rule::WitnessVouches };
            self.unreachable(link, rule, class, now);
        } else if met && may_be_me {
            if slow {
                self.unreachable(link, Rule::SelfSlow, class, now);
            } else if self.cut_off.is_none() && link.is_due(Timer::CutOffWait, &self.config, now) {
                self.begin_cut_off(link, now);
            }
            if self.cut_off.is_some() && !is_lossy {
                self.unreachable(link, Rule::MostUnheard, class, now);
            }
        } else if met && !unsent && !link.hearsay.is_vouched(now) {
            waits_for_last_call = self.try_to_declare_dead(link, class, now);
        }
        if !waits_for_last_call {
            link.questions.no_last_call();
        }
    }

    /// Publishes my accusation, or withdraws it.
    fn accuse(&mut self, link: &mut Link, stands: bool, now: ObserverTime) {
        if link.set_accused(stands, now) {
            self.effects.publish();
            self.effects.rejudge();
        }
    }

    pub(super) fn unreachable(&mut self, link: &mut Link, rule: Rule, class: Class, now: ObserverTime) {
        let prev = self.apply(link, rule, now);
        let Some(verdict) = rule.verdict() else { return };
        if link.state() == PeerState::Unreachable && link.verdict() != Some(verdict) {
            self.decided(link, rule, PeerState::Unreachable, now);
        }
        let Some(prev) = prev else { return };
        let evidence = link.trail.last().unwrap_or(Evidence::Silent);
        let silent_for = link.proofs.unanswered_for(now);
        let witnesses = self.vouchers(link, now);
        self.report(link, EventKind::PeerUnreachable { prev, verdict, class, evidence, silent_for, witnesses });
    }

    /// My wait is met and no observer vouches: is that enough? True while the verdict waits for a last call.
    fn try_to_declare_dead(&mut self, link: &mut Link, class: Class, now: ObserverTime) -> bool {
        let (count, _, objectors) = self.count_observers(link, class, now);
        let rule = match count.ruling() {
            QuorumDecision::Confirmed => Rule::Quorum,
            QuorumDecision::OnlyObserver => Rule::OnlyObserver,
            QuorumDecision::NobodyLeft => Rule::NobodyLeft,
            QuorumDecision::Wait => return false,
        };
        if link.state() == PeerState::Dead {
            // Others have come to agree with what I said alone.
            if rule == Rule::Quorum && link.verdict() == Some(Verdict::Unconfirmed) {
                self.decided(link, rule, PeerState::Dead, now);
                self.effects.rejudge();
            }
            return false;
        }
        // Where packets are lost, three of many observers can miss for a while what the others get. Of a peer that is down
        // nobody gets anything, so all that could tell have accused it by now, or do so with the next proof that is missing.
        if class != Class::Gone && self.has_veto() && self.could_be_loss(link, count, &objectors, now) {
            return false;
        }
        if self.has_veto() && self.last_call(link, &objectors, now) {
            return true;
        }
        self.declare_dead(link, rule, class, now);
        false
    }

    pub(super) fn declare_dead(&mut self, link: &mut Link, rule: Rule, class: Class, now: ObserverTime) {
        let (_, accusers, _) = self.count_observers(link, class, now);
        let (Some(prev), Some(verdict)) = (self.apply(link, rule, now), rule.verdict()) else { return };
        // Where only something without a key answers, this node is not among those that accuse.
        let mut names: Vec<NodeName> = (!link.is_unverified()).then(|| self.me.node.clone()).into_iter().collect();
        names.extend(self.names_of(&accusers));
        let evidence = link.trail.last().unwrap_or(Evidence::Silent);
        let silent_for = link.proofs.silent_for(now);
        self.report(link, EventKind::PeerDown { prev, verdict, class, evidence, silent_for, accusers: names });
    }

    /// How many observers there are and accuse, those who accuse with me, and those who could still object.
    pub(super) fn count_observers(
        &self,
        accused: &Link,
        class: Class,
        now: ObserverTime,
    ) -> (QuorumCount, Vec<PeerId>, Vec<PeerId>) {
        let overtime = accused.is_due(Timer::Overtime, &self.config, now);
        // While I am slow my own word about silence counts for nothing, and where something without the key answers I have none.
        let mine = usize::from((self.slow.is_none() || class == Class::Gone) && !accused.is_unverified());
        let mut count =
            QuorumCount { observers: 1, accusers: mine, can_speak: 0, may_give_up: overtime || class == Class::Gone };
        let (mut accusers, mut objectors) = (Vec::new(), Vec::new());
        for observer in self.links.iter().filter(|_| self.has_quorum()) {
            if !self.observes(observer, accused, now) || (class == Class::Gone && out_of_the_game(observer)) {
                continue;
            }
            count.observers += 1;
            if accused.hearsay.standing(now).any(|accuser| accuser.observer == observer.id()) {
                count.accusers += 1;
                accusers.push(observer.id());
            } else if observer.accused().is_none()
                // One that says "it left" will not accuse, and its word alone settles nothing.
                && !(overtime && (self.cannot_speak(observer, accused, class, now) || self.says_that_it_left(observer, accused, now)))
            {
                count.can_speak += 1;
                objectors.push(observer.id());
            }
        }
        (count, accusers, objectors)
    }

    /// In overtime, who is not waited for any more.
    fn cannot_speak(&self, observer: &Link, accused: &Link, class: Class, now: ObserverTime) -> bool {
        // That a process is gone is seen at once, so only observers that are alive can still speak.
        if class == Class::Gone {
            return observer.state() != PeerState::Alive;
        }
        // One that was heard after the accused fell silent is there: its packets are lost, as those of the accused may be.
        let was_heard = observer.proofs.last_contact().is_some_and(|contact| contact > self.silent_since(accused));
        let is_lost = was_heard && !accused.is_due(Timer::LoneObjection, &self.config, now);
        // What one says that does not show the key is not believed, so it cannot accuse.
        let has_no_key = observer.verdict() == Some(Verdict::Unverified);
        has_no_key
            || observer.reported.is_sick()
            || out_of_the_game(observer)
            || (observer.in_doubt() && observer.is_silent() && !is_lost)
    }

    /// An observer of the accused is on my list, is another, has not left, and has heard this very boot. One
    /// whose watch list I have just asked for may have: its next answer will tell.
    pub(super) fn observes(&self, observer: &Link, accused: &Link, now: ObserverTime) -> bool {
        if observer.id() == accused.id() || matches!(observer.state(), PeerState::Left | PeerState::Joining) {
            return false;
        }
        let knows = observer.reported.line(accused.id()).is_some_and(|(boot, _)| Some(boot) == accused.boot());
        let is_asked = observer.reported.list_asked().is_some();
        knows || (is_asked && !observer.is_due(Timer::ListOverdue, &self.config, now))
    }

    /// Before a verdict every observer that could object and was not asked lately is
    /// asked once. True while an answer is outstanding. Lately is before the verdict could be made: if it grew old
    /// while another answer is outstanding, each round of questions would put the verdict off for the next one.
    fn last_call(&mut self, link: &mut Link, objectors: &[PeerId], now: ObserverTime) -> bool {
        let interval = self.config.interval;
        let began = link.questions.last_call(now);
        for &witness in objectors {
            let is_alive = self.links.get(&witness).is_some_and(|witness| witness.state() == PeerState::Alive);
            if is_alive && link.questions.asked_at(witness).is_none_or(|asked| began.since(asked) >= interval) {
                self.ask(link, witness, true, now);
            }
        }
        // An observer that has accused meanwhile has answered in another way.
        link.questions.last_calls(interval).any(|(witness, ends)| now < ends && objectors.contains(&witness))
    }

    /// Reported once; a peer that never answered is never dead.
    pub(super) fn report_never_seen(&mut self, link: &mut Link, now: ObserverTime) {
        if link.is_due(Timer::NeverSeen, &self.config, now) {
            let (waited, evidence) = (now.since(link.proofs.added()), link.trail.last());
            self.decided(link, Rule::NeverAnswered, PeerState::Joining, now);
            self.report(link, EventKind::PeerNeverSeen { waited, evidence });
        }
    }

    pub(super) fn names_of(&self, ids: &[PeerId]) -> Vec<NodeName> {
        ids.iter().filter_map(|id| self.links.get(id)?.node().cloned()).collect()
    }
}

fn out_of_the_game(observer: &Link) -> bool {
    matches!(observer.state(), PeerState::Dead | PeerState::Joining)
}
