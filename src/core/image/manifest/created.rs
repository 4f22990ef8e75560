//! The creation date of an image.

use jiff::Timestamp;

/// Reads an RFC 3339 date with optional fraction. What is none, and the year 1 that some builders write instead of
/// nothing, counts like a missing date.
pub(super) fn read(value: &serde_json::Value) -> Option<Timestamp> {
    let text = value.as_str()?;
    if !is_rfc3339(text.as_bytes()) {
        return None;
    }
    let time: Timestamp = text.parse().ok()?;
    (time.as_second() > YEAR_ONE).then_some(time)
}

/// 0001-01-01T00:00:00Z in seconds since 1970.
const YEAR_ONE: i64 = -62_135_596_800;

/// `YYYY-MM-DDTHH:MM:SS[.f](Z|±HH:MM)`; the parser behind it takes more than that.
fn is_rfc3339(text: &[u8]) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = |bytes: &[u8], shape: &[u8]| {
        bytes.len() == shape.len()
            && bytes
                .iter()
                .zip(shape)
                .all(|(b, s)| if *s == b'd' { b.is_ascii_digit() } else { b == s })
    };
    let Some((date, rest)) = text.split_at_checked(shape.len()) else {
        return false;
    };
    let zone = match rest.split_first() {
        Some((b'.', rest)) => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            rest.get(digits..).unwrap_or_default()
        }
        _ => rest,
    };
    fits(date, shape) && (zone == b"Z" || fits(zone, b"+dd:dd") || fits(zone, b"-dd:dd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rfc3339_dates_count() {
        for (text, expected) in [
            ("2024-05-01T10:00:00Z", Some("2024-05-01T10:00:00Z")),
            ("2024-05-01T12:00:00.5+02:00", Some("2024-05-01T10:00:00.5Z")),
            ("0001-01-01T00:00:00Z", None),
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z")),
            ("2024-05-01 10:00:00Z", None),
            ("2024-05-01T10:00:00", None),
            ("2024-05-01T10:00:00.Z", None),
            ("2024-13-01T10:00:00Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            let read = read(&serde_json::json!(text)).map(|t| t.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
