//! The situations of the labs, seen from wherever somebody could ask.

use super::*;

/// Situation, rows, verdicts, whether the mesh is whole, sentence.
type Situation = (&'static str, &'static str, &'static str, bool, &'static str);

#[rustfmt::skip]
const QUIET: &[Situation] = &[
    ("nobody", "", "", false, "no fault is known"),
    ("one node alone", "1:", "1+", true, "node-1 is alone: it watches no peers"),
    ("two", "1: 2+ / 2: 1+", "1+ 2+", true, "both nodes reach each other"),
    ("three", "1: 2+ 3+ / 2: 1+ 3+ / 3: 1+ 2+", "1+ 2+ 3+", true, "all 3 nodes reach each other"),
    ("a late ping is no fault", "1: 2+ 3? / 2: 1+ 3+ / 3: 1+ 2+", "1+ 2+ 3+", true, "all 3 nodes reach each other"),
    ("a node of an older version", "1: 2+ 3+ / 2: 1+ 3+", "1+ 2+ 3+", false,
        "no fault is known; node-3 did not report its links"),
    ("two that did not answer", "1: 2+ 3+ / 2~: 1! 3! / 3~: 1! 2!", "1+ 2+ 3+", false,
        "no fault is known; node-2 and node-3 did not report their links"),
    ("one that was stopped itself", "1: 2+ 3+ / 2: 1+ 3+ / 3s: 1! 2!", "1+ 2+ 3+", false,
        "no fault is known; node-3 was just paused and judges no peer yet"),
    ("one that reads late", "1: 2+ 3+ / 2: 1+ 3+ / 3w: 1+ 2+", "1+ 2+ 3+", true,
        "all 3 nodes reach each other; node-3 is slow: it reads late or loses packets"),
    ("starting", "1: 2j 3+ / 3: 1+ 2j", "1+ 2. 3+", false,
        "no fault is known; node-1 and node-3 have not heard from node-2 yet"),
    ("only silence", "1~: 2! / 2~: 1!", "1. 2.", false, "no fault is known; nothing is known about node-1 and node-2"),
    ("orderly stop", "1: 2+ 3l / 2: 1+ 3l / 3~: 1+ 2+", "1+ 2+ 3l", true, "both nodes reach each other; node-3 left 2 min 10 s ago"),
    ("a goodbye that one missed", "1: 2+ 3l / 2: 1+ 3! / 3~: 1+ 2+", "1+ 2+ 3l", true,
        "both nodes reach each other; node-3 left 2 min 10 s ago"),
    ("on its way out", "1: 2+ 3+ / 2: 1+ 3+ / 3l: 1+ 2+", "1+ 2+ 3l", true, "both nodes reach each other; node-3 left"),
    ("all others left", "1: 2l 3l", "1+ 2l 3l", true,
        "node-1 is the only node; node-2 left 2 min 10 s ago; node-3 left 2 min 10 s ago"),
    ("quick restart", "1: 2+ 3r / 2: 1+ 3r / 3y: 1+ 2+", "1+ 2+ 3r", true, "all 3 nodes reach each other; node-3 restarted 3 s ago"),
    ("rolling restart: met by one only", "1: 2+ 3r / 2: 1+ 3! / 3y: 1+ 2+", "1+ 2+ 3r", false,
        "no fault is known; node-2 has not heard from node-3 yet"),
    ("restart: nobody has met it, and it has met nobody", "1: 2+ 3! / 2: 1+ 3! / 3y: 1j 2j", "1+ 2+ 3+", false,
        "no fault is known; node-3 has not heard from node-1 yet; node-3 has not heard from node-2 yet; and 1 more finding"),
    ("restart: it has met one that has not met it", "1: 2+ 3! / 2: 1+ 3! / 3y: 1+ 2j", "1+ 2+ 3+", false,
        "no fault is known; node-3 has not heard from node-2 yet; node-1 and node-2 have not heard from node-3 yet"),
    ("restart: met by one, and it was not asked itself", "1: 2+ 3! / 2: 1+ 3r / 3~: 1+ 2+", "1+ 2+ 3+", false,
        "no fault is known; node-3 did not report its links; node-1 has not heard from node-3 yet"),
    ("slow link", "1: 2+ 3g / 2: 1+ 3+ / 3: 1g 2+", "1+ 2+ 3+", true,
        "all 3 nodes reach each other; node-1 is degraded, reported by node-3; node-3 is degraded, reported by node-1"),
    ("flapping, at the moment up", "1: 2+ 3f / 2: 1+ 3+ / 3: 1+ 2+", "1+ 2+ 3+", true,
        "all 3 nodes reach each other; node-3 is flapping, reported by node-1"),
    ("down in maintenance", "1: 2+ 3m / 2: 1+ 3! / 3~: 1+ 2+", "1+ 2+ 3m", true, "both nodes reach each other; node-3 is in maintenance"),
    ("up in maintenance", "1: 2+ 3+ / 2: 1+ 3+ / 3m: 1+ 2+", "1+ 2+ 3m", true, "both nodes reach each other; node-3 is in maintenance"),
    ("scaled to six", "1: 2+ 3+ 4+ 5+ 6+ / 2: 1+ 3+ 4+ 5+ 6+ / 3: 1+ 2+ 4+ 5+ 6+ / 4: 1+ 2+ 3+ 5+ 6+ / 5: 1+ 2+ 3+ 4+ 6+ / 6: 1+ 2+ 3+ 4+ 5+",
        "1+ 2+ 3+ 4+ 5+ 6+", true, "all 6 nodes reach each other"),
];

#[rustfmt::skip]
const BROKEN: &[Situation] = &[
    ("crash", "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+", "1+ 2+ 3!", false, "node-3 has been down for 2 min 10 s; node-1 and node-2 agree"),
    ("crash, never asked before", "1: 2+ 3! / 2: 1+ 3!", "1+ 2+ 3!", false, "node-3 has been down for 2 min 10 s; node-1 and node-2 agree"),
    ("crash, the second's row is silent", "1: 2+ 3! / 2~: 1+ 3+ / 3~: 1+ 2+", "1+ 2+ 3!", false, "node-3 has been down for 2 min 10 s; reported by node-1"),
    ("crash, a moment after", "1: 2+ 3? / 2: 1+ 3? / 3~: 1+ 2+", "1+ 2+ 3+", false,
        "node-1 and node-2 suspect node-3: no verdict yet"),
    ("back, and still dead for those who need a second answer", "1: 2+ 3! / 2: 1+ 3+ / 3: 1+ 2+", "1+ 2+ 3o", false,
        "node-1 has not reached node-3 for 2 min 10 s, but node-3 reaches node-1: one way only"),
    ("one of two crashed", "1: 2u / 2~: 1+", "1+ 2u", false, "node-2 may be down: silent for 2 min 10 s, and only node-1 is left to say so"),
    ("two of five crashed", "1: 2+ 3+ 4! 5! / 2: 1+ 3+ 4! 5! / 3: 1+ 2+ 4! 5!", "1+ 2+ 3+ 4! 5!", false,
        "node-4 and node-5 have been down for 2 min 10 s; node-1, node-2 and node-3 agree"),
    ("all dark but one", "1: 2u 3u / 2~: 1+ 3+ / 3~: 1+ 2+", "1+ 2u 3u", false,
        "node-2 and node-3 may be down: silent for 2 min 10 s, and only node-1 is left to say so"),
    ("pause, longer than the tolerance", "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+", "1+ 2+ 3!", false,
        "node-3 has been down for 2 min 10 s; node-1 and node-2 agree"),
    ("isolated, from outside", "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+", "1+ 2+ 3!", false,
        "node-3 has been down for 2 min 10 s; node-1 and node-2 agree"),
    ("isolated, from inside", "3c: 1c 2c / 1~: 2+ 3+ / 2~: 1+ 3+", "1c 2c 3+", false,
        "node-3 has heard nothing from node-1 and node-2 for 2 min 10 s: they are down, or cut off"),
    ("isolated, rows of both sides", "1: 2+ 3! / 2: 1+ 3! / 3c: 1c 2c", "1+ 2+ 3c", false,
        "the mesh has been split for 2 min 10 s: node-1 and node-2 cannot reach node-3"),
    ("2-2 split, from one side", "1c: 2+ 3c 4c / 2c: 1+ 3c 4c / 3~: 1+ 2+ 4+ / 4~: 1+ 2+ 3+", "1+ 2+ 3c 4c", false,
        "node-1 and node-2 have heard nothing from node-3 and node-4 for 2 min 10 s: they are down, or cut off"),
    ("2-2 split, from the other", "3c: 4+ 1c 2c / 4c: 3+ 1c 2c / 1~: 2+ 3+ 4+", "1c 2c 3+ 4+", false,
        "node-3 and node-4 have heard nothing from node-1 and node-2 for 2 min 10 s: they are down, or cut off"),
    ("2-2 split, rows of both sides", "1c: 2+ 3c 4c / 2c: 1+ 3c 4c / 3c: 4+ 1c 2c / 4c: 3+ 1c 2c", "1c 2c 3c 4c", false,
        "the mesh has been split for 2 min 10 s: node-1 and node-2 cannot reach node-3 and node-4"),
    ("3-2 of five, from the three", "1: 2+ 3+ 4! 5! / 2: 1+ 3+ 4! 5! / 3: 1+ 2+ 4! 5! / 4~: 1+ 2+ 3+ 5+ / 5~: 1+ 2+ 3+ 4+",
        "1+ 2+ 3+ 4! 5!", false, "node-4 and node-5 have been down for 2 min 10 s; node-1, node-2 and node-3 agree"),
    ("3-2 of five, from the two", "4c: 1c 2c 3c 5+ / 5c: 1c 2c 3c 4+", "1c 2c 3c 4+ 5+", false,
        "node-4 and node-5 have heard nothing from node-1, node-2 and node-3 for 2 min 10 s: they are down, or cut off"),
    ("3-2 of five, rows of both sides", "1: 2+ 3+ 4! 5! / 2: 1+ 3+ 4! 5! / 3: 1+ 2+ 4! 5! / 4c: 1c 2c 3c 5+ / 5c: 1c 2c 3c 4+",
        "1+ 2+ 3+ 4c 5c", false, "the mesh has been split for 2 min 10 s: node-1, node-2 and node-3 cannot reach node-4 and node-5"),
    ("split in three", "1c: 2c 3c / 2c: 1c 3c / 3c: 1c 2c", "1c 2c 3c", false, "the mesh has been split into 3 groups for 2 min 10 s: node-1; node-2; node-3"),
    ("link cut, from its end", "1: 2b 3+ / 3: 1+ 2+ / 2~: 1+ 3+", "1+ 2b 3+", false, "node-1 has not reached node-2 for 2 min 10 s; node-3 can"),
    ("link cut, from the third", "1: 2b 3+ / 2: 1b 3+ / 3: 1+ 2+", "1b 2b 3+", false,
        "node-1 and node-2 have not reached each other for 2 min 10 s; node-3 reaches both"),
    ("link cut, the third is silent", "1: 2b 3+ / 3~: 1+ 2+", "1+ 2b 3+", false, "node-1 has not reached node-2 for 2 min 10 s; other nodes can"),
    ("one-way cut, from its end", "1: 2o 3+ / 3: 1+ 2+ / 2~: 1+ 3+", "1+ 2o 3+", false,
        "node-1 has not reached node-2 for 2 min 10 s, but node-2 reaches node-1: one way only"),
    ("one-way cut, from the third", "1: 2o 3+ / 2: 1+ 3+ / 3: 1+ 2+", "1+ 2o 3+", false,
        "node-1 has not reached node-2 for 2 min 10 s, but node-2 reaches node-1: one way only"),
    ("one lossy link, from the third", "1: 2x 3+ / 2: 1x 3+ / 3: 1+ 2+", "1x 2x 3+", false,
        "node-1 and node-2 lose most of the packets between them"),
    ("a lossy host", "1: 2x 3x 4x / 2: 1x 3+ 4+ / 3: 1x 2+ 4+ / 4: 1x 2+ 3+", "1x 2x 3x 4x", false,
        "node-1 loses most packets on all links"),
    ("a lossy host, whose row was lost", "1~: 2+ 3+ 4+ / 2: 1x 3+ 4+ / 3: 1x 2+ 4+ / 4: 1x 2+ 3+", "1x 2+ 3+ 4+", false,
        "node-1 loses most packets on all links"),
    ("a lossy host that one still reaches", "1: 2x 3x 4+ / 2: 1x 3+ 4+ / 3: 1x 2+ 4+ / 4: 1+ 2+ 3+", "1x 2x 3x 4+", false,
        "node-1 loses most packets on its links with node-2 and node-3"),
    ("a lossy host of which few packets reach one", "2: 1x 3+ 4+ / 3: 1x 2+ 4+ / 4: 1b 2+ 3+ / 1~: 2+", "1x 2+ 3+ 4+", false,
        "node-1 loses most packets on all links"),
    ("a lossy link that one end finds broken", "1: 2b 3+ / 2: 1x 3+ / 3: 1+ 2+", "1x 2b 3+", false, "node-1 has not reached node-2 for 2 min 10 s; node-3 can"),
    ("another mesh key", "1: 2+ 3k / 2: 1+ 3k", "1+ 2+ 3k", false, "node-3 does not have the mesh key of node-1 and node-2"),
    ("a restart behind a cut link, met by the rest long ago", "1: 2+ 3! / 2: 1+ 3+ / 3: 1b 2+", "1b 2+ 3b", false,
        "node-1 and node-3 have not reached each other for 2 min 10 s; node-2 reaches both"),
    ("four links to one node cut", "1: 2+ 3+ 4b / 2: 1+ 3+ 4b / 3: 1+ 2+ 4+ / 4: 1b 2b 3+", "1b 2b 3+ 4b", false,
        "node-4 has not reached node-1 and node-2, in either direction, for 2 min 10 s; node-3 reaches all of them"),
    ("a link cut, then the peer killed", "1: 2! 3+ / 3: 1+ 2! / 2~: 1b 3+", "1+ 2! 3+", false,
        "node-2 has been down for 2 min 10 s; node-1 and node-3 agree"),
    ("an address nobody is at", "1: 2+ 9n / 2: 1+ 9n", "1+ 2+ 9n", false, "node-1 and node-2 have never heard from node-9"),
    ("scaled, one list not updated", "1: 2+ / 2: 1+ 3+ / 3: 1+ 2+", "1+ 2+ 3+", false, "node-1 does not watch node-3"),
    ("two stories", "1: 2+ 3! 4b / 2: 1+ 3! 4+ / 4: 1b 2+ 3!", "1b 2+ 3! 4b", false,
        "node-3 has been down for 2 min 10 s; node-1, node-2 and node-4 agree; also node-1 and node-4 have not reached each other for 2 min 10 s; node-2 reaches both"),
];

#[test]
fn situations() {
    for (name, text, expected, whole, sentence) in QUIET.iter().chain(BROKEN) {
        let view = view(rows(text));
        assert_eq!(summary(&view).sentence, *sentence, "{name}");
        assert_eq!(verdicts(&view), *expected, "{name}");
        assert_eq!(view.whole, *whole, "{name}");
        let faulty = summary(&view).findings.iter().any(|finding| finding.weight == Severity::Fault);
        assert_eq!(faulty, BROKEN.iter().any(|broken| broken.0 == *name), "{name}: {:?}", summary(&view).findings);
    }
}

fn groups_of(text: &str) -> Vec<String> {
    let groups = view(rows(text)).groups.groups;
    groups.iter().map(|group| group.iter().map(|m| m.as_str().replace("node-", "")).collect()).collect()
}

#[test]
fn groups_are_of_those_who_speak() {
    let table = [
        ("1: 2+ 3+ / 2: 1+ 3+ / 3: 1+ 2+", vec!["123"]),
        ("1: 2b 3+ / 2: 1b 3+ / 3: 1+ 2+", vec!["123"]),
        ("1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+", vec!["12"]),
        ("1c: 2+ 3c 4c / 2c: 1+ 3c 4c / 3c: 4+ 1c 2c / 4c: 3+ 1c 2c", vec!["12", "34"]),
        // Reached, and it does not say whom it reaches.
        ("1: 2+ 3+ / 2: 1+ 3+ / 3s: 1+ 2+", vec!["12"]),
        // One of two directions is broken.
        ("1: 2o / 2: 1+", vec!["1", "2"]),
        // Only one end watches the other.
        ("1: 2+ / 2:", vec!["12"]),
        ("", vec![]),
    ];
    for (text, groups) in table {
        assert_eq!(groups_of(text), groups, "{text}");
    }
}

#[test]
fn lists_are_compared_where_all_names_are_known() {
    let of = |text: &str| {
        let view = view(rows(text));
        let one = |mismatch: &Mismatch| format!("{} lacks {}", mismatch.observer, mismatch.missing[0]);
        view.mismatches.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(of("1: 2+ 3+ / 2: 1+ 3+ / 3: 1+ 2+"), "");
    assert_eq!(of("1: 2+ / 2: 1+ 3+ / 3: 1+ 2+"), "node-1 lacks node-3");
    // It does not speak, or it may list the missing one under a key.
    assert_eq!(of("1~: 2+ / 2: 1+ 3+ / 3: 1+ 2+"), "");
    assert_eq!(of("1: 2+ 7n / 2: 1+ 3+ / 3: 1+ 2+"), "");
    // Who left need not be on a list, and nobody else needs to list a key.
    assert_eq!(of("1: 2+ / 2: 1+ 3l"), "");
    assert_eq!(of("1: 2+ / 2: 1+ 7n"), "");
}

#[test]
fn silences_that_began_apart_are_told_apart() {
    let mut three = rows("1: 2+ 3! 4! 5! / 2: 1+ 3! 4! 5!");
    for row in &mut three {
        for (cell, seconds) in row.cells.iter_mut().filter(|cell| cell.state == PeerState::Dead).zip([130, 5, 6]) {
            cell.last_proof = Some(Duration::from_secs(seconds));
        }
    }
    assert_eq!(
        summary(&view(three)).sentence,
        "node-4 and node-5 have been down for 5 s; node-1 and node-2 agree; also node-3 has been down for 2 min 10 s; node-1 and node-2 agree"
    );
}

#[test]
fn the_text_says_it_all_in_plain_lines() {
    let view = view(rows("1: 2+ 3! 4n / 2: 1g 3? 4j / 3~: 1+ 2!"));
    let text = text_of(&view, &member("1"));
    let expected = "\
node-1 has not reached node-3 for 2 min 10 s; node-2 can; also node-1 has never heard from node-4
! node-1 has not reached node-3 for 2 min 10 s; node-2 can
! node-1 has never heard from node-4
? node-2 has not heard from node-4 yet
- node-1 is degraded, reported by node-2

as reported by node-1:
OBSERVER  REPORTED     node-1   node-2   node-3   node-4
node-1    now          .        0.84 ms  down     never seen
node-2    now          0.84 ms  .        suspect  joining
node-3    2 min 11 s ago (alive)  (dead)   .        -
node-4    never        ?        ?        ?        .
";
    let squeezed =
        |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!(squeezed(&text), squeezed(expected));
    let columns: Vec<usize> =
        text.lines().filter(|line| line.starts_with("node-") && line.contains("  ")).map(|line| line.len()).collect();
    assert_eq!(columns.len(), 4, "one line an observer");
    assert!(text.ends_with('\n') && text.lines().all(|line| !line.ends_with(' ')));
}

#[test]
fn a_large_mesh_is_listed_and_a_long_name_cut() {
    let mut wide = row("1:");
    wide.cells = (2..50).map(|at| cell(&format!("{at}+"))).collect();
    let text = text_of(&view(vec![wide.clone()]), &member("1"));
    assert!(text.contains("NODE") && text.lines().any(|line| line.starts_with("node-49")), "{text}");
    wide.cells.truncate(1);
    wide.observer = Member::from(&*"x\u{202e}".repeat(5000));
    let text = text_of(&view(vec![wide]), &member("1"));
    assert!(text.contains("x?x?x?x?x?x..?x?x?x?x?x?  now"), "{}", &text[text.len() - 300..]);
}

#[test]
fn many_findings_are_counted() {
    let view = view(rows("1: 2! 3u 4n 5b 6+ / 6: 1+ 2+ 3+"));
    assert!(
        summary(&view).sentence.ends_with("; and 1 more finding") || summary(&view).sentence.contains(" more findings"),
        "{}",
        summary(&view).sentence
    );
    assert!(summary(&view).findings.len() > 3);
}

#[test]
fn a_view_has_a_bound() {
    let mut wide = row("1:");
    wide.cells = (2..5000).map(|at| cell(&format!("{at}+"))).collect();
    let view = view(vec![wide]);
    assert_eq!((view.node_statuses.len(), view.rows.len()), (MEMBERS_MAX, MEMBERS_MAX));
    assert!(view.rows.iter().all(|row| row.cells.len() < MEMBERS_MAX));
}

/// An observer that was stopped while the peer died has aged less than the silence lasted.
#[test]
fn an_observer_that_was_stopped_does_not_shorten_a_silence() {
    let mut rows = rows("1: 2+ 3! / 2: 1+ 3!");
    let (stopped, awake) = (Duration::from_secs(2), Duration::from_secs(21));
    for (row, silent) in rows.iter_mut().zip([stopped, awake]) {
        let cell = row.cells.iter_mut().find(|cell| cell.peer == member("3")).expect("it is watched");
        (cell.last_proof, cell.last_answer) = (Some(silent), Some(silent));
    }
    let silence = |rows: Vec<Row>| view(rows).node_statuses[2].silent_for;
    assert_eq!(silence(rows.clone()), Some(stopped), "nothing was lost");
    rows[0].cells[1].lost = Duration::from_secs(20);
    assert_eq!(silence(rows.clone()), Some(awake));
    assert_eq!(silence(rows[..1].to_vec()), Some(Duration::from_secs(22)), "the time it did not run is a part of it");
}

#[test]
fn what_an_observer_does_not_see_makes_the_mesh_not_whole() {
    for (kind, what, why, expected) in [
        (BlindSpotKind::FoundNobody, "", "", "node-1 has found no other node"),
        (
            BlindSpotKind::LookupFails,
            "dns+http://nodes:8001",
            "no such name",
            "node-1 cannot look up dns+http://nodes:8001: no such name",
        ),
        (
            BlindSpotKind::NoNodeAt,
            "10.0.0.7:8001",
            "refused",
            "node-1 finds no node at 10.0.0.7:8001 (connection refused)",
        ),
        (BlindSpotKind::NoNodeAt, "10.0.0.7:8001", "enchanted", "node-1 finds no node at 10.0.0.7:8001"),
        (BlindSpotKind::Unlisted, "node-9", "", "node-1 is pinged by node-9, which is not on its list of peers"),
        (BlindSpotKind::ListedByOne, "x, y", "", "only node-1 lists x, y"),
        (
            BlindSpotKind::SharedName,
            "localhost:8002",
            "",
            "two nodes call themselves node-1; the other one is at localhost:8002",
        ),
        (
            BlindSpotKind::SharedAddress,
            "lb:8001",
            "m1 and m2",
            "node-1 finds two nodes at one address, lb:8001: m1 and m2; is a load balancer in between?",
        ),
    ] {
        let mut rows = rows("1: 2+ / 2: 1+");
        rows[0].blind_spots = vec![BlindSpot { kind, what: what.into(), why: why.into() }];
        let seen = view(rows.clone());
        assert!(!seen.whole, "{kind:?}");
        assert_eq!(summary(&seen).sentence, format!("no fault is known; {expected}"));
        // What it said before it fell silent proves nothing.
        rows[0].freshness = RowFreshness::Before;
        assert!(!summary(&view(rows)).sentence.contains(expected));
    }
    let mut alone = rows("1:");
    alone[0].blind_spots = vec![BlindSpot { kind: BlindSpotKind::FoundNobody, what: "".into(), why: "".into() }];
    assert!(!view(alone).whole);
}
