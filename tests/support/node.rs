//! One real `heartbeat` process: started, asked, signalled, and dead at the latest when this value is dropped.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::door::Door;
use super::http::{self, Response};
use super::log::Log;
use super::metrics::Scrape;
use super::{SOON, check, proc_status};

/// Where a node runs and what it is called.
#[derive(Clone, Debug)]
pub struct Host {
    pub name: String,
    pub address: SocketAddr,
    pub metrics_port: u16,
    /// The network namespace it runs in, if not this one.
    pub namespace: Option<String>,
}

impl Host {
    /// The program, where this host is: a node to be started, or a command run on this host. Nothing of the
    /// caller's environment configures it; what tunes the allocator of the C library stays.
    pub fn heartbeat(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_heartbeat");
        let mut command = match &self.namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, program]);
                command
            }
        };
        let kept = std::env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            name == "PATH" || name.starts_with("MALLOC_")
        });
        command.env_clear().envs(kept);
        command
    }
}

pub struct Node {
    pub host: Host,
    arguments: Vec<String>,
    /// Variables beside those that every test node gets.
    variables: Vec<(&'static str, String)>,
    /// What requests show, beside what every request has.
    read_token: Option<String>,
    child: Option<Child>,
    /// Opened when a node in a namespace is first asked.
    door: OnceLock<Door>,
    /// Where tests reach it instead, if it speaks what they do not.
    entrance: Option<SocketAddr>,
    /// Of all runs of this node, one after the other.
    pub log: Log,
    born: Instant,
}

impl Node {
    /// A node that is not started yet. `arguments` follow those that every test node gets.
    pub fn new(host: Host, arguments: Vec<String>) -> Node {
        Node {
            host,
            arguments,
            variables: Vec::new(),
            read_token: None,
            child: None,
            door: OnceLock::new(),
            entrance: None,
            log: Log::default(),
            born: Instant::now(),
        }
    }

    /// Gives it another list of peers than the plan did. Before it is started.
    pub fn replace_peers(&mut self, peers: &str) {
        let place = self.arguments.iter().position(|argument| argument == "--peers").expect("every plan has peers");
        self.arguments[place + 1] = peers.to_owned();
    }

    /// The list of peers that it is given.
    pub fn peers(&self) -> &str {
        let place = self.arguments.iter().position(|argument| argument == "--peers").expect("every plan has peers");
        &self.arguments[place + 1]
    }

    /// Gives it another value for an argument that it has. Before it is started.
    pub fn replace_argument(&mut self, name: &str, value: &str) {
        self.remove_argument(name);
        self.add_arguments(&[name, value]);
    }

    /// Takes away an argument and its value, if it has them. Before it is started.
    pub fn remove_argument(&mut self, name: &str) {
        if let Some(place) = self.arguments.iter().position(|argument| argument == name) {
            self.arguments.drain(place..place + 2);
        }
    }

    /// Has tests ask it through `address`.
    pub fn set_entrance(&mut self, address: SocketAddr) {
        self.entrance = Some(address);
    }

    pub fn add_arguments(&mut self, arguments: &[&str]) {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    }

    /// Gives it a variable of the environment. Before it is started.
    pub fn set_variable(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// Reads it with this token from now on.
    pub fn read_with(&mut self, token: &str) {
        self.read_token = Some(token.to_owned());
    }

    /// Starts the process; returns the moment just before.
    pub fn start(&mut self) -> Instant {
        assert!(self.child.is_none(), "{} is already running", self.host.name);
        let mut command = self.host.heartbeat();
        command.args(["run", "--log-format", "json", "--node", &self.host.name]);
        command.args(["--port", &self.host.address.port().to_string()]);
        command.args(["--metrics-port", &self.host.metrics_port.to_string()]);
        command.args(&self.arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let began = Instant::now();
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{} does not start: {error}", self.host.name));
        self.log.follow(child.stdout.take().expect("was piped"));
        self.log.follow(child.stderr.take().expect("was piped"));
        self.child = Some(child);
        began
    }

    pub fn process_id(&self) -> u32 {
        self.child.as_ref().unwrap_or_else(|| panic!("{} is not running", self.host.name)).id()
    }

    /// The most memory that the process ever had, in bytes. Linux only.
    pub fn memory_at_most(&self) -> f64 {
        proc_status::bytes(&self.process_id().to_string(), "VmHWM").expect("of a running process")
    }

    /// `kill -9`, and the moment just before.
    pub fn kill(&mut self) -> Instant {
        let mut child = self.child.take().unwrap_or_else(|| panic!("{} is not running", self.host.name));
        let killed = Instant::now();
        child.kill().expect("a child of ours can be killed");
        child.wait().expect("a child of ours can be waited for");
        killed
    }

    /// Sends a signal by its short name (`STOP`, `CONT`, `TERM`), and the moment just before.
    pub fn signal(&self, name: &str) -> Instant {
        let order = format!("kill -{name} {}", self.process_id());
        let sent = Instant::now();
        // The shell's own `kill`: not every machine has the program.
        let status = Command::new("sh").args(["-c", &order]).status().expect("a shell can be started");
        assert!(status.success(), "{order}: {status}");
        sent
    }

    /// Sends a signal `count` times as fast as a shell can, and the moment just before.
    pub fn signal_often(&self, name: &str, count: usize) -> Instant {
        // It may have ended before the last one.
        let order = format!("kill -{name} {} 2>/dev/null\n", self.process_id()).repeat(count);
        let sent = Instant::now();
        Command::new("sh").args(["-c", &order]).status().expect("a shell can be started");
        sent
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub fn await_end(&mut self, limit: Duration) -> ExitStatus {
        check(&format!("{} ends", self.host.name), limit, || self.ended())
    }

    /// How the process ended, if it has. Its log is complete then.
    pub fn ended(&mut self) -> Result<ExitStatus, String> {
        let child = self.child.as_mut().unwrap_or_else(|| panic!("{} is not running", self.host.name));
        let status = child.try_wait().map_err(|error| error.to_string())?.ok_or("still running")?;
        self.child = None;
        self.log.complete();
        Ok(status)
    }

    /// Where this process, and a browser, reach the node: its own address, or a door to it.
    pub fn reached_at(&self) -> SocketAddr {
        if let Some(entrance) = self.entrance {
            return entrance;
        }
        let Some(namespace) = &self.host.namespace else { return self.host.address };
        self.door.get_or_init(|| Door::to(namespace, self.host.address)).address
    }

    pub fn get(&self, path: &str) -> Result<Response, String> {
        let token = self.read_token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n"));
        http::get_with(self.reached_at(), path, &token.unwrap_or_default())
    }

    /// The same under another `Host` than its address.
    pub fn get_as(&self, host: &str, path: &str) -> Result<Response, String> {
        http::get_as(self.reached_at(), host, path)
    }

    /// `GET path`, which must answer 200 with JSON.
    pub fn json(&self, path: &str) -> Result<Value, String> {
        let response = self.get(path)?;
        if response.status == 200 { response.json() } else { Err(format!("{} on {path}", response.status)) }
    }

    /// What this node believes about one peer.
    pub fn peer(&self, key: &str) -> Result<Value, String> {
        let view = self.json("/api/v1/peers")?;
        let found = view["peers"].as_array().and_then(|peers| peers.iter().find(|peer| peer["key"] == key));
        found.cloned().ok_or_else(|| format!("{} has no peer {key}: {view}", self.host.name))
    }

    pub fn metrics(&self) -> Result<Scrape, String> {
        Ok(Scrape::parse(&self.get("/metrics")?.body))
    }

    /// Waits until this process answers and says that it is ready.
    #[track_caller]
    pub fn await_ready(&self) {
        check(&format!("{} is ready", self.host.name), SOON, || match self.get("/readyz")?.status {
            200 => Ok(()),
            status => Err(format!("/readyz says {status}")),
        });
    }

    /// The log of all its runs, with seconds since the node was planned.
    pub fn log_text(&self) -> String {
        let mut text = String::new();
        for line in self.log.lines() {
            let at = line.at.duration_since(self.born).as_secs_f64();
            let _ = writeln!(text, "{at:8.3} {} {}", self.host.name, line.raw);
        }
        text
    }
}

/// The state of a peer and, where something is wrong, the verdict: `alive`, `dead/down`, `unreachable/cut_off`.
pub fn summary(peer: &Value) -> String {
    let state = peer["state"].as_str().unwrap_or("?");
    match peer["verdict"].as_str() {
        None => state.to_owned(),
        Some(verdict) => format!("{state}/{verdict}"),
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
