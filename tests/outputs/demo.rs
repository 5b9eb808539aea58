//! A running `heartbeat demo`: its lines, its nodes, and commands that ask them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ports;

/// Far above what a loaded machine needs.
pub const SOON: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(25);
/// Where the pages say that the program is.
const SHOWN_PROGRAM: &str = "target/release/heartbeat";

pub struct Demo {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    /// Port and process of each node, in the order of their names.
    nodes: Vec<(u16, u32)>,
    /// The first of their metrics ports.
    metrics: u16,
}

/// The program, with nothing of the caller's environment.
pub fn heartbeat() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartbeat"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// Sends a signal by its short name.
pub fn signal(process: u32, name: &str) {
    let order = format!("kill -{name} {process}");
    // The shell's own `kill`: not every machine has the program.
    let status = Command::new("sh").args(["-c", &order]).status().expect("a shell can be started");
    assert!(status.success(), "{order}: {status}");
}

impl Demo {
    /// Three nodes that see each other.
    pub fn start() -> Demo {
        let mut command = heartbeat();
        command.args(["demo", "--base-port", &ports::free_in_a_row(3).to_string()]);
        // Of its own: demos that look for free ports at the same moment find the same ones.
        let metrics = ports::free_in_a_row(3);
        command.env("HEARTBEAT_METRICS_PORT", metrics.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the demo starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (output, kept) = (child.stdout.take().expect("was piped"), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let mut demo = Demo { child, lines, nodes: Vec::new(), metrics };
        demo.wait(0, &["Ctrl-C here stops them all."]);
        demo.nodes = demo.lines().iter().filter_map(|line| node(line)).collect();
        assert_eq!(demo.nodes.len(), 3, "{:?}", demo.lines());
        for observer in 1..=3 {
            for peer in (1..=3).filter(|peer| *peer != observer) {
                demo.wait(0, &[&format!("node-{observer} | "), &format!("node-{peer} is online")]);
            }
        }
        // A mesh that has run for seconds: before that, tables have no figures yet.
        let began = Instant::now();
        while (1..=3).any(|node| demo.ask(node, "heartbeat members").split_whitespace().any(|word| word == "-")) {
            assert!(began.elapsed() < SOON, "{}", demo.ask(1, "heartbeat members"));
            std::thread::sleep(POLL);
        }
        demo
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of lines so far: where a search begins.
    pub fn mark(&self) -> usize {
        self.lines().len()
    }

    /// The first line after `mark` that has all pieces, when it is there.
    pub fn wait(&self, mark: usize, pieces: &[&str]) -> String {
        let began = Instant::now();
        loop {
            let lines = self.lines();
            if let Some(line) = lines.iter().skip(mark).find(|line| pieces.iter().all(|piece| line.contains(piece))) {
                return self.shown(line);
            }
            assert!(began.elapsed() < SOON, "no line with {pieces:?} in\n{}", lines.join("\n"));
            std::thread::sleep(POLL);
        }
    }

    /// Those lines, one for each list of pieces, in the order in which they came.
    pub fn wait_all(&self, mark: usize, wanted: &[&[&str]]) -> String {
        let found: Vec<String> = wanted.iter().map(|pieces| self.wait(mark, pieces)).collect();
        let lines = self.lines().into_iter().skip(mark).map(|line| self.shown(&line));
        lines.filter(|line| found.contains(line)).map(|line| line + "\n").collect()
    }

    /// What the demo prints before its nodes.
    pub fn introduction(&self) -> String {
        let lines = self.lines();
        let start = lines
            .iter()
            .position(|line| line.contains("on this machine, each a process of its own"))
            .expect("an introduction");
        let end = lines.iter().position(|line| line.starts_with("Ctrl-C here")).expect("its end");
        let lines: Vec<String> = lines[start..=end].iter().map(|line| self.shown(line)).collect();
        // The path of the program has another length here, and the column after it stands elsewhere.
        let split = |line: &str| {
            line.strip_prefix("  ")
                .and_then(|line| line.split_once("  "))
                .map(|(a, b)| (a.trim().to_owned(), b.trim().to_owned()))
        };
        let is_idea = |line: &str| split(line).is_some_and(|(order, _)| !order.starts_with("node-"));
        let width = lines
            .iter()
            .filter(|line| is_idea(line))
            .filter_map(|line| split(line))
            .map(|(order, _)| order.len())
            .max();
        let aligned = lines.iter().map(|line| match (split(line), width) {
            (Some((order, effect)), Some(width)) if is_idea(line) => format!("  {order:width$}  {effect}\n"),
            _ => format!("{line}\n"),
        });
        aligned.collect()
    }

    /// Where a node answers.
    pub fn port(&self, node: usize) -> u16 {
        self.nodes[node - 1].0
    }

    /// Sends a signal to a node.
    pub fn signal(&self, node: usize, name: &str) {
        signal(self.nodes[node - 1].1, name);
    }

    /// Starts a node again by the line that the demo printed. It ends with the returned value.
    pub fn restart(&self, mark: usize) -> Restarted {
        self.wait(mark, &["to start it again"]);
        let lines = self.lines();
        let line = lines.iter().skip(mark).find(|line| line.contains("to start it again")).expect("was waited for");
        let (_, order) = line.split_once(" terminal: ").expect("a command");
        let (_, arguments) = order.split_once(" run ").expect("`run` and its arguments");
        let mut command = heartbeat();
        command.arg("run").args(arguments.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
        Restarted(command.spawn().expect("the node starts again"))
    }

    /// What a command prints about the mesh as a node sees it, below the command as a reader would type it.
    pub fn ask(&self, node: usize, shown: &str) -> String {
        let (_, arguments) = shown.split_once(' ').expect("a command and its arguments");
        let given = arguments.split(' ').filter(|word| !word.starts_with("--addr"));
        let address = format!("--addr=:{}", self.nodes[node - 1].0);
        let output = heartbeat().args(given).arg(address).output().expect("the command runs");
        let text = String::from_utf8(output.stdout).expect("text");
        format!("$ {shown}\n{}", text.lines().map(|line| self.shown(line) + "\n").collect::<String>())
    }

    /// A line as it is on a machine where the usual ports are free.
    fn shown(&self, line: &str) -> String {
        let mut line = line.replace(env!("CARGO_BIN_EXE_heartbeat"), SHOWN_PROGRAM);
        let places = (8001..).zip(self.nodes.iter().map(|(port, _)| *port));
        for (usual, port) in places.chain((9100..).zip(self.metrics..self.metrics + 3)) {
            line = line
                .replace(&format!(":{port}"), &format!(":{usual}"))
                .replace(&format!("={port}"), &format!("={usual}"));
        }
        // The usual metrics port is the second free one from 9100 on; here other tests may have it.
        if let Some((before, rest)) = line.split_once("metrics on http://localhost:")
            && let Some((_, after)) = rest.split_once('/')
        {
            line = format!("{before}metrics on http://localhost:9101/{after}");
        }
        line.trim_end().to_owned()
    }
}

/// `  node-1  http://localhost:8001/  process 4045`
fn node(line: &str) -> Option<(u16, u32)> {
    let (places, process) = line.trim().strip_prefix("node-")?.split_once("  process ")?;
    let url = places.split_once("/  ")?.0;
    Some((url.rsplit(':').next()?.parse().ok()?, process.trim().parse().ok()?))
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Its nodes end with their standard input, which the demo holds.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub struct Restarted(Child);

impl Drop for Restarted {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
