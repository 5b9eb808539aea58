//! Requests that claim to be from a node and lack the mesh key or the certificate of one: counted, and reported once a minute for each
//! reason, however many there are.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::detector::time::Monotonic;
use crate::mesh_key::guard::Unverified;
use crate::telemetry::Metrics;
use crate::telemetry::logs::TARGET;

/// Between two lines about the same reason.
const EVERY: Duration = Duration::from_secs(60);
/// Addresses that a line names. The rest is counted.
const NAMED: usize = 4;

/// What has not been reported yet, for each reason.
#[derive(Debug, Default)]
pub struct Strangers(Mutex<[Unreported; Unverified::ALL.len()]>);

#[derive(Clone, Debug, Default)]
struct Unreported {
    last: Option<Monotonic>,
    count: u64,
    addresses: Vec<String>,
}

impl Strangers {
    /// It happened. The first time is reported at once, what follows with the next one after a minute.
    pub(super) fn happened(
        &self,
        reason: Unverified,
        now: Monotonic,
        metrics: &Metrics,
        from: impl FnOnce() -> String,
    ) {
        metrics.server().unverified(reason);
        if let Some((count, addresses)) = self.note(reason, now, from()) {
            report(reason, count, &addresses);
        }
    }

    fn note(&self, reason: Unverified, now: Monotonic, from: String) -> Option<(u64, Vec<String>)> {
        let mut unreported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unreported = &mut unreported[reason as usize];
        unreported.count += 1;
        if unreported.addresses.len() < NAMED && !unreported.addresses.contains(&from) {
            unreported.addresses.push(from);
        }
        let is_due = unreported.last.is_none_or(|last| now - last >= EVERY);
        is_due.then(|| {
            unreported.last = Some(now);
            (std::mem::take(&mut unreported.count), std::mem::take(&mut unreported.addresses))
        })
    }
}

fn report(reason: Unverified, count: u64, addresses: &[String]) {
    let what = match reason {
        Unverified::Missing => "without a mesh key",
        Unverified::Different => "with another mesh key",
        Unverified::Failed => "with a tag that does not fit",
        Unverified::Certificate => "without a certificate",
    };
    let compare = match reason {
        Unverified::Certificate => "give them certificates (--tls-cert-file)",
        _ => "compare the key files (--mesh-key-file)",
    };
    let from = addresses.join(", ");
    tracing::warn!(
        target: TARGET,
        event = "unverified_requests",
        reason = reason.as_str(),
        count,
        addresses = from,
        sentence = format!(
            "{count} requests that claim to be from a node came {what}, from {from}; if they are from nodes of this \
             mesh, {compare}"
        ),
        "Requests of nodes that are not verified"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_line_a_minute_for_each_reason() {
        let strangers = Strangers::default();
        let at = |second| Monotonic(Duration::from_secs(second));
        let note = |reason, second, from: &str| strangers.note(reason, at(second), from.to_owned());
        assert_eq!(note(Unverified::Failed, 5, "::1"), Some((1, vec!["::1".to_owned()])));
        for n in 0..1000 {
            assert_eq!(note(Unverified::Failed, 6 + n % 50, &format!("10.0.0.{}", n % 200)), None);
        }
        assert_eq!(note(Unverified::Missing, 7, "::1"), Some((1, vec!["::1".to_owned()])));
        let (count, addresses) = note(Unverified::Failed, 65, "::1").unwrap();
        assert_eq!((count, addresses.len()), (1001, NAMED));
    }
}
