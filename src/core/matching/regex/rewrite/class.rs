//! Backslashes and classes of characters.

use std::fmt::Write as _;

use super::{Reason, Rewriter};

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

impl Rewriter<'_> {
    /// What follows a backslash outside of a class.
    pub(super) fn escape(&mut self) -> Result<(), Reason> {
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
    pub(super) fn class(&mut self) -> Result<(), Reason> {
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
}
