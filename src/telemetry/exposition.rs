//! Prometheus' text format, version 0.0.4: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//!
//! The series of peers are written here, from plain numbers, and not by the exporter: for a thousand peers its copy of
//! all label sets takes 25 MiB and its text a tenth of a second.

use std::fmt::{Display, Write as _};

use super::catalogue::Metric;

/// The text, as far as it is written. Families come in the order in which they are begun.
#[derive(Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// What comes before the series of a metric.
    pub(super) fn begin(&mut self, metric: &Metric) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.0, "# HELP {} {}", metric.name, metric.help);
        let _ = writeln!(self.0, "# TYPE {} {}", metric.name, metric.kind.as_str());
    }

    /// A series that the exporter wrote.
    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A series of a peer. `suffix` is what a histogram adds to the name; `peer` and `label` are [escaped](escape).
    pub(super) fn series(
        &mut self,
        metric: &Metric,
        suffix: &str,
        peer: &str,
        label: Option<(&str, &str)>,
        value: impl Display,
    ) {
        for part in [metric.name, suffix, "{peer=\"", peer, "\""] {
            self.0.push_str(part);
        }
        if let Some((name, value)) = label {
            for part in [",", name, "=\"", value, "\""] {
                self.0.push_str(part);
            }
        }
        // Writing into a String cannot fail.
        let _ = writeln!(self.0, "}} {value}");
    }

    /// The series of a peer for each of `values` of the metric's own label.
    pub(super) fn each<V: Display>(
        &mut self,
        metric: &Metric,
        peer: &str,
        values: &[&'static str],
        value: impl Fn(&'static str) -> V,
    ) {
        let Some(label) = metric.labels.first() else { return };
        for name in values {
            self.series(metric, "", peer, Some((label.name, name)), value(name));
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// A label's value as the format wants it.
pub(super) fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;
    use super::*;

    #[test]
    fn a_family_as_the_format_has_it() {
        let mut out = Exposition::default();
        let state = catalogue::find(catalogue::PEER_STATE).unwrap();
        out.begin(state);
        let peer = escape("a\"\\\n:1");
        out.series(state, "", &peer, Some(("state", "dead")), 1.5);
        out.series(state, "_sum", &peer, None, 3u64);
        let expected = format!(
            "# HELP heartbeat_peer_state {}\n# TYPE heartbeat_peer_state gauge\n\
             heartbeat_peer_state{{peer=\"a\\\"\\\\\\n:1\",state=\"dead\"}} 1.5\n\
             heartbeat_peer_state_sum{{peer=\"a\\\"\\\\\\n:1\"}} 3\n",
            state.help
        );
        assert_eq!(out.into_text(), expected);
    }
}
