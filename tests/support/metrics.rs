//! Prometheus text, as far as the suites read it.

use std::collections::BTreeMap;

/// One scrape: each series with its labels, as written, and its value.
#[derive(Clone, Debug, Default)]
pub struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    pub fn parse(text: &str) -> Scrape {
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Scrape(samples.collect())
    }

    /// The series of this name whose labels contain all of `labels` (`peer="node-2"`).
    pub fn find(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let fits = |series: &str| {
            series.strip_prefix(name).is_some_and(|rest| {
                (rest.is_empty() || rest.starts_with('{')) && labels.iter().all(|label| rest.contains(label))
            })
        };
        self.0.iter().find(|(series, _)| fits(series)).map(|(_, value)| *value)
    }

    /// As [`Scrape::find`], and an error that names what is missing.
    pub fn value(&self, name: &str, labels: &[&str]) -> Result<f64, String> {
        self.find(name, labels).ok_or_else(|| format!("no series {name}{labels:?}"))
    }

    /// The sum over all series of this name.
    pub fn sum(&self, name: &str) -> f64 {
        let of_name =
            |series: &str| series.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'));
        self.0.iter().filter(|(series, _)| of_name(series)).map(|(_, value)| value).sum()
    }
}
