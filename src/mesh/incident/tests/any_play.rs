//! What holds for any play at all.

use proptest::prelude::*;

use super::*;
use crate::mesh::tests::any_rows;

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// No play makes it panic; numbers rise; each is opened once, and closed once after that.
    #[test]
    fn any_play_keeps_its_books(pictures in prop::collection::vec((any_rows(), 1..40u64), 1..12)) {
        let mut incidents = Incidents::new();
        let (mut opened, mut closed) = (Vec::new(), Vec::new());
        let mut now = 0;
        let mut note = |changes: Vec<IncidentChange>| {
            for change in changes {
                match change {
                    IncidentChange::Opened(told) => opened.push(told.id),
                    IncidentChange::Closed(told) => {
                        assert!(!told.is_open() && !story(&told).is_empty());
                        closed.push(told.id);
                    }
                }
            }
        };
        for (rows, pause) in pictures {
            note(incidents.observe(at(now), &member("1"), &mesh::view(rows)));
            now += pause;
            note(incidents.tick(at(now)));
            let list = incidents.list(at(now));
            prop_assert!(list.iter().filter(|told| told.is_open()).count() == incidents.open());
            prop_assert!(list.iter().all(|told| !story(told).is_empty() && !told.nodes.is_empty() && !told.observers.is_empty()));
        }
        now += 1000;
        note(incidents.tick(at(now)));
        note(incidents.tick(at(now + 1000)));
        let live: Vec<u64> = incidents.list(at(now + 1000)).iter().filter(|told| told.is_open()).map(|told| told.id).collect();
        let mut ended = closed.clone();
        ended.extend(live);
        ended.sort_unstable();
        let mut sorted = opened.clone();
        sorted.sort_unstable();
        sorted.dedup();
        prop_assert_eq!(sorted.len(), opened.len(), "opened once");
        prop_assert_eq!(ended, sorted, "closed or open");
    }

    #[test]
    fn the_order_of_rows_does_not_matter(pictures in prop::collection::vec(any_rows(), 1..6)) {
        let tell = |turn: bool| {
            let mut incidents = Incidents::new();
            for (second, rows) in pictures.iter().enumerate() {
                let mut rows = rows.clone();
                if turn {
                    rows.reverse();
                }
                incidents.observe(at(second as u64 * 7), &member("1"), &mesh::view(rows));
            }
            incidents.list(at(1000))
        };
        prop_assert_eq!(tell(false), tell(true));
    }
}
