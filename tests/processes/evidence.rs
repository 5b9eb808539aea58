//! What `heartbeat why` answers about a real node that was killed, frozen or told to stop, from both survivors.

use super::support::why::{await_words, evidence};
use super::support::{Cluster, Plan, Report, SOON};

/// What the command prints about node-3, once it has all the words.
#[track_caller]
fn told(cluster: &Cluster, observer: usize, words: &[&str]) -> String {
    await_words(cluster, observer, 3, words)
}

pub fn why_of_the_killed(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    cluster.kill(3);
    for (observer, other) in [(1, 2), (2, 1)] {
        let accused = format!("node-{observer} and node-{other} accused it");
        let words = ["Its host refuses connections (gone)", &accused, "rule quorum:", "class gone (refused last)"];
        report.say(told(&cluster, observer, &words));
        let why = evidence(&cluster, observer, 3);
        assert_eq!((&why["decision"]["rule"], &why["peer"]["state"]), (&"quorum".into(), &"dead".into()), "{why:#}");
        assert_eq!(why["decision"]["quorum"]["needed"], 2, "{why:#}");
        let pings = why["decision"]["pings"].as_array().expect("pings").clone();
        let refused = pings.iter().filter(|ping| ping["reason"] == "refused").count();
        let answered = pings.iter().filter(|ping| ping["result"] == "answered").count();
        assert!(refused >= 2 && answered >= 1, "{why:#}");
    }
    let host = &cluster.node(1).host;
    let asked = host.heartbeat().args(["why", "nobody", &format!("--addr={}", host.address)]).output();
    let output = asked.expect("the binary runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("node-2") && complaint.contains("node-3"), "it names those there are: {complaint}");
}

pub fn why_of_the_frozen(report: &Report) {
    let cluster = Plan::loopback(3).with(&["--profile=fast"]).start();
    cluster.signal(3, "STOP");
    for observer in [1, 2] {
        told(&cluster, observer, &["node-3 has been suspect for", "Nothing has been decided"]);
    }
    for observer in [1, 2] {
        let words = ["it does not answer (stalled)", "frozen", "rule quorum:", "wait 5.0s"];
        report.say(told(&cluster, observer, &words));
        let why = evidence(&cluster, observer, 3);
        let decision = &why["decision"];
        assert_eq!((&decision["class"], &decision["verdict"]), (&"stalled".into(), &"down".into()), "{why:#}");
        assert!(decision["silent_ms"].as_u64().is_some_and(|silent| silent >= 5000), "{why:#}");
        // Two checks a second in five seconds, and no answer among them.
        let mut youngest = decision["pings"].as_array().into_iter().flatten().take(6);
        assert!(youngest.all(|ping| ping["result"] != "answered"), "{why:#}");
    }
    cluster.signal(3, "CONT");
    for observer in [1, 2] {
        // It answered twice; what it was asked before it woke may be late, and then there is a doubt and an answer more.
        told(&cluster, observer, &["node-3 is alive:", "The last time it was down (stalled)"]);
        assert_eq!(evidence(&cluster, observer, 3)["outage"]["rule"], "quorum");
    }
}

pub fn why_of_the_one_that_left(_: &Report) {
    let mut cluster = Plan::loopback(3).start();
    cluster.signal(3, "TERM");
    for observer in [1, 2] {
        let goodbye = format!("node-3 said goodbye to node-{observer}");
        told(&cluster, observer, &[&goodbye, "it was stopped in order", "rule goodbye:", "now left for"]);
    }
    cluster.node_mut(3).await_end(SOON);
}
