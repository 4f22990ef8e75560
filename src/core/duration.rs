//! Durations as users write them.

use std::{str::FromStr, time::Duration};

/// A Go duration: `90s`, `1h30m`, `1.5h`, `-5s`, `0`. Signed, because a negative interval means "never".
///
/// A bare number other than `0` is refused: in the old file formats `3600` meant nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration {
    nanos: i64,
}

/// A text that is no duration.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not a duration: {reason} (example: 1h30m)")]
pub struct InvalidDuration {
    text: String,
    reason: &'static str,
}

impl GoDuration {
    /// A duration of `seconds`.
    pub const fn from_secs(seconds: i64) -> Self {
        Self {
            nanos: seconds * 1_000_000_000,
        }
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// As an unsigned duration; zero when negative.
    pub fn to_std(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.nanos).unwrap_or(0))
    }
}

impl FromStr for GoDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let fail = |reason| InvalidDuration {
            text: text.chars().take(64).collect(),
            reason,
        };
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self { nanos: 0 });
        }
        if rest.is_empty() {
            return Err(fail("it is empty"));
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let unit_end = after
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(after.len());
            let (unit, tail) = after.split_at(unit_end);
            let scale: i128 = match unit {
                "ns" => 1,
                "us" | "µs" | "μs" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                "" => return Err(fail("a unit is missing")),
                _ => return Err(fail("the unit is unknown")),
            };
            total += scaled(number, scale).ok_or_else(|| fail("the number cannot be read"))?;
            if total > i128::from(i64::MAX) {
                return Err(fail("it is too long"));
            }
            rest = tail;
        }
        let nanos = i64::try_from(total).map_err(|_| fail("it is too long"))?;
        Ok(Self {
            nanos: if negative { -nanos } else { nanos },
        })
    }
}

/// `number` (`1`, `.5`, `1.5`) times `scale`, rounded down.
fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || whole.len() > 19 {
        return None;
    }
    let mut value = if whole.is_empty() {
        0
    } else {
        whole.parse::<i128>().ok()?.checked_mul(scale)?
    };
    let mut unit = scale;
    for digit in fraction.bytes().take(18) {
        unit /= 10;
        value += i128::from(digit - b'0') * unit;
    }
    Some(value)
}

impl std::fmt::Display for GoDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.nanos < 0 {
            f.write_str("-")?;
        }
        let magnitude = Duration::from_nanos(self.nanos.unsigned_abs());
        let total = magnitude.as_secs();
        let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        let fraction = format!("{:09}", magnitude.subsec_nanos());
        let fraction = fraction.trim_end_matches('0');
        if !fraction.is_empty() {
            write!(f, "{seconds}.{fraction}s")
        } else if seconds > 0 || total == 0 {
            write!(f, "{seconds}s")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read_and_bare_numbers_refused() {
        for (text, nanos) in [
            ("0", 0),
            ("90s", 90_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("-5s", -5_000_000_000),
            (".5s", 500_000_000),
            ("1us", 1_000),
        ] {
            assert_eq!(text.parse::<GoDuration>().map(|d| d.nanos), Ok(nanos), "{text}");
        }
        for text in ["", "3600", "1x", "1", "s", ".s", "1..5s", "-", "99999999999h", "1 h"] {
            assert!(text.parse::<GoDuration>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_is_printed_as_it_would_be_written() {
        for text in ["0s", "90s", "1h30m", "1.5s", "-5s", "2m"] {
            let printed = text.parse::<GoDuration>().map(|d| d.to_string());
            let again = printed.clone().and_then(|p| p.parse::<GoDuration>());
            assert_eq!(again, text.parse::<GoDuration>(), "{text} {printed:?}");
        }
    }
}
