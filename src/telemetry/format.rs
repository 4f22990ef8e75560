//! The two shapes of a log line.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer},
    registry::LookupSpan,
};

use super::LogFormat;

/// Formats one event with the fields of its spans.
pub(super) struct Lines {
    pub(super) format: LogFormat,
    pub(super) colours: bool,
}

/// Keeps the fields of a span as JSON text, so that events can print them in either shape.
pub(super) struct Collected;

impl<'writer> FormatFields<'writer> for Collected {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut values = Values::default();
        fields.record(&mut values);
        writer.write_str(&Value::Object(values.0).to_string())
    }
}

/// The fields of one event or span, in order.
#[derive(Default)]
struct Values(Map<String, Value>);

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0
            .insert(field.name().to_owned(), Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), Value::String(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl<S> FormatEvent<S, Collected> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Collected>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut own = Values::default();
        event.record(&mut own);
        let message = match own.0.shift_remove("message") {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let mut fields = Map::new();
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            let extensions = span.extensions();
            let known = extensions.get::<FormattedFields<Collected>>();
            if let Some(Ok(Value::Object(values))) = known.map(|f| serde_json::from_str(&f.fields)) {
                fields.extend(values);
            }
        }
        fields.extend(own.0);
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let level = *event.metadata().level();
        let line = match self.format {
            LogFormat::Json => json_line(&time, level, message, fields),
            LogFormat::Text => text_line(&time, level, &message, &fields, self.colours),
        };
        writeln!(writer, "{line}")
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warning",
        Level::ERROR => "error",
    }
}

fn json_line(time: &str, level: Level, message: String, fields: Map<String, Value>) -> String {
    let mut line = Map::new();
    line.insert("time".to_owned(), time.into());
    line.insert("level".to_owned(), name(level).into());
    line.insert("msg".to_owned(), message.into());
    line.extend(fields);
    Value::Object(line).to_string()
}

fn text_line(time: &str, level: Level, message: &str, fields: &Map<String, Value>, colours: bool) -> String {
    let mut line = String::new();
    let (on, off) = match (colours, level) {
        (true, Level::ERROR) => ("\u{1b}[31m", "\u{1b}[0m"),
        (true, Level::WARN) => ("\u{1b}[33m", "\u{1b}[0m"),
        (true, Level::INFO) => ("\u{1b}[36m", "\u{1b}[0m"),
        _ => ("", ""),
    };
    let _ = write!(
        line,
        "time=\"{time}\" level={on}{}{off} msg={}",
        name(level),
        quoted(message)
    );
    for (key, value) in fields {
        let _ = match value {
            Value::String(text) if text.bytes().all(is_plain) && !text.is_empty() => write!(line, " {key}={text}"),
            Value::String(text) => write!(line, " {key}={}", quoted(text)),
            other => write!(line, " {key}={other}"),
        };
    }
    line
}

/// JSON quoting also escapes line breaks and control characters.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._/@^+:".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_line_cannot_be_forged_by_a_value() {
        let mut fields = Map::new();
        fields.insert("application".into(), "argocd/shop".into());
        fields.insert("error".into(), "a\nlevel=info \"b\"".into());
        fields.insert("errors".into(), 2.into());
        assert_eq!(
            text_line("2026-01-02T03:04:05Z", Level::WARN, "no \"go\"", &fields, false),
            r#"time="2026-01-02T03:04:05Z" level=warning msg="no \"go\"" application=argocd/shop error="a\nlevel=info \"b\"" errors=2"#
        );
    }

    #[test]
    fn a_json_line_has_time_level_and_message_first() {
        let mut fields = Map::new();
        fields.insert("errors".into(), 2.into());
        assert_eq!(
            json_line("2026-01-02T03:04:05Z", Level::INFO, "done".into(), fields),
            r#"{"time":"2026-01-02T03:04:05Z","level":"info","msg":"done","errors":2}"#
        );
    }
}
