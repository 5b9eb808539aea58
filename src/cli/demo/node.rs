//! One node of the demo: how it is started, and the task that looks after it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::exit::Failure;
use crate::cli::platform;

/// A node drains for up to 5 s by default; one that is frozen never ends by itself.
const STOP_PATIENCE: Duration = Duration::from_secs(7);

/// Settings that the demo makes for each node; from the caller's environment they would hit all of them alike.
/// The demo has read address and ports and passes them on as flags.
const OWN_SETTINGS: [&str; 5] =
    ["HEARTBEAT_NODE", "HEARTBEAT_PORT", "HEARTBEAT_ADDRESS", "HEARTBEAT_METRICS_PORT", "HEARTBEAT_PEERS"];

/// Where the nodes listen, the first one first.
pub(super) struct Places {
    pub address: IpAddr,
    pub ports: Vec<u16>,
    pub metrics_ports: Vec<u16>,
    /// Those of the nodes were not chosen here.
    pub ports_were_given: bool,
}

impl Places {
    /// How one node of the demo reaches another: an address and not `localhost`, which two families may answer for.
    fn host(&self) -> String {
        match self.address {
            IpAddr::V4(address) if address.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) if address.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V6(address) => format!("[{address}]"),
        }
    }

    /// What a person on this machine types.
    fn shown_host(&self) -> String {
        let is_here = self.address.is_unspecified() || self.address == IpAddr::from(Ipv4Addr::LOCALHOST);
        if is_here { "localhost".to_owned() } else { self.host() }
    }
}

/// How one node is started.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub name: String,
    pub port: u16,
    pub metrics_port: u16,
    /// Where a person on this machine reaches it.
    host: String,
    pub program: PathBuf,
    /// What a person would type as well.
    pub arguments: Vec<String>,
    /// What only the demo needs.
    hidden: Vec<String>,
}

impl Plan {
    pub(super) fn url(&self) -> String {
        format!("http://{}:{}/", self.host, self.port)
    }

    pub(super) fn metrics_url(&self) -> String {
        format!("http://{}:{}/metrics", self.host, self.metrics_port)
    }

    /// What a command takes to ask it.
    pub(super) fn addr(&self) -> String {
        if self.host == "localhost" { format!(":{}", self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

/// Plans one node for each port; each has all others as its pinned peers.
pub(super) fn plan(program: &Path, places: &Places, json: bool, color: bool) -> Vec<Plan> {
    let (ports, host) = (&places.ports, places.host());
    let names: Vec<String> = (1..=ports.len()).map(|number| format!("node-{number}")).collect();
    let log = if json { "json" } else { "text" };
    let log_color = if color { "always" } else { "never" };
    let one = |own: usize| {
        let others = names.iter().zip(ports).enumerate().filter(|(number, _)| *number != own);
        let peers: Vec<String> = others.map(|(_, (name, port))| format!("{name}=http://{host}:{port}")).collect();
        Plan {
            name: names[own].clone(),
            port: ports[own],
            metrics_port: places.metrics_ports[own],
            host: places.shown_host(),
            program: program.to_owned(),
            arguments: vec![
                "run".into(),
                format!("--node={}", names[own]),
                format!("--address={}", places.address),
                format!("--port={}", ports[own]),
                format!("--metrics-port={}", places.metrics_ports[own]),
                format!("--peers={}", peers.join(",")),
            ],
            hidden: vec!["--stop-with-stdin".into(), format!("--log-format={log}"), format!("--log-color={log_color}")],
        }
    };
    (0..ports.len()).map(one).collect()
}

/// What a node of the demo did.
pub(super) struct Tale {
    pub number: usize,
    pub said: Said,
}

pub(super) enum Said {
    /// It wrote a line.
    Line(String),
    /// Its process has ended, and how.
    Ended(String),
}

/// A token for each thing that can happen to a node of the demo once.
#[derive(Clone, Default)]
struct Marks {
    /// It is asked to stop cleanly.
    stop: CancellationToken,
    /// It is ended at once.
    kill: CancellationToken,
    /// It has ended.
    ended: CancellationToken,
}

/// A node that was started.
pub(super) struct Running {
    pub process_id: u32,
    pub stop: CancellationToken,
    pub kill: CancellationToken,
    pub ended: CancellationToken,
}

/// Starts a node and the task that looks after it.
///
/// # Errors
/// When no process can be started.
pub(super) fn start(plan: &Plan, number: usize, tales: mpsc::Sender<Tale>) -> Result<Running, Failure> {
    let mut command = Command::new(&plan.program);
    command.args(&plan.arguments).args(&plan.hidden);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for variable in OWN_SETTINGS {
        command.env_remove(variable);
    }
    platform::apart_from_ctrl_c(&mut command);
    let mut child =
        command.spawn().map_err(|error| Failure::Internal(format!("{} does not start: {error}", plan.name)))?;
    let marks = Marks::default();
    let running = Running {
        process_id: child.id().unwrap_or_default(),
        stop: marks.stop.clone(),
        kill: marks.kill.clone(),
        ended: marks.ended.clone(),
    };
    let stdin = child.stdin.take();
    // Ends with its process; the demo waits for the `ended` mark and for the last sender of tales.
    tokio::spawn(look_after(child, stdin, number, tales, marks));
    Ok(running)
}

async fn look_after(
    mut child: Child,
    stdin: Option<ChildStdin>,
    number: usize,
    tales: mpsc::Sender<Tale>,
    marks: Marks,
) {
    let outputs = (child.stdout.take(), child.stderr.take());
    let reading = async {
        let out = pass_on(outputs.0, number, &tales);
        let err = pass_on(outputs.1, number, &tales);
        tokio::join!(out, err);
    };
    let ((), how) = tokio::join!(reading, end_of(&mut child, stdin, &marks));
    // The receiver is gone only when the demo is.
    let _ = tales.send(Tale { number, said: Said::Ended(how) }).await;
    marks.ended.cancel();
}

/// Passes a node's lines on until it closes the pipe.
async fn pass_on(pipe: Option<impl AsyncRead + Unpin>, number: usize, tales: &mpsc::Sender<Tale>) {
    let Some(pipe) = pipe else { return };
    // Our own program writes these lines; their length is bounded by what it logs.
    let mut lines: Lines<_> = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if tales.send(Tale { number, said: Said::Line(line) }).await.is_err() {
            return;
        }
    }
}

/// Waits for the process to end, by itself or on request.
async fn end_of(child: &mut Child, stdin: Option<ChildStdin>, marks: &Marks) -> String {
    tokio::select! {
        status = child.wait() => return how(status),
        () = marks.kill.cancelled() => {}
        () = marks.stop.cancelled() => {
            drop(stdin); // the node stops when its input ends
            tokio::select! {
                status = child.wait() => return how(status),
                () = marks.kill.cancelled() => {}
                () = tokio::time::sleep(STOP_PATIENCE) => {}
            }
        }
    }
    let _ = child.start_kill(); // fails only for a process that has ended by now
    match child.wait().await {
        Ok(status) if status.success() => how(Ok(status)),
        status => format!("killed before it had stopped ({})", how(status)),
    }
}

fn how(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) if status.success() => "stopped cleanly".into(),
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}
