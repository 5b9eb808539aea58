//! Why I believe what I believe of one peer: writing it down when it is decided, and showing it when it is asked for.

use super::Node;
use crate::detector::evidence::Class;
use crate::detector::link::Link;
use crate::detector::link::requests::Attempt;
use crate::detector::peer::{NodeName, PeerId, PeerState};
use crate::detector::record::{Attempts, Decision, Ended, EvidenceKept, NAMES_KEPT, Quorum};
use crate::detector::rule::Rule;
use crate::detector::table::Input;
use crate::detector::time::{Monotonic, ObserverTime};
use crate::detector::view::WitnessView;
use crate::detector::why::{AccusationView, DecisionView, EvidenceView, ObserverView, PingView, Why};

impl Node {
    /// The evidence behind what I believe of the peer with this key, else of the one that calls itself so; `None`
    /// when there is no such peer. Asking changes nothing but the clock reading.
    pub fn why(&mut self, now: Monotonic, peer: &str) -> Option<Why> {
        let now = self.begin(now);
        self.finish();
        let keyed = self.links.iter().find(|link| &*link.key().0 == peer);
        let named = || self.links.iter().find(|link| link.node().is_some_and(|node| node.as_str() == peer));
        keyed.or_else(named).map(|link| self.why_of(link, now))
    }

    fn why_of(&self, link: &Link, now: ObserverTime) -> Why {
        let peer = self.peer_view(link, now);
        let accusations = link.hearsay.standing(now).filter_map(|accuser| {
            let observer = self.links.get(&accuser.observer)?.node()?.clone();
            Some(AccusationView { observer, class: accuser.class, left: accuser.until.since(now) })
        });
        let unsettled = matches!(link.state(), PeerState::Suspect | PeerState::Unreachable);
        let class = link.trail.class().filter(|_| unsettled);
        let quorum = class.map(|class| Quorum {
            // The count takes me as if I accused; here it is about who does.
            accusations: peer.accusers.len(),
            accusers: peer.accusers.iter().take(NAMES_KEPT).cloned().collect(),
            ..self.quorum(link, class, now)
        });
        let open = |attempt: &Attempt| PingView { age: now.since(attempt.begun), purpose: attempt.purpose, end: None };
        let mut pings: Vec<PingView> = link.requests.uncounted().map(open).collect();
        pings.sort_by_key(|ping| ping.age);
        pings.extend(ping_views(&link.record.attempts, now));
        Why {
            observer: self.observer_view(link, now),
            watched: now.since(link.proofs.added()),
            last_ping_in: link.proofs.last_ping_in().map(|at| now.since(at)),
            last_ping_elsewhere: link.proofs.last_ping_elsewhere().map(|at| now.since(at)),
            pings,
            limit: link.wait(&self.config),
            late_after: link.rtt.bound(self.config.interval),
            accusations: accusations.take(NAMES_KEPT).collect(),
            accused: link.accused().map(|at| now.since(at)),
            vouchers: self.vouchers(link, now),
            discredited: link.hearsay.discredited().and_then(|id| self.links.get(&id)?.node().cloned()),
            quorum,
            decision: link.record.decision.as_deref().map(|decision| decision_view(decision, now)),
            outage: link.record.outage.as_deref().map(|outage| decision_view(outage, now)),
            peer,
        }
    }

    fn observer_view(&self, link: &Link, now: ObserverTime) -> ObserverView {
        ObserverView {
            node: self.me.node.clone(),
            state: self.state(),
            stalled: self.in_quarantine(),
            lost: self.clock.lost(),
            cut_off: self.cut_off.map(|cut_off| now.since(cut_off.since)),
            blind: !link.proofs.has_opinion(),
        }
    }

    /// Witnesses whose word for this peer holds now.
    pub(super) fn vouchers(&self, link: &Link, now: ObserverTime) -> Vec<NodeName> {
        let witnesses: Vec<PeerId> = link.hearsay.vouchers(now).collect();
        self.names_of(&witnesses)
    }

    fn quorum(&self, link: &Link, class: Class, now: ObserverTime) -> Quorum {
        let (count, accusers, objectors) = self.count_observers(link, class, now);
        let kept = |ids: &[PeerId], most: usize| self.names_of(&ids[..ids.len().min(most)]);
        let mut names = vec![self.me.node.clone()];
        names.extend(kept(&accusers, NAMES_KEPT - 1));
        Quorum {
            observers: count.observers,
            needed: count.needed(),
            accusations: count.accusers,
            accusers: names,
            could_speak: kept(&objectors, NAMES_KEPT),
        }
    }

    /// A rule has decided: the only place where a verdict is set, and where the reason for a state is written down.
    pub(super) fn decided(&self, link: &mut Link, rule: Rule, from: PeerState, now: ObserverTime) {
        let broken = link.state().is_broken();
        // A broken link is silent since its last answer, even while other observers hear the peer.
        let is_unreachable = link.state() == PeerState::Unreachable;
        let late = link.requests.scheduled().filter(|_| rule == Rule::PingLate);
        let decision = Decision {
            at: now,
            rule,
            from,
            to: link.state(),
            class: link.trail.class(),
            evidence: link.trail.last(),
            silent_for: if is_unreachable { link.proofs.unanswered_for(now) } else { link.proofs.silent_for(now) },
            limit: link.wait(&self.config),
            phi: late.map(|ping| link.rtt.phi(now.since(ping.begun))),
            heard: self.cut_off.filter(|_| rule == Rule::MostUnheard).map(|cut_off| (cut_off.heard, cut_off.expected)),
            goodbye_to: None,
            before: link.record.decision.as_ref().map(|before| (before.at, before.rule)),
            exhibits: broken.then(|| Box::new(self.evidence_kept(link, rule, now))),
        };
        link.decide(decision);
    }

    fn evidence_kept(&self, link: &Link, rule: Rule, now: ObserverTime) -> EvidenceKept {
        let class = link.trail.class().filter(|_| rule.input() == Input::DeclaredDead);
        EvidenceKept {
            attempts: link.record.attempts.clone(),
            witnesses: self.witness_views(link, now),
            vouchers: self.vouchers(link, now),
            quorum: class.map(|class| self.quorum(link, class, now)),
        }
    }
}

/// Those that ended, the one that began last first.
fn ping_views(attempts: &Attempts, now: ObserverTime) -> Vec<PingView> {
    let view = |ended: &Ended| PingView {
        age: now.since(ended.begun),
        purpose: ended.purpose,
        end: Some((ended.end, ended.took())),
    };
    let mut views: Vec<PingView> = attempts.iter().map(view).collect();
    views.sort_by_key(|ping| ping.age);
    views
}

fn decision_view(decision: &Decision, now: ObserverTime) -> DecisionView {
    let age = now.since(decision.at);
    let exhibits = decision.exhibits.as_deref().map(|exhibits| EvidenceView {
        pings: ping_views(&exhibits.attempts, now),
        witnesses: exhibits.witnesses.iter().map(|witness| older(witness, age)).collect(),
        vouchers: exhibits.vouchers.clone(),
        quorum: exhibits.quorum.clone(),
    });
    DecisionView {
        age,
        rule: decision.rule,
        from: decision.from,
        to: decision.to,
        class: decision.class,
        evidence: decision.evidence,
        silent_for: decision.silent_for,
        limit: decision.limit,
        phi: decision.phi,
        heard: decision.heard,
        goodbye_to: decision.goodbye_to.clone(),
        before: decision.before.map(|(at, rule)| (rule, now.since(at))),
        exhibits,
    }
}

/// What was seen then, with ages of now.
fn older(witness: &WitnessView, by: std::time::Duration) -> WitnessView {
    WitnessView { age: witness.age + by, said_age: witness.said_age.map(|age| age + by), ..witness.clone() }
}
