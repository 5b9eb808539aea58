//! Real nodes on loopback: killed, frozen, restarted, told to stop, started in any order, and given peers that misbehave.
//!
//! `cargo test --test processes`, or one of them: `cargo test --test processes frozen_for_8_seconds`.
#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod evidence;
mod frozen;
mod lives;
mod service;
mod strangers;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use support::{Case, Line, case, suite};

/// Three small processes each, nearly always idle: two cores carry more, but start-up would get slow.
const AT_ONCE: usize = 8;

/// Longest first, so that the suite ends with short ones.
const CASES: &[Case] = &[
    case!(frozen::frozen_for_12_seconds),
    case!(strangers::peer_that_drips_one_byte_a_second),
    case!(strangers::peer_that_answers_half),
    case!(strangers::peer_that_answers_garbage),
    case!(strangers::peer_with_the_wrong_identity),
    case!(strangers::peer_that_answers_500),
    case!(strangers::peer_that_floods),
    case!(strangers::peer_that_is_mute),
    case!(strangers::never_started_peer_is_said_once),
    case!(frozen::frozen_for_8_seconds),
    case!(frozen::frozen_for_5_seconds),
    case!(frozen::frozen_for_2_seconds),
    case!(frozen::frozen_observer_sees_the_dead_when_it_wakes),
    case!(evidence::why_of_the_frozen),
    case!(evidence::why_of_the_killed),
    case!(evidence::why_of_the_one_that_left),
    case!(lives::restart_after_5_seconds),
    case!(lives::restart_within_200_milliseconds),
    case!(lives::started_in_any_order),
    case!(lives::killed_one_of_three),
    case!(lives::killed_one_of_three_without_streams),
    case!(lives::killed_two_of_three_at_once),
    case!(lives::killed_one_of_two),
    case!(lives::alone),
    case!(lives::told_to_stop),
    case!(lives::told_to_stop_twice),
    case!(service::counters_add_up),
    case!(service::healthy_with_every_peer_dead),
    case!(service::taken_port),
];

fn main() -> ExitCode {
    suite::main("processes", AT_ONCE, CASES)
}

/// The length of an outage is said, and it is about right.
fn assert_outage(line: &Line, least: Duration, most: Duration) {
    let length = line.field("outage_s").as_f64().unwrap_or_else(|| panic!("no length of the outage in {}", line.raw));
    let fits = (least.as_secs_f64()..=most.as_secs_f64()).contains(&length);
    assert!(fits, "an outage of {length} s, not {least:?} to {most:?}: {}", line.raw);
}
