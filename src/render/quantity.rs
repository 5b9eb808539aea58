//! Lengths of time in one format for every text.

use std::time::Duration;

/// A length of time for people: "4 ms", "0.25 s", "12.4 s", "2 min 10 s", "3 h 05 min", "2 d 04 h". Hundredths of a
/// second below ten seconds, where they tell detectors apart; always rounded down, so that "1 min" was a whole minute.
pub fn span(time: Duration) -> String {
    let (seconds, ms) = (time.as_secs(), time.subsec_millis());
    match seconds {
        0 if (1..10).contains(&ms) => format!("{ms} ms"),
        0..10 => format!("{} s", decimals(seconds, ms / 10, 2)),
        10..60 => format!("{} s", decimals(seconds, ms / 100, 1)),
        60..3_600 => two_units(seconds, (60, "min"), (1, "s")),
        3_600..86_400 => two_units(seconds, (3_600, "h"), (60, "min")),
        _ => two_units(seconds, (86_400, "d"), (3_600, "h")),
    }
}

/// Whole seconds from one second on: a sentence is read a moment after it was true.
pub(super) fn rough(time: Duration) -> String {
    if time < Duration::from_secs(1) { span(time) } else { span(Duration::from_secs(time.as_secs())) }
}

/// A round trip in milliseconds: "0.84 ms", "12.3 ms", "1204 ms".
pub fn round_trip(time: Duration) -> String {
    let us = time.as_micros();
    match us {
        0..10_000 => format!("{}.{:02} ms", us / 1000, us % 1000 / 10),
        10_000..100_000 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        _ => format!("{} ms", us / 1000),
    }
}

/// `whole.fraction` without trailing zeros; `fraction` has `width` digits.
fn decimals(whole: u64, fraction: u32, width: usize) -> String {
    let text = format!("{whole}.{fraction:0width$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The smaller unit with two digits, except seconds after minutes: "1 min 8 s", "2 h 05 min".
fn two_units(seconds: u64, (large, large_name): (u64, &str), (small, small_name): (u64, &str)) -> String {
    let (many, few) = (seconds / large, seconds % large / small);
    match few {
        0 => format!("{many} {large_name}"),
        _ if small == 1 => format!("{many} {large_name} {few} {small_name}"),
        _ => format!("{many} {large_name} {few:02} {small_name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_one_format() {
        let table = [
            (0, "0 s"),
            (1, "1 ms"),
            (9, "9 ms"),
            (10, "0.01 s"),
            (250, "0.25 s"),
            (251, "0.25 s"),
            (3_000, "3 s"),
            (9_999, "9.99 s"),
            (10_000, "10 s"),
            (12_499, "12.4 s"),
            (60_000, "1 min"),
            (88_000, "1 min 28 s"),
            (130_900, "2 min 10 s"),
            (3_600_000, "1 h"),
            (7_500_000, "2 h 05 min"),
            (86_400_000, "1 d"),
            (187_200_000, "2 d 04 h"),
        ];
        for (time, text) in table {
            assert_eq!(span(Duration::from_millis(time)), text);
        }
        assert_eq!(span(Duration::MAX), "213503982334601 d 07 h");
    }

    #[test]
    fn round_trips_are_in_milliseconds() {
        let table = [(0, "0.00 ms"), (846, "0.84 ms"), (9_999, "9.99 ms"), (12_345, "12.3 ms"), (1_204_000, "1204 ms")];
        for (us, text) in table {
            assert_eq!(round_trip(Duration::from_micros(us)), text);
        }
    }
}
