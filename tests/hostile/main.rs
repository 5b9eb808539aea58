//! A mesh under attack, without any key: callers that ask without pause, that use up connections and descriptors, that
//! never read, peers that flood, and members that lie. Most cases attack a mesh of three real nodes, freeze one of them meanwhile, and
//! asserts that detection goes on: own pings, the verdict about the frozen node, no verdict about any other, memory, and
//! one log line when something begins to go wrong and one when it ends.
//!
//!   cargo test --test hostile             short forms: attacks of a few seconds, generous limits
//!   just hostile                          release build and long forms: 95 % of the pings, the wait and a second
//!
//! Attacks go to loopback only and are bounded in number and time. Cases run one after the other: each loads the machine.
#![cfg(all(feature = "node", target_os = "linux"))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod attack;
mod connections;
mod load;
mod members;
mod peers;
mod siege;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::{Case, Need, Network, case, suite};

/// Network namespaces with a packet filter: root, `ip` and `iptables`.
static NETWORK: Need = Need::new("network", || Network::missing().map(str::to_owned), 1);

const CASES: &[Case] = &[
    case!(load::metrics_without_pause),
    case!(load::large_answers_without_pause),
    case!(load::pings_without_pause),
    case!(load::bursts_of_pipelined_requests),
    case!(connections::quiet_callers),
    case!(connections::callers_that_never_read),
    case!(connections::descriptors_used_up),
    case!(connections::junk_and_random_paths),
    case!(peers::informational_heads_without_end),
    case!(peers::news_without_end),
    case!(members::a_new_name_with_each_answer),
    case!(members::a_member_that_says_what_is_not),
    case!(members::pings_in_the_name_of_a_dead_node, NETWORK),
];

fn main() -> ExitCode {
    support::door::serve();
    attack::raise_descriptors();
    suite::main(1, CASES)
}
