//! The sides of a split, and what follows from them.

use std::collections::BTreeSet;

use super::verdict::IncidentVerdict;
use crate::mesh::Member;

/// The two sides, larger first, then by name.
pub(super) fn pair(one: &BTreeSet<Member>, other: &BTreeSet<Member>) -> Vec<Vec<Member>> {
    let mut sides: Vec<Vec<Member>> = [one, other].map(|side| side.iter().cloned().collect()).into();
    sides.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    sides
}

/// Verdict and nodes that follow from the sides: a node that was alone was cut off, two that were alone had no link,
/// and everything else was a split. `None` where no sides are known.
pub(super) fn conclusion(sides: &[Vec<Member>]) -> Option<(IncidentVerdict, Vec<Member>)> {
    let mut nodes: Vec<Member> = sides.iter().flatten().cloned().collect();
    nodes.sort();
    match sides {
        [] | [_] => None,
        [one, other] if one.len() == 1 && other.len() == 1 => Some((IncidentVerdict::LinkBroken, nodes)),
        [_, alone] if alone.len() == 1 => Some((IncidentVerdict::CutOff, alone.clone())),
        _ => Some((IncidentVerdict::Split, nodes)),
    }
}
