//! Meshes that speak TLS.

use std::process::Output;
use std::time::Instant;

use super::kit::certificates::{Authority, Folder, Valid};
use super::kit::client::door;
use super::support::{Cluster, Plan, Report, SOON, check};

/// What would be a false alarm while certificates are exchanged.
const ALARMS: [&str; 4] = ["peer_down", "peer_unreachable", "peer_never_seen", "self_cut_off"];

/// Gives a node its certificate, and has it watch the others with TLS.
pub fn prepare(cluster: &mut Cluster, number: usize, arguments: &[String], authority: &Authority) {
    let others: Vec<String> = cluster.others(number).into_iter().map(|other| peer(cluster, other)).collect();
    let address = cluster.node(number).host.address;
    let node = cluster.node_mut(number);
    node.replace_peers(&others.join(","));
    node.add_arguments(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    node.set_entrance(door(address, &authority.pem));
}

pub fn peer(cluster: &Cluster, number: usize) -> String {
    format!("node-{number}=https://{}", cluster.node(number).host.address)
}

/// `size` nodes with certificates of this authority, not started. `arguments` are for all of them.
pub fn mesh(size: usize, folder: &Folder, authority: &Authority, mutual: bool) -> Cluster {
    let mut cluster = Plan::loopback(size).build();
    let ca = folder.write("ca.crt", &authority.pem);
    for number in cluster.numbers() {
        let certificate = authority.certificate(&["127.0.0.1"], Valid::Now);
        let mut arguments = folder.identity(&format!("node-{number}"), &certificate).to_vec();
        arguments.extend(["--tls-ca-file".to_owned(), ca.clone()]);
        if mutual {
            arguments.extend(["--tls-client-ca-file".to_owned(), ca.clone()]);
        }
        prepare(&mut cluster, number, &arguments, authority);
    }
    cluster
}

fn start(cluster: &mut Cluster) {
    cluster.start_all();
    cluster.settle();
}

/// Series of pings that failed, at all nodes.
pub fn failed_pings(cluster: &Cluster) -> Vec<String> {
    let at = |number: usize| -> Vec<String> {
        let body = cluster.node(number).get("/metrics").expect("it answers").body;
        let failures = body.lines().filter(|line| line.starts_with("heartbeat_ping_failures_total{"));
        failures.filter(|line| !line.ends_with(" 0")).map(|line| format!("node-{number}: {line}")).collect()
    };
    cluster.numbers().into_iter().flat_map(at).collect()
}

fn command(cluster: &Cluster, number: usize, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = cluster.node(number).host.heartbeat();
    command.args(arguments).envs(variables.iter().copied()).output().expect("it runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `healthcheck` as a container has it, and other commands with an address.
fn check_commands(cluster: &Cluster, folder: &Folder) {
    let node = cluster.node(1).host.address;
    let url = format!("https://{node}");
    let (ca, port) = (folder.write("ca-of-commands.crt", &read(folder, "ca.crt")), node.port().to_string());
    let cert = folder.write("cert-of-commands.crt", &read(folder, "node-1.crt"));
    let own = [("HEARTBEAT_PORT", &*port), ("HEARTBEAT_TLS_CERT_FILE", &*cert)];
    let output = command(cluster, 1, &["healthcheck"], &own);
    assert!(output.status.success() && text(&output).trim() == "ready", "by its own certificate: {}", text(&output));
    let other = folder.write("another.crt", &read(folder, "node-2.crt"));
    let output = command(cluster, 1, &["healthcheck"], &[own[0], ("HEARTBEAT_TLS_CERT_FILE", &other)]);
    assert!(!output.status.success(), "another's certificate is not its own: {}", text(&output));
    let while_exchanged = [own[0], ("HEARTBEAT_TLS_CERT_FILE", &*other), ("HEARTBEAT_TLS_CA_FILE", &*ca)];
    let output = command(cluster, 1, &["healthcheck"], &while_exchanged);
    assert!(output.status.success(), "one of its authority will do: {}", text(&output));
    for arguments in [&["verify", "--expect=3"][..], &["members"], &["matrix"], &["events", "--limit=3"]] {
        let arguments = [arguments, &["--addr", &url, "--tls-ca-file", &ca]].concat();
        let output = command(cluster, 1, &arguments, &[]);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    }
    let output = command(cluster, 1, &["members", "--addr", &url], &[]);
    assert!(text(&output).contains("accepted: --tls-ca-file=PATH"), "{}", text(&output));
    let output = command(cluster, 1, &["members", "--addr", &format!("http://{node}")], &[]);
    assert!(text(&output).contains("ask with https://"), "{}", text(&output));
}

fn read(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path(name)).expect("written before")
}

/// A mesh of three works as one without TLS, streams and commands included, and its metrics port stays plain.
pub fn a_mesh_with_tls(report: &Report) {
    let (folder, authority) = (Folder::new("mesh"), Authority::new("mesh"));
    let mut cluster = mesh(3, &folder, &authority, false);
    start(&mut cluster);
    check("the mesh is whole, with rows of all", SOON, || {
        let view = cluster.node(1).json("/api/v1/cluster")?;
        if view["whole"] == true { Ok(()) } else { Err(view.to_string()) }
    });
    let line = cluster.node(1).log.lines().into_iter().find(|line| line.event() == "tls_in_use").expect("is told");
    assert!(line.text("sentence").contains("holds until 2120-01-01T00:00:00.000Z"), "{}", line.raw);
    check_commands(&cluster, &folder);
    let host = cluster.node(1).host.clone();
    let plain = super::support::http::get(host.address, "/ping").expect("is answered in plain");
    assert_eq!(plain.status, 400);
    assert_eq!(plain.json().expect("a problem")["code"], "tls_required");
    let metrics = std::net::SocketAddr::new(host.address.ip(), host.metrics_port);
    let scrape = super::support::http::get(metrics, "/metrics").expect("is plain").body;
    let expiry = scrape.lines().find(|line| line.starts_with("heartbeat_certificate_expiry_timestamp_seconds "));
    assert_eq!(expiry, Some("heartbeat_certificate_expiry_timestamp_seconds 4733510400"));
    // More pings than one connection carries: renewed by resumption, without a failure.
    report.say(format!("failed pings: {:?}", failed_pings(&cluster)));
    let killed = cluster.kill(3);
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_down", "node-3", killed, SOON);
        assert_eq!(line.text("verdict"), "down", "both agree: {}", line.raw);
        report.say(format!("node-{observer}: down after {:?}", line.at.duration_since(killed)));
    }
    cluster.assert_down_only(&["node-3"]);
}

/// Calls between nodes need a certificate; readers and commands need none.
pub fn a_mesh_with_mutual_tls_takes_no_stranger_and_lets_everybody_read(report: &Report) {
    let (folder, authority) = (Folder::new("mutual"), Authority::new("mutual"));
    let mut cluster = mesh(4, &folder, &authority, true);
    // It trusts the others and has nothing to show.
    let stranger = cluster.node_mut(4);
    for name in ["--tls-cert-file", "--tls-key-file", "--tls-client-ca-file"] {
        stranger.remove_argument(name);
    }
    stranger.set_entrance(stranger.host.address);
    let began = Instant::now();
    cluster.start_all();
    cluster.settle_among(&[1, 2, 3]);
    check_commands_of_readers(&cluster, &folder);
    let line = cluster
        .node(1)
        .log
        .wait(began, SOON, |line| line.event() == "unverified_requests" && line.text("reason") == "certificate");
    report.say(line.expect("who has no certificate is told of").text("sentence"));
    // It is answered as a reader is, and believes what it hears. Nobody takes its word.
    cluster.await_view(4, "node-1", "alive", SOON);
    let metrics = cluster.node(1).metrics().expect("it answers");
    let unverified = metrics.value("heartbeat_unverified_requests_total", &["reason=\"certificate\""]);
    assert!(unverified.expect("is counted") > 0.0);
    assert_eq!(metrics.sum("heartbeat_incoming_peers"), 2.0, "node-2 and node-3");
    cluster.assert_quiet(&[1, 2, 3], began);
}

fn check_commands_of_readers(cluster: &Cluster, folder: &Folder) {
    let page = cluster.node(1).get("/").expect("a browser reads");
    assert_eq!(page.status, 200);
    let (port, cert) = (cluster.node(1).host.address.port().to_string(), folder.path("node-1.crt"));
    let own = [("HEARTBEAT_PORT", &*port), ("HEARTBEAT_TLS_CERT_FILE", cert.to_str().expect("UTF-8"))];
    let output = command(cluster, 1, &["healthcheck"], &own);
    assert!(output.status.success(), "{}", text(&output));
}

/// Without a mesh key nodes read each other by their certificates; who has none shows the token.
pub fn a_read_token_beside_mutual_tls(report: &Report) {
    const TOKEN: &str = "staple-correct-horse";
    let (folder, authority) = (Folder::new("token"), Authority::new("token"));
    let mut cluster = mesh(3, &folder, &authority, true);
    let file = folder.write("read.token", TOKEN);
    for number in cluster.numbers() {
        cluster.node_mut(number).add_arguments(&["--read-token-file", &file]);
        cluster.node_mut(number).read_with(TOKEN);
    }
    start(&mut cluster);
    check("the mesh is whole, with rows of all", SOON, || {
        let view = cluster.node(1).json("/api/v1/cluster")?;
        if view["whole"] == true { Ok(()) } else { Err(view.to_string()) }
    });
    let stranger = |path: &str| super::support::http::get(cluster.node(1).reached_at(), path).expect("an answer");
    for path in ["/", "/api/v1/row", "/api/v1/history?since=0", "/api/v1/events", "/metrics"] {
        assert_eq!(stranger(path).status, 401, "{path}");
        assert_eq!(cluster.node(1).get(path).map(|response| response.status), Ok(200), "{path}");
    }
    let ping = stranger("/ping");
    assert!(ping.status == 200 && !ping.body.contains("node-2"), "{}", ping.body);
    let killed = cluster.kill(3);
    let line = cluster.await_event(1, "peer_down", "node-3", killed, SOON);
    assert_eq!(line.text("verdict"), "down", "both agree: {}", line.raw);
    report.say(line.text("sentence"));
    cluster.assert_down_only(&["node-3"]);
}

/// New certificates of the same authority, then of a new one beside the old one: no failed ping, no alarm.
pub fn certificates_are_exchanged_while_the_mesh_runs(report: &Report) {
    let (folder, old, new) = (Folder::new("renewal"), Authority::new("old"), Authority::new("new"));
    let mut cluster = mesh(3, &folder, &old, true);
    start(&mut cluster);
    let began = Instant::now();
    let changed = |cluster: &Cluster, what: &str, written: Instant| {
        for number in cluster.numbers() {
            let line = cluster.node(number).log.wait(written, SOON, |line| line.event() == "tls_files_changed");
            line.unwrap_or_else(|| panic!("node-{number} has not read {what}"));
        }
        report.say(format!("{what}: in use everywhere after {:?}", written.elapsed()));
    };
    let renew = |authority: &Authority| {
        let written = Instant::now();
        for number in 1..=3 {
            folder.identity(&format!("node-{number}"), &authority.certificate(&["127.0.0.1"], Valid::Now));
        }
        written
    };
    changed(&cluster, "new certificates of the same authority", renew(&old));
    let written = Instant::now();
    folder.write("ca.crt", &format!("{}{}", old.pem, new.pem));
    changed(&cluster, "both authorities", written);
    changed(&cluster, "certificates of the new authority", renew(&new));
    for number in cluster.numbers() {
        let address = cluster.node(number).host.address;
        cluster.node_mut(number).set_entrance(door(address, &new.pem));
    }
    let written = Instant::now();
    folder.write("ca.crt", &new.pem);
    changed(&cluster, "the new authority alone", written);
    // A key that has not been written yet, half a file: what was read before stays.
    let key = read(&folder, "node-1.key");
    for torn in [&key[..40], &new.certificate(&["127.0.0.1"], Valid::Now).1] {
        let told = |text: &str, event: &str| {
            let written = Instant::now();
            folder.write("node-1.key", text);
            cluster.node(1).log.wait(written, SOON, |line| line.event() == event).expect("is told");
            cluster.node(1).metrics().expect("it answers").sum("heartbeat_tls_files_unusable")
        };
        assert_eq!(told(torn, "tls_files_unusable"), 1.0);
        assert_eq!(told(&key, "tls_files_usable"), 0.0);
    }
    cluster.settle();
    let failed = failed_pings(&cluster);
    report.say(format!("failed pings: {failed:?}"));
    assert!(failed.iter().all(|line| !line.contains("tls_")), "{failed:?}");
    cluster.assert_quiet(&cluster.numbers(), began);
    for number in cluster.numbers() {
        let log = cluster.node(number).log.lines();
        assert!(log.iter().filter(|line| line.at > began).all(|line| !ALARMS.contains(&line.event())));
    }
}
