//! Schedules that broke earlier wordings of the rules, each with the verdict that every observer must reach.

use heartbeat::detector::peer::Verdict;
use heartbeat::sim::{self, Scenario, What};

use super::check::{assert_sound, check, story};

macro_rules! schedule {
    ($(#[$doc:meta])* $name:ident: $text:expr, $expected:expr) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            check(concat!("scenario ", stringify!($name), "\n", $text), $expected);
        }
    };
}

schedule! {
    /// Each side hears one of three: no node reports down, and each reports which peers it does not hear.
    split_of_two_and_two_heals:
    "nodes 4\n\
     length 50s\n\
     at 10s split node-1 node-2 | node-3 node-4\n\
     at 25s heal\n",
    "1 2 about 3 4: cut_off recovered\n\
     3 4 about 1 2: cut_off recovered"
}
schedule! {
    /// Two of three may say dead, the third knows that it is cut off.
    one_of_three_isolated_heals:
    "nodes 3\n\
     length 50s\n\
     at 10s unplug node-3\n\
     at 25s plug node-3\n",
    "1 2 about 3: down recovered\n\
     3 about 1 2: cut_off recovered"
}
schedule! {
    /// No observer is left to ask.
    two_of_three_killed_at_once:
    "nodes 3\n\
     length 25s\n\
     at 10s crash node-2\n\
     at 10s crash node-3\n",
    "1 about 2 3: unconfirmed"
}
schedule! {
    /// The first crash has two witnesses if its second observer ran long enough to agree.
    two_of_three_killed_one_after_the_other:
    "nodes 3\n\
     length 25s\n\
     at 10s crash node-2\n\
     at 11.5s crash node-3\n",
    "1 about 2: down | unconfirmed\n\
     1 about 3: unconfirmed\n\
     3 about 2: down | nothing"
}
schedule! {
    /// Two of five are left. Whether the last is confirmed depends on who counts as an observer when the verdict falls.
    three_of_five_killed_at_once:
    "nodes 5\n\
     length 25s\n\
     at 10s crash node-3\n\
     at 10s crash node-4\n\
     at 10s crash node-5\n",
    "1 2 about 3 4 5: down | unconfirmed"
}
schedule! {
    three_of_five_killed_one_after_the_other:
    "nodes 5\n\
     length 25s\n\
     at 10s crash node-3\n\
     at 11.5s crash node-4\n\
     at 13s crash node-5\n",
    "1 2 4 5 about 3: down | nothing\n\
     1 2 5 about 4: down | nothing\n\
     1 2 about 5: down"
}
schedule! {
    /// The running node does not wait for the stopped one; that one agrees when it continues.
    killed_while_another_observer_is_stopped:
    "nodes 3\n\
     length 35s\n\
     at 9.9s freeze node-2\n\
     at 10s crash node-3\n\
     at 16s thaw node-2\n",
    "1 about 3: unconfirmed\n\
     2 about 3: down"
}
schedule! {
    killed_while_another_was_never_started:
    "nodes 3\n\
     absent node-2\n\
     length 25s\n\
     at 12s crash node-3\n",
    "1 about 3: unconfirmed\n\
     1 3 about 2: never_seen"
}
schedule! {
    killed_while_another_is_dead:
    "nodes 3\n\
     length 35s\n\
     at 10s crash node-2\n\
     at 20s crash node-3\n",
    "1 3 about 2: down\n\
     1 about 3: unconfirmed"
}
schedule! {
    /// The new boot cannot be seen, but a witness vouches for the name: no outage is made of it.
    restart_behind_one_cut_link:
    "nodes 3\n\
     length 60s\n\
     at 10s cut node-1 node-3\n\
     at 20s restart node-3\n\
     at 40s mend node-1 node-3\n",
    "1 about 3: link_broken restarted recovered\n\
     2 about 3: restarted\n\
     3 about 1: link_broken never_seen"
}
schedule! {
    restart_behind_two_cut_links:
    "nodes 4\n\
     length 60s\n\
     at 10s cut node-1 node-4\n\
     at 10s cut node-2 node-4\n\
     at 20s restart node-4\n\
     at 40s heal\n",
    "1 2 about 4: link_broken restarted recovered\n\
     3 about 4: restarted\n\
     4 about 1 2: link_broken never_seen"
}
schedule! {
    restart_while_another_is_killed:
    "nodes 4\n\
     length 30s\n\
     at 10s crash node-4\n\
     at 10s restart node-3\n",
    "1 2 about 3: restarted\n\
     1 2 about 4: down\n\
     3 about 4: never_seen"
}
schedule! {
    split_right_after_a_stop:
    "nodes 4\n\
     length 50s\n\
     at 10s freeze node-1\n\
     at 12s thaw node-1\n\
     at 12s split node-1 node-2 | node-3 node-4\n\
     at 25s heal\n",
    "1 2 about 3 4: cut_off recovered\n\
     3 4 about 1 2: cut_off recovered"
}
schedule! {
    split_right_after_loss:
    "nodes 4\n\
     length 50s\n\
     at 10s loss node-1 node-2 25%\n\
     at 13s mend node-1 node-2\n\
     at 13s split node-1 node-2 | node-3 node-4\n\
     at 25s heal\n",
    "1 2 about 3 4: cut_off recovered\n\
     3 4 about 1 2: cut_off recovered"
}
schedule! {
    /// Pings read from the queue after a stall count for nothing, a goodbye counts.
    goodbye_read_after_a_stall:
    "nodes 3\n\
     length 35s\n\
     at 10s freeze node-1\n\
     at 12s leave node-3\n\
     at 18s thaw node-1\n",
    "1 2 about 3: left"
}
schedule! {
    loss_of_a_fifth_on_one_link:
    "nodes 3\n\
     length 70s\n\
     at 10s loss node-1 node-2 20%\n\
     at 50s heal\n",
    "1 2 about 1 2: ~ link_broken one_way lossy recovered"
}
schedule! {
    loss_of_two_fifths_on_one_link:
    "nodes 3\n\
     length 70s\n\
     at 10s loss node-1 node-2 40%\n\
     at 50s heal\n",
    "1 2 about 1 2: ~ link_broken one_way lossy recovered"
}
schedule! {
    loss_of_three_fifths_on_one_link:
    "nodes 3\n\
     length 70s\n\
     at 10s loss node-1 node-2 60%\n\
     at 50s heal\n",
    "1 2 about 1 2: ~ link_broken one_way lossy recovered"
}
schedule! {
    /// More accusers than a quorum, and still three that see it.
    four_of_seven_links_cut:
    "nodes 8\n\
     length 40s\n\
     at 10s cut node-1 node-8\n\
     at 10s cut node-2 node-8\n\
     at 10s cut node-3 node-8\n\
     at 10s cut node-4 node-8\n\
     at 20s heal\n",
    "1 2 3 4 about 8: link_broken recovered\n\
     8 about 1 2 3 4: link_broken recovered"
}
schedule! {
    /// A broken link must not hide the crash behind it.
    link_cut_then_the_peer_killed:
    "nodes 3\n\
     length 40s\n\
     at 10s cut node-1 node-3\n\
     at 20s crash node-3\n",
    "1 about 3: link_broken down\n\
     2 about 3: down\n\
     3 about 1: link_broken"
}
schedule! {
    /// The dead stay observers of the silent: the last verdict has two voices where three were needed.
    three_of_five_fall_silent_one_by_one:
    "nodes 5\n\
     length 45s\n\
     at 10s power-off node-3\n\
     at 16s power-off node-4\n\
     at 22s power-off node-5\n",
    "1 2 4 5 about 3: down\n\
     1 2 5 about 4: down\n\
     1 2 about 5: unconfirmed"
}

/// What gets through between the losses is no reason to call a broken link whole, and soon after broken again.
#[test]
fn observers_of_a_lossy_host_keep_their_opinion() {
    let text = "scenario lossy\nnodes 5\nstreams on\nlength 70s\nat 10s loss node-1 60%\n";
    let scenario: Scenario = text.parse().expect("a scenario");
    for seed in 0..60 {
        let run = sim::run(&scenario, seed);
        assert_sound(&run, &format!("a lossy host, seed {seed}"));
        for observer in 1..5 {
            let changes = story(&run, observer, 0);
            assert!(changes.split_whitespace().count() <= 2, "node-{} with seed {seed}: {changes}", observer + 1);
        }
    }
}

/// A host that loses most of its packets reports that once. With these seeds it called itself cut off first, and slow when it
/// heard the others again.
#[test]
fn a_lossy_host_is_slow_and_not_cut_off() {
    let text = "scenario lossy\nnodes 12\nstreams on\nlength 40s\nat 10s loss node-1 80%\n";
    let scenario: Scenario = text.parse().expect("a scenario");
    for seed in [51, 131, 172] {
        let run = sim::run(&scenario, seed);
        let reports = run.timeline.iter().filter_map(|entry| match &entry.what {
            What::Event(node, event) if node.as_str() == "node-1" => Some(event.kind.name()),
            _ => None,
        });
        let reports: Vec<&str> = reports.filter(|name| matches!(*name, "self_cut_off" | "self_slow")).collect();
        assert_eq!(reports, ["self_slow"], "seed {seed}");
    }
}

schedule! {
    /// It has met one of its three peers since its start when its network goes: it is cut off, and that peer is not down.
    unplugged_before_it_has_met_the_others:
    "nodes 4\n\
     length 40s\n\
     at 10s cut node-1 node-3\n\
     at 10s cut node-1 node-4\n\
     at 10.1s restart node-1\n\
     at 12s unplug node-1\n\
     at 16s plug node-1\n\
     at 16s heal\n",
    "1 about 2: cut_off recovered\n\
     2 3 4 about 1: ~ link_broken down unconfirmed restarted recovered"
}
schedule! {
    /// The same for longer than it takes to report the others as never seen. It hears the peer that it has met again, and
    /// those that it has not met keep it cut off no longer.
    unplugged_for_long_before_it_has_met_the_others:
    "nodes 4\n\
     length 80s\n\
     at 10s cut node-1 node-3\n\
     at 10s cut node-1 node-4\n\
     at 10.1s restart node-1\n\
     at 12s unplug node-1\n\
     at 40s plug node-1\n\
     at 60s crash node-2\n",
    "1 about 2: cut_off recovered unconfirmed\n\
     1 about 3 4: never_seen\n\
     3 4 about 2: down\n\
     2 3 4 about 1: ~ link_broken down unconfirmed restarted recovered"
}
schedule! {
    /// Peers that nobody has met are no reason to hold back what is known of the one that was.
    one_of_two_loses_power_and_two_never_came:
    "nodes 4\n\
     absent node-3\n\
     absent node-4\n\
     length 60s\n\
     at 1s unplug node-3\n\
     at 1s unplug node-4\n\
     at 5s power-off node-2\n\
     at 40s start node-2\n",
    "1 about 2: unconfirmed restarted recovered | unconfirmed restarted\n\
     1 2 about 3 4: never_seen"
}
schedule! {
    /// A refusal of those that it has not met shows that its network works: the silent one may be down.
    cut_off_until_an_unmet_peer_refuses:
    "nodes 4\n\
     length 50s\n\
     at 10s cut node-1 node-3\n\
     at 10s cut node-1 node-4\n\
     at 10.1s restart node-1\n\
     at 12s power-off node-2\n\
     at 25s crash node-3\n\
     at 25s crash node-4\n\
     at 25.1s heal\n",
    "1 about 2: cut_off unconfirmed\n\
     1 about 3 4: never_seen\n\
     3 4 about 2: cut_off\n\
     2 3 4 about 1: ~ cut_off link_broken down unconfirmed restarted recovered"
}
schedule! {
    /// What it heard before it was paused does not show that its network works when it runs again.
    unplugged_while_it_is_paused:
    "nodes 3\n\
     length 50s\n\
     at 10.5s power-off node-2\n\
     at 11.4s freeze node-1\n\
     at 17s unplug node-1\n\
     at 20.1s thaw node-1\n\
     at 30s plug node-1\n",
    "1 about 2: cut_off down\n\
     1 about 3: cut_off recovered\n\
     3 about 2: cut_off down\n\
     3 about 1: cut_off recovered"
}
schedule! {
    /// The peer that it was told of has been met since, and has left: there is no other.
    told_of_a_node_that_has_left_since:
    "nodes 4\n\
     absent node-4\n\
     length 40s\n\
     at 1s unplug node-4\n\
     at 10.1s restart node-1\n\
     at 10.5s leave node-3\n\
     at 10.7s power-off node-2\n",
    "1 about 2: unconfirmed\n\
     1 2 3 about 4: ~ never_seen\n\
     1 2 about 3: left\n\
     2 3 about 1: ~ restarted\n\
     3 about 2: nothing"
}
schedule! {
    /// Both have heard the third for long and the other never: the network works, and nobody is missed but the third.
    two_that_never_met_report_the_third:
    "nodes 3\n\
     length 60s\n\
     at 1ms cut node-1 node-3\n\
     at 40s power-off node-2\n",
    "1 3 about 2: unconfirmed\n\
     1 3 about 1 3: ~ never_seen link_broken unconfirmed down cut_off"
}

/// What was lost before the two had met is no run of losses: new requests of one side are dropped later, all of them.
#[test]
fn broken_soon_after_they_met() {
    for (met, broken) in [("900ms", "1500ms"), ("900ms", "2500ms"), ("8s", "9500ms"), ("8s", "12s")] {
        let text = format!(
            "scenario early\nnodes 2\nlength 40s\nat 1ms cut node-1 node-2\nat {met} mend node-1 node-2\n\
             at {broken} block node-1 node-2\n"
        );
        let scenario: Scenario = text.parse().expect("a scenario");
        for seed in 0..20 {
            let run = sim::run(&scenario, seed);
            assert_sound(&run, &format!("met after {met}, broken after {broken}, seed {seed}"));
            let verdict = run.views[0].as_ref().and_then(|view| view.peers[0].verdict);
            assert_eq!(verdict, Some(Verdict::OneWay), "met after {met}, broken after {broken}, seed {seed}");
        }
    }
}
