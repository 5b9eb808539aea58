//! The faults of hosts that others may call down, as the steps of a scenario say them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::host_state::HostState;
use super::scenario::{Action, HostAct, HostId, Scenario};

/// A fault of one host that the others may call down.
pub(super) struct Fault {
    pub host: usize,
    pub at: Duration,
    /// When the scenario did something else to it.
    pub until: Duration,
    /// Those that ran and could be heard when it happened.
    pub observers: BTreeSet<usize>,
}

/// What the scenario does within its length, in the order in which it happens.
pub(super) fn steps_of(scenario: &Scenario) -> Vec<(Duration, &Action)> {
    let mut steps: Vec<(Duration, &Action)> = scenario.steps.iter().map(|step| (step.at, &step.action)).collect();
    steps.retain(|(at, _)| *at <= scenario.length);
    steps.sort_by_key(|(at, _)| *at);
    steps
}

pub(super) fn faults(scenario: &Scenario) -> Vec<Fault> {
    let mut hosts = HostState::all(scenario);
    let mut faults: Vec<Fault> = Vec::new();
    let end = scenario.length;
    // What happens at one instant happens at once: nobody is left to observe the other.
    for together in steps_of(scenario).chunk_by(|one, other| one.0 == other.0) {
        let at = together[0].0;
        let mut new = Vec::new();
        for (_, action) in together {
            let Action::Host(act, HostId(host)) = action else {
                if **action == Action::Heal {
                    hosts.iter_mut().for_each(|host| host.unplugged = false);
                }
                continue;
            };
            faults
                .iter_mut()
                .filter(|fault| fault.host == *host && fault.until == end)
                .for_each(|fault| fault.until = at);
            let was_well = hosts[*host].is_well();
            hosts[*host] = hosts[*host].after(*act);
            // A goodbye is no fault.
            if was_well && !hosts[*host].is_well() && *act != HostAct::Leave {
                new.push(*host);
            }
        }
        let observers: BTreeSet<usize> = (0..hosts.len()).filter(|host| hosts[*host].is_well()).collect();
        faults.extend(new.into_iter().map(|host| Fault { host, at, until: end, observers: observers.clone() }));
    }
    faults
}
