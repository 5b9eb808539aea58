//! Real nodes for a long time: faults from a seed, and an upgrade from one version to another.
//!
//!     cargo run --example endurance -- soak --for=120 --nodes=5
//!     cargo run --example endurance -- upgrade --old=PATH
//!
//! Both print what they do, and the seed of what is chance; both end by themselves, with 0 when all held. The program
//! needs no library of ours on purpose: what it knows of a node is what anyone can ask it.

// A program for trials, not a node: it has a clock, threads that sleep, and the environment.
#![allow(clippy::disallowed_methods)]

mod fleet;
mod resources;
mod soak;
mod upgrade;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
endurance soak [--for=SECONDS] [--nodes=N] [--seed=N] [--program=PATH]
endurance upgrade --old=PATH [--program=PATH]";

/// What went wrong, in one sentence.
pub type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let ended = run(std::env::args().skip(1).collect());
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("FAILED: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: Vec<String>) -> Outcome {
    let usage = |problem: String| format!("{problem}\nusage:\n{USAGE}");
    let Some((what, flags)) = words.split_first() else { return Err(usage("nothing to do".to_owned())) };
    let mut options = BTreeMap::new();
    for flag in flags {
        let (name, value) =
            flag.split_once('=').ok_or_else(|| usage(format!("{flag:?} is no option; write --name=value")))?;
        options.insert(name.trim_start_matches("--").to_owned(), value.to_owned());
    }
    let program = PathBuf::from(options.remove("program").unwrap_or_else(|| "target/debug/heartbeat".to_owned()));
    let mut number = |name: &str, default: u64| match options.remove(name) {
        None => Ok(default),
        Some(text) => text.parse::<u64>().map_err(|_| usage(format!("--{name}={text}: a whole number is needed"))),
    };
    match what.as_str() {
        "soak" => {
            let (seconds, nodes) = (number("for", 120)?, number("nodes", 5)?);
            let seed = number("seed", soak::seed_of_the_clock())?;
            nothing_left(&options).map_err(usage)?;
            soak::soak(&program, seconds, usize::try_from(nodes.clamp(3, 20)).unwrap_or(5), seed)
        }
        "upgrade" => {
            let old = options.remove("old").ok_or_else(|| usage("--old=PATH is missing".to_owned()))?;
            nothing_left(&options).map_err(usage)?;
            upgrade::upgrade(&PathBuf::from(old), &program)
        }
        other => Err(usage(format!("{other:?} is not something to do"))),
    }
}

fn nothing_left(options: &BTreeMap<String, String>) -> Outcome {
    match options.keys().next() {
        None => Ok(()),
        Some(name) => Err(format!("--{name} is no option")),
    }
}
