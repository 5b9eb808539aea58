//! Moments as Docker and Prometheus write them, as seconds since 1970 and as days.

/// `2026-11-25T21:28:29.254123Z`, as Docker and Prometheus write it, or with `+01:00` for `Z`, as a kubelet does.
pub fn parse(text: &str) -> Option<f64> {
    let (text, zone) = match text.strip_suffix('Z') {
        Some(text) => (text, 0),
        None => {
            let (text, zone) = text.split_at_checked(text.len().checked_sub("+01:00".len())?)?;
            (text, minutes(zone)?)
        }
    };
    let (date, time) = text.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':');
    let (hour, minute) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
    let second: f64 = time.next()?.parse().ok()?;
    Some((days(year, month, day) * 86_400 + hour * 3_600 + (minute - zone) * 60) as f64 + second)
}

/// The time of a line, as it is written and in seconds since 1970, and what the node said; `None` where it is not later than
/// `last`, or has no time: an engine writes such lines of its own ("unable to retrieve container logs ...").
pub fn stamped<'a>(line: &'a str, last: &str) -> Option<(&'a str, f64, &'a str)> {
    let (stamp, said) = line.split_once(' ')?;
    let at = parse(stamp)?;
    // Of a fixed width, so that text compares as time does.
    (stamp > last).then_some((stamp, at, said))
}

/// Of `+01:00` or `-03:30`, east of Greenwich.
fn minutes(zone: &str) -> Option<i64> {
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    match zone.as_bytes()[0] {
        b'+' => Some(minutes),
        b'-' => Some(-minutes),
        _ => None,
    }
}

/// Days since 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The day of a moment, as YYYY-MM-DD.
pub fn day(at: f64) -> String {
    let z = (at / 86_400.0).floor() as i64 + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    format!("{:04}-{month:02}-{day:02}", year_of_era + era * 400 + i64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("2000-02-29T12:00:00.5Z", 951_825_600.5),
            ("2026-11-25T21:28:29.254123456Z", 1_795_642_109.254_123_5),
            ("2026-11-25T22:28:29.254123456+01:00", 1_795_642_109.254_123_5),
            ("2026-11-25T17:58:29.254123456-03:30", 1_795_642_109.254_123_5),
        ] {
            let read = parse(text).unwrap_or(f64::NAN);
            assert!((read - seconds).abs() < 1e-5, "{text} is {read}");
        }
        for wrong in [
            "",
            "unable",
            "2026-11-25",
            "2026-11-25T21:28:29",
            "2026-11-25T21:28:29*01:00",
            "2026-11-25T21Z",
            "yesterdayT00:00:00Z",
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_line_of_the_engine_hides_none_of_the_node() {
        let (first, second) = ("2026-11-25T21:28:29.254123456Z", "2026-11-25T21:28:30.254123456Z");
        let line = |stamp: &str| format!("{stamp} {{}}");
        assert!(stamped(&line(first), "").is_some_and(|(stamp, _, said)| stamp == first && said == "{}"));
        assert_eq!(stamped("unable to retrieve container logs for containerd://0123", first), None);
        assert!(stamped(&line(second), first).is_some());
        for before in [&line(first), &line(second)] {
            assert_eq!(stamped(before, second), None, "it was read already");
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for text in ["1970-01-01", "1999-12-31", "2000-02-29", "2026-11-25", "2100-03-01"] {
            assert_eq!(day(parse(&format!("{text}T23:59:59Z")).unwrap()), text);
        }
    }
}
