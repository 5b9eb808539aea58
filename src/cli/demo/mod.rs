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

use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;

use self::intro::{introduce, restart_line};
use self::node::{Plan, Said, Tale};
use super::exit::{Exit, Failure, Outcome};
use super::output::{Output, Paint};
use crate::config::environment::{Environment, program as program_path};
use crate::config::parse;
use crate::config::settings::PORT;
use crate::runtime::signals::Signals;

/// More lines than that cannot be followed on a screen.
const NODES_MAX: u16 = 16;

/// Lines that wait to be shown. A full queue slows down only the nodes' writing.
const LINES_WAITING_MAX: usize = 256;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat demo
  heartbeat demo --nodes=5 --base-port=9001
  HEARTBEAT_PROFILE=fast heartbeat demo      variables set other settings for every node

Exit codes: 0 clean stop, 1 every node ended by itself, 64 wrong settings,
74 a given port is taken.")]
pub(crate) struct Demo {
    /// Number of nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=i64::from(NODES_MAX)))]
    pub nodes: u16,
    /// The first node's port; the others follow [default: 8001, or free ones where these are taken]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=i64::from(u16::MAX - NODES_MAX)))]
    pub base_port: Option<u16>,
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
    let ports = match command.base_port {
        Some(base) => ports::exactly(base, command.nodes)
            .map_err(|port| Failure::PortTaken(format!("port {port} is taken; --base-port sets the first port")))?,
        None => ports::free_from(PORT, command.nodes)
            .ok_or_else(|| Failure::PortTaken("not enough free ports above 8001".into()))?,
    };
    let program = program_path().map_err(|error| Failure::Internal(format!("cannot find this program: {error}")))?;
    let plans = node::plan(&program, &ports, command.json, output.color());
    let (tales, mut told) = mpsc::channel(LINES_WAITING_MAX);
    let mut nodes = Vec::with_capacity(plans.len());
    for (number, plan) in plans.iter().enumerate() {
        nodes.push(node::start(plan, number, tales.clone())?);
    }
    drop(tales);
    let running: Vec<(&Plan, u32)> = plans.iter().zip(&nodes).map(|(plan, node)| (plan, node.process_id)).collect();
    introduce(&mut output, &running, command.base_port.is_some(), command.json)?;
    let mut signals =
        Signals::listen().map_err(|error| Failure::Internal(format!("cannot listen to signals: {error}")))?;
    let mut show = Show { output, plans: &plans, json: command.json, alive: nodes.len(), stopping: false };
    let ended = show.until_stopped(&mut told, &mut signals, command.stop_after).await?;
    if ended == Exit::Success {
        show.stop(&nodes, &mut told, &mut signals).await?;
    }
    Ok(ended)
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
