//! The conditions on a link that time alone can meet, each once.
//!
//! The judgement asks whether a timer [is due](Link::is_due), the schedule asks for the earliest moment of all of them
//! ([`Link::next_deadline`]), and both read the same entry. So a condition in this table cannot be judged without a
//! wake-up for it: a moment that the schedule missed would be a verdict that comes late, one too many costs a wake-up,
//! and wake-ups are what an idle node pays for.
//!
//! An entry gives moments, not a yes or no, and computes them from the link each time: nothing has to be set, moved or
//! cancelled when the link changes. Turned down: a timer object for each condition, which must be kept in step with
//! the state that it belongs to at every place that changes it.

use std::time::Duration;

use super::config::DetectorConfig;
use super::limits::{CHECK_GAP, LONE_WORD};
use super::link::Link;
use super::link::requests::Attempt;
use super::peer::{PeerState, Verdict};
use super::time::ObserverTime;
use crate::closed_set::closed_set;

closed_set! {
    /// What a link waits for.
    pub(crate) enum Timer {
        /// This interval's ping starts.
        NextPing,
        /// The check of a suspect starts.
        NextCheck,
        /// Witnesses are asked again.
        NextQuestion,
        /// The event stream is opened again.
        Reopen,
        /// The scheduled ping is later than this link's round trips allow.
        PingLate,
        /// The scheduled ping counts as failed.
        PingTimeout,
        /// A check that connected counts as stalled.
        CheckStalled,
        /// A check that has not connected is given up, a little after the runtime should have done so.
        CheckUnconnected,
        /// A second check that has not connected counts as refused.
        CheckGone,
        /// The ping for a witness's testimony counts as failed: an answer within an interval was asked for, and a peer
        /// that stalls longer has not answered.
        WitnessPing,
        /// A peer that has never answered is reported.
        NeverSeen,
        /// The peer no longer counts as flapping.
        FlapsClear,
        /// My own wait is over: my pings have had no answer for the wait of the class.
        LinkWait,
        /// The wait for an accusation is over: there was no proof of life of any kind.
        ProofWait,
        /// Observers that cannot speak are no longer waited for.
        Overtime,
        /// One observer that does not accuse the peer, while all others do, or that is heard and cannot be asked, no longer
        /// holds a verdict up.
        LoneObjection,
        /// Nothing has shown or said that the peer is there for the silent wait and an interval: if most peers are unheard, I
        /// am cut off. The interval is what tells a node that begins to read late from one that reads nothing; where nothing can
        /// be sent there is no doubt.
        CutOffWait,
        /// A witness no longer vouches.
        VoucherEnds,
        /// The peer's own ping no longer vouches.
        OwnPingEnds,
        /// Another observer's accusation lapses.
        AccuserLapses,
        /// A verdict no longer waits for a witness that was asked before it and has not answered.
        LastCallEnds,
        /// The peer's watch list was asked for and has not come: it no longer counts as an observer of peers that it may
        /// not have met.
        ListOverdue,
    }
}

impl Timer {
    /// A peer may be late, failed or dead then; the others only send something.
    fn judges(self) -> bool {
        !matches!(self, Timer::NextPing | Timer::NextCheck | Timer::NextQuestion | Timer::Reopen)
    }

    /// It is part of the judgement of a suspect, unreachable or dead link.
    fn is_of_judgement(self) -> bool {
        use Timer::{
            AccuserLapses, CutOffWait, LastCallEnds, LinkWait, LoneObjection, Overtime, OwnPingEnds, ProofWait,
            VoucherEnds,
        };
        matches!(
            self,
            LinkWait
                | ProofWait
                | Overtime
                | LoneObjection
                | CutOffWait
                | VoucherEnds
                | OwnPingEnds
                | AccuserLapses
                | LastCallEnds
        )
    }

    /// The moment stays where it is when it has come, so only while it lies ahead there is something to wait for.
    fn stays(self) -> bool {
        self.is_of_judgement() || matches!(self, Timer::NeverSeen | Timer::FlapsClear)
    }
}

impl Link {
    /// Whether the moment of this timer has come.
    pub(crate) fn is_due(&self, timer: Timer, config: &DetectorConfig, now: ObserverTime) -> bool {
        self.moment(timer, config).is_some_and(|at| now >= at)
    }

    /// Whether the moment of this timer has come for one of the open checks.
    pub(crate) fn is_check_due(
        &self,
        check: &Attempt,
        timer: Timer,
        config: &DetectorConfig,
        now: ObserverTime,
    ) -> bool {
        self.moment_of_check(check, timer, config).is_some_and(|at| now >= at)
    }

    /// The earliest moment at which this link has something to do. The flag says that it judges the peer.
    pub(crate) fn next_deadline(&self, config: &DetectorConfig, now: ObserverTime) -> (ObserverTime, bool) {
        let in_judgement = self.in_doubt();
        let mut first: Option<(ObserverTime, bool)> = None;
        for timer in Timer::ALL.into_iter().filter(|timer| in_judgement || !timer.is_of_judgement()) {
            self.each_moment(timer, config, |at| {
                if at > now || !timer.stays() {
                    // Of two at the same moment the one that judges counts.
                    let entry = (at, !timer.judges());
                    first = Some(first.map_or(entry, |first| first.min(entry)));
                }
            });
        }
        first.map_or((now + config.interval, false), |(at, only_sends)| (at, !only_sends))
    }

    fn each_moment(&self, timer: Timer, config: &DetectorConfig, mut give: impl FnMut(ObserverTime)) {
        match timer {
            Timer::CheckStalled | Timer::CheckUnconnected | Timer::CheckGone => {
                self.requests
                    .checks()
                    .iter()
                    .filter_map(|check| self.moment_of_check(check, timer, config))
                    .for_each(give);
            }
            Timer::VoucherEnds => self.hearsay.vouched_until().for_each(give),
            Timer::AccuserLapses => self.hearsay.accusers().iter().for_each(|accuser| give(accuser.until)),
            Timer::LastCallEnds => self.questions.last_calls(config.interval).for_each(|(_, ends)| give(ends)),
            _ => self.moment(timer, config).into_iter().for_each(give),
        }
    }

    /// When the timer runs out, of those that a link has once.
    fn moment(&self, timer: Timer, config: &DetectorConfig) -> Option<ObserverTime> {
        match timer {
            Timer::NextPing => self.requests.scheduled().is_none().then(|| self.requests.next_ping()),
            Timer::NextCheck => self.requests.next_check(),
            Timer::NextQuestion => self.questions.next(),
            Timer::Reopen => self.stream.reopen(),
            Timer::PingLate => {
                let ping = self.requests.scheduled().filter(|ping| !ping.late && !ping.tainted)?;
                let judged = self.state() == PeerState::Alive && self.proofs.has_opinion();
                judged.then(|| ping.begun + self.rtt.bound(config.interval))
            }
            Timer::PingTimeout => self.requests.scheduled().map(|ping| ping.begun + config.ping_timeout),
            Timer::WitnessPing => self.requests.for_witness().map(|ping| ping.begun + config.interval.max(CHECK_GAP)),
            Timer::NeverSeen => {
                let unreported = self.state() == PeerState::Joining && self.verdict() != Some(Verdict::NeverSeen);
                unreported.then(|| self.proofs.added() + config.wait_stalled)
            }
            Timer::FlapsClear => self.flaps.clears_at(),
            Timer::LinkWait => self.wait(config).map(|wait| self.proofs.link_base() + wait),
            Timer::ProofWait => self.wait(config).map(|wait| self.proofs.proof_base() + wait),
            Timer::Overtime => {
                let vouched = self.hearsay.vouched_until().max().unwrap_or_default();
                self.wait(config).map(|wait| (self.proofs.proof_base() + wait).max(vouched) + config.interval * 2)
            }
            Timer::LoneObjection => self.wait(config).map(|wait| self.proofs.proof_base() + wait + LONE_WORD),
            Timer::CutOffWait => {
                let may_be_late = if self.is_unsent() { Duration::ZERO } else { config.interval };
                self.wait(config).map(|_| self.last_heard_of(config) + config.wait_silent + may_be_late)
            }
            Timer::OwnPingEnds => self.hearsay.own_ping_until(),
            Timer::ListOverdue => self.reported.list_asked().map(|asked| asked + config.interval * 3),
            // A link has several of these; see `each_moment`.
            Timer::CheckStalled
            | Timer::CheckUnconnected
            | Timer::CheckGone
            | Timer::VoucherEnds
            | Timer::AccuserLapses
            | Timer::LastCallEnds => None,
        }
    }

    fn moment_of_check(&self, check: &Attempt, timer: Timer, config: &DetectorConfig) -> Option<ObserverTime> {
        if check.counted {
            return None;
        }
        match (timer, check.connected) {
            (Timer::CheckStalled, Some(connected)) => Some(connected + CHECK_GAP),
            (Timer::CheckUnconnected, None) => Some(check.begun + config.connect_timeout + CHECK_GAP),
            (Timer::CheckGone, None) if !check.tainted => self.trail.gone_at(check.begun),
            _ => None,
        }
    }
}
