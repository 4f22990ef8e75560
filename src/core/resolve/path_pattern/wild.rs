//! The patterns of `source.directory.include` and `exclude`, as Argo CD's user guide ("Directory") has them: `*` is any run of
//! characters, slashes too, `?` one character, `[a-z]` and `[!a-z]` one of a set, `{a,b}` one of several patterns, and a
//! backslash takes the next character literally. They are matched against the path below the source's folder.

use super::tokens::{Token, matches};
use crate::core::foreign::ForeignText;

/// The most patterns that braces may stand for.
const MAX_ALTERNATIVES: usize = 100;

/// The longest pattern that is read, in bytes.
const MAX_LENGTH: usize = 4096;

/// A pattern, as the patterns without braces that it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wild(Vec<Vec<Token>>);

/// A text that is no such pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("source.directory has the pattern {pattern:?}, which cannot be read: {reason}")]
pub struct InvalidWild {
    /// The text.
    pub pattern: ForeignText,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Wild {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidWild> {
        let invalid = |reason| InvalidWild {
            pattern: ForeignText::new(text),
            reason,
        };
        if text.len() > MAX_LENGTH {
            return Err(invalid("it is too long"));
        }
        let chars: Vec<char> = text.chars().collect();
        let mut rest = chars.as_slice();
        let alternatives = sequence(&mut rest, false).map_err(invalid)?;
        Ok(Self(alternatives))
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        self.0.iter().any(|tokens| matches(tokens, path))
    }
}

/// Reads up to the end, or within braces up to a comma or the brace that closes, which stays.
fn sequence(rest: &mut &[char], in_braces: bool) -> Result<Vec<Vec<Token>>, &'static str> {
    let mut all: Vec<Vec<Token>> = vec![Vec::new()];
    while let [c, after @ ..] = *rest {
        if in_braces && matches!(c, ',' | '}') {
            return Ok(all);
        }
        *rest = after;
        let token = match c {
            '{' => {
                all = product(&all, &alternatives(rest)?)?;
                continue;
            }
            '*' => Token::Star { slash: true },
            '?' => Token::One { slash: true },
            '[' => set(rest)?,
            '\\' => Token::Literal(next(rest).ok_or("a backslash stands at its end")?),
            c => Token::Literal(*c),
        };
        for tokens in &mut all {
            tokens.push(token.clone());
        }
    }
    if in_braces { Err("a { has no }") } else { Ok(all) }
}

/// What stands between braces, behind the one that opens.
fn alternatives(rest: &mut &[char]) -> Result<Vec<Vec<Token>>, &'static str> {
    let mut all = Vec::new();
    loop {
        all.extend(sequence(rest, true)?);
        if all.len() > MAX_ALTERNATIVES {
            return Err("its braces stand for too many patterns");
        }
        if next(rest) == Some('}') {
            return Ok(all);
        }
    }
}

fn product(heads: &[Vec<Token>], tails: &[Vec<Token>]) -> Result<Vec<Vec<Token>>, &'static str> {
    if heads.len() * tails.len() > MAX_ALTERNATIVES {
        return Err("its braces stand for too many patterns");
    }
    let both = heads.iter().flat_map(|head| {
        tails
            .iter()
            .map(move |tail| [head.as_slice(), tail.as_slice()].concat())
    });
    Ok(both.collect())
}

fn set(rest: &mut &[char]) -> Result<Token, &'static str> {
    const OPEN: &str = "a [ has no ]";
    let negated = rest.first() == Some(&'!');
    if negated {
        next(rest);
    }
    let mut ranges = Vec::new();
    loop {
        let low = match next(rest).ok_or(OPEN)? {
            ']' if ranges.is_empty() => return Err("a set is empty"),
            ']' => return Ok(Token::Set { negated, ranges }),
            '\\' => next(rest).ok_or(OPEN)?,
            c => c,
        };
        let high = match *rest {
            ['-', high, ..] if *high != ']' => {
                let high = *high;
                next(rest);
                next(rest);
                high
            }
            _ => low,
        };
        ranges.push((low, high));
    }
}

fn next(rest: &mut &[char]) -> Option<char> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}
