//! What a mesh key and mutual TLS cost an idle node.

use super::figure::Measurement;
use super::kit::certificates::{Authority, Folder, Valid};
use super::kit::client;
use super::machine::Usage;
use super::support::{Cluster, Plan, hold, keygen, seconds};

/// So many pings that each kept connection is renewed several times in it: a handshake, by resumption.
const SPAN: u64 = 120;

/// All nodes of idle meshes of three, at each level of trust, all at the same time.
pub fn figures() -> Vec<Measurement> {
    let folder = Folder::new("bench");
    let keys = folder.write("keys", &keygen());
    let with_key = Plan::loopback(3).with(&["--mesh-key-file", &keys]).start();
    let meshes = [("plain", Plan::loopback(3).start()), ("mesh key", with_key), ("mutual TLS", with_tls(&folder))];
    hold(seconds(5));
    let before = meshes.each_ref().map(|(_, mesh)| usage(mesh));
    hold(seconds(SPAN));
    let mut used = Vec::new();
    for ((level, mesh), before) in meshes.iter().zip(&before) {
        used.push((*level, cpu_ms_per_second(mesh, before)));
    }
    let each = used.iter().map(|(level, used)| {
        Measurement::new(format!("idle node of three at 1 s, {level}: CPU time per second"), "ms", *used, None)
            .note("mean of the three, beside the other meshes")
    });
    let against_plain = used[1..].iter().map(|(level, with)| {
        let limit = (*level == "mutual TLS").then_some(1.3);
        Measurement::new(
            format!("idle node of three: CPU time with {level} against plain"),
            "x",
            with / used[0].1,
            limit,
        )
        .note(format!("in the same {SPAN} s"))
    });
    each.chain(against_plain).collect()
}

fn with_tls(folder: &Folder) -> Cluster {
    let (authority, mut cluster) = (Authority::new("mesh"), Plan::loopback(3).build());
    let ca = folder.write("ca.crt", &authority.pem);
    for number in cluster.numbers() {
        let node = cluster.node_mut(number);
        let identity = folder.identity(&node.host.name, &authority.certificate(&["127.0.0.1"], Valid::Now));
        node.add_arguments(&identity.each_ref().map(String::as_str));
        node.add_arguments(&["--tls-ca-file", &ca, "--tls-client-ca-file", &ca]);
        let peers = node.peers().replace("=http://", "=https://");
        node.replace_peers(&peers);
        node.set_entrance(client::door(node.host.address, &authority.pem));
        cluster.start(number);
    }
    cluster.settle();
    cluster
}

fn usage(cluster: &Cluster) -> Vec<Usage> {
    cluster.numbers().into_iter().map(|number| Usage::of(cluster.node(number).process_id())).collect()
}

/// Of one node, as the mean of all.
fn cpu_ms_per_second(cluster: &Cluster, before: &[Usage]) -> f64 {
    let after = usage(cluster);
    let used = after.iter().zip(before).map(|(after, before)| after.since(before).cpu_ms_per_second());
    let figures: Vec<f64> = used.collect();
    assert!(figures.iter().all(|figure| *figure > 0.0), "a node is gone");
    figures.iter().sum::<f64>() / figures.len() as f64
}
