//! Meshes that have a key, get one, exchange it, and nodes that do not have it.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::attack::{Attack, request};
use super::keys::{Folder, failed_pings, mesh, python_ping};
use super::level::{Guard, Level};
use super::support::{Cluster, Plan, Report, SOON, check, hold, keygen, millis};

/// What would be a false alarm while keys are exchanged.
const ALARMS: [&str; 4] = ["peer_down", "peer_unreachable", "peer_never_seen", "self_cut_off"];

/// A mesh of three works as one without a key, streams included, and nothing shows the key.
pub fn a_mesh_with_a_key(report: &Report) {
    let folder = Folder::new("mesh");
    let key = keygen();
    let file = folder.write("keys", &[&key]);
    let mut cluster = mesh(3, &file).start();
    let address = cluster.node(1).host.address;
    assert!(python_ping(address, &file), "the other implementation and this one agree");
    assert!(!python_ping(address, &folder.write("other", &[&keygen()])), "a stranger's answer is not signed");
    check("the mesh is whole, with rows of all", SOON, || {
        let view = cluster.node(1).json("/api/v1/cluster")?;
        if view["whole"] == true { Ok(()) } else { Err(view.to_string()) }
    });
    assert_eq!(failed_pings(&cluster, "mesh_key"), [""; 0]);
    let killed = cluster.kill(3);
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_down", "node-3", killed, SOON);
        assert_eq!(line.text("verdict"), "down", "both agree: {}", line.raw);
        report.say(format!("node-{observer}: down after {:?}", line.at.duration_since(killed)));
    }
    for number in [1, 2] {
        let node = cluster.node(number);
        let shown = ["/api/v1/config", "/api/v1/node", "/api/v1/row", "/metrics", "/"]
            .map(|path| node.get(path).map(|response| response.body).unwrap_or_default());
        assert!(shown.iter().all(|text| !text.is_empty() && !text.contains(&key)), "node-{number} shows the key");
        assert!(!node.log_text().contains(&key), "the log of node-{number} shows the key");
    }
    cluster.assert_down_only(&["node-3"]);
}

/// Who has another key or none is not believed, is told what is wrong, and is nobody's death.
pub fn nodes_with_another_key_and_with_none(report: &Report) {
    let folder = Folder::new("lack");
    let (key, other) = (keygen(), keygen());
    let file = folder.write("keys", &[&key]);
    let mut plan = mesh(4, &file).build();
    let began = Instant::now();
    plan.start(1);
    plan.start(2);
    plan.node_mut(3).replace_argument("--mesh-key-file", &folder.write("other", &[&other]));
    plan.start(3);
    plan.node_mut(4).remove_argument("--mesh-key-file");
    plan.start(4);
    plan.settle_among(&[1, 2]);
    for (subject, reason) in [("node-3", "mesh_key_different"), ("node-4", "mesh_key_missing")] {
        check(&format!("node-1 counts {reason} of {subject}"), SOON, || {
            let labels = [format!("peer=\"{subject}\""), format!("reason=\"{reason}\"")];
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            match plan.node(1).metrics()?.value("heartbeat_ping_failures_total", &labels)? {
                0.0 => Err("none yet".to_owned()),
                count => Ok(count),
            }
        });
        let line = plan.await_event(1, "peer_never_seen", subject, began, SOON);
        report.say(line.text("sentence"));
    }
    for reason in ["different", "missing"] {
        let line = plan
            .node(1)
            .log
            .wait(began, SOON, |line| line.event() == "unverified_requests" && line.text("reason") == reason);
        report.say(line.expect("who lacks the key is told of").text("sentence"));
    }
    // The node without a key believes all who answer: that is what no key means.
    plan.await_view(4, "node-1", "alive", SOON);
    // With the right key it joins as if nothing had been.
    plan.kill(3);
    plan.node_mut(3).replace_argument("--mesh-key-file", &file);
    plan.start(3);
    plan.settle_among(&[1, 2, 3]);
    plan.assert_down_only(&[]);
}

/// Old key, both, new key first, new key: no failed ping, no alarm.
pub fn keys_are_exchanged_while_the_mesh_runs(report: &Report, level: Level) {
    let folder = Folder::new(&format!("rotation-{}", level.name()));
    let (old, new) = (keygen(), keygen());
    let file = folder.publish("..1", &[&old]);
    let (guard, mut cluster) = (Guard::new(level), Plan::loopback(3).build());
    guard.arm_with(&mut cluster, &file);
    cluster.start_all();
    cluster.settle();
    let began = Instant::now();
    let first = shown_by_verify(&guard, &cluster);
    assert!(first.starts_with("all 3 nodes sign with the mesh key ") && !first.contains("know"), "{first}");
    let mut shown = vec![first];
    for (version, step) in [("..2", &[&*old, &new][..]), ("..3", &[&*new, &old]), ("..4", &[&*new])] {
        let written = Instant::now();
        folder.publish(version, step);
        for number in cluster.numbers() {
            let line = cluster.node(number).log.wait(written, SOON, |line| line.event() == "mesh_keys_changed");
            line.unwrap_or_else(|| panic!("node-{number} has not read the new keys"));
        }
        report.say(format!("{} keys in use everywhere after {:?}", step.len(), written.elapsed()));
        shown.push(shown_by_verify(&guard, &cluster));
        report.say(shown.last().expect("pushed"));
    }
    let id = |text: &str| text.rsplit(' ').next().unwrap_or_default().to_owned();
    let (old_id, new_id) = (id(&shown[0]), id(&shown[3]));
    let all = "all 3 nodes sign with the mesh key";
    let known = [format!("{all} {old_id} and know {new_id}"), format!("{all} {new_id} and know {old_id}")];
    assert_eq!(shown[1..3], known, "each step can be followed");
    cluster.settle();
    let [one, two] = [1, 2].map(|number| guard.back(cluster.node(number).host.address));
    assert!(python_ping(two, &file));
    assert!(!python_ping(two, &folder.write("old", &[&old])), "the old key is a stranger's");
    // A torn file, an empty one and a pipe change nothing, and nothing waits for them.
    let in_hand = folder.write("new", &[&new]);
    for bad in ["torn", "empty", "pipe"] {
        let written = Instant::now();
        let _ = match bad {
            "torn" => folder.publish(bad, &[&new[..20]]),
            "empty" => folder.publish(bad, &[]),
            _ => folder.publish_pipe(bad),
        };
        for number in cluster.numbers() {
            let told = cluster.node(number).log.wait(written, SOON, |line| line.event() == "mesh_key_file_unusable");
            report.say(format!("{bad}: {}", told.expect("it is reported").text("sentence")));
        }
        assert!(python_ping(one, &in_hand), "{bad}: the key that was read before is in use");
        folder.publish("..4", &[&new]);
        for number in cluster.numbers() {
            let told = cluster.node(number).log.wait(written, SOON, |line| line.event() == "mesh_key_file_usable");
            told.unwrap_or_else(|| panic!("{bad}: node-{number} does not say that the file can be used again"));
        }
    }
    // A machine that is busy elsewhere may be late; keys are never why.
    report.say(format!("failed pings: {:?}", failed_pings(&cluster, "")));
    assert_eq!(failed_pings(&cluster, "mesh_key"), [""; 0]);
    cluster.assert_quiet(&cluster.numbers(), began);
    for (number, expected) in [(1, 0.0), (2, 1.0), (3, 0.0)] {
        let unverified = cluster.node(number).metrics().expect("it answers").sum("heartbeat_unverified_requests_total");
        assert_eq!(unverified, expected, "node-{number} was asked with the old key by this case alone");
    }
}

/// What `heartbeat verify` says of the keys, of a mesh that is whole.
fn shown_by_verify(guard: &Guard, cluster: &Cluster) -> String {
    check("verify finds the mesh whole and names its keys", SOON, || {
        let host = &cluster.node(1).host;
        let output = host.heartbeat().arg("verify").args(guard.asking(host.address)).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line =
            said.lines().find(|line| line.contains("mesh key")).map(|line| line.trim_start_matches("- ").to_owned());
        line.filter(|_| output.status.success()).ok_or(said)
    })
}

/// Answers that node NUMBER got without a tag, or with a wrong one.
fn unverified_answers(cluster: &Cluster, number: usize) -> Result<f64, String> {
    Ok(cluster.node(number).metrics()?.sum("heartbeat_unverified_answers_total"))
}

/// No key, then accept, then require, one node after the other: no failed ping but those of the restarts, no alarm.
pub fn a_key_is_introduced_while_the_mesh_runs(report: &Report) {
    let folder = Folder::new("enabling");
    let file = folder.write("keys", &[&keygen()]);
    let mut cluster = Plan::loopback(3).start();
    let began = Instant::now();
    for mode in ["accept", "require"] {
        for number in cluster.numbers() {
            cluster.signal(number, "TERM");
            cluster.node_mut(number).await_end(SOON);
            let node = cluster.node_mut(number);
            node.remove_argument("--mesh-key-file");
            node.remove_argument("--mesh-key-mode");
            node.add_arguments(&["--mesh-key-file", &file, "--mesh-key-mode", mode]);
            cluster.start(number);
            cluster.settle();
            if (mode, number) == ("accept", 1) {
                // The others have no key yet: their answers count as answers, and are counted.
                check("node-1 counts answers without a tag", SOON, || {
                    let count = unverified_answers(&cluster, 1)?;
                    if count > 0.0 { Ok(()) } else { Err(format!("{count}")) }
                });
            }
        }
        if mode == "accept" {
            assert_eq!(unverified_answers(&cluster, 3), Ok(0.0), "it started last, when all others had the key");
        }
        report.say(format!("all {mode} after {:?}", began.elapsed()));
    }
    assert!(python_ping(cluster.node(3).host.address, &file));
    assert_eq!(failed_pings(&cluster, "mesh_key"), [""; 0]);
    for number in cluster.numbers() {
        let alarms = cluster.logged(number, &ALARMS, began);
        assert!(alarms.is_empty(), "node-{number}: {}", alarms[0].raw);
    }
    // One that comes back without the key is seen, and is not dead.
    let killed = cluster.kill(3);
    cluster.await_event(1, "peer_down", "node-3", killed, SOON);
    let node = cluster.node_mut(3);
    node.remove_argument("--mesh-key-file");
    node.remove_argument("--mesh-key-mode");
    cluster.start(3);
    cluster.await_view(1, "node-3", "unreachable/unverified", SOON);
    assert!(!failed_pings(&cluster, "mesh_key_missing").is_empty());
    cluster.assert_down_only(&["node-3"]);
}

/// Handshakes of strangers with all nodes, one every 20 ms for each node, and how many of them were refused.
fn begin_load(guard: &Guard, cluster: &Cluster) -> (Attack, Arc<AtomicUsize>) {
    let (mut load, failed) = (Attack::new("handshakes with an answer each"), Arc::new(AtomicUsize::new(0)));
    for number in cluster.numbers() {
        let address = cluster.node(number).host.address;
        let (target, failed) = (guard.target(address, address.ip()), Arc::clone(&failed));
        load.thread(move |order| {
            let mut answer = [0; 12];
            while order.goes_on() {
                let mut ask = || {
                    let mut stream = target.connect()?;
                    stream.write_all(request("/livez").as_bytes())?;
                    stream.read_exact(&mut answer)
                };
                match ask() {
                    Ok(()) => order.count(1),
                    // A machine that is busy elsewhere.
                    Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
                    Err(_) => drop(failed.fetch_add(1, Ordering::Relaxed)),
                }
                hold(millis(20));
            }
        });
    }
    (load, failed)
}

/// Beside a mesh key, and while callers come without pause: new certificates, half files, a key that is not of its
/// certificate, nothing, a pipe and no file. No ping fails for them, and no caller is refused.
pub fn certificates_are_exchanged_beside_a_key(report: &Report, level: Level) {
    let (guard, mut cluster) = (Guard::new(level), Plan::loopback(3).build());
    guard.start(&mut cluster);
    cluster.settle();
    // One that starts later than the others refuses their first pings.
    let at_start = failed_pings(&cluster, "");
    let began = Instant::now();
    let (load, refused) = begin_load(&guard, &cluster);
    let told = |number: usize, event: &str, since: Instant| {
        let line = cluster.node(number).log.wait(since, SOON, |line| line.event() == event);
        line.unwrap_or_else(|| panic!("node-{number} does not log {event}"))
    };
    let mut in_use = Vec::new();
    let written = Instant::now();
    for number in cluster.numbers() {
        in_use.push(guard.certificate(&cluster, number));
        guard.renew(&cluster, number, &in_use[number - 1]);
    }
    for number in cluster.numbers() {
        told(number, "tls_files_changed", written);
    }
    report.say(format!("new certificates in use everywhere after {:?}", written.elapsed()));
    for bad in [["a torn key", "a torn certificate", "a wrong pair"], ["an empty file", "a pipe", "no file"]] {
        let written = Instant::now();
        for (number, bad) in cluster.numbers().into_iter().zip(bad) {
            spoil(&guard, &cluster, number, bad, &in_use[number - 1]);
        }
        for (number, bad) in cluster.numbers().into_iter().zip(bad) {
            report.say(format!("{bad}: {}", told(number, "tls_files_unusable", written).text("sentence")));
        }
        // What was read before is in use: who comes now is answered, and nodes hear each other.
        cluster.await_fresh_answers(&cluster.numbers());
        let mended = Instant::now();
        for number in cluster.numbers() {
            let _ = std::fs::remove_file(guard.file_of(&cluster, number, "crt"));
            guard.renew(&cluster, number, &in_use[number - 1]);
        }
        for number in cluster.numbers() {
            told(number, "tls_files_usable", mended);
        }
    }
    cluster.settle();
    let said = load.end();
    let refused = refused.load(Ordering::Relaxed);
    report.say(format!("{said}, {refused} were refused"));
    assert_eq!(refused, 0, "callers were refused");
    // A machine that is busy elsewhere may be late; certificates and keys are never why.
    let failed = failed_pings(&cluster, "");
    report.say(format!("failed pings: {failed:?}"));
    let is_new = |line: &&String| !line.contains("reason=\"timeout\"") && !at_start.contains(line);
    let wrong: Vec<&String> = failed.iter().filter(is_new).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    cluster.assert_quiet(&cluster.numbers(), began);
    cluster.assert_down_only(&[]);
}

/// Makes a node's files such that they cannot be used. `in_use`: what they hold.
fn spoil(guard: &Guard, cluster: &Cluster, number: usize, bad: &str, in_use: &(String, String)) {
    let (cert, key) = in_use;
    let other = guard.certificate(cluster, number);
    let path = guard.file_of(cluster, number, "crt");
    match bad {
        "a torn key" => guard.renew(cluster, number, &(cert.clone(), key[..40].to_owned())),
        "a torn certificate" => guard.renew(cluster, number, &(cert[..200].to_owned(), key.clone())),
        "a wrong pair" => guard.renew(cluster, number, &(cert.clone(), other.1)),
        "an empty file" => guard.renew(cluster, number, &(String::new(), key.clone())),
        "a pipe" => {
            std::fs::remove_file(&path).expect("it was there");
            let made = std::process::Command::new("mkfifo").arg(&path).status().expect("it runs");
            assert!(made.success());
        }
        _ => std::fs::remove_file(&path).expect("it was there"),
    }
}
