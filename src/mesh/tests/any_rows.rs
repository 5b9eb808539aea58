//! What holds for any rows at all.

use proptest::prelude::*;

use super::*;

fn names() -> impl Strategy<Value = String> {
    prop_oneof![20 => (1..6u8).prop_map(|at| at.to_string()), 1 => "[a-z<>&\"'\u{202e}\n:]{0,3}"]
}

fn cells() -> impl Strategy<Value = Cell> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.05), any::<bool>());
    let ages = (any::<Option<Duration>>(), any::<Option<Duration>>(), any::<Duration>());
    (names(), 0..PeerState::ALL.len(), prop::option::of(0..Verdict::ALL.len()), 0..3u64, flags, ages).prop_map(
        |(name, state, verdict, boot, (expected, degraded, flapping, maintenance, pings_me), (proof, answer, age))| {
            Cell {
                boot: (boot > 0).then_some(BootId(boot)),
                state: PeerState::ALL[state],
                verdict: verdict.map(|at| Verdict::ALL[at]),
                state_age: age,
                last_proof: proof,
                last_answer: answer,
                restarts: boot,
                expected,
                degraded,
                flapping,
                maintenance,
                pings_me,
                ..cell(&format!("{name}+"))
            }
        },
    )
}

fn any_row() -> impl Strategy<Value = Row> {
    let head = (names(), 0..10usize, prop::bool::weighted(0.1), prop::bool::weighted(0.05), 0..3u64);
    let rest = (prop::option::of(0..SelfState::ALL.len()), any::<Option<Duration>>(), any::<Option<Duration>>());
    (head, rest, prop::collection::vec(cells(), 0..8)).prop_map(
        |((name, freshness, stalled, maintenance, boot), (state, as_of, up_for), cells)| Row {
            observer: member(&name),
            freshness: match freshness {
                0 => RowFreshness::Never,
                1 | 2 => RowFreshness::Before,
                _ => RowFreshness::Now,
            },
            as_of,
            boot: (boot > 0).then_some(BootId(boot)),
            state: state.map(|at| SelfState::ALL[at]),
            stalled,
            maintenance,
            up_for,
            cells,
            blind_spots: Vec::new(),
            mesh_keys: Vec::new(),
        },
    )
}

pub(crate) fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(any_row(), 0..8)
}

fn verdict_of(view: &MeshView, member: &Member) -> MeshVerdict {
    view.node_statuses.iter().find(|node_status| node_status.member == *member).expect("a member").verdict
}

/// How grave a verdict is: all that name a fault of links, of one or of all, are of one grade.
fn grade(verdict: MeshVerdict) -> MeshVerdict {
    if verdict.is_of_a_link() || verdict == MeshVerdict::CutOff { MeshVerdict::CutOff } else { verdict }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_have_a_view_and_a_text(rows in any_rows()) {
        let asked = rows.first().map_or(member("1"), |row| row.observer.clone());
        let view = view(rows);
        prop_assert!(!summary(&view).sentence.is_empty());
        prop_assert_eq!(view.rows.len(), view.node_statuses.len());
        prop_assert!(!view.whole || summary(&view).findings.iter().all(|finding| finding.weight == Severity::Note), "{:?}", view);
        let text = text_of(&view, &asked);
        prop_assert!(text.bytes().all(|byte| byte == b'\n' || byte == b' ' || byte.is_ascii_graphic()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rows_and_cells_does_not_matter(rows in any_rows(), turn in 0..8usize) {
        let mut turned: Vec<Row> = rows.clone();
        turned.rotate_left(turn.min(rows.len()));
        turned.reverse();
        for row in &mut turned {
            row.cells.reverse();
        }
        prop_assert_eq!(view(rows), view(turned));
    }

    /// Whatever a silent row holds, nothing but what is shown of that row changes.
    #[test]
    fn a_silent_row_is_neither_good_nor_bad_news(mut rows in any_rows(), other in prop::collection::vec(cells(), 0..8)) {
        // Of two rows of one observer one counts, and what they say may decide which: then other members are listed.
        let mut observers = BTreeSet::new();
        rows.retain(|row| observers.insert(row.observer.clone()));
        let with = |cells: &dyn Fn(&Row) -> Vec<Cell>| {
            let rows = rows.iter().map(|row| match row.freshness {
                RowFreshness::Now => row.clone(),
                // The members stay the same, only what is said of them differs.
                RowFreshness::Before | RowFreshness::Never => Row { cells: cells(row), ..row.clone() },
            });
            let mut view = view(rows.collect());
            view.rows.clear();
            view
        };
        let rewritten = |row: &Row| -> Vec<Cell> {
            let said = other.iter().cycle();
            row.cells.iter().zip(said).map(|(cell, said)| Cell { peer: cell.peer.clone(), ..said.clone() }).collect()
        };
        if !other.is_empty() {
            prop_assert_eq!(with(&|row| row.cells.clone()), with(&rewritten));
        }
    }

    /// It may change which fault of the links of a member that is alive the verdict names, no more.
    #[test]
    fn an_observer_that_agrees_never_weakens_a_verdict(rows in any_rows(), which in any::<prop::sample::Index>()) {
        let before = view(rows.clone());
        let accusations: Vec<(&Row, &Cell)> = before.rows.iter().flat_map(|row| {
            row.cells.iter().filter(|cell| row.link_status(cell) == LinkStatus::Bad).map(move |cell| (row, cell))
        }).collect();
        if !accusations.is_empty() {
            let (observer, accusation) = accusations[which.index(accusations.len())];
            let agreeing = Row { observer: member("new"), cells: vec![accusation.clone()], maintenance: false, ..observer.clone() };
            let after = view(rows.into_iter().chain([agreeing]).collect());
            prop_assert!(
                grade(verdict_of(&after, &accusation.peer)) >= grade(verdict_of(&before, &accusation.peer)),
                "{} became {}", summary(&before).sentence, summary(&after).sentence
            );
        }
    }
}
