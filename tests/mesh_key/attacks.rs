//! Somebody on the way between nodes, which mostly require a key: with nothing else, with the read token, and with a certificate of
//! the mesh where TLS is mutual, too. One without a certificate reads and sends no HTTP there (tests/tls/on_the_way.rs).

use std::time::Instant;

use super::level::{Guard, Level};
use super::proxy::{Does, Proxy, header, send, with, without};
use super::support::{Cluster, Plan, Report, SOON, check, hold, millis, seconds};

/// As long as one member that contradicts all others is believed.
pub const LONE_WORD: std::time::Duration = seconds(60);

/// A mesh in which `from` reaches `to` through the proxy.
pub fn proxied(size: usize, guard: &Guard, from: usize, to: usize) -> (Cluster, Proxy) {
    let mut cluster = Plan::loopback(size).build();
    let proxy = Proxy::to(guard, cluster.node(to).host.address);
    let url = |cluster: &Cluster, other: usize| {
        let address = if other == to { proxy.address } else { cluster.node(other).host.address };
        format!("node-{other}=http://{address}")
    };
    let peers: Vec<String> = cluster.others(from).into_iter().map(|other| url(&cluster, other)).collect();
    cluster.node_mut(from).replace_peers(&peers.join(","));
    guard.start(&mut cluster);
    cluster.settle();
    (cluster, proxy)
}

/// Rows 9 and 10 of the table of attacks: what is covered may not change, what is not may, and all that fails gets one
/// reply.
pub fn tags_that_are_not_as_they_should_be(report: &Report, level: Level) {
    let guard = Guard::new(level);
    let (cluster, proxy) = proxied(2, &guard, 1, 2);
    let address = guard.back(cluster.node(2).host.address);
    // The first one acknowledges nothing: no answer has come yet.
    let ping = check("a ping with all that a ping has came by", SOON, || {
        let ping = proxy.requests("/ping").pop().ok_or("none")?;
        if header(&ping, "heartbeat-ack").is_some() { Ok(ping) } else { Err(ping) }
    });
    let mac = header(&ping, "heartbeat-mac").expect("it is signed").to_owned();
    let tagged = |value: &str| ping.replace(&mac, value);
    let cut = |digits: usize| format!("{}{}", &mac[..mac.len() - 64], &mac[mac.len() - 64..][..digits]);
    let doubled = |name: &str, value: &str| with(&ping, &format!("{name}: {value}\r\n"));
    let node = header(&ping, "heartbeat-node").expect("a name").to_owned();
    let refused = [
        ("no tag", without(&ping, "heartbeat-mac")),
        ("a tag of 0 bytes", tagged(&cut(0))),
        ("a tag of 1 byte", tagged(&cut(2))),
        ("a tag of 16 bytes", tagged(&cut(32))),
        ("a tag of 31 bytes", tagged(&cut(62))),
        ("upper case", tagged(&mac.to_uppercase())),
        ("two tags", doubled("heartbeat-mac", &mac)),
        ("a doubled header", doubled("heartbeat-node", &node)),
        ("an added header", doubled("heartbeat-zone", "eu-1")),
        ("another state", ping.replacen("heartbeat-state: ready", "heartbeat-state: leaving", 1)),
        ("no acknowledgement", without(&ping, "heartbeat-ack")),
        ("another path", ping.replacen("/ping", "/api/v1/row", 1)),
    ];
    // The body has the time in it.
    let shape = |head: &str| without(&without(head, "date"), "content-length");
    let stranger = with("GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\n", &guard.shown());
    let (plain, _) = send(address, &stranger).expect("an answer");
    for (what, request) in &refused {
        assert_ne!(request, &ping, "{what} changes nothing");
        let (head, _) = send(address, request).unwrap_or_else(|problem| panic!("{what}: {problem}"));
        assert_eq!(header(&head, "heartbeat-mac"), None, "{what}: {head}");
        assert_eq!(shape(&head), shape(&plain), "{what}: the reply is that for a stranger");
    }
    let mut lines: Vec<&str> = ping.trim_end().split("\r\n").collect();
    lines[1..].reverse();
    let reordered = lines.join("\r\n") + "\r\n\r\n";
    let recased = ping.replace("heartbeat-", "HeartBeat-");
    let absolute = ping.replacen("GET /ping", &format!("GET http://{address}/ping"), 1);
    let proxied = doubled("x-forwarded-for", "10.0.0.1");
    // What is asked by name; its parameter may be escaped on the way, for the tag covers what it means.
    cluster.node(1).get("/why/node-2/node-1").expect("a page");
    let why = proxy.requests("/api/v1/why/node-1").pop().expect("node-1 has asked for the evidence");
    let escaped = why.replacen("/why/node-1", "/why/n%6fde%2d1", 1);
    assert_ne!(escaped, why);
    for (what, request) in [
        ("as it was", ping.clone()),
        ("reordered", reordered),
        ("recased", recased),
        ("absolute", absolute),
        ("added by a proxy", proxied),
        ("a question", why.clone()),
        ("an escaped path", escaped),
    ] {
        let (head, _) = send(address, &request).unwrap_or_else(|problem| panic!("{what}: {problem}"));
        assert!(header(&head, "heartbeat-mac").is_some(), "{what}: {head}");
    }
    let lines = cluster.logged(2, &["unverified_requests"], Instant::now() - seconds(60));
    report.say(format!("{} refused, {} log lines", refused.len(), lines.len()));
    assert!(lines.len() <= 2, "one a minute for each reason");
    cluster.assert_down_only(&[]);
}

/// Rows 7, 11 and 14: none of them is believed, none is a death, and the link recovers.
pub fn answers_that_are_changed_stripped_or_old(report: &Report, level: Level) {
    let guard = Guard::new(level);
    let (cluster, proxy) = proxied(3, &guard, 1, 2);
    for (does, reason) in
        [(Does::Falsify, "mesh_key_failed"), (Does::Replay, "mesh_key_failed"), (Does::Strip, "mesh_key_failed")]
    {
        let began = Instant::now();
        proxy.becomes(does);
        let line = cluster.await_event(1, "peer_unreachable", "node-2", began, SOON);
        report.say(format!("{does:?}: {}", line.text("sentence")));
        assert_eq!(line.text("verdict"), "unverified", "{}", line.raw);
        let labels = ["peer=\"node-2\"", &format!("reason=\"{reason}\"")].map(str::to_owned);
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let count = cluster.node(1).metrics().and_then(|scrape| scrape.value("heartbeat_ping_failures_total", &labels));
        assert!(count.as_ref().is_ok_and(|count| *count > 0.0), "{does:?}: {count:?}");
        assert_eq!(cluster.node(1).json("/api/v1/row").expect("a row")["accuses"].as_array().map_or(0, Vec::len), 0);
        proxy.becomes(Does::Pass);
        cluster.await_event(1, "peer_recovered", "node-2", began, SOON);
    }
    cluster.assert_view(3, "node-2", "alive");
    cluster.assert_down_only(&[]);
}

/// Row 14, second half: it answers in a dead node's place on one link, and the others still agree that it is down.
/// Without a key it seems to be alive there, and a broken link to the others for a minute.
pub fn a_dead_node_behind_a_faker(report: &Report, level: Level) {
    let guard = Guard::new(level);
    let (mut cluster, proxy) = proxied(4, &guard, 1, 2);
    check("an answer came by", SOON, || if proxy.requests("/ping").len() > 2 { Ok(()) } else { Err(String::new()) });
    proxy.becomes(Does::Replay);
    let killed = cluster.kill(2);
    if !level.has_key() {
        // Who hears of it from the deceived node believes in a broken link.
        for observer in [3, 4] {
            let line = cluster.await_event(observer, "peer_unreachable", "node-2", killed, SOON);
            assert_eq!(line.text("verdict"), "link_broken", "{}", line.raw);
            report.say(format!("node-{observer}: {}", line.text("sentence")));
        }
        cluster.assert_view(1, "node-2", "alive");
        // Its word, which all others contradict, counts for a minute.
        for observer in [3, 4] {
            let line = cluster.await_event(observer, "peer_down", "node-2", killed, LONE_WORD + SOON);
            let took = line.at.duration_since(killed);
            report.measured(&format!("node-{observer}: down, with a faker"), took, LONE_WORD + seconds(5));
            assert!(took > LONE_WORD / 2, "node-{observer}: {took:?}");
        }
        cluster.assert_view(1, "node-2", "alive");
        cluster.assert_down_only(&["node-2"]);
        return;
    }
    for observer in [1, 3, 4] {
        let line = cluster.await_event(observer, "peer_down", "node-2", killed, SOON);
        report.say(format!("node-{observer}: {}", line.text("sentence")));
    }
    cluster.assert_down_only(&["node-2"]);
}

/// Rows 1, 3, 4 and 12, and stream requests played 200 times: nothing of it is proof, and no place is taken.
pub fn pings_and_streams_played_again(report: &Report, level: Level) {
    let guard = Guard::new(level);
    // node-2's requests to node-1 come by.
    let (cluster, proxy) = proxied(3, &guard, 2, 1);
    let [one, three] = [1, 3].map(|number| guard.back(cluster.node(number).host.address));
    let stream = proxy.requests("/api/v1/events").pop().expect("a stream was opened");
    let played: usize = (0..200).map(|_| usize::from(send(one, &stream).is_ok())).sum();
    let peers = cluster.node(1).peer("node-2").expect("is watched");
    assert_eq!(peers["state"], "alive", "{peers}");
    check("node-2 still has its stream", SOON, || {
        let peer = cluster.node(2).peer("node-1")?;
        if peer["streaming"] == true { Ok(()) } else { Err(peer.to_string()) }
    });
    check("60 pings came by", SOON * 2, || {
        let count = proxy.requests("/ping").len();
        if count >= 20 { Ok(()) } else { Err(format!("{count}")) }
    });
    // Frozen, so that the wait is long enough to play a lot in it.
    let killed = cluster.signal(2, "STOP");
    let pings = proxy.requests("/ping");
    // All that this node has counted already; its last sign of life is no newer for a copy.
    let newest = pings.iter().rev().take(60).rev();
    let ping = pings.last().expect("pings came by");
    let age = |what: &str| {
        let peer = cluster.node(1).peer("node-2").expect("is watched");
        peer["last_proof_ms"].as_u64().unwrap_or_else(|| panic!("{what}: {peer}"))
    };
    let before = (Instant::now(), age("before"));
    send(one, ping).expect("it is answered");
    let (passed, after) = (before.0.elapsed(), age("after"));
    assert!(after >= before.1, "a copy counted: {} ms before, {after} ms after, {passed:?} apart", before.1);
    let mut sent = 0;
    for ping in newest.cycle() {
        let _ = (send(one, ping), send(three, ping));
        sent += 1;
        hold(millis(100));
        let told = |observer: usize| !cluster.logged(observer, &["peer_down"], killed).is_empty();
        if told(1) && told(3) {
            break;
        }
        assert!(killed.elapsed() < SOON, "recorded pings keep node-2 alive");
    }
    for observer in [1, 3] {
        let line = cluster.await_event(observer, "peer_down", "node-2", killed, SOON);
        report.say(format!("node-{observer}: {}, after {:?}", line.text("sentence"), line.at.duration_since(killed)));
    }
    report.say(format!("{played} streams and {sent} pings were played"));
    cluster.assert_down_only(&["node-2"]);
}

/// A mesh of three in which node-1 reaches node-3 through the proxy and knows it by its address only.
fn unpinned(guard: &Guard) -> (Cluster, Proxy) {
    let mut cluster = Plan::loopback(3).build();
    let proxy = Proxy::to(guard, cluster.node(3).host.address);
    let peers = format!("node-2=http://{},http://{}", cluster.node(2).host.address, proxy.address);
    cluster.node_mut(1).replace_peers(&peers);
    guard.start(&mut cluster);
    check("every node knows both others", SOON, || {
        let alive = |number: usize| -> Result<usize, String> {
            let view = cluster.node(number).json("/api/v1/peers")?;
            Ok(view["peers"].as_array().into_iter().flatten().filter(|peer| peer["state"] == "alive").count())
        };
        let counts: Vec<usize> = cluster.numbers().into_iter().map(alive).collect::<Result<_, _>>()?;
        if counts == [2, 2, 2] { Ok(()) } else { Err(format!("{counts:?}")) }
    });
    (cluster, proxy)
}

/// What node-1 says of the peer of this name is in this state.
fn named(cluster: &Cluster, name: &str, state: &str) -> Result<(), String> {
    let view = cluster.node(1).json("/api/v1/peers")?;
    let found = view["peers"].as_array().into_iter().flatten().find(|peer| peer["node"] == name);
    if found.is_some_and(|peer| peer["state"] == state) { Ok(()) } else { Err(view.to_string()) }
}

/// Row 5 (its own pings come back to it) and row 6 (another member answers them): the answers are genuine and signed for
/// these very requests. Both are conflicts: the peer stays watched and is not kept alive, so its death is reported.
pub fn answers_of_another_member(report: &Report, level: Level) {
    for (row, answers) in [(5, 1), (6, 2)] {
        let guard = Guard::new(level);
        let (mut cluster, proxy) = unpinned(&guard);
        let began = Instant::now();
        proxy.divert("/", guard.back(cluster.node(answers).host.address));
        let line = cluster.node(1).log.wait(began, SOON, |line| line.event() == "peer_conflict");
        let said = line.map(|line| line.text("sentence")).unwrap_or_else(|| panic!("row {row}: no conflict is told"));
        report.say(format!("row {row}: {said}"));
        let row_of_one = cluster.node(1).json("/api/v1/row").expect("a row");
        let watched: Vec<&str> =
            row_of_one["peers"].as_array().into_iter().flatten().filter_map(|peer| peer["node"].as_str()).collect();
        assert_eq!(watched, ["node-2", "node-3"], "row {row}: {row_of_one}");
        let killed = cluster.kill(3);
        check("node-1 reports its death", SOON, || named(&cluster, "node-3", "dead"));
        report.say(format!("row {row}: dead at node-1 {:?} after its death", killed.elapsed()));
        cluster.await_event(2, "peer_down", "node-3", killed, SOON);
        let alive = cluster.node(1).peer("node-2").expect("is watched");
        assert_eq!(alive["state"], "alive", "row {row}: {alive}");
    }
}

/// Row 8: an answer that was held back and is released after the death of the peer delays its verdict by no more than the
/// ping timeout and two intervals.
pub fn an_answer_that_is_held_back(report: &Report, level: Level) {
    let guard = Guard::new(level);
    let (mut cluster, proxy) = proxied(3, &guard, 1, 2);
    proxy.becomes(Does::Hold);
    check("an answer is held", SOON, || if proxy.held() > 0 { Ok(()) } else { Err(String::new()) });
    let killed = cluster.kill(2);
    // Nearly the ping timeout, after which nobody waits for it.
    hold(millis(1500));
    let released = Instant::now();
    proxy.becomes(Does::Pass);
    let line = cluster.await_event(1, "peer_down", "node-2", killed, SOON);
    let took = line.at.duration_since(killed);
    report.say(format!("released after {:?}: {}", released.duration_since(killed), line.text("sentence")));
    // Who is on the way accepts connections for a dead node, so the wait is the longest, 10 s. The ping timeout is 2 s, the
    // interval 1 s with its jitter; a second is for the machine.
    let limit = seconds(10) + seconds(2) + millis(2200) + seconds(1);
    report.measured("down, with a held answer", took, limit);
    // The figure is printed; what is asserted leaves a busy machine some time.
    assert!(took <= limit + seconds(5), "{took:?}: it delays the verdict for longer");
    cluster.assert_down_only(&["node-2"]);
}

/// Row 13: all questions of node-1 reach one witness, whatever node they are for. It counts as one; without a
/// key, as each of those that were asked.
pub fn questions_to_one_witness(report: &Report, level: Level) {
    let guard = Guard::new(level);
    let mut cluster = Plan::loopback(5).build();
    let to = |number: usize| Proxy::to(&guard, cluster.node(number).host.address);
    let proxies = [to(3), to(4), to(5)];
    let at = [cluster.node(2).host.address, proxies[0].address, proxies[1].address, proxies[2].address];
    let peers: Vec<String> = at.iter().zip(2..).map(|(at, number)| format!("node-{number}=http://{at}")).collect();
    cluster.node_mut(1).replace_peers(&peers.join(","));
    guard.start(&mut cluster);
    cluster.settle();
    let two = guard.back(cluster.node(2).host.address);
    proxies[0].divert("/api/v1/witness/", two);
    proxies[1].divert("/api/v1/witness/", two);
    // node-1 alone cannot reach node-5: the port is taken, and nothing listens there.
    let nowhere = tokio::net::TcpSocket::new_v4().expect("a socket");
    nowhere.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let began = Instant::now();
    proxies[2].divert("/", nowhere.local_addr().expect("bound"));
    cluster.await_event(1, "peer_unreachable", "node-5", began, SOON);
    let counted: &[&str] = if level.has_key() { &["node-2"] } else { &["node-2", "node-3", "node-4"] };
    // The first answer is enough for the verdict; the others may still be on their way.
    check("the witnesses that count", SOON, || {
        let peer = cluster.node(1).peer("node-5").expect("is watched");
        let witnesses = peer["witnesses"].as_array().into_iter().flatten();
        let mut vouching: Vec<&str> = witnesses
            .filter(|witness| witness["said"] == "answered")
            .filter_map(|witness| witness["witness"].as_str())
            .collect();
        vouching.sort_unstable();
        if vouching == counted { Ok(()) } else { Err(format!("{vouching:?}, not {counted:?}: {peer}")) }
    });
    let asked: usize = proxies[..2].iter().map(|proxy| proxy.requests_below("/api/v1/witness/node-5/").len()).sum();
    assert!(asked >= 2, "node-3 and node-4 were asked, too");
    report.say(format!("{asked} questions went to node-2 that were for others; {} count", counted.join(", ")));
    cluster.assert_down_only(&[]);
}

/// Without a key an answer says what somebody on the way makes it say: that a node leaves. The next true one ends it.
pub fn a_changed_answer_without_a_key(report: &Report, level: Level) {
    let guard = Guard::new(level);
    let (cluster, proxy) = proxied(3, &guard, 1, 2);
    let began = Instant::now();
    proxy.becomes(Does::Goodbye);
    let line = cluster.await_event(1, "peer_left", "node-2", began, SOON);
    report.say(line.text("sentence"));
    cluster.assert_view(3, "node-2", "alive");
    proxy.becomes(Does::Pass);
    let line = cluster.await_event(1, "peer_returned", "node-2", began, SOON);
    report.say(line.text("sentence"));
    cluster.settle();
    cluster.assert_down_only(&[]);
}
