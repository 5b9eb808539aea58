//! Scenarios by name, each with what to expect of it.
//!
//! Kept as the text that a user would write: they double as examples of the
//! format, and a test reads every one of them.

use super::scenario::{Scenario, Watch};

/// Name, what to expect, and the rest of the scenario.
const ALL: &[(&str, &str, &str)] = &[
    (
        "crash",
        "kill -9 of one of three: dead at both others within half a second, confirmed",
        "nodes 3\nlength 20s\nat 10s crash node-3\n",
    ),
    (
        "crash-container",
        "one of three killed together with its network: dead within 0.6 s, confirmed",
        "nodes 3\nlength 20s\nat 10s crash-container node-3\n",
    ),
    (
        "silent-host",
        "one of three loses power: nothing comes back, dead within 3.3 s, confirmed",
        "nodes 3\nlength 20s\nat 10s power-off node-3\n",
    ),
    (
        "freeze",
        "one of three is paused for 20 s: dead after 10 s (its kernel still answers), recovered when it continues",
        "nodes 3\nlength 60s\nat 10s freeze node-3\nat 30s thaw node-3\n",
    ),
    (
        "freeze-short",
        "one of three is paused for 8 s: suspected, never dead",
        "nodes 3\nlength 40s\nat 10s freeze node-3\nat 18s thaw node-3\n",
    ),
    (
        "observer-freeze",
        "an observer is paused for 12 s: the others call it dead, and it accuses no peer when it wakes",
        "nodes 3\nlength 45s\nat 10s freeze node-1\nat 22s thaw node-1\n",
    ),
    (
        "restart",
        "one of three restarts within 0.2 s: restarted, no outage",
        "nodes 3\nlength 30s\nat 10s crash node-3\nat 10.2s start node-3\n",
    ),
    (
        "late-restart",
        "one of three comes back after 5 s: dead, then recovered under a new boot",
        "nodes 3\nlength 40s\nat 10s crash node-3\nat 15s start node-3\n",
    ),
    ("leave", "one of three stops cleanly: left, never dead, no alarm", "nodes 3\nlength 30s\nat 10s leave node-3\n"),
    (
        "cut-link",
        "one link of three is cut: both ends report that the link is broken and that the third node reaches the other; no node is reported dead",
        "nodes 3\nlength 50s\nat 10s cut node-1 node-2\nat 25s mend node-1 node-2\n",
    ),
    (
        "one-way",
        "requests of node-1 to node-2 are dropped, those of node-2 arrive: unreachable at node-1 alone, one way",
        "nodes 3\nlength 50s\nat 10s block node-1 node-2\nat 25s mend node-1 node-2\n",
    ),
    (
        "one-direction",
        "all packets from node-1 to node-2 are dropped, which breaks TCP both ways: unreachable at both ends",
        "nodes 3\nlength 50s\nat 10s drop node-1 node-2\nat 25s mend node-1 node-2\n",
    ),
    (
        "reject-link",
        "one link of three refuses: unreachable at both ends, and the third node reaches both; no node is reported dead",
        "nodes 3\nlength 50s\nat 10s reject node-1 node-2\nat 25s mend node-1 node-2\n",
    ),
    (
        "partition-2-2",
        "four nodes split in halves: no node is reported dead, and all four report which peers they do not hear",
        "nodes 4\nlength 60s\nat 10s split node-1 node-2 | node-3 node-4\nat 30s heal\n",
    ),
    (
        "partition-3-2",
        "five nodes split: the three report the two as dead, the two are cut off and accuse no peer",
        "nodes 5\nlength 60s\nat 10s split node-1 node-2 node-3 | node-4 node-5\nat 30s heal\n",
    ),
    (
        "split-heals",
        "four nodes split in halves for 8 s, right after a pause of 2 s: all alive again, no node was reported dead",
        "nodes 4\nlength 50s\nat 10s freeze node-2\nat 12s thaw node-2\nat 12.1s split node-1 node-2 | node-3 node-4\nat 20s heal\n",
    ),
    (
        "isolated",
        "one of three loses its network: it is cut off and accuses no peer, the others report it dead",
        "nodes 3\nlength 60s\nat 10s unplug node-3\nat 30s plug node-3\n",
    ),
    (
        "two-of-three",
        "two of three are killed at once: dead at the last one, unconfirmed, because no node is left to ask",
        "nodes 3\nlength 25s\nat 10s crash node-2\nat 10s crash node-3\n",
    ),
    (
        "three-of-five",
        "three of five are killed at once: dead at both others, the first of them unconfirmed",
        "nodes 5\nlength 25s\nat 10s crash node-3\nat 10s crash node-4\nat 10s crash node-5\n",
    ),
    (
        "lossy",
        "one link of three loses 40 % of its packets: degraded or broken at its ends, never dead",
        "nodes 3\nlength 90s\nat 10s loss node-1 node-2 40%\nat 70s mend node-1 node-2\n",
    ),
    (
        "flap",
        "one of three comes and goes: flapping after the third time, and dead each time",
        "nodes 3\nlength 120s\nat 10s crash node-3\nat 14s start node-3\nat 20s crash node-3\nat 24s start node-3\n\
         at 30s crash node-3\nat 34s start node-3\n",
    ),
    (
        "dark-but-one",
        "four of five lose power at once: the last one cannot know, and reports cut off, not dead",
        "nodes 5\nlength 30s\nat 10s power-off node-2\nat 10s power-off node-3\nat 10s power-off node-4\nat 10s power-off node-5\n",
    ),
    ("never-up", "one of three was never started: reported once, never dead", "nodes 3\nabsent node-3\nlength 30s\n"),
    (
        "starved-observer",
        "one of three reads everything 0.5 to 2.5 s late for 15 s: the others report no node dead",
        "nodes 3\nlength 50s\nat 10s starve node-1\nat 25s feed node-1\n",
    ),
    (
        "suspended",
        "a machine with two nodes is suspended for 15 s, and node-1 runs again before node-2: no node is reported dead",
        "nodes 2\nlength 40s\nat 10.1s freeze node-2\nat 10.35s freeze node-1\nat 25s thaw node-1\nat 25.3s thaw node-2\n",
    ),
    (
        "three-links",
        "a firewall refuses node-5 to three of five, and node-4 reaches it: links are broken, no node is reported dead",
        "nodes 5\nlength 40s\nat 10s reject node-1 node-5\nat 10s reject node-2 node-5\nat 10s reject node-3 node-5\nat 30s heal\n",
    ),
    (
        "redeploy",
        "one of three stops cleanly, starts again and is then killed: left, back, dead",
        "nodes 3\nlength 50s\nat 20s leave node-3\nat 22s start node-3\nat 30s crash node-3\n",
    ),
    (
        "no-streams",
        "kill -9 of one of three without event streams: dead as well, within 2.5 s",
        "nodes 3\nstreams off\nlength 20s\nat 10s crash node-3\n",
    ),
];

/// What each teaches about failure detection, in a line of a terminal.
const TEACHES: &[(&str, &str)] = &[
    ("crash", "a refusal proves that the process is gone: the shortest wait"),
    ("crash-container", "a refusal before the silence still counts as one"),
    ("silent-host", "silence proves little: a longer wait"),
    ("freeze", "a kernel that accepts connections proves no life: longest wait"),
    ("freeze-short", "a pause within the longest wait is no outage"),
    ("observer-freeze", "a node that did not run accuses no peer when it wakes"),
    ("restart", "a new boot under an old name is a restart, not an outage"),
    ("late-restart", "a verdict is about one boot; the next boot ends it"),
    ("leave", "a goodbye is believed, so a clean stop raises no alarm"),
    ("cut-link", "a witness tells a broken link from a dead node"),
    ("one-way", "pings that still arrive from a peer prove that it runs"),
    ("one-direction", "TCP needs both directions: one lost looks like a cut at both"),
    ("reject-link", "a refusing firewall looks like a crash, but not to witnesses"),
    ("partition-2-2", "without a majority no side may call the other dead"),
    ("partition-3-2", "the larger side decides; the smaller knows that it is cut off"),
    ("split-heals", "a pause and a short split together cause no false alarm"),
    ("isolated", "a node that hears no peer suspects itself first"),
    ("two-of-three", "a verdict without a second observer is marked as unconfirmed"),
    ("three-of-five", "nodes that are down themselves do not count for the quorum"),
    ("lossy", "lost packets make a link degraded, which is not down"),
    ("flap", "one that comes and goes is flapping, besides each outage"),
    ("dark-but-one", "one node cannot tell a blackout from its own broken network"),
    ("never-up", "one that never answered was not started, or is listed wrongly"),
    ("starved-observer", "late reads at one observer do not make the others accuse it"),
    ("suspended", "a pause is no silence: time counts only while a node runs"),
    ("three-links", "one witness outweighs three that accuse"),
    ("redeploy", "a goodbye is of one boot; the next one can crash"),
    ("no-streams", "streams make it faster; without them the next ping finds it"),
];

/// A built-in scenario.
pub fn builtin(name: &str) -> Option<Scenario> {
    let (name, about, rest) = ALL.iter().find(|(known, _, _)| *known == name)?;
    format!("scenario {name}\nabout {about}\n{rest}").parse().ok()
}

/// The built-in scenarios and what to expect of each.
pub fn builtin_names() -> Vec<(&'static str, &'static str)> {
    ALL.iter().map(|(name, about, _)| (*name, *about)).collect()
}

/// What a built-in scenario teaches.
pub fn teaches(name: &str) -> Option<&'static str> {
    TEACHES.iter().find(|(known, _)| *known == name).map(|(_, lesson)| *lesson)
}

/// `nodes` nodes that each watch the next `watched` ones, for two virtual minutes: the
/// shape in which large meshes are measured.
pub fn ring_of(nodes: usize, watched: usize) -> Scenario {
    Scenario {
        about: "a large healthy mesh".to_owned(),
        watch: Watch::Ring(watched),
        length: std::time::Duration::from_secs(120),
        ..Scenario::new("ring", nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_reads_and_prints_itself() {
        for (name, about) in builtin_names() {
            let scenario = builtin(name).unwrap_or_else(|| panic!("{name} is not a scenario"));
            assert_eq!((scenario.name.as_str(), scenario.about.as_str()), (name, about));
            assert_eq!(scenario.to_string().parse().as_ref(), Ok(&scenario), "{name}");
        }
        assert_eq!(builtin("no such thing"), None);
    }

    #[test]
    fn every_builtin_teaches_something_of_its_own() {
        let lessons: std::collections::BTreeSet<&str> =
            builtin_names().iter().map(|(name, _)| teaches(name).unwrap_or_else(|| panic!("{name}"))).collect();
        assert_eq!((lessons.len(), TEACHES.len()), (ALL.len(), ALL.len()));
    }
}
