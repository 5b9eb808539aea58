//! `heartbeat demo`: real nodes on one machine, to kill by hand.
//!
//! Each node is a process of its own, so that `kill -9`, `kill -STOP` and
//! `kill -CONT` do to it what they do in production. Threads in one process would
//! be simpler and show nothing.
//!
//! The demo holds the standard input of every node. A node started with
//! `--stop-with-stdin` stops cleanly when that pipe closes, which works on
//! every system and even when the demo itself is killed: no process is left behind.

mod intro;
mod node;
mod ports;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;

use self::intro::{introduce, restart_line};
use self::node::{Places, Plan, Said, Tale};
use super::exit::{Exit, Failure, Outcome, listen};
use super::output::{Output, Paint};
use crate::config::environment::{Environment, program as program_path};
use crate::config::layers::Layers;
use crate::config::problem::{Problem, Problems};
use crate::config::raw::Raw;
use crate::config::settings::{PORT, find};
use crate::config::{MetricsPort, parse};
use crate::runtime::signals::Signals;

/// More lines than that cannot be followed on a screen.
const NODES_MAX: u16 = 16;

/// The last port at which the nodes may begin.
const PORT_LAST: u16 = u16::MAX - NODES_MAX;

/// Lines that wait to be shown. A full queue slows down only the nodes' writing.
const LINES_WAITING_MAX: usize = 256;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat demo
  heartbeat demo --nodes=5 --base-port=9001
  heartbeat demo --address=0.0.0.0           other machines may reach the nodes, too
  HEARTBEAT_PROFILE=fast heartbeat demo      variables set other settings for every node

Variables count for every node, except: HEARTBEAT_PORT and HEARTBEAT_METRICS_PORT are those of the first node,
HEARTBEAT_NODE, _PEERS, _LOG_FORMAT and _LOG_COLOR are set by the demo.
Exit codes: 0 clean stop, 1 every node ended by itself, 64 wrong settings,
74 a given port is taken.")]
pub(crate) struct Demo {
    /// Number of nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=i64::from(NODES_MAX)))]
    pub nodes: u16,
    /// The first node's port; the others follow [default: 8001, or free ones where these are taken]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=i64::from(PORT_LAST)))]
    pub base_port: Option<u16>,
    /// The address on which all nodes listen [default: 127.0.0.1, which only this machine reaches]
    #[arg(long, value_name = "IP", value_parser = parse::address)]
    pub address: Option<IpAddr>,
    /// Stop after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = parse::duration)]
    pub stop_after: Option<Duration>,
    /// Print the nodes' lines as JSON, and the introduction too
    #[arg(long)]
    pub json: bool,
}

/// Starts the nodes, shows what they say, and stops them.
///
/// # Errors
/// When the ports that were given are taken, or no process can be started.
pub(crate) async fn demo(command: &Demo, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let places = Wanted::new(command, environment)?.places(command.nodes)?;
    let program = program_path().map_err(|error| Failure::Internal(format!("cannot find this program: {error}")))?;
    let plans = node::plan(&program, &places, command.json, output.color());
    let mut signals = listen()?;
    let (tales, mut told) = mpsc::channel(LINES_WAITING_MAX);
    let mut nodes = Vec::with_capacity(plans.len());
    for (number, plan) in plans.iter().enumerate() {
        nodes.push(node::start(plan, number, tales.clone())?);
    }
    drop(tales);
    let running: Vec<(&Plan, u32)> = plans.iter().zip(&nodes).map(|(plan, node)| (plan, node.process_id)).collect();
    introduce(&mut output, &running, places.ports_were_given, command.json)?;
    let mut show = Show { output, plans: &plans, json: command.json, alive: nodes.len(), stopping: false };
    let ended = show.until_stopped(&mut told, &mut signals, command.stop_after).await?;
    if ended == Exit::Success {
        show.stop(&nodes, &mut told, &mut signals).await?;
    }
    Ok(ended)
}

/// Where the nodes should listen, as flags and variables say it.
struct Wanted {
    address: IpAddr,
    base_port: Option<u16>,
    first_metrics_port: Option<u16>,
}

impl Wanted {
    /// # Errors
    /// When a variable holds nothing usable.
    fn new(command: &Demo, environment: &Environment) -> Result<Wanted, Failure> {
        let flags = Raw::default();
        let layers = Layers { flags: &flags, environment };
        let mut problems = Vec::new();
        let mut number = |name: &str| {
            let typed = layers.typed(name)?;
            let wrong = match parse::port(typed.text) {
                Ok(0) => "is any free port for each node, as without it: leave it out".to_owned(),
                Ok(port) if port <= PORT_LAST => return Some(port),
                Ok(_) => format!("leaves no room for the ports that follow: at most {PORT_LAST}"),
                Err(wrong) => wrong,
            };
            problems.extend(find(name).map(|spec| Problem::typed(spec, typed, wrong)));
            None
        };
        let base_port = command.base_port.or_else(|| number("port"));
        let first_metrics_port = number("metrics-port");
        let by_variable = layers.typed("address").map(|typed| (typed, parse::address(typed.text)));
        let address = match (command.address, by_variable) {
            (Some(address), _) | (None, Some((_, Ok(address)))) => address,
            (None, Some((typed, Err(wrong)))) => {
                problems.extend(find("address").map(|spec| Problem::typed(spec, typed, wrong)));
                Ipv4Addr::LOCALHOST.into()
            }
            (None, None) => Ipv4Addr::LOCALHOST.into(),
        };
        if problems.is_empty() {
            Ok(Wanted { address, base_port, first_metrics_port })
        } else {
            Err(Problems(problems).into())
        }
    }

    /// # Errors
    /// When ports that were given are taken, or too few are free.
    fn places(&self, nodes: u16) -> Result<Places, Failure> {
        let taken = |port: u16, setting: &str| {
            Failure::PortTaken(format!("port {port} is taken; {setting} sets the first port"))
        };
        let ports = match self.base_port {
            Some(base) => ports::exactly(base, nodes).map_err(|port| taken(port, "--base-port"))?,
            None => ports::free_from(PORT, nodes, &[])
                .ok_or_else(|| Failure::PortTaken("not enough free ports above 8001".into()))?,
        };
        let metrics_ports = match self.first_metrics_port {
            Some(base) => ports::exactly(base, nodes).map_err(|port| taken(port, "HEARTBEAT_METRICS_PORT"))?,
            None => ports::free_from(MetricsPort::FIRST, nodes, &ports)
                .ok_or_else(|| Failure::PortTaken("not enough free ports above 9100 for the metrics".into()))?,
        };
        Ok(Places { address: self.address, ports, metrics_ports, ports_were_given: self.base_port.is_some() })
    }
}

/// What is on the screen, and which nodes still run.
struct Show<'a> {
    output: Output,
    plans: &'a [Plan],
    json: bool,
    alive: usize,
    stopping: bool,
}

impl Show<'_> {
    /// Shows lines until Ctrl-C, the time is over, or no node is left.
    async fn until_stopped(
        &mut self,
        told: &mut mpsc::Receiver<Tale>,
        signals: &mut Signals,
        stop_after: Option<Duration>,
    ) -> Result<Exit, Failure> {
        let time_is_over = async {
            match stop_after {
                Some(span) => tokio::time::sleep(span).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(time_is_over);
        loop {
            tokio::select! {
                _ = signals.next() => return Ok(Exit::Success),
                () = &mut time_is_over => return Ok(Exit::Success),
                tale = told.recv() => match tale {
                    Some(tale) => self.show(tale)?,
                    None => {
                        self.note("every node has ended")?;
                        return Ok(Exit::Failed);
                    }
                },
            }
        }
    }

    /// Stops the nodes one after the other, last one first, so that the others can report each goodbye.
    async fn stop(
        &mut self,
        nodes: &[node::Running],
        told: &mut mpsc::Receiver<Tale>,
        signals: &mut Signals,
    ) -> Result<(), Failure> {
        self.stopping = true;
        self.note("stopping; Ctrl-C again ends at once")?;
        for node in nodes.iter().rev() {
            node.stop.cancel();
            while !node.ended.is_cancelled() {
                tokio::select! {
                    _ = signals.next() => nodes.iter().for_each(|node| node.kill.cancel()),
                    () = node.ended.cancelled() => {}
                    tale = told.recv() => if let Some(tale) = tale { self.show(tale)? },
                }
            }
        }
        while let Some(tale) = told.recv().await {
            self.show(tale)?;
        }
        Ok(self.note("all nodes have stopped")?)
    }

    fn show(&mut self, tale: Tale) -> std::io::Result<()> {
        let plan = &self.plans[tale.number];
        match tale.said {
            Said::Line(line) if self.json => self.output.line(&line),
            Said::Line(line) => {
                // The line names its node as well; here the column does.
                let line = line.replacen(&format!("{}: ", plan.name), "", 1);
                let name = self.output.paint(Paint::Node(tale.number), &plan.name);
                self.output.line(&format!("{name} | {line}"))
            }
            Said::Ended(how) => {
                self.alive -= 1;
                self.note(&format!("{} has ended: {how}", plan.name))?;
                if self.stopping || self.alive == 0 {
                    return Ok(());
                }
                self.note(&format!("to start it again, in another terminal: {}", restart_line(plan)))
            }
        }
    }

    /// A line of the demo itself.
    fn note(&mut self, text: &str) -> std::io::Result<()> {
        if self.json {
            return self.output.line(&serde_json::json!({ "event": "demo", "message": text }).to_string());
        }
        let text = self.output.paint(Paint::Strong, &format!("demo   | {text}"));
        self.output.line(&text)
    }
}
