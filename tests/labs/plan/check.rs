//! Whether what was seen is what a lab expects: pure, so that each rule has a table test.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lab::{ALARMS, Alert, Lab, Said};

/// A log line of a node, and when the engine got it, in seconds since 1970.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: f64,
    pub node: String,
    pub fields: Value,
}

impl Line {
    fn text(&self, field: &str) -> String {
        match &self.fields[field] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// What a person reads.
    pub fn sentence(&self) -> String {
        self.text("sentence")
    }
}

impl Said {
    /// Whether this line is the expected one, whichever node logged it.
    pub fn fits(&self, line: &Line) -> bool {
        let about = self.peer.as_deref().is_none_or(|peer| line.text("peer") == peer);
        let fields = self.fields.iter().all(|(name, value)| line.text(name) == *value);
        line.text("event") == self.event && about && fields && in_order(&line.sentence(), &self.words)
    }

    /// The line of each that must say it, or who has not said it yet.
    pub fn find<'a>(&self, lines: &'a [Line], since: f64) -> Result<Vec<&'a Line>, String> {
        let of = |node: &String| {
            let mut candidates = lines.iter().filter(|line| line.node == *node && line.at >= since);
            candidates.find(|line| self.fits(line)).ok_or_else(|| node.clone())
        };
        let found: Vec<Result<&Line, String>> = self.by.0.iter().map(of).collect();
        let missing: Vec<String> = found.iter().filter_map(|result| result.clone().err()).collect();
        if missing.is_empty() {
            return Ok(found.into_iter().flatten().collect());
        }
        let heard = lines.iter().filter(|line| line.at >= since && missing.contains(&line.node));
        let heard: Vec<String> = heard.map(|line| format!("{}: {}", line.node, line.fields)).collect();
        Err(format!("{} did not say it; said instead: {}", missing.join(" and "), or_nothing(&heard)))
    }
}

/// Whether the text contains all pieces, one after the other.
fn in_order(text: &str, pieces: &[String]) -> bool {
    let mut rest = text;
    pieces.iter().all(|piece| match rest.split_once(piece.as_str()) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

fn or_nothing(list: &[String]) -> String {
    if list.is_empty() { "nothing".to_owned() } else { list.join("\n    ") }
}

/// Alarms in the log that the lab neither expects nor allows. An expected line is said once: a node that says it again,
/// after all was well, raises an unexpected alarm.
pub fn unexpected_alarms(lab: &Lab, lines: &[Line], since: f64) -> Vec<String> {
    let said = lab.steps.iter().flat_map(|step| &step.expect).filter_map(|expect| expect.log.as_ref());
    let mut open: Vec<(&Said, &String)> =
        said.flat_map(|said| said.by.0.iter().map(move |node| (said, node))).collect();
    let allowed = |line: &Line| {
        lab.may_say.iter().any(|may| {
            let about = may.peer.as_deref().is_none_or(|peer| line.text("peer") == peer);
            may.by.0.contains(&line.node) && may.event == line.text("event") && about
        })
    };
    let alarms = lines.iter().filter(|line| line.at >= since && ALARMS.contains(&line.text("event").as_str()));
    let mut alarms: Vec<&Line> = alarms.collect();
    alarms.sort_by(|one, other| one.at.total_cmp(&other.at));
    let mut wrong = Vec::new();
    for line in alarms {
        match open.iter().position(|(said, node)| **node == line.node && said.fits(line)) {
            Some(expected) => drop(open.swap_remove(expected)),
            None if allowed(line) => {}
            None => wrong.push(format!("{} said, unexpectedly: {}", line.node, line.sentence())),
        }
    }
    wrong
}

/// The state of a peer and, where something is wrong, the verdict: `alive`, `dead/down`.
pub fn summary(peer: &Value) -> String {
    let state = peer["state"].as_str().unwrap_or("?");
    peer["verdict"].as_str().map_or_else(|| state.to_owned(), |verdict| format!("{state}/{verdict}"))
}

/// Whether a node's list of peers has `others` of them, all of them alive and none besides that is not.
pub fn sees_all(list: &Value, others: usize) -> Result<(), String> {
    let peers = list["peers"].as_array().ok_or("no list of peers")?;
    // One that left and never came back under its name is over and done with.
    let present = peers.iter().filter(|peer| summary(peer) != "left");
    let bad: Vec<String> = present
        .clone()
        .filter(|peer| summary(peer) != "alive")
        .map(|peer| format!("{} is {}", peer["key"].as_str().unwrap_or("?"), summary(peer)))
        .collect();
    match (bad.as_slice(), present.count()) {
        ([], count) if count == others => Ok(()),
        ([], count) => Err(format!("{count} of {others} peers")),
        (bad, _) => Err(bad.join(", ")),
    }
}

/// The labels of an alert, as Prometheus and Alertmanager write them.
pub type Labels = BTreeMap<String, String>;

/// Whether these labels are of that alert.
pub fn is_alert(wanted: &Alert, labels: &Labels) -> bool {
    let has = |name: &str, value: &Option<String>| value.as_ref().is_none_or(|value| labels.get(name) == Some(value));
    labels.get("alertname") == Some(&wanted.alert) && has("node", &wanted.node) && has("peer", &wanted.peer)
}

/// `HeartbeatPeerDown{peer=node-3}`, for people.
pub fn alert_text(labels: &Labels) -> String {
    let name = labels.get("alertname").map_or("?", String::as_str);
    let told: Vec<String> =
        ["node", "peer"].iter().filter_map(|label| Some(format!("{label}={}", labels.get(*label)?))).collect();
    if told.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", told.join(", ")) }
}

/// The one that always fires, to show that alerts get through. It is not a notification of a fault.
pub fn is_watchdog(labels: &Labels) -> bool {
    labels.get("alertname").is_some_and(|name| name.ends_with("Watchdog"))
}

/// What is wrong with the alerts that fired: those that were not listed, and those listed that did not.
pub fn wrong_alerts(lab: &Lab, fired: &BTreeSet<Labels>) -> Vec<String> {
    let fired = fired.iter().filter(|labels| !is_watchdog(labels));
    let unlisted = fired.clone().filter(|labels| !lab.alerts.iter().any(|alert| is_alert(alert, labels)));
    let unlisted = unlisted.map(|labels| format!("{} fired, unexpectedly", alert_text(labels)));
    let due = lab.alerts.iter().filter(|alert| alert.maybe.is_none());
    let missing = due.filter(|alert| !fired.clone().any(|labels| is_alert(alert, labels)));
    unlisted.chain(missing.map(|alert| format!("{alert} did not fire"))).collect()
}

/// A webhook call about a group of alerts: one that fires is a notification.
#[derive(Clone, Debug)]
pub struct Call {
    /// When the receiver got it, in seconds since 1970.
    pub at: f64,
    pub firing: bool,
    /// Of each alert in the group.
    pub alerts: Vec<Labels>,
}

impl Call {
    /// Reads `{"at": ..., "call": {...}}`, as the receiver writes it.
    pub fn read(told: &Value) -> Option<Call> {
        let labels = |alert: &Value| serde_json::from_value(alert["labels"].clone()).ok();
        Some(Call {
            at: told["at"].as_f64()?,
            firing: told["call"]["status"] == "firing",
            alerts: told["call"]["alerts"].as_array()?.iter().map(labels).collect::<Option<_>>()?,
        })
    }

    pub fn is_about(&self, alert: &Alert) -> bool {
        self.alerts.iter().any(|labels| is_alert(alert, labels))
    }

    /// Whether a receiver is notified that something is wrong, the watchdog left out.
    pub fn is_notification(&self) -> bool {
        self.firing && !self.alerts.iter().all(is_watchdog)
    }
}

/// What is wrong with the notifications: one for each alert that is listed and not silenced, and no other.
pub fn wrong_notifications(lab: &Lab, calls: &[Call]) -> Vec<String> {
    let notifications = || calls.iter().filter(|call| call.is_notification());
    let loud = || lab.alerts.iter().filter(|alert| !alert.silenced);
    let counted = loud().filter_map(|alert| {
        let count = notifications().filter(|call| call.is_about(alert)).count();
        let fits = count == 1 || (count == 0 && alert.maybe.is_some());
        (!fits).then(|| format!("{count} notifications about {alert}, not one"))
    });
    let others = notifications().filter(|call| !loud().any(|alert| call.is_about(alert)));
    let others = others.map(|call| {
        let about: Vec<String> = call.alerts.iter().map(alert_text).collect();
        format!("a notification about {}, unexpectedly", about.join(" and "))
    });
    counted.chain(others).collect()
}

/// What a query must answer, within a thousandth.
pub fn same_number(wanted: f64, got: f64) -> bool {
    (wanted - got).abs() <= 1e-3 * wanted.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::lab::{Nodes, Span};
    use super::*;

    fn line(at: f64, node: &str, event: &str, peer: &str, sentence: &str) -> Line {
        let fields = json!({ "event": event, "peer": peer, "sentence": sentence, "verdict": "down" });
        Line { at, node: node.into(), fields }
    }

    fn said(by: &[&str], words: &[&str]) -> Said {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Said {
            by: Nodes(list(by)),
            event: "peer_down".into(),
            peer: Some("node-3".into()),
            fields: [("verdict".to_owned(), "down".to_owned())].into(),
            words: list(words),
        }
    }

    #[test]
    fn a_line_is_found_after_the_step_began() {
        let lines = [
            line(1.0, "node-1", "peer_down", "node-3", "node-3 is down: early"),
            line(3.0, "node-1", "peer_down", "node-3", "node-3 is down: gone; node-1 and node-2 agree"),
            line(3.1, "node-2", "peer_down", "node-3", "node-3 is down: gone; node-2 and node-1 agree"),
        ];
        let both = said(&["node-1", "node-2"], &["is down", "agree"]);
        let found = both.find(&lines, 2.0).unwrap();
        assert_eq!(found.iter().map(|line| line.at).collect::<Vec<_>>(), [3.0, 3.1]);
        for (by, words, complaint) in [
            (&["node-1", "node-4"][..], &["is down"][..], "node-4 did not say it"),
            (&["node-1"][..], &["agree", "is down"][..], "node-1 did not say it"),
        ] {
            assert!(said(by, words).find(&lines, 2.0).unwrap_err().starts_with(complaint));
        }
    }

    fn lab(alerts: &str, may_say: &str) -> Lab {
        let text = format!(
            "title: t\nabout: a\nplaces: [compose]\nsteps:\n  - say: s\n    expect:\n      - log: {{ by: node-1, event: peer_down, peer: node-3 }}\n        within: 1s\n\
             alerts: {alerts}\nmay_say: {may_say}\nheals: {{ nodes: 1s, alerts: 1s }}\n"
        );
        Lab::parse("t", &text).unwrap()
    }

    #[test]
    fn alarms_nobody_expects_are_found() {
        let lines = [
            line(0.5, "node-2", "peer_down", "node-1", "before the lab"),
            line(1.0, "node-1", "peer_down", "node-3", "expected"),
            line(1.0, "node-1", "peer_recovered", "node-3", "no alarm"),
            line(1.0, "node-2", "self_cut_off", "", "allowed"),
            line(1.0, "node-2", "peer_down", "node-3", "by another"),
            line(9.0, "node-1", "peer_down", "node-3", "again"),
        ];
        let wrong = unexpected_alarms(&lab("[]", "[{ by: node-2, event: self_cut_off, why: w }]"), &lines, 1.0);
        assert_eq!(wrong, ["node-2 said, unexpectedly: by another", "node-1 said, unexpectedly: again"]);
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn down(peer: &str) -> Labels {
        labels(&[("alertname", "HeartbeatPeerDown"), ("peer", peer), ("severity", "critical")])
    }

    #[test]
    fn exactly_the_listed_alerts_may_fire() {
        let lab =
            lab("[{ alert: HeartbeatPeerDown, peer: node-3 }, { alert: HeartbeatLossHigh, maybe: chance }]", "[]");
        let watchdog = labels(&[("alertname", "HeartbeatWatchdog")]);
        let exactly = BTreeSet::from([down("node-3"), watchdog.clone()]);
        assert_eq!(wrong_alerts(&lab, &exactly), [""; 0]);
        let other = BTreeSet::from([down("node-2"), watchdog]);
        assert_eq!(
            wrong_alerts(&lab, &other),
            ["HeartbeatPeerDown{peer=node-2} fired, unexpectedly", "HeartbeatPeerDown{peer=node-3} did not fire"]
        );
    }

    fn call(firing: bool, alert: Labels) -> Call {
        Call { at: 1.0, firing, alerts: vec![alert] }
    }

    #[test]
    fn one_notification_for_each_alert_that_is_not_silenced() {
        let lab =
            lab("[{ alert: HeartbeatPeerDown, peer: node-3 }, { alert: HeartbeatLinkDown, silenced: true }]", "[]");
        let (one, over) = (call(true, down("node-3")), call(false, down("node-3")));
        let watchdog = call(true, labels(&[("alertname", "HeartbeatWatchdog")]));
        assert_eq!(wrong_notifications(&lab, &[one.clone(), over.clone(), watchdog]), [""; 0]);
        assert_eq!(wrong_notifications(&lab, &[one.clone(), one.clone()]).len(), 1, "told twice");
        assert_eq!(wrong_notifications(&lab, &[over]).len(), 1, "only told that it is over");
        let link = call(true, labels(&[("alertname", "HeartbeatLinkDown")]));
        assert_eq!(wrong_notifications(&lab, &[one, link]), ["a notification about HeartbeatLinkDown, unexpectedly"]);
    }

    #[test]
    fn a_call_is_read() {
        let told =
            json!({ "at": 12.5, "call": { "status": "firing", "alerts": [{ "labels": { "alertname": "X" } }] } });
        let call = Call::read(&told).unwrap();
        assert!(call.firing && call.is_notification() && call.at > 12.0);
        assert!(Call::read(&json!({ "at": 1.0, "call": {} })).is_none());
    }

    #[test]
    fn whole_means_all_alive_and_none_missing() {
        let peer = |key: &str, state: &str| json!({ "key": key, "state": state });
        let list = |peers: Vec<Value>| json!({ "peers": peers });
        assert_eq!(sees_all(&list(vec![peer("a", "alive"), peer("b", "alive"), peer("c", "left")]), 2), Ok(()));
        assert_eq!(sees_all(&list(vec![peer("a", "alive")]), 2), Err("1 of 2 peers".into()));
        assert_eq!(sees_all(&list(vec![peer("a", "alive"), peer("b", "suspect")]), 2), Err("b is suspect".into()));
    }

    #[test]
    fn numbers_are_the_same_within_a_thousandth() {
        assert!(same_number(2.0, 2.0) && same_number(0.0, 0.0) && same_number(1000.0, 1000.5));
        assert!(!same_number(2.0, 1.0) && !same_number(0.0, 0.01) && !same_number(2.0, f64::NAN));
        assert_eq!(Span::parse("1s").map(|span| span.to_string()).as_deref(), Some("1 s"));
    }
}
