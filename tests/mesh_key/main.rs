//! The mesh key with real nodes: meshes that have one, nodes that lack it, rotation, and somebody on the way who records,
//! changes, strips and plays again. Attacks are made at each of the levels "key key+tls key+token",
//! and at "nothing" and "tls" where they say something there.
//!
//!   cargo test --test mesh_key
//!   HEARTBEAT_TEST_LEVELS=key+tls cargo test --test mesh_key attacks      at one of them
#![cfg(all(feature = "tls", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[allow(dead_code)]
#[path = "../hostile/attack.rs"]
mod attack;
mod attacks;
mod keys;
#[path = "../tls/kit/mod.rs"]
mod kit;
#[path = "../hostile/level.rs"]
mod level;
mod members;
mod meshes;
mod proxy;
mod reading;
mod strangers;
mod streams;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use level::{Level, Leveled, leveled};
use support::{Case, case, suite};

const CASES: &[Case] = &[
    case!(meshes::a_mesh_with_a_key),
    case!(meshes::nodes_with_another_key_and_with_none),
    case!(meshes::a_key_is_introduced_while_the_mesh_runs),
];

/// Its own name is the case at the first of them.
const USUAL: &[Level] = &[Level::Key, Level::Nothing, Level::KeyAndTls, Level::KeyAndToken, Level::Tls];

const WITH_KEY: &[Level] = &[Level::Key, Level::KeyAndTls, Level::KeyAndToken];

/// With nothing they show what the key is for.
const WITH_AND_WITHOUT: &[Level] = &[Level::Key, Level::KeyAndTls, Level::KeyAndToken, Level::Nothing];

/// Those that take longest come first.
const ATTACKS: &[Leveled] = &[
    leveled!(meshes::keys_are_exchanged_while_the_mesh_runs, &[Level::Key, Level::KeyAndTls]),
    leveled!(attacks::a_dead_node_behind_a_faker, WITH_AND_WITHOUT),
    leveled!(members::a_member_that_vouches_for_a_dead_node, &[Level::Key, Level::Nothing]),
    leveled!(meshes::certificates_are_exchanged_beside_a_key, &[Level::KeyAndTls]),
    leveled!(streams::events_that_are_no_events_of_the_peer, WITH_AND_WITHOUT),
    leveled!(attacks::answers_that_are_changed_stripped_or_old, WITH_KEY),
    leveled!(attacks::pings_and_streams_played_again, WITH_KEY),
    leveled!(attacks::tags_that_are_not_as_they_should_be, WITH_KEY),
    leveled!(attacks::answers_of_another_member, USUAL),
    leveled!(attacks::an_answer_that_is_held_back, USUAL),
    leveled!(attacks::questions_to_one_witness, WITH_AND_WITHOUT),
    leveled!(attacks::a_changed_answer_without_a_key, &[Level::Nothing]),
    leveled!(streams::stream_requests_played_again_without_a_key, &[Level::Nothing]),
    leveled!(members::a_member_with_the_key_that_lies, WITH_KEY),
    leveled!(members::a_peer_without_the_key_that_lies, WITH_KEY),
    leveled!(strangers::tokens_that_are_tried, USUAL),
    leveled!(strangers::another_site_in_a_browser, USUAL),
    leveled!(reading::a_mesh_with_a_read_token, &[Level::Key, Level::KeyAndTls]),
    leveled!(reading::the_file_of_the_read_token, &[Level::KeyAndToken]),
];

fn main() -> ExitCode {
    let mut cases = level::cases(ATTACKS, USUAL);
    cases.extend(CASES);
    // They wait most of the time.
    suite::main(12, Vec::leak(cases))
}
