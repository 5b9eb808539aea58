//! Moments as Docker and Prometheus write them, as seconds since 1970 and as days.

/// `2026-11-25T21:28:29.254123Z`, as Docker and Prometheus write it, always in UTC here.
pub fn parse(text: &str) -> Option<f64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':');
    let (hour, minute) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
    let second: f64 = time.next()?.parse().ok()?;
    Some((days(year, month, day) * 86_400 + hour * 3_600 + minute * 60) as f64 + second)
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
        ] {
            let read = parse(text).unwrap_or(f64::NAN);
            assert!((read - seconds).abs() < 1e-5, "{text} is {read}");
        }
        for wrong in ["", "2026-11-25", "2026-11-25T21:28:29+01:00", "2026-11-25T21Z", "yesterdayT00:00:00Z"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for text in ["1970-01-01", "1999-12-31", "2000-02-29", "2026-11-25", "2100-03-01"] {
            assert_eq!(day(parse(&format!("{text}T23:59:59Z")).unwrap()), text);
        }
    }
}
