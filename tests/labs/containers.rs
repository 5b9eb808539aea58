//! The world of `docker-compose.yml`: a project of the suite's own, or the one that a person runs.
//!
//! `labs/compose.yaml` is merged over it: whom Alertmanager would notify, who counts. A lab may add one more file.
//! A person's project keeps running when the lab ends, and what was added is removed again.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use super::filter::{self, Rule};
use super::log::{Follow, Log};
use super::plan::check::Line;
use super::plan::lab::{Act, Lab, Need, Nodes};
use super::world::World;
use crate::support::compose::{Compose, NODES, docker, lift_cpu_limit};
use crate::support::http;
use crate::support::ports;

/// Services that a lab needs. What Grafana would ask is asked of Prometheus directly.
const SERVICES: [&str; 5] = ["node-1", "node-2", "node-3", "prometheus", "alertmanager"];

/// Those that the labs add: in `labs/compose.yaml`, the receiver.
const ADDED: &str = "alerts";

/// How long one node of a rolling restart may take until all see all.
const ROLL: Duration = Duration::from_secs(30);

const MESH: &str = "mesh";

/// For `heartbeat evaluate`: seconds of one core, so that it lasts until a limit on CPU time is set, and ends soon after the
/// limit is lifted.
const WORK: &str = "--seeds=5000";

/// What a lab needs and this machine does not have.
pub fn missing(lab: &Lab) -> Option<String> {
    let needs = |need| lab.needs.contains(&need);
    let filter = || filter::program().as_ref().err().cloned();
    needs(Need::PacketFilter).then(filter).flatten().or_else(|| needs(Need::CpuLimit).then(no_cpu_limit).flatten())
}

/// Why the engine cannot limit the CPU time of a container, if so.
fn no_cpu_limit() -> Option<String> {
    let limits = docker(&["info", "--format={{.CPUCfsQuota}} {{.CPUCfsPeriod}}"]);
    match limits.as_deref().map(str::trim) {
        Ok("true true") => None,
        Ok(_) => Some("it needs an engine that enforces limits of CPU time (cpu.cfs_quota_us)".to_owned()),
        Err(problem) => Some(problem.clone()),
    }
}

pub struct Containers {
    compose: Compose,
    /// Container of each node, for the engine's own commands, which are faster than those of compose.
    nodes: BTreeMap<String, String>,
    receiver: u16,
    log: Log,
    /// Packet filter rules that are in force, by the node in whose container they are.
    rules: Vec<(String, Rule)>,
    cut: Vec<String>,
    throttled: Vec<String>,
}

impl Containers {
    /// Starts a project for the lab, or what the lab needs besides a person's project that runs already.
    pub fn start(name: &str, lab: &Lab, here: bool) -> Result<Containers, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut compose = if here { Compose::here() } else { Compose::new(name) };
        compose = compose.with("ALERTMANAGER_CONFIG", "webhook.yml").with_file(&root.join("labs/compose.yaml"));
        if let Some(file) = &lab.overlay {
            compose = compose.with_file(&root.join("labs").join(name).join(file));
        }
        for profile in &lab.profiles {
            compose = compose.with_profile(profile);
        }
        for (variable, value) in &lab.variables {
            compose = compose.with(variable, value);
        }
        if !here {
            compose = compose.with("ALERTS_PORT", &ports::free().to_string()).with("LABKIT_IMAGE", &labkit());
        }
        build(&compose)?;
        // A person wants to look at it.
        let more = lab.services.iter().map(String::as_str).chain([ADDED]).chain(here.then_some("grafana"));
        compose.try_up(&SERVICES.into_iter().chain(more).collect::<Vec<_>>())?;
        if here {
            compose.find_ports();
        }
        let receiver = compose.published(ADDED, 9094)?;
        let nodes: BTreeMap<String, String> =
            NODES.iter().map(|node| ((*node).to_owned(), compose.container(node))).collect();
        let log = Log::follow(nodes.iter().map(|(node, container)| (node.clone(), follow(container.clone()))));
        Ok(Containers { compose, nodes, receiver, log, rules: Vec::new(), cut: Vec::new(), throttled: Vec::new() })
    }

    fn container(&self, node: &str) -> Result<&String, String> {
        self.nodes.get(node).ok_or_else(|| format!("there is no {node} here"))
    }

    /// `docker COMMAND...` with the containers of these nodes.
    fn engine(&self, words: &[&str], nodes: &Nodes) -> Result<(), String> {
        let mut arguments: Vec<&str> = words.to_vec();
        for node in &nodes.0 {
            arguments.push(self.container(node)?);
        }
        docker(&arguments).map(drop)
    }

    /// What is done in `to` with packets of `from` to its port.
    fn filter(&mut self, from: &str, to: &str, fate: &[&str]) -> Result<(), String> {
        let address = self.address_on_mesh(from)?;
        let rule = [&["INPUT", "-s", &address, "-p", "tcp", "--dport", "8001", "-j"], fate].concat();
        self.rules.push((to.to_owned(), Rule::add(self.compose.process_id(to), &rule)?));
        Ok(())
    }

    /// Packets to the node on the network of the peers: what Prometheus asks passes.
    fn lose(&mut self, node: &str, percent: u8) -> Result<(), String> {
        let (address, part) = (self.address_on_mesh(node)?, format!("{:.2}", f64::from(percent) / 100.0));
        let rule =
            ["INPUT", "-d", &address, "-m", "statistic", "--mode", "random", "--probability", &part, "-j", "DROP"];
        self.rules.push((node.to_owned(), Rule::add(self.compose.process_id(node), &rule)?));
        Ok(())
    }

    /// Within a second, because an engine gives a millisecond at least.
    fn throttle(&mut self, node: &str, thousandths: u32) -> Result<(), String> {
        let quota = format!("--cpu-quota={}", u64::from(thousandths) * 1000);
        self.throttled.push(node.to_owned());
        self.engine(&["update", "--cpu-period=1000000", &quota], &Nodes(vec![node.to_owned()]))
    }

    /// Compares failure detectors on simulated schedules, whose result nobody reads: the image holds no other program.
    fn compute(&self, node: &str, processes: usize) -> Result<(), String> {
        let container = self.container(node)?;
        for _ in 0..processes {
            docker(&["exec", "--detach", container, "/heartbeat", "evaluate", WORK])?;
        }
        // Looked at before a limit is set: afterwards `ps`, which reads the memory of processes, may wait for one without CPU time.
        let running = docker(&["top", container, "-eo", "pid,args"])?;
        match running.lines().filter(|process| process.contains(WORK)).count() {
            left if left < processes => Err(format!("{left} of {processes} processes still compute")),
            _ => Ok(()),
        }
    }

    fn address_on_mesh(&self, node: &str) -> Result<String, String> {
        let inspected = self.compose.inspect(node);
        let networks = &inspected["NetworkSettings"]["Networks"];
        let address = networks[self.compose.network(MESH)]["IPAddress"].as_str().unwrap_or_default();
        if address.is_empty() { Err(format!("{node} has no address on {MESH}")) } else { Ok(address.to_owned()) }
    }

    fn heal(&mut self, node: &str) -> Result<(), String> {
        let (here, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.rules).into_iter().partition(|(to, _)| to == node);
        self.rules = others;
        // First, because nothing else works well without CPU time.
        if let Some(index) = self.throttled.iter().position(|throttled| throttled == node) {
            self.throttled.remove(index);
            lift_cpu_limit(self.container(node)?)?;
        }
        here.iter().try_for_each(|(_, rule)| rule.remove())?;
        if let Some(index) = self.cut.iter().position(|cut| cut == node) {
            self.cut.remove(index);
            self.compose.reconnect(node, MESH);
        }
        Ok(())
    }

    /// Told to end, started, whole again, the next.
    fn roll(&self, nodes: &Nodes) -> Result<(), String> {
        for node in &nodes.0 {
            self.engine(&["restart"], &Nodes(vec![node.clone()]))?;
            self.compose.await_whole(ROLL);
        }
        Ok(())
    }
}

/// The engine's log of a container.
fn follow(container: String) -> Follow {
    Box::new(move |last| {
        let mut command = Command::new("docker");
        command.args(["logs", "--follow", "--timestamps"]);
        if !last.is_empty() {
            command.args(["--since", last]);
        }
        command.arg(&container);
        command
    })
}

/// The image of the labs' own programs, under a name that the suite removes again.
fn labkit() -> String {
    crate::support::compose::image().replacen("distributed-heartbeat:", "distributed-heartbeat-labkit:", 1)
}

/// Once in the life of this process: all projects use the same image.
fn build(compose: &Compose) -> Result<(), String> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    BUILT.get_or_init(|| compose.run(&["build", ADDED]).map(drop)).clone()
}

impl World for Containers {
    fn act(&mut self, act: &Act) -> Result<(), String> {
        match act {
            Act::Kill(nodes) => self.engine(&["kill"], nodes),
            Act::Stop(nodes) => self.engine(&["stop"], nodes),
            Act::Start(nodes) => self.engine(&["start"], nodes),
            Act::Restart(nodes) => {
                self.engine(&["kill"], nodes)?;
                self.engine(&["start"], nodes)
            }
            Act::Roll(nodes) => self.roll(nodes),
            // Signals, and not the engine's own `pause`: older kernels cannot always freeze a group of processes that is busy.
            Act::Pause(nodes) => self.engine(&["kill", "--signal=STOP"], nodes),
            Act::Resume(nodes) => self.engine(&["kill", "--signal=CONT"], nodes),
            Act::Cut(nodes) => {
                for node in &nodes.0 {
                    self.compose.disconnect(node, MESH);
                    self.cut.push(node.clone());
                }
                Ok(())
            }
            Act::Heal(nodes) => nodes.0.iter().try_for_each(|node| self.heal(node)),
            Act::OneWay { from, to } => self.filter(from, to, &["DROP"]),
            Act::Reject { from, to } => self.filter(from, to, &["REJECT", "--reject-with", "tcp-reset"]),
            Act::Lose { node, percent } => self.lose(node, *percent),
            Act::Throttle { node, thousandths } => self.throttle(node, *thousandths),
            Act::Compute { node, processes } => self.compute(node, *processes),
            Act::Delay(span) => {
                let delay = format!("{}ms", span.0.as_millis());
                self.compose.exec("slow", &["/labkit", "delay", &delay]).map(drop)
            }
            Act::Scale(count) => {
                let more = format!("--scale=node={}", count.saturating_sub(NODES.len()));
                self.compose
                    .run(&["up", "--no-build", "--detach", "--no-deps", "--no-recreate", &more, "node"])
                    .map(drop)
            }
            Act::Hold(_) => Ok(()),
        }
    }

    fn command(&self, act: &Act) -> Option<String> {
        let compose = |verb: &str, nodes: &Nodes| Some(format!("docker compose {verb} {}", nodes.0.join(" ")));
        let project = &self.compose.project;
        match act {
            Act::Kill(nodes) => compose("kill", nodes),
            Act::Stop(nodes) => compose("stop", nodes),
            Act::Start(nodes) => compose("start", nodes),
            Act::Restart(nodes) => {
                let names = nodes.0.join(" ");
                Some(format!("docker compose kill {names} && docker compose start {names}"))
            }
            Act::Roll(nodes) => {
                Some(format!("for node in {}; do docker compose restart $node; ...; done", nodes.0.join(" ")))
            }
            Act::Pause(nodes) => compose("kill --signal=STOP", nodes),
            Act::Resume(nodes) => compose("kill --signal=CONT", nodes),
            Act::Cut(nodes) => {
                let cut = |node: &String| format!("docker network disconnect {project}_{MESH} {project}-{node}-1");
                Some(nodes.0.iter().map(cut).collect::<Vec<_>>().join(" && "))
            }
            Act::Heal(nodes) => Some(nodes.0.iter().map(|node| self.healing(node)).collect::<Vec<_>>().join(" && ")),
            Act::OneWay { from, to } => Some(format!(
                "nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {project}-{to}-1) -n iptables -A INPUT -s ADDRESS-OF-{} -p tcp --dport 8001 -j DROP",
                from.to_uppercase()
            )),
            Act::Reject { from, to } => Some(format!(
                "nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {project}-{to}-1) -n iptables -A INPUT -s ADDRESS-OF-{} -p tcp --dport 8001 -j REJECT --reject-with tcp-reset",
                from.to_uppercase()
            )),
            Act::Lose { node, percent } => Some(format!(
                "nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {project}-{node}-1) -n iptables -A INPUT -d ADDRESS-OF-{} -m statistic --mode random --probability 0.{percent:02} -j DROP",
                node.to_uppercase()
            )),
            Act::Throttle { node, thousandths } => Some(format!(
                "docker update --cpu-period=1000000 --cpu-quota={} {project}-{node}-1",
                u64::from(*thousandths) * 1000
            )),
            Act::Compute { node, processes } => Some(format!(
                "for i in $(seq {processes}); do docker exec --detach {project}-{node}-1 /heartbeat evaluate {WORK}; done"
            )),
            Act::Delay(span) => Some(format!("docker compose exec slow /labkit delay {}ms", span.0.as_millis())),
            Act::Scale(count) => Some(format!(
                "docker compose --profile scale up -d --scale node={} node",
                count.saturating_sub(NODES.len())
            )),
            Act::Hold(span) => Some(format!("sleep {}", span.0.as_secs_f64())),
        }
    }

    fn log(&self) -> Vec<Line> {
        self.log.lines()
    }

    fn node(&self, name: &str, path: &str) -> Result<Value, String> {
        self.compose.json(name, path)
    }

    fn prometheus(&self, path: &str) -> Result<Value, String> {
        self.compose.json("prometheus", path)
    }

    fn alertmanager(&self, path: &str) -> Result<Value, String> {
        self.compose.json("alertmanager", path)
    }

    fn calls(&self) -> Result<Value, String> {
        http::get(([127, 0, 0, 1], self.receiver).into(), "/notifications")?.json()
    }

    fn nodes(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }
}

impl Containers {
    fn healing(&self, node: &str) -> String {
        let project = &self.compose.project;
        if self.cut.iter().any(|cut| cut == node) {
            format!("docker network connect --alias {node}.mesh --alias nodes.mesh {project}_{MESH} {project}-{node}-1")
        } else if self.throttled.iter().any(|throttled| throttled == node) {
            format!("docker update --cpu-period=100000 --cpu-quota=-1 {project}-{node}-1")
        } else {
            format!("nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {project}-{node}-1) -n iptables -F INPUT")
        }
    }
}

impl Drop for Containers {
    /// A person's project gets back what a lab that failed in the middle has taken.
    fn drop(&mut self) {
        self.log.end();
        // Given back to a project of the suite's own as well: without CPU time no process ends, even when it is killed.
        let mut broken = self.throttled.clone();
        if self.compose.kept() {
            broken.extend(self.rules.iter().map(|(to, _)| to).chain(&self.cut).cloned());
        }
        for node in broken {
            if let Err(problem) = self.heal(&node) {
                eprintln!("{node} could not be healed: {problem}");
            }
        }
        if !self.compose.kept() {
            return;
        }
        // One that runs is not hurt by the first, nor one that is up by the second.
        for command in [&["kill", "--signal=CONT"][..], &["start"]] {
            for node in NODES {
                let _ = self.engine(command, &Nodes(vec![node.to_owned()]));
            }
        }
        // Without the labs' files: what they add is an orphan then.
        let arguments = ["up", "--no-build", "--detach", "--wait", "--remove-orphans"];
        if let Err(problem) = Compose::here().run(&[&arguments[..], &SERVICES[..]].concat()) {
            eprintln!("what the lab laid over the project could not be taken off again: {problem}");
        }
    }
}
