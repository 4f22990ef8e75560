//! How the text of a constraint is read.
//!
//! ```text
//! constraint = group *( "||" group )
//! group      = term *( ( blanks | "," ) term )            blanks are allowed around each part
//! term       = [ "=" "!=" ">" "<" ">=" "=>" "<=" "=<" "~" "~>" "^" ] version | version " - " version
//! version    = [ "v" ] part [ "." part [ "." part ] ] [ "-" pre ] [ "+" meta ]
//! part       = digits | "x" | "X" | "*"
//! ```
//!
//! `A - B` means `>= A, <= B`; it stands at the start of a group or behind a comma.

use super::{Group, Open, Operator, Term, Version};
use crate::core::strategy::version::number;

/// The longest constraint, in bytes.
const MAX_LENGTH: usize = 1024;

/// Longer operators first, so that the shorter ones do not hide them.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

type Reason = &'static str;

/// The groups of a constraint.
pub(super) fn groups(text: &str) -> Result<Vec<Group>, Reason> {
    if text.len() > MAX_LENGTH {
        return Err("it is longer than 1024 bytes");
    }
    text.split("||").map(group).collect()
}

fn group(text: &str) -> Result<Group, Reason> {
    let mut reader = Reader { rest: text };
    let mut terms = Vec::new();
    // Whether a range may stand here; the original glues one behind blanks to the term before it, and fails.
    let mut may_be_range = true;
    reader.blanks();
    loop {
        reader.term(may_be_range, &mut terms)?;
        let blanks = reader.blanks();
        if reader.rest.is_empty() {
            break;
        }
        may_be_range = reader.eat(",");
        if !may_be_range && !blanks {
            return Err("something follows a version without a blank or a comma");
        }
        reader.blanks();
    }
    let pre = terms.iter().any(|term| term.version.is_pre_release());
    Ok(Group { terms, pre })
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn eat(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Skips blanks, and says whether there were any.
    fn blanks(&mut self) -> bool {
        let rest = self.rest.trim_start_matches(['\t', '\n', '\x0C', '\r', ' ']);
        let any = rest.len() < self.rest.len();
        self.rest = rest;
        any
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn term(&mut self, may_be_range: bool, terms: &mut Vec<Term>) -> Result<(), Reason> {
        let operator = OPERATORS
            .iter()
            .find(|(text, _)| self.eat(text))
            .map(|(_, operator)| *operator);
        self.blanks();
        let (version, open) = self.version()?;
        if operator.is_none() && self.range_follows() {
            if !may_be_range {
                return Err("a range A - B needs a comma before it");
            }
            let (high, high_open) = self.version()?;
            terms.push(Term {
                operator: Operator::GreaterOrEqual,
                version,
                open,
            });
            terms.push(Term {
                operator: Operator::LessOrEqual,
                version: high,
                open: high_open,
            });
        } else {
            terms.push(Term {
                operator: operator.unwrap_or(Operator::Equal),
                version,
                open,
            });
        }
        Ok(())
    }

    /// Takes the hyphen of a range with the blanks on both sides, if it is there.
    fn range_follows(&mut self) -> bool {
        let mut ahead = Reader { rest: self.rest };
        let found = ahead.blanks() && ahead.eat("-") && ahead.blanks();
        if found {
            self.rest = ahead.rest;
        }
        found
    }

    fn version(&mut self) -> Result<(Version, Open), Reason> {
        self.eat("v");
        let major = self.part()?;
        let minor = if self.eat(".") { self.part()? } else { None };
        let patch = if self.eat(".") { self.part()? } else { None };
        let pre = if self.eat("-") { Some(self.identifiers()?) } else { None };
        if self.eat("+") {
            self.identifiers()?;
        }
        let (numbers, open) = match (major, minor, patch) {
            (None, ..) => ((0, 0, 0), Open::Everything),
            (Some(major), None, _) => ((major, 0, 0), Open::Minor),
            (Some(major), Some(minor), None) => ((major, minor, 0), Open::Patch),
            (Some(major), Some(minor), Some(patch)) => ((major, minor, patch), Open::Nothing),
        };
        let version = Version::with_pre(numbers.0, numbers.1, numbers.2, pre)
            .ok_or("a number in a pre-release part begins with 0")?;
        Ok((version, open))
    }

    /// A number; `None` for a wildcard.
    fn part(&mut self) -> Result<Option<u64>, Reason> {
        match self.take_while(|c| c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*')) {
            "" => Err("a version is missing, or is not made of numbers"),
            "x" | "X" | "*" => Ok(None),
            digits => number(digits)
                .map(Some)
                .ok_or("a part of a version is neither a 64-bit number nor x or *"),
        }
    }

    fn identifiers(&mut self) -> Result<&'a str, Reason> {
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        let fits = text.split('.').all(|identifier| !identifier.is_empty());
        fits.then_some(text)
            .ok_or("the part behind - or + of a version is empty")
    }
}
