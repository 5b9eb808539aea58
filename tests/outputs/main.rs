//! The output that pages show is recorded from real runs, by one command.
//!
//! A block of output follows a line `<!-- output: NAME -->`. Each name belongs to a situation in [`situations`], which
//! runs real nodes. `HEARTBEAT_WRITE=1 cargo test --test outputs` (`just outputs`) writes all blocks again; without the
//! variable the blocks are compared by their shape, which leaves out times, ports and process ids. The pages of the labs
//! need a container engine and are written by `HEARTBEAT_WRITE=1 just labs`; timelines of the simulator by
//! `HEARTBEAT_WRITE=1 cargo test --test documentation`.
#![cfg(all(feature = "node", unix))]
// Pages and processes are what these tests are about.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod alone;
mod api;
mod demo;
mod json;
mod page;
#[path = "../support/pages.rs"]
#[allow(dead_code)] // other suites use more of it
mod pages;
#[path = "../support/ports.rs"]
#[allow(dead_code)] // other suites use more of it
mod ports;
mod shape;
mod situations;

use std::collections::BTreeMap;

use situations::SITUATIONS;

/// Blocks by name, as a situation recorded them.
pub type Outputs = BTreeMap<&'static str, Output>;

pub struct Output {
    pub text: String,
    pub compared: Compared,
}

/// How much of a block is the same in every run.
#[derive(Clone, Copy, Debug)]
pub enum Compared {
    /// All of it.
    Whole,
    /// All lines, in any order: nodes write at the same time.
    Lines,
    /// The names of the fields of JSON, not their values.
    Keys,
    /// The first lines, the command included; what follows depends on what the node had been asked before.
    Head { lines: usize },
    /// The first sentences; what follows depends on what the last pings happened to show.
    Start { sentences: usize },
}

#[test]
fn pages_show_what_real_runs_print() {
    let mut recorded: Outputs = std::thread::scope(|scope| {
        let running: Vec<_> = SITUATIONS.iter().map(|situation| scope.spawn(situation)).collect();
        running.into_iter().flat_map(|situation| situation.join().expect("the situation was recorded")).collect()
    });
    // After the others: more nodes at once would make their times longer on a small machine.
    recorded.extend(api::asked());
    recorded.extend(api::maintained());
    recorded.extend(api::read_with_a_token());
    let rewrite = std::env::var_os("HEARTBEAT_WRITE").is_some();
    let mut wrong = Vec::new();
    let mut shown = Vec::new();
    for mut page in page::all() {
        for name in page.names() {
            let Some(output) = recorded.get(name.as_str()) else {
                wrong.push(format!("{}: no situation records {name:?}", page.file));
                continue;
            };
            let written = page.block(&name);
            if rewrite {
                page.replace(&name, &output.text);
            } else if !shape::same(&written, &output.text, output.compared) {
                wrong.push(format!(
                    "{}: {name:?} is not what a run prints; `just outputs` records it again\nwritten:\n{written}\na run:\n{}",
                    page.file, output.text
                ));
            }
            shown.push(name);
        }
        page.save();
    }
    for name in recorded.keys().filter(|name| !shown.iter().any(|shown| shown == *name)) {
        wrong.push(format!("no page shows {name:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Lines of nodes that are not recorded yet, each with the reason.
const BY_HAND: &[(&str, &str)] = &[
    ("docs/labs.md ## 7.", "needs root, to make network namespaces"),
    ("docs/labs.md ## 8.", "needs root, to make network namespaces"),
    ("docs/operations.md ## Finding peers", "needs a name server"),
    ("docs/operations.md ## Reading the log", "a cut link: needs root"),
    ("docs/kubernetes.md ## A cut by policy", "needs a cluster"),
    ("docs/commands.md ## monitor", "not recorded yet"),
];

#[test]
fn every_block_of_output_says_where_it_comes_from() {
    let mut wrong = Vec::new();
    for page in page::all() {
        for (section, line) in page.unmarked() {
            let place = format!("{} {section}", page.file);
            if !BY_HAND.iter().any(|(known, _)| place.starts_with(known)) {
                wrong.push(format!("{place}: no `<!-- output: NAME -->` before {line:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
