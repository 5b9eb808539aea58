//! Plays a lab in a world: does its steps, waits for what each expects, prints what happens, and measures.
//!
//! A wait is a condition with a deadline. A step begins when its first act begins, and every time is counted from
//! there; the engine's log has the moments of lines, so a time does not depend on how often it is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::clock;
use super::plan::check::{self, Call, Labels, Line};
use super::plan::figures::{Measurement, Sentence, seconds};
use super::plan::lab::{Act, Alert, Expect, Lab, Panel, Span, Step, Wanted};
use super::plan::time;
use super::world::World;
use crate::support::compose::encode;
use crate::support::dashboard;

/// Between two looks. A look is a few requests on loopback.
const LOOK: Duration = Duration::from_millis(200);
/// Evaluations in a row without an alert, even a pending one, until nothing more is to come.
const CALM_EVALUATIONS: usize = 3;
/// An alert with such a wait cannot fire within a lab, and is pending long after one: promtool shows when it fires.
const PATIENT: Duration = Duration::from_secs(300);
/// How long a world may take to be whole and calm before a lab begins. On a busy machine the first round trips are slow,
/// and the rules have forgotten them only after minutes.
const BEFORE: Span = Span(Duration::from_secs(300));

/// What a run showed.
#[derive(Debug, Default)]
pub struct Seen {
    pub figures: Vec<Measurement>,
    pub said: Vec<Sentence>,
    pub alerts: Vec<String>,
    pub notifications: Vec<String>,
}

pub struct Play<'a> {
    lab: &'a Lab,
    world: &'a mut dyn World,
    tell: &'a dyn Fn(&str),
    began: f64,
    seen: Seen,
}

/// Plays the lab to its end, or to the first thing that is not as it should be.
///
/// # Errors
/// What was expected and what was there instead.
pub fn play(lab: &Lab, world: &mut dyn World, tell: &dyn Fn(&str)) -> Result<Seen, String> {
    let mut play = Play { lab, world, tell, began: clock::now(), seen: Seen::default() };
    play.prepare()?;
    play.began = clock::now();
    // From the moment of the last step on, everything has to come back.
    let mut healed = whole(lab.size(), lab.heals.nodes);
    healed.figure = Some("all nodes see all nodes, counted from the last step".to_owned());
    let last = lab.steps.len() - 1;
    for (index, step) in lab.steps.iter().enumerate() {
        let expects = step.expect.iter().chain((index == last).then_some(&healed));
        play.step(step, expects.collect())?;
    }
    play.calm_down()?;
    play.settle_accounts()?;
    Ok(play.seen)
}

impl Play<'_> {
    fn say(&self, text: &str) {
        (self.tell)(&format!("{:6.1}  {text}", clock::now() - self.began));
    }

    /// A lab starts from a whole mesh and no alert: else it would find what it did not do.
    fn prepare(&mut self) -> Result<(), String> {
        self.say("until all nodes see each other and no alert is left from before");
        let (whole, calm) = (whole(self.world.nodes().len(), BEFORE), calm(BEFORE));
        self.wait(vec![&whole, &calm], clock::now(), false)
            .map_err(|problem| format!("before the first step: {problem}"))
    }

    fn step(&mut self, step: &Step, expects: Vec<&Expect>) -> Result<(), String> {
        self.say(&step.say);
        let since = clock::now();
        for act in &step.acts {
            if let Some(command) = self.world.command(act) {
                self.say(&format!("  $ {command}"));
            }
            match act {
                Act::Hold(span) => sleep(span.0),
                act => self.world.act(act)?,
            }
        }
        self.wait(expects, since, true).map_err(|problem| format!("\"{}\": {problem}", step.say))
    }

    /// After the last step no alert is left, and none is about to come.
    fn calm_down(&mut self) -> Result<(), String> {
        self.say("until no alert is left");
        let calm = calm(self.lab.heals.alerts);
        self.wait(vec![&calm], clock::now(), true)
    }

    /// Waits until all of it is so.
    fn wait(&mut self, expects: Vec<&Expect>, since: f64, told: bool) -> Result<(), String> {
        let mut open = expects;
        // A deadline counts from here: what was done took its own time.
        let waiting = clock::now();
        let mut quiet = Quiet { outlasting: self.lab.outlasting(), ..Quiet::default() };
        while !open.is_empty() {
            let mut still_open = Vec::new();
            for expect in open {
                match self.look(expect, since, &mut quiet) {
                    Ok(met) if told => self.met(expect, met, since),
                    Ok(_) => {}
                    Err(complaint) => {
                        let within = expect.within.unwrap_or(BEFORE);
                        if clock::now() - waiting > within.0.as_secs_f64() {
                            return Err(format!("{}: not within {within}: {complaint}", describe(expect)));
                        }
                        still_open.push(expect);
                    }
                }
            }
            open = still_open;
            if !open.is_empty() {
                sleep(LOOK);
            }
        }
        Ok(())
    }

    fn met(&mut self, expect: &Expect, met: Met, since: f64) {
        let took = (met.at - since).max(0.0);
        for line in &met.lines {
            self.say(&format!("  {}: {}", line.node, line.sentence()));
        }
        self.say(&format!("  ok, {} after {}", describe(expect), seconds(took)));
        self.seen
            .said
            .extend(met.lines.iter().map(|line| Sentence { node: line.node.clone(), sentence: line.sentence() }));
        if let Some(what) = &expect.figure {
            let within = expect.within.unwrap_or(BEFORE).to_string();
            let took = (took * 1000.0).round() / 1000.0;
            self.seen.figures.push(Measurement { what: what.clone(), seconds: took, within });
        }
    }

    /// Whether it is so now, and since when, or what is there instead.
    fn look(&self, expect: &Expect, since: f64, quiet: &mut Quiet) -> Result<Met, String> {
        match expect.wanted()? {
            Wanted::Log(said) => {
                let since = if expect.or_earlier.is_some() { self.began } else { since };
                let lines = self.world.log();
                let found: Vec<Line> = said.find(&lines, since)?.into_iter().cloned().collect();
                let at = found.iter().map(|line| line.at).fold(since, f64::max);
                return Ok(Met { at, lines: found });
            }
            Wanted::View(view) => {
                for node in &view.by.0 {
                    let list = self.world.node(node, "/api/v1/peers")?;
                    let peers = list["peers"].as_array().map(Vec::as_slice).unwrap_or_default();
                    let peer = peers.iter().find(|peer| peer["key"] == view.peer.as_str());
                    let is = peer.map_or_else(|| "not watched".to_owned(), check::summary);
                    if is != view.is {
                        return Err(format!("to {node} it is {is}"));
                    }
                }
            }
            Wanted::Firing(alert) => self.firing(alert)?,
            Wanted::Notified(alert) => return self.notified(alert, since),
            Wanted::Query(asked) => {
                let values = query(self.world, &asked.expr)?;
                let values: Vec<f64> = values.iter().filter_map(value_of).collect();
                if !matches!(values.as_slice(), [only] if check::same_number(asked.is, *only)) {
                    return Err(format!("it is {values:?}"));
                }
            }
            Wanted::Panel(panel) => self.shows(panel)?,
            Wanted::Whole(size) => {
                for node in self.world.nodes() {
                    let list = self.world.node(&node, "/api/v1/peers")?;
                    check::sees_all(&list, size - 1).map_err(|problem| format!("{node}: {problem}"))?;
                }
            }
            Wanted::Calm => quiet.look(self.world)?,
        }
        Ok(Met { at: clock::now(), lines: Vec::new() })
    }

    fn firing(&self, alert: &Alert) -> Result<(), String> {
        let active = alerts_of_prometheus(self.world)?;
        let firing = active.iter().filter(|(_, state)| state == "firing");
        if firing.clone().any(|(labels, _)| check::is_alert(alert, labels)) {
            return Ok(());
        }
        let others: Vec<String> =
            active.iter().map(|(labels, state)| format!("{} {state}", check::alert_text(labels))).collect();
        Err(format!("there is {}", if others.is_empty() { "no alert".to_owned() } else { others.join(", ") }))
    }

    fn notified(&self, alert: &Alert, since: f64) -> Result<Met, String> {
        let calls = calls_since(self.world, self.began)?;
        let first = calls.iter().find(|call| call.is_notification() && call.is_about(alert));
        let first = first.ok_or_else(|| format!("{} calls, none about it", calls.len()))?;
        Ok(Met { at: first.at.max(since), lines: Vec::new() })
    }

    /// Whether the panel shows this in the one row that is asked for.
    fn shows(&self, panel: &Panel) -> Result<(), String> {
        let queries = dashboard::queries(&dashboard::dashboard());
        let asked = queries.iter().find(|query| query.panel == panel.title);
        let asked = asked.ok_or_else(|| format!("the dashboard has no panel {:?}", panel.title))?;
        let rows = query(self.world, &asked.expression)?;
        let is = |row: &Value, label: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| row["metric"][label] == wanted.as_str())
        };
        let asked = rows.iter().filter(|row| is(row, "node", &panel.node) && is(row, "peer", &panel.peer));
        let values: Vec<f64> = asked.filter_map(value_of).collect();
        let [value] = values.as_slice() else { return Err(format!("it shows {values:?}")) };
        let same = panel.shows.is_none_or(|wanted| check::same_number(wanted, *value));
        let enough = panel.shows_at_least.is_none_or(|least| *value >= least);
        if same && enough { Ok(()) } else { Err(format!("it shows {value}")) }
    }

    /// Exactly the alarms, alerts and notifications that the lab lists, counted when nothing more is to come.
    fn settle_accounts(&mut self) -> Result<(), String> {
        let mut wrong = check::unexpected_alarms(self.lab, &self.world.log(), self.began);
        let fired = fired_since(self.world, self.began)?;
        wrong.extend(check::wrong_alerts(self.lab, &fired));
        let calls = calls_since(self.world, self.began)?;
        wrong.extend(check::wrong_notifications(self.lab, &calls));
        let loud = fired.iter().filter(|labels| !check::is_watchdog(labels));
        self.seen.alerts = loud.map(check::alert_text).collect();
        let told = calls.iter().filter(|call| call.is_notification());
        self.seen.notifications = told.map(|call| texts(&call.alerts)).collect();
        self.say(&format!("alerts that fired: {}", listed(&self.seen.alerts)));
        self.say(&format!("notifications: {}", listed(&self.seen.notifications)));
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n  ")) }
    }
}

struct Met {
    at: f64,
    lines: Vec<Line>,
}

fn whole(size: usize, within: Span) -> Expect {
    Expect { whole: Some(size), within: Some(within), ..Expect::default() }
}

fn calm(within: Span) -> Expect {
    Expect { calm: Some(true), within: Some(within), ..Expect::default() }
}

fn texts(alerts: &[Labels]) -> String {
    alerts.iter().map(check::alert_text).collect::<Vec<_>>().join(" and ")
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What is waited for, in a few words.
fn describe(expect: &Expect) -> String {
    match expect.wanted() {
        Err(problem) => problem,
        Ok(Wanted::Log(said)) => {
            let about = said.peer.as_ref().map_or(String::new(), |peer| format!(" about {peer}"));
            format!("{} log {}{about}", said.by.0.join(" and "), said.event)
        }
        Ok(Wanted::View(view)) => format!("to {} {} is {}", view.by.0.join(" and "), view.peer, view.is),
        Ok(Wanted::Firing(alert)) => format!("{alert} fires"),
        Ok(Wanted::Notified(alert)) => format!("a notification of {alert}"),
        Ok(Wanted::Query(query)) => format!("{} is {}", query.expr, query.is),
        Ok(Wanted::Panel(panel)) => {
            let row = [&panel.node, &panel.peer].into_iter().flatten().cloned().collect::<Vec<_>>().join(" to ");
            let least = panel.shows_at_least.map(|least| format!("at least {least}"));
            let number = least.or(panel.shows.map(|number| number.to_string())).unwrap_or_default();
            format!("the panel \"{}\" shows {number}{}{row}", panel.title, if row.is_empty() { "" } else { " for " })
        }
        Ok(Wanted::Whole(size)) => format!("all {size} nodes see each other"),
        Ok(Wanted::Calm) => "no alert is left or about to come".to_owned(),
    }
}

/// Counts evaluations of the rules in which no alert was even pending: a condition that will fire is pending first.
#[derive(Default)]
struct Quiet {
    evaluations: usize,
    /// All groups have to be evaluated after this moment to count as one more evaluation.
    mark: f64,
    /// Those that may go on after the lab.
    outlasting: Vec<Alert>,
}

impl Quiet {
    fn look(&mut self, world: &dyn World) -> Result<(), String> {
        let rules = world.prometheus("/api/v1/rules")?;
        let groups = rules["data"]["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
        let outlasts = |labels: &Labels| self.outlasting.iter().any(|alert| check::is_alert(alert, labels));
        let mut active = groups.iter().flat_map(|group| near_alerts(group, &outlasts)).collect::<Vec<String>>();
        let sent = world.alertmanager("/api/v2/alerts")?;
        let sent = sent.as_array().into_iter().flatten().map(|alert| labels_of(&alert["labels"]));
        active.extend(
            sent.filter(|labels| !check::is_watchdog(labels) && !outlasts(labels))
                .map(|labels| format!("{} is in Alertmanager", check::alert_text(&labels))),
        );
        if !active.is_empty() {
            (self.evaluations, self.mark) = (0, 0.0);
            return Err(active.join(", "));
        }
        let times = groups.iter().filter_map(|group| time::parse(group["lastEvaluation"].as_str()?));
        let oldest = times.clone().fold(f64::INFINITY, f64::min);
        if groups.is_empty() || times.count() < groups.len() {
            return Err("Prometheus has evaluated no rules".to_owned());
        }
        if oldest > self.mark {
            self.evaluations += 1;
            self.mark = clock::now();
        }
        match self.evaluations {
            count if count > CALM_EVALUATIONS => Ok(()),
            count => Err(format!("{count} quiet evaluations, one more than {CALM_EVALUATIONS} wanted")),
        }
    }
}

/// Alerts of a group that fire, or are pending and may fire while a lab runs.
fn near_alerts(group: &Value, outlasts: &dyn Fn(&Labels) -> bool) -> Vec<String> {
    let rules = group["rules"].as_array().into_iter().flatten();
    let alerts = rules.flat_map(|rule| {
        let patient = rule["duration"].as_f64().is_some_and(|wait| wait >= PATIENT.as_secs_f64());
        let alerts = rule["alerts"].as_array().into_iter().flatten();
        alerts.filter(move |alert| !(patient && alert["state"] == "pending"))
    });
    let alerts = alerts.map(|alert| (labels_of(&alert["labels"]), alert["state"].as_str().unwrap_or("?")));
    let alerts = alerts.filter(|(labels, _)| !check::is_watchdog(labels) && !outlasts(labels));
    alerts.map(|(labels, state)| format!("{} is {state}", check::alert_text(&labels))).collect()
}

fn labels_of(labels: &Value) -> Labels {
    let pairs = labels.as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Alerts that are pending or firing, with their state.
fn alerts_of_prometheus(world: &dyn World) -> Result<Vec<(Labels, String)>, String> {
    let answer = world.prometheus("/api/v1/alerts")?;
    let alerts = answer["data"]["alerts"].as_array().ok_or_else(|| format!("no alerts in {answer}"))?;
    Ok(alerts
        .iter()
        .map(|alert| (labels_of(&alert["labels"]), alert["state"].as_str().unwrap_or("?").to_owned()))
        .collect())
}

/// The value of an instant query's result.
fn value_of(result: &Value) -> Option<f64> {
    result["value"][1].as_str()?.parse().ok()
}

fn query(world: &dyn World, expression: &str) -> Result<Vec<Value>, String> {
    let answer = world.prometheus(&format!("/api/v1/query?query={}", encode(expression)))?;
    answer["data"]["result"].as_array().cloned().ok_or_else(|| format!("no result for {expression}: {answer}"))
}

/// Every alert that fired at any evaluation since then, however short.
fn fired_since(world: &dyn World, since: f64) -> Result<BTreeSet<Labels>, String> {
    let span = (clock::now() - since).ceil().max(1.0);
    let results = query(world, &format!("ALERTS{{alertstate=\"firing\"}}[{span}s]"))?;
    let labels = results.iter().map(|result| {
        let mut labels: BTreeMap<String, String> = labels_of(&result["metric"]);
        ["__name__", "alertstate"].iter().for_each(|name| drop(labels.remove(*name)));
        labels
    });
    Ok(labels.collect())
}

fn calls_since(world: &dyn World, since: f64) -> Result<Vec<Call>, String> {
    let told = world.calls()?;
    let calls = told.as_array().ok_or_else(|| format!("no list of calls: {told}"))?;
    let calls: Vec<Call> = calls.iter().filter_map(Call::read).filter(|call| call.at >= since).collect();
    Ok(calls)
}
