//! Opinions about boots that have ended.
//!
//! Peers meet a restarted process one after the other, and for a moment some still report what was true of the
//! process before. That says nothing about the new process: neither that it is down, nor that a link to it is broken,
//! nor that the mesh is split. So such opinions are marked before any conclusion is drawn, and read as "not heard
//! yet"; for a few seconds only, because an observer that has not met it by then does not reach it.

use std::time::Duration;

use super::rows::{Cell, Row};
use crate::detector::peer::BootId;

/// The time an observer needs to meet a new boot: two answers and the gap between them, with room for a slow network.
const MEETING_TIME: Duration = Duration::from_secs(5);

/// Marks the cells about another boot than the one that has just begun. Rows are sorted by observer, one for each
/// member that a cell is about.
pub(super) fn mark_ended(rows: &mut [Row]) {
    let young = young(rows);
    // Almost always no node has just started, and a large mesh has many cells.
    if young.iter().all(Option::is_none) {
        return;
    }
    for at in 0..rows.len() {
        for cell in 0..rows[at].cells.len() {
            let about = place(rows, &rows[at].cells[cell]);
            let cell = &mut rows[at].cells[cell];
            let boot = about.and_then(|about| young[about]).map(|(_, boot)| boot);
            cell.of_ended_boot = boot.is_some() && cell.boot != boot;
        }
    }
}

/// For each row the boot that began a moment ago, and when: from its own row, or, where the asked node has not met it
/// either, from the observer that met it last.
fn young(rows: &[Row]) -> Vec<Option<(Duration, BootId)>> {
    let own = |row: &Row| row.up_for.zip(row.boot).filter(|(up_for, _)| row.is_here() && *up_for < MEETING_TIME);
    let mut young: Vec<_> = rows.iter().map(own).collect();
    for row in rows {
        for cell in row.cells.iter().filter(|cell| row.link_status(cell).reaches() && cell.restarts > 0) {
            let Some(about) = place(rows, cell).filter(|about| !rows[*about].is_here()) else { continue };
            let met = cell.boot.map(|boot| (cell.state_age, boot)).filter(|(age, _)| *age < MEETING_TIME);
            young[about] = young[about].into_iter().chain(met).min();
        }
    }
    young
}

fn place(rows: &[Row], cell: &Cell) -> Option<usize> {
    rows.binary_search_by(|row| row.observer.cmp(&cell.peer)).ok()
}
