//! The mesh key with real nodes: meshes that have one, nodes that lack it, rotation, and somebody on the way who records,
//! changes, strips and plays again.
//!
//!   cargo test --test mesh_key
#![cfg(all(feature = "node", target_os = "linux"))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod attacks;
mod keys;
mod meshes;
mod proxy;
mod reading;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::{Case, case, suite};

const CASES: &[Case] = &[
    case!(meshes::a_mesh_with_a_key),
    case!(meshes::nodes_with_another_key_and_with_none),
    case!(meshes::keys_are_exchanged_while_the_mesh_runs),
    case!(meshes::a_key_is_introduced_while_the_mesh_runs),
    case!(attacks::tags_that_are_not_as_they_should_be),
    case!(attacks::answers_that_are_changed_stripped_or_old),
    case!(attacks::a_dead_node_behind_a_faker),
    case!(attacks::answers_of_another_member),
    case!(attacks::an_answer_that_is_held_back),
    case!(attacks::questions_to_one_witness),
    case!(reading::a_mesh_with_a_read_token),
    case!(attacks::pings_and_streams_played_again),
];

fn main() -> ExitCode {
    suite::main(4, CASES)
}
