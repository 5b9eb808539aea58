//! Members that lie: one that has the key, whose word counts for what one word counts, and one that lacks it, whose word
//! counts for nothing.

use super::attacks::LONE_WORD;
use super::level::{Guard, Level};
use super::support::fake::FakePeer;
use super::support::{Cluster, Line, Plan, Report, SOON, check, hold, seconds};

/// Its boot, which its testimonies name.
const BOOT: &str = "00000000000fa4ed";

/// It lists a thousand nodes that do not exist.
fn give_ghosts(liar: &FakePeer) {
    let ghost = |n: u32| {
        format!(
            r#"{{"node":"ghost-{n}","key":null,"boot":"00000000000000aa","state":"dead","verdict":"down","state_age_ms":5000}}"#
        )
    };
    let ghosts: Vec<String> = (0..1000).map(ghost).collect();
    liar.give_row(&format!(
        r#"{{"node":"bad","boot":"{BOOT}","seq":60000,"state":"ready","stalled":false,"new":1,"peers":[{}]}}"#,
        ghosts.join(",")
    ));
}

fn testimony(said: &str) -> String {
    format!(r#"{{{said},"witness":"bad","witness_boot":"{BOOT}"}}"#)
}

/// Three nodes that all watch `liar`.
fn mesh(guard: &Guard, liar: &FakePeer) -> Cluster {
    let mut cluster = Plan::loopback(3).watching(&liar.name, guard.front(liar.address)).build();
    guard.start(&mut cluster);
    cluster.settle();
    cluster
}

fn boot_of(cluster: &Cluster, subject: &str) -> String {
    cluster.node(1).peer(subject).expect("is watched")["boot"].as_str().expect("a boot").to_owned()
}

/// The names in node-1's view of the mesh.
fn members(view: &serde_json::Value) -> Vec<&str> {
    view["nodes"].as_array().into_iter().flatten().filter_map(|node| node["node"].as_str()).collect()
}

/// Its row names nodes that do not exist, it accuses a node that runs, and says as a witness that a frozen one has left. A
/// death takes a quorum, and a goodbye by hearsay two words, so none of it counts alone.
pub fn a_member_with_the_key_that_lies(report: &Report, level: Level) {
    let (guard, liar) = (Guard::new(level), FakePeer::start("bad"));
    liar.sign_with(&guard.key().expect("nodes have one"));
    give_ghosts(&liar);
    liar.testify(&testimony(r#""testimony":"left""#));
    let cluster = mesh(&guard, &liar);
    let view = check("node-1 has its row, and no ghost of it", SOON, || {
        let view = cluster.node(1).json("/api/v1/cluster")?;
        let text = view.to_string();
        if text.contains("ghost-0, ghost-1, ghost-2, 997 more") { Ok(view) } else { Err(text) }
    });
    assert_eq!(members(&view), ["bad", "node-1", "node-2", "node-3"]);
    liar.accuse("node-2", &boot_of(&cluster, "node-2"));
    check("node-1 hears the accusation", SOON, || {
        let peer = cluster.node(1).peer("node-2")?;
        if peer["accusers"].to_string().contains("bad") { Ok(()) } else { Err(peer.to_string()) }
    });
    // It watches node-3, so that its word of it counts as one, and it accuses it as well.
    let boot = boot_of(&cluster, "node-3");
    liar.watch("node-3", &boot);
    liar.accuse("node-3", &boot);
    // What it says is repeated with each answer.
    hold(seconds(3));
    for observer in [1, 3] {
        cluster.assert_view(observer, "node-2", "alive");
    }
    // A crash is settled at once; whether a frozen node is down is open for the length of its wait.
    let frozen = cluster.signal(3, "STOP");
    for observer in [1, 2] {
        let ended = |line: &Line| line.is("peer_down", "node-3") || line.is("peer_left", "node-3");
        let line = cluster.node(observer).log.wait(frozen, SOON, ended).expect("its end is told");
        assert_eq!((line.event(), &*line.text("verdict")), ("peer_down", "down"), "{}", line.raw);
        report.say(format!("node-{observer}: {}", line.text("sentence")));
    }
    assert!(liar.streams_asked() > 0, "it is a peer, so its news is asked for");
    cluster.assert_down_only(&["node-3"]);
}

/// A member that says as a witness that it reaches a dead node is believed for a minute, as the link of the others may be
/// what is broken. Then it is named, and the node is down.
pub fn a_member_that_vouches_for_a_dead_node(report: &Report, level: Level) {
    let (guard, liar) = (Guard::new(level), FakePeer::start("bad"));
    if let Some(key) = guard.key() {
        liar.sign_with(&key);
    }
    let mut cluster = mesh(&guard, &liar);
    let boot = boot_of(&cluster, "node-3");
    liar.testify(&testimony(&format!(r#""testimony":"answered","boot":"{boot}""#)));
    let killed = cluster.kill(3);
    let is_lone_vouch = |line: &Line| line.is("peer_conflict", "node-3") && line.text("sentence").contains("bad");
    for observer in [1, 2] {
        let down = cluster.await_event(observer, "peer_down", "node-3", killed, LONE_WORD + SOON);
        let took = down.at.duration_since(killed);
        report.measured(&format!("node-{observer}: down, with one that vouches"), took, LONE_WORD + seconds(5));
        assert!(took > LONE_WORD - seconds(10), "node-{observer} does not listen to witnesses: {took:?}");
        let named = cluster.node(observer).log.wait(killed, SOON, is_lone_vouch);
        report.say(named.unwrap_or_else(|| panic!("node-{observer} does not name it")).text("sentence"));
    }
    cluster.assert_down_only(&["node-3"]);
}

/// The same words without the key: it is nobody's death and nobody's witness, its row is not read, and it gets no stream.
pub fn a_peer_without_the_key_that_lies(report: &Report, level: Level) {
    let (guard, liar) = (Guard::new(level), FakePeer::start("bad"));
    give_ghosts(&liar);
    let mut cluster = mesh(&guard, &liar);
    let boot = boot_of(&cluster, "node-3");
    liar.testify(&testimony(&format!(r#""testimony":"answered","boot":"{boot}""#)));
    liar.accuse("node-2", &boot_of(&cluster, "node-2"));
    check("node-1 counts its answers, which lack the key", SOON, || {
        let labels = ["peer=\"bad\"", "reason=\"mesh_key_missing\""];
        match cluster.node(1).metrics()?.value("heartbeat_ping_failures_total", &labels)? {
            ..3.0 => Err("few yet".to_owned()),
            count => Ok(count),
        }
    });
    let view = cluster.node(1).json("/api/v1/cluster").expect("a view");
    assert!(!view.to_string().contains("ghost-"), "its row counts: {view}");
    let peer = cluster.node(1).peer("node-2").expect("is watched");
    assert!(peer["state"] == "alive" && !peer["accusers"].to_string().contains("bad"), "it accuses: {peer}");
    let killed = cluster.kill(3);
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_down", "node-3", killed, SOON);
        assert_eq!(line.text("verdict"), "down", "{}", line.raw);
        let took = line.at.duration_since(killed);
        report.say(format!("node-{observer}: {}, after {took:?}", line.text("sentence")));
        assert!(took < LONE_WORD / 2, "node-{observer} listens to it");
    }
    assert_eq!(liar.streams_asked(), 0, "a stream was opened to it");
    cluster.assert_down_only(&["node-3"]);
}
