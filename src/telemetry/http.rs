//! The series of the HTTP server, made when a route is first asked for a code.

use std::collections::BTreeMap;

use metrics::{Counter, Histogram};

use super::catalogue;
use super::recorder::Recorder;

#[derive(Default)]
pub(super) struct HttpSeries {
    /// At most routes (twenty-one) times status codes.
    requests: BTreeMap<(&'static str, u16), Counter>,
    durations: BTreeMap<&'static str, Histogram>,
}

impl HttpSeries {
    pub(super) fn count(&mut self, recorder: &Recorder, route: &'static str, code: u16) -> &Counter {
        self.requests.entry((route, code)).or_insert_with(|| {
            recorder.counter(catalogue::HTTP_REQUESTS, &[("route", route), ("code", &code.to_string())])
        })
    }

    pub(super) fn duration(&mut self, recorder: &Recorder, route: &'static str) -> &Histogram {
        self.durations.entry(route).or_insert_with(|| recorder.histogram(catalogue::HTTP_DURATION, &[("route", route)]))
    }
}
