//! TLS with real nodes: meshes that speak it, mutual or not, nodes with the wrong certificates, and renewal under load.
//!
//!   cargo test --test tls
#![cfg(all(feature = "tls", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod kit;
mod meshes;
mod names;
mod on_the_way;
#[path = "../support/mod.rs"]
mod support;
mod wrong;

use std::process::ExitCode;

use support::names::Names;
use support::{Case, Need, case, suite};

/// A hosts file of its own in a network namespace: root and `ip`.
static NAMES: Need = Need::new("names", Names::missing, 4);

const CASES: &[Case] = &[
    case!(meshes::a_mesh_with_tls),
    case!(meshes::a_mesh_with_mutual_tls_takes_no_stranger_and_lets_everybody_read),
    case!(meshes::a_read_token_beside_mutual_tls),
    case!(meshes::certificates_are_exchanged_while_the_mesh_runs),
    case!(names::nodes_behind_a_name, NAMES),
    case!(on_the_way::bytes_that_are_held_back),
    case!(on_the_way::pings_that_are_held_until_their_sender_is_frozen),
    case!(on_the_way::bytes_that_are_changed_and_played_again),
    case!(wrong::what_is_wrong_with_a_peer_is_said),
    case!(wrong::a_certificate_of_another_authority_is_refused),
    case!(wrong::settings_that_cannot_work_are_told),
];

fn main() -> ExitCode {
    support::door::serve();
    suite::main(4, CASES)
}
