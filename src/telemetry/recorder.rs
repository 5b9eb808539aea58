//! The exporter behind a plain face: handles by name, and its text put in order.
//!
//! It keeps the series about this node; those of peers have a text of their own (`peer.rs`), which is put between.
//! Two things the exporter cannot do are done on its text. A counter of seconds is called a
//! counter (its own counters are whole numbers). And families come in the
//! catalogue's order, series sorted: two scrapes can be compared by eye.

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::catalogue::{CATALOGUE, Kind, Metric};
use super::exposition::Exposition;

static METADATA: Metadata<'static> = Metadata::new("heartbeat", Level::INFO, None);

pub(super) struct Recorder {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Recorder {
    /// A recorder that knows the catalogue's descriptions and buckets.
    pub(super) fn new() -> Result<Recorder, BuildError> {
        let mut builder = PrometheusBuilder::new();
        for metric in CATALOGUE.iter().filter(|metric| metric.kind == Kind::Histogram && !metric.per_peer) {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), metric.buckets)?;
        }
        let recorder = builder.build_recorder();
        for metric in CATALOGUE.iter().filter(|metric| !metric.per_peer) {
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
    pub(super) fn start_at_zero(&self, metric: &Metric) {
        let closed: Vec<Option<(&'static str, &str)>> = match metric.labels {
            [] => vec![None],
            [label, ..] => (label.values)().into_iter().map(|value| Some((label.name, value))).collect(),
        };
        for label in closed {
            let labels: Vec<(&'static str, &str)> = label.into_iter().collect();
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

    /// The exposition. `of_peers` writes the families that are about peers.
    pub(super) fn render(&self, of_peers: impl FnMut(&Metric, &mut Exposition)) -> String {
        in_order(&self.handle.render(), of_peers)
    }
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<Label> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(name, labels)
}

/// The exporter writes one block a family: help, type, series, blank line.
fn in_order(text: &str, mut of_peers: impl FnMut(&Metric, &mut Exposition)) -> String {
    let mut blocks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for block in text.split("\n\n") {
        let (comments, series): (Vec<&str>, Vec<&str>) =
            block.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('#'));
        if let Some(name) = comments.iter().find_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
            blocks.insert(name, series);
        }
    }
    let mut out = Exposition::default();
    // Only what is in the catalogue is ours to publish, should a dependency use the global recorder.
    for metric in CATALOGUE {
        if metric.per_peer {
            of_peers(metric, &mut out);
            continue;
        }
        let Some(mut series) = blocks.remove(metric.name).filter(|series| !series.is_empty()) else { continue };
        if metric.kind == Kind::Histogram {
            // Stable: buckets stay in the order of their bounds, which is not that of their text.
            series.sort_by_key(|line| labels_without_bound(line));
        } else {
            series.sort_unstable();
        }
        out.begin(metric);
        series.into_iter().for_each(|line| out.line(line));
    }
    out.into_text()
}

/// The labels of a histogram's line, without its bucket's bound, which is always the last.
fn labels_without_bound(line: &str) -> &str {
    let labels = line.split_once('{').map_or("", |(_, rest)| rest);
    let labels = labels.rsplit_once('}').map_or("", |(labels, _)| labels);
    labels.rsplit_once("le=\"").map_or(labels, |(labels, _)| labels).trim_end_matches(',')
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;
    use super::*;

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
    fn families_come_in_the_catalogue_s_order_and_foreign_ones_not_at_all() {
        let text = "# HELP other x\n# TYPE other counter\nother 1\n\n# HELP heartbeat_cut_off x\n\
            # TYPE heartbeat_cut_off gauge\nheartbeat_cut_off 0\n\n# TYPE heartbeat_peers gauge\n\
            heartbeat_peers{state=\"dead\"} 2\nheartbeat_peers{state=\"alive\"} 1\n\n";
        let ordered = in_order(text, |metric, out| {
            if metric.name == catalogue::PEER_UP {
                out.line("of a peer");
            }
        });
        let series: Vec<&str> = ordered.lines().filter(|line| !line.starts_with('#')).collect();
        let peers = ["heartbeat_peers{state=\"alive\"} 1", "heartbeat_peers{state=\"dead\"} 2"];
        assert_eq!(series, ["of a peer", peers[0], peers[1], "heartbeat_cut_off 0"]);
    }
}
