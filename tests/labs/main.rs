//! The labs of `labs/`, each a page and a test: real nodes, real faults, deadlines, and the figures of the pages.
//!
//!   just lab crash                               one, with a commentary, in the project that you run (or starts it)
//!   just labs                                    all of them, each in a project of its own, nothing left behind
//!   HEARTBEAT_E2E=1 cargo test --test labs       the same; a name or two after `--` for those only
//!
//! and those that make sense there in the cluster that `KUBECONFIG` names, which holds the images that
//! `tests/labs/kubernetes` names, each in a namespace of its own:
//!
//!   just k8s-labs
//!   HEARTBEAT_E2E=1 KUBECONFIG=... cargo test --test labs -- --kubernetes
//!
//! Several labs run side by side: they wait most of the time, each for its alerts. `HEARTBEAT_WRITE=1` writes what was
//! measured in compose into `labs/NAME/figures.json` and the page; without it, and on Kubernetes, the figures go to
//! `target/labs/` alone.
#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod clock;
mod containers;
mod filter;
#[path = "../cluster/kubectl.rs"]
mod kubectl;
mod log;
mod plan;
mod pods;
#[path = "../cluster/process.rs"]
mod process;
mod run;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::collections::VecDeque;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::time::Instant;

use containers::Containers;
use plan::figures::Figures;
use plan::lab::{Lab, Place};
use plan::{LABS, LONG};
use pods::Pods;
use support::compose;
use world::World;

/// Labs side by side: some containers each that are nearly always idle.
const AT_ONCE: usize = 4;

/// Lines of the nodes' logs that a failed lab shows.
const TOLD: usize = 40;

/// Where the labs are played.
#[derive(Clone, Copy, PartialEq)]
enum Where {
    /// In compose, in the project that a person runs.
    Here,
    /// In compose, each in a project of its own.
    Projects,
    /// On Kubernetes, each in a namespace of its own.
    Namespaces,
}

impl Where {
    fn place(self) -> Place {
        match self {
            Where::Here | Where::Projects => Place::Compose,
            Where::Namespaces => Place::Kubernetes,
        }
    }

    /// Why nothing can be played there, if so. A person who names a lab has asked for it.
    fn skipped(self) -> Option<String> {
        match self {
            Where::Here => None,
            Where::Projects => compose::skipped(),
            Where::Namespaces => kubectl::skipped(),
        }
    }

    /// What a run that was cut off left behind is removed; what all labs need is made.
    fn prepare(self) -> Result<(), String> {
        self.clean()?;
        if self == Where::Projects {
            compose::build();
        }
        Ok(())
    }

    fn clean(self) -> Result<(), String> {
        match self {
            Where::Here => Ok(()),
            Where::Projects => {
                compose::clean();
                Ok(())
            }
            Where::Namespaces => pods::clean(),
        }
    }
}

/// How one lab ended.
enum Outcome {
    Passed,
    /// What was not as it should be.
    Failed(String),
    Skipped,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |word: &str| arguments.iter().any(|argument| argument == word);
    let names: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    if asked("--list") {
        LABS.iter().for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let at = match (asked("--here"), asked("--kubernetes")) {
        (_, true) => Where::Namespaces,
        (true, false) => Where::Here,
        (false, false) => Where::Projects,
    };
    if let Some(why) = at.skipped() {
        println!("\nlabs: SKIPPED, nothing was tested: {why}; `just lab NAME` runs one\n");
        return ExitCode::SUCCESS;
    }
    // Other words are names of tests, which `cargo test NAME` passes to every suite.
    if at != Where::Projects
        && let Some(unknown) = names.iter().find(|name| !LABS.contains(&name.as_str()))
    {
        println!("there is no lab {unknown:?}; there are {}", LABS.join(", "));
        return ExitCode::FAILURE;
    }
    let chosen = LABS.iter().copied().filter(|lab| names.is_empty() || names.iter().any(|name| name == lab));
    // One that cannot be read stays, and fails with its reason.
    let placed = |name: &&str| read(name, at.place()).map_or(true, |lab| lab.places.contains(&at.place()));
    let (chosen, left_out): (Vec<_>, Vec<_>) = chosen.partition(placed);
    if !left_out.is_empty() {
        println!("\nleft out, for by their lab.yaml they make no sense here: {}", left_out.join(", "));
    }
    if chosen.is_empty() && !left_out.is_empty() {
        return ExitCode::FAILURE;
    }
    if let Err(problem) = at.prepare() {
        println!("\nlabs: FAILED before the first: {problem}\n");
        return ExitCode::FAILURE;
    }
    let code = run_all(chosen, at);
    if let Err(problem) = at.clean() {
        println!("\nlabs: FAILED after the last: {problem}\n");
        return ExitCode::FAILURE;
    }
    code
}

fn run_all(mut chosen: Vec<&'static str>, at: Where) -> ExitCode {
    let (count, began) = (chosen.len(), Instant::now());
    let at_once = if at == Where::Here { 1 } else { AT_ONCE.min(count) };
    if at_once > 1 {
        chosen.sort_by_key(|lab| !LONG.contains(lab));
    }
    println!("\nrunning {count} labs, at most {at_once} at once");
    let (queue, ended) = (Mutex::new(VecDeque::from(chosen)), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(name) = next(&queue) {
                    let outcome = run_one(name, at);
                    ended.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((name, outcome));
                }
            });
        }
    });
    let ended = ended.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let of = |wanted: fn(&Outcome) -> bool| ended.iter().filter(|(_, outcome)| wanted(outcome)).count();
    let (failed, skipped) =
        (of(|ended| matches!(ended, Outcome::Failed(_))), of(|ended| matches!(ended, Outcome::Skipped)));
    let word = if failed == 0 { "ok" } else { "FAILED" };
    let passed = ended.len() - failed - skipped;
    // Again at the end: other labs have written much since, and the end is what is kept of a long output.
    for (name, outcome) in &ended {
        if let Outcome::Failed(problem) = outcome {
            println!("{name} FAILED: {problem}");
        }
    }
    println!(
        "labs: {word}. {passed} passed; {failed} failed; {skipped} SKIPPED; {:.0} s\n",
        began.elapsed().as_secs_f64()
    );
    ExitCode::from(u8::from(failed > 0))
}

fn next(queue: &Mutex<VecDeque<&'static str>>) -> Option<&'static str> {
    queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop_front()
}

/// Runs a lab and reports the result. A panic is one of a helper: it fails this lab and no other.
fn run_one(name: &'static str, at: Where) -> Outcome {
    // Alone, a lab needs no name before each line.
    let tell = |text: &str| if at == Where::Here { println!("{text}") } else { println!("{name:<14} {text}") };
    let began = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| try_one(name, at, &tell)));
    let took = began.elapsed().as_secs_f64();
    match ended {
        Ok(Ok(None)) => tell(&format!("ok, {took:.0} s")),
        Ok(Ok(Some(why))) => {
            tell(&format!("SKIPPED, nothing was tested: {why}"));
            return Outcome::Skipped;
        }
        Ok(Err(problem)) => {
            tell(&format!("FAILED after {took:.0} s: {problem}"));
            return Outcome::Failed(problem);
        }
        Err(panic) => {
            tell(&format!("FAILED after {took:.0} s, as said above"));
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            return Outcome::Failed(text.unwrap_or("a panic").to_owned());
        }
    }
    Outcome::Passed
}

/// Why the lab was skipped, if it was.
fn try_one(name: &str, at: Where, tell: &dyn Fn(&str)) -> Result<Option<String>, String> {
    let lab = read(name, at.place())?;
    let missing = if at == Where::Namespaces { pods::missing(&lab) } else { containers::missing(&lab) };
    if missing.is_some() {
        return Ok(missing);
    }
    tell(&format!("{}. {}", lab.title, lab.about));
    let mut world: Box<dyn World> = match at {
        Where::Here => Box::new(Containers::start(name, &lab, true)?),
        Where::Projects => Box::new(Containers::start(name, &lab, false)?),
        Where::Namespaces => Box::new(Pods::start(name)?),
    };
    let played = run::play(&lab, world.as_mut(), tell);
    if played.is_err() {
        tell_log(world.as_ref(), tell);
    }
    let seen = played?;
    let figures = Figures {
        machine: machine(at),
        date: plan::time::day(clock::now()),
        commit: commit(),
        figures: seen.figures,
        said: seen.said,
        alerts: seen.alerts,
        notifications: seen.notifications,
    };
    write(name, at, &figures)?;
    Ok(None)
}

/// Reads a lab as it is played in a place.
fn read(name: &str, place: Place) -> Result<Lab, String> {
    let file = format!("labs/{name}/lab.yaml");
    let text = fs::read_to_string(root().join(&file)).map_err(|error| format!("{file}: {error}"))?;
    let text = if place == Place::Kubernetes { pods::names(&text) } else { text };
    Ok(Lab::parse(&file, &text)?.at(place))
}

/// The last log lines of the nodes, to show why a lab failed.
fn tell_log(world: &dyn World, tell: &dyn Fn(&str)) {
    let mut lines = world.log();
    lines.sort_by(|one, other| one.at.total_cmp(&other.at));
    for line in &lines[lines.len().saturating_sub(TOLD)..] {
        tell(&format!("  log {}: {}", line.node, line.fields));
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The pages show the figures of compose. Those of a cluster are for the person who ran it.
fn write(name: &str, at: Where, figures: &Figures) -> Result<(), String> {
    let text = serde_json::to_string_pretty(figures).map_err(|error| error.to_string())? + "\n";
    let put = |path: &Path, text: &str| fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()));
    let target = root().join("target/labs");
    fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
    if at == Where::Namespaces {
        return put(&target.join(format!("{name}.kubernetes.json")), &text);
    }
    put(&target.join(format!("{name}.json")), &text)?;
    if std::env::var_os("HEARTBEAT_WRITE").is_none() {
        return Ok(());
    }
    let folder = root().join("labs").join(name);
    put(&folder.join("figures.json"), &text)?;
    let page = folder.join("README.md");
    let written = fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
    put(&page, &figures.fill(&written)?)
}

/// `2 cores, Linux 6.1.0, Docker 26.1.5`.
fn machine(at: Where) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // What a distribution adds to the number says nothing about the machine.
    let kernel = kernel.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
    let engine = match at {
        Where::Namespaces => format!("Kubernetes {}", pods::version().unwrap_or_default()),
        _ => {
            let version = compose::docker(&["version", "--format={{.Server.Version}}"]).unwrap_or_default();
            format!("Docker {}", version.trim())
        }
    };
    format!("{cores} cores, Linux {kernel}, {engine}")
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(root()).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // Figures and pages are what a run writes; they do not change what was measured.
    let changed =
        git(&["status", "--porcelain", "--", "src", "labs/*/lab.yaml", "prometheus", "alertmanager", "*.yml"]);
    let mark = if changed.is_some_and(|files| !files.is_empty()) { " with changes" } else { "" };
    git(&["rev-parse", "--short=12", "HEAD"]).map_or_else(|| "unknown".to_owned(), |commit| format!("{commit}{mark}"))
}
