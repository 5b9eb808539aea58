//! Alertmanager's side of the bundle: what silences what exists, comes first,
//! and is explained on the page; and the pattern with a receiver is the same file.

use std::collections::BTreeSet;

use serde_json::Value;

use super::files;
use super::prometheus::{alerts, list, sections, short, wait, word};

const CONFIG: &str = "alertmanager/alertmanager.yml";
const PATTERN: &str = "alertmanager/webhook.yml";

/// The alerts that matchers of the form `alertname="A"` and `alertname=~"A|B"` name.
fn named(matchers: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for matcher in list(matchers) {
        let matcher = matcher.as_str().expect("a matcher");
        let (label, value) = matcher.split_once('=').expect("a matcher has a value");
        assert_eq!(label, "alertname", "{matcher}: alerts differ by their names alone");
        let quoted = value.trim_start_matches('~').trim_matches('"');
        names.extend(quoted.split('|').map(str::to_owned));
    }
    names
}

/// Which alert inhibits which.
fn silenced() -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for rule in list(&files::yaml(CONFIG)["inhibit_rules"]) {
        for source in named(&rule["source_matchers"]) {
            pairs.extend(named(&rule["target_matchers"]).into_iter().map(|target| (source.clone(), target)));
        }
    }
    pairs
}

fn alert(name: &str) -> Value {
    alerts().into_iter().find(|alert| alert["alert"] == name).unwrap_or_else(|| panic!("there is no alert {name}"))
}

/// Otherwise the silenced one would be sent before it is silenced.
#[test]
fn what_silences_waits_no_longer_than_what_is_silenced() {
    for (source, target) in silenced() {
        assert!(wait(&alert(&source)) <= wait(&alert(&target)), "{source} comes later than {target}");
    }
}

#[test]
fn routes_name_alerts_that_exist_and_one_incident_is_one_group() {
    let route = &files::yaml(CONFIG)["route"];
    assert_eq!(route["group_by"], serde_json::json!(["alertname", "job", "peer"]));
    for name in list(&route["routes"]).iter().flat_map(|route| named(&route["matchers"])) {
        alert(&name);
    }
}

#[test]
fn the_page_tells_who_silences_whom() {
    let page = sections();
    let rules = silenced();
    for of in alerts().iter().map(|alert| word(alert, "alert")) {
        let (_, told) = page[of].split_once("**Silences** ").expect("the page's order is held elsewhere");
        let (silences, by) = told.split_once("**Silenced by** ").expect("the page's order is held elsewhere");
        let mentioned = |text: &str| -> BTreeSet<String> {
            let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
            let all = alerts();
            let names = all.iter().map(|alert| word(alert, "alert"));
            names.filter(|name| *name != of && words.contains(short(name))).map(str::to_owned).collect()
        };
        let silenced: BTreeSet<String> =
            rules.iter().filter(|(source, _)| source == of).map(|(_, target)| target.clone()).collect();
        let silencing: BTreeSet<String> =
            rules.iter().filter(|(_, target)| target == of).map(|(source, _)| source.clone()).collect();
        assert_eq!(mentioned(silences), silenced, "{of} silences");
        assert_eq!(mentioned(by), silencing, "{of} is silenced by");
    }
}

#[test]
fn the_pattern_differs_in_its_receivers_only() {
    let (mut config, mut pattern) = (files::yaml(CONFIG), files::yaml(PATTERN));
    let names = |config: &Value| -> Vec<String> {
        list(&config["receivers"]).iter().map(|receiver| word(receiver, "name").to_owned()).collect()
    };
    assert_eq!(names(&config), names(&pattern));
    assert!(list(&config["receivers"]).iter().all(|receiver| receiver.as_object().is_some_and(|r| r.len() == 1)));
    for file in [&mut config, &mut pattern] {
        file["receivers"].take();
    }
    assert_eq!(config, pattern);
}

/// Alertmanager's own reading, where it is installed.
#[test]
fn amtool_accepts_the_files_and_routes_as_meant() {
    files::tool("AMTOOL", "amtool", &[&["check-config", CONFIG, PATTERN]]);
    for (receiver, name) in [("people", "HeartbeatPeerDown"), ("watchdog", "HeartbeatWatchdog")] {
        let (config, receiver) = (format!("--config.file={PATTERN}"), format!("--verify.receivers={receiver}"));
        let labels = format!("alertname={name}");
        let arguments = ["config", "routes", "test", &config, &receiver, &labels, "job=heartbeat", "peer=node-1"];
        files::tool("AMTOOL", "amtool", &[&arguments]);
    }
}
