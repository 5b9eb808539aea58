//! The situation of every lab as a play of several pictures, seen from wherever somebody looks. What others tell, and what
//! holds for any play, is below.

mod any_play;
mod others;

use std::time::Duration;

use super::*;
use crate::mesh;
use crate::mesh::tests::{member, rows};
use crate::render::incident::story;

fn at(second: u64) -> Monotonic {
    Monotonic(Duration::from_secs(second))
}

/// An incident as `down 3 by 1 2`, with `x3` for three failures, `...` while it goes on, sides as `12|34`.
fn brief(told: &IncidentSummary) -> String {
    let short = |members: &[Member], between: &str| {
        members.iter().map(|member| member.as_str().replace("node-", "")).collect::<Vec<_>>().join(between)
    };
    let mut text = format!("{} {} by {}", told.verdict.as_str(), short(&told.nodes, " "), short(&told.observers, " "));
    if !told.sides.is_empty() {
        let sides: Vec<String> = told.sides.iter().map(|side| short(side, "")).collect();
        text += &format!(" {}", sides.join("|"));
    }
    if told.failures > 1 {
        text += &format!(" x{}", told.failures);
    }
    if told.is_open() {
        text += " ...";
    }
    text
}

/// Shows the pictures to `me`, each once a second until the next, the last for two minutes.
struct Play {
    incidents: Incidents,
    opened: Vec<u64>,
    closed: Vec<u64>,
    now: u64,
}

impl Play {
    fn new() -> Play {
        Play { incidents: Incidents::new(), opened: Vec::new(), closed: Vec::new(), now: 0 }
    }

    fn show(&mut self, me: &str, picture: &str, until: u64) {
        let view = mesh::view(rows(picture));
        while self.now < until {
            let changes = self.incidents.observe(at(self.now), &member(me), &view);
            for change in changes {
                match change {
                    IncidentChange::Opened(told) => self.opened.push(told.id),
                    IncidentChange::Closed(told) => self.closed.push(told.id),
                }
            }
            self.now += 1;
        }
    }

    fn list(&self) -> Vec<String> {
        self.incidents.list(at(self.now)).iter().map(brief).collect()
    }
}

fn play(me: &str, pictures: &[(u64, &str)]) -> Play {
    let mut play = Play::new();
    for (index, (from, picture)) in pictures.iter().enumerate() {
        play.now = *from;
        let until = pictures.get(index + 1).map_or(from + 120, |next| next.0);
        play.show(me, picture, until);
    }
    play
}

const WELL: &str = "1: 2+ 3+ / 2: 1+ 3+ / 3: 1+ 2+";
const WELL_4: &str = "1: 2+ 3+ 4+ / 2: 1+ 3+ 4+ / 3: 1+ 2+ 4+ / 4: 1+ 2+ 3+";
const WELL_5: &str = "1: 2+ 3+ 4+ 5+ / 2: 1+ 3+ 4+ 5+ / 3: 1+ 2+ 4+ 5+ / 4: 1+ 2+ 3+ 5+ / 5: 1+ 2+ 3+ 4+";

/// Name, who looks, pictures from second to second, what is told in the end.
type Situation = (&'static str, &'static str, &'static [(u64, &'static str)], &'static [&'static str]);

#[rustfmt::skip]
const SITUATIONS: &[Situation] = &[
    ("all is well", "1", &[(0, WELL)], &[]),
    ("crash, as observers notice one after the other", "1", &[
        (0, WELL), (10, "1: 2+ 3? / 2: 1+ 3? / 3~: 1+ 2+"), (11, "1: 2+ 3u / 2: 1+ 3? / 3~: 1+ 2+"), (12, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"),
        (40, "1: 2+ 3! / 2: 1+ 3r / 3: 1+ 2+"), (41, "1: 2+ 3r / 2: 1+ 3r / 3: 1+ 2+"),
    ], &["down 3 by 1 2"]),
    ("crash that is not over", "2", &[(0, WELL), (10, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+")], &["down 3 by 1 2 ..."]),
    ("crash of one of two", "1", &[(0, "1: 2+ / 2: 1+"), (10, "1: 2u / 2~: 1+"), (30, "1: 2r / 2: 1+")], &["unconfirmed 2 by 1"]),
    ("down for a second only", "1", &[(0, WELL), (10, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"), (11, WELL)], &["down 3 by 1 2"]),
    ("crash, and back before anybody has met it", "1", &[
        (0, WELL), (10, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"), (11, "1: 2+ 3! / 2: 1+ 3! / 3y: 1j 2j"), (12, "1: 2+ 3! / 2: 1+ 3! / 3y: 1+ 2j"),
        (13, "1: 2+ 3r / 2: 1+ 3! / 3y: 1+ 2j"), (14, WELL),
    ], &["down 3 by 1 2"]),
    ("a last link that comes back after the others, of an observer that was silent for a moment", "2", &[
        (0, WELL_4), (10, "1: 2+ 3+ 4! / 2: 1+ 3+ 4! / 3: 1+ 2+ 4! / 4~: 1+ 2+ 3+"), (20, "1: 2+ 3+ 4+ / 2: 1+ 3+ 4+ / 3~: 1+ 2+ 4! / 4: 1+ 2+ 3+"),
        (21, "1: 2+ 3+ 4+ / 2: 1+ 3+ 4+ / 3: 1+ 2+ 4! / 4: 1+ 2+ 3+"), (22, WELL_4),
    ], &["down 4 by 1 2 3"]),
    ("crash loop", "1", &[
        (0, WELL), (10, "1: 2+ 3? / 2: 1+ 3! / 3~: 1+ 2+"), (11, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"), (20, WELL),
        (50, "1: 2+ 3! / 2: 1+ 3? / 3~: 1+ 2+"), (51, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"), (60, WELL),
        (100, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"), (110, WELL),
    ], &["down 3 by 1 2 x3"]),
    ("two crashes with a quiet hour between", "1", &[
        (0, WELL), (10, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"), (20, WELL), (3600, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"), (3610, WELL),
    ], &["down 3 by 1 2", "down 3 by 1 2"]),
    ("two of five killed at once", "1", &[
        (0, WELL_5), (10, "1: 2+ 3+ 4! 5! / 2: 1+ 3+ 4? 5? / 3: 1+ 2+ 4! 5?"), (11, "1: 2+ 3+ 4! 5! / 2: 1+ 3+ 4! 5! / 3: 1+ 2+ 4! 5!"),
    ], &["down 5 by 1 2 3 ...", "down 4 by 1 2 3 ..."]),
    ("everything dark but one", "1", &[(0, WELL), (10, "1: 2u 3u / 2~: 1+ 3+ / 3~: 1+ 2+")],
        &["unconfirmed 3 by 1 ...", "unconfirmed 2 by 1 ..."]),
    ("long pause", "1", &[(0, WELL), (10, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"), (60, "1: 2+ 3! / 2: 1+ 3+ / 3s: 1+ 2+"), (61, WELL)], &["down 3 by 1 2"]),
    ("short pause", "1", &[(0, WELL), (10, "1: 2+ 3? / 2: 1+ 3? / 3~: 1+ 2+"), (16, "1: 2+ 3+ / 2: 1+ 3+ / 3s: 1! 2!"), (17, WELL)], &[]),
    ("I was not running myself", "3", &[(0, WELL), (10, "1: 2+ 3! / 2: 1+ 3! / 3s: 1! 2!"), (12, WELL)], &[]),
    ("orderly stop and start", "1", &[(0, WELL), (10, "1: 2+ 3l / 2: 1+ 3+ / 3l: 1+ 2+"), (12, "1: 2+ 3l / 2: 1+ 3! / 3~: 1+ 2+"), (13, "1: 2+ 3l / 2: 1+ 3l / 3~: 1+ 2+"),
        (60, "1: 2+ 3r / 2: 1+ 3l / 3y: 1+ 2+"), (62, WELL)], &[]),
    ("rolling restart", "1", &[(0, WELL), (10, "1: 2+ 3l / 2: 1+ 3l / 3~: 1+ 2+"), (12, "1: 2+ 3r / 2: 1+ 3! / 3y: 1j 2j"), (14, "1: 2l 3r / 2~: 1+ 3r / 3: 1+ 2l"),
        (16, "1: 2r 3r / 2y: 1+ 3+ / 3: 1+ 2!"), (18, WELL)], &[]),
    ("quick restart that nobody judged", "1", &[(0, WELL), (10, "1: 2+ 3? / 2: 1+ 3? / 3~: 1+ 2+"), (11, "1: 2+ 3r / 2: 1+ 3r / 3y: 1+ 2+")], &[]),
    ("maintenance", "1", &[(0, WELL), (10, "1: 2+ 3m / 2: 1+ 3! / 3~: 1+ 2+"), (40, WELL)], &[]),
    ("what a node in maintenance misses", "2", &[(0, WELL), (10, "1: 2+ 3m / 2: 1+ 3m / 3m: 1c 2c"), (40, WELL)], &[]),
    ("an address nobody is at", "1", &[(0, "1: 2+ 9n / 2: 1+ 9n")], &[]),
    ("a link that never worked", "1", &[(0, "1: 2+ 3n / 2: 1+ 3+ / 3: 1+ 2+")], &[]),
    ("slow link", "1", &[(0, "1: 2+ 3g / 2: 1+ 3+ / 3: 1g 2+")], &[]),
    ("isolated, from outside, story after healing", "1", &[
        (0, WELL), (10, "1: 2+ 3! / 2: 1+ 3? / 3~: 1+ 2+"), (11, "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+"),
        (50, "1: 2+ 3! / 2: 1+ 3! / 3c: 1c 2c"), (51, "1: 2+ 3+ / 2: 1+ 3! / 3: 1+ 2c"), (52, WELL),
    ], &["cut_off 3 by 1 2 12|3"]),
    ("isolated, from inside", "3", &[
        (0, WELL), (10, "3: 1b 2? / 1~: 2+ 3+ / 2~: 1+ 3+"), (11, "3c: 1c 2c / 1~: 2+ 3+ / 2~: 1+ 3+"),
    ], &["cut_off 1 2 by 3 ..."]),
    ("isolated, from inside, healed: the others still miss me", "3", &[
        (0, WELL), (10, "3c: 1c 2c / 1~: 2+ 3+ / 2~: 1+ 3+"), (50, "1: 2+ 3! / 2: 1+ 3! / 3: 1+ 2+"), (52, WELL),
    ], &["cut_off 3 by 3 12|3"]),
    ("2-2 split, from one side", "1", &[
        (0, WELL_4), (10, "1: 2+ 3c 4? / 2: 1+ 3? 4? / 3~: 1+ 2+ 4+ / 4~: 1+ 2+ 3+"), (11, "1c: 2+ 3c 4c / 2: 1+ 3? 4b / 3~: 1+ 2+ 4+ / 4~: 1+ 2+ 3+"),
        (12, "1c: 2+ 3c 4c / 2c: 1+ 3c 4c / 3~: 1+ 2+ 4+ / 4~: 1+ 2+ 3+"),
    ], &["cut_off 3 4 by 1 2 ..."]),
    ("2-2 split, told by the pictures of its healing", "1", &[
        (0, WELL_4), (10, "1c: 2+ 3c 4c / 2c: 1+ 3c 4c / 3~: 1+ 2+ 4+ / 4~: 1+ 2+ 3+"),
        (50, "1c: 2+ 3c 4c / 2c: 1+ 3c 4c / 3c: 4+ 1c 2c / 4c: 3+ 1c 2c"), (51, "1: 2+ 3+ 4c / 2: 1+ 3c 4+ / 3: 4+ 1+ 2c / 4: 3+ 1c 2+"), (52, WELL_4),
    ], &["split 1 2 3 4 by 1 2 3 4 12|34"]),
    ("3-2 split, from the three, told by its healing", "1", &[
        (0, WELL_5), (10, "1: 2+ 3+ 4! 5! / 2: 1+ 3+ 4! 5! / 3: 1+ 2+ 4! 5! / 4~: 1+ 2+ 3+ 5+ / 5~: 1+ 2+ 3+ 4+"),
        (50, "1: 2+ 3+ 4! 5! / 2: 1+ 3+ 4! 5! / 3: 1+ 2+ 4! 5! / 4c: 1c 2c 3c 5+ / 5c: 1c 2c 3c 4+"), (51, WELL_5),
    ], &["split 1 2 3 4 5 by 1 2 3 4 5 123|45"]),
    ("3-2 split, from the two", "4", &[(0, WELL_5), (10, "4c: 1c 2c 3? 5+ / 5c: 1c 2c 3c 4+"), (11, "4c: 1c 2c 3c 5+ / 5c: 1c 2c 3c 4+")],
        &["cut_off 1 2 3 by 4 5 ..."]),
    ("one way, from the third", "3", &[(0, WELL), (10, "1: 2o 3+ / 2: 1+ 3+ / 3: 1+ 2+"), (50, WELL)], &["one_way 1 2 by 1"]),
    ("one way, from the end that does not notice", "2", &[(0, WELL), (10, "1: 2o 3+ / 2: 1+ 3+ / 3: 1+ 2+"), (50, WELL)], &["one_way 1 2 by 1"]),
    ("link cut, from one end", "1", &[(0, WELL), (10, "1: 2b 3+ / 3: 1+ 2+ / 2~: 1+ 3+"), (50, WELL)], &["link_broken 1 2 by 1"]),
    ("link cut twice", "1", &[
        (0, WELL), (10, "1: 2b 3+ / 2: 1b 3+ / 3: 1+ 2+"), (30, WELL), (40, "1: 2b 3+ / 2: 1b 3+ / 3: 1+ 2+"), (50, WELL),
    ], &["link_broken 1 2 by 1 2 x2"]),
    ("link cut, from the third, one end after the other", "3", &[
        (0, WELL), (10, "1: 2b 3+ / 2: 1? 3+ / 3: 1+ 2+"), (11, "1: 2b 3+ / 2: 1b 3+ / 3: 1+ 2+"), (50, "1: 2+ 3+ / 2: 1b 3+ / 3: 1+ 2+"), (51, WELL),
    ], &["link_broken 1 2 by 1 2"]),
    ("link cut, and both ends do not answer for a while", "3", &[
        (0, WELL), (10, "1: 2b 3+ / 2: 1b 3+ / 3: 1+ 2+"), (20, "1~: 2b 3+ / 2~: 1b 3+ / 3: 1+ 2+"),
    ], &["link_broken 1 2 by 1 2 ..."]),
    ("four links to one node cut", "3", &[(0, WELL_4), (10, "1: 2+ 3+ 4b / 2: 1+ 3+ 4b / 3: 1+ 2+ 4+ / 4: 1b 2b 3+")],
        &["link_broken 1 2 4 by 1 2 4 ..."]),
    ("a lossy host, one link after the other", "3", &[
        (0, WELL_4), (10, "1: 2+ 3+ 4x / 2: 1+ 3+ 4+ / 3: 1+ 2+ 4+ / 4: 1+ 2+ 3+"), (12, "1: 2+ 3+ 4x / 2: 1+ 3+ 4x / 3: 1+ 2+ 4x / 4: 1x 2x 3x"),
        (14, "1: 2+ 3+ 4x / 2: 1+ 3+ 4b / 3: 1+ 2+ 4x / 4~: 1x 2x 3x"), (60, "1: 2+ 3+ 4+ / 2: 1+ 3+ 4+ / 3: 1+ 2+ 4x / 4: 1+ 2+ 3+"), (61, WELL_4),
    ], &["lossy 4 by 1 2 3 4"]),
    ("a lossy link", "3", &[(0, WELL), (10, "1: 2x 3+ / 2: 1+ 3+ / 3: 1+ 2+"), (12, "1: 2x 3+ / 2: 1x 3+ / 3: 1+ 2+"), (50, WELL)],
        &["lossy 1 2 by 1 2"]),
    ("another mesh key", "1", &[(0, WELL), (10, "1: 2+ 3k / 2: 1+ 3k / 3~: 1+ 2+"), (40, WELL)], &["unverified 3 by 1 2"]),
    ("a link cut, then the peer killed", "3", &[(0, WELL), (10, "1: 2b 3+ / 2: 1b 3+ / 3: 1+ 2+"), (60, "1: 2! 3+ / 3: 1+ 2! / 2~: 1b 3+"), (70, WELL)],
        &["down 2 by 1 3"]),
    ("two stories", "2", &[(0, WELL_4), (10, "1: 2+ 3! 4b / 2: 1+ 3! 4+ / 4: 1b 2+ 3!")], &["link_broken 1 4 by 1 4 ...", "down 3 by 1 2 4 ..."]),
];

#[test]
fn situations() {
    for (name, me, pictures, expected) in SITUATIONS {
        let play = play(me, pictures);
        assert_eq!(play.list(), *expected, "{name}");
        // Whatever was opened was said once, and what is over was said to be. A majority had seen two deaths.
        let merged = usize::from(name.starts_with("3-2 split, from the three"));
        let (opened, closed) = (expected.len() + merged, expected.len() + merged - play.incidents.open());
        assert_eq!((play.opened.len(), play.closed.len()), (opened, closed), "{name}");
    }
}

#[test]
fn an_incident_is_there_at_once_announced_later_and_closed_when_it_is_final() {
    let mut play = Play::new();
    play.show("1", WELL, 10);
    play.show("1", "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+", 11);
    assert_eq!((play.list(), play.opened.len()), (vec!["down 3 by 1 2 ...".to_owned()], 0));
    play.show("1", "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+", 16);
    assert_eq!((play.opened.clone(), play.incidents.deadline()), (vec![1], None));
    play.show("1", WELL, 17);
    assert_eq!((play.incidents.open(), play.incidents.deadline()), (0, Some(at(76))));
    assert_eq!(play.incidents.tick(at(75)), []);
    let changes = play.incidents.tick(at(76));
    let [IncidentChange::Closed(told)] = &changes[..] else { panic!("{changes:?}") };
    // The silence had lasted for 130 s when it was first seen, at 10 s; it was over at 16 s.
    assert_eq!((told.lasted(), told.ended), (Duration::from_secs(136), Some(Duration::from_secs(60))));
    assert_eq!(story(told), "node-3 was down for 2 min 16 s (no response from its host); node-1 and node-2 agreed");
    assert_eq!(play.incidents.deadline(), None);
}

#[test]
fn every_incident_has_a_story() {
    let story_of = |name: &str| {
        let situation = SITUATIONS.iter().find(|situation| situation.0 == name).expect(name);
        let play = play(situation.1, situation.2);
        // As if it were told in the moment of its last picture.
        let told = play.incidents.list(at(play.now)).remove(0);
        story(&told)
    };
    let table = [
        ("link cut twice", "node-1 and node-2 could not reach each other for 2 min 50 s; this happened 2 times"),
        ("crash loop", "node-3 failed 3 times in 3 min 50 s (no response from its host); node-1 and node-2 agreed"),
        ("crash of one of two", "node-2 may have been down for 2 min 30 s; only node-1 was left to say so"),
        ("isolated, from outside, story after healing", "node-3 was cut off from node-1 and node-2 for 2 min 52 s"),
        (
            "isolated, from inside",
            "node-3 has heard nothing from node-1 and node-2 for 4 min 11 s: they are down, or cut off",
        ),
        (
            "2-2 split, from one side",
            "node-1 and node-2 have heard nothing from node-3 and node-4 for 4 min 12 s: they are down, or cut off",
        ),
        (
            "2-2 split, told by the pictures of its healing",
            "the mesh was split for 2 min 52 s: node-1 and node-2 could not reach node-3 and node-4",
        ),
        ("one way, from the third", "node-1 could not reach node-2 for 2 min 50 s, but node-2 reached node-1"),
        ("link cut, from one end", "node-1 could not reach node-2 for 2 min 50 s; other nodes could"),
        (
            "link cut, from the third, one end after the other",
            "node-1 and node-2 could not reach each other for 2 min 51 s",
        ),
        (
            "a lossy host, one link after the other",
            "node-4 lost most packets on its links with node-1, node-2 and node-3 for 3 min 1 s",
        ),
        ("a lossy link", "node-1 and node-2 lost most of the packets between them for 2 min 50 s"),
        ("another mesh key", "node-3 did not have the mesh key of node-1 and node-2 for 2 min 40 s"),
        ("four links to one node cut", "links among node-1, node-2 and node-4 have been broken for 4 min 10 s"),
    ];
    for (name, text) in table {
        assert_eq!(story_of(name), text, "{name}");
    }
}

#[test]
fn there_is_a_bound() {
    let all = |sign: char| (2..250).map(|peer| format!("{peer}{sign}")).collect::<Vec<_>>().join(" ");
    let mut play = Play::new();
    play.show("1", &format!("1: {}", all('!')), 100);
    assert_eq!(play.list().len(), LIVE_MAX);
    for round in 1..5 {
        let start = play.now;
        play.show("1", &format!("1: {}", all('+')), start + 100);
        let start = play.now;
        play.show("1", &format!("1: {}", all('!')), start + 10);
        assert!(play.list().len() <= LIVE_MAX + CLOSED_MAX, "round {round}");
    }
    let mut play = Play::new();
    play.show("1", &format!("1c: {}", all('c')), 100);
    let told = play.incidents.list(at(100)).remove(0);
    assert_eq!(told.nodes.len(), NAMES_MAX);
}
