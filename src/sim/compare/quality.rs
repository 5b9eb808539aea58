//! The quality of service of a failure detector, as Chen, Toueg and Aguilera define it (On the Quality of Service of
//! Failure Detectors, DSN 2000): how fast it detects a failure, and how well it avoids mistakes.
//!
//! Their model is one process that watches another over one link. A mesh has many such pairs; the figures are over all of
//! them. A pair counts while both run, are not frozen, and could hear each other, from five seconds after that began: what
//! a detector still believes just after a recovery is not a mistake. A starved process counts as running, because that is
//! the case in which detectors err.

use std::time::Duration;

use super::opinions::Change;
use crate::baselines::Opinion;
use crate::sim::fault::{faults, steps_of};
use crate::sim::host_state::HostState;
use crate::sim::network::Network;
use crate::sim::scenario::{Action, HostId, Scenario};

/// From here on a pair counts.
const SETTLED: Duration = Duration::from_secs(5);

/// The figures of one or more runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// `T_D`: from a failure until an observer suspects it for good, one for each pair.
    pub detections: Vec<Duration>,
    /// Failures that an observer did not suspect until they ended.
    pub missed: usize,
    /// Suspicions of a process that was up.
    pub mistakes: usize,
    /// The time that these lasted, of all pairs.
    pub mistaken: Duration,
    /// The time for which pairs were up and could be suspected by mistake.
    pub up: Duration,
}

impl Quality {
    /// Suspected is what is believed at least as bad as `least`.
    pub(super) fn of(scenario: &Scenario, changes: &[Change], least: Opinion) -> Quality {
        let pairs = Pairs::new(scenario, changes, least);
        let mut quality = Quality::default();
        for (observer, subject, from, until) in up(scenario) {
            let suspected = pairs.suspected(observer, subject);
            let within = suspected.map(|(begin, end)| (begin.max(from), end.min(until)));
            for (begin, end) in within.filter(|(begin, end)| end > begin) {
                quality.mistakes += 1;
                quality.mistaken += end - begin;
            }
            quality.up += until - from;
        }
        let faults = faults(scenario);
        for fault in &faults {
            for observer in &fault.observers {
                // One that fails before it has judged shows neither.
                let own =
                    faults.iter().filter(|own| own.host == *observer && own.at > fault.at).map(|own| own.at).min();
                let until = own.map_or(fault.until, |own| own.min(fault.until));
                let mut suspected = pairs.suspected(*observer, fault.host);
                match suspected.find(|(begin, end)| *begin < until && *end >= until) {
                    Some((begin, _)) => quality.detections.push(begin.saturating_sub(fault.at)),
                    None if until == fault.until => quality.missed += 1,
                    None => {}
                }
            }
        }
        quality
    }

    /// With the figures of another run.
    pub fn add(&mut self, other: Quality) {
        self.detections.extend(other.detections);
        self.missed += other.missed;
        self.mistakes += other.mistakes;
        self.mistaken += other.mistaken;
        self.up += other.up;
    }

    /// The mean of `T_D`.
    pub fn detection_mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.detections.len()).ok().filter(|count| *count > 0)?;
        Some(self.detections.iter().sum::<Duration>() / count)
    }

    /// The longest `T_D`.
    pub fn detection_max(&self) -> Option<Duration> {
        self.detections.iter().max().copied()
    }

    /// The mean of `T_MR`, the time of one pair from a mistake to the next; `None` without a mistake.
    pub fn mistake_recurrence(&self) -> Option<Duration> {
        let count = u32::try_from(self.mistakes).ok().filter(|count| *count > 0)?;
        Some(self.up / count)
    }

    /// The mean of `T_M`, how long a mistake lasts; `None` without a mistake.
    pub fn mistake_duration(&self) -> Option<Duration> {
        let count = u32::try_from(self.mistakes).ok().filter(|count| *count > 0)?;
        Some(self.mistaken / count)
    }

    /// `P_A`: the probability that a process that is up is trusted at a random moment.
    pub fn accuracy(&self) -> Option<f64> {
        (self.up > Duration::ZERO).then(|| 1.0 - self.mistaken.as_secs_f64() / self.up.as_secs_f64())
    }
}

/// When each observer suspected each subject.
struct Pairs {
    nodes: usize,
    spans: Vec<Vec<(Duration, Duration)>>,
}

impl Pairs {
    fn new(scenario: &Scenario, changes: &[Change], least: Opinion) -> Pairs {
        let nodes = scenario.nodes;
        let mut spans = vec![Vec::new(); nodes * nodes];
        let mut since: Vec<Option<Duration>> = vec![None; nodes * nodes];
        for change in changes {
            let pair = change.observer.0 * nodes + change.subject.0;
            match (since[pair], change.opinion >= least) {
                (None, true) => since[pair] = Some(change.at),
                (Some(begin), false) => {
                    spans[pair].push((begin, change.at));
                    since[pair] = None;
                }
                (None, false) | (Some(_), true) => {}
            }
        }
        for (spans, since) in spans.iter_mut().zip(since) {
            spans.extend(since.map(|begin| (begin, scenario.length)));
        }
        Pairs { nodes, spans }
    }

    fn suspected(&self, observer: usize, subject: usize) -> impl Iterator<Item = (Duration, Duration)> + '_ {
        self.spans[observer * self.nodes + subject].iter().copied()
    }
}

/// Who could have heard whom, from when to when, without the first seconds of each time.
fn up(scenario: &Scenario) -> Vec<(usize, usize, Duration, Duration)> {
    let nodes = scenario.nodes;
    let mut network = Network::new(scenario);
    let mut hosts = HostState::all(scenario);
    let runs_both = |hosts: &[HostState], pair: usize| {
        let (observer, subject) = (pair / nodes, pair % nodes);
        observer != subject && hosts[observer].is_well() && hosts[subject].is_well()
    };
    let at_start = |pair| runs_both(&hosts, pair).then_some(Duration::ZERO);
    let mut since: Vec<Option<Duration>> = (0..nodes * nodes).map(at_start).collect();
    let mut found = Vec::new();
    let steps = steps_of(scenario);
    let ends = steps.iter().map(|(at, action)| (*at, Some(*action))).chain([(scenario.length, None)]);
    for (at, action) in ends {
        // A new process knows no one yet.
        let started = match action {
            Some(Action::Host(act, HostId(host))) => {
                let is_new = hosts[*host].gets_process(*act);
                hosts[*host] = hosts[*host].after(*act);
                is_new.then_some(*host)
            }
            _ => None,
        };
        if let Some(action) = action {
            network.apply(action);
        }
        for (pair, since) in since.iter_mut().enumerate() {
            let (observer, subject) = (pair / nodes, pair % nodes);
            let open = action.is_some() && runs_both(&hosts, pair) && network.is_open(observer, subject);
            let goes_on = open && started != Some(observer) && started != Some(subject);
            if !goes_on && let Some(from) = since.take() {
                found.push((observer, subject, from + SETTLED, at));
            }
            if open {
                since.get_or_insert(at);
            }
        }
    }
    found.retain(|(_, _, from, until)| from < until);
    found
}
