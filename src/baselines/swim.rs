//! SWIM with suspicion (Das, Gupta, Motivala, DSN 2002), and with Lifeguard where that is switched on.
//!
//! Each period one member is pinged, in the order of a list that is shuffled after each round (section 4.3). Without an
//! answer in time `helpers` others are asked to ping it; without one until the end of the period it is suspect (section
//! 4.2), which is a rumour, and down when it has not refuted that in time.

mod members;
mod probes;
mod timing;

use std::time::Duration;

use rand_core::{Rng as _, SeedableRng};
use rand_pcg::Pcg32;

use self::members::Members;
use self::probes::{Probe, Relay};
pub use self::timing::SwimTiming;
use super::lifeguard::Lifeguard;
use super::member::{Member, Opinion};
use super::message::{Baseline, Message};
use super::rumours::{Claim, Rumour};

/// One process of it.
pub struct Swim {
    me: Member,
    timing: SwimTiming,
    dice: Pcg32,
    members: Members,
    health: Lifeguard,
    /// The members in the order of this round, and how many of them have had their turn.
    round: (Vec<Member>, usize),
    next_period: Duration,
    number: u64,
    probe: Option<Probe>,
    /// Pings for others, at most [`probes::RELAYS_MAX`].
    relays: Vec<Relay>,
    sends: Vec<(Member, Message)>,
}

impl Swim {
    /// A process that knows the members and takes all for alive; its first period begins at `start`.
    pub fn new(me: Member, peers: Vec<Member>, start: Duration, timing: SwimTiming, seed: u64) -> Swim {
        let round = (peers.clone(), peers.len());
        Swim {
            me,
            timing,
            dice: Pcg32::seed_from_u64(seed),
            members: Members::new(me, peers, timing),
            health: Lifeguard::default(),
            round,
            next_period: start,
            number: 0,
            probe: None,
            relays: Vec::new(),
            sends: Vec::new(),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.dice.next_u32() as usize % limit.max(1)
    }

    fn shuffle(&mut self, list: &mut [Member]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }

    /// The next member that is not down; `None` where all are.
    fn next_target(&mut self) -> Option<Member> {
        for _ in 0..=self.round.0.len() {
            if self.round.1 >= self.round.0.len() {
                let mut order = std::mem::take(&mut self.round.0);
                self.shuffle(&mut order);
                self.round = (order, 0);
            }
            let target = *self.round.0.get(self.round.1)?;
            self.round.1 += 1;
            if self.members.opinion(target) != Opinion::Down {
                return Some(target);
            }
        }
        None
    }

    fn slower(&self, time: Duration) -> Duration {
        if self.timing.lifeguard { self.health.stretched(time) } else { time }
    }

    fn ping(&mut self, target: Member) -> u64 {
        self.number += 1;
        let (number, rumours) = (self.number, self.rumours_for(target));
        self.sends.push((target, Message::Ping { number, rumours }));
        number
    }

    /// What is believed of the receiver goes with it, so that it can refute that: Lifeguard's buddy system, and without
    /// it only for one that is down here, which would otherwise never hear of it.
    fn rumours_for(&mut self, receiver: Member) -> Vec<Rumour> {
        let mut rumours = self.members.rumours();
        let about = self.members.rumour_about(receiver);
        let tell = about.claim == Claim::Down || (about.claim == Claim::Suspect && self.timing.lifeguard);
        if tell && !rumours.contains(&about) {
            rumours.push(about);
        }
        rumours
    }

    fn hear(&mut self, now: Duration, rumours: Vec<Rumour>) {
        for rumour in rumours {
            if self.members.hear(now, rumour) && self.timing.lifeguard {
                self.health.was_slow();
            }
        }
    }

    fn begin_period(&mut self, now: Duration) {
        if let Some(probe) = self.probe.take() {
            if self.timing.lifeguard {
                if !probe.answered {
                    self.health.was_slow();
                }
                if probe.has_silent_helper() {
                    self.health.was_slow();
                }
            }
            if !probe.answered {
                self.members.suspect(now, probe.target);
            }
        }
        let length = self.slower(self.timing.period);
        self.next_period = now + length;
        if let Some(target) = self.next_target() {
            let number = self.ping(target);
            self.probe = Some(Probe::new(target, number, now + self.slower(self.timing.ping_timeout)));
        }
    }

    fn ask_helpers(&mut self) {
        let Some(mut probe) = self.probe.take() else { return };
        let mut others = self.members.trusted_except(probe.target);
        self.shuffle(&mut others);
        others.truncate(self.timing.helpers);
        for helper in &others {
            let rumours = self.rumours_for(*helper);
            self.sends.push((*helper, Message::PingRequest { number: probe.number, target: probe.target, rumours }));
        }
        probe.helpers_asked(others);
        self.probe = Some(probe);
    }

    fn answered(&mut self, from: Member, number: u64) {
        if let Some(probe) = self.probe.as_mut().filter(|probe| probe.number == number) {
            probe.helper_spoke(from);
            if !probe.answered {
                probe.answered = true;
                self.health.probe_succeeded();
            }
        }
        if let Some(at) = self.relays.iter().position(|relay| relay.number == number) {
            let relay = self.relays.remove(at);
            let rumours = self.rumours_for(relay.asker);
            self.sends.push((relay.asker, Message::Ack { number: relay.their_number, rumours }));
        }
    }
}

impl Baseline for Swim {
    fn receive(&mut self, now: Duration, from: Member, message: Message) {
        match message {
            Message::Heartbeat { .. } | Message::Foreign { .. } => {}
            Message::Ping { number, rumours } => {
                self.hear(now, rumours);
                let rumours = self.rumours_for(from);
                self.sends.push((from, Message::Ack { number, rumours }));
            }
            Message::PingRequest { number, target, rumours } => {
                self.hear(now, rumours);
                if target != self.me && self.relays.len() < probes::RELAYS_MAX {
                    let mine = self.ping(target);
                    // Lifeguard: the helper says so before the asker's time is up.
                    let nack_at = now + self.timing.ping_timeout * 4 / 5;
                    let relay = Relay::new(from, number, mine, nack_at, now + self.timing.period);
                    self.relays.push(relay);
                }
            }
            Message::Ack { number, rumours } => {
                self.hear(now, rumours);
                self.answered(from, number);
            }
            Message::Nack { number } => {
                if let Some(probe) = self.probe.as_mut().filter(|probe| probe.number == number) {
                    probe.helper_spoke(from);
                }
            }
        }
    }

    fn wake(&mut self, now: Duration) {
        self.members.expire(now);
        for relay in self.relays.iter_mut().filter(|relay| relay.nack_is_due(now)) {
            relay.nacked = true;
            if self.timing.lifeguard {
                self.sends.push((relay.asker, Message::Nack { number: relay.their_number }));
            }
        }
        self.relays.retain(|relay| relay.until > now);
        if self.probe.as_ref().is_some_and(|probe| probe.needs_helpers(now)) && now < self.next_period {
            self.ask_helpers();
        }
        if self.next_period <= now {
            self.begin_period(now);
        }
    }

    fn deadline(&self) -> Duration {
        let probe = self.probe.as_ref().and_then(Probe::deadline);
        let relays = self.relays.iter().map(Relay::deadline).min();
        let others = [probe, relays, self.members.deadline()].into_iter().flatten().min();
        others.map_or(self.next_period, |at| at.min(self.next_period))
    }

    fn take_sends(&mut self) -> Vec<(Member, Message)> {
        std::mem::take(&mut self.sends)
    }

    fn opinion(&self, peer: Member) -> Opinion {
        self.members.opinion(peer)
    }
}

#[cfg(test)]
mod tests;
