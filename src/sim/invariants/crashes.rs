//! I2: who has to notice a crash, and by when.

use std::time::Duration;

use super::{Checks, Expectation};
use crate::detector::limits::CHECK_GAP;
use crate::detector::peer::PeerState;
use crate::sim::scenario::{HostAct, HostId};
use crate::sim::truth::Truth;

impl Checks {
    /// A process is about to be killed: which observers must report it, and by when, is settled now.
    ///
    /// **I2 a crash is Dead at every connected observer within its class wait and 300 ms after the last needed check ended.**
    ///
    /// Claimed for a process that had been fit for 5 i and known to the observer by this boot. *Quiet*: nothing else was wrong
    /// or happened for 12 i before and until the deadline; the bound is then the class wait, the time until the last
    /// needed check ends, 300 ms and six packets. Otherwise, for crashes that refuse only: all observers that run and
    /// all links between running hosts were fit or frozen, and clean, for 5 i before and until the deadline, which is three
    /// intervals later (that is how long an observer that cannot speak is waited for).
    /// Exempt: starved observers, and meshes where one is starved; observers frozen meanwhile; anybody while any
    /// link is at fault; silent hosts in a mesh with other troubles, because of the half rule.
    pub(in crate::sim) fn expect_crash(&mut self, truth: &Truth, act: HostAct, subject: usize) {
        let Some(boot) = truth.hosts[subject].boot else { return };
        if !truth.is_fit(subject, self.intervals(5.0)) {
            return;
        }
        let links = (0..self.hosts).all(|a| truth.others(a).all(|b| truth.clean(a, b).holds()));
        let fit = (0..self.hosts).all(|host| truth.hosts[host].healthy.holds());
        let quiet = links && fit && truth.now.saturating_sub(truth.changed) >= self.intervals(12.0);
        if !quiet && act != HostAct::Crash {
            return;
        }
        let extra = if quiet { Duration::ZERO } else { self.intervals(3.3) };
        let by = truth.now + self.crash_bound(act) + extra;
        self.expected.push(Expectation { subject, boot, at: truth.now, by, quiet, steps: truth.steps });
    }

    /// From the end of a process to the last verdict about it, in a quiet mesh.
    fn crash_bound(&self, act: HostAct) -> Duration {
        let ms = Duration::from_millis;
        let config = &self.config;
        // Without streams the next scheduled ping notices, and an accusation travels with another node's next answer.
        let unnoticed = if self.streams { Duration::ZERO } else { self.intervals(2.2) };
        // The second check begins a gap after the first.
        let gone = config.wait_gone.max(CHECK_GAP) + unnoticed;
        // A ping that is just begun when the packets stop is late after an interval at most, then one check takes its whole limit.
        let noticed = self.intervals(2.1) + config.connect_timeout;
        let silent = config.wait_silent.max(noticed) + if self.streams { Duration::ZERO } else { self.intervals(1.1) };
        let quick_network = self.latency <= ms(5);
        let wait = match act {
            HostAct::Crash => gone,
            HostAct::CrashContainer if quick_network && self.streams => gone + ms(200),
            _ => silent.max(gone),
        };
        wait + ms(300) + self.latency * 6
    }

    /// Expectations that have come due; see [`Checks::expect_crash`].
    pub(in crate::sim) fn overdue(&mut self, truth: &Truth) {
        while let Some(index) = self.expected.iter().position(|expected| expected.by <= truth.now) {
            let expected = self.expected.swap_remove(index);
            for observer in truth.others(expected.subject).collect::<Vec<_>>() {
                if self.had_to_notice(truth, &expected, observer) {
                    let state = self.beliefs[observer][expected.subject].state;
                    let after = expected.by - expected.at;
                    let (observer, subject) = (HostId(observer), HostId(expected.subject));
                    let what = format!("{subject} ended {after:?} ago and is {state} at {observer}");
                    self.broken(truth, "I2 a crash is seen in time", what);
                }
            }
        }
    }

    fn had_to_notice(&self, truth: &Truth, expected: &Expectation, observer: usize) -> bool {
        let belief = &self.beliefs[observer][expected.subject];
        if belief.boot != Some(expected.boot) || belief.state == PeerState::Dead || belief.state == PeerState::Left {
            return false;
        }
        if truth.hosts[expected.subject].boot.is_some() {
            return false;
        }
        if expected.quiet {
            return truth.steps == expected.steps;
        }
        let window = truth.now.saturating_sub(expected.at) + self.intervals(5.0);
        let running: Vec<usize> = (0..self.hosts).filter(|host| truth.hosts[*host].boot.is_some()).collect();
        let clean =
            |a: usize| running.iter().chain([&expected.subject]).all(|b| a == *b || truth.is_clean_for(a, *b, window));
        let starved = |host: usize| truth.hosts[host].starved.held_within(truth.now, window);
        truth.is_fit(observer, window)
            && running.iter().all(|host| clean(*host) && !starved(*host))
            && running.iter().all(|host| truth.hosts[*host].running.held_for(truth.now) >= window)
    }
}
