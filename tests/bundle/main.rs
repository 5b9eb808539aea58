//! The bundle as it runs: the image is built, `docker compose up --wait` brings it up, things are broken, and
//! `down -v` leaves nothing. Needs a container engine and takes minutes, so it runs only when asked:
//!
//! `HEARTBEAT_E2E=1 cargo test --test bundle`, or one case: `HEARTBEAT_E2E=1 cargo test --test bundle kill`.
//!
//! Every case has a compose project, ports and an image name of its own (see `tests/support/compose.rs`).
#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod elf;
mod faults;
mod image;
#[path = "../support/mod.rs"]
mod support;
mod up;

use std::process::ExitCode;

use support::{Case, case, compose, suite};

/// Each case is a project of up to six containers: two of them on two cores would measure each other.
const AT_ONCE: usize = 1;

/// The image first: whatever is wrong with it shows there best.
const CASES: &[Case] = &[
    case!(image::small_labelled_and_without_a_shell),
    case!(image::binary_is_static_and_hardened),
    case!(up::from_nothing_to_whole_and_back),
    case!(faults::wrong_variable_is_told_by_the_node),
    case!(faults::taken_port_of_another_service),
    case!(faults::missing_folder_of_another_service),
    case!(faults::nodes_without_their_observers),
    case!(faults::killed_in_turn_and_all_at_once),
];

fn main() -> ExitCode {
    suite::end_to_end(compose::skipped(), compose::clean, AT_ONCE, CASES)
}
