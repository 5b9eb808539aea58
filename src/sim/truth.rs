//! What is really the case, kept beside the run for the invariants. No node sees it.

use std::time::Duration;

use super::network::Network;
use crate::detector::peer::BootId;

/// Since when something holds, or when it last did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Since(Duration),
    Until(Duration),
    Never,
}

impl Held {
    fn set(&mut self, now: Duration, holds: bool) {
        *self = match (*self, holds) {
            (Held::Since(_), true) | (Held::Until(_) | Held::Never, false) => *self,
            (Held::Since(_), false) => Held::Until(now),
            (Held::Until(_) | Held::Never, true) => Held::Since(now),
        }
    }

    /// For how long it has held without a break; zero when it does not hold.
    pub(super) fn held_for(self, now: Duration) -> Duration {
        match self {
            Held::Since(since) => now.saturating_sub(since),
            Held::Until(_) | Held::Never => Duration::ZERO,
        }
    }

    /// It held at some moment within the last `window`.
    pub(super) fn held_within(self, now: Duration, window: Duration) -> bool {
        match self {
            Held::Since(_) => true,
            Held::Until(until) => now.saturating_sub(until) <= window,
            Held::Never => false,
        }
    }

    /// For how long it has not held; zero while it does.
    pub(super) fn gone_for(self, now: Duration) -> Duration {
        match self {
            Held::Since(_) => Duration::ZERO,
            Held::Until(until) => now.saturating_sub(until),
            Held::Never => now,
        }
    }

    pub(super) fn holds(self) -> bool {
        matches!(self, Held::Since(_))
    }
}

/// The state of one host's process, as only the simulator knows it.
#[derive(Clone, Debug)]
pub(super) struct HostTruth {
    /// The boot of the running process.
    pub boot: Option<BootId>,
    pub running: Held,
    pub frozen: Held,
    pub starved: Held,
    /// Runs, unfrozen and unstarved.
    pub healthy: Held,
}

/// The whole truth. Links are kept for small meshes only: n squared of them.
pub(super) struct Truth {
    pub now: Duration,
    pub hosts: Vec<HostTruth>,
    clean: Vec<Held>,
    open: Vec<Held>,
    arriving: Vec<Held>,
    rejecting: Vec<Held>,
    /// When anything last changed: a step, a start, an end.
    pub changed: Duration,
    /// Steps of the scenario so far.
    pub steps: usize,
    links_kept: bool,
}

/// Up to this many hosts the links are kept, and the invariants checked: n squared of them at every step.
pub(super) const LINKS_KEPT_UP_TO: usize = 32;

impl Truth {
    pub(super) fn new(hosts: usize) -> Truth {
        let host = HostTruth {
            boot: None,
            running: Held::Never,
            frozen: Held::Never,
            starved: Held::Never,
            healthy: Held::Never,
        };
        let links_kept = hosts <= LINKS_KEPT_UP_TO;
        let pairs = if links_kept { hosts * hosts } else { 0 };
        Truth {
            now: Duration::ZERO,
            hosts: vec![host; hosts],
            clean: vec![Held::Since(Duration::ZERO); pairs],
            open: vec![Held::Since(Duration::ZERO); pairs],
            arriving: vec![Held::Since(Duration::ZERO); pairs],
            rejecting: vec![Held::Never; pairs],
            changed: Duration::ZERO,
            steps: 0,
            links_kept,
        }
    }

    pub(super) fn set_host(&mut self, host: usize, boot: Option<BootId>, frozen: bool, starved: bool) {
        let now = self.now;
        let truth = &mut self.hosts[host];
        if truth.boot != boot {
            truth.running.set(now, false);
            truth.healthy.set(now, false);
        }
        truth.boot = boot;
        let running = boot.is_some();
        truth.running.set(now, running);
        truth.frozen.set(now, running && frozen);
        truth.starved.set(now, running && starved);
        truth.healthy.set(now, running && !frozen && !starved);
        self.changed = now;
    }

    pub(super) fn set_links(&mut self, network: &Network) {
        self.changed = self.now;
        if !self.links_kept {
            return;
        }
        let hosts = self.hosts.len();
        for a in 0..hosts {
            for b in 0..hosts {
                let pair = a * hosts + b;
                self.clean[pair].set(self.now, network.is_clean(a, b));
                self.open[pair].set(self.now, network.is_open(a, b));
                self.arriving[pair].set(self.now, network.is_arriving(a, b));
                self.rejecting[pair].set(self.now, network.is_rejecting(a, b));
            }
        }
    }

    pub(super) fn clean(&self, a: usize, b: usize) -> Held {
        self.clean[a * self.hosts.len() + b]
    }

    pub(super) fn open(&self, a: usize, b: usize) -> Held {
        self.open[a * self.hosts.len() + b]
    }

    pub(super) fn arriving(&self, from: usize, to: usize) -> Held {
        self.arriving[from * self.hosts.len() + to]
    }

    pub(super) fn rejecting(&self, a: usize, b: usize) -> Held {
        self.rejecting[a * self.hosts.len() + b]
    }

    /// `boot` of `host` has run, unfrozen and unstarved, for at least `window`.
    pub(super) fn is_fit(&self, host: usize, window: Duration) -> bool {
        self.hosts[host].healthy.holds() && self.hosts[host].healthy.held_for(self.now) >= window
    }

    /// The link has been whole for at least `window`.
    pub(super) fn is_clean_for(&self, a: usize, b: usize, window: Duration) -> bool {
        self.clean(a, b).holds() && self.clean(a, b).held_for(self.now) >= window
    }

    pub(super) fn others(&self, host: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.hosts.len()).filter(move |other| *other != host)
    }
}
