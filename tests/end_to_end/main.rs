//! Real nodes that are killed, frozen, restarted, stopped, cut off and lied to. Each fault is raised once, and all that
//! follows from it is asserted there: the state at every observer, the log, the sentence and the verdict from every
//! node, the incident, and what `heartbeat why` answers.
//!
//!   cargo test --test end_to_end                          all cases, side by side: they nearly always wait
//!   cargo test --test end_to_end frozen                   those whose name has this in it
//!   HEARTBEAT_EXPECT='network browser' cargo test --test end_to_end
//!
//! Some cases need what not every machine has, see [`NEEDS`]. Where it is missing they are ignored, and say why; where
//! `HEARTBEAT_EXPECT` names it, they fail instead.
#![cfg(all(feature = "node", unix))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod addresses;
mod asks;
mod browser;
mod crashes;
mod freezes;
mod history;
mod links;
mod lists;
mod names;
mod proxied;
mod service;
mod splits;
mod stops;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
mod truth;

use std::process::ExitCode;
use std::time::Duration;

use support::names::Names;
use support::{Case, Line, Need, Network, case, suite};

/// Network namespaces with a packet filter: root, `ip` and `iptables`.
static NETWORK: Need = Need::new("network", || Network::missing().map(str::to_owned), AT_ONCE);

/// A hosts file of its own in a network namespace: root and `ip`.
static NAMES: Need = Need::new("names", Names::missing, AT_ONCE);

/// libfaketime, for a node whose clock is wrong.
static CLOCK: Need = Need::new("clock", history::no_wrong_clock, AT_ONCE);

/// `chromium` and `chromedriver`. A browser is some hundred megabytes and several processes, and a case may have two.
static BROWSER: Need = Need::new("browser", || browser::driver::missing().map(str::to_owned), 2);

/// The site of the playground, built from the sources as they are.
static PLAYGROUND: Need = Need::new("playground", browser::playground::missing, AT_ONCE);

/// What `HEARTBEAT_EXPECT` may name.
const NEEDS: [&Need; 5] = [&NETWORK, &NAMES, &CLOCK, &BROWSER, &PLAYGROUND];

/// Cases at once. Three small processes each, nearly always idle; but with more of them, too many start at the same time,
/// and nodes that wait for a processor are nodes that do not answer.
const AT_ONCE: usize = 16;

/// Longest first, so that the suite ends with short ones. Those with a browser stand apart: they wait for each other.
const CASES: &[Case] = &[
    case!(splits::split_of_four_two_to_two, NETWORK),
    case!(links::host_gone_silent, NETWORK),
    case!(truth::a_stopped_observer_does_not_shorten_a_silence),
    case!(truth::own_network_gone, NETWORK),
    case!(truth::two_nodes_of_one_name),
    case!(truth::nobody_found_is_not_whole),
    case!(truth::a_clock_that_is_set, CLOCK),
    case!(links::link_cut, NETWORK),
    case!(addresses::peer_behind_address_translation, NETWORK),
    case!(addresses::peer_whose_address_changes, NETWORK),
    case!(links::new_requests_of_one_side_dropped, NETWORK),
    case!(crashes::killed_one_of_three),
    case!(crashes::crash_loop),
    case!(browser::reading::with_scripts_off, BROWSER),
    case!(links::link_that_loses_forty_percent, NETWORK),
    case!(links::host_that_loses_sixty_percent, NETWORK),
    case!(names::name_that_cannot_be_looked_up, NAMES),
    case!(names::scaled_up_and_down, NAMES),
    case!(names::compose_scaled_to_six, NAMES),
    case!(browser::changes::link_cut_and_mended, BROWSER, NETWORK),
    case!(splits::split_of_five_three_to_two, NETWORK),
    case!(history::the_last_events_of_a_dead_node),
    case!(history::a_clock_an_hour_off, CLOCK),
    case!(browser::reading::on_a_phone_and_in_the_dark, BROWSER),
    case!(freezes::frozen_for_12_seconds),
    case!(history::a_node_that_was_away),
    case!(browser::changes::killed_and_started_again, BROWSER),
    case!(stops::rolling_restart),
    case!(strangers::peer_that_drips_one_byte_a_second),
    case!(strangers::peer_that_answers_half),
    case!(browser::pictures::broken_networks, BROWSER, NETWORK),
    case!(strangers::peer_that_answers_garbage),
    case!(strangers::peer_with_the_wrong_identity),
    case!(strangers::peer_that_answers_500),
    case!(strangers::peer_that_answers_a_gzip_bomb),
    case!(browser::pictures::pictures, BROWSER),
    case!(browser::playground::every_preset_plays, BROWSER, PLAYGROUND),
    case!(browser::playground::every_gesture_works, BROWSER, PLAYGROUND),
    case!(browser::playground::questions_and_other_detectors, BROWSER, PLAYGROUND),
    case!(browser::playground::by_mouse_touch_and_keyboard, BROWSER, PLAYGROUND),
    case!(browser::playground::reasons_faults_and_addresses, BROWSER, PLAYGROUND),
    case!(browser::playground::a_rule_is_left_out, BROWSER, PLAYGROUND),
    case!(browser::playground::nine_nodes_move, BROWSER, PLAYGROUND),
    case!(browser::reading::twelve_with_two_dead, BROWSER),
    case!(browser::reading::by_keyboard_and_by_touch, BROWSER),
    case!(strangers::peer_that_floods),
    case!(strangers::peer_that_is_mute),
    case!(strangers::never_started_peer_is_said_once),
    case!(browser::hostile::peers_that_mean_harm, BROWSER),
    case!(links::peer_that_was_never_up, NETWORK),
    case!(links::host_that_drops_everything, NETWORK),
    case!(browser::hostile::any_text_stays_text, BROWSER),
    case!(links::all_packets_of_one_direction_dropped, NETWORK),
    case!(links::new_requests_of_one_side_dropped_between_two, NETWORK),
    case!(links::connections_dropped_both_ways, NETWORK),
    case!(links::connections_rejected_both_ways, NETWORK),
    case!(browser::changes::own_node_killed, BROWSER),
    case!(names::restarted_under_another_address, NAMES),
    case!(names::same_name_twice, NAMES),
    case!(browser::reading::by_ear, BROWSER),
    case!(browser::login::the_read_token_is_shown_once, BROWSER),
    case!(freezes::frozen_for_8_seconds),
    case!(freezes::frozen_under_the_fast_profile),
    case!(freezes::frozen_for_5_seconds),
    case!(freezes::frozen_for_2_seconds),
    case!(freezes::frozen_observer_sees_the_dead_when_it_wakes),
    case!(browser::changes::more_tabs_than_connections, BROWSER),
    case!(crashes::each_of_five_killed_in_turn),
    case!(crashes::killed_two_of_five_at_once),
    case!(stops::told_to_stop),
    case!(stops::told_to_stop_two_hundred_times),
    #[cfg(target_os = "linux")]
    case!(service::gives_back_pages_of_the_start),
    case!(service::counters_add_up),
    case!(crashes::killed_two_of_three_at_once),
    case!(crashes::killed_one_of_three_without_streams),
    case!(crashes::killed_one_of_two),
    case!(crashes::restart_within_200_milliseconds),
    case!(stops::told_to_stop_twice),
    case!(stops::other_signals),
    case!(names::called_by_an_alias, NAMES),
    case!(lists::a_list_that_lacks_somebody),
    case!(lists::peers_that_take_the_question_and_say_nothing),
    case!(service::started_in_any_order),
    case!(proxied::below_a_path),
    case!(service::alone),
    case!(browser::pictures::pictures_are_of_this_page),
    case!(service::taken_port),
];

fn main() -> ExitCode {
    support::door::serve();
    if let Some(problem) = suite::unknown_expectation(&NEEDS) {
        eprintln!("{problem}");
        return ExitCode::FAILURE;
    }
    let outcome = suite::main(AT_ONCE, CASES);
    browser::driver::stop();
    outcome
}

/// The length of an outage is said, and it is about right.
#[track_caller]
fn assert_outage(line: &Line, least: Duration, most: Duration) {
    let length = line.field("outage_s").as_f64().unwrap_or_else(|| panic!("no length of the outage in {}", line.raw));
    let fits = (least.as_secs_f64()..=most.as_secs_f64()).contains(&length);
    assert!(fits, "an outage of {length} s, not {least:?} to {most:?}: {}", line.raw);
}
