//! The cost of a report about the whole mesh, as JSON and as a page: without faults, with many nodes, and with two silent peers.

use std::time::{Duration, Instant};

use heartbeat::detector::peer::{BootId, PeerState, SelfState};
use heartbeat::mesh::{self, Cell, Member, Row, RowFreshness};

use super::figure::{Measurement, in_ms, longest, median};
use super::support::{Cluster, Plan, check, hold, millis, seconds};

/// Answers are shared among readers for 300 ms; each request here must make the node ask its peers.
const APART: Duration = millis(350);
const QUESTIONS: usize = 20;

pub fn figures() -> Vec<Measurement> {
    let mut figures = among(3, 5.0);
    figures.extend(among(32, 50.0));
    figures.extend(["/api/v1/matrix", "/"].map(black_holes));
    figures.push(pure());
    figures
}

/// The maximum number of rows combined at once.
fn pure() -> Measurement {
    let name = |at: usize| Member::from(&*format!("node-{at}"));
    let cell = |at: usize| Cell {
        boot: Some(BootId(1)),
        state_age: seconds(60),
        last_proof: Some(millis(300)),
        last_answer: Some(millis(300)),
        rtt: Some(millis(1)),
        rtt_p99: Some(millis(2)),
        loss: Some(0),
        pings_me: true,
        ..Cell::new(name(at), PeerState::Alive)
    };
    let row = |at: usize| Row {
        freshness: RowFreshness::Now,
        as_of: Some(Duration::ZERO),
        boot: Some(BootId(1)),
        state: Some(SelfState::Ready),
        up_for: Some(seconds(60)),
        cells: (1..=128).filter(|other| *other != at).map(cell).collect(),
        ..Row::never(name(at))
    };
    let rows: Vec<Row> = (1..=128).map(row).collect();
    let began = Instant::now();
    let view = mesh::view(rows);
    let took = began.elapsed();
    assert!(view.whole, "{}", heartbeat::render::mesh::summary(&view).sentence);
    Measurement::new("combining the rows of 128 nodes", "ms", in_ms(took), None)
        .note("on the only thread; 10 % of a stall is 50 ms")
}

/// Matrix and cluster with this many healthy nodes.
fn among(nodes: usize, limit: f64) -> Vec<Measurement> {
    let cluster = Plan::loopback(nodes).start();
    check("the mesh is whole", seconds(60), || {
        let answer = cluster.node(1).get("/api/v1/cluster?strict=1")?;
        if answer.status == 200 { Ok(()) } else { Err(answer.body) }
    });
    let paths = ["/api/v1/matrix", "/api/v1/cluster", "/"];
    paths.map(|path| figure(&format!("{path} among {nodes} nodes, median of 20"), &times(&cluster, path), limit)).into()
}

/// Two of four are frozen: at first the node waits for them, then they are known not to answer.
fn black_holes(path: &str) -> Measurement {
    let cluster = Plan::loopback(4).start();
    // So that the request comes before the node has noticed anything.
    hold(APART);
    cluster.signal(3, "STOP");
    cluster.signal(4, "STOP");
    let times = times(&cluster, path);
    cluster.signal(3, "CONT");
    cluster.signal(4, "CONT");
    Measurement::new(format!("{path} with two silent peers, longest of 20"), "ms", in_ms(longest(&times)), Some(1000.0))
        .note(format!("median {:.0} ms", in_ms(median(&times))))
}

fn times(cluster: &Cluster, path: &str) -> Vec<Duration> {
    let ask = |_| {
        hold(APART);
        let began = Instant::now();
        let answer = cluster.node(1).get(path).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        began.elapsed()
    };
    (0..QUESTIONS).map(ask).collect()
}

fn figure(what: &str, times: &[Duration], limit: f64) -> Measurement {
    Measurement::new(what, "ms", in_ms(median(times)), Some(limit))
        .note(format!("longest {:.1} ms", in_ms(longest(times))))
}
