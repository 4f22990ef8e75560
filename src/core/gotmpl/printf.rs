//! `printf`: the formatting of the crate `gotmpl`, within bounds.

use std::collections::BTreeMap;

use super::{
    MAX_OUTPUT, Value,
    functions::{Fault, text_of},
};

/// The widest a verb may ask for.
const MAX_WIDTH: usize = 1000;

/// The most bytes that are made before the result is found to be too long.
const MAX_MADE: usize = 16 * MAX_OUTPUT;

/// The longest form that one byte of a text takes, in a quoted text with escapes.
const MAX_ESCAPE: usize = 6;

/// The most bytes of a number without padding: one with an exponent may be written out.
const MAX_NUMBER: usize = 400;

/// `printf format values...`
pub(super) fn printf(format: &Value, values: &[Value]) -> Result<String, Fault> {
    let Value::Text(text) = format else {
        return Err(Fault::Failed(format!(
            "the format is a {}, no text",
            format.type_name()
        )));
    };
    let values = values.iter().map(convert).collect::<Result<Vec<_>, _>>()?;
    check_size(text, &values)?;
    apply(text, values)
}

/// A number as Go prints it.
pub(super) fn float(number: f64) -> String {
    apply("%g", vec![gotmpl::Value::Float(number)]).unwrap_or_else(|_| number.to_string())
}

/// Lists and the like have one form only, which is made here.
fn convert(value: &Value) -> Result<gotmpl::Value, Fault> {
    Ok(match value {
        Value::Nil => gotmpl::Value::Nil,
        Value::Bool(bool) => gotmpl::Value::Bool(*bool),
        Value::Int(number) => gotmpl::Value::Int(*number),
        Value::Float(number) => gotmpl::Value::Float(*number),
        Value::Text(text) => gotmpl::Value::String(text.clone()),
        Value::List(_) | Value::Struct(_) | Value::Map(_) => gotmpl::Value::String(text_of(value)?.into()),
    })
}

/// Every verb may take the longest value, and be padded.
fn check_size(format: &str, values: &[gotmpl::Value]) -> Result<(), Fault> {
    let (verbs, mut widest) = verbs(format);
    let mut longest = 0;
    for value in values {
        match value {
            gotmpl::Value::String(text) => longest = longest.max(text.len()),
            // A value may be the width of another.
            gotmpl::Value::Int(number) if format.contains('*') => {
                widest = widest.max(usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX));
            }
            _ => {}
        }
    }
    if widest > MAX_WIDTH {
        return Err(Fault::Failed(format!("the format asks for a width beyond {MAX_WIDTH}")));
    }
    if verbs.saturating_mul(widest + MAX_ESCAPE * longest + MAX_NUMBER) > MAX_MADE {
        return Err(Fault::TooLong);
    }
    Ok(())
}

/// How many verbs there are, and the largest number in them.
fn verbs(format: &str) -> (usize, usize) {
    let (mut verbs, mut widest) = (0, 0);
    let mut rest = format;
    while let Some((_, behind)) = rest.split_once('%') {
        verbs += 1;
        let end = behind.find(|c: char| !"+-# 0123456789.*[]".contains(c));
        let (spec, after) = behind.split_at(end.unwrap_or(behind.len()));
        for digits in spec
            .split(|c: char| !c.is_ascii_digit())
            .filter(|digits| !digits.is_empty())
        {
            widest = widest.max(digits.parse().unwrap_or(usize::MAX));
        }
        // The verb itself, which may be another `%`.
        let mut letters = after.chars();
        letters.next();
        rest = letters.as_str();
    }
    (verbs, widest)
}

fn apply(format: &str, values: Vec<gotmpl::Value>) -> Result<String, Fault> {
    let mut action = "{{printf .f".to_owned();
    let mut data = BTreeMap::from([("f".into(), gotmpl::Value::String(format.into()))]);
    for (n, value) in values.into_iter().enumerate() {
        let name = format!("v{n}");
        action.push_str(" .");
        action.push_str(&name);
        data.insert(name.into(), value);
    }
    action.push_str("}}");
    gotmpl::Template::new("printf")
        .parse(&action)
        .and_then(|template| template.execute_to_string(&gotmpl::Value::Map(data.into())))
        .map_err(|error| Fault::Failed(error.to_string()))
}
