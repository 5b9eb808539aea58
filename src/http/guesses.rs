//! Tokens that were refused: counted, told once a minute with the last address, and slowed down.
//!
//! A token of sixteen random characters is not found by trying. But anyone who tries is worth a line in the log, and a
//! weak token should not be tried six thousand times a second. The right token is never delayed, so nobody can keep the
//! operator out.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::remote;
use crate::detector::time::Monotonic;
use crate::telemetry::logs::TARGET;

/// How often refused tokens are told, and how long they are remembered.
const WINDOW: Duration = Duration::from_secs(60);
/// Refused tokens within [`WINDOW`] that are answered at once: a person who mistypes.
const FREE: u64 = 10;
/// Before each further answer. Within a connection answers come one after the other.
const PAUSE: Duration = Duration::from_secs(3);

/// The refused tokens of the last minute.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    began: Option<Monotonic>,
    count: u64,
    /// Told already.
    told: u64,
}

impl Guesses {
    /// A token was refused. Returns how long the answer has to wait.
    pub(super) fn refused(&self, now: Monotonic, from: Option<IpAddr>) -> Duration {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = window.began.is_none_or(|began| now - began >= WINDOW);
        if is_over {
            let untold = window.count - window.told;
            *window = Window { began: Some(now), count: 0, told: 1 };
            tell(untold + 1, from);
        }
        window.count += 1;
        if window.count > FREE { PAUSE } else { Duration::ZERO }
    }
}

fn tell(count: u64, from: Option<IpAddr>) {
    let from = remote::shown(from);
    let requests = if count == 1 { "a request".to_owned() } else { format!("{count} requests") };
    tracing::warn!(
        target: TARGET,
        event = "token_refused",
        count,
        from,
        sentence = format!("refused {requests} with a wrong token, the last from {from}"),
        "A token was refused"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;
    use crate::telemetry::logs;

    /// Six thousand guesses a second, for three minutes, from several addresses.
    #[test]
    fn wrong_tokens_are_told_once_a_minute_with_their_count_and_an_address() {
        let guesses = Guesses::default();
        let from = |last: u64| Some(IpAddr::from([192, 0, 2, u8::try_from(last).unwrap()]));
        let lines = logs::tests::logged_lines(LogLevel::Info, || {
            for second in 0..180 {
                for guess in 0..6000u64 {
                    let now = Monotonic(Duration::from_micros(second * 1_000_000 + guess * 100));
                    guesses.refused(now, from(second / 60 + 1));
                }
            }
            guesses.refused(Monotonic(Duration::from_secs(3600)), None);
        });
        let told: Vec<_> = lines
            .iter()
            .map(|line| {
                (line["level"].as_str().unwrap(), line["count"].as_u64().unwrap(), line["from"].as_str().unwrap())
            })
            .collect();
        // Each but the first of a minute is told with the next minute.
        let expected =
            [(1, "192.0.2.1"), (360_000, "192.0.2.2"), (360_000, "192.0.2.3"), (360_000, "an unknown address")];
        assert_eq!(told, expected.map(|(count, from)| ("warn", count, from)), "{lines:?}");
    }

    #[test]
    fn ten_wrong_tokens_a_minute_are_answered_at_once() {
        let guesses = Guesses::default();
        let at = |second| Monotonic(Duration::from_secs(second));
        for second in 0..10 {
            assert_eq!(guesses.refused(at(second), None), Duration::ZERO);
        }
        assert_eq!(guesses.refused(at(11), None), PAUSE);
        assert_eq!(guesses.refused(at(59), None), PAUSE);
        assert_eq!(guesses.refused(at(60), None), Duration::ZERO, "a minute later the count begins again");
    }
}
