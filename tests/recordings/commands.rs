//! What every command that asks a node prints, as text and as JSON, when the node answers as recorded in `api`.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the tests start the commands")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;

use super::api::paths;
use super::stand_in::{MOMENTS, Reply, answers};
use super::{all_as_recorded, compare, masked};

/// Far above what a line takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);
/// Of a command whose answer came too late.
const ATTEMPTS: usize = 10;

/// Every command that asks a node and ends by itself.
const COMMANDS: &[&[&str]] = &[
    &["members"],
    &["why", "node-2"],
    &["why", "node-3"],
    &["why", "nobody"],
    &["matrix"],
    &["events"],
    &["events", "--peer=node-3", "--limit=2"],
    &["incidents"],
    &["verify"],
    &["verify", "--expect=9"],
    &["wait", "--timeout=0"],
    &["wait", "--timeout=0", "node-2", "node-3", "node-9"],
    &["info"],
    &["maint"],
];

/// Those whose flags change the text alone.
const TEXT_ONLY: &[&[&str]] = &[&["matrix", "--rtt"], &["matrix", "--loss"], &["healthcheck"]];

/// Those that run until they are stopped, and the lines to read of them besides one for each event.
const FOLLOWING: &[(&[&str], usize)] = &[(&["monitor"], 1), (&["events", "--follow"], 0)];

/// Those that ask no node.
const ALONE: &[&[&str]] = &[&["simulate", "--list"], &["simulate", "crash"], &["simulate", "crash", "--text"]];

#[test]
fn every_command_prints_what_is_recorded() {
    all_as_recorded(MOMENTS.iter().map(|moment| {
        let mut paths = paths(*moment);
        paths.push("/readyz".to_owned());
        let node = Node::start(answers(*moment, &paths));
        let mut text = String::new();
        for command in COMMANDS {
            text += &node.printed(command, &[]);
            text += &node.printed(command, &["--json"]);
        }
        for command in TEXT_ONLY {
            text += &node.printed(command, &[]);
        }
        for (command, more) in FOLLOWING {
            text += &node.followed(command, &[], node.events.len() + more);
            text += &node.followed(command, &["--json"], node.events.len() + more);
        }
        compare(&format!("commands/{}.txt", moment.scenario), &text)
    }));
}

#[test]
fn a_simulation_prints_what_is_recorded() {
    let mut text = String::new();
    for command in ALONE {
        text += &printed(command, &[], None);
    }
    text += &printed(&["simulate", "crash"], &["--json"], None);
    all_as_recorded([compare("commands/simulate.txt", &text)]);
}

/// A node that answers what was recorded of another.
struct Node {
    port: u16,
    events: Arc<Vec<Value>>,
}

impl Node {
    fn start(answers: BTreeMap<String, Reply>) -> Node {
        let listed = serde_json::from_str::<Value>(&answers["/api/v1/events"].text).expect("JSON");
        let events = Arc::new(listed["events"].as_array().expect("events").clone());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let told = Arc::clone(&events);
        std::thread::spawn(move || {
            // Streams stay open until the commands have ended.
            let mut streams = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                streams.extend(serve(stream, &answers, &told));
            }
        });
        Node { port, events }
    }

    /// The command, how it ended, and what it printed.
    fn printed(&self, command: &[&str], more: &[&str]) -> String {
        printed(command, more, Some(self.port))
    }

    /// The first `lines` lines of a command that runs until it is stopped.
    fn followed(&self, command: &[&str], more: &[&str], lines: usize) -> String {
        let mut process = heartbeat(command, more, Some(self.port)).spawn().expect("the binary runs");
        let out = BufReader::new(process.stdout.take().expect("it was piped"));
        let (sender, receiver) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        let mut text = format!("\n$ heartbeat {}: goes on\n", [command, more].concat().join(" "));
        for _ in 0..lines {
            let line = receiver.recv_timeout(LONG).unwrap_or_else(|_| "(no further line)".to_owned());
            text += &tidy(&(line + "\n"), Some(self.port));
        }
        process.kill().expect("a child can be killed");
        process.wait().expect("it was killed");
        text
    }
}

/// Answers one request; gives the stream back if it is to stay open.
fn serve(mut stream: TcpStream, answers: &BTreeMap<String, Reply>, events: &[Value]) -> Option<TcpStream> {
    let mut head = BufReader::new(&stream).lines().map_while(Result::ok);
    let first = head.next().unwrap_or_default();
    let headers: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
    let path = first.split(' ').nth(1).unwrap_or_default();
    if headers.iter().any(|line| line.to_ascii_lowercase().starts_with("accept: text/event-stream")) {
        let mut body = String::from("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n");
        for event in events {
            let _ = write!(body, "id: {}\ndata: {event}\n\n", event["seq"]);
        }
        stream.write_all(body.as_bytes()).ok()?;
        return Some(stream);
    }
    // Filters are the node's, and recorded in `api`; a path asked with others gets all there is.
    let reply = answers.get(path).or_else(|| answers.get(path.split('?').next().unwrap_or_default()));
    let missing = Reply { status: 404, text: format!(r#"{{"detail":"not recorded: {path}"}}"#) };
    let Reply { status, text } = reply.unwrap_or(&missing);
    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
    // The reader may not want to read it all.
    let _ = stream.write_all(format!("{head}{text}").as_bytes());
    None
}

fn heartbeat(command: &[&str], more: &[&str], port: Option<u16>) -> Command {
    let mut heartbeat = Command::new(env!("CARGO_BIN_EXE_heartbeat"));
    let address = port.map(|port| format!("--addr=127.0.0.1:{port}"));
    heartbeat.env_clear().args(command).args(more).args(address);
    heartbeat.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    heartbeat
}

fn printed(command: &[&str], more: &[&str], port: Option<u16>) -> String {
    let line = [command, more].concat().join(" ");
    let mut text = String::new();
    // On a machine that is too busy an answer may come too late for `wait`. What is recorded is the answer.
    for _ in 0..ATTEMPTS {
        let output = heartbeat(command, more, port).output().expect("the binary runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
        text = format!("\n$ heartbeat {line}: exit code {code}\n{}", tidy(&said, port));
        if !said.contains("no answer within") {
            break;
        }
    }
    text
}

/// Without what changes from run to run: the port, times, and how long a command waited.
fn tidy(text: &str, port: Option<u16>) -> String {
    let text = masked(text);
    let text = match port {
        Some(port) => text.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:8001"),
        None => text,
    };
    let Some((before, after)) = text.split_once(r#""waited_ms":"#) else { return text };
    format!(r#"{before}"waited_ms":0{}"#, after.trim_start_matches(|c: char| c.is_ascii_digit()))
}
