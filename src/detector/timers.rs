//! When does a link have something to do?
//!
//! Everything that time alone can change about a link is listed here; what only
//! inputs change is not. A moment that is missing here is a verdict that comes
//! late; one too many costs a wake-up, and wake-ups are what an idle node pays for.

use super::config::DetectorConfig;
use super::limits::CHECK_GAP;
use super::link::Link;
use super::peer::PeerState;
use super::time::ObserverTime;

impl Link {
    /// The earliest moment at which this link has something to do. The flag
    /// says that it judges somebody.
    pub(crate) fn next_deadline(&self, config: &DetectorConfig, now: ObserverTime) -> (ObserverTime, bool) {
        let mut sends = self.next_ping_due();
        let judges = [self.attempt_deadline(config), self.judgement_deadline(config, now)];
        let judge = judges.into_iter().flatten().min();
        for at in [self.next_check, self.next_ask, self.reopen].into_iter().flatten() {
            sends = Some(sends.map_or(at, |s| s.min(at)));
        }
        match (sends, judge) {
            (Some(send), Some(judge)) if send < judge => (send, false),
            (_, Some(judge)) => (judge, true),
            (Some(send), None) => (send, false),
            (None, None) => (now + config.interval, false),
        }
    }

    fn next_ping_due(&self) -> Option<ObserverTime> {
        self.scheduled.is_none().then_some(self.next_ping)
    }

    fn attempt_deadline(&self, config: &DetectorConfig) -> Option<ObserverTime> {
        let mut first: Option<ObserverTime> = None;
        let mut at = |candidate: ObserverTime| first = Some(first.map_or(candidate, |f| f.min(candidate)));
        if let Some(ping) = &self.scheduled {
            at(ping.begun + config.ping_timeout);
            if !ping.late && !ping.tainted && self.state == PeerState::Alive && self.blind.is_none() {
                at(ping.begun + self.rtt.bound(config.interval));
            }
        }
        for check in self.checks.iter().filter(|check| !check.counted) {
            match check.connected {
                Some(connected) => at(connected + CHECK_GAP),
                None => {
                    at(check.begun + config.connect_timeout + CHECK_GAP);
                    if let Some(gone) = self.trail.gone_at(check.begun).filter(|_| !check.tainted) {
                        at(gone);
                    }
                }
            }
        }
        if let Some(ping) = &self.witness_ping {
            at(ping.begun + config.interval.max(CHECK_GAP));
        }
        first
    }

    /// Moments at which a verdict may change without any input.
    fn judgement_deadline(&self, config: &DetectorConfig, now: ObserverTime) -> Option<ObserverTime> {
        let mut times: Vec<ObserverTime> = Vec::new();
        if !self.never_seen_told && self.state == PeerState::Joining {
            times.push(self.added + config.wait_stalled);
        }
        times.extend(self.flaps.clears_at());
        if matches!(self.state, PeerState::Suspect | PeerState::Unreachable) {
            if let Some(wait) = self.wait(config) {
                let met = self.proof_base() + wait;
                times.extend([self.link_base() + wait, met, self.overtime(config, wait)]);
                times.push(self.fell_silent(config) + config.wait_silent);
            }
            times.extend(self.vetoes.values().copied());
            times.extend(self.ping_veto);
            times.extend(self.accusers.iter().map(|accuser| accuser.until));
        }
        times.into_iter().filter(|at| *at > now).min()
    }
}
