//! The experiments of the papers, by name: which schedules, with which detectors.
//!
//! The papers ran their own programs on their own machines and networks. What is repeated here is the question, on our
//! network model; each experiment says what differs.

use super::schedule::{Case, Schedule};
use crate::sim::{Contender, InvalidScenario};

/// The name of a case, its scenario without the first line, and who plays it.
type Part = (String, String, &'static [Contender]);

/// One experiment.
pub(super) struct Experiment {
    pub name: &'static str,
    pub shows: &'static str,
    /// Whose experiment it is, and what differs.
    pub source: &'static str,
    /// Seeds, unless others are asked for: so many that the table ends within about a minute on one core.
    pub seeds: u64,
    /// How long these seeds take, in a release build.
    pub takes: &'static str,
    cases: fn() -> Vec<Part>,
}

const HEARTBEATS: &[Contender] = &[
    Contender::Ours,
    Contender::FixedTight,
    Contender::Fixed,
    Contender::ChenTight,
    Contender::Chen,
    Contender::ChenWide,
    Contender::PhiTight,
    Contender::Phi,
];
const ONE_OF_EACH: &[Contender] =
    &[Contender::Ours, Contender::Fixed, Contender::Chen, Contender::Phi, Contender::Swim, Contender::Lifeguard];
/// One for each way to send; in large meshes the first ones take too long, so these two begin with the slowest.
const LOADS: &[Contender] = &[Contender::Ours, Contender::Fixed, Contender::Swim, Contender::Lifeguard];

/// All experiments.
pub(super) const EXPERIMENTS: &[Experiment] = &[
    Experiment {
        name: "chen",
        shows: "detection time against mistakes, on one link",
        source: "after Chen, Toueg and Aguilera, DSN 2000: a heartbeat each second, 1 % lost, delays exponential with a \
                 mean of 20 ms; there one process watches another, here each watches the other",
        seeds: 5,
        takes: "1 s",
        cases: || {
            let text = "nodes 2\nlatency exponential 1us 20ms\nlength 2000s\nat 0s loss all 1%\nat 1980s crash node-2";
            vec![("1 % lost".to_owned(), text.to_owned(), HEARTBEATS)]
        },
    },
    Experiment {
        name: "swim-load",
        shows: "what each node sends, as the mesh grows",
        source: "after Das, Gupta and Motivala, DSN 2002: the load of SWIM does not depend on the number of nodes; ours \
                 counts packets of connections; it and the heartbeats are played up to 100 nodes",
        seeds: 1,
        takes: "30 s",
        cases: || {
            let of = |nodes: usize| {
                let who = if nodes <= 100 { LOADS } else { &LOADS[2..] };
                (format!("{nodes} nodes"), format!("nodes {nodes}\nlength 20s"), who)
            };
            [8, 32, 100, 300, 1000].map(of).into()
        },
    },
    Experiment {
        name: "lifeguard",
        shows: "mistakes while some nodes read everything late",
        source: "after Dadgar, Phillips and Currey, arXiv 1707.00788: members that are too slow accuse the others; there \
                 agents on real machines, here 16 nodes of which some read 0.5 to 2.5 s late for a minute",
        seeds: 5,
        takes: "10 s",
        cases: || {
            let of = |slow: usize| {
                let who: String = (1..=slow).map(|node| format!(" node-{node}")).collect();
                let text = format!("nodes 16\nlength 90s\nat 10s starve{who}\nat 70s feed{who}");
                (format!("{slow} of 16 slow"), text, ONE_OF_EACH)
            };
            [1, 2, 4, 8].map(of).into()
        },
    },
    Experiment {
        name: "starved-grid",
        shows: "mistakes of 50 nodes, five of which read late, without and with lost packets",
        source: "no paper: a tenth of the nodes reads 0.5 to 2.5 s late for two minutes, without and with 5 % of all \
                 packets lost",
        seeds: 1,
        takes: "1 min",
        cases: || {
            let of = |(name, loss): (&str, &str)| {
                let slow = "node-1 node-2 node-3 node-4 node-5";
                let text = format!("nodes 50\nlength 150s\n{loss}at 20s starve {slow}\nat 140s feed {slow}");
                (name.to_owned(), text, ONE_OF_EACH)
            };
            [("none lost", ""), ("5 % lost", "at 0s loss all 5%\n")].map(of).into()
        },
    },
    Experiment {
        name: "rapid",
        shows: "a node that is heard by halves: who calls it down?",
        source: "after Suresh and others (Rapid), USENIX ATC 2018: most packets of a process lost, and a direction that \
                 fails on and off every 20 s; there among many more processes, here one of 16. A pair counts while packets \
                 pass, so of the second only what is believed longer than the failure lasts",
        seeds: 5,
        takes: "15 s",
        cases: || {
            let of =
                |(name, steps): (&str, &str)| (name.to_owned(), format!("nodes 16\nlength 120s\n{steps}"), ONE_OF_EACH);
            let flip_flop = "at 10s loss to node-1 100%\nat 30s loss to node-1 0%\nat 50s loss to node-1 100%\n\
                             at 70s loss to node-1 0%\nat 90s loss to node-1 100%\nat 110s loss to node-1 0%";
            let cases = [
                ("80 % lost", "at 10s loss node-1 80%"),
                ("80 % lost on the way in", "at 10s loss to node-1 80%"),
                ("flip-flop on the way in", flip_flop),
            ];
            cases.map(of).into()
        },
    },
    Experiment {
        name: "kill9",
        shows: "how long until all others know of a killed process, as the mesh grows",
        source: "no paper: the question that people ask first; ours and the heartbeats are played up to 100 nodes",
        seeds: 1,
        takes: "45 s",
        cases: || {
            let of = |nodes: usize| {
                let who = if nodes <= 100 { ONE_OF_EACH } else { &ONE_OF_EACH[4..] };
                (format!("{nodes} nodes"), format!("nodes {nodes}\nlength 40s\nat 10s crash node-2"), who)
            };
            [3, 5, 8, 16, 32, 100, 300, 1000].map(of).into()
        },
    },
];

/// The one of that name.
pub(super) fn experiment(name: &str) -> Option<&'static Experiment> {
    EXPERIMENTS.iter().find(|experiment| experiment.name == name)
}

impl Experiment {
    /// Its schedules.
    ///
    /// # Errors
    /// When one of the texts above is no scenario, which a test excludes.
    pub(super) fn cases(&self) -> Result<Vec<Case>, InvalidScenario> {
        let read = |(name, text, contenders): Part| {
            let schedule = Schedule::Fixed(format!("scenario {}\n{text}\n", self.name).parse()?);
            Ok(Case { name, schedule, contenders })
        };
        (self.cases)().into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sim;

    /// The smallest case of each, cut short: that the figures come, and that the load is counted.
    #[test]
    fn every_experiment_can_be_played() {
        for experiment in EXPERIMENTS {
            let cases = experiment.cases().unwrap_or_else(|error| panic!("{}: {error}", experiment.name));
            let fewest = cases.iter().map(|case| case.nodes()).min();
            let case = cases.iter().find(|case| Some(case.nodes()) == fewest).expect("a case");
            let Schedule::Fixed(mut scenario) = case.schedule.clone() else { panic!("{}: by chance", experiment.name) };
            scenario.length = scenario.length.min(Duration::from_secs(12));
            scenario.steps.retain(|step| step.at < scenario.length);
            // Of the large ones by those that are fast in a build for tests.
            let ours = (scenario.nodes <= 8).then_some(Contender::Ours);
            for contender in [Contender::Fixed, Contender::Swim].into_iter().chain(ours) {
                let compared = sim::compare(contender, &scenario, 1).expect("all watch all");
                let least = (scenario.nodes as u64) * 8;
                assert!(compared.sent > least, "{} {contender}: {}", experiment.name, compared.sent);
            }
        }
    }

    #[test]
    fn names_are_no_scenarios() {
        for experiment in EXPERIMENTS {
            assert!(sim::builtin(experiment.name).is_none(), "{}", experiment.name);
            assert_eq!(EXPERIMENTS.iter().filter(|other| other.name == experiment.name).count(), 1);
        }
    }
}
