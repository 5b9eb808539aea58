//! The exporter behind a plain face: handles by name, and its text put in order.
//!
//! Three things the exporter cannot do are done on its text. Series of peers
//! that are no longer watched are left out. A counter of seconds is called a
//! counter (its own counters are whole numbers). And families come in the
//! catalogue's order, series sorted: two scrapes can be compared by eye.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::catalogue::{self, CATALOGUE, Kind, Metric};

static METADATA: Metadata<'static> = Metadata::new("heartbeat", Level::INFO, None);

pub(super) struct Recorder {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Recorder {
    /// A recorder that knows the catalogue's descriptions and buckets.
    pub(super) fn new(ping_timeout: Duration) -> Result<Recorder, BuildError> {
        let mut builder = PrometheusBuilder::new();
        for metric in CATALOGUE.iter().filter(|metric| metric.kind == Kind::Histogram) {
            builder =
                builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), &bounds(metric, ping_timeout))?;
        }
        let recorder = builder.build_recorder();
        for metric in CATALOGUE {
            let name = KeyName::from_const_str(metric.name);
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, None, metric.help.into()),
                Kind::SecondsCounter | Kind::Gauge => recorder.describe_gauge(name, None, metric.help.into()),
                Kind::Histogram => recorder.describe_histogram(name, None, metric.help.into()),
            }
        }
        let handle = recorder.handle();
        Ok(Recorder { recorder: Arc::new(recorder), handle })
    }

    /// Makes it the recorder of the whole program. `Err` when there is one.
    pub(super) fn install(&self) -> Result<(), ()> {
        metrics::set_global_recorder(self.recorder.clone()).map_err(|_| ())
    }

    pub(super) fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.recorder.register_counter(&key(name, labels), &METADATA)
    }

    pub(super) fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }

    pub(super) fn histogram(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Histogram {
        self.recorder.register_histogram(&key(name, labels), &METADATA)
    }

    /// Registers every series of a metric, one for each member of its label's set. Metrics
    /// have at most one closed label; those whose sets are not listed are skipped.
    pub(super) fn start_at_zero(&self, metric: &Metric, peer: Option<&str>) {
        let peer = peer.map(|peer| ("peer", peer));
        let closed: Vec<Option<(&'static str, &str)>> = match metric.labels {
            [] => vec![None],
            [label, ..] => (label.values)().into_iter().map(|value| Some((label.name, value))).collect(),
        };
        for label in closed {
            let labels: Vec<(&'static str, &str)> = peer.into_iter().chain(label).collect();
            match metric.kind {
                Kind::Counter => drop(self.counter(metric.name, &labels)),
                Kind::SecondsCounter | Kind::Gauge => drop(self.gauge(metric.name, &labels)),
                Kind::Histogram => drop(self.histogram(metric.name, &labels)),
            }
        }
    }

    pub(super) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// The exposition, with series of the peers in `watched` only.
    pub(super) fn render(&self, watched: &BTreeSet<&str>) -> String {
        tidy(&self.handle.render(), watched)
    }
}

/// The buckets of a histogram. The ping timeout is a bound of the round trips: what lies above it was no success.
fn bounds(metric: &Metric, ping_timeout: Duration) -> Vec<f64> {
    let mut bounds = metric.buckets.to_vec();
    if metric.name == catalogue::PING_DURATION {
        bounds.push(ping_timeout.as_secs_f64());
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
    }
    bounds
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<Label> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(name, labels)
}

/// The exporter writes one block a family: help, type, series, blank line.
fn tidy(text: &str, watched: &BTreeSet<&str>) -> String {
    let escaped: BTreeSet<String> = watched.iter().map(|key| escape(key)).collect();
    let mut families: Vec<(usize, &Metric, Vec<&str>)> = Vec::with_capacity(CATALOGUE.len());
    for block in text.split("\n\n") {
        let (comments, mut series): (Vec<&str>, Vec<&str>) =
            block.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('#'));
        let name = comments.iter().find_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        // Only what is in the catalogue is registered; a dependency that used the global recorder is not ours to publish.
        let Some(position) = name.and_then(|name| CATALOGUE.iter().position(|metric| metric.name == name)) else {
            continue;
        };
        series.retain(|line| peer_of(line).is_none_or(|peer| escaped.contains(peer)));
        let metric = &CATALOGUE[position];
        if metric.kind == Kind::Histogram {
            // Stable: buckets stay in the order of their bounds, which is not that of their text.
            series.sort_by_key(|line| labels_without_bound(line));
        } else {
            series.sort_unstable();
        }
        families.push((position, metric, series));
    }
    families.sort_by_key(|(position, _, _)| *position);
    let mut tidied = String::with_capacity(text.len());
    for (_, metric, series) in families.iter().filter(|(_, _, series)| !series.is_empty()) {
        // Writing into a String cannot fail.
        let _ = writeln!(tidied, "# HELP {} {}", metric.name, metric.help);
        let _ = writeln!(tidied, "# TYPE {} {}", metric.name, metric.kind.as_str());
        for line in series {
            tidied.push_str(line);
            tidied.push('\n');
        }
    }
    tidied
}

/// The labels of a histogram's line, without its bucket's bound, which is always the last.
fn labels_without_bound(line: &str) -> &str {
    let labels = line.split_once('{').map_or("", |(_, rest)| rest);
    let labels = labels.rsplit_once('}').map_or("", |(labels, _)| labels);
    labels.rsplit_once("le=\"").map_or(labels, |(labels, _)| labels).trim_end_matches(',')
}

/// The value of the label `peer`, which is always the first, still escaped.
fn peer_of(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("{peer=\"")?;
    let mut escaped = false;
    let end = rest.find(|c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some(&rest[..end])
}

/// A label's value as the exposition format writes it.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_of_a_line() {
        let table = [
            ("heartbeat_pings_total{peer=\"a:1\"} 5", Some("a:1")),
            ("heartbeat_peer_state{peer=\"[::1]:80\",state=\"dead\"} 0", Some("[::1]:80")),
            (r#"x{peer="a\"b\\"} 0"#, Some(r#"a\"b\\"#)),
            ("heartbeat_peers{state=\"dead\"} 0", None),
            ("heartbeat_stalled 0", None),
        ];
        for (line, peer) in table {
            assert_eq!(peer_of(line), peer, "{line}");
        }
    }

    #[test]
    fn the_lines_of_one_histogram_stay_together() {
        let table = [
            ("h_bucket{class=\"gone\",le=\"0.25\"} 1", "class=\"gone\""),
            ("h_bucket{class=\"gone\",le=\"+Inf\"} 1", "class=\"gone\""),
            ("h_sum{class=\"gone\"} 0.3", "class=\"gone\""),
            ("h_bucket{le=\"0.25\"} 1", ""),
            ("h_count 1", ""),
        ];
        for (line, labels) in table {
            assert_eq!(labels_without_bound(line), labels, "{line}");
        }
    }

    #[test]
    fn the_timeout_is_a_bound_once() {
        let round_trips = catalogue::find(catalogue::PING_DURATION).unwrap();
        let with = |ms| bounds(round_trips, Duration::from_millis(ms));
        assert!(with(2000).contains(&2.0) && with(2000).is_sorted());
        assert_eq!(with(2000).len(), round_trips.buckets.len() + 1);
        assert_eq!(with(2500).len(), round_trips.buckets.len());
    }

    #[test]
    fn foreign_families_and_unwatched_peers_are_left_out() {
        let text = "# HELP other x\n# TYPE other counter\nother 1\n\n# HELP heartbeat_pings_total x\n\
            # TYPE heartbeat_pings_total counter\nheartbeat_pings_total{peer=\"b\"} 2\nheartbeat_pings_total{peer=\"a\"} 1\n\n";
        let both = tidy(text, &BTreeSet::from(["a", "b"]));
        assert!(both.ends_with("counter\nheartbeat_pings_total{peer=\"a\"} 1\nheartbeat_pings_total{peer=\"b\"} 2\n"));
        assert!(!both.contains("other"));
        assert!(tidy(text, &BTreeSet::from(["c"])).is_empty());
    }
}
