//! From Go's RE2 syntax to that of the `regex` crate.
//!
//! Read from front to back once; everything that both sides read differently is spelled out: `\d \w \s \b` are ASCII,
//! `\Q..\E` and octal escapes do not exist over there, `[`, `&&` and `--` mean something inside of its classes, `\<` is
//! an anchor, a stray `{` an error. What Go refuses (double repetitions, look-around, unknown escapes) is refused.

use std::fmt::Write as _;

/// The most repetitions that Go allows in `{n,m}`.
const MAX_REPEAT: u32 = 1000;

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

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

    /// What follows a backslash outside of a class.
    fn escape(&mut self) -> Result<(), Reason> {
        match self.rest.chars().next() {
            None => return Err("a backslash stands at its end"),
            Some('Q') => {
                let quoted = &self.rest[1..];
                let (text, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                text.chars().for_each(|c| self.literal(c));
                self.rest = rest;
            }
            Some(c @ ('A' | 'z')) => {
                self.rest = &self.rest[1..];
                self.out.push('\\');
                self.out.push(c);
            }
            Some(c @ ('b' | 'B')) => {
                self.rest = &self.rest[1..];
                // Writing to a String cannot fail.
                let _ = write!(self.out, r"(?-u:\{c})");
            }
            Some(_) => {
                if !self.named_class()? {
                    let c = self.escaped_char()?;
                    self.literal(c);
                }
            }
        }
        Ok(())
    }

    /// `\d`, `\pL` and the like, behind the backslash; false when something else stands here.
    fn named_class(&mut self) -> Result<bool, Reason> {
        let class = match self.rest.as_bytes().first() {
            Some(b'd') => "[0-9]",
            Some(b'D') => "[^0-9]",
            Some(b's') => r"[\t\n\x0C\r ]",
            Some(b'S') => r"[^\t\n\x0C\r ]",
            Some(b'w') => "[0-9A-Za-z_]",
            Some(b'W') => "[^0-9A-Za-z_]",
            Some(p @ (b'p' | b'P')) => {
                let negated = *p == b'P';
                self.rest = &self.rest[1..];
                return self.unicode_class(negated).map(|()| true);
            }
            _ => return Ok(false),
        };
        self.out.push_str(class);
        self.rest = &self.rest[1..];
        Ok(true)
    }

    fn unicode_class(&mut self, mut negated: bool) -> Result<(), Reason> {
        let name = if self.eat("{") {
            let (name, rest) = self.rest.split_once('}').ok_or(r"a \p{...} does not end")?;
            self.rest = rest;
            name
        } else {
            let end = self.rest.chars().next().map_or(0, char::len_utf8);
            let (name, rest) = self.rest.split_at(end);
            self.rest = rest;
            name
        };
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negated = !negated;
                name
            }
            None => name,
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(r"a \p names no class of characters");
        }
        // Writing to a String cannot fail.
        let _ = write!(self.out, r"\{}{{{name}}}", if negated { 'P' } else { 'p' });
        Ok(())
    }

    /// One character, written as an escape; behind the backslash.
    fn escaped_char(&mut self) -> Result<char, Reason> {
        let c = self.next().ok_or("a backslash stands at its end")?;
        match c {
            'a' => Ok('\x07'),
            'f' => Ok('\x0C'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0B'),
            'x' => self.hexadecimal(),
            '1'..='7' if !self.rest.starts_with(|d: char| d.is_digit(8)) => Err("back references do not exist"),
            '0'..='7' => {
                let mut value = c.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|d| d.to_digit(8)) else {
                        break;
                    };
                    self.rest = &self.rest[1..];
                    value = value * 8 + digit;
                }
                char::from_u32(value).ok_or("an octal escape is no character")
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => Err("a backslash stands before a letter that means nothing"),
        }
    }

    fn hexadecimal(&mut self) -> Result<char, Reason> {
        const REASON: Reason = r"a \x is not followed by a character's number";
        let digits = if self.eat("{") {
            let (digits, rest) = self.rest.split_once('}').ok_or(REASON)?;
            self.rest = rest;
            digits
        } else {
            let (digits, rest) = self.rest.split_at_checked(2).ok_or(REASON)?;
            self.rest = rest;
            digits
        };
        if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(REASON);
        }
        u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
            .ok_or(REASON)
    }

    /// A class, behind its bracket.
    fn class(&mut self) -> Result<(), Reason> {
        self.out.push('[');
        if self.eat("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if !first && self.eat("]") {
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if self.posix_class()? {
                continue;
            }
            if let Some(behind) = self.rest.strip_prefix('\\') {
                let before = std::mem::replace(&mut self.rest, behind);
                if self.named_class()? {
                    continue;
                }
                self.rest = before;
            }
            self.class_range()?;
        }
    }

    /// `[:alpha:]` or `[:^alpha:]`; false when something else stands here.
    fn posix_class(&mut self) -> Result<bool, Reason> {
        let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
            return Ok(false);
        };
        if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err("a [:name:] names no class of characters");
        }
        // Writing to a String cannot fail.
        let _ = write!(self.out, "[:{name}:]");
        self.rest = rest;
        Ok(true)
    }

    fn class_range(&mut self) -> Result<(), Reason> {
        let low = self.class_char()?;
        self.literal(low);
        let range = self
            .rest
            .strip_prefix('-')
            .filter(|rest| !rest.is_empty() && !rest.starts_with(']'));
        if let Some(rest) = range {
            self.rest = rest;
            let high = self.class_char()?;
            if high < low {
                return Err("a range of characters goes backwards");
            }
            self.out.push('-');
            self.literal(high);
        }
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, Reason> {
        match self.next() {
            None => Err("a [ has no ]"),
            Some('\\') => self.escaped_char(),
            Some(c) => Ok(c),
        }
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
