//! The metrics of a node with as many peers as it may watch: what a scrape costs.

use std::time::Duration;

use heartbeat::detector::event::PeerRef;
use heartbeat::detector::peer::{BootId, NodeName, PeerId, PeerKey, PeerState};
use heartbeat::detector::view::{PeerView, View};
use heartbeat::testing::telemetry::Metrics;

use super::figure::{Measurement, in_ms, median};

const PEERS: u32 = 1024;
const SCRAPES: usize = 21;

pub fn figures() -> Vec<Measurement> {
    let metrics = Metrics::new(Duration::from_secs(2)).expect("valid buckets");
    let view = View::new(NodeName::new("node-1").expect("valid"), BootId(1), (0..PEERS).map(peer).collect());
    let mut prepared = Vec::new();
    let mut written = Vec::new();
    let mut length = 0;
    for _ in 0..SCRAPES {
        let began = std::time::Instant::now();
        let shown = metrics.prepare(&view);
        prepared.push(began.elapsed());
        let began = std::time::Instant::now();
        length = metrics.write(&shown).len();
        written.push(began.elapsed());
    }
    let what = format!("a scrape of {PEERS} peers");
    vec![
        Measurement::new(format!("{what}: on the detector's thread"), "ms", in_ms(median(&prepared)), None),
        Measurement::new(format!("{what}: its text, on another thread"), "ms", in_ms(median(&written)), Some(20.0))
            .note(format!("median of {SCRAPES}; {:.1} MB", length as f64 / 1e6)),
    ]
}

fn peer(index: u32) -> PeerView {
    PeerView::new(PeerRef {
        id: PeerId(index),
        key: PeerKey(format!("heartbeat-{index}.heartbeat.default.svc:8001").into()),
        node: None,
        boot: None,
        state: PeerState::Alive,
        flaw: None,
    })
}
