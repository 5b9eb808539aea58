//! Callers that guess tokens and that take what is for peers. They are on a host of their own, as an address of this
//! machine is no stranger's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::attack::{Attack, ask_once};
use super::level::Level;
use super::support::door::Door;
use super::support::{Cluster, Network, Plan, Report, SOON, check, hold, millis, seconds};

const TOKEN: &str = "correct-horse-battery";

/// Three nodes, and a fourth host on which no node runs.
fn with_a_strangers_host(more: &[&str]) -> Cluster {
    let mut cluster = Plan::inside(Network::new(4)).with(more).build();
    for number in 1..=3 {
        let peers = (1..=3).filter(|other| *other != number);
        let peers: Vec<String> =
            peers.map(|other| format!("node-{other}=http://{}", cluster.node(other).host.address)).collect();
        cluster.node_mut(number).replace_peers(&peers.join(","));
        cluster.node_mut(number).set_variable("HEARTBEAT_TOKEN", TOKEN);
        cluster.start(number);
    }
    cluster.settle_among(&[1, 2, 3]);
    cluster
}

/// One request on a connection of its own; the status of its answer. `None`: there is none within five seconds.
fn status(address: SocketAddr, request: &str) -> Option<u16> {
    ask_once(address, request, seconds(5)).ok().map(|(_, status)| status)
}

/// The log says from where maintenance was changed, and from where tokens are tried: once a minute.
pub fn guessed_tokens(report: &Report, _: Level) {
    let cluster = with_a_strangers_host(&[]);
    let (began, node) = (Instant::now(), cluster.node(1).host.address);
    let [stranger, operator] = [4, 2].map(|number| Door::to(&cluster.network().namespace(number), node));
    let change = |method: &str, token: &str, body: &str| {
        format!(
            "{method} /api/v1/maintenance HTTP/1.1\r\nhost: {node}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let wrong = change("DELETE", "correct-horse-batterz", "");
    check("the door is open", SOON, || status(stranger.address, &wrong).ok_or_else(|| "no answer".to_owned()));
    let mut attack = Attack::new("answers to wrong tokens");
    for _ in 0..20 {
        let (address, wrong) = (stranger.address, wrong.clone());
        attack.thread(move |order| {
            while order.goes_on() {
                order.count(u64::from(status(address, &wrong) == Some(401)));
            }
        });
    }
    hold(seconds(4));
    // The right token is not slowed down meanwhile, and nobody but its owner changes anything.
    for (method, body, what) in [("POST", r#"{"reason":"new disk"}"#, "began or changed"), ("DELETE", "", "ended")] {
        let asked = Instant::now();
        assert_eq!(status(operator.address, &change(method, TOKEN, body)), Some(200), "{method}");
        report.measured("the right token while others are tried", asked.elapsed(), millis(500));
        // A wrong one waits for 3 s.
        assert!(asked.elapsed() < seconds(3), "{method}: {:?}", asked.elapsed());
        let line = cluster.node(1).log.wait(asked, SOON, |line| line.event() == "maintenance_requested");
        let line = line.unwrap_or_else(|| panic!("nothing about the change in {}", cluster.node(1).log_text()));
        assert_eq!(line.text("from"), "10.99.0.2", "{}", line.raw);
        assert_eq!(line.text("sentence"), format!("maintenance {what} at the request of 10.99.0.2"));
    }
    report.say(attack.end());
    let told = cluster.logged(1, &["token_refused"], began);
    report.say(format!("{} lines about them in {:.1} s", told.len(), began.elapsed().as_secs_f64()));
    let minutes = began.elapsed().as_secs() / 60 + 1;
    assert!((1..=minutes).contains(&(told.len() as u64)), "{} warnings in {minutes} minutes", told.len());
    assert_eq!(
        (told[0].text("from"), told[0].text("count"), told[0].text("level")),
        ("10.99.0.4".into(), "1".into(), "warn".into())
    );
    let refused = cluster.node(1).metrics().expect("metrics").value("heartbeat_tokens_refused_total", &[]);
    report.say(format!("{refused:?} were refused"));
    assert!(refused.expect("a series") >= 10.0, "they were tried");
    cluster.assert_down_only(&[]);
}

/// A peer's question is answered while a stranger, in the name of a peer, asks as many as it can.
pub fn questions_without_pause(report: &Report, _: Level) {
    let cluster = with_a_strangers_host(&["--wait-stalled=60s"]);
    let node = cluster.node(1).host.address;
    let [stranger, peer] = [4, 2].map(|number| Door::to(&cluster.network().namespace(number), node));
    let boot =
        |name: &str| cluster.node(1).peer(name).expect("is watched")["boot"].as_str().expect("a boot").to_owned();
    let question = format!(
        "GET /api/v1/witness/node-3/{} HTTP/1.1\r\nhost: {node}\r\nconnection: close\r\nheartbeat-node: node-2\r\n\
         heartbeat-boot: {}\r\nheartbeat-seq: 1\r\n\r\n",
        boot("node-3"),
        boot("node-2")
    );
    for door in [&stranger, &peer] {
        check("the door is open", SOON, || match status(door.address, &question) {
            Some(200) => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
    // From now on a question takes as long as a ping that is not answered.
    let frozen = cluster.signal(3, "STOP");
    let refused = Arc::new(AtomicU64::new(0));
    let mut attack = Attack::new("questions of a stranger");
    for _ in 0..80 {
        let (address, question, refused) = (stranger.address, question.clone(), Arc::clone(&refused));
        attack.thread(move |order| {
            while order.goes_on() {
                match status(address, &question) {
                    Some(429) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                        hold(millis(50));
                    }
                    _ => hold(millis(1)),
                }
                order.count(1);
            }
        });
    }
    check("the stranger has all that it may have", SOON, || {
        if refused.load(Ordering::Relaxed) > 80 { Ok(()) } else { Err(format!("{refused:?} were refused")) }
    });
    let answers: Vec<_> = (0..3).map(|_| status(peer.address, &question)).collect();
    report.say(format!("the peer's questions: {answers:?}, after {:.1} s", frozen.elapsed().as_secs_f64()));
    report.say(format!("{}, {} of them refused", attack.end(), refused.load(Ordering::Relaxed)));
    cluster.signal(3, "CONT");
    assert!(answers.iter().all(|answer| *answer == Some(200)), "{answers:?}");
    cluster.await_fresh_answers(&[1, 2, 3]);
    cluster.assert_down_only(&[]);
}
