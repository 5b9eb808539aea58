//! The one helper: a schedule as text, and what each observer must have said about each peer.

use heartbeat::detector::event::{Event, EventKind};
use heartbeat::sim::{self, Run, Scenario};

/// Seeds of each named schedule, with and without streams.
const SEEDS: u64 = 25;

/// What one observer said about one peer, in order, suspicion left out: `down`, `unconfirmed` (down, but on too few
/// words), `link_broken`, `one_way`, `cut_off`, `recovered`, `restarted`, `left`, `returned`, `never_seen`.
pub fn story(run: &Run, observer: usize, peer: usize) -> String {
    let words: Vec<&str> = run.events(observer, peer).filter_map(|(_, event)| word(event)).collect();
    words.join(" ")
}

fn word(event: &Event) -> Option<&'static str> {
    match &event.kind {
        EventKind::PeerDown { verdict, .. } | EventKind::PeerUnreachable { verdict, .. } => Some(verdict.as_str()),
        EventKind::PeerRecovered { .. } => Some("recovered"),
        EventKind::PeerRestarted { .. } => Some("restarted"),
        EventKind::PeerLeft { .. } => Some("left"),
        EventKind::PeerReturned => Some("returned"),
        EventKind::PeerNeverSeen { .. } => Some("never_seen"),
        _ => None,
    }
}

/// Fails with the whole story when an invariant broke.
pub fn assert_sound(run: &Run, replay: &str) {
    if !run.violations.is_empty() {
        fail(run, replay, "an invariant broke");
    }
}

fn fail(run: &Run, replay: &str, why: &str) -> ! {
    let mut text = String::new();
    let _ = sim::print_failure(run, replay, &mut text);
    panic!("{why}\n{text}");
}

/// Runs a schedule under many seeds, with streams and without. `expected` holds lines
/// `observers about peers: story | story | ...`, where an empty story is written `nothing` and `~ a b` is any story of these
/// words; whatever pair is in no line
/// must have said nothing.
pub fn check(schedule: &str, expected: &str) {
    for streams in [true, false] {
        let mut scenario: Scenario = schedule.parse().unwrap_or_else(|problems| panic!("{problems}"));
        scenario.streams = streams;
        let rules: Vec<Rule> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).map(rule).collect();
        for seed in 0..SEEDS {
            let run = sim::run(&scenario, seed);
            let replay = format!("save the scenario below as FILE, then: heartbeat simulate FILE --seed {seed}");
            assert_sound(&run, &replay);
            for observer in 0..scenario.nodes {
                for peer in (0..scenario.nodes).filter(|peer| *peer != observer) {
                    let said = story(&run, observer, peer);
                    let rule =
                        rules.iter().find(|rule| rule.observers.contains(&observer) && rule.peers.contains(&peer));
                    let expected = match rule {
                        Some(rule) => rule.stories.iter().any(|story| fits(story, &said)),
                        None => said.is_empty(),
                    };
                    if !expected {
                        let why = format!("node-{} said of node-{}: {said:?}", observer + 1, peer + 1);
                        fail(&run, &replay, &why);
                    }
                }
            }
        }
    }
}

/// `~ a b` allows any story made of these words.
fn fits(story: &str, said: &str) -> bool {
    match story.strip_prefix('~') {
        Some(words) => said.split_whitespace().all(|said| words.split_whitespace().any(|word| word == said)),
        None => story == said,
    }
}

struct Rule {
    observers: Vec<usize>,
    peers: Vec<usize>,
    stories: Vec<String>,
}

fn rule(line: &str) -> Rule {
    let (pair, stories) = line.split_once(": ").expect("OBSERVERS about PEERS: STORY");
    let (observers, peers) = pair.split_once(" about ").expect("OBSERVERS about PEERS");
    let hosts = |text: &str| text.split(' ').map(|n| n.parse::<usize>().expect("a number") - 1).collect();
    let story = |text: &str| text.trim().replace("nothing", "");
    Rule { observers: hosts(observers), peers: hosts(peers), stories: stories.split('|').map(story).collect() }
}
