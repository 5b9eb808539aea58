//! What nodes tell each other of the same trouble, truly or not.

use super::*;

/// What `teller` saw, as another node hears it.
fn heard(teller: &Play) -> Vec<IncidentSummary> {
    teller.incidents.seen(at(teller.now))
}

#[test]
fn both_sides_of_a_split_tell_one_story_afterwards() {
    let cut = "1c: 2+ 3c 4c / 2c: 1+ 3c 4c";
    let other = "3c: 1c 2c 4+ / 4c: 1c 2c 3+";
    let mut one = play("1", &[(0, WELL_4), (10, cut), (50, WELL_4)]);
    let other = play("3", &[(0, WELL_4), (10, other), (51, WELL_4)]);
    assert_eq!((one.list(), other.list()), (vec!["cut_off 3 4 by 1 2".into()], vec!["cut_off 1 2 by 3 4".into()]));
    for told in heard(&other) {
        assert_eq!(one.incidents.learn(at(one.now), &member("3"), &told), []);
    }
    assert_eq!(one.list(), ["split 1 2 3 4 by 1 2 3 4 12|34"]);
}

#[test]
fn the_deaths_that_a_majority_saw_become_the_split_that_it_was() {
    let three = "1: 2+ 3+ 4! 5! / 2: 1+ 3+ 4! 5! / 3: 1+ 2+ 4! 5!";
    let two = "4c: 1c 2c 3c 5+ / 5c: 1c 2c 3c 4+";
    let mut one = play("1", &[(0, WELL_5), (10, three), (50, WELL_5)]);
    let other = play("4", &[(0, WELL_5), (10, two), (50, WELL_5)]);
    assert_eq!(one.list(), ["down 5 by 1 2 3", "down 4 by 1 2 3"]);
    let now = at(one.now);
    for teller in ["4", "5"] {
        for told in heard(&other) {
            one.incidents.learn(now, &member(teller), &told);
        }
    }
    assert_eq!(one.list(), ["split 1 2 3 4 5 by 1 2 3 4 5 123|45"]);
}

#[test]
fn a_crash_stays_a_crash_whatever_others_tell() {
    let crash = "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+";
    let before = play("1", &[(0, WELL), (10, crash), (50, WELL)]);
    let told = |nodes: &[&str], observers: &[&str], verdict| IncidentSummary {
        nodes: nodes.iter().map(|name| member(name)).collect(),
        observers: observers.iter().map(|name| member(name)).collect(),
        verdict,
        ..before.incidents.seen(at(before.now)).remove(0)
    };
    let lies = [
        // Not the one that was missed.
        ("2", told(&["1"], &["2"], IncidentVerdict::CutOff)),
        // Not what it saw itself.
        ("3", told(&["1"], &["2"], IncidentVerdict::CutOff)),
        // Nothing that mirrors mine.
        ("3", told(&["9"], &["3"], IncidentVerdict::Down)),
        ("3", told(&["1", "2"], &["1", "3"], IncidentVerdict::CutOff)),
        ("3", told(&["1"], &["3"], IncidentVerdict::LinkBroken)),
        // Another day.
        (
            "3",
            IncidentSummary {
                ended: Some(Duration::from_secs(86_400)),
                began: Duration::from_secs(90_000),
                ..told(&["1"], &["3"], IncidentVerdict::CutOff)
            },
        ),
    ];
    for (teller, told) in lies {
        let mut play = play("1", &[(0, WELL), (10, crash), (50, WELL)]);
        let now = at(play.now);
        assert_eq!(play.incidents.learn(now, &member(teller), &told), []);
        assert_eq!(play.list(), ["down 3 by 1 2"], "{told:?}");
    }
}

#[test]
fn a_lie_moves_nobody_but_the_liar() {
    let crash = "1: 2+ 3! / 2: 1+ 3! / 3~: 1+ 2+";
    let mut play = play("1", &[(0, WELL), (10, crash), (50, WELL)]);
    let names = |names: &[&str]| names.iter().map(|name| member(name)).collect();
    let lie = IncidentSummary {
        nodes: names(&["1", "9"]),
        observers: names(&["3", "8"]),
        verdict: IncidentVerdict::CutOff,
        ..play.incidents.seen(at(play.now)).remove(0)
    };
    play.incidents.learn(at(play.now), &member("3"), &lie);
    assert_eq!(play.list(), ["cut_off 3 by 1 2 12|3"]);
}

#[test]
fn what_goes_on_is_never_put_away_with_what_is_closed() {
    // A split that heals on one side first: one death is closed long before the other is over.
    let three = "1: 2+ 3+ 4! 5! / 2: 1+ 3+ 4! 5! / 3: 1+ 2+ 4! 5!";
    let half = "1: 2+ 3+ 4+ 5! / 2: 1+ 3+ 4+ 5! / 3: 1+ 2+ 4+ 5! / 4: 1+ 2+ 3+ 5!";
    let two = "4c: 1c 2c 3c 5+ / 5c: 1c 2c 3c 4+";
    let mut one = play("1", &[(0, WELL_5), (10, three), (50, half), (200, half)]);
    let other = play("4", &[(0, WELL_5), (10, two), (50, WELL_5), (200, WELL_5)]);
    let open = one.incidents.open();
    assert_eq!(open, 1, "{:?}", one.list());
    let now = at(one.now);
    for teller in ["4", "5"] {
        for told in heard(&other) {
            one.incidents.learn(now, &member(teller), &told);
        }
    }
    let listed = one.incidents.list(now).iter().filter(|told| told.is_open()).count();
    assert_eq!((one.incidents.open(), listed), (1, 1), "{:?}", one.list());
    one.show("1", WELL_5, one.now + 100);
    assert_eq!(one.incidents.open(), 0);
}

#[test]
fn what_others_tell_of_the_same_is_recognised() {
    let seen = |name: &str| {
        let situation = SITUATIONS.iter().find(|situation| situation.0 == name).expect(name);
        let play = play(situation.1, situation.2);
        heard(&play).remove(0)
    };
    let (inside, outside) = (seen("isolated, from inside"), seen("isolated, from outside, story after healing"));
    let crash = seen("crash, as observers notice one after the other");
    assert!(inside.is_same_as(&outside) && outside.is_same_as(&inside) && crash.is_same_as(&crash));
    let hour = Duration::from_secs(3600);
    let before =
        IncidentSummary { began: crash.began + hour, ended: crash.ended.map(|ended| ended + hour), ..crash.clone() };
    assert!(!crash.is_same_as(&before) && !before.is_same_as(&crash));
    let other = IncidentSummary { nodes: vec![member("9")], ..crash.clone() };
    assert!(!crash.is_same_as(&other));
    // One was down, came back, and saw the next go down: node-1 saw both.
    let next = IncidentSummary { nodes: vec![member("2")], observers: vec![member("1"), member("3")], ..crash.clone() };
    assert!(!crash.is_same_as(&next));
    // Two that froze one after the other, and each saw the other.
    let (one, other) = ([member("1")], [member("2")]);
    let first =
        IncidentSummary { nodes: one.to_vec(), observers: other.to_vec(), ended: Some(crash.began + hour), ..before };
    let second = IncidentSummary { nodes: other.to_vec(), observers: one.to_vec(), ..crash };
    assert!(!first.is_same_as(&second) && !second.is_same_as(&first));
}
