//! The page of a node in a real browser, while real nodes are killed, cut off and started again: what a person sees,
//! how soon, with scripts and without, on a phone, in the dark, by ear, and when names mean harm.
//!
//! Needs `chromium` and `chromedriver`; says SKIPPED, loudly, where there are none, and so do the cases inside a
//! network where there is no root, `ip` or `iptables`. `cargo test --test browser`.
//!
//! The same cases that show a fault write the pictures of the documentation, when they are told to:
//! `HEARTBEAT_WRITE=1 cargo test --test browser pictures`, or `just screenshots`.
#![cfg(all(feature = "node", unix))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod changes;
mod door;
mod driver;
mod hostile;
mod matrix;
mod pictures;
mod reading;

#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::{Case, Network, case, suite};

/// A browser each, which is some hundred megabytes and several processes.
const AT_ONCE: usize = 3;

const LOOPBACK: &[Case] = &[
    case!(changes::killed_and_started_again),
    case!(changes::own_node_killed),
    case!(changes::more_tabs_than_connections),
    case!(reading::with_scripts_off),
    case!(reading::on_a_phone_and_in_the_dark),
    case!(reading::by_ear),
    case!(hostile::any_text_stays_text),
    case!(hostile::peers_that_mean_harm),
    case!(pictures::pictures_on_this_machine),
];

const NETWORK: &[Case] = &[case!(changes::link_cut_and_mended), case!(pictures::pictures_of_broken_networks)];

fn main() -> ExitCode {
    door::serve();
    support::http::serve_fetch();
    if let Some(missing) = driver::missing() {
        println!("\n######## SKIPPED: every case of the browser suite: it needs {missing} ########\n");
        return ExitCode::SUCCESS;
    }
    let outcome = if let Some(missing) = Network::missing() {
        println!("\n######## SKIPPED: the network cases of the browser suite: they need {missing} ########\n");
        suite::main("browser", AT_ONCE, LOOPBACK)
    } else {
        let all: Vec<Case> =
            NETWORK.iter().chain(LOOPBACK).map(|case| Case { name: case.name, run: case.run }).collect();
        // The suite keeps its cases for the life of the program.
        suite::main("browser", AT_ONCE, all.leak())
    };
    driver::stop();
    outcome
}
