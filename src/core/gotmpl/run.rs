//! The evaluation of a template, in bounded steps.

use std::{collections::BTreeMap, fmt::Write as _};

use gotmpl::parse::{BranchNode, ListNode, Node, PipeNode, SmolStr, TemplateNode};

use super::{MAX_DEPTH, MAX_STEPS, RenderError, Value, expression::failed, functions::Bounded};

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

/// One evaluation. What pipelines and expressions are worth is told in `expression`.
pub(super) struct Run<'a> {
    defined: &'a BTreeMap<String, ListNode>,
    out: Bounded,
    /// The last of a name counts.
    pub(super) variables: Vec<(SmolStr, Value)>,
    steps: usize,
    pub(super) work: usize,
    depth: usize,
}

impl Run<'_> {
    pub(super) fn step(&mut self) -> Result<(), RenderError> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(RenderError::TooManySteps);
        }
        Ok(())
    }

    /// Does something one level deeper; variables that come in there are gone afterwards.
    pub(super) fn deeper<T, E: From<RenderError>>(
        &mut self,
        then: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
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

    pub(super) fn set(&mut self, pipe: &PipeNode, name: &SmolStr, value: Value) -> Result<(), RenderError> {
        if !pipe.is_assign {
            self.variables.push((name.clone(), value));
            return Ok(());
        }
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        let (_, old) = known.ok_or_else(|| failed(pipe.pos, &format!("the variable {name} is not declared")))?;
        *old = value;
        Ok(())
    }
}

fn index_value(index: usize) -> Value {
    Value::Int(i64::try_from(index).unwrap_or(i64::MAX))
}
