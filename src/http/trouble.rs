//! Trouble with callers, told when it begins and when it ends: one line each, however often it happens between.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::closed_set::closed_set;
use crate::detector::time::Monotonic;
use crate::render;
use crate::telemetry::logs::TARGET;

/// Trouble is over when it has not happened for this long.
const QUIET: Duration = Duration::from_secs(10);

closed_set! {
    /// What can go wrong with connections.
    pub(super) enum Kind {
        /// All are taken: callers are closed to make room, or refused.
        Full,
        /// They cannot be accepted.
        Accept,
        /// Answers are not read.
        Unread,
        /// They do not get through the TLS handshake.
        Handshake,
    }
}

type Episodes = [Option<Episode>; Kind::ALL.len()];

/// What is going wrong now with callers, of both ports: they share the process's descriptors and memory.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<Episodes>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Episode {
    began: Monotonic,
    last: Monotonic,
    count: u64,
}

impl Troubles {
    /// It happened at `port`. `why` is for the line that is written when it begins.
    pub(super) fn happened(&self, kind: Kind, port: &'static str, now: Monotonic, why: impl FnOnce() -> String) {
        let mut episodes = self.lock();
        let episode = &mut episodes[kind as usize];
        if let Some(episode) = episode {
            episode.last = now;
            episode.count += 1;
            return;
        }
        *episode = Some(Episode { began: now, last: now, count: 1 });
        drop(episodes);
        tell_begin(kind, port, &why());
    }

    /// Whether anything is going wrong.
    pub(super) fn any(&self) -> bool {
        self.lock().iter().any(Option::is_some)
    }

    /// Tells what is over.
    pub(super) fn end(&self, now: Monotonic) {
        for kind in Kind::ALL {
            let over = self.lock()[kind as usize].take_if(|episode| now - episode.last >= QUIET);
            if let Some(episode) = over {
                tell_end(kind, episode.last - episode.began, episode.count);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Episodes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell_begin(kind: Kind, port: &'static str, why: &str) {
    macro_rules! line {
            ($event:literal, $sentence:expr, $message:literal) => {
                tracing::warn!(target: TARGET, event = $event, port, error = why, sentence = $sentence, $message)
            };
        }
    match kind {
        Kind::Full => line!(
            "connections_full",
            format!(
                "reached its limit of connections ({port} port): {why}; closes idle callers, or refuses new ones with 503"
            ),
            "Too many connections: limit reached"
        ),
        Kind::Accept => line!(
            "accept_failed",
            format!(
                "cannot accept connections ({port} port): {why}; if file descriptors have run out, raise their \
                     limit (ulimit -n, LimitNOFILE) or lower --max-connections"
            ),
            "Connections cannot be accepted"
        ),
        Kind::Unread => line!(
            "answers_unread",
            format!("closes callers that do not read their answers ({port} port): {why}"),
            "Callers do not read their answers"
        ),
        Kind::Handshake => line!(
            "tls_handshakes_failed",
            format!(
                "refuses callers without the right TLS ({port} port): {why}; if they are peers, compare certificates and \
                     authorities, and write https:// in their --peers"
            ),
            "TLS handshakes fail"
        ),
    }
}

fn tell_end(kind: Kind, lasted: Duration, count: u64) {
    let length = render::span(lasted);
    macro_rules! line {
            ($event:literal, $sentence:expr, $message:literal) => {
                tracing::info!(
                    target: TARGET,
                    event = $event,
                    count,
                    lasted_s = lasted.as_secs_f64(),
                    sentence = $sentence,
                    $message
                )
            };
        }
    match kind {
        Kind::Full => line!(
            "connections_free",
            format!("has free connections again; closed or refused in {length}: {count}"),
            "Connections are free again"
        ),
        Kind::Accept => line!(
            "accept_recovered",
            format!("accepts connections again; failures in {length}: {count}"),
            "Connections are accepted again"
        ),
        Kind::Unread => line!(
            "answers_read",
            format!("callers that did not read their answers, closed in {length}: {count}"),
            "No more callers that do not read their answers"
        ),
        Kind::Handshake => line!(
            "tls_handshakes_succeed",
            format!("callers without the right TLS, refused in {length}: {count}"),
            "No more TLS handshakes that fail"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;
    use crate::telemetry::logs;

    #[test]
    fn each_kind_has_one_line_when_it_begins_and_one_when_it_ends() {
        let at = |second| Monotonic(Duration::from_secs(second));
        for (kind, begins, ends) in [
            (Kind::Full, "connections_full", "connections_free"),
            (Kind::Accept, "accept_failed", "accept_recovered"),
            (Kind::Unread, "answers_unread", "answers_read"),
            (Kind::Handshake, "tls_handshakes_failed", "tls_handshakes_succeed"),
        ] {
            let troubles = Troubles::default();
            let told = logs::tests::logged_lines(LogLevel::Info, || {
                for second in 0..60 {
                    // Both ports, a thousand times a second.
                    for time in 0..1000 {
                        let port = if time % 2 == 0 { "main" } else { "metrics" };
                        troubles.happened(kind, port, at(second), || "all are taken".to_owned());
                    }
                    troubles.end(at(second));
                }
                (60..100).for_each(|second| troubles.end(at(second)));
            });
            let events: Vec<_> = told.iter().map(|line| (line["event"].as_str(), line["level"].as_str())).collect();
            assert_eq!(events, [(Some(begins), Some("warn")), (Some(ends), Some("info"))], "{told:?}");
            assert_eq!((&told[0]["error"], &told[0]["port"]), (&"all are taken".into(), &"main".into()), "{told:?}");
            assert_eq!((&told[1]["count"], &told[1]["lasted_s"]), (&60_000.into(), &59.0.into()), "{told:?}");
        }
    }

    #[test]
    fn trouble_lasts_until_it_has_been_quiet() {
        let troubles = Troubles::default();
        let at = |second| Monotonic(Duration::from_secs(second));
        let mut told = 0;
        for second in [5, 6, 14, 23] {
            troubles.happened(Kind::Accept, "main", at(second), || {
                told += 1;
                String::new()
            });
            troubles.end(at(second + 1));
        }
        assert_eq!(told, 1);
        let episode = troubles.lock()[Kind::Accept as usize];
        assert_eq!(episode, Some(Episode { began: at(5), last: at(23), count: 4 }));
        troubles.end(at(33));
        assert!(!troubles.any());
    }
}
