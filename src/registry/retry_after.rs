//! `Retry-After` (RFC 9110, section 10.2.3): how long a server wants to be left alone.

use std::time::Duration;

use jiff::{Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// What lies beyond any range. Whoever waits has a limit of its own.
const VERY_LONG: Duration = Duration::MAX;

/// How long the server asks to wait, when it says so in a way that can be understood. Numbers and dates beyond any range
/// are very long: they mean that it does not want to be asked soon. Less than nothing means nothing.
pub(crate) fn read(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    seconds(text).or_else(|| date(text, now))
}

/// Whole seconds. Some servers send a fraction, which is rounded up.
fn seconds(text: &str) -> Option<Duration> {
    let number = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let rest = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(match whole.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds.saturating_add(rest)),
        Err(_) => VERY_LONG,
    })
}

/// A date in one of the three forms of RFC 9110, section 5.6.7. One that is over is no wait at all.
fn date(text: &str, now: Timestamp) -> Option<Duration> {
    let parser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let old = |format: &str| {
        let date = DateTime::strptime(format, text).ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let date = parser.parse_timestamp(text).ok();
    let date = date.or_else(|| old("%A, %d-%b-%y %H:%M:%S GMT"));
    match date.or_else(|| old("%a %b %e %H:%M:%S %Y")) {
        Some(date) => Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO)),
        None => is_beyond_all_dates(text).then_some(VERY_LONG),
    }
}

/// Whether this has the form of a date, of a year that no calendar here reaches.
fn is_beyond_all_dates(text: &str) -> bool {
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    let is_year = |word: &str| word.len() >= 4 && word.bytes().all(|b| b.is_ascii_digit());
    matches!(words.as_slice(), [_, day, _, year, time, _]
        if day.parse::<u8>().is_ok() && is_year(year) && (year.len() > 4 || *year == "9999") && time.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_say_how_long_is_understood_and_what_is_out_of_range_is_very_long() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let read = |text: &str| read(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now);
        let secs = |n| Some(Duration::from_secs(n));
        for (text, expected) in [
            ("30", secs(30)),
            (" 30 ", secs(30)),
            ("0", secs(0)),
            ("+5", secs(5)),
            ("1.5", secs(2)),
            ("18446744073709551615", secs(u64::MAX)),
            ("18446744073709551616", Some(VERY_LONG)),
            ("99999999999999999999999999999999999999999999", Some(VERY_LONG)),
            ("-1", None),
            ("-99999999999999999999999999999", None),
            ("Thu, 01 Jan 2026 00:01:00 GMT", secs(60)),
            // The day of the week is wrong.
            ("Mon, 01 Jan 2026 00:01:00 GMT", secs(60)),
            ("Thursday, 01-Jan-26 00:01:00 GMT", secs(60)),
            ("Thu Jan  1 00:01:00 2026", secs(60)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", secs(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(VERY_LONG)),
            ("Fri, 31 Dec 99999 23:59:59 GMT", Some(VERY_LONG)),
            ("", None),
            ("-", None),
            ("soon", None),
            ("1 hour", None),
            ("1e3", None),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }
}
