//! What observers do not see, in words.

use super::phrase::{evidence_phrase, join_texts};
use crate::detector::evidence::Evidence;
use crate::mesh::{BlindSpotKind, Row};

/// A node that shares the name of its observer goes by its key, which says little to a person.
pub(super) fn by_shared_name(text: String, rows: &[Row]) -> String {
    let shared = rows.iter().filter(|row| row.is_here()).flat_map(|row| {
        let spots = row.blind_spots.iter().filter(|spot| spot.kind == BlindSpotKind::SharedName);
        spots.map(|spot| (&row.observer, &*spot.what))
    });
    shared.fold(text, |text, (name, key)| match key {
        "" => text,
        key => text.replace(key, &format!("the other {name} ({key})")),
    })
}

/// What the observers say themselves that they do not see.
pub(super) fn blind_spots(rows: &[Row]) -> Vec<String> {
    let mut texts = Vec::new();
    for row in rows.iter().filter(|row| row.is_here()) {
        let observer = &row.observer;
        let of = |kind: BlindSpotKind| row.blind_spots.iter().filter(move |spot| spot.kind == kind);
        let whats = |kind: BlindSpotKind| -> Vec<&str> { of(kind).map(|spot| &*spot.what).collect() };
        if of(BlindSpotKind::FoundNobody).next().is_some() {
            texts.push(format!("{observer} has found no other node"));
        }
        texts.extend(
            of(BlindSpotKind::LookupFails).map(|spot| format!("{observer} cannot look up {}: {}", spot.what, spot.why)),
        );
        let silent = whats(BlindSpotKind::NoNodeAt);
        if !silent.is_empty() {
            let reason = of(BlindSpotKind::NoNodeAt).find_map(|spot| spot.why.parse::<Evidence>().ok());
            let reason = reason.map(|evidence| format!(" ({})", evidence_phrase(evidence))).unwrap_or_default();
            texts.push(format!("{observer} finds no node at {}{reason}", join_texts(silent.into_iter())));
        }
        let callers = whats(BlindSpotKind::Unlisted);
        if !callers.is_empty() {
            let (be, list) = if callers.len() == 1 { ("is", "its") } else { ("are", "its") };
            let who = join_texts(callers.into_iter());
            texts.push(format!("{observer} is pinged by {who}, which {be} not on {list} list of peers"));
        }
        texts.extend(of(BlindSpotKind::ListedByOne).map(|spot| format!("only {observer} lists {}", spot.what)));
        for spot in of(BlindSpotKind::SharedName) {
            texts.push(format!("two nodes call themselves {observer}; the other one is at {}", spot.what));
        }
        for spot in of(BlindSpotKind::SharedAddress) {
            texts.push(format!(
                "{observer} finds two nodes at one address, {}: {}; is a load balancer in between?",
                spot.what, spot.why
            ));
        }
    }
    texts
}
