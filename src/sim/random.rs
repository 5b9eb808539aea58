//! Schedules from a seed: what no one would have thought of.
//!
//! A mesh of two to seven nodes, a few troubles that overlap, then everything
//! is repaired and watched until it should be well again. Troubles often share
//! one instant, because that is where orders of events go wrong.

use std::time::Duration;

use super::rng::Rng;
use super::scenario::{Action, HostAct, HostId, LinkAct, Names, Profile, Scenario, Step};

const SECOND: Duration = Duration::from_secs(1);
/// All nodes have met and the estimators have their samples.
const QUIET_START: Duration = Duration::from_secs(8);
/// Troubles begin within this span.
const TROUBLE: Duration = Duration::from_secs(14);
/// What invariant I11 needs to judge, and a little.
const QUIET_END: Duration = Duration::from_secs(18);

/// The schedule of this seed.
pub fn random(seed: u64) -> Scenario {
    // The run draws from the seed as well; the schedule must not draw the same numbers.
    let dice = &mut Rng::new(seed ^ 0x5ce0_a210_5ce0_a210);
    let nodes = [2, 3, 3, 3, 4, 4, 5, 5, 6, 7][dice.below(10)];
    let mut scenario = Scenario::new(&format!("random-{seed}"), nodes);
    scenario.about = "a schedule made of chance".to_owned();
    scenario.streams = dice.percent(50);
    scenario.names = if dice.percent(50) { Names::Pinned } else { Names::Declared };
    scenario.profile = [Profile::Balanced, Profile::Balanced, Profile::Balanced, Profile::Fast][dice.below(4)];
    let slow = [1, 1, 1, 10, 40][dice.below(5)];
    scenario.latency = (Duration::from_micros(100 * slow), Duration::from_micros(500 * slow));
    let mut end = QUIET_START;
    let mut instant = QUIET_START;
    for number in 0..=dice.below(5) {
        if number == 0 || dice.percent(70) {
            instant = QUIET_START + dice.between(Duration::ZERO, TROUBLE);
        }
        let lasting = dice.between(SECOND / 10, 13 * SECOND);
        trouble(dice, &mut scenario, instant, lasting);
        end = end.max(instant + lasting);
    }
    repair(&mut scenario, end + SECOND / 10);
    scenario.length = end + QUIET_END;
    scenario.steps.sort_by_key(|step| step.at);
    scenario
}

/// One thing that goes wrong at `at` and, mostly, ends `lasting` later.
fn trouble(dice: &mut Rng, scenario: &mut Scenario, at: Duration, lasting: Duration) {
    let nodes = scenario.nodes;
    let host = HostId(dice.below(nodes));
    let other = HostId((host.0 + 1 + dice.below(nodes - 1)) % nodes);
    let over = at + lasting;
    let act = |act| Action::Host(act, host);
    let link = |act| Action::Link(act, host, other);
    let pair = match dice.below(16) {
        0 | 1 => (act(HostAct::Crash), act(HostAct::Start)),
        2 => (act(HostAct::CrashContainer), act(HostAct::Start)),
        3 => (act(HostAct::PowerOff), act(HostAct::Start)),
        4 => (act(HostAct::Restart), Action::Heal),
        5 | 6 => (act(HostAct::Freeze), act(HostAct::Thaw)),
        7 => (act(HostAct::Starve), act(HostAct::Feed)),
        8 => (act(HostAct::Leave), act(HostAct::Start)),
        9 => (act(HostAct::Unplug), act(HostAct::Plug)),
        10 => (link(LinkAct::Cut), link(LinkAct::Mend)),
        11 => (link(LinkAct::Drop), link(LinkAct::Mend)),
        12 => (link(LinkAct::Block), link(LinkAct::Mend)),
        13 => (link(LinkAct::Reject), link(LinkAct::Mend)),
        14 => (link(LinkAct::Loss(20 + 10 * dice.below(5) as u8)), link(LinkAct::Mend)),
        _ => (halves(dice, nodes), Action::Heal),
    };
    scenario.steps.push(Step { at, action: pair.0 });
    scenario.steps.push(Step { at: over, action: pair.1 });
}

fn halves(dice: &mut Rng, nodes: usize) -> Action {
    let mut groups = vec![Vec::new(), Vec::new()];
    for host in 0..nodes {
        groups[dice.below(2)].push(HostId(host));
    }
    groups.retain(|group| !group.is_empty());
    Action::Split(groups)
}

/// Network, stalls and power as they were at the beginning. Some hosts stay down, so that views of
/// the dead are compared too.
fn repair(scenario: &mut Scenario, at: Duration) {
    scenario.steps.push(Step { at, action: Action::Heal });
    for host in (0..scenario.nodes).map(HostId) {
        for act in [HostAct::Thaw, HostAct::Feed] {
            scenario.steps.push(Step { at, action: Action::Host(act, host) });
        }
        let stays_down = at.as_micros().is_multiple_of(3) && host.0 == 0;
        if !stays_down {
            scenario.steps.push(Step { at, action: Action::Host(HostAct::Start, host) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_schedules_print_and_read_back() {
        for seed in 0..500 {
            let scenario = random(seed);
            assert_eq!(scenario.to_string().parse().as_ref(), Ok(&scenario), "seed {seed}");
        }
    }
}
