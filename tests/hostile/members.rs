//! Members that lie: one that is another node with each answer, and one whose word about others is false.

use std::io::{Read, Write};
use std::time::Instant;

use super::attack::Attack;
use super::level::{Guard, Level, Target};
use super::siege::form;
use super::support::door::Door;
use super::support::fake::{FakePeer, Manner};
use super::support::{Cluster, Network, Plan, Report, SOON, check, hold, millis, seconds};

/// An address behind a name answers under a new name and boot each time.
pub fn a_new_name_with_each_answer(report: &Report, level: Level) {
    let factory = FakePeer::start("f");
    factory.become_one_that(Manner::NewNames);
    let (guard, mut cluster) = (Guard::new(level), Plan::loopback(3).with(&["--wait-stalled=5s"]).build());
    let address = guard.front(factory.address);
    for number in cluster.numbers() {
        let url = |other: usize| format!("node-{other}=http://{}", cluster.node(other).host.address);
        let mut peers: Vec<String> = cluster.others(number).into_iter().map(url).collect();
        peers.push(format!("dns+http://localhost:{}", address.port()));
        cluster.node_mut(number).replace_peers(&peers.join(","));
    }
    let began = Instant::now();
    guard.start(&mut cluster);
    cluster.settle();
    let span = match form().is_long {
        true => seconds(180),
        // Without the key it is nobody, however long it goes on.
        false => seconds(if level.has_key() { 8 } else { 20 }),
    };
    hold(span.saturating_sub(began.elapsed()));
    let minutes = 1 + usize::try_from(span.as_secs() / 60).expect("a few");
    for number in cluster.numbers() {
        let of = |events: &[&str]| -> usize {
            let lines = cluster.logged(number, events, began);
            lines.iter().filter(|line| line.text("peer").starts_with("f-")).count()
        };
        let (joined, conflicts, down) = (of(&["peer_joined"]), of(&["peer_conflict"]), of(&["peer_down"]));
        report.say(format!("node-{number}: {joined} joined, {conflicts} conflicts, {down} down"));
        let allowed = if level.has_key() { 0 } else { 1 + minutes };
        assert!(joined <= allowed, "one new name a minute and address, and none without the key");
        assert!(conflicts <= joined, "each is told once");
    }
    report.say(format!("{} answers under new names", factory.new_names()));
    assert!(factory.new_names() > 3, "it was asked");
    assert_crash_is_reported(&mut cluster);
}

/// It answers for itself, says as a witness that each peer has left, and lists a thousand nodes that do not exist.
pub fn a_member_that_says_what_is_not(report: &Report, level: Level) {
    let liar = FakePeer::start("bad");
    liar.testify(r#"{"testimony":"left"}"#);
    let ghost = |n: u32| {
        format!(
            r#"{{"node":"ghost-{n}","key":null,"boot":"00000000000000aa","state":"dead","verdict":"down","state_age_ms":5000}}"#
        )
    };
    let ghosts: Vec<String> = (0..1000).map(ghost).collect();
    liar.give_row(&format!(
        r#"{{"node":"bad","boot":"00000000000fa4ed","seq":60000,"state":"ready","stalled":false,"new":1,"peers":[{}]}}"#,
        ghosts.join(",")
    ));
    let guard = Guard::new(level);
    let mut cluster = Plan::loopback(3).watching(&liar.name, guard.front(liar.address)).build();
    start(&guard, &mut cluster);
    let view = check("node-1 has its row", SOON, || {
        let view = cluster.node(1).json("/api/v1/cluster")?;
        let text = view.to_string();
        if text.contains("ghost-0, ghost-1, ghost-2, 997 more") { Ok(view) } else { Err(text) }
    });
    let names: Vec<&str> =
        view["nodes"].as_array().expect("nodes").iter().filter_map(|node| node["node"].as_str()).collect();
    report.say(format!("members at node-1: {}", names.join(", ")));
    assert_eq!(names, ["bad", "node-1", "node-2", "node-3"]);
    assert_crash_is_reported(&mut cluster);
}

/// From another host than that of the dead node. From its own nothing tells such a ping from one of the node.
pub fn pings_in_the_name_of_a_dead_node(report: &Report, level: Level) {
    let (guard, mut cluster) = (Guard::new(level), Plan::inside(Network::new(3)).build());
    start(&guard, &mut cluster);
    let boot = cluster.node(1).peer("node-3").expect("is watched")["boot"].as_str().expect("a boot").to_owned();
    let request = format!(
        "GET /ping HTTP/1.1\r\nhost: x\r\nheartbeat-node: node-3\r\nheartbeat-boot: {boot}\r\n\
         heartbeat-seq: 99999\r\nheartbeat-state: ready\r\n\r\n"
    );
    let doors: Vec<Door> = [1, 2]
        .map(|observer| Door::to(&cluster.network().namespace(3 - observer), cluster.node(observer).host.address))
        .into();
    let mut attack = Attack::new("pings in the name of node-3");
    for (observer, door) in [1, 2].into_iter().zip(&doors) {
        let target = guard.target(door.address, cluster.node(observer).host.address.ip());
        let request = request.clone();
        attack.thread(move |order| {
            while order.goes_on() {
                order.count(u64::from(is_answered(&target, &request)));
                hold(millis(200));
            }
        });
    }
    hold(seconds(2));
    let killed = cluster.kill(3);
    let took = cluster.last_to_log(&[1, 2], "peer_down", "node-3", killed);
    hold(seconds(3));
    cluster.assert_view(1, "node-3", "dead/down");
    report.say(attack.end());
    report.measured("a dead node in whose name somebody pings", took, seconds(3));
}

fn start(guard: &Guard, cluster: &mut Cluster) {
    guard.arm(cluster);
    cluster.start_all();
    cluster.settle();
}

fn is_answered(target: &Target, request: &str) -> bool {
    let Ok(mut stream) = target.connect() else { return false };
    let _ = stream.tcp().set_read_timeout(Some(seconds(2)));
    let mut answer = [0; 15];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer == *b"HTTP/1.1 200 OK"
}

#[track_caller]
fn assert_crash_is_reported(cluster: &mut Cluster) {
    let killed = cluster.kill(3);
    for observer in [1, 2] {
        cluster.await_event(observer, "peer_down", "node-3", killed, SOON);
    }
}
