//! New values as text.

use serde_json::{Map, Value};

use super::{node::ScalarStyle, scalar, style::Style};

/// Whether the value needs lines of its own in block style.
pub(super) fn needs_lines(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => false,
    }
}

/// A text, number, boolean or null on one line, or a collection in flow style.
pub(super) fn inline(value: &Value, flow: bool, style: Style) -> String {
    match value {
        Value::String(text) => text_inline(text, flow, style),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(|item| inline(item, true, style)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", text_inline(key, true, style), inline(value, true, style)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn text_inline(text: &str, flow: bool, style: Style) -> String {
    let quotes = if style.json {
        ScalarStyle::Double
    } else {
        ScalarStyle::Plain
    };
    scalar::write_text(text, quotes, flow)
}

/// The lines of a list or map whose first line stands at `indent`. The first line comes without its indentation and
/// the last without a line break, so that the caller can put them behind a dash or below a key.
pub(super) fn block(value: &Value, indent: usize, style: Style) -> String {
    let separator = format!("{}{}", style.newline, " ".repeat(indent));
    let lines: Vec<String> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| entry(key, value, indent, style))
            .collect(),
        Value::Array(list) => list.iter().map(|value| item(value, indent, 2, style)).collect(),
        _ => vec![inline(value, false, style)],
    };
    lines.join(&separator)
}

/// All of `map` as entries at `indent`, the first without indentation.
pub(super) fn entries(map: &Map<String, Value>, indent: usize, style: Style) -> Vec<String> {
    map.iter()
        .map(|(key, value)| entry(key, value, indent, style))
        .collect()
}

/// `key: value`, over several lines where needed.
fn entry(key: &str, value: &Value, indent: usize, style: Style) -> String {
    format!(
        "{}:{}",
        scalar::write_text(key, ScalarStyle::Plain, false),
        after_colon(value, indent, style)
    )
}

/// What follows the colon of a key that stands at `indent`.
pub(super) fn after_colon(value: &Value, indent: usize, style: Style) -> String {
    let deeper = match value {
        Value::Array(_) => indent + style.dash,
        _ => indent + style.step,
    };
    if needs_lines(value) {
        return format!("{}{}{}", style.newline, " ".repeat(deeper), block(value, deeper, style));
    }
    format!(" {}", lone(value, deeper, style))
}

/// `- value`, with `width` columns from the dash to the value.
pub(super) fn item(value: &Value, indent: usize, width: usize, style: Style) -> String {
    let gap = " ".repeat(width.saturating_sub(1).max(1));
    let deeper = indent + gap.len() + 1;
    if needs_lines(value) {
        return format!("-{gap}{}", block(value, deeper, style));
    }
    format!("-{gap}{}", lone(value, deeper, style))
}

/// A value that is no collection of lines; a text of several lines becomes a literal block when it can.
fn lone(value: &Value, indent: usize, style: Style) -> String {
    if let Value::String(text) = value
        && text.contains('\n')
        && let Some((header, lines)) = scalar::literal(text)
    {
        return block_scalar(header, &lines, indent, style);
    }
    inline(value, false, style)
}

/// A block scalar with its lines at `indent`.
pub(super) fn block_scalar(header: &str, lines: &[&str], indent: usize, style: Style) -> String {
    let mut out = header.to_owned();
    for line in lines {
        out.push_str(style.newline);
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
    }
    out
}
