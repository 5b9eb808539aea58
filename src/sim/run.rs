//! One run and what came of it.

use std::fmt;
use std::time::Duration;

use super::delay::Span;
use super::invariants::Checks;
use super::packets::PacketTrace;
use super::scenario::{HostId, Scenario};
use super::timeline::{Entry, Violation, What};
use super::world::{World, node_name};
use crate::detector::event::{Event, EventKind};
use crate::detector::view::View;
use crate::detector::why::Why;
use crate::render::sentence;

/// What a scenario led to under one seed.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was played.
    pub scenario: Scenario,
    /// With the scenario, all that is needed to play it again.
    pub seed: u64,
    /// In the order in which things happened.
    pub timeline: Vec<Entry>,
    /// One number for everything that happened, packets and pings included.
    pub hash: u64,
    /// Empty when every invariant held.
    pub violations: Vec<Violation>,
    /// Verdicts about a node that runs and that most others can reach; `None` where the mesh is too large to check.
    pub false_verdicts: Option<usize>,
    /// What each node believes at the end; `None` where no process runs.
    pub views: Vec<Option<View>>,
    /// Why each node believes at the end what it believes of each peer.
    pub whys: Vec<Vec<Why>>,
    /// How many things the virtual clock stopped for.
    pub handled: u64,
    /// Packets that were sent, those that open connections included.
    pub sent: u64,
}

/// Runs a scenario. The same scenario and seed always give the same run.
pub fn run(scenario: &Scenario, seed: u64) -> Run {
    let mut world = World::new(scenario, seed);
    world.run();
    finished(world)
}

/// The same run, with a look at what the nodes believe at every full second: the time, and each node's view; `None`
/// where no process runs, or a frozen one. In meshes where every node watches every other.
pub fn run_observed(scenario: &Scenario, seed: u64, observer: &mut dyn FnMut(Duration, &[Option<View>])) -> Run {
    let mut world = World::new(scenario, seed);
    world.observer = Some(observer);
    world.run();
    finished(world)
}

/// The same run, with its packets as the trace asks for them.
pub fn run_traced(scenario: &Scenario, seed: u64, trace: PacketTrace) -> (Run, PacketTrace) {
    let mut world = World::new(scenario, seed);
    world.packets = Some(trace);
    world.run();
    let trace = world.packets.take().unwrap_or_default();
    (finished(world), trace)
}

fn finished(mut world: World<'_>) -> Run {
    let now = world.now;
    let mut views = Vec::with_capacity(world.hosts.len());
    for host in &mut world.hosts {
        views.push(host.process.as_mut().map(|process| process.node.view(process.clock(now))));
    }
    let whys = world.hosts.iter_mut().zip(&views).map(|(host, view)| {
        let asked = view.iter().flat_map(|view| &view.peers);
        let answers = asked.filter_map(|peer| {
            let process = host.process.as_mut()?;
            process.node.why(process.clock(now), &peer.peer.key.0)
        });
        answers.collect()
    });
    let whys = whys.collect();
    let false_verdicts = world.checks.as_ref().map(Checks::false_verdicts);
    let violations = match world.checks.take() {
        Some(mut checks) => {
            let subjects = |host: usize| {
                let process = world.hosts[host].process.as_ref();
                move |view: &View| -> Vec<Option<usize>> {
                    view.peers.iter().map(|peer| process.and_then(|p| p.host_of(peer.peer.id))).collect()
                }
            };
            for (host, view) in views.iter().enumerate() {
                if let Some(view) = view {
                    checks.healed(&world.truth, host, view, &subjects(host)(view));
                }
            }
            checks.finish()
        }
        None => Vec::new(),
    };
    Run {
        scenario: world.scenario.clone(),
        seed: world.seed,
        timeline: world.timeline,
        hash: world.trace.hash(),
        violations,
        false_verdicts,
        views,
        whys,
        handled: world.handled,
        sent: world.sent,
    }
}

impl Run {
    /// Why one node believes at the end what it believes of another; `None` where it does not run or does not watch it.
    pub fn why(&self, observer: HostId, peer: HostId) -> Option<&Why> {
        let of_peer = |why: &&Why| why.peer.peer.key.0.split(':').next() == Some(node_name(peer.0).as_str());
        self.whys.get(observer.0)?.iter().find(of_peer)
    }

    /// The events of one observer about one peer, in order. Hosts count from 0.
    pub fn events(&self, observer: usize, peer: usize) -> impl Iterator<Item = (Duration, &Event)> + '_ {
        let (observer, peer) = (node_name(observer), node_name(peer));
        self.timeline.iter().filter_map(move |entry| match &entry.what {
            What::Event(node, event) if *node == observer => {
                let about = event.peer.as_ref()?;
                let key = about.key.0.split(':').next();
                (key == Some(peer.as_str())).then_some((entry.at, event))
            }
            What::Event(..) | What::Step(_) => None,
        })
    }
}

/// The story of a run, one line an entry.
///
/// # Errors
/// Only those of `out`.
pub fn print_timeline(run: &Run, out: &mut dyn fmt::Write) -> fmt::Result {
    for entry in &run.timeline {
        let at = entry.at.as_secs_f64();
        match &entry.what {
            What::Step(action) => writeln!(out, "{at:>10.3}s  ----    {action}")?,
            What::Event(node, event) => writeln!(out, "{at:>10.3}s  {node}  {}", sentence(event))?,
        }
    }
    writeln!(out, "{:>10.3}s  ----    end, trace {:016x}", run.scenario.length.as_secs_f64(), run.hash)
}

/// How many entries at the beginning say only that nodes start to watch each other and meet.
pub fn startup(run: &Run) -> usize {
    let meets = |what: &What| match what {
        What::Event(_, event) => matches!(event.kind, EventKind::PeerAdded | EventKind::PeerJoined { .. }),
        What::Step(_) => false,
    };
    run.timeline.iter().position(|entry| !meets(&entry.what)).unwrap_or(run.timeline.len())
}

/// What to read when invariants broke: what, the one line that replays it, the scenario and its timeline.
///
/// # Errors
/// Only those of `out`.
pub fn print_failure(run: &Run, replay: &str, out: &mut dyn fmt::Write) -> fmt::Result {
    writeln!(out, "{} of {} nodes over {}:", run.scenario.name, run.scenario.nodes, Span(run.scenario.length))?;
    for violation in &run.violations {
        writeln!(out, "{violation}")?;
    }
    writeln!(out, "replay: {replay}\n\n{}", run.scenario)?;
    print_timeline(run, out)
}
