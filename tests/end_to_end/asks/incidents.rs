//! The incidents that a node serves, and how often it announced and closed one.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Cluster, Report, SOON, check, seconds};

/// An incident that is over waits a minute before it is closed.
const CLOSED: Duration = seconds(100);

/// The incidents of `asked`, newest first.
pub fn told(cluster: &Cluster, asked: usize) -> Result<Vec<Value>, String> {
    let body = cluster.node(asked).json("/api/v1/incidents")?;
    body["incidents"].as_array().cloned().ok_or_else(|| body.to_string())
}

/// `down node-3`, with `...` while it is open.
pub fn brief(incident: &Value) -> String {
    let nodes = incident["nodes"].as_array().cloned().unwrap_or_default();
    let nodes: Vec<&str> = nodes.iter().filter_map(Value::as_str).collect();
    let goes_on = if incident["open"] == true { " ..." } else { "" };
    format!("{} {}{goes_on}", incident["verdict"].as_str().unwrap_or("?"), nodes.join(" "))
}

/// Waits until `asked` lists exactly these, and returns them.
#[track_caller]
pub fn await_incidents(cluster: &Cluster, asked: usize, expected: &[&str]) -> Vec<Value> {
    check(&format!("node-{asked} lists {expected:?}"), SOON, || {
        let told = told(cluster, asked)?;
        let brief: Vec<String> = told.iter().map(brief).collect();
        if brief == expected { Ok(told) } else { Err(format!("{told:#?}")) }
    })
}

/// Waits until `asked` lists these, in any order.
#[track_caller]
pub fn await_in_any_order(cluster: &Cluster, asked: usize, expected: &[&str]) {
    check(&format!("node-{asked} lists {expected:?} in any order"), SOON, || {
        let told = told(cluster, asked)?;
        let mut brief: Vec<String> = told.iter().map(brief).collect();
        brief.sort();
        if brief == expected { Ok(()) } else { Err(format!("{told:#?}")) }
    });
}

/// [`await_incidents`] of several nodes, and how long it took until the last of them told it.
#[track_caller]
pub fn await_all(cluster: &Cluster, expected: &[(usize, &[&str])], since: Instant, what: &str, report: &Report) {
    for (asked, expected) in expected {
        await_incidents(cluster, *asked, expected);
    }
    report.measured(what, since.elapsed(), seconds(15));
}

/// How many times `asked` logged this.
pub fn said(cluster: &Cluster, asked: usize, event: &str, since: Instant) -> usize {
    cluster.logged(asked, &[event], since).len()
}

/// Each of `numbers` has announced exactly one incident since then, and closes it exactly once.
#[track_caller]
pub fn assert_one_from_everybody(cluster: &Cluster, numbers: &[usize], since: Instant, report: &Report) {
    for asked in numbers {
        check(&format!("node-{asked} closes the incident"), CLOSED, || {
            if said(cluster, *asked, "incident_closed", since) > 0 { Ok(()) } else { Err("not yet".to_owned()) }
        });
    }
    report.measured("fault to closed, the minute of holding included", since.elapsed(), seconds(150));
    for asked in numbers {
        let counts = ["incident_opened", "incident_closed"].map(|event| said(cluster, *asked, event, since));
        assert_eq!(counts, [1, 1], "{}", cluster.node(*asked).log_text());
        let open = cluster.node(*asked).metrics().expect("metrics").sum("heartbeat_incidents_open");
        assert_eq!(open, 0.0);
    }
}
