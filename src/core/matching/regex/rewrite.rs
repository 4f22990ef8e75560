//! From Go's RE2 syntax to that of the `regex` crate.
//!
//! Read from front to back once; everything that both sides read differently is spelled out: `\d \w \s \b` are ASCII,
//! `\Q..\E` and octal escapes do not exist over there, `[`, `&&` and `--` mean something inside of its classes, `\<` is
//! an anchor, a stray `{` an error. What Go refuses (double repetitions, look-around, unknown escapes) is refused.

use std::fmt::Write as _;

mod class;

/// The most repetitions that Go allows in `{n,m}`.
const MAX_REPEAT: u32 = 1000;

/// Why an expression is refused.
pub(super) type Reason = &'static str;

/// `expression`, in the other syntax.
pub(super) fn rewrite(expression: &str) -> Result<String, Reason> {
    let mut rewriter = Rewriter {
        rest: expression,
        out: String::with_capacity(expression.len() + 16),
    };
    let mut repeated = false;
    while !rewriter.rest.is_empty() {
        let was_repeated = repeated;
        repeated = rewriter.repetition()?;
        if repeated && was_repeated {
            return Err("a repetition is repeated");
        }
        if !repeated {
            rewriter.item()?;
        }
    }
    Ok(rewriter.out)
}

struct Rewriter<'a> {
    rest: &'a str,
    out: String,
}

impl Rewriter<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn eat(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii() && !c.is_ascii_alphanumeric() {
            // Writing to a String cannot fail.
            let _ = write!(self.out, r"\x{{{:x}}}", u32::from(c));
        } else {
            self.out.push(c);
        }
    }

    /// `*`, `+`, `?` or `{n,m}`, each with an optional `?`; false when something else stands here.
    fn repetition(&mut self) -> Result<bool, Reason> {
        match self.rest.as_bytes().first() {
            Some(op @ (b'*' | b'+' | b'?')) => {
                self.out.push(char::from(*op));
                self.rest = &self.rest[1..];
            }
            Some(b'{') => {
                let Some(length) = counted(self.rest)? else {
                    return Ok(false);
                };
                self.out.push_str(&self.rest[..length]);
                self.rest = &self.rest[length..];
            }
            _ => return Ok(false),
        }
        if self.eat("?") {
            self.out.push('?');
        }
        Ok(true)
    }

    fn item(&mut self) -> Result<(), Reason> {
        match self.next() {
            None => {}
            Some('\\') => self.escape()?,
            Some('[') => self.class()?,
            Some('(') => self.group()?,
            Some(c @ ('|' | ')' | '^' | '$' | '.')) => self.out.push(c),
            Some(c) => self.literal(c),
        }
        Ok(())
    }

    /// A group, behind its parenthesis.
    fn group(&mut self) -> Result<(), Reason> {
        if !self.eat("?") {
            self.out.push('(');
            return Ok(());
        }
        if self.eat("P<") || self.eat("<") {
            let (name, rest) = self.rest.split_once('>').ok_or("the name of a group does not end")?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err("the name of a group has other characters than letters, digits and _");
            }
            // Writing to a String cannot fail.
            let _ = write!(self.out, "(?P<{name}>");
            self.rest = rest;
            return Ok(());
        }
        let end = self.rest.find([':', ')']).ok_or("a group does not end")?;
        let (flags, rest) = self.rest.split_at(end);
        if !flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-')) || flags.ends_with('-') {
            return Err("a group begins with (? and flags or an extension that do not exist");
        }
        let (closing, rest) = rest.split_at(1);
        self.rest = rest;
        if !(flags.is_empty() && closing == ")") {
            // Writing to a String cannot fail.
            let _ = write!(self.out, "(?{flags}{closing}");
        }
        Ok(())
    }
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the start of `text`; `None` when it is a literal brace.
fn counted(text: &str) -> Result<Option<usize>, Reason> {
    let Some(inside) = text
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .map(|(inside, _)| inside)
    else {
        return Ok(None);
    };
    let number = |digits: &str| {
        let fits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        // A number too large for its type is too large for a repetition as well.
        (fits && (digits == "0" || !digits.starts_with('0'))).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (low, high) = match inside.split_once(',') {
        None => (number(inside), number(inside)),
        Some((low, "")) => (number(low), Some(MAX_REPEAT)),
        Some((low, high)) => (number(low), number(high)),
    };
    let (Some(low), Some(high)) = (low, high) else {
        return Ok(None);
    };
    if low > MAX_REPEAT || high > MAX_REPEAT || low > high {
        return Err("a repetition {n,m} is out of range (at most 1000)");
    }
    Ok(Some(inside.len() + 2))
}
