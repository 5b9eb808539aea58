//! From a typed text to a value, or to the words that say what is wrong with it.
//! Every function here is pure and gives only half of the message: the accepted
//! form is in the table of settings.

use std::net::IpAddr;
use std::time::Duration;

use super::unfit::zone;
use super::{Color, LogFormat, LogLevel};
use crate::detector::config::PingsFrom;
use crate::detector::maintenance::{SPAN_MAX, SPAN_MIN};

/// The longest duration that any setting takes; a longer one is a slip in the unit.
const DURATION_MAX: Duration = Duration::from_secs(3600);

const UNITS: &[(&str, f64)] = &[("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// `250ms`, `1s`, `1.5s`, `2m`; a bare `0` needs no unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = any_duration(text)?;
    if duration > DURATION_MAX { Err("is longer than an hour".into()) } else { Ok(duration) }
}

/// How long a maintenance lasts: a duration that may have hours.
pub(crate) fn maintenance_span(text: &str) -> Result<Duration, String> {
    match any_duration(text)? {
        span if span < SPAN_MIN => Err("is shorter than a second; to end a maintenance, turn it off".into()),
        span if span > SPAN_MAX => Err("is longer than 24h; for longer, announce it again before it ends".into()),
        span => Ok(span),
    }
}

/// What [`maintenance_span`] takes.
pub(crate) const A_SPAN: &str = "a number with its unit from 1s to 24h, such as 90s, 30m or 2h";

fn any_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let Ok(value) = number.parse::<f64>() else {
        return Err("is not a duration: a number with its unit".into());
    };
    let factor = match (unit, UNITS.iter().find(|(name, _)| *name == unit)) {
        (_, Some((_, factor))) => *factor,
        ("", None) if value == 0.0 => 1.0,
        ("", None) => return Err(format!("has no unit: {number}ms or {number}s?")),
        (_, None) => return Err(format!("has an unknown unit: {unit:?} is none of ms, s, m, h")),
    };
    // Whole nanoseconds, so that 1.1s is what it says and not a neighbour in binary.
    let duration = Duration::try_from_secs_f64(value * factor).unwrap_or(Duration::MAX);
    Ok(Duration::from_micros(
        u64::try_from(duration.saturating_add(Duration::from_nanos(500)).as_micros()).unwrap_or(u64::MAX),
    ))
}

/// A duration as it would be typed.
pub(crate) fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration.is_zero() {
        "0s".into()
    } else if duration < Duration::from_secs(1) {
        format!("{}ms", seconds * 1000.0)
    } else {
        format!("{seconds}s")
    }
}

/// 0 to 65535.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    let text = text.trim();
    if ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err("is what Kubernetes injects for a service of that name, not a port: \
                    set enableServiceLinks: false in the pod's spec, or rename the service"
            .into());
    }
    match text.parse::<u64>() {
        Ok(number) => u16::try_from(number).map_err(|_| "is too large: ports end at 65535".into()),
        Err(_) => Err("is not a port number".into()),
    }
}

/// One address of this machine; a name will not do, because it can mean several.
pub(crate) fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    bare.parse().map_err(|_| zone(bare).unwrap_or("is not an IP address").into())
}

/// A whole number within the range.
pub(crate) fn count(text: &str, least: usize, most: usize) -> Result<usize, String> {
    match text.trim().parse::<usize>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) => Err(format!("must lie between {least} and {most}")),
        Err(_) => Err("is not a whole number".into()),
    }
}

/// A part of one.
pub(crate) fn part(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("is not a number".into()),
    }
}

/// One of the words, each with its value.
pub(crate) fn word<T: Clone>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let text = text.trim().to_ascii_lowercase();
    match words.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => Ok(value.clone()),
        None => Err("is none of the accepted words".into()),
    }
}

pub(crate) const SWITCHES: &[(&str, bool)] =
    &[("on", true), ("off", false), ("true", true), ("false", false), ("yes", true), ("no", false)];

pub(crate) const PINGS_FROM: &[(&str, PingsFrom)] =
    &[("peer-address", PingsFrom::PeerAddress), ("anywhere", PingsFrom::Anywhere)];

pub(crate) const LOG_FORMATS: &[(&str, LogFormat)] =
    &[("auto", LogFormat::Auto), ("json", LogFormat::Json), ("text", LogFormat::Text)];

pub(crate) const LOG_LEVELS: &[(&str, LogLevel)] = &[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

pub(crate) const COLORS: &[(&str, Color)] =
    &[("auto", Color::Auto), ("always", Color::Always), ("never", Color::Never)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("1s", 1000),
            ("1.5s", 1500),
            (" 2m ", 120_000),
            ("0", 0),
            ("0s", 0),
            ("1h", 3_600_000),
            (".5s", 500),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for (text, wrong) in [
            ("5", "has no unit: 5ms or 5s?"),
            ("", "is not a duration: a number with its unit"),
            ("-1s", "is not a duration: a number with its unit"),
            ("1.2.3s", "is not a duration: a number with its unit"),
            ("1d", "has an unknown unit: \"d\" is none of ms, s, m, h"),
            ("1 s", "has an unknown unit: \" s\" is none of ms, s, m, h"),
            ("2h", "is longer than an hour"),
            ("9999999999999999999999999h", "is longer than an hour"),
        ] {
            assert_eq!(duration(text), Err(wrong.to_owned()), "{text}");
        }
    }

    #[test]
    fn spans_of_maintenance() {
        assert_eq!(maintenance_span("24h"), Ok(SPAN_MAX));
        assert_eq!(maintenance_span("30m"), Ok(Duration::from_secs(1800)));
        for (text, wrong) in [("0", "is shorter"), ("999ms", "is shorter"), ("25h", "is longer"), ("30", "has no unit")]
        {
            assert!(maintenance_span(text).is_err_and(|why| why.starts_with(wrong)), "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_is_typed() {
        for text in ["250ms", "1s", "1.5s", "0s", "1.1s", "8.9s", "100ms", "60s"] {
            assert_eq!(duration(text).map(duration_text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn ports() {
        assert_eq!(port("0"), Ok(0));
        assert_eq!(port("65535"), Ok(65535));
        assert_eq!(port("70000"), Err("is too large: ports end at 65535".into()));
        assert_eq!(port("-1"), Err("is not a port number".into()));
        assert!(port("tcp://10.0.0.1:80").is_err_and(|wrong| wrong.contains("enableServiceLinks: false")));
    }
}
