//! Nodes behind a name (`dns+https://`): their certificates must be for that name, not for the address that it leads to.

use std::time::Instant;

use super::kit::certificates::{Authority, Folder, Valid};
use super::kit::client::door_to;
use super::support::names::{NAME, Names, ip};
use super::support::node::{Node, summary};
use super::support::{Report, SOON, check};

/// A node on 127.0.0.NUMBER that watches who is behind the name. Its certificate is for `host`, and for its address.
fn node(names: &Names, folder: &Folder, authority: &Authority, number: u8, host: &str) -> Node {
    let (name, at) = (format!("node-{number}"), ip(number));
    let mut arguments = vec![format!("--address={at}"), format!("--peers=dns+https://{NAME}")];
    arguments.extend(folder.identity(&name, &authority.certificate(&[host, &at.to_string()], Valid::Now)));
    // Written once, or a node that starts could read half of it.
    let ca = folder.path("ca.crt").to_str().expect("UTF-8").to_owned();
    arguments.extend(["--tls-ca-file", &ca, "--tls-client-ca-file", &ca].map(str::to_owned));
    let mut node = Node::new(names.host(&name, number), arguments);
    node.set_entrance(door_to(node.reached_at(), at.into(), &authority.pem));
    node
}

#[track_caller]
fn await_peers(node: &Node, expected: &str) {
    check(&format!("{} sees {expected:?}", node.host.name), SOON, || {
        let view = node.json("/api/v1/peers")?;
        let peers = view["peers"].as_array().ok_or("no peers")?;
        let mut seen: Vec<String> =
            peers.iter().map(|peer| format!("{} {}", peer["key"].as_str().unwrap_or("?"), summary(peer))).collect();
        seen.sort();
        if seen.join(", ") == expected { Ok(()) } else { Err(seen.join(", ")) }
    });
}

/// Who has a certificate for the name is found, watched and reported; who has one for its address alone is nobody, until it
/// comes back with the right one.
pub fn nodes_behind_a_name(report: &Report) {
    let (folder, authority) = (Folder::new("names"), Authority::new("mesh"));
    folder.write("ca.crt", &authority.pem);
    let names = Names::new(&[1, 2, 3]);
    let start = |number, host| {
        let mut node = node(&names, &folder, &authority, number, host);
        node.start();
        node
    };
    let (one, two) = (start(1, NAME), start(2, NAME));
    let mut three = start(3, "elsewhere.test");
    let at_three = || {
        let discovery = one.json("/api/v1/node")?["discovery"].clone();
        let found = discovery["candidates"].as_array().into_iter().flatten();
        let mut found = found.filter(|candidate| candidate["address"] == "127.0.0.3:8001");
        found.next().cloned().ok_or_else(|| discovery.to_string())
    };
    let flaw = check("what answers at 127.0.0.3 is nobody, and it is said why", SOON, || {
        let candidate = at_three().map_err(|problem| format!("{problem}\n{}", one.log_text()))?;
        let flaw = candidate["flaw"].as_str().unwrap_or_default();
        let is_said = candidate["evidence"] == "invalid" && flaw == "its certificate is for another host";
        if is_said { Ok(flaw.to_owned()) } else { Err(candidate.to_string()) }
    });
    report.say(format!("127.0.0.3: {flaw}"));
    await_peers(&one, "node-2 alive");
    await_peers(&two, "node-1 alive");
    // It believes the others, whose certificates are right.
    await_peers(&three, "node-1 alive, node-2 alive");

    three.kill();
    let (began, mut three) = (Instant::now(), start(3, NAME));
    await_peers(&one, "node-2 alive, node-3 alive");
    await_peers(&two, "node-1 alive, node-3 alive");
    report.say(format!("with the right name it is known after {:?}", began.elapsed()));

    let killed = three.kill();
    for observer in [&one, &two] {
        let line = observer.log.wait(killed, SOON, |line| line.event() == "peer_down" && line.text("peer") == "node-3");
        let line = line.unwrap_or_else(|| panic!("{} does not report it: {}", observer.host.name, observer.log_text()));
        report.say(format!("{}: {}", observer.host.name, line.text("sentence")));
    }
}
