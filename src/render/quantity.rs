//! Lengths of time, as people say them.

use std::time::Duration;

/// A length of time as a person says it: "0.251 s", "12.4 s", "2 m 10 s",
/// "3 h 5 m", "2 d 4 h". Milliseconds below ten seconds, where they tell
/// detectors apart; always rounded down, so that "1 m" was a whole minute.
pub fn span(time: Duration) -> String {
    let (seconds, ms) = (time.as_secs(), time.subsec_millis());
    match seconds {
        0..10 => format!("{} s", decimals(seconds, ms, 3)),
        10..60 => format!("{} s", decimals(seconds, ms / 100, 1)),
        60..3_600 => two_units(seconds, (60, "m"), (1, "s")),
        3_600..86_400 => two_units(seconds, (3_600, "h"), (60, "m")),
        _ => two_units(seconds, (86_400, "d"), (3_600, "h")),
    }
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

fn two_units(seconds: u64, (large, large_name): (u64, &str), (small, small_name): (u64, &str)) -> String {
    let (many, few) = (seconds / large, seconds % large / small);
    if few == 0 { format!("{many} {large_name}") } else { format!("{many} {large_name} {few} {small_name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_a_person_says_them() {
        let table = [
            (0, "0 s"),
            (1, "0.001 s"),
            (250, "0.25 s"),
            (251, "0.251 s"),
            (3_000, "3 s"),
            (9_999, "9.999 s"),
            (10_000, "10 s"),
            (12_499, "12.4 s"),
            (60_000, "1 m"),
            (130_900, "2 m 10 s"),
            (3_600_000, "1 h"),
            (11_100_000, "3 h 5 m"),
            (86_400_000, "1 d"),
            (187_200_000, "2 d 4 h"),
        ];
        for (time, text) in table {
            assert_eq!(span(Duration::from_millis(time)), text);
        }
        assert_eq!(span(Duration::MAX), "213503982334601 d 7 h");
    }

    #[test]
    fn round_trips_are_in_milliseconds() {
        let table = [(0, "0.00 ms"), (846, "0.84 ms"), (9_999, "9.99 ms"), (12_345, "12.3 ms"), (1_204_000, "1204 ms")];
        for (us, text) in table {
            assert_eq!(round_trip(Duration::from_micros(us)), text);
        }
    }
}
