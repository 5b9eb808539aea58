//! The mesh key with real nodes: meshes that have one, nodes that lack it, rotation, and somebody on the way who records,
//! changes, strips and plays again. Attacks are made at each of the levels "key key+tls key+token".
//!
//!   cargo test --test mesh_key
//!   HEARTBEAT_TEST_LEVELS=key+tls cargo test --test mesh_key attacks      at one of them
#![cfg(all(feature = "tls", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod attacks;
mod keys;
#[path = "../tls/kit/mod.rs"]
mod kit;
#[path = "../hostile/level.rs"]
mod level;
mod meshes;
mod proxy;
mod reading;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use level::{Level, Leveled, leveled};
use support::{Case, case, suite};

const CASES: &[Case] = &[
    case!(meshes::keys_are_exchanged_while_the_mesh_runs),
    case!(meshes::a_mesh_with_a_key),
    case!(meshes::nodes_with_another_key_and_with_none),
    case!(meshes::a_key_is_introduced_while_the_mesh_runs),
];

const ALL: &[Level] = &[Level::Key, Level::KeyAndTls, Level::KeyAndToken];

const ATTACKS: &[Leveled] = &[
    leveled!(attacks::answers_that_are_changed_stripped_or_old, ALL),
    leveled!(attacks::pings_and_streams_played_again, ALL),
    leveled!(attacks::tags_that_are_not_as_they_should_be, ALL),
    leveled!(attacks::a_dead_node_behind_a_faker, ALL),
    leveled!(attacks::answers_of_another_member, ALL),
    leveled!(attacks::an_answer_that_is_held_back, ALL),
    leveled!(attacks::questions_to_one_witness, ALL),
    leveled!(reading::a_mesh_with_a_read_token, &[Level::Key, Level::KeyAndTls]),
];

fn main() -> ExitCode {
    let mut cases = CASES.to_vec();
    cases.extend(level::cases(ATTACKS, ALL));
    // They wait most of the time.
    suite::main(8, Vec::leak(cases))
}
