//! The situations: every built-in scenario, and every lab as near as the simulator can play it.

use heartbeat::sim::{self, Scenario};

/// One roll of the dice for all: which one does not matter.
pub const SEED: u64 = 1;

/// Each lab, and its steps in virtual time. Alerts and panels are not the simulator's.
const LABS: &[(&str, &str)] = &[
    ("crash", "nodes 3\nlength 60s\nat 10s crash node-3\nat 30s start node-3\n"),
    // The engine takes the addresses of killed containers back: refusals turn into silence.
    (
        "dark",
        "nodes 3\nlength 70s\nat 10s crash-container node-2\nat 10s crash-container node-3\n\
         at 40s start node-2\nat 40s start node-3\n",
    ),
    ("long-pause", "nodes 3\nlength 60s\nat 10s freeze node-3\nat 30s thaw node-3\n"),
    ("loss", "nodes 3\nlength 120s\nat 10s loss to node-3 50%\nat 70s loss to node-3 0%\n"),
    ("one-way", "nodes 3\nlength 60s\nat 10s block node-1 node-2\nat 30s mend node-1 node-2\n"),
    ("partition", "nodes 3\nlength 60s\nat 10s unplug node-3\nat 30s plug node-3\n"),
    ("pause", "nodes 3\nlength 40s\nat 10s freeze node-3\nat 16s thaw node-3\n"),
    ("reject", "nodes 3\nlength 60s\nat 10s reject node-1 node-2\nat 30s mend node-1 node-2\n"),
    // An engine takes about half a second to make a container.
    ("restart", "nodes 3\nlength 40s\nat 10s crash node-3\nat 10.5s start node-3\n"),
    (
        "rolling",
        "nodes 3\nlength 60s\nat 10s leave node-1\nat 12s start node-1\nat 20s leave node-2\nat 22s start node-2\n\
         at 30s leave node-3\nat 32s start node-3\n",
    ),
    // Simulated nodes have fixed lists and look up no names: the newcomers are on all lists from the beginning.
    (
        "scale",
        "nodes 6\nabsent node-4\nabsent node-5\nabsent node-6\nlength 60s\n\
         at 10s start node-4\nat 10s start node-5\nat 10s start node-6\n\
         at 30s leave node-4\nat 30s leave node-5\nat 30s leave node-6\n",
    ),
    // The simulated network cannot delay one link. Lost packets that are sent again make it slow as well.
    ("slow-link", "nodes 3\nlength 80s\nat 10s loss node-1 node-3 20%\nat 50s mend node-1 node-3\n"),
    ("stop", "nodes 3\nlength 60s\nat 10s leave node-3\nat 30s start node-3\n"),
    // It runs a millisecond in each second; to the others that is a pause.
    ("throttled", "nodes 3\nlength 60s\nat 10s freeze node-3\nat 40s thaw node-3\n"),
];

/// The lab's situation.
fn lab(name: &str) -> Option<Scenario> {
    let (_, steps) = LABS.iter().find(|(known, _)| *known == name)?;
    Some(format!("scenario lab-{name}\n{steps}").parse().expect("a scenario"))
}

/// All of them.
pub fn all() -> Vec<Scenario> {
    let builtin = sim::builtin_names().into_iter().map(|(name, _)| sim::builtin(name).expect("built in"));
    builtin.chain(LABS.iter().filter_map(|(name, _)| lab(name))).collect()
}

#[test]
fn every_lab_has_a_situation() {
    let labs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("labs");
    let folders = std::fs::read_dir(labs).expect("the labs").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<String> = folders
        .filter(|path| path.join("lab.yaml").is_file())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    found.sort();
    let played: Vec<&str> = LABS.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, played);
}
