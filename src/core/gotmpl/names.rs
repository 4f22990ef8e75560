//! The names in a template: functions, variables, fields.

use gotmpl::parse::{BranchNode, Expr, ListNode, Node, PipeNode, SmolStr};

use super::{InvalidTemplate, functions};

/// Checks that every function and variable is known, and that values are only handed on to functions.
pub(super) fn check(list: &ListNode) -> Result<(), InvalidTemplate> {
    let mut names = Names {
        variables: vec![SmolStr::new("$")],
    };
    names.list(list)
}

struct Names {
    variables: Vec<SmolStr>,
}

impl Names {
    fn list(&mut self, list: &ListNode) -> Result<(), InvalidTemplate> {
        for node in &list.nodes {
            match node {
                Node::Text(_) | Node::Break(_) | Node::Continue(_) => {}
                Node::Action(action) => self.pipe(&action.pipe)?,
                Node::If(branch) | Node::With(branch) | Node::Range(branch) => self.branch(branch)?,
                Node::Template(call) => call.pipe.iter().try_for_each(|pipe| self.pipe(pipe))?,
                Node::Define(define) => check(&define.body)?,
                Node::List(list) => self.list(list)?,
            }
        }
        Ok(())
    }

    /// What a block declares is known to its end.
    fn branch(&mut self, branch: &BranchNode) -> Result<(), InvalidTemplate> {
        let outside = self.variables.len();
        self.pipe(&branch.pipe)?;
        self.list(&branch.body)?;
        branch.else_body.iter().try_for_each(|body| self.list(body))?;
        self.variables.truncate(outside);
        Ok(())
    }

    fn pipe(&mut self, pipe: &PipeNode) -> Result<(), InvalidTemplate> {
        // A declaration counts from here on, and so does an assignment; whether there is a value is seen when it runs.
        self.variables.extend(pipe.decl.iter().cloned());
        for (stage, command) in pipe.commands.iter().enumerate() {
            if let (true, Some(first)) = (stage > 0, command.args.first())
                && matches!(
                    first,
                    Expr::Bool(..) | Expr::Dot(_) | Expr::Nil(_) | Expr::Number(..) | Expr::String(..)
                )
            {
                return Err(InvalidTemplate::at(
                    first.pos().line,
                    "what stands behind | must be a function",
                ));
            }
            command.args.iter().try_for_each(|arg| self.expression(arg))?;
        }
        Ok(())
    }

    fn expression(&mut self, expression: &Expr) -> Result<(), InvalidTemplate> {
        match expression {
            Expr::Identifier(pos, name) if !functions::is_known(name) => Err(InvalidTemplate::at(
                pos.line,
                &format!("there is no function {:?}", name.as_str()),
            )),
            Expr::Variable(pos, name, _) => self.variable(name, pos.line),
            Expr::Pipe(_, pipe) => self.pipe(pipe),
            Expr::Chain(_, inner, _) => self.expression(inner),
            _ => Ok(()),
        }
    }

    fn variable(&self, name: &SmolStr, line: usize) -> Result<(), InvalidTemplate> {
        if self.variables.contains(name) {
            return Ok(());
        }
        Err(InvalidTemplate::at(
            line,
            &format!("the variable {name} is not declared here"),
        ))
    }
}

/// Whether a field of this name is asked for.
pub(super) fn mentions_field(list: &ListNode, name: &str) -> bool {
    let in_pipe = |pipe: &PipeNode| pipe_mentions(pipe, name);
    list.nodes.iter().any(|node| match node {
        Node::Text(_) | Node::Break(_) | Node::Continue(_) => false,
        Node::Action(action) => in_pipe(&action.pipe),
        Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
            in_pipe(&branch.pipe)
                || mentions_field(&branch.body, name)
                || branch.else_body.as_ref().is_some_and(|body| mentions_field(body, name))
        }
        Node::Template(call) => call.pipe.as_ref().is_some_and(in_pipe),
        Node::Define(define) => mentions_field(&define.body, name),
        Node::List(list) => mentions_field(list, name),
    })
}

fn pipe_mentions(pipe: &PipeNode, name: &str) -> bool {
    let arguments = pipe.commands.iter().flat_map(|command| &command.args);
    arguments
        .into_iter()
        .any(|argument| expression_mentions(argument, name))
}

fn expression_mentions(expression: &Expr, name: &str) -> bool {
    let is_name = |fields: &[SmolStr]| fields.iter().any(|field| field == name);
    match expression {
        Expr::Field(_, fields) | Expr::Variable(_, _, fields) => is_name(fields),
        Expr::Chain(_, inner, fields) => is_name(fields) || expression_mentions(inner, name),
        Expr::Pipe(_, pipe) => pipe_mentions(pipe, name),
        _ => false,
    }
}
