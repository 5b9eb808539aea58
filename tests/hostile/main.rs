//! A mesh under attack, without any key and certificate, and with both: callers that ask without pause, that use up connections and descriptors, that
//! never read, peers that flood, and members that lie. Most cases attack a mesh of three real nodes, freeze one of them meanwhile, and
//! asserts that detection goes on: own pings, the verdict about the frozen node, no verdict about any other, memory, and
//! one log line when something begins to go wrong and one when it ends.
//!
//!   cargo test --test hostile             short forms: attacks of a few seconds, generous limits
//!   HEARTBEAT_TEST_LEVELS="key tls key+token" cargo test --test hostile     at other levels than "nothing key+tls"
//!   just hostile                          release build and long forms: 95 % of the pings, the wait and a second
//!
//! Attacks go to loopback only and are bounded in number and time. Cases that load the machine run one after the other;
//! before them those that hold things back or wait, a few at a time.
#![cfg(all(feature = "tls", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod attack;
mod callers;
mod connections;
#[path = "../tls/kit/mod.rs"]
mod kit;
mod level;
mod load;
mod members;
mod peers;
mod siege;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use level::{Level, Leveled, leveled};
use support::{Need, Network, suite};

/// Network namespaces with a packet filter: root, `ip` and `iptables`.
static NETWORK: Need = Need::new("network", || Network::missing().map(str::to_owned), 1);

const ALL: &[Level] = &Level::ALL;
/// Every page is there for everyone, and large answers are.
const WITHOUT_TOKEN: &[Level] = &[Level::Nothing, Level::Key, Level::Tls, Level::KeyAndTls];
const TLS: &[Level] = &[Level::Tls, Level::KeyAndTls];
/// No stream of news is opened to a peer without the key, and no word of it is believed. One that has the key is believed
/// as one is without any.
const WITHOUT_KEY: &[Level] = &[Level::Nothing, Level::Tls];
/// What is the same whatever the nodes are protected with.
const ONCE: &[Level] = &[Level::Nothing];
/// They hold connections, descriptors, handshakes and answers back, or wait for a minute's end: a fraction of a core each.
const PATIENT: &[Leveled] = &[
    leveled!(connections::quiet_callers, ALL),
    leveled!(connections::callers_that_never_read, WITHOUT_TOKEN),
    leveled!(connections::descriptors_used_up, ALL),
    leveled!(connections::handshakes_that_never_end, TLS),
    leveled!(members::a_new_name_with_each_answer, ALL),
    leveled!(connections::accepting_that_fails, ONCE),
    leveled!(callers::guessed_tokens, ONCE, NETWORK),
    leveled!(members::a_member_that_says_what_is_not, WITHOUT_KEY),
    leveled!(members::pings_in_the_name_of_a_dead_node, ALL, NETWORK),
];
const PATIENT_AT_ONCE: usize = 3;

/// As much as the callers can.
const LOADS: &[Leveled] = &[
    leveled!(load::metrics_without_pause, ALL),
    leveled!(load::large_answers_without_pause, WITHOUT_TOKEN),
    leveled!(load::pings_without_pause, ALL),
    leveled!(load::bursts_of_pipelined_requests, ALL),
    leveled!(connections::two_thousand_streams, ONCE),
    leveled!(connections::junk_and_random_paths, WITHOUT_TOKEN),
    leveled!(callers::questions_without_pause, ONCE, NETWORK),
    leveled!(peers::informational_heads_without_end, ALL),
    leveled!(peers::news_without_end, WITHOUT_KEY),
];

fn main() -> ExitCode {
    support::door::serve();
    attack::raise_descriptors();
    let levels = [Level::Nothing, Level::KeyAndTls];
    let suites = [(PATIENT, PATIENT_AT_ONCE), (LOADS, 1)];
    let ended = suites.map(|(cases, at_once)| suite::main(at_once, Vec::leak(level::cases(cases, &levels))));
    if ended.iter().all(|code| *code == ExitCode::SUCCESS) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
