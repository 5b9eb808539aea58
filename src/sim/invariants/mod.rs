//! What must hold in every run, whatever the schedule. Each has a number, a
//! name and one checker; its doc comment says exactly what is claimed and what
//! is exempt, and why.
//!
//! The claims compare what a node says with the [`Truth`], which no node sees.
//! Two invariants are checked elsewhere: *I6 same seed, same trace* by running
//! twice (`tests/simulation.rs`), *I10 without streams everything but the
//! promised times holds* by running half of all random schedules without.
//!
//! Words used below, with `i` for one interval: *fit* = runs, unfrozen and
//! unstarved; *clean* = no fault at all on the link, in either direction.

mod crashes;
mod verdicts;

use std::time::Duration;

use super::scenario::{HostId, Scenario};
use super::timeline::Violation;
use super::truth::Truth;
use crate::detector::config::DetectorConfig;
use crate::detector::event::{Event, EventKind};
use crate::detector::peer::{BootId, PeerState, Verdict};
use crate::detector::view::View;

/// A broken run breaks in many places; the first ones tell the story.
const VIOLATIONS_MAX: usize = 20;

/// What one node has said about one peer.
#[derive(Clone, Copy, Debug)]
struct Belief {
    state: PeerState,
    boot: Option<BootId>,
    /// Dead, and more than one observer agreed.
    confirmed: bool,
    /// The boot that said goodbye.
    left: Option<BootId>,
}

impl Belief {
    const NONE: Belief = Belief { state: PeerState::Joining, boot: None, confirmed: false, left: None };

    /// It left, or is dead and others agreed: it is known to be gone.
    fn is_away(&self) -> bool {
        self.state == PeerState::Left || (self.state == PeerState::Dead && self.confirmed)
    }
}

/// A crash that an observer has to notice by `by`.
struct Expectation {
    subject: usize,
    boot: BootId,
    at: Duration,
    by: Duration,
    /// Nothing else was wrong or happened.
    quiet: bool,
    /// Steps of the scenario until then.
    steps: usize,
}

pub(in crate::sim) struct Checks {
    config: DetectorConfig,
    streams: bool,
    latency: Duration,
    hosts: usize,
    beliefs: Vec<Vec<Belief>>,
    expected: Vec<Expectation>,
    violations: Vec<Violation>,
    false_verdicts: usize,
}

impl Checks {
    pub(in crate::sim) fn new(scenario: &Scenario, config: DetectorConfig) -> Checks {
        let hosts = scenario.nodes;
        Checks {
            config,
            streams: scenario.streams,
            latency: scenario.latency.most(),
            hosts,
            beliefs: vec![vec![Belief::NONE; hosts]; hosts],
            expected: Vec::new(),
            violations: Vec::new(),
            false_verdicts: 0,
        }
    }

    /// Dead verdicts about a node that ran and that most others could reach, whether or not an invariant forbids them.
    pub(in crate::sim) fn false_verdicts(&self) -> usize {
        self.false_verdicts
    }

    pub(in crate::sim) fn finish(self) -> Vec<Violation> {
        self.violations
    }

    fn broken(&mut self, truth: &Truth, invariant: &'static str, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { at: truth.now, invariant, what });
        }
    }

    fn intervals(&self, count: f64) -> Duration {
        self.config.interval.mul_f64(count)
    }

    /// Observers needed for a confirmed verdict in this mesh, all of it running.
    fn quorum(&self) -> usize {
        3.min((self.hosts - 1) / 2 + 1)
    }

    /// A process has started: it has said nothing yet.
    pub(in crate::sim) fn started(&mut self, host: usize) {
        self.beliefs[host].fill(Belief::NONE);
    }

    /// After every event that a node emits.
    pub(in crate::sim) fn event(&mut self, truth: &Truth, observer: usize, subject: Option<usize>, event: &Event) {
        let (Some(subject), Some(peer)) = (subject, &event.peer) else { return };
        let boot = peer.boot;
        match &event.kind {
            EventKind::PeerDown { evidence, verdict, .. } => {
                self.false_verdicts += usize::from(self.is_false(truth, subject, boot));
                if *verdict == Verdict::Down || !self.is_mesh_of_two(truth, observer, subject) {
                    self.i1_live_is_never_dead(truth, observer, subject, boot);
                }
                self.i3_stall_accuses_nobody(truth, observer, subject, boot);
                self.i7_one_link_kills_nobody(truth, observer, subject, boot);
                self.i8_left_is_not_dead(truth, observer, subject, boot);
                self.i9_only_the_larger_side_says_dead(truth, observer, subject, *evidence);
            }
            EventKind::PeerUnreachable { .. } => self.i8_left_is_not_dead(truth, observer, subject, boot),
            _ => {}
        }
        let belief = &mut self.beliefs[observer][subject];
        belief.state = peer.state;
        belief.boot = boot;
        match &event.kind {
            EventKind::PeerDown { verdict, .. } => belief.confirmed = *verdict == Verdict::Down,
            EventKind::PeerLeft { .. } => belief.left = boot,
            EventKind::PeerReturned => belief.left = None,
            _ => {}
        }
    }

    /// **I0 no spinning**: a deadline that has been handled does not come again at the same instant without end.
    pub(in crate::sim) fn spinning(&mut self, truth: &Truth, host: usize, deadline: &str) {
        self.broken(truth, "I0 no spinning", format!("{} wakes for {deadline} again and again", HostId(host)));
    }

    /// **I0 every change has its event**: what a view shows as a peer's state is what the last event about it said.
    pub(in crate::sim) fn inspect(&mut self, truth: &Truth, observer: usize, view: &View, subjects: &[Option<usize>]) {
        for (peer, subject) in view.peers.iter().zip(subjects) {
            let Some(subject) = *subject else { continue };
            // That others have come to agree with a verdict has no event.
            self.beliefs[observer][subject].confirmed |= peer.verdict == Some(Verdict::Down);
            let said = self.beliefs[observer][subject].state;
            if said != peer.peer.state {
                let (observer, subject) = (HostId(observer), HostId(subject));
                let what = format!("{observer} shows {subject} as {}, its events say {said}", peer.peer.state);
                self.broken(truth, "I0 every change has its event", what);
            }
        }
    }

    /// **I4 no hearsay changes link statistics**: what others say by testimony or on a stream leaves round trips, loss and
    /// the age of the last answer of every link as they were. No exemptions.
    pub(in crate::sim) fn hearsay(
        &mut self,
        truth: &Truth,
        observer: usize,
        source: &str,
        before: &View,
        after: &View,
    ) {
        for (old, new) in before.peers.iter().zip(&after.peers) {
            let round_trips = |peer: &crate::detector::view::PeerView| {
                (peer.rtt_last, peer.rtt_mean, peer.rtt_p50, peer.rtt_p99, peer.loss, peer.last_answer)
            };
            if old.peer.id == new.peer.id && round_trips(old) != round_trips(new) {
                let what = format!("{source} changed the statistics of {} at {}", old.peer.key, HostId(observer));
                self.broken(truth, "I4 hearsay is no measurement", what);
            }
        }
    }

    /// Whether an answer of `boot` should change the observer's mind: it held another boot of that node. Not one to a
    /// request that the observer gave up in this very step, because it has just found out that it was paused.
    pub(in crate::sim) fn doubts(&self, truth: &Truth, observer: usize, subject: usize, boot: BootId) -> bool {
        let just_woke = truth.hosts[observer].frozen.held_within(truth.now, Duration::from_millis(1));
        !just_woke && truth.hosts[subject].boot == Some(boot) && self.beliefs[observer][subject].boot != Some(boot)
    }

    /// **I5 a verdict about one boot never survives proof of another boot**: as soon as an answer of the boot that really runs
    /// is handled, the observer shows that boot, neither dead nor unreachable (it may be Left: the answer may be a goodbye).
    pub(in crate::sim) fn proof_of_boot(
        &mut self,
        truth: &Truth,
        observer: usize,
        subject: usize,
        boot: BootId,
        view: &View,
        subjects: &[Option<usize>],
    ) {
        let found = subjects.iter().position(|known| *known == Some(subject)).and_then(|index| view.peers.get(index));
        let Some(peer) = found else { return };
        let cleared =
            peer.peer.boot == Some(boot) && !matches!(peer.peer.state, PeerState::Dead | PeerState::Unreachable);
        if !cleared {
            let (observer, subject, state) = (HostId(observer), HostId(subject), peer.peer.state);
            let what =
                format!("{observer} has an answer of {boot} and shows {subject} as {state} with {:?}", peer.peer.boot);
            self.broken(truth, "I5 a new boot ends old verdicts", what);
        }
    }

    /// **I11 15 s after everything has healed all are Alive and all views agree.**
    ///
    /// Claimed at the end of a run whose last 15 s (15 i where that is longer, and once the stalled wait of a slower profile has
    /// passed) brought no change, no stall and no fault between running hosts: every running process is Alive, by its
    /// boot, in every view; every ended one on a reachable host is Dead or Left in every view that ever knew it.
    pub(in crate::sim) fn healed(&mut self, truth: &Truth, observer: usize, view: &View, subjects: &[Option<usize>]) {
        let calm = Duration::from_secs(15).max(self.intervals(15.0));
        let running = |host: usize| truth.hosts[host].boot.is_some();
        let fit = |host: usize| !running(host) || truth.is_fit(host, calm);
        let clean = |a: usize, b: usize| !running(a) || !running(b) || truth.is_clean_for(a, b, calm);
        let healed = (0..self.hosts).all(|a| fit(a) && truth.others(a).all(|b| clean(a, b)));
        if !healed || truth.now.saturating_sub(truth.changed) < calm {
            return;
        }
        for (peer, subject) in view.peers.iter().zip(subjects) {
            let Some(subject) = *subject else { continue };
            let (state, boot) = (peer.peer.state, peer.peer.boot);
            let right = match truth.hosts[subject].boot {
                Some(real) => state == PeerState::Alive && boot == Some(real),
                None if boot.is_none() || !truth.clean(observer, subject).holds() => true,
                None => matches!(state, PeerState::Dead | PeerState::Left),
            };
            if !right {
                let (observer, subject) = (HostId(observer), HostId(subject));
                let what = format!("{observer} shows {subject} as {state} with {boot:?}");
                self.broken(truth, "I11 healed is healed", what);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! A checker that cannot fire proves nothing: each is shown one verdict that it must object to.

    use super::*;
    use crate::detector::event::PeerRef;
    use crate::detector::evidence::{Class, Evidence};
    use crate::detector::peer::{PeerId, PeerKey};
    use crate::detector::time::Monotonic;
    use crate::sim::network::Network;
    use crate::sim::scenario::LinkAct;

    const BOOT: BootId = BootId(7);

    fn event(state: PeerState, kind: EventKind) -> Event {
        let peer = PeerRef { id: PeerId(0), key: PeerKey("p".into()), node: None, boot: Some(BOOT), state, flaw: None };
        Event { at: Monotonic::default(), peer: Some(peer), kind }
    }

    fn down(evidence: Evidence) -> Event {
        let (prev, class) = (PeerState::Suspect, Class::Silent);
        let (silent_for, accusers) = (Duration::ZERO, Vec::new());
        let verdict = Verdict::Unconfirmed;
        event(PeerState::Dead, EventKind::PeerDown { prev, verdict, class, evidence, silent_for, accusers })
    }

    fn left() -> Event {
        event(PeerState::Left, EventKind::PeerLeft { prev: PeerState::Alive, witness: None })
    }

    /// The invariants that object when node-1 says `events` of node-2 in a mesh of three that has run for
    /// a minute, `wrong` being done to the network 20 s before.
    fn objections(wrong: impl Fn(&mut Network), events: &[Event]) -> Vec<&'static str> {
        let scenario = Scenario::new("checks", 3);
        let mut checks = Checks::new(&scenario, scenario.detector());
        let mut truth = Truth::new(3);
        let mut network = Network::new(&scenario);
        for host in 0..3 {
            truth.set_host(host, Some(BOOT), false, false);
        }
        truth.now = Duration::from_secs(40);
        wrong(&mut network);
        truth.set_links(&network);
        truth.now = Duration::from_secs(60);
        for peer in [1, 2] {
            checks.event(&truth, 0, Some(peer), &event(PeerState::Alive, EventKind::PeerJoined { rtt: None }));
        }
        for event in events {
            checks.event(&truth, 0, Some(1), event);
        }
        checks.finish().iter().map(|violation| &violation.invariant[..2]).collect()
    }

    #[test]
    fn every_checker_of_verdicts_can_object() {
        let whole = |_: &mut Network| {};
        let one_cut = |network: &mut Network| network.link(LinkAct::Cut, 0, 1);
        let isolated = |network: &mut Network| network.plug(0, false);
        assert_eq!(objections(whole, &[down(Evidence::Silent)]), ["I1", "I3", "I7"]);
        assert_eq!(objections(one_cut, &[down(Evidence::Silent)]), ["I7"], "only two reach it, itself included");
        assert_eq!(objections(isolated, &[down(Evidence::Silent)]), ["I9"]);
        assert_eq!(objections(isolated, &[down(Evidence::Refused)]), Vec::<&str>::new());
        assert_eq!(objections(isolated, &[left(), down(Evidence::Refused)]), ["I8"]);
        let returned = event(PeerState::Alive, EventKind::PeerReturned);
        assert_eq!(objections(isolated, &[left(), returned, down(Evidence::Refused)]), Vec::<&str>::new());
    }

    #[test]
    fn a_crash_that_nobody_notices_is_objected_to() {
        let scenario = Scenario::new("checks", 3);
        let mut checks = Checks::new(&scenario, scenario.detector());
        let mut truth = Truth::new(3);
        for host in 0..3 {
            truth.set_host(host, Some(BOOT), false, false);
        }
        let joined = event(PeerState::Alive, EventKind::PeerJoined { rtt: None });
        checks.event(&truth, 0, Some(1), &joined);
        truth.now = Duration::from_secs(40);
        checks.expect_crash(&truth, crate::sim::HostAct::Crash, 1);
        truth.set_host(1, None, false, false);
        truth.now += Duration::from_millis(500);
        checks.overdue(&truth);
        assert_eq!(checks.violations, [], "it is not too late yet");
        truth.now += Duration::from_millis(200);
        checks.overdue(&truth);
        assert_eq!(checks.violations.len(), 1, "node-1 knew it, node-3 never had");
        assert!(checks.violations[0].invariant.starts_with("I2"));
    }
}
