//! The snapshot for people and metrics.

use super::Node;
use crate::detector::link::Link;
use crate::detector::link::questions::Asked;
use crate::detector::peer::{PeerState, SelfState, Verdict};
use crate::detector::time::{Monotonic, ObserverTime};
use crate::detector::view::{PeerView, View, WitnessView};

impl Node {
    /// What I am, in one word.
    pub fn state(&self) -> SelfState {
        match (self.leaving, self.ready, self.cut_off, self.slow) {
            (true, ..) => SelfState::Leaving,
            (false, false, ..) => SelfState::Starting,
            (false, true, Some(_), _) => SelfState::CutOff,
            (false, true, None, Some(_)) => SelfState::Slow,
            (false, true, None, None) => SelfState::Ready,
        }
    }

    /// What I believe now. Asking changes nothing but the clock reading.
    pub fn view(&mut self, now: Monotonic) -> View {
        let now = self.begin(now);
        self.finish();
        View {
            node: self.me.node.clone(),
            boot: self.me.boot,
            seq: self.seq(),
            state: self.state(),
            stalled: self.in_quarantine(),
            lost: self.clock.lost(),
            hearsay: self.hearsay(),
            maintenance: self.own_maintenance(),
            peers: self.links.iter().map(|link| self.peer_view(link, now)).collect(),
            discovery: self.directory.view(now, self.config.longest_wait()),
            found_nobody: self.found_nobody(),
            unlisted: self.unlisted.names(now, self.config.interval),
        }
    }

    pub(super) fn peer_view(&self, link: &Link, now: ObserverTime) -> PeerView {
        let age = |at: ObserverTime| now.since(at);
        let recently = self.config.interval * 3;
        let mut accusers = Vec::new();
        if link.is_accused() {
            accusers.push(self.me.node.clone());
        }
        let standing: Vec<_> = link.hearsay.standing(now).map(|accuser| accuser.observer).collect();
        accusers.extend(self.names_of(&standing));
        let joining_in_time = link.state() == PeerState::Joining && link.verdict() != Some(Verdict::NeverSeen);
        let maintenance = self.maintenance_of(link);
        // While it answers, its pings may come through NAT; when it does not, only those count that show it to be alive.
        let elsewhere = link.proofs.last_ping_elsewhere().filter(|_| link.state() == PeerState::Alive);
        let pings_me = link.proofs.last_ping_in().max(elsewhere);
        PeerView {
            peer: link.peer_ref(),
            expected: link.state() != PeerState::Left
                && !joining_in_time
                && maintenance.is_none()
                && self.cut_off.is_none()
                && !self.in_quarantine(),
            maintenance,
            overrun: self.overrun_of(link),
            degraded: link.outcomes.degraded(),
            flapping: link.flaps.flapping(),
            verdict: link.verdict(),
            class: if link.in_doubt() { link.trail.class() } else { None },
            evidence: link.trail.last(),
            last_proof: link.proofs.last().map(age),
            last_answer: link.proofs.last_answer().map(age),
            lost: self.clock.lost_since(link.proofs.last().unwrap_or(link.proofs.added())),
            rival: link.identity.rival(now).cloned(),
            state_age: age(link.state_since()),
            rtt_last: link.rtt.last(),
            rtt_mean: link.rtt.mean(),
            rtt_p50: link.rtt.quantile(0.5),
            rtt_p99: link.rtt.quantile(0.99),
            phi: link.requests.scheduled().map_or(0.0, |ping| link.rtt.phi(age(ping.begun))),
            loss: link.outcomes.loss(),
            restarts: link.restarts(),
            streaming: link.stream.is_open(),
            pings_me: pings_me.is_some_and(|at| age(at) <= recently),
            accusers,
            witnesses: self.witness_views(link, now),
        }
    }

    /// Those asked about this peer, and what they said.
    pub(super) fn witness_views(&self, link: &Link, now: ObserverTime) -> Vec<WitnessView> {
        let view = |asked: &Asked| {
            let witness = self.links.get(&asked.witness)?.node()?.clone();
            // While a new question is out, what it said last is the best there is.
            let said = asked.said.or(asked.earlier);
            let said_age = said.map(|(_, at)| now.since(at));
            Some(WitnessView {
                witness,
                said: said.map(|(testimony, _)| testimony),
                age: now.since(asked.at),
                said_age,
            })
        };
        link.questions.iter().filter_map(view).collect()
    }
}
