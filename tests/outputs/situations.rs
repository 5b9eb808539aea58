//! The situations whose output pages show. Each starts nodes of its own, so all run at the same time.

use std::thread::sleep;
use std::time::Duration;

use super::alone::Alone;
use super::demo::{Demo, heartbeat};
use super::{Compared, Output, Outputs};

pub const SITUATIONS: &[fn() -> Outputs] =
    &[killed, restarted, frozen_for_two, frozen_for_eight, frozen_for_twelve, stopped, stops, two_of_three, settings];

/// A line that stands for others, which a reader need not see.
const MORE: &str = "…\n";

/// In what a node says about itself after a pause.
const PAUSED: &str = "judges no";

fn whole(text: String) -> Output {
    Output { text, compared: Compared::Whole }
}

fn lines(text: String) -> Output {
    Output { text, compared: Compared::Lines }
}

/// Evidence: the sentences about the verdict are the same in every run.
fn evidence(text: String, sentences: usize) -> Output {
    Output { text, compared: Compared::Start { sentences } }
}

/// The command and the first paragraph.
fn paragraph(text: &str) -> String {
    text.split("\n\n").next().unwrap_or_default().trim_end().to_owned() + "\n"
}

/// The command and the lines that have one of the pieces.
fn lines_with(text: &str, pieces: &[&str]) -> String {
    let wanted = |line: &&str| line.starts_with('$') || pieces.iter().any(|piece| line.contains(piece));
    text.lines().filter(wanted).map(|line| format!("{line}\n")).collect()
}

/// The command and the events of the node itself that have one of the pieces: those of peers have no number.
fn own_events(text: &str, pieces: &[&str]) -> String {
    let is_own = |line: &&str| line.starts_with('$') || line.trim_start().starts_with(|c: char| c.is_ascii_digit());
    lines_with(&text.lines().filter(is_own).map(|line| format!("{line}\n")).collect::<String>(), pieces)
}

/// Settings that are refused, and what waits mean. No node runs.
fn settings() -> Outputs {
    let run = |arguments: &str| {
        let mut command = heartbeat();
        // As on a terminal.
        command.env("HEARTBEAT_LOG_FORMAT", "text").args(arguments.split(' '));
        let output = command.output().expect("the program runs");
        String::from_utf8([output.stdout, output.stderr].concat()).expect("text")
    };
    let wrong = "--port=70000 --peers=http:/localhost:8002,https://node-3:8001 --interval=0";
    let show = "config show --wait-stalled=20s";
    let shown = run(show);
    let mut last: Vec<&str> = shown.lines().rev().take(3).collect();
    last.reverse();
    Outputs::from([
        ("settings refused", whole(format!("$ heartbeat {wrong}\n{}\n", run(wrong).trim_end()))),
        ("settings in words", whole(format!("$ heartbeat {show} | tail -3\n{}\n", last.join("\n")))),
    ])
}

/// node-3 is killed, looked at, started again, and is one incident.
fn killed() -> Outputs {
    let demo = Demo::start();
    let introduction = demo.introduction();
    let nodes = introduction.split("\n\nTry").next().unwrap_or_default().to_owned() + "\n";
    let online = demo.wait_all(0, &[&["node-1 | ", "node-2 is online"], &["node-1 | ", "node-3 is online"]]);
    let start = format!("$ cargo run --release -- demo\n{nodes}\n{MORE}{online}{MORE}");
    let before = demo.mark();
    demo.signal(3, "KILL");
    let down = demo.wait_all(before, &[&["node-1 | ", "WARN  node-3 "], &["node-2 | ", "WARN  node-3 "]]);
    let first = demo.wait(before, &["node-1 | ", "WARN  node-3 "]);
    let ended = demo.wait(before, &["demo ", "node-3 has ended"]);
    // The pages show a node that has been down for a few seconds.
    sleep(Duration::from_secs(3));
    let events = own_events(&demo.ask(2, "heartbeat events --addr=:8002"), &["node-3 is suspect", "node-3 is down"]);
    let members = demo.ask(1, "heartbeat members");
    let why = demo.ask(1, "heartbeat why node-3");
    let full = demo.ask(1, "heartbeat why node-3 --addr=:8001");
    let matrix = demo.ask(2, "heartbeat matrix --addr=:8002");
    let verify = demo.ask(2, "heartbeat verify --addr=:8002");
    let again = demo.mark();
    let _node_3 = demo.restart(before);
    let back = demo.wait_all(again, &[&["node-1 | ", "node-3 restarted"], &["node-1 | ", "node-3 is online again"]]);
    Outputs::from([
        ("demo start", lines(start)),
        ("demo killed", lines(format!("{ended}\n{first}\n"))),
        ("lab nodes", whole(nodes)),
        ("lab killed", lines(down)),
        ("lab killed, looked at", whole(format!("{events}{members}"))),
        ("lab killed, why", evidence(paragraph(&why), 3)),
        ("lab killed, back", lines(back)),
        ("why killed", evidence(full, 3)),
        ("matrix killed", Output { text: matrix, compared: Compared::Head { lines: 2 } }),
        ("verify killed", whole(verify)),
    ])
}

/// node-3 is killed and started again at once.
fn restarted() -> Outputs {
    let demo = Demo::start();
    let before = demo.mark();
    demo.signal(3, "KILL");
    let _node_3 = demo.restart(before);
    let told = demo.wait_all(before, &[&["node-1 | ", "node-3 restarted"], &["node-2 | ", "node-3 restarted"]]);
    Outputs::from([("lab restarted", lines(told))])
}

/// node-3 is frozen for 2 s: it reports itself, the others have a doubt.
fn frozen_for_two() -> Outputs {
    let demo = Demo::start();
    let before = demo.mark();
    demo.signal(3, "STOP");
    sleep(Duration::from_secs(2));
    demo.signal(3, "CONT");
    let paused = demo.wait_all(before, &[&["node-3 | ", PAUSED]]);
    let events = demo.ask(1, "heartbeat events --addr=:8001");
    // The last two: on a slow machine there may have been others before.
    let about: Vec<&str> = events.lines().filter(|line| line.contains("node-3") && line.contains("suspect")).collect();
    let last = about.iter().rev().take(2).rev().map(|line| format!("{line}\n")).collect::<String>();
    Outputs::from([
        ("lab frozen for 2 s", lines(paused)),
        ("lab frozen for 2 s, events", whole(format!("$ heartbeat events --addr=:8001\n{last}"))),
    ])
}

/// node-3 is frozen for 8 s: tolerated, and degraded for a while.
fn frozen_for_eight() -> Outputs {
    let demo = Demo::start();
    let before = demo.mark();
    demo.signal(3, "STOP");
    sleep(Duration::from_secs(8));
    demo.signal(3, "CONT");
    let told = demo.wait_all(
        before,
        &[
            &["node-3 | ", PAUSED],
            &["node-1 | ", "node-3 is degraded"],
            &["node-2 | ", "node-3 is degraded"],
            &["node-1 | ", "node-3 is no longer degraded"],
            &["node-2 | ", "node-3 is no longer degraded"],
        ],
    );
    Outputs::from([("lab frozen for 8 s", lines(told))])
}

/// node-1 is frozen until it is reported; it accuses no peer when it resumes.
fn frozen_for_twelve() -> Outputs {
    let demo = Demo::start();
    let before = demo.mark();
    demo.signal(1, "STOP");
    let down = [["node-2 | ", "node-1 is down"], ["node-3 | ", "node-1 is down"]];
    demo.wait_all(before, &down.each_ref().map(<[&str; 2]>::as_slice));
    sleep(Duration::from_secs(2));
    let why = demo.ask(2, "heartbeat why node-1 --addr=:8002");
    demo.signal(1, "CONT");
    let told = demo.wait_all(
        before,
        &[
            &["node-2 | ", "node-1 is degraded"],
            &["node-3 | ", "node-1 is degraded"],
            &["node-2 | ", "node-1 is down"],
            &["node-3 | ", "node-1 is down"],
            &["node-1 | ", PAUSED],
            &["node-2 | ", "node-1 is online again"],
            &["node-3 | ", "node-1 is online again"],
        ],
    );
    let events = demo.ask(1, "heartbeat events --addr=:8001");
    let own = own_events(&events, &["node-2 is online", "node-3 is online", PAUSED]);
    Outputs::from([
        ("lab frozen for 12 s", lines(told)),
        ("lab frozen for 12 s, its own events", lines(own)),
        ("why frozen", evidence(why, 2)),
    ])
}

/// node-3 is stopped cleanly.
fn stopped() -> Outputs {
    let demo = Demo::start();
    let before = demo.mark();
    demo.signal(3, "TERM");
    let told = demo.wait_all(
        before,
        &[
            &["node-3 | ", "(terminate)"],
            &["node-1 | ", "node-3 said goodbye"],
            &["node-2 | ", "node-3 said goodbye"],
            &["node-3 | ", "stopped"],
            &["demo ", "node-3 has ended"],
        ],
    );
    let members = demo.ask(1, "heartbeat members");
    Outputs::from([("lab stopped", lines(told)), ("lab stopped, members", whole(members))])
}

/// A node that stops, and one that is told to again while it waits.
fn stops() -> Outputs {
    let last_two = |delay: &str, again: bool| {
        let mut node = Alone::start(&["--node=node-1", "--port=0", "--metrics-port=0", delay]);
        while !node.line().expect("it becomes ready").contains("is ready") {}
        node.signal("TERM");
        let stopping = node.line().expect("it says that it is stopping");
        // Only the node knows when its goodbye has ended, so the signal is sent until it has an effect.
        while again && !node.has_ended() {
            node.signal("TERM");
            sleep(Duration::from_millis(25));
        }
        let rest: String = std::iter::from_fn(|| node.line()).map(|line| line + "\n").collect();
        format!("{stopping}\n{rest}")
    };
    Outputs::from([
        ("stop", whole(last_two("--shutdown-delay=0s", false))),
        ("stop, told again", whole(last_two("--shutdown-delay=60s", true))),
    ])
}

/// Two of three are killed at the same time.
fn two_of_three() -> Outputs {
    let demo = Demo::start();
    let before = demo.mark();
    demo.signal(2, "KILL");
    demo.signal(3, "KILL");
    let told = demo.wait_all(before, &[&["node-1 | ", "WARN  node-2 "], &["node-1 | ", "WARN  node-3 "]]);
    Outputs::from([("lab two of three", lines(told))])
}
