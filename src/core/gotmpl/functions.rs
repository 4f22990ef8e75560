//! The functions that every template knows.

use std::{
    cmp::Ordering,
    fmt::{self, Write as _},
    sync::Arc,
};

use super::{MAX_OUTPUT, Value, printf};

/// All of them. `call` is known and never works, because no value is a function.
const NAMES: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf",
    "println", "slice", "urlquery",
];

/// Whether there is a function of this name.
pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Why a function gave no value.
#[derive(Debug)]
pub(super) enum Fault {
    TooLong,
    Failed(String),
}

type Outcome = Result<Value, Fault>;

/// A text that refuses to grow beyond [`MAX_OUTPUT`].
#[derive(Debug, Default)]
pub(super) struct Bounded(String);

impl Bounded {
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_OUTPUT {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// Calls a function, other than `and` and `or`, which do not look at all of their arguments.
pub(super) fn call(name: &str, arguments: &[Value]) -> Outcome {
    match (name, arguments) {
        ("not", [value]) => Ok(Value::Bool(!value.is_true())),
        ("eq", [first, others @ ..]) if !others.is_empty() => {
            for other in others {
                if equal(first, other)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        ("ne", [a, b]) => Ok(Value::Bool(!equal(a, b)?)),
        ("lt", [a, b]) => ordered(a, b, Ordering::is_lt),
        ("le", [a, b]) => ordered(a, b, Ordering::is_le),
        ("gt", [a, b]) => ordered(a, b, Ordering::is_gt),
        ("ge", [a, b]) => ordered(a, b, Ordering::is_ge),
        ("len", [value]) => length(value),
        ("index", [Value::Nil, ..]) => Err(failed("nothing has no entries")),
        ("index", [value, indices @ ..]) => indices
            .iter()
            .try_fold(value.clone(), |value, index| entry(&value, index)),
        ("slice", [value, bounds @ ..]) if bounds.len() <= 3 => slice(value, bounds),
        ("print", values) => print(values, false),
        ("println", values) => print(values, true),
        ("printf", [format, values @ ..]) => printf::printf(format, values).map(Value::from),
        ("html", values) => Ok(gotmpl::html_escape(&plain(values)?).into()),
        ("js", values) => Ok(gotmpl::js_escape(&plain(values)?).into()),
        ("urlquery", values) => Ok(gotmpl::url_encode(&plain(values)?).into()),
        ("call", [value, ..]) => Err(failed(format!("a {} is no function", value.type_name()))),
        (_, values) => Err(failed(format!("{} are the wrong number of arguments", values.len()))),
    }
    .and_then(|value| match &value {
        Value::Text(text) if text.len() > MAX_OUTPUT => Err(Fault::TooLong),
        _ => Ok(value),
    })
}

fn failed(reason: impl Into<String>) -> Fault {
    Fault::Failed(reason.into())
}

fn mismatch(a: &Value, b: &Value) -> Fault {
    failed(format!(
        "a {} and a {} cannot be compared",
        a.type_name(),
        b.type_name()
    ))
}

/// Values of different types are not unequal but an error, except for nothing.
fn equal(a: &Value, b: &Value) -> Result<bool, Fault> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b) == Some(Ordering::Equal)),
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        _ => Err(mismatch(a, b)),
    }
}

fn ordered(a: &Value, b: &Value, fits: fn(Ordering) -> bool) -> Outcome {
    let ordering = match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        _ => return Err(mismatch(a, b)),
    };
    Ok(Value::Bool(ordering.is_some_and(fits)))
}

fn length(value: &Value) -> Outcome {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        other => return Err(failed(format!("a {} has no length", other.type_name()))),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn entry(value: &Value, index: &Value) -> Outcome {
    let out_of_range = || failed(format!("there is no entry {index}"));
    let position = || match index {
        Value::Int(number) => usize::try_from(*number).map_err(|_| out_of_range()),
        other => Err(failed(format!("a {} is no position", other.type_name()))),
    };
    match (value, index) {
        (Value::List(list), _) => list.get(position()?).cloned().ok_or_else(out_of_range),
        (Value::Text(text), _) => {
            let byte = text.as_bytes().get(position()?).ok_or_else(out_of_range)?;
            Ok(Value::Int((*byte).into()))
        }
        (Value::Map(map), Value::Text(key)) => Ok(map.get(key.as_ref()).map_or("", String::as_str).into()),
        (Value::Map(_), other) => Err(failed(format!("a {} is no key", other.type_name()))),
        (other, _) => Err(failed(format!("a {} has no entries", other.type_name()))),
    }
}

/// `slice x i j k`; the bounds of a text are bytes, and halves of a character become U+FFFD.
fn slice(value: &Value, bounds: &[Value]) -> Outcome {
    let length = match value {
        Value::Text(_) if bounds.len() > 2 => return Err(failed("a text takes two positions")),
        Value::Text(text) => text.len(),
        Value::List(list) => list.len(),
        other => return Err(failed(format!("a {} has no parts", other.type_name()))),
    };
    let mut positions = Vec::with_capacity(bounds.len());
    for bound in bounds {
        let Value::Int(number) = bound else {
            return Err(failed(format!("a {} is no position", bound.type_name())));
        };
        let position = usize::try_from(*number).ok().filter(|position| *position <= length);
        positions.push(position.ok_or_else(|| failed(format!("{number} is out of range, the length is {length}")))?);
    }
    if !positions.is_sorted() {
        return Err(failed("the positions must ascend"));
    }
    let range = positions.first().copied().unwrap_or(0)..positions.get(1).copied().unwrap_or(length);
    match value {
        Value::List(list) => Ok(Value::List(Arc::from(list.get(range).unwrap_or_default()))),
        Value::Text(text) => {
            let bytes = text.as_bytes().get(range).unwrap_or_default();
            Ok(String::from_utf8_lossy(bytes).into_owned().into())
        }
        _ => Err(failed("no parts")),
    }
}

/// `print` puts a blank between two values of which neither is a text; `println` between all, and ends the line.
fn print(values: &[Value], line: bool) -> Outcome {
    let mut out = Bounded::default();
    let mut previous: Option<&Value> = None;
    let is_text = |value: &Value| matches!(value, Value::Text(_));
    for value in values {
        let blank = match previous {
            Some(previous) => line || !(is_text(previous) || is_text(value)),
            None => false,
        };
        write!(out, "{}{value}", if blank { " " } else { "" }).map_err(|_| Fault::TooLong)?;
        previous = Some(value);
    }
    if line {
        out.write_str("\n").map_err(|_| Fault::TooLong)?;
    }
    Ok(out.into_text().into())
}

/// The text that an escaping function works on.
fn plain(values: &[Value]) -> Result<Arc<str>, Fault> {
    match values {
        [Value::Text(text)] => Ok(Arc::clone(text)),
        [Value::Nil] => Ok("<no value>".into()),
        _ => match print(values, false)? {
            Value::Text(text) => Ok(text),
            other => Ok(other.to_string().into()),
        },
    }
}

/// The value as a text of bounded length.
pub(super) fn text_of(value: &Value) -> Result<String, Fault> {
    let mut out = Bounded::default();
    write!(out, "{value}").map_err(|_| Fault::TooLong)?;
    Ok(out.into_text())
}
