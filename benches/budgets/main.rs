//! The cost of a node, with its budgets: `just bench`.
//!
//! Figures about a process are measured on real processes of the release build.
//! No figure decides whether a test passes: machines differ, and a budget that
//! fails on a busy machine teaches people to ignore it. The output names the
//! machine and the commit, and `--write` writes it to `docs/benchmarks.md`, so no
//! figure there is typed by hand.
//!
//!     just bench                 all figures
//!     just bench idle core       some of them
//!     just bench --write         all, and into docs/benchmarks.md
//!
//! The recipe builds as the Dockerfile does; `cargo bench` by itself does not, and the output says so.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod detection;
mod detector;
mod echo;
mod figure;
mod instructions;
mod machine;
mod mesh;
mod nodes;
mod pages;
mod scrape;
mod simulator;
mod sizes;
mod stub;
mod tags;
#[cfg(all(feature = "tls", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tls;

#[cfg(all(feature = "tls", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "../../tests/tls/kit/mod.rs"]
mod kit;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

use figure::Measurement;

#[global_allocator]
static ALLOCATOR: detector::Counting = detector::Counting;

/// A name to select it, and what it measures.
type Group = (&'static str, fn() -> Vec<Measurement>);

/// Benchmarks that need a quiet machine come first, those that load it last.
const GROUPS: &[Group] = &[
    ("start", nodes::start),
    ("idle", nodes::idle),
    #[cfg(all(feature = "tls", any(target_arch = "x86_64", target_arch = "aarch64")))]
    ("tls", tls::figures),
    ("mesh", mesh::figures),
    ("pages", pages::figures),
    ("detection", detection::figures),
    ("ping", nodes::ping),
    ("bulk", nodes::bulk),
    ("sizes", sizes::figures),
    ("instructions", instructions::figures),
    ("thousand", nodes::thousand),
    ("scrape", scrape::figures),
    ("tags", tags::figures),
    ("core", detector::figures),
    ("simulator", simulator::figures),
];

fn main() -> ExitCode {
    support::door::serve();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == stub::COMMAND) {
        return stub::serve(&arguments[1..]);
    }
    if arguments.first().is_some_and(|word| word == echo::COMMAND) {
        return echo::run(&arguments[1..]);
    }
    // `cargo test --benches` runs this too, without the word that `cargo bench` adds.
    if !arguments.iter().any(|word| word == "--bench") {
        println!("budgets are measured by `cargo bench`");
        return ExitCode::SUCCESS;
    }
    let names: Vec<&String> = arguments.iter().filter(|word| !word.starts_with("--")).collect();
    let chosen = GROUPS.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|word| *word == name));
    // Now: files may change before all is measured, and the program is of these.
    let description = machine::description();
    println!("{description}\n");
    let mut figures = Vec::new();
    for (name, measure) in chosen {
        println!("{name}:");
        for figure in measure() {
            println!("  {figure}");
            figures.push(figure);
        }
    }
    if arguments.iter().any(|word| word == "--write")
        && let Err(problem) = figure::write(&description, &figures)
    {
        eprintln!("docs/benchmarks.md: {problem}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
