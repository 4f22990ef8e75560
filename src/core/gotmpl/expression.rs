//! The values of pipelines, commands and expressions.

use std::sync::Arc;

use gotmpl::parse::{CommandNode, Expr, Number, PipeNode, Pos, SmolStr};

use super::{
    RenderError, Value,
    functions::{self, Fault},
    run::Run,
};
use crate::core::foreign::ForeignText;

/// The most bytes that all functions of one evaluation read and write together.
const MAX_WORK: usize = 16 << 20;

impl Run<'_> {
    pub(super) fn pipe(&mut self, pipe: &PipeNode, dot: &Value) -> Result<Value, RenderError> {
        let value = self.stages(pipe, dot)?;
        if let Some(name) = pipe.decl.first() {
            self.set(pipe, name, value.clone())?;
        }
        Ok(value)
    }

    /// The value of a pipeline, without declaring anything.
    pub(super) fn stages(&mut self, pipe: &PipeNode, dot: &Value) -> Result<Value, RenderError> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value)?);
        }
        value.ok_or_else(|| failed(pipe.pos, "there is no value"))
    }

    fn command(&mut self, command: &CommandNode, dot: &Value, piped: Option<Value>) -> Result<Value, RenderError> {
        let Some((first, arguments)) = command.args.split_first() else {
            return Err(failed(command.pos, "there is no value"));
        };
        match first {
            Expr::Identifier(pos, name) => return self.call(*pos, name, arguments, dot, piped),
            Expr::Chain(pos, inner, fields) => {
                if let Expr::Identifier(_, name) = inner.as_ref() {
                    let value = self.call(*pos, name, arguments, dot, piped)?;
                    return walk(value, fields, *pos);
                }
            }
            Expr::Nil(pos) => return Err(failed(*pos, "nil is not a command")),
            _ => {}
        }
        if piped.is_some() || !arguments.is_empty() {
            return Err(failed(first.pos(), "only a function takes arguments"));
        }
        self.expression(first, dot)
    }

    fn call(
        &mut self,
        pos: Pos,
        name: &str,
        arguments: &[Expr],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value, RenderError> {
        let stops_at = match name {
            "and" => Some(false),
            "or" => Some(true),
            _ => None,
        };
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for argument in arguments {
            let value = self.expression(argument, dot)?;
            // The arguments behind the one that decides are not looked at.
            if stops_at == Some(value.is_true()) {
                return Ok(value);
            }
            values.push(value);
        }
        values.extend(piped);
        if stops_at.is_some() {
            return values
                .pop()
                .ok_or_else(|| failed(pos, &format!("{name} needs an argument")));
        }
        let result = functions::call(name, &values).map_err(|fault| match fault {
            Fault::TooLong => RenderError::TooLong,
            Fault::Failed(reason) => failed(pos, &format!("{name}: {reason}")),
        })?;
        self.work += values.iter().chain([&result]).map(effort).sum::<usize>();
        if self.work > MAX_WORK {
            return Err(RenderError::TooLong);
        }
        Ok(result)
    }

    fn expression(&mut self, expression: &Expr, dot: &Value) -> Result<Value, RenderError> {
        self.step()?;
        match expression {
            Expr::Dot(_) => Ok(dot.clone()),
            Expr::Field(pos, fields) => walk(dot.clone(), fields, *pos),
            Expr::Variable(pos, name, fields) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let value = known.map(|(_, value)| value.clone());
                walk(
                    value.ok_or_else(|| failed(*pos, &format!("the variable {name} is not declared")))?,
                    fields,
                    *pos,
                )
            }
            Expr::String(_, text) => Ok(Value::Text(Arc::clone(text))),
            Expr::Number(_, Number::Int(number)) => Ok(Value::Int(*number)),
            Expr::Number(_, Number::Float(number)) => Ok(Value::Float(*number)),
            Expr::Number(pos, Number::Uint(number)) => Err(failed(*pos, &format!("{number} is too large"))),
            Expr::Bool(_, bool) => Ok(Value::Bool(*bool)),
            Expr::Nil(_) => Ok(Value::Nil),
            Expr::Pipe(_, pipe) => self.deeper(|run| run.pipe(pipe, dot)),
            Expr::Identifier(pos, name) => self.call(*pos, name, &[], dot, None),
            Expr::Chain(pos, inner, fields) => {
                let value = self.deeper(|run| run.expression(inner, dot))?;
                walk(value, fields, *pos)
            }
        }
    }
}

/// The field of the field of a value.
fn walk(value: Value, fields: &[SmolStr], pos: Pos) -> Result<Value, RenderError> {
    fields.iter().try_fold(value, |value, name| match &value {
        Value::Nil => Ok(Value::Nil),
        Value::Map(map) => Ok(map.get(name.as_str()).map_or(Value::Nil, |text| text.as_str().into())),
        Value::Struct(all) => all
            .iter()
            .find(|(known, _)| *known == name.as_str())
            .map(|(_, value)| value.clone())
            .ok_or_else(|| {
                let known: Vec<_> = all.iter().map(|(name, _)| format!(".{name}")).collect();
                failed(pos, &format!("there is no field .{name}, only {}", known.join(" ")))
            }),
        other => Err(failed(pos, &format!("a {} has no field .{name}", other.type_name()))),
    })
}

pub(super) fn failed(pos: Pos, reason: &str) -> RenderError {
    RenderError::Failed {
        line: pos.line.max(1),
        reason: ForeignText::new(reason),
    }
}

/// How much there is to read in a value.
fn effort(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        _ => 1,
    }
}
