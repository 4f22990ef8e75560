//! The evaluation of a template, in bounded steps.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use gotmpl::parse::{BranchNode, CommandNode, Expr, ListNode, Node, Number, PipeNode, Pos, SmolStr, TemplateNode};

use super::{
    MAX_DEPTH, MAX_STEPS, RenderError, Value,
    functions::{self, Bounded, Fault},
};
use crate::core::foreign::ForeignText;

/// The most bytes that all functions of one evaluation read and write together.
const MAX_WORK: usize = 16 << 20;

/// Evaluates `main`.
pub(super) fn run(main: &ListNode, defined: &BTreeMap<String, ListNode>, data: &Value) -> Result<String, RenderError> {
    let mut run = Run {
        defined,
        out: Bounded::default(),
        variables: vec![(SmolStr::new("$"), data.clone())],
        steps: 0,
        work: 0,
        depth: 0,
    };
    match run.list(main, data) {
        Err(Stop::Error(error)) => Err(error),
        // The text was checked to have the other stops in loops only.
        Ok(()) | Err(Stop::Break | Stop::Continue) => Ok(run.out.into_text()),
    }
}

/// Why the evaluation does not simply go on.
enum Stop {
    Break,
    Continue,
    Error(RenderError),
}

impl From<RenderError> for Stop {
    fn from(error: RenderError) -> Self {
        Self::Error(error)
    }
}

struct Run<'a> {
    defined: &'a BTreeMap<String, ListNode>,
    out: Bounded,
    /// The last of a name counts.
    variables: Vec<(SmolStr, Value)>,
    steps: usize,
    work: usize,
    depth: usize,
}

impl Run<'_> {
    fn step(&mut self) -> Result<(), RenderError> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(RenderError::TooManySteps);
        }
        Ok(())
    }

    /// Does something one level deeper; variables that come in there are gone afterwards.
    fn deeper<T, E: From<RenderError>>(&mut self, then: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        if self.depth >= MAX_DEPTH {
            return Err(RenderError::TooDeep.into());
        }
        let known = self.variables.len();
        self.depth += 1;
        let result = then(self);
        self.depth -= 1;
        self.variables.truncate(known);
        result
    }

    fn list(&mut self, list: &ListNode, dot: &Value) -> Result<(), Stop> {
        for node in &list.nodes {
            self.step()?;
            match node {
                Node::Text(text) => self.out.write_str(&text.text).map_err(|_| RenderError::TooLong)?,
                Node::Action(action) => self.action(&action.pipe, dot)?,
                Node::If(branch) => self.deeper(|run| run.choose(branch, dot, false))?,
                Node::With(branch) => self.deeper(|run| run.choose(branch, dot, true))?,
                Node::Range(branch) => self.deeper(|run| run.range(branch, dot))?,
                Node::Template(call) => self.deeper(|run| run.template(call, dot))?,
                Node::Define(_) => {}
                Node::List(list) => self.deeper(|run| run.list(list, dot))?,
                Node::Break(_) => return Err(Stop::Break),
                Node::Continue(_) => return Err(Stop::Continue),
            }
        }
        Ok(())
    }

    fn action(&mut self, pipe: &PipeNode, dot: &Value) -> Result<(), RenderError> {
        let value = self.pipe(pipe, dot)?;
        if !pipe.decl.is_empty() {
            return Ok(());
        }
        let written = match value {
            Value::Nil => self.out.write_str("<no value>"),
            value => write!(self.out, "{value}"),
        };
        written.map_err(|_| RenderError::TooLong)
    }

    /// `if`, or `with`, which makes the value the dot.
    fn choose(&mut self, branch: &BranchNode, dot: &Value, is_with: bool) -> Result<(), Stop> {
        let value = self.pipe(&branch.pipe, dot)?;
        if value.is_true() {
            self.list(&branch.body, if is_with { &value } else { dot })
        } else {
            branch.else_body.as_ref().map_or(Ok(()), |body| self.list(body, dot))
        }
    }

    fn range(&mut self, branch: &BranchNode, dot: &Value) -> Result<(), Stop> {
        let value = self.stages(&branch.pipe, dot)?;
        let mut rounds = 0;
        let mut round = |run: &mut Self, key: Value, value: Value| {
            rounds += 1;
            run.round(branch, key, &value)
        };
        match &value {
            Value::List(list) => {
                for (index, item) in list.iter().enumerate() {
                    if !round(self, index_value(index), item.clone())? {
                        return Ok(());
                    }
                }
            }
            Value::Map(map) => {
                for (key, item) in map.iter() {
                    if !round(self, key.as_str().into(), item.as_str().into())? {
                        return Ok(());
                    }
                }
            }
            Value::Int(_) if branch.pipe.decl.len() > 1 => {
                return Err(failed(branch.pos, "a number has no second variable to range over").into());
            }
            Value::Int(count) => {
                for number in 0..*count {
                    if !round(self, Value::Int(number), Value::Int(number))? {
                        return Ok(());
                    }
                }
            }
            Value::Nil => {}
            other => {
                return Err(failed(branch.pos, &format!("range cannot go over a {}", other.type_name())).into());
            }
        }
        match &branch.else_body {
            Some(body) if rounds == 0 => self.list(body, dot),
            _ => Ok(()),
        }
    }

    /// One round of a loop. `false` when it was the last by `break`.
    fn round(&mut self, branch: &BranchNode, key: Value, value: &Value) -> Result<bool, Stop> {
        self.step()?;
        let known = self.variables.len();
        let values = match branch.pipe.decl.as_slice() {
            [_, _] => vec![key, value.clone()],
            _ => vec![value.clone()],
        };
        for (name, value) in branch.pipe.decl.iter().zip(values) {
            self.set(&branch.pipe, name, value)?;
        }
        let result = self.list(&branch.body, value);
        self.variables.truncate(known);
        match result {
            Ok(()) | Err(Stop::Continue) => Ok(true),
            Err(Stop::Break) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A template knows its argument, and none of the variables here.
    fn template(&mut self, call: &TemplateNode, dot: &Value) -> Result<(), Stop> {
        let argument = call.pipe.as_ref().map_or(Ok(Value::Nil), |pipe| self.pipe(pipe, dot))?;
        let defined = self.defined;
        let body = defined
            .get(call.name.as_str())
            .ok_or_else(|| failed(call.pos, &format!("there is no template {:?}", call.name.as_str())))?;
        let outside = std::mem::replace(&mut self.variables, vec![(SmolStr::new("$"), argument.clone())]);
        let result = self.list(body, &argument);
        self.variables = outside;
        result
    }

    fn set(&mut self, pipe: &PipeNode, name: &SmolStr, value: Value) -> Result<(), RenderError> {
        if !pipe.is_assign {
            self.variables.push((name.clone(), value));
            return Ok(());
        }
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        let (_, old) = known.ok_or_else(|| failed(pipe.pos, &format!("the variable {name} is not declared")))?;
        *old = value;
        Ok(())
    }

    fn pipe(&mut self, pipe: &PipeNode, dot: &Value) -> Result<Value, RenderError> {
        let value = self.stages(pipe, dot)?;
        if let Some(name) = pipe.decl.first() {
            self.set(pipe, name, value.clone())?;
        }
        Ok(value)
    }

    /// The value of a pipeline, without declaring anything.
    fn stages(&mut self, pipe: &PipeNode, dot: &Value) -> Result<Value, RenderError> {
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

fn index_value(index: usize) -> Value {
    Value::Int(i64::try_from(index).unwrap_or(i64::MAX))
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

fn failed(pos: Pos, reason: &str) -> RenderError {
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
