//! `heartbeat simulate`: the same detector, in virtual time.
//!
//! How nodes start and meet is the same in most scenarios and longer than what follows, so it is one line unless it is
//! asked for. The last line says what the run showed. A look at one moment is the run ended there.

mod moment;
mod packets;

use std::fmt::Write;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};

use super::exit::{Exit, Failure, Outcome, computed, early_end, until_asked};
use super::output::{Cell, Output, Paint, counted, milliseconds};
use super::whole_file;
use crate::closed_set::ClosedSet;
use crate::config::environment::Environment;
use crate::sim::{self, Entry, Omission, PacketTrace, Run, Scenario, What};

/// Columns before the text of an entry: its time and its node.
const BEFORE_TEXT: usize = 21;
/// A scenario is a few lines; a longer file is not one.
const FILE_MAX: u64 = 1024 * 1024;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat simulate --list                  the built-in scenarios, and what each teaches
  heartbeat simulate crash
  heartbeat simulate crash --seed=7          another seed; the same seed repeats the same run
  heartbeat simulate random --seed=42        the schedule that the tests generate from this seed
  heartbeat simulate crash --text > my.txt   a scenario as a file, to change
  heartbeat simulate my.txt                  (- reads standard input)
  heartbeat simulate crash --at=10.1s --why node-1 node-3    what node-1 knows of node-3 then
  heartbeat simulate crash --at=10.1s --view node-1          what node-1 believes then
  heartbeat simulate crash --from=10s --at=10.5s --packets   every packet of half a second
  heartbeat simulate crash --svg crash.svg   a picture, a few seconds round the first fault

Without a rule of the detector, to see what it is for (docs/scenarios.md):
  heartbeat simulate suspended --without=observer-time    a node that was paused accuses its peer when it wakes
  heartbeat simulate three-links --without=veto           three accuse, and the witness is not believed
  heartbeat simulate partition-3-2 --without=half-rule    the smaller side calls the larger one dead
  heartbeat simulate redeploy --without=boot              a crash is taken for the goodbye of the process before
  heartbeat simulate starved-observer --without=quorum    one sick observer is enough for a false verdict

Exit codes: 0 done, 1 an invariant broke or the node asked does not run then, 64 no such scenario or a mistake in it,
130 Ctrl-C.")]
pub(crate) struct Simulate {
    /// A scenario file, the name of a built-in one, random, or sick (random, with sick observers); without it, the
    /// built-in ones are listed
    pub scenario: Option<String>,
    /// Seed of the random numbers; the same seed gives the same timeline, packet by packet
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Leave out one rule of the detector; only the simulator can
    #[arg(long, value_name = "RULE", value_parser = rule())]
    pub without: Option<Omission>,
    /// List the built-in scenarios
    #[arg(long)]
    pub list: bool,
    /// Print the scenario instead of running it
    #[arg(long)]
    pub text: bool,
    /// Show how the nodes start and meet, too
    #[arg(long)]
    pub all: bool,
    /// End the run at this time, such as 10.1s; what happened until then stays the same
    #[arg(long, value_name = "TIME", value_parser = sim::time)]
    pub at: Option<Duration>,
    /// Leave out what was before this time
    #[arg(long, value_name = "TIME", value_parser = sim::time)]
    pub from: Option<Duration>,
    /// Show the evidence that one node has about another at the end, as `heartbeat why` does
    #[arg(long, num_args = 2, value_names = ["OBSERVER", "PEER"], conflicts_with_all = ["view", "packets", "svg"])]
    pub why: Option<Vec<String>>,
    /// Show what one node believes of its peers at the end, as `heartbeat members` does
    #[arg(long, value_name = "NODE", conflicts_with_all = ["packets", "svg"])]
    pub view: Option<String>,
    /// Show every packet, too: sent, delivered, read late, or lost
    #[arg(long, conflicts_with = "svg")]
    pub packets: bool,
    /// Write a space-time diagram of a few seconds, from --from or round the first fault
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Runs a scenario and prints its timeline.
///
/// # Errors
/// When there is no such scenario, or an invariant broke.
pub(crate) async fn simulate(command: Simulate, environment: &Environment) -> Outcome {
    let environment = environment.clone();
    until_asked(computed(move || play_and_tell(&command, &environment)), early_end).await
}

fn play_and_tell(command: &Simulate, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let Some(name) = command.scenario.as_deref().filter(|_| !command.list) else {
        list(command, &mut output)?;
        return Ok(Exit::Success);
    };
    let mut found = find(name, command.seed)?;
    found.without = command.without.or(found.without);
    let scenario = match command.at {
        Some(at) => found.until(at),
        None => found,
    };
    if command.text {
        output.line(scenario.to_string().trim_end())?;
        return Ok(Exit::Success);
    }
    if let Some(file) = &command.svg {
        whole_file::write(file, &sim::diagram(&scenario, command.seed, command.from))?;
        return Ok(Exit::Success);
    }
    let (run, trace) = play(command, &scenario);
    if let Some(name) = &command.view {
        return moment::view(&run, name, command.json, &mut output);
    }
    if let Some([observer, peer]) = command.why.as_deref() {
        return moment::evidence(&run, observer, peer, command.json, &mut output);
    }
    if command.json {
        tell_json(command, &run, &trace, &mut output)?
    } else {
        tell(command, &run, &trace, &mut output)?
    }
    if run.violations.is_empty() {
        return Ok(Exit::Success);
    }
    let broken: Vec<String> = run.violations.iter().map(ToString::to_string).collect();
    let without = command.without.map_or_else(String::new, |rule| format!(" --without={rule}"));
    let replay = format!("replay: heartbeat simulate {name} --seed={}{without}", command.seed);
    Err(Failure::Failed(format!("{} broken\n{}\n{replay}", counted(broken.len(), "invariant"), broken.join("\n"))))
}

/// The rules that can be left out, by their words.
pub(super) fn rule() -> impl TypedValueParser<Value = Omission> {
    PossibleValuesParser::new(Omission::WORDS).try_map(|word| word.parse::<Omission>())
}

fn play(command: &Simulate, scenario: &Scenario) -> (Run, PacketTrace) {
    if !command.packets {
        return (sim::run(scenario, command.seed), PacketTrace::default());
    }
    let window = PacketTrace::new(command.from.unwrap_or_default(), scenario.length);
    sim::run_traced(scenario, command.seed, window)
}

fn list(command: &Simulate, output: &mut Output) -> std::io::Result<()> {
    let names = sim::builtin_names();
    if command.json {
        let list: Vec<Value> = names
            .iter()
            .map(|(name, about)| json!({ "name": name, "about": about, "teaches": sim::teaches(name) }))
            .collect();
        return output.line(&Value::from(list).to_string());
    }
    let row = |name: &str| vec![Cell::new(Paint::Strong, name), Cell::plain(sim::teaches(name).unwrap_or_default())];
    let rows: Vec<Vec<Cell>> = names.iter().map(|(name, _)| row(name)).collect();
    output.table(&["NAME", "WHAT IT TEACHES"], &rows)?;
    output.line("")?;
    output.say(0, "heartbeat simulate NAME plays one and says what to expect of it.")
}

pub(super) fn find(name: &str, seed: u64) -> Result<Scenario, Failure> {
    match name {
        "random" => return Ok(sim::random(seed)),
        "sick" => return Ok(sim::random_sick(seed)),
        _ => {}
    }
    if let Some(level) = name.strip_prefix("drill-").and_then(|level| level.parse().ok())
        && (1..=sim::DRILL_LEVEL_MAX).contains(&level)
    {
        return Ok(sim::drill(seed, level).scenario);
    }
    if let Some(scenario) = sim::builtin(name) {
        return Ok(scenario);
    }
    let text = read(name).map_err(|error| {
        let nearest = sim::builtin_names()
            .into_iter()
            .map(|(known, _)| (strsim::jaro_winkler(known, name), known))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or("", |(_, known)| known);
        Failure::Usage(format!(
            "{name:?} is neither a built-in scenario nor a file that can be read ({error})\n\
             Perhaps {nearest:?}; `heartbeat simulate --list` shows the built-in ones."
        ))
    })?;
    text.parse::<Scenario>().map_err(|problems| Failure::Usage(format!("{name} is no scenario:\n{problems}")))
}

fn read(name: &str) -> std::io::Result<String> {
    let mut text = String::new();
    match name {
        "-" => std::io::stdin().take(FILE_MAX).read_to_string(&mut text)?,
        path => std::fs::File::open(path)?.take(FILE_MAX).read_to_string(&mut text)?,
    };
    Ok(text)
}

fn tell(command: &Simulate, run: &Run, trace: &PacketTrace, output: &mut Output) -> Result<(), Failure> {
    let mut text = String::new();
    let about = if run.scenario.about.is_empty() { String::new() } else { format!(": {}", run.scenario.about) };
    output.say(2, &output.paint(Paint::Strong, &format!("{}{about}", run.scenario.name)))?;
    // Writing into a string does not fail.
    let _ = sim::print_timeline(run, &mut text);
    let startup = if command.all || command.from.is_some() { 0 } else { sim::startup(run) };
    let mut from = command.from.unwrap_or_default();
    if startup > 0 {
        from = run.timeline[startup - 1].at;
        let meet =
            format!("{:>10.3}s  ----    {} started and met", from.as_secs_f64(), counted(run.scenario.nodes, "node"));
        let hint = format!(" ({}; --all shows them)", counted(startup, "line"));
        output.say(BEFORE_TEXT, &format!("{meet}{}", output.paint(Paint::Faint, &hint)))?;
    }
    // One line of the text is one entry, and the last one is the end.
    let times = run.timeline.iter().map(|entry| entry.at).chain([run.scenario.length]);
    let entries = times.zip(text.lines()).skip(startup).filter(|(at, _)| *at >= from);
    let mut sent = trace.packets.iter().filter(|packet| packet.sent >= from).peekable();
    for (at, line) in entries {
        while let Some(packet) = sent.next_if(|packet| packet.sent < at) {
            output.say(BEFORE_TEXT, &output.paint(Paint::Faint, &packets::line(packet)))?;
        }
        output.say(BEFORE_TEXT, line)?;
    }
    if trace.left_out > 0 {
        output.say(2, &format!("{} more packets are not shown; --from and --at select fewer", trace.left_out))?;
    }
    let paint = if run.violations.is_empty() { Paint::Good } else { Paint::Bad };
    output.line("")?;
    let shown = output.paint(paint, &sim::shown(run));
    Ok(output.say(2, &format!("shown: {shown}"))?)
}

/// Entries and packets are not sorted into each other: each has its time.
fn tell_json(command: &Simulate, run: &Run, trace: &PacketTrace, output: &mut Output) -> Result<(), Failure> {
    let from = command.from.unwrap_or_default();
    for entry in run.timeline.iter().filter(|entry| entry.at >= from) {
        output.line(&entry_json(entry).to_string())?;
    }
    for packet in &trace.packets {
        output.line(&packets::object(packet).to_string())?;
    }
    let violations: Vec<String> = run.violations.iter().map(ToString::to_string).collect();
    let mut hash = String::new();
    let _ = write!(hash, "{:016x}", run.hash);
    let mut end = json!({
        "scenario": run.scenario.name, "seed": run.seed, "length_ms": milliseconds(run.scenario.length),
        "trace": hash, "violations": violations, "shown": sim::shown(run),
    });
    if trace.left_out > 0 {
        end["packets_left_out"] = trace.left_out.into();
    }
    output.line(&end.to_string())?;
    Ok(())
}

fn entry_json(entry: &Entry) -> Value {
    let at = milliseconds(entry.at);
    match &entry.what {
        What::Step(action) => json!({ "at_ms": at, "step": action.to_string() }),
        What::Event(node, event) => json!({
            "at_ms": at,
            "node": node.as_str(),
            "event": event.kind.name(),
            "peer": event.peer.as_ref().map(|peer| peer.key.0.to_string()),
            "message": crate::render::message(&event.kind),
            "sentence": crate::render::sentence(event),
        }),
    }
}
