//! The words and colours shown for numbers.
//!
//! Each word has a sign before it that separates good from bad without colour.
//! The colours (after Okabe and Ito) can be told apart by people with red-green
//! colour blindness.

use heartbeat::detector::peer::PeerState;
use serde_json::{Value, json};

pub const FINE: &str = "#009E73";
pub const DOUBT: &str = "#F0E442";
pub const WARN: &str = "#E69F00";
pub const BAD: &str = "#D55E00";
pub const NEW: &str = "#56B4E9";
pub const PLAIN: &str = "#0072B2";
pub const GREY: &str = "#6E6E73";

/// A link whose observer Prometheus cannot scrape.
pub const NO_REPORT: u8 = 0;
/// A link without a number; numbers of links are never negative.
pub const NO_NUMBER: i8 = -1;
/// Added to the number of observers that cannot reach a peer: it said goodbye.
pub const GONE_BY_ITSELF: u8 = 4;
/// The mesh: Prometheus can scrape no node.
pub const NO_NODE: u8 = 8;
/// A node itself. Distinct from the states of links, because one matrix has both.
pub const READY: u8 = 10;
pub const STALLED: u8 = 11;
/// One more if it is stalled as well.
pub const CUT_OFF: u8 = 12;
pub const UNSEEN: u8 = 14;

/// The number for a state.
pub fn code(state: PeerState) -> u8 {
    match state {
        PeerState::Alive => 1,
        PeerState::Suspect => 2,
        PeerState::Unreachable => 3,
        PeerState::Dead => 4,
        PeerState::Joining => 5,
        PeerState::Left => 6,
    }
}

fn state_word(state: PeerState) -> (&'static str, &'static str) {
    match state {
        PeerState::Alive => ("✓ alive", FINE),
        PeerState::Suspect => ("? suspect", DOUBT),
        PeerState::Unreachable => ("⇸ unreachable", WARN),
        PeerState::Dead => ("✗ dead", BAD),
        PeerState::Joining => ("… joining", NEW),
        PeerState::Left => ("← left", GREY),
    }
}

/// States of links, and of the nodes themselves on the diagonal of the matrix.
pub fn of_links() -> Value {
    let states = PeerState::ALL.into_iter().map(|state| {
        let (word, colour) = state_word(state);
        (code(state), code(state), word, colour)
    });
    let silent = (NO_REPORT, NO_REPORT, "no report", GREY);
    ranges(&states.chain([silent]).chain(THEMSELVES.iter().copied()).collect::<Vec<_>>())
}

/// What nodes report about themselves.
pub fn of_nodes() -> Value {
    ranges(THEMSELVES)
}

const THEMSELVES: &[(u8, u8, &str, &str)] = &[
    (READY, READY, "● runs", PLAIN),
    (STALLED, STALLED, "◐ stalled", DOUBT),
    (CUT_OFF, CUT_OFF + 1, "◌ cut off", WARN),
    (UNSEEN, UNSEEN, "○ not scraped", GREY),
];

/// Whether the observers of a peer reach it.
pub fn of_peers() -> Value {
    ranges(&[
        (0, 0, "✓ reached by all", FINE),
        (1, 1, "⇸ not by all", WARN),
        (2, 2, "✗ by none", BAD),
        (GONE_BY_ITSELF, GONE_BY_ITSELF + 2, "← left", GREY),
    ])
}

/// Whether the mesh is whole.
pub fn of_the_mesh() -> Value {
    ranges(&[
        (0, 0, "✓ whole", FINE),
        (1, 1, "⇸ a link is down", WARN),
        (2, 3, "✗ a node is down", BAD),
        (4, 5, "✂ cut into groups", BAD),
        (6, 7, "✗ cut, and a node is down", BAD),
        (NO_NODE, NO_NODE, "○ no node answers", BAD),
    ])
}

/// Whether a node is in maintenance.
pub fn of_maintenance() -> Value {
    ranges(&[(0, 0, "none", GREY), (1, 1, "‖ in maintenance", NEW)])
}

/// Alerts over time.
pub fn of_alerts() -> Value {
    ranges(&[(1, 1, "… pending", DOUBT), (2, 2, "✗ firing", BAD)])
}

/// Cells without a number in a matrix of numbers.
pub fn of_cells() -> Value {
    let itself = json!({ "match": "nan", "result": { "text": "–", "color": GREY, "index": 0 } });
    let nothing = json!({ NO_NUMBER.to_string(): { "text": "no data", "color": GREY, "index": 1 } });
    json!([{ "type": "special", "options": itself }, { "type": "value", "options": nothing }])
}

fn ranges(words: &[(u8, u8, &str, &str)]) -> Value {
    let mapping = |(index, (from, to, text, color)): (usize, &(u8, u8, &str, &str))| {
        json!({
            "type": "range",
            "options": { "from": from, "to": to, "result": { "text": text, "color": color, "index": index } },
        })
    };
    words.iter().enumerate().map(mapping).collect()
}
