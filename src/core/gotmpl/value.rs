//! The data of a template, as Go prints and judges it.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// A value that a template can see.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: the key of a map that is not there, or `nil`.
    Nil,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number; only a template itself makes one.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// A list.
    List(Arc<[Value]>),
    /// Fields of known names; any other name is an error.
    Struct(Arc<[(&'static str, Value)]>),
    /// Texts by free keys; a key that is not there is an empty text for `index`, and nothing as a field.
    Map(Arc<BTreeMap<String, String>>),
}

impl Value {
    /// Fields in their order.
    pub fn fields(fields: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self::Struct(fields.into_iter().collect())
    }

    /// Whether `if` takes it for true: it is not empty, zero or nothing.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(bool) => *bool,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Struct(_) => true,
            Self::Map(map) => !map.is_empty(),
        }
    }

    /// The name of its type in messages.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Struct(_) => "struct",
            Self::Map(_) => "map",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<T: IntoIterator<Item = Value>>(values: T) -> Self {
        Self::List(values.into_iter().collect())
    }
}

/// As `fmt.Print` writes it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("<nil>"),
            Self::Bool(bool) => write!(f, "{bool}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => f.write_str(&super::printf::float(*number)),
            Self::Text(text) => f.write_str(text),
            Self::List(list) => {
                f.write_str("[")?;
                separated(f, list.iter())?;
                f.write_str("]")
            }
            Self::Struct(fields) => {
                f.write_str("{")?;
                separated(f, fields.iter().map(|(_, value)| value))?;
                f.write_str("}")
            }
            Self::Map(map) => {
                f.write_str("map[")?;
                separated(f, map.iter().map(|(key, value)| format!("{key}:{value}")))?;
                f.write_str("]")
            }
        }
    }
}

fn separated(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = impl fmt::Display>) -> fmt::Result {
    for (n, item) in items.enumerate() {
        let blank = if n == 0 { "" } else { " " };
        write!(f, "{blank}{item}")?;
    }
    Ok(())
}
