//! What a plain scalar means, and how a text is written so that nobody takes it for something else.

use std::fmt::Write as _;

use serde_json::Number;

use super::node::ScalarStyle;

/// The tag of texts.
pub(super) const STR_TAG: &str = "tag:yaml.org,2002:str";

/// What a plain scalar is read as by Kubernetes and Helm (YAML 1.1 booleans and octals, YAML 1.2 numbers).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Number(Number),
    /// `.inf` and `.nan`, which JSON cannot hold.
    NotFinite,
    Text,
}

/// Reads a plain scalar.
pub(super) fn resolve(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Resolved::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Resolved::NotFinite,
        _ if matches!(text.strip_prefix(['-', '+']).unwrap_or(text), ".inf" | ".Inf" | ".INF") => Resolved::NotFinite,
        _ => number(text).map_or(Resolved::Text, Resolved::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let digits = digits.replace('_', "");
    if let Some(value) = integer(&digits) {
        return match i128::try_from(value)
            .ok()
            .map(|value| if negative { -value } else { value })
        {
            Some(value) if i64::try_from(value).is_ok() => i64::try_from(value).ok().map(Number::from),
            Some(value) if u64::try_from(value).is_ok() => u64::try_from(value).ok().map(Number::from),
            Some(_) => digits
                .parse::<f64>()
                .ok()
                .and_then(|f| Number::from_f64(if negative { -f } else { f })),
            None => None,
        };
    }
    if !is_float(&digits) {
        return None;
    }
    let float: f64 = digits.parse().ok()?;
    Number::from_f64(if negative { -float } else { float })
}

/// Hexadecimal, octal (both spellings), binary and decimal whole numbers without sign.
fn integer(digits: &str) -> Option<u128> {
    let radix = |prefix: &str, radix: u32| {
        let rest = digits.strip_prefix(prefix)?;
        rest.bytes()
            .all(|b| b.is_ascii_alphanumeric())
            .then(|| u128::from_str_radix(rest, radix).ok())?
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    radix("0x", 16)
        .or_else(|| radix("0b", 2))
        .or_else(|| radix("0o", 8))
        .or_else(|| if digits.len() > 1 { radix("0", 8) } else { None })
        .or_else(|| {
            digits
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| digits.parse().ok())?
        })
}

/// `[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?`, or with the dot in front.
fn is_float(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && all_digits(exponent)
    });
    has_digits && all_digits(whole) && all_digits(fraction) && exponent_fits
}

/// Whether every reader takes the plain text for a text: YAML 1.1 and 1.2, with dates, base 60 and merge keys.
pub(super) fn reads_as_text(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if matches!(
        lower.as_str(),
        "" | "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "<<" | "="
    ) {
        return false;
    }
    let unsigned = lower.strip_prefix(['-', '+']).unwrap_or(&lower);
    if matches!(unsigned, ".inf" | ".nan") || !matches!(resolve(text), Resolved::Text) {
        return false;
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return true;
    }
    let digits = unsigned.replace('_', "");
    let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let hexadecimal = digits
        .strip_prefix("0x")
        .is_some_and(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
    !(whole || hexadecimal || is_base_60(&digits) || is_date(unsigned))
}

/// `1:30` and `1:30:45.5`, numbers to base 60 in YAML 1.1.
fn is_base_60(digits: &str) -> bool {
    let whole = digits.split_once('.').map_or(digits, |(whole, _)| whole);
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    rest.peek().is_some()
        && !first.is_empty()
        && first.bytes().all(|b| b.is_ascii_digit())
        && rest.all(|part| matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit()))
}

/// `2024-05-01`, alone or with a time behind it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let year = parts.next().unwrap_or_default();
    let month = parts.next().unwrap_or_default();
    let rest = parts.next().unwrap_or_default();
    let day = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    year.len() == 4
        && digits(year)
        && matches!(month.len(), 1 | 2)
        && digits(month)
        && matches!(day, 1 | 2)
        && (rest.len() == day || rest[day..].starts_with(['t', 'T', ' ', '\t']))
}

/// Whether a scalar is a text, by its quotes, its tag or because everybody reads it so.
pub(super) fn is_text(value: &str, style: ScalarStyle, tag: Option<&str>) -> bool {
    match tag {
        Some(tag) => tag == STR_TAG || tag == "!" || !tag.starts_with("tag:yaml.org,2002:"),
        None => style != ScalarStyle::Plain || reads_as_text(value),
    }
}

/// Whether the text can stand without quotes, and is taken for a text.
pub(super) fn is_plain(text: &str, flow: bool) -> bool {
    reads_as_text(text) && has_plain_signs(text, flow)
}

/// Whether the text can stand without quotes, whatever it is taken for.
fn has_plain_signs(text: &str, flow: bool) -> bool {
    let starts_badly = text.starts_with(|c| "!&*?|>%@`\"'#,[]{}:".contains(c))
        || matches!(text, "-" | "---" | "...")
        || ["- ", "--- ", "... "].iter().any(|start| text.starts_with(start));
    let has_flow_sign = flow && (text.contains(|c| ",[]{}".contains(c)) || text.starts_with('-'));
    !text.is_empty()
        && !starts_badly
        && !has_flow_sign
        && !text.starts_with(' ')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(is_printable)
}

/// Characters that may stand for themselves on one line. A byte order mark and the Unicode line breaks may not.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

/// Writes a text in `style` as far as the style can hold it, on one line.
pub(super) fn write_text(text: &str, style: ScalarStyle, flow: bool) -> String {
    match style {
        ScalarStyle::Plain if is_plain(text, flow) => text.to_owned(),
        ScalarStyle::Single if text.chars().all(is_printable) => format!("'{}'", text.replace('\'', "''")),
        _ => double_quoted(text),
    }
}

/// Writes a text behind a tag that says it is one, on one line.
pub(super) fn write_tagged(text: &str, flow: bool) -> String {
    if has_plain_signs(text, flow) {
        text.to_owned()
    } else {
        double_quoted(text)
    }
}

fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            // These are the escapes that JSON knows as well.
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

/// The lines of a block scalar and its header, when the text can be written so without an indentation sign.
pub(super) fn literal(text: &str) -> Option<(&'static str, Vec<&str>)> {
    let (header, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let lines: Vec<&str> = body.split('\n').collect();
    let fits = |line: &&str| {
        line.chars().all(|c| c == '\t' || is_printable(c)) && (line.is_empty() || !line.trim().is_empty())
    };
    let first = lines.first()?;
    let last = lines.last()?;
    let framed = !first.is_empty() && !first.starts_with([' ', '\t']) && !last.is_empty();
    (framed && lines.iter().all(fits)).then_some((header, lines))
}
