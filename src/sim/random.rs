//! Schedules from a seed: what no one would have thought of.
//!
//! A mesh of two to seven nodes, a few troubles that overlap, then everything
//! is repaired and watched until it should be well again. Troubles often share
//! one instant, because that is where orders of events go wrong.

use std::time::Duration;

use super::delay::Delay;
use super::rng::Rng;
use super::scenario::{Action, Direction, HostAct, HostId, LinkAct, Names, Profile, Scenario, Step};

const SECOND: Duration = Duration::from_secs(1);
/// All nodes have met and the estimators have their samples.
const QUIET_START: Duration = Duration::from_secs(8);
/// Troubles begin within this span.
const TROUBLE: Duration = Duration::from_secs(14);
/// What invariant I11 needs to judge, and a little.
const QUIET_END: Duration = Duration::from_secs(18);

/// A larger mesh is not split: from nine nodes on both sides can hold a quorum of three, and then the larger one is right to
/// call nodes of the other dead that three others reach, which invariant I1 denies.
const SPLIT_NODES_MAX: usize = 7;

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
    scenario.latency = Delay::Uniform(Duration::from_micros(100 * slow), Duration::from_micros(500 * slow));
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

/// The schedule of this seed in which observers are sick: a host loses 20 to 90 % of its packets, all of them or those of
/// one direction, or a group of 1 to 20 % of the nodes reads late; beside it an ordinary trouble or two.
pub fn random_sick(seed: u64) -> Scenario {
    let dice = &mut Rng::new(seed ^ 0x51c4_0b5e_51c4_0b5e);
    let nodes = [3, 4, 5, 5, 7, 7, 10, 10, 15, 20][dice.below(10)];
    let mut scenario = Scenario::new(&format!("sick-{seed}"), nodes);
    scenario.about = "a schedule made of chance, with sick observers".to_owned();
    scenario.streams = dice.percent(50);
    scenario.names = if dice.percent(50) { Names::Pinned } else { Names::Declared };
    let mut end = QUIET_START;
    for _ in 0..=dice.below(2) {
        let at = QUIET_START + dice.between(Duration::ZERO, TROUBLE);
        let lasting = dice.between(5 * SECOND, 60 * SECOND);
        sickness(dice, &mut scenario, at, lasting);
        end = end.max(at + lasting);
    }
    for _ in 0..dice.below(3) {
        let at = QUIET_START + dice.between(Duration::ZERO, TROUBLE);
        let lasting = dice.between(SECOND / 10, 13 * SECOND);
        trouble(dice, &mut scenario, at, lasting);
        end = end.max(at + lasting);
    }
    repair(&mut scenario, end + SECOND / 10);
    scenario.length = end + QUIET_END;
    scenario.steps.sort_by_key(|step| step.at);
    scenario
}

fn sickness(dice: &mut Rng, scenario: &mut Scenario, at: Duration, lasting: Duration) {
    let nodes = scenario.nodes;
    let first = dice.below(nodes);
    let over = at + lasting;
    if dice.percent(50) {
        let direction = [Direction::Both, Direction::Both, Direction::From, Direction::To][dice.below(4)];
        let loss = |percent| Action::HostLoss(direction, HostId(first), percent);
        scenario.steps.push(Step { at, action: loss(20 + dice.below(71) as u8) });
        scenario.steps.push(Step { at: over, action: loss(0) });
        return;
    }
    let share = 1 + dice.below(20);
    let group = (nodes * share / 100).max(1);
    for host in (0..group).map(|next| HostId((first + next) % nodes)) {
        scenario.steps.push(Step { at, action: Action::Host(HostAct::Starve, host) });
        scenario.steps.push(Step { at: over, action: Action::Host(HostAct::Feed, host) });
    }
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
        _ if nodes <= SPLIT_NODES_MAX => (halves(dice, nodes), Action::Heal),
        _ => (link(LinkAct::Cut), link(LinkAct::Mend)),
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
            for scenario in [random(seed), random_sick(seed)] {
                assert_eq!(scenario.to_string().parse().as_ref(), Ok(&scenario), "seed {seed}");
            }
        }
    }

    #[test]
    fn sick_schedules_have_every_sickness_in_its_bounds() {
        let mut losses = std::collections::BTreeSet::new();
        let mut groups = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let scenario = random_sick(seed);
            let starves = |step: &&Step| matches!(step.action, Action::Host(HostAct::Starve, _));
            for step in &scenario.steps {
                if let Action::HostLoss(direction, _, percent @ 1..) = step.action {
                    assert!((20..=90).contains(&percent), "seed {seed}");
                    losses.insert(direction as u8);
                }
            }
            for at in scenario.steps.iter().filter(starves).map(|step| step.at) {
                let group = scenario.steps.iter().filter(starves).filter(|step| step.at == at).count();
                assert!(group == 1 || group * 5 <= scenario.nodes, "seed {seed}: {group} of {}", scenario.nodes);
                groups.insert(group);
            }
        }
        assert_eq!(losses.len(), 3, "both directions, and each alone");
        assert!(groups.len() >= 3, "groups of {groups:?}");
    }
}
