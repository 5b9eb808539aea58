//! The commands against real nodes: what they print, how they end, and that
//! nothing they started is left behind.

#![cfg(feature = "node")]
// The tests start processes, wait for them and look for free ports; that is their job.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the suites of nodes read memory, too")]
#[path = "support/proc_status.rs"]
mod proc_status;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far above what anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn heartbeat(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartbeat"));
    command.env_clear().args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(arguments: &[&str]) -> Output {
    heartbeat(arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Looks again until it is so.
#[track_caller]
fn until(what: &str, mut look: impl FnMut() -> bool) {
    let began = Instant::now();
    while !look() {
        assert!(began.elapsed() < SOON, "not within {SOON:?}: {what}");
        sleep(Duration::from_millis(25));
    }
}

/// Ends the process at the latest when the test does, well or badly.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two demos that look for free ports at the same moment find the same ones; one demo at a time.
static ONE_DEMO: Mutex<()> = Mutex::new(());

/// A demo and what it said at its beginning.
struct Demo {
    process: Running,
    lines: BufReader<std::process::ChildStdout>,
    nodes: Vec<Value>,
    _turn: MutexGuard<'static, ()>,
}

impl Demo {
    fn start(arguments: &[&str]) -> Demo {
        Demo::start_with(arguments, &[])
    }

    /// Its nodes are given the variables as well.
    fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Demo {
        Demo::start_in(Demo::turn(), arguments, variables)
    }

    /// Holding it, no other demo of this suite runs.
    fn turn() -> MutexGuard<'static, ()> {
        ONE_DEMO.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_in(turn: MutexGuard<'static, ()>, arguments: &[&str], variables: &[(&str, &str)]) -> Demo {
        let mut command = heartbeat(&[&["demo", "--json"], arguments].concat());
        let mut child = command.envs(variables.iter().copied()).spawn().expect("the demo starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("the demo introduces itself");
        let intro: Value = serde_json::from_str(&first).unwrap_or_else(|_| panic!("not JSON: {first:?}"));
        let nodes = intro["nodes"].as_array().expect("it names its nodes").clone();
        Demo { _turn: turn, process: Running(child), lines, nodes }
    }

    fn port(&self, number: usize) -> u16 {
        port_of(&self.nodes[number]["url"])
    }

    fn addr(&self, number: usize) -> String {
        format!("--addr=:{}", self.port(number))
    }

    fn await_members(&self, number: usize, words: &str, code: i32) {
        let addr = self.addr(number);
        until(&format!("members {addr} says {words:?} and ends with {code}"), || {
            let output = output(&["members", &addr]);
            output.status.code() == Some(code) && text(&output.stdout).contains(words)
        });
    }

    /// Reads lines until one has the words.
    #[track_caller]
    fn read_until(&mut self, words: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let count = self.lines.read_line(&mut line).expect("the demo's output can be read");
            assert!(count > 0, "the demo ended without saying {words:?}");
            if line.contains(words) {
                return line;
            }
        }
    }
}

fn port_of(url: &Value) -> u16 {
    let url = url.as_str().expect("a URL").trim_start_matches("http://");
    let authority = url.split('/').next().expect("a host and a port");
    authority.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

fn answers(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn kill(process_id: &Value) {
    signal("KILL", process_id.as_u64().expect("a process id"));
}

fn signal(name: &str, process_id: u64) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {process_id}")]).status().expect("a shell");
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn a_demo_shows_a_killed_node_and_its_commands_answer() {
    let mut demo = Demo::start(&["--nodes=3"]);
    (0..3).for_each(|number| demo.await_members(number, "2 of 2 peers up", 0));
    assert_eq!(output(&["healthcheck", &demo.addr(0)]).status.code(), Some(0));
    let mut follower =
        Running(heartbeat(&["events", "--follow", "--peer=node-3", &demo.addr(0)]).spawn().expect("starts"));
    let mut followed = BufReader::new(follower.0.stdout.take().expect("it was piped")).lines();
    let online = |line: &String| line.contains("node-3 is online");
    assert!(followed.by_ref().map_while(Result::ok).any(|line| online(&line)), "what was is told first");

    kill(&demo.nodes[2]["process_id"]);
    demo.read_until("node-3 has ended");
    let hint = demo.read_until("to start it again");
    assert!(hint.contains("run --node=node-3"), "{hint}");
    assert!(followed.map_while(Result::ok).any(|line| line.contains("node-3 is down")), "what happens is told next");
    demo.await_members(0, "1 of 2 peers up", 1);
    let json: Value = serde_json::from_slice(&output(&["members", "--json", &demo.addr(0)]).stdout).expect("JSON");
    let dead = json["peers"].as_array().expect("peers").iter().find(|peer| peer["key"] == "node-3").expect("node-3");
    assert_eq!(dead["state"], "dead");
    let typo = output(&["events", "--peer=node-33", &demo.addr(0)]);
    assert_eq!(typo.status.code(), Some(1));
    let said = text(&typo.stderr);
    assert!(said.contains("no such peer; the peers of this node are node-2, node-3"), "{said}");
    let events = text(&output(&["events", "--json", "--peer=node-3", &demo.addr(0)]).stdout);
    assert!(events.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{events}");
    assert!(events.contains("peer_down"), "{events}");
}

#[cfg(unix)]
#[test]
fn a_node_in_maintenance_is_missed_by_nobody() {
    const TOKEN: (&str, &str) = ("HEARTBEAT_TOKEN", "correct-horse-battery");
    let demo = Demo::start_with(&["--nodes=3"], &[TOKEN]);
    (0..3).for_each(|number| demo.await_members(number, "2 of 2 peers up", 0));
    let maint = |arguments: &[&str], number: usize, token: &str| {
        let mut command = heartbeat(&[&["maint"], arguments, &[&demo.addr(number)]].concat());
        command.env(TOKEN.0, token).output().expect("the binary runs")
    };
    let on = &["on", "--for=10m", "--reason=new disk"];
    assert!(text(&maint(&[], 2, "").stdout).contains("node-3 is not in maintenance"));
    for (token, code, words) in
        [("", 64, "no token"), ("wrong-horse-battery", 77, "401"), ("short", 64, "shorter than 16")]
    {
        let refused = maint(on, 2, token);
        assert_eq!(refused.status.code(), Some(code), "{token}");
        assert!(text(&refused.stderr).contains(words), "{}", text(&refused.stderr));
        assert!(!text(&refused.stderr).contains("horse"), "{}", text(&refused.stderr));
    }
    let done = maint(on, 2, TOKEN.1);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("node-3 is in maintenance for another"), "{}", text(&done.stdout));
    (0..2).for_each(|number| demo.await_members(number, "(new disk)", 0));
    kill(&demo.nodes[2]["process_id"]);
    // A dead node is found as usual, and does not change the exit code.
    (0..2).for_each(|number| demo.await_members(number, "1 of 2 peers up", 0));
    let seen = maint(&["--json"], 0, "");
    let seen: Value = serde_json::from_slice(&seen.stdout).expect("JSON");
    assert_eq!((&seen["maintenance"], &seen["peers"][0]["key"]), (&Value::Null, &Value::from("node-3")));
    let events = text(&output(&["events", &demo.addr(0)]).stdout);
    // Other nodes may have reported it as well; their lines name them.
    assert_eq!(events.matches("Z  node-3 is in maintenance for at most ").count(), 1, "{events}");
    let own = maint(&["on", "--reason=mine"], 0, TOKEN.1);
    assert_eq!(own.status.code(), Some(0), "{}", text(&own.stderr));
    assert!(text(&maint(&["off"], 0, TOKEN.1).stdout).contains("node-1 is not in maintenance"));
    let shown = text(&output(&["events", "--json", &demo.addr(0)]).stdout);
    assert!(shown.contains("maintenance_ended") && !shown.contains("horse"), "{shown}");
}

#[test]
fn a_node_without_a_token_lets_nobody_change_anything() {
    let demo = Demo::start(&["--nodes=1"]);
    until("the node answers", || answers(demo.port(0)));
    let mut command = heartbeat(&["maint", "off", &demo.addr(0)]);
    let refused = command.env("HEARTBEAT_TOKEN", "correct-horse-battery").output().expect("the binary runs");
    assert_eq!(refused.status.code(), Some(77));
    assert!(text(&refused.stderr).contains("this node has no token"), "{}", text(&refused.stderr));
}

#[test]
fn a_demo_stops_its_nodes_in_order() {
    let mut demo = Demo::start(&["--nodes=2", "--for=2s"]);
    let ports = [demo.port(0), demo.port(1)];
    demo.read_until("node-2 has ended: stopped cleanly");
    demo.read_until("node-1 has ended: stopped cleanly");
    demo.read_until("all nodes have stopped");
    assert_eq!(demo.process.0.wait().expect("it ends").code(), Some(0));
    assert!(!ports.iter().any(|port| answers(*port)));
}

#[test]
fn a_demo_is_reached_from_its_own_machine_only() {
    let demo = Demo::start(&["--nodes=2"]);
    for number in 0..2 {
        until("the node answers", || answers(demo.port(number)));
        // Of this machine as well, but not the one address that is listened on.
        assert!(TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), demo.port(number))).is_err());
    }
}

#[test]
fn a_demo_takes_the_next_free_ports_for_the_metrics_and_says_which() {
    let turn = Demo::turn();
    // Something else may have it, and may give it back while the demo starts: then this test cannot tell.
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 9100));
    let demo = Demo::start_in(turn, &["--nodes=3"], &[]);
    for number in 0..3 {
        let port = port_of(&demo.nodes[number]["metrics"]);
        assert!(port != 9100 || first.is_err());
        until("the metrics answer", || answers(port));
    }
    drop(first);
}

#[test]
fn a_demo_passes_on_the_variables_that_its_help_promises() {
    let free = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| socket.local_addr());
    let (base, metrics) = (free().expect("a free port").port(), free().expect("a free port").port());
    let variables = [
        ("HEARTBEAT_ADDRESS", "127.0.0.2"),
        ("HEARTBEAT_PORT", &*base.to_string()),
        ("HEARTBEAT_METRICS_PORT", &*metrics.to_string()),
        ("HEARTBEAT_INTERVAL", "700ms"),
    ];
    let demo = Demo::start_with(&["--nodes=1"], &variables);
    assert_eq!((demo.port(0), port_of(&demo.nodes[0]["metrics"])), (base, metrics));
    let place = format!("--addr=127.0.0.2:{base}");
    until("the node answers there", || output(&["healthcheck", &place]).status.success());
    let shown = text(&output(&["info", &place]).stdout);
    assert!(shown.contains("--interval=700ms"), "{shown}");
    let wrong = heartbeat(&["demo", "--nodes=1"]).env("HEARTBEAT_PORT", "x").output().expect("it runs");
    assert_eq!(wrong.status.code(), Some(64));
    assert!(text(&wrong.stderr).contains("HEARTBEAT_PORT=x"), "{}", text(&wrong.stderr));
}

#[test]
fn a_demo_that_is_killed_leaves_nobody_behind() {
    let mut demo = Demo::start(&["--nodes=2"]);
    let ports = [demo.port(0), demo.port(1)];
    ports.iter().for_each(|port| until("the nodes answer", || answers(*port)));
    demo.process.0.kill().expect("a child can be killed");
    until("its nodes stop", || !ports.iter().any(|port| answers(*port)));
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("some port is free");
    let port = taken.local_addr().expect("it is bound").port();
    let given = output(&["demo", "--nodes=1", &format!("--base-port={port}")]);
    assert_eq!(given.status.code(), Some(74));
    assert!(text(&given.stderr).contains(&format!("port {port} is taken")), "{}", text(&given.stderr));
    let node = output(&[&format!("--port={port}")]);
    assert_eq!(node.status.code(), Some(74));
    assert!(text(&node.stderr).contains(&port.to_string()), "{}", text(&node.stderr));
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_failure() {
    for arguments in [&["config", "show"][..], &["simulate", "--list"], &["completions", "bash"], &["--help"]] {
        let mut child = Running(heartbeat(arguments).spawn().expect("the binary runs"));
        drop(child.0.stdout.take());
        assert_eq!(child.0.wait().expect("it ends").code(), Some(0), "{arguments:?}");
        let mut complaint = String::new();
        let read = child.0.stderr.take().expect("it was piped").read_to_string(&mut complaint);
        assert!(read.is_ok() && complaint.is_empty(), "{arguments:?}: {complaint}");
    }
}

#[test]
fn a_simulation_is_played_printed_and_repeated() {
    let play = |seed: &str| text(&output(&["simulate", "crash", seed]).stdout);
    assert!(play("--seed=3").contains("node-3 is down"), "{}", play("--seed=3"));
    assert_eq!(play("--seed=3"), play("--seed=3"));
    assert_ne!(play("--seed=3"), play("--seed=4"));
    let last = text(&output(&["simulate", "crash", "--json"]).stdout).lines().last().map(str::to_owned);
    let end: Value = serde_json::from_str(&last.expect("lines")).expect("JSON");
    assert_eq!(end["violations"], Value::Array(Vec::new()));
    let unknown = output(&["simulate", "crahs"]);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(text(&unknown.stderr).contains("Perhaps \"crash\""), "{}", text(&unknown.stderr));
}

#[test]
fn any_moment_of_a_simulation_can_be_looked_at() {
    let played = |arguments: &[&str]| output(&[&["simulate", "crash"], arguments].concat());
    let shown = |arguments: &[&str]| {
        let output = played(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&shown(arguments)).expect("JSON") };
    let state = |at: &str| json(&[at, "--why", "node-1", "node-3", "--json"])["peer"]["state"].clone();
    assert_eq!([state("--at=9.9s"), state("--at=10.2s"), state("--at=11s")], ["alive", "suspect", "dead"]);
    assert!(shown(&["--at=11s", "--why", "1", "3"]).contains("quorum"), "the rule and its figures");
    assert!(shown(&["--at=9.9s", "--view", "node-1"]).contains("node-3"));
    let peers = json(&["--at=11s", "--view", "node-1", "--json"])["peers"].clone();
    assert_eq!(peers.as_array().map(Vec::len), Some(2), "{peers}");

    let before: Vec<String> = shown(&["--all", "--at=10.1s"]).lines().map(str::to_owned).collect();
    let whole = shown(&["--all"]);
    let entries = before.iter().filter(|line| line.contains("s  node-"));
    assert!(entries.clone().count() > 5 && entries.clone().all(|line| whole.contains(line.as_str())), "{before:?}");

    let packets = shown(&["--from=10s", "--at=10.5s", "--packets"]);
    assert!(packets.contains("> node-3: open, delivered after"), "{packets}");
    assert!(
        packets.find("node-3 is down").is_some_and(|down| packets[..down].contains("reset, delivered")),
        "{packets}"
    );

    for (arguments, code, words) in [
        (&["--why", "node-3", "node-1"][..], 1, "node-3 has no process at 20.000 s"),
        (&["--why", "node-1", "node-1"], 1, "node-1 does not watch node-1"),
        (&["--view", "node-4"], 64, "its nodes are node-1 to node-3"),
        (&["--view", "joe"], 64, "is not a node; accepted: node-1"),
        (&["--at=soon"], 64, "is not a time; accepted: a time such as 10s"),
    ] {
        let output = played(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_simulation_is_drawn_into_a_file() {
    let folder = std::env::temp_dir().join(format!("heartbeat-picture-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary use");
    let file = folder.join("crash.svg");
    let drawn = output(&["simulate", "crash", "--svg", &file.to_string_lossy()]);
    let picture = std::fs::read_to_string(&file).unwrap_or_default();
    let nowhere = output(&["simulate", "crash", "--svg", &folder.join("none/crash.svg").to_string_lossy()]);
    let _ = std::fs::remove_dir_all(&folder);
    assert_eq!(drawn.status.code(), Some(0), "{}", text(&drawn.stderr));
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("cannot write"), "{}", text(&nowhere.stderr));
}

#[test]
fn detectors_are_compared_on_the_same_schedules() {
    let evaluated = |arguments: &[&str]| output(&[&["evaluate", "--seeds=2"], arguments].concat());
    let shown = |arguments: &[&str]| {
        let output = evaluated(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let csv = shown(&["crash", "--format=csv"]);
    assert_eq!(csv, shown(&["crash", "--format=csv"]), "the same seeds, the same figures");
    let lines: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    for name in ["ours", "fixed 3 s", "chen 1 s", "phi 8", "swim", "lifeguard"] {
        let line = lines.iter().find(|line| line[0] == name).unwrap_or_else(|| panic!("no {name} in {csv}"));
        // Two seeds, and two observers of one crash.
        assert_eq!((line.len(), line[2], line[3]), (lines[0].len(), "4", "0"), "{csv}");
    }
    assert!(shown(&[]).contains("crash, seeds 1 to 2, heartbeat "), "where the figures are from");
    assert!(shown(&["random", "--format=markdown"]).contains("| ours | verdict |"));

    let file = std::env::temp_dir().join(format!("heartbeat-evaluated-{}.csv", std::process::id()));
    assert_eq!(shown(&["crash", "--format=csv", "--out", &file.to_string_lossy()]), "");
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    std::fs::write(&file, "nodes 4\nwatch ring 2\n").expect("a file for temporary use");
    let ring = evaluated(&[&file.to_string_lossy()]);
    let _ = std::fs::remove_file(&file);
    assert_eq!(written, csv);
    assert_eq!(ring.status.code(), Some(64));
    assert!(text(&ring.stderr).contains("leave out `watch ring`"), "{}", text(&ring.stderr));
    assert_eq!(evaluated(&["nothing-of-this-name"]).status.code(), Some(64));
}

#[test]
fn a_drill_asks_grades_and_says_how_to_replay_it() {
    let typed = |arguments: &[&str], input: &str| {
        let mut command = heartbeat(&[&["drill", "--seed=7", "--level=3"], arguments].concat());
        let mut process = Running(command.stdin(Stdio::piped()).spawn().expect("the binary runs"));
        let mut stdin = process.0.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        let mut said = String::new();
        process.0.stdout.take().expect("a pipe").read_to_string(&mut said).expect("text");
        assert_eq!(process.0.wait().expect("its end").code(), Some(0), "{said}");
        said
    };
    // Each choice once: exactly one of them is right, and a wrong answer is told which.
    let graded: Vec<(usize, usize)> = (1..=4)
        .map(|choice| {
            let answer = choice.to_string();
            let said = typed(&[], &format!("{answer}\n{answer}\n{answer}\n"));
            assert!(said.contains("heartbeat simulate drill-3 --seed=7"), "{said}");
            (said.matches("Right. ").count(), said.matches(" is right. ").count())
        })
        .collect();
    assert_eq!(graded.iter().map(|(right, _)| right).sum::<usize>(), 3, "{graded:?}");
    assert!(graded.iter().all(|(right, wrong)| right + wrong == 3), "{graded:?}");

    let said = typed(&[], "seven\n0\n5\n2\n");
    assert_eq!(said.matches("A number from 1 to 4, then Enter.").count(), 3, "{said}");
    assert!(said.contains("No more answers came.") && said.contains(" of 1 right."), "{said}");
    assert!(typed(&[], "").contains("0 of 0 right."));
    let at_once = typed(&["--answers=1,2,3"], "");
    assert!(at_once.contains(" of 3 right.") && !at_once.contains("Your answer"), "{at_once}");
    for wrong in ["--answers=1,2", "--answers=1,2,5", "--level=6"] {
        assert_eq!(output(&["drill", wrong]).status.code(), Some(64), "{wrong}");
    }
    let replayed = text(&output(&["simulate", "drill-3", "--seed=7", "--text"]).stdout);
    assert!(replayed.starts_with("scenario drill-3\n"), "{replayed}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_drill_politely() {
    let mut process = Running(heartbeat(&["drill"]).stdin(Stdio::piped()).spawn().expect("the binary runs"));
    let mut stdout = process.0.stdout.take().expect("a pipe");
    let (mut said, mut part) = (Vec::new(), [0; 4096]);
    while !text(&said).contains("Your answer") {
        let read = stdout.read(&mut part).expect("it can be read");
        assert!(read > 0, "it ended: {}", text(&said));
        said.extend_from_slice(&part[..read]);
    }
    let asked = Command::new("kill").args(["-INT", &process.0.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    stdout.read_to_end(&mut said).expect("the rest");
    assert_eq!(process.0.wait().expect("its end").code(), Some(130));
    assert!(
        text(&said).contains("Stopped. The same drill again: heartbeat drill --seed=1 --level=1"),
        "{}",
        text(&said)
    );
}

/// With the own detector, found as a shell would.
fn evaluated_with(detector: &str, scenario: &str) -> Command {
    let mut command = heartbeat(&["evaluate", scenario, "--seeds=2", "--format=csv", "--detector", detector]);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

#[test]
fn a_detector_from_outside_has_the_figures_of_the_same_one_inside() {
    for scenario in ["crash", "lossy", "starved-observer", "redeploy"] {
        let output = evaluated_with("python3 examples/detectors/fixed_timeout.py", scenario).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{scenario}: {}", text(&output.stderr));
        let csv = text(&output.stdout);
        let of = |name: &str| csv.lines().find_map(|line| line.strip_prefix(name)).map(ToOwned::to_owned);
        assert!(of("fixed 3 s,").is_some(), "{csv}");
        assert_eq!(of("own,"), of("fixed 3 s,"), "{scenario}: {csv}");
        assert_eq!(csv.matches("own,").count(), 1, "it has no verdict: {csv}");
    }
}

#[test]
fn what_is_wrong_with_a_detector_from_outside_is_said() {
    // Answers the first line of each process well and what the arguments say to the next one, a wake.
    let script = std::env::temp_dir().join(format!("heartbeat-detector-{}.py", std::process::id()));
    let program = "import json, sys\n\
        for line in sys.stdin:\n    \
            asked = json.loads(line)\n    \
            if asked['type'] == 'start':\n        \
                print(json.dumps({'number': asked['number'], 'wake_ns': asked['first_ns']}), flush=True)\n    \
            elif sys.argv[1] == 'exit':\n        \
                sys.exit(3)\n    \
            elif sys.argv[1] == 'long':\n        \
                print('x' * 2000000, flush=True)\n    \
            else:\n        \
                print(sys.argv[1].replace('NUMBER', str(asked['number'])), flush=True)\n";
    std::fs::write(&script, program).expect("a file for temporary use");
    let said = |argument: &str| {
        let detector = format!("python3 {} {argument}", script.to_string_lossy());
        let output = evaluated_with(&detector, "crash").output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{argument}: {}", text(&output.stdout));
        assert_eq!(text(&output.stdout), "", "no figures");
        text(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (argument, wanted) in [
        ("exit", "ended (exit status: 3) instead"),
        ("long", "a line of more than 1048576 bytes"),
        ("junk", "a line that is no answer (expected value at line 1 column 1): junk"),
        ("{\"number\":NUMBER}", "missing field `wake_ns`"),
        ("{\"number\":NUMBER,\"wake_ns\":null,\"opinion\":{}}", "unknown field `opinion`"),
        ("{\"number\":0,\"wake_ns\":null}", "answered line 0 instead"),
        ("{\"number\":NUMBER,\"wake_ns\":1}", "wants to be woken at 1 when it is woken at"),
        ("{\"number\":NUMBER,\"wake_ns\":null,\"opinions\":{\"3\":\"down\"}}", "names node 3 as a peer of node"),
        ("{\"number\":NUMBER,\"wake_ns\":null,\"sends\":[{\"to\":9,\"message\":0}]}", "names node 9 as a peer of node"),
    ] {
        let said = said(argument);
        assert!(said.contains(wanted) && said.contains("This was asked: line 3, of type \"wake\"."), "{said}");
    }
    let _ = std::fs::remove_file(&script);
    let nowhere = evaluated_with("no-such-program --x", "crash").output().expect("it runs");
    assert_eq!(nowhere.status.code(), Some(64));
    assert!(text(&nowhere.stderr).contains("\"no-such-program --x\" cannot be started"), "{}", text(&nowhere.stderr));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_detector_from_outside_too() {
    // It does not answer, and ignores the end of its input.
    let sleeper = "sleep 98.7654";
    let mut process = Running(evaluated_with(sleeper, "crash").spawn().expect("the binary runs"));
    let id = process.0.id();
    let children = || std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    until("its detector runs", || children().split_whitespace().any(|child| command_line(child).contains("98.7654")));
    let detector = children().trim().to_owned();
    let asked = Command::new("kill").args(["-INT", &id.to_string()]).status().expect("kill runs");
    assert!(asked.success());
    let status = process.0.wait().expect("its end");
    assert_eq!(status.code(), Some(130));
    until("its detector has ended", || !command_line(&detector).contains("98.7654"));
}

/// As the first process of a container has no default reaction to a signal, it has to listen itself, before the runs and
/// while they last.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_what_computes_for_long() {
    let mut scenario = std::env::temp_dir();
    scenario.push(format!("heartbeat-long-{}", std::process::id()));
    std::fs::write(&scenario, "nodes 60\nlength 600s\n").expect("a file for temporary use");
    let long = scenario.to_string_lossy();
    let (interrupt, terminate) = (("INT", 2, 130), ("TERM", 15, 143));
    for (arguments, (name, number, code)) in [
        (["evaluate", "starved-grid"], interrupt),
        (["evaluate", "starved-grid"], terminate),
        (["simulate", &long], interrupt),
        (["simulate", &long], terminate),
    ] {
        let mut process = Running(heartbeat(&arguments).spawn().expect("the binary runs"));
        let id = process.0.id();
        until("it listens to the signal", || proc_status::has_signal(&id.to_string(), "SigCgt", number));
        let began = Instant::now();
        signal(name, id.into());
        let mut ended = None;
        until("it has ended", || {
            ended = process.0.try_wait().expect("its state");
            ended.is_some()
        });
        println!("{arguments:?}, SIG{name}: ended within {:?}", began.elapsed());
        assert_eq!(ended.and_then(|status| status.code()), Some(code), "{arguments:?}, SIG{name}");
        let mut said = String::new();
        process.0.stdout.take().expect("a pipe").read_to_string(&mut said).expect("it can be read");
        assert_eq!(said, "", "half of what {arguments:?} prints");
    }
    let _ = std::fs::remove_file(&scenario);
}

#[cfg(unix)]
fn command_line(process: &str) -> String {
    std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default()
}

#[test]
fn a_scenario_that_was_printed_can_be_played() {
    let printed = text(&output(&["simulate", "crash", "--text"]).stdout);
    let file = std::env::temp_dir().join(format!("heartbeat-scenario-{}", std::process::id()));
    std::fs::write(&file, &printed).expect("a file for temporary use");
    let played = output(&["simulate", &file.to_string_lossy()]);
    let again = output(&["simulate", "crash"]);
    std::fs::write(&file, "nodes many\n").expect("a file for temporary use");
    let wrong = output(&["simulate", &file.to_string_lossy()]);
    let _ = std::fs::remove_file(&file);
    assert_eq!(text(&played.stdout), text(&again.stdout));
    assert_eq!(wrong.status.code(), Some(64));
    assert!(text(&wrong.stderr).contains("line 1"), "{}", text(&wrong.stderr));
}

/// A demo whose nodes know and reach each other.
fn whole_mesh(nodes: usize) -> Demo {
    let demo = Demo::start(&[&format!("--nodes={nodes}")]);
    let waited = output(&["wait", "--all", "--timeout=60s", &format!("--expect={nodes}"), &demo.addr(0)]);
    assert_eq!(waited.status.code(), Some(0), "{}", text(&waited.stderr));
    assert!(text(&waited.stdout).contains("nodes reach each other"), "{}", text(&waited.stdout));
    demo
}

/// A command that runs until it is asked to stop, and the lines that it prints.
struct Follower {
    process: Running,
    lines: Receiver<String>,
}

impl Follower {
    fn start(arguments: &[&str]) -> Follower {
        let mut process = heartbeat(arguments).spawn().expect("the binary runs");
        let out = BufReader::new(process.stdout.take().expect("it was piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        Follower { process: Running(process), lines }
    }

    /// Reads on until a line has the words.
    #[track_caller]
    fn until(&self, words: &str) -> String {
        let mut said = Vec::new();
        let began = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(SOON.saturating_sub(began.elapsed())) {
            if line.contains(words) {
                return line;
            }
            said.push(line);
        }
        panic!("not within {SOON:?}: {words:?} in {said:#?}");
    }

    /// Reads on until each of these has been said, in whatever order.
    #[track_caller]
    fn until_all(&self, words: &[&str]) -> Vec<String> {
        let mut missing = words.to_vec();
        let mut said = Vec::new();
        while !missing.is_empty() {
            let line = self.until("");
            missing.retain(|words| !line.contains(words));
            said.push(line);
        }
        said
    }

    /// Asks it to stop as Ctrl-C does: the exit code, and the lines that were not read yet.
    fn interrupt(mut self) -> (Option<i32>, Vec<String>) {
        signal("INT", u64::from(self.process.0.id()));
        let code = self.process.0.wait().expect("it ends").code();
        (code, self.lines.iter().collect())
    }
}

/// What a command prints, once it has ended as expected.
#[track_caller]
fn printed(code: i32, arguments: &[&str]) -> String {
    let output = output(arguments);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{err}");
    let is_plain = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
    assert!(is_plain(&out) && is_plain(&err), "{arguments:?}: {out:?}{err:?}");
    out + &err
}

#[track_caller]
fn parsed(code: i32, arguments: &[&str]) -> Value {
    let out = printed(code, arguments);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
}

#[cfg(unix)]
#[test]
fn a_whole_mesh_is_shown_and_judged_and_so_is_one_that_lost_a_node() {
    let mut demo = whole_mesh(3);
    let addr = &*demo.addr(0);
    assert!(printed(0, &["verify", "--expect=3", addr]).starts_with("all 3 nodes reach each other"));
    let miscounted = printed(1, &["verify", "--expect=4", addr]);
    assert!(miscounted.contains("! expected 4 nodes, found 3: node-1, node-2 and node-3"), "{miscounted}");
    assert_eq!(parsed(0, &["verify", "--json", addr])["whole"], true);
    let matrix = printed(0, &["matrix", addr]);
    assert!(matrix.contains("\nas reported by node-1:\nOBSERVER  REPORTED  node-1"), "{matrix}");
    // Figures come with the first scheduled pings; the mesh may be whole before.
    until("there are round trips", || printed(0, &["matrix", "--rtt", addr]).contains(" / "));
    until("there is loss, of nothing", || printed(0, &["matrix", "--loss", addr]).contains("0 %"));
    assert_eq!(parsed(0, &["matrix", "--json", addr])["members"].as_array().map(Vec::len), Some(3));
    let info = printed(0, &["info", addr]);
    assert!(info.starts_with("node-1 (ready)\n") && info.contains("2 alive") && info.contains("--peers="), "{info}");
    let info = parsed(0, &["info", "--json", addr]);
    assert!(info["node"]["metrics_port"].is_u64() && info["config"]["settings"].is_array(), "{info}");
    assert_eq!(info["cluster"]["whole"], true);
    assert!(printed(0, &["wait", "node-2", "node-3", addr]).starts_with("node-2 and node-3 are up"));

    kill(&demo.nodes[2]["process_id"]);
    demo.read_until("node-3 has ended");
    demo.await_members(0, "1 of 2 peers up", 1);
    // Its end is seen by both others; one of them may be a moment behind.
    until("both say so", || printed(1, &["verify", addr]).starts_with("node-3 has been down for "));
    let verdict = printed(1, &["verify", addr]);
    assert!(verdict.contains("what to do:\n  node-3: start it; read its last log lines"), "{verdict}");
    assert_eq!(parsed(1, &["verify", "--json", addr])["whole"], false);
    let matrix = printed(0, &["matrix", addr]);
    let row = matrix.lines().rfind(|line| line.starts_with("node-3 ")).expect("its row");
    assert!(row.contains(" ago") || row.contains("never"), "{matrix}");
    assert!(!row.contains("ms"), "what it said before is no news: {matrix}");
    assert!(printed(0, &["wait", "node-2", addr]).starts_with("node-2 is up"));
    let late = printed(75, &["wait", "node-3", "node-9", "--timeout=600ms", addr]);
    assert!(late.contains("node-3 is down and does not answer; node-9 is not known"), "{late}");
    assert!(printed(75, &["wait", "--timeout=0", addr]).contains("node-3 has been down for "));
    let late = parsed(75, &["wait", "--json", "--timeout=0", addr]);
    assert_eq!((&late["reached"], late["missing"].as_array().map(Vec::len)), (&Value::Bool(false), Some(1)));
}

#[cfg(unix)]
#[test]
fn who_watches_is_told_of_changes_until_ctrl_c() {
    let demo = whole_mesh(3);
    let addr = &*demo.addr(0);
    let matrix = Follower::start(&["matrix", "--watch", addr]);
    let matrix_json = Follower::start(&["matrix", "--watch", "--json", addr]);
    let monitor = Follower::start(&["monitor", addr]);
    let monitor_json = Follower::start(&["monitor", "--json", addr]);
    let waiting = Follower::start(&["wait", "node-9", addr]);
    matrix.until("all 3 nodes reach each other");
    matrix_json.until(r#""whole":true"#);
    monitor.until("mesh: all 3 nodes reach each other");
    monitor_json.until("mesh_changed");
    monitor.until("node-1: node-3 is online");

    kill(&demo.nodes[2]["process_id"]);
    matrix.until("node-3 has been down");
    matrix_json.until(r#""verdict":"down""#);
    monitor.until("node-1: node-3 is down");
    monitor_json.until("peer_down");
    for (follower, is_json) in [(matrix, false), (matrix_json, true), (monitor, false), (monitor_json, true)] {
        let (code, rest) = follower.interrupt();
        assert_eq!(code, Some(0), "{rest:?}");
        assert!(!is_json || rest.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{rest:?}");
        assert!(rest.iter().all(|line| !line.contains('\x1b')), "{rest:?}");
    }
    assert_eq!(waiting.interrupt().0, Some(130));
}

#[cfg(unix)]
#[test]
fn a_monitor_outlives_the_node_that_it_asks() {
    let mut demo = whole_mesh(2);
    let monitor = Follower::start(&["monitor", &demo.addr(1)]);
    let as_json = Follower::start(&["monitor", "--json", &demo.addr(1)]);
    let matrix = Follower::start(&["matrix", "--watch", &demo.addr(1)]);
    monitor.until("node-1 is online");
    as_json.until("mesh_changed");
    matrix.until("both nodes reach each other");
    kill(&demo.nodes[1]["process_id"]);
    demo.read_until("node-2 has ended");
    monitor.until("no answer from");
    as_json.until("contact_lost");
    matrix.until("no answer from");
    let restart = demo.nodes[1]["restart"].as_str().expect("a line for a shell");
    let again =
        Command::new("sh").args(["-c", &format!("exec {restart}")]).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let _again = Running(again.expect("a shell"));
    // Two tasks ask, so the order may differ.
    let news = ["answers again after", "mesh: both nodes reach each other", "node-2: node-1 is online"];
    let said = monitor.until_all(&news);
    assert!(said.iter().any(|line| line.ends_with(", restarted")), "{said:#?}");
    assert!(as_json.until("contact_restored").contains(r#""restarted":true"#));
    matrix.until("both nodes reach each other");
    for follower in [monitor, as_json, matrix] {
        assert_eq!(follower.interrupt().0, Some(0));
    }
}

/// Every command that asks a node, with what it needs to be asked.
const ASKING: &[&[&str]] = &[
    &["members"],
    &["why", "node-2"],
    &["matrix"],
    &["matrix", "--watch"],
    &["events"],
    &["events", "--follow"],
    &["incidents"],
    &["monitor"],
    &["verify"],
    &["wait", "--timeout=0"],
    &["info"],
    &["maint"],
];

#[test]
fn a_node_that_cannot_be_reached_is_said_so() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("some port is free");
    let port = taken.local_addr().expect("it is bound").port();
    drop(taken);
    for json in [&[][..], &["--json"]] {
        for command in ASKING {
            let addr = format!("--addr=127.0.0.1:{port}");
            let said = printed(69, &[*command, json, &[&*addr]].concat());
            assert!(said.contains("refused"), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_wrong_command_line_is_said_so_and_nobody_is_asked() {
    for (arguments, words) in [
        (&["matrix", "--rtt", "--loss"][..], "cannot be used with"),
        (&["wait", "--all", "node-2"][..], "cannot be used with"),
        (&["wait", "--timeout=5"][..], "5ms or 5s"),
        (&["verify", "--expect=0"][..], "--expect"),
        (&["incidents", "--limit=5000"][..], "--limit"),
        (&["info", "--addr=a b"][..], "accepted: host:port"),
        (&["monitor", "node-2"][..], "unexpected argument"),
    ] {
        let said = printed(64, arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

/// Answers everything with this body, for as long as the test runs.
fn impostor(body: &'static str) -> u16 {
    pretender(move |_| Some((200, body)))
}

/// Answers each path with a status and a body until there is none; from then on it takes connections and says nothing.
fn pretender(mut answer: impl FnMut(&str) -> Option<(u16, &'static str)> + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("some port is free");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = BufReader::new(&stream).lines().map_while(Result::ok);
            let first = head.next().unwrap_or_default();
            while head.next().is_some_and(|line| !line.is_empty()) {}
            let Some((status, body)) = answer(first.split(' ').nth(1).unwrap_or_default()) else {
                silent.push(stream);
                continue;
            };
            let length = body.len();
            // The reader may not want to read it all.
            let _ =
                write!(stream, "HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        }
    });
    port
}

#[test]
fn a_wait_ends_in_time_and_keeps_what_it_saw() {
    let wait = |code, timeout: &str, node: &dyn Fn() -> u16| {
        let ask = |json: &[&str]| {
            let [timeout, addr] = [format!("--timeout={timeout}"), format!("--addr=127.0.0.1:{}", node())];
            printed(code, &[&["wait", &timeout, &addr], json].concat())
        };
        (ask(&[]), serde_json::from_str::<Value>(&ask(&["--json"])).expect("one object"))
    };
    // As long as was asked for, and not as long as a question may take.
    let (said, told) = wait(69, "100ms", &|| pretender(|_| None));
    assert!(said.contains("no answer within 0.5 s"), "{said}");
    assert!(told["missing"][0].as_str().is_some_and(|why| why.contains("no answer within 0.5 s")), "{told}");
    // The first look succeeds and no other.
    let falls_silent = || {
        let mut first = Some((200, r#"{"whole":false,"sentence":"node-3 is down"}"#));
        pretender(move |_| first.take())
    };
    let (said, told) = wait(75, "2s", &falls_silent);
    assert!(said.contains("node-3 is down; http://127.0.0.1"), "{said}");
    assert_eq!((&told["sentence"], &told["missing"][0]), (&"node-3 is down".into(), &"node-3 is down".into()));
    let refusals = [
        (503, r#"{"detail":"not ready"}"#, "503: not ready"),
        (404, r#"{"title":"no such path"}"#, "404: no such path"),
    ];
    for (status, body, words) in refusals {
        let (said, told) = wait(75, "0", &|| pretender(move |_| Some((status, body))));
        assert!(said.contains("not now: http://127.0.0.1") && said.contains(words), "{said}");
        assert_eq!(told["reached"], false);
    }
}

#[cfg(unix)]
#[test]
fn a_monitor_shows_the_nodes_own_events_and_that_they_are_followed_again() {
    let mut refused = false;
    let node = pretender(move |path| {
        Some(match path {
            "/api/v1/cluster" => (200, r#"{"node":"node-1","whole":true,"sentence":"fine"}"#),
            "/api/v1/node" => (200, r#"{"boot":"b"}"#),
            "/api/v1/events?limit=1" => {
                (200, r#"{"events":[{"seq":900,"from":"node-2","message":"foreign"}],"next":30}"#)
            }
            "/api/v1/events?since=18" if std::mem::replace(&mut refused, true) => {
                (200, "data: {\"seq\":30,\"node\":\"node-1\",\"message\":\"its own\"}\n\n")
            }
            "/api/v1/events?since=18" => (503, r#"{"detail":"too many"}"#),
            "/api/v1/events?since=30" => (200, "data: {\"seq\":31,\"node\":\"node-1\",\"message\":\"the next\"}\n\n"),
            _ => (404, "{}"),
        })
    });
    let monitor = Follower::start(&["monitor", &format!("--addr=127.0.0.1:{node}")]);
    let said =
        monitor.until_all(&["its events cannot be followed", "followed again", "node-1: its own", "node-1: the next"]);
    assert!(said.iter().all(|line| !line.contains("foreign")), "{said:?}");
    assert_eq!(monitor.interrupt().0, Some(0));
}

#[test]
fn what_is_no_node_cannot_break_a_terminal() {
    // A name that clears the screen, in every place where one may stand.
    const HOSTILE: &str = r#"{"node":"\u001b[2Jx\u202e","state":"\u001b[2J","sentence":"\u001b[2J\n","whole":false,
        "members":["\u001b[2J"],"rows":[{"observer":"\u001b[2J","heard":"now","cells":[{"peer":"\u001b[2J","state":"\u001b[2J"}]}],
        "nodes":[{"node":"\u001b[2J","verdict":"down","heard":"now","missed_by":["\u001b[2J"]}],
        "findings":[{"weight":"fault","text":"\u001b[2J\u009b"}],"mismatches":[{"observer":"\u001b[2J","missing":["\u001b[2J"]}],
        "peers":[{"key":"\u001b[2J","node":"\u001b[2J","state":"\u001b[2J","verdict":"\u001b[2J"}],
        "events":[{"seq":1,"at":"\u001b[2J","node":"\u001b[2J","sentence":"\u001b[2J"}],
        "open":1,"incidents":[{"open":true,"began_at":"\u001b[2J","verdict":"\u001b[2J","from":"\u001b[2J","story":"\u001b[2J"}],
        "settings":[{"name":"\u001b[2J","value":"\u001b[2J","source":"\u001b[2J"}],"maintenance":{"reason":"\u001b[2J"},
        "explanation":"\u001b[2J","decision":{"rule":"\u001b[2J","class":"\u001b[2J","vouchers":["\u001b[2J"]},
        "pings":[{"result":"\u001b[2J","reason":"\u009b"}]}"#;
    let addr = format!("--addr=127.0.0.1:{}", impostor(HOSTILE));
    for (command, code) in [("members", 0), ("matrix", 0), ("events", 0), ("incidents", 0), ("verify", 1), ("maint", 0)]
    {
        let said = printed(code, &[command, &addr]);
        assert!(said.contains('?'), "{command}: {said}");
    }
    assert!(printed(75, &["wait", "--timeout=0", &addr]).contains('?'));
    assert!(printed(0, &["why", "node-2", &addr]).contains('?'));
    let addr = format!("--addr=127.0.0.1:{}", impostor("<html>not a node</html>"));
    for command in ASKING {
        // The node may still be starting up, as it often is when `wait` is used.
        let code = if command[0] == "wait" { 75 } else { 1 };
        let said = printed(code, &[*command, &[&*addr]].concat());
        assert!(said.contains("the node's answer is not"), "{command:?}: {said}");
    }
}

#[test]
fn a_node_of_a_later_version_is_shown_as_far_as_it_is_understood() {
    // Words, fields and levels that are new, and null where this version knows none.
    let node = pretender(|path| {
        Some((
            200,
            match path.split('?').next().unwrap_or_default() {
                "/api/v1/peers" => {
                    r#"{"node":"a","state":"half_asleep","mood":[1],"peers":[{"key":"b","state":"hibernating","expected":true,
                    "verdict":"lost_in_thought","evidence":"yawn","rtt":null,"restarts":null,"aura":{"blue":null}}]}"#
                }
                "/api/v1/why/b" => {
                    r#"{"explanation":"b dreams","observer":null,"peer":{"state":"hibernating"},"decision":{"rule":"whim",
                    "verdict":"lost_in_thought","witnesses":[{"witness":"c","said":"not_sure"}]},
                    "pings":[{"purpose":"fun","result":"echoed_twice","reason":"yawn"}]}"#
                }
                "/api/v1/node" => {
                    r#"{"node":"a","state":"half_asleep","peers":{"hibernating":2},"discovery":null,"metrics_port":null}"#
                }
                "/api/v1/config" => r#"{"settings":[{"name":"dream","value":"deep","source":"oracle","of":"x"}]}"#,
                "/api/v1/events" => {
                    r#"{"next":2,"events":[{"seq":1,"event":"dream","level":"whisper","sentence":"b dreams"}]}"#
                }
                "/api/v1/incidents" => r#"{"node":"a","incidents":[{"verdict":"lost_in_thought","story":"b dreams"}]}"#,
                "/api/v1/maintenance" => r#"{"node":"a","peers":[{"key":"b","state":"hibernating","kind":"rest"}]}"#,
                "/api/v1/matrix" => {
                    r#"{"node":"a","sentence":"b dreams","whole":null,"members":["a","b"],"rows":[{"observer":"a","heard":"now",
                    "cells":[{"peer":"b","reading":"bad","state":"hibernating","verdict":"lost_in_thought","loss":null}]}]}"#
                }
                _ => {
                    r#"{"node":"a","sentence":"b dreams","findings":[{"weight":"rumour","text":"b yawned"}],
                    "nodes":[{"node":"b","verdict":"lost_in_thought","heard":"in_a_dream","missed_by":null}]}"#
                }
            },
        ))
    });
    let addr = &*format!("--addr=127.0.0.1:{node}");
    for (code, command, words) in [
        (1, &["members"][..], &["a (half asleep): 0 of 1 peers up", "hibernating", "lost in thought (yawn)"][..]),
        (0, &["why", "b"], &["b dreams", "whim: -", "lost in thought", "not_sure", "fun", "echoed twice"]),
        (0, &["info"], &["a (half asleep)", "2 hibernating", "--dream=deep (oracle)"]),
        (0, &["events"], &["    1  ", "b dreams"]),
        (0, &["incidents"], &["1 incident shown, none open", "lost in thought", "b dreams"]),
        (0, &["maint"], &["b (hibernating) is not in maintenance"]),
        (0, &["matrix"], &["b dreams", "lost in thought"]),
        (1, &["verify"], &["b dreams", "- b yawned"]),
        (75, &["wait", "b", "--timeout=0"], &["b is lost in thought and does not answer"]),
    ] {
        let said = printed(code, &[command, &[addr]].concat());
        assert!(words.iter().all(|words| said.contains(words)), "{command:?}: {said}");
    }
}

#[test]
fn incidents_are_a_table_or_the_nodes_own_words() {
    const ANSWER: &str = r#"{"node":"node-1","open":1,"incidents":[
        {"id":3,"open":true,"verdict":"down","nodes":["node-3"],"observers":["node-1","node-2"],"began_at":"2026-11-26T02:10:00.123Z",
         "ended_at":null,"lasted_ms":130000,"from":null,"story":"node-3 was down for 2 min 10 s (refused); node-1 and node-2 agreed"}]}"#;
    let addr = &*format!("--addr=127.0.0.1:{}", impostor(ANSWER));
    let table = printed(0, &["incidents", addr]);
    assert!(table.starts_with("node-1: 1 incident shown, 1 open\nSINCE "), "{table}");
    assert!(table.contains("  open   2 min 10 s  down     .     node-3 was down for 2 min 10 s"), "{table}");
    assert_eq!(parsed(0, &["incidents", "--json", "--limit=1", addr])["open"], 1);
}

#[test]
fn every_command_has_help_with_examples_and_is_completed() {
    let help = printed(0, &["--help"]);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.contains(&"matrix") && commands.contains(&"wait"), "{help}");
    for shell in ["bash", "zsh", "fish"] {
        let script = printed_script(shell);
        for command in &commands {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(script.contains("expect") && script.contains("timeout"), "{shell}");
    }
    for command in commands.iter().filter(|command| **command != "config") {
        let help = printed(0, &[command, "--help"]);
        assert!(help.contains("Examples:\n  ") && help.contains(&format!("heartbeat {command}")), "{help}");
        assert!(*command == "completions" || help.contains("Exit codes:"), "{help}");
    }
    for command in ASKING {
        let help = printed(0, &[command[0], "--help"]);
        assert!(help.contains("--addr <HOST:PORT>") && help.contains("--json"), "{help}");
    }
}

/// A script has tabs.
fn printed_script(shell: &str) -> String {
    let output = output(&["completions", shell]);
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout)
}
