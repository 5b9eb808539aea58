//! The words and colours shown for numbers.
//!
//! Each word has a sign before it that separates good from bad without colour.
//! The colours (after Okabe and Ito) can be told apart by people with red-green
//! colour blindness.

use heartbeat::detector::peer::PeerState;
use serde_json::{Value, json};

/// Grafana writes on them in white, or in black where they are bright: a test computes both contrasts.
pub const FINE: &str = "#007A5A";
pub const DOUBT: &str = "#F0E442";
pub const WARN: &str = "#F5B82E";
pub const BAD: &str = "#B84A00";
pub const NEW: &str = "#9AD0F2";
pub const PLAIN: &str = "#0068A8";
pub const GREY: &str = "#6E6E73";

/// All of them.
pub const COLOURS: [&str; 7] = [FINE, DOUBT, WARN, BAD, NEW, PLAIN, GREY];

/// A link whose observer Prometheus cannot scrape.
pub const NO_REPORT: u8 = 0;
/// A link without a number; numbers of links are never negative.
pub const NO_NUMBER: i8 = -1;
/// A link that is down, in a matrix of numbers about links that are up.
pub const NO_LINK: i8 = -2;
/// A peer that said goodbye, in place of the share of its observers that reach it.
pub const GONE_BY_ITSELF: u8 = 4;
/// What is wrong with the one that is named; the worst is the largest.
pub const A_LINK: u8 = 1;
pub const IS_APART: u8 = 2;
pub const IS_DOWN: u8 = 3;
/// There are more.
pub const MORE: u8 = 4;
/// The mesh: Prometheus can scrape no node.
pub const NO_NODE: u8 = 8;
/// A node itself. Distinct from the states of links, because one matrix has both.
pub const READY: u8 = 10;
pub const STALLED: u8 = 11;
/// One more if it is stalled as well.
pub const CUT_OFF: u8 = 12;
pub const UNSEEN: u8 = 14;
/// Alerts. One of severity info is a hint, and one always fires.
pub const PENDING: u8 = 1;
pub const FIRING: u8 = 2;
pub const HINT: u8 = 3;
pub const ALWAYS: u8 = 4;

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

/// States of links.
pub fn of_links() -> Value {
    ranges(&states().collect::<Vec<_>>())
}

/// States of links, and of the nodes themselves on the diagonal of the matrix.
pub fn of_the_matrix() -> Value {
    let silent = (NO_REPORT, NO_REPORT, "no report", GREY);
    ranges(&states().chain([silent]).chain(THEMSELVES.iter().copied()).collect::<Vec<_>>())
}

fn states() -> impl Iterator<Item = (u8, u8, &'static str, &'static str)> {
    PeerState::ALL.into_iter().map(|state| {
        let (word, colour) = state_word(state);
        (code(state), code(state), word, colour)
    })
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

/// The share of its observers that reach a peer.
pub fn of_peers() -> Value {
    ranges(&[
        (1, 1, "✓ reached by all", FINE),
        (0, 0, "✗ by none", BAD),
        // Grafana takes the first that fits, and shares lie between.
        (0, 1, "⇸ not by all", WARN),
        (GONE_BY_ITSELF, GONE_BY_ITSELF, "← left", GREY),
    ])
}

/// The kinds of trouble of those that are named. The tile shows the name, so only the colours are seen.
pub fn of_whom() -> Value {
    ranges(&[
        (0, 0, "✓ none", FINE),
        (A_LINK, A_LINK, "⇸ a link", WARN),
        (IS_APART, IS_APART, "◌ cut off", WARN),
        (IS_DOWN, IS_DOWN, "✗ down", BAD),
        (MORE, MORE, "… more", GREY),
    ])
}

/// Since when there is trouble: zero is no time but no trouble.
pub fn of_since() -> Value {
    ranges(&[(0, 0, "✓ no trouble", FINE)])
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
    ranges(&[
        (PENDING, PENDING, "… pending", DOUBT),
        (FIRING, FIRING, "✗ firing", BAD),
        (HINT, HINT, "⇸ hint", NEW),
        (ALWAYS, ALWAYS, "● always", PLAIN),
    ])
}

/// Cells without a number in a matrix of numbers.
pub fn of_cells() -> Value {
    let itself = json!({ "match": "nan", "result": { "text": "–", "color": GREY, "index": 0 } });
    let nothing = json!({ NO_NUMBER.to_string(): { "text": "no data", "color": GREY, "index": 1 } });
    let down = json!({ NO_LINK.to_string(): { "text": "✗ down", "color": GREY, "index": 2 } });
    json!([
        { "type": "special", "options": itself },
        { "type": "value", "options": nothing },
        { "type": "value", "options": down },
        of_nothing("no data"),
    ])
}

/// Without a value there is nothing to judge: neither good nor bad, whatever the thresholds say of the smallest number.
pub fn of_nothing(text: &str) -> Value {
    json!({ "type": "special", "options": { "match": "null", "result": { "text": text, "color": GREY, "index": 50 } } })
}

/// One colour for one meaning, in every graph whose series have a name of their own.
pub const SERIES: &[(&str, &str)] = &[
    // What a ping showed.
    ("answered", FINE),
    ("refused", BAD),
    ("silent", WARN),
    ("stalled", DOUBT),
    ("timeout", NEW),
    ("name", PLAIN),
    ("invalid", GREY),
    ("no_network", "#CC79A7"),
    // What a verdict was about.
    ("gone", BAD),
    // Events.
    ("peer_down", BAD),
    ("peer_unreachable", WARN),
    ("peer_recovered", FINE),
    ("peer_restarted", PLAIN),
    ("peer_left", GREY),
    ("peer_flapping", DOUBT),
    ("self_cut_off", "#CC79A7"),
    ("self_stalled", NEW),
];

fn ranges(words: &[(u8, u8, &str, &str)]) -> Value {
    let mapping = |(index, (from, to, text, color)): (usize, &(u8, u8, &str, &str))| {
        json!({
            "type": "range",
            "options": { "from": from, "to": to, "result": { "text": text, "color": color, "index": index } },
        })
    };
    words.iter().enumerate().map(mapping).collect()
}

/// What is wrong with answers that are none, which only one graph shows.
pub const FLAWS: &[(&str, &str)] = &[
    ("invalid_status", "#7D7D82"),
    ("invalid_redirect", "#8C8C91"),
    ("invalid_body", "#A9A9AE"),
    ("mesh_key_missing", "#7A6A9E"),
    ("mesh_key_different", "#9484B8"),
    ("mesh_key_failed", "#5F4F87"),
    ("tls_missing", "#4F8A8B"),
    ("tls_required", "#6BA5A6"),
    ("tls_unknown_authority", "#3A6F73"),
    ("tls_expired", "#2F5D62"),
    ("tls_wrong_name", "#85B8B9"),
    ("tls_refused", "#557C83"),
];
