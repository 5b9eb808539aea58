//! Certificates and addresses that are wrong, and what is said of them.

use std::time::Instant;

use super::kit::certificates::{Authority, Folder, Valid};
use super::meshes::{peer, prepare};
use super::support::{Cluster, Plan, Report, SOON, check};

fn await_failures(cluster: &Cluster, observer: usize, subject: &str, reason: &str) {
    check(&format!("node-{observer} counts {reason} of {subject}"), SOON, || {
        let labels = [format!("peer=\"{subject}\""), format!("reason=\"{reason}\"")];
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        match cluster.node(observer).metrics()?.value("heartbeat_ping_failures_total", &labels)? {
            0.0 => Err("none yet".to_owned()),
            count => Ok(count),
        }
    });
}

/// One peer for each way to be wrong: a reason of its own, and a sentence that names it.
pub fn what_is_wrong_with_a_peer_is_said(report: &Report) {
    let (folder, authority, other) = (Folder::new("wrong"), Authority::new("mesh"), Authority::new("another"));
    let ca = folder.write("ca.crt", &authority.pem);
    let mut cluster = Plan::loopback(6).build();
    let began = Instant::now();
    let certificates = [
        (1, authority.certificate(&["127.0.0.1"], Valid::Now)),
        (2, other.certificate(&["127.0.0.1"], Valid::Now)),
        (3, authority.certificate(&["127.0.0.1"], Valid::Before)),
        (4, authority.certificate(&["elsewhere.example", "192.0.2.1"], Valid::Now)),
    ];
    for (number, certificate) in certificates {
        let mut arguments = folder.identity(&format!("node-{number}"), &certificate).to_vec();
        arguments.extend(["--tls-ca-file".to_owned(), ca.clone()]);
        prepare(&mut cluster, number, &arguments, &authority);
        if number > 1 {
            cluster.node_mut(number).replace_peers("");
        }
    }
    // node-5 has no TLS; node-6 has none either, and asks node-1 without.
    cluster.node_mut(5).replace_peers("");
    let plain = format!("node-1=http://{}", cluster.node(1).host.address);
    cluster.node_mut(6).replace_peers(&plain);
    let watched: Vec<String> = (2..=5).map(|number| peer(&cluster, number)).collect();
    cluster.node_mut(1).replace_peers(&watched.join(","));
    cluster.start_all();
    for (observer, subject, reason, said) in [
        (1, "node-2", "tls_unknown_authority", "not from an authority of this node"),
        (1, "node-3", "tls_expired", "its certificate has expired"),
        (1, "node-4", "tls_wrong_name", "its certificate is for another host"),
        (1, "node-5", "tls_missing", "answered without TLS"),
        (6, "node-1", "tls_required", "answers with TLS only, and was asked without"),
    ] {
        await_failures(&cluster, observer, subject, reason);
        let line = cluster.await_event(observer, "peer_never_seen", subject, began, SOON);
        let sentence = line.text("sentence");
        assert!(sentence.contains(said), "{sentence}");
        report.say(sentence);
    }
    let line = cluster.node(1).log.wait(began, SOON, |line| line.event() == "tls_handshakes_failed");
    report.say(line.expect("who asks without TLS is told of").text("sentence"));
    let closed = cluster.node(1).metrics().expect("it answers");
    assert!(closed.value("heartbeat_connections_closed_total", &["reason=\"handshake\""]).expect("is counted") > 0.0);
}

/// With mutual TLS a certificate that no authority of the mesh has signed is worse than none: the handshake is refused.
pub fn a_certificate_of_another_authority_is_refused(report: &Report) {
    let (folder, authority, other) = (Folder::new("refused"), Authority::new("mesh"), Authority::new("another"));
    let ca = folder.write("ca.crt", &authority.pem);
    let mut cluster = Plan::loopback(2).build();
    for (number, certificate) in
        [(1, authority.certificate(&["127.0.0.1"], Valid::Now)), (2, other.certificate(&["127.0.0.1"], Valid::Now))]
    {
        let mut arguments = folder.identity(&format!("node-{number}"), &certificate).to_vec();
        arguments.extend(["--tls-ca-file", &ca, "--tls-client-ca-file", &ca].map(str::to_owned));
        prepare(&mut cluster, number, &arguments, &authority);
    }
    let began = Instant::now();
    let address = cluster.node(2).host.address;
    cluster.node_mut(2).set_entrance(super::kit::client::door(address, &other.pem));
    cluster.start(1);
    cluster.start(2);
    await_failures(&cluster, 2, "node-1", "tls_refused");
    let line = cluster.await_event(2, "peer_never_seen", "node-1", began, SOON);
    let sentence = line.text("sentence");
    assert!(sentence.contains("refused the TLS handshake: this node's certificate is not from"), "{sentence}");
    report.say(sentence);
    let line = cluster.node(1).log.wait(began, SOON, |line| line.event() == "tls_handshakes_failed");
    report.say(line.expect("is told").text("sentence"));
}

/// Nothing is started with settings that cannot work, and each message names the remedy.
pub fn settings_that_cannot_work_are_told(_report: &Report) {
    let (folder, authority) = (Folder::new("settings"), Authority::new("mesh"));
    let cluster = Plan::loopback(1).build();
    let one = authority.certificate(&["127.0.0.1"], Valid::Now);
    let two = authority.certificate(&["127.0.0.1"], Valid::Now);
    let (cert, key) = (folder.write("one.crt", &one.0), folder.write("one.key", &one.1));
    let (other_key, nothing) = (folder.write("two.key", &two.1), folder.write("nothing", "nothing\n"));
    for (arguments, said) in [
        (&["--tls-cert-file", &*cert][..], "is of no use alone: set --tls-key-file too"),
        (&["--tls-key-file", &key], "is of no use alone: set --tls-cert-file too"),
        (&["--tls-client-ca-file", &cert], "is of no use alone: set --tls-cert-file too"),
        (&["--peers=https://127.0.0.1:9"], "--tls-ca-file (HEARTBEAT_TLS_CA_FILE), not set"),
        (&["--tls-cert-file", &cert, "--tls-key-file", &other_key], "is not the key of the certificate"),
        (&["--tls-cert-file", &nothing, "--tls-key-file", &key], "holds no certificate in PEM"),
        (&["--tls-cert-file", &cert, "--tls-key-file", &nothing], "holds no private key in PEM without a password"),
        (&["--tls-ca-file", &nothing], "holds no certificate in PEM"),
        (&["--tls-ca-file", "/nowhere/ca.crt"], "cannot be opened: "),
    ] {
        let output = cluster.node(1).host.heartbeat().args(["config", "check"]).args(arguments).output().expect("runs");
        let said_text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said_text}");
        assert!(said_text.contains(said), "{arguments:?}: {said_text}");
        assert!(!said_text.contains("PRIVATE"), "{said_text}");
    }
}
