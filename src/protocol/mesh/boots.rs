//! Opinions about boots that have ended.
//!
//! A process that starts again is met by its peers one after the other, and in
//! between some still say of its name what was true of the process before. That
//! is no news about the one that answers now: neither that it is down, nor that
//! a link to it is broken, nor that the mesh is split. So such opinions are
//! marked before any conclusion is drawn, and read as of somebody who has not
//! met it yet; for a few seconds only, because who has not met it by then does
//! not reach it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::rows::{Member, Row};
use crate::protocol::peer::BootId;

/// As long as an observer needs to meet a new boot: two answers and the gap
/// between them, with room for a slow network.
const MEETING_TIME: Duration = Duration::from_secs(5);

/// Marks the cells that are about another boot than the one that has just begun.
pub(super) fn mark_ended(rows: &mut [Row]) {
    let young = young(rows);
    for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
        cell.of_ended_boot = young.get(&cell.peer).is_some_and(|boot| cell.boot != Some(*boot));
    }
}

/// The boots that began a moment ago: on the member's own word, and where that is not here, because who asks has not
/// met it either, on the word of whoever met it last.
fn young(rows: &[Row]) -> BTreeMap<Member, BootId> {
    let here: BTreeMap<&Member, &Row> =
        rows.iter().filter(|row| row.is_here()).map(|row| (&row.observer, row)).collect();
    let own = here.values().filter(|row| row.up_for.is_some_and(|up_for| up_for < MEETING_TIME));
    let own = own.filter_map(|row| Some((row.observer.clone(), row.boot?)));
    let mut met: BTreeMap<&Member, (Duration, BootId)> = BTreeMap::new();
    for row in rows {
        for cell in row.cells.iter().filter(|cell| row.reading(cell).reaches() && !here.contains_key(&cell.peer)) {
            let Some(boot) = cell.boot.filter(|_| cell.restarts > 0 && cell.state_age < MEETING_TIME) else { continue };
            let one = (cell.state_age, boot);
            met.entry(&cell.peer).and_modify(|other| *other = one.min(*other)).or_insert(one);
        }
    }
    let met = met.into_iter().map(|(member, (_, boot))| (member.clone(), boot));
    own.chain(met).collect()
}
