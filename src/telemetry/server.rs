//! What the server counts of connections, besides requests.

use metrics::{Counter, Gauge};

use super::catalogue;
use super::ends::{Closed, Refused};
use super::recorder::Recorder;
use crate::mesh_key::guard::Unverified;

/// Counters of connections that did not end by their callers' wish.
pub struct ServerSeries {
    refused: [Counter; Refused::ALL.len()],
    closed: [Counter; Closed::ALL.len()],
    accept_failures: Counter,
    floods: Counter,
    refused_tokens: Counter,
    key_file_unusable: Gauge,
    tls_files_unusable: Gauge,
    certificate_expiry: Gauge,
    unverified: [Counter; Unverified::ALL.len()],
    unverified_answers: [Counter; Unverified::ALL.len()],
}

impl ServerSeries {
    pub(super) fn new(recorder: &Recorder) -> ServerSeries {
        let reason = |name: &'static str, reason: &'static str| recorder.counter(name, &[("reason", reason)]);
        ServerSeries {
            refused: Refused::ALL.map(|why| reason(catalogue::CONNECTIONS_REFUSED, why.as_str())),
            closed: Closed::ALL.map(|why| reason(catalogue::CONNECTIONS_CLOSED, why.as_str())),
            accept_failures: recorder.counter(catalogue::ACCEPT_FAILURES, &[]),
            floods: recorder.counter(catalogue::STREAM_FLOODS, &[]),
            refused_tokens: recorder.counter(catalogue::TOKENS_REFUSED, &[]),
            key_file_unusable: recorder.gauge(catalogue::MESH_KEY_FILE_UNUSABLE, &[]),
            tls_files_unusable: recorder.gauge(catalogue::TLS_FILES_UNUSABLE, &[]),
            certificate_expiry: recorder.gauge(catalogue::CERTIFICATE_EXPIRY, &[]),
            unverified: Unverified::ALL.map(|why| reason(catalogue::UNVERIFIED_REQUESTS, why.as_str())),
            unverified_answers: Unverified::ALL.map(|why| reason(catalogue::UNVERIFIED_ANSWERS, why.as_str())),
        }
    }

    pub fn refused(&self, why: Refused) {
        self.refused[why as usize].increment(1);
    }

    pub fn closed(&self, why: Closed) {
        self.closed[why as usize].increment(1);
    }

    pub fn accept_failed(&self) {
        self.accept_failures.increment(1);
    }

    pub fn flood(&self) {
        self.floods.increment(1);
    }

    pub fn key_file_unusable(&self, unusable: bool) {
        self.key_file_unusable.set(f64::from(u8::from(unusable)));
    }

    pub fn tls_files_unusable(&self, unusable: bool) {
        self.tls_files_unusable.set(f64::from(u8::from(unusable)));
    }

    /// In seconds since 1970; `None`: there is no certificate.
    pub fn certificate_expires(&self, at: Option<u64>) {
        self.certificate_expiry.set(at.unwrap_or_default() as f64);
    }

    pub(crate) fn unverified(&self, why: Unverified) {
        self.unverified[why as usize].increment(1);
    }

    /// How many there were since the start, for each reason.
    pub(crate) fn unverified_answers(&self, counts: &[(Unverified, u64)]) {
        for (why, count) in counts {
            self.unverified_answers[*why as usize].absolute(*count);
        }
    }

    pub fn token_refused(&self) {
        self.refused_tokens.increment(1);
    }
}
