//! Globs as Go's `filepath.Match` reads them on Linux.
//!
//! `*` is any run of characters but `/`, `?` one character but `/`, `[a-z]` and `[^a-z]` one of a set, a backslash takes
//! the next character literally. There is no `**` and there are no braces. A pattern has to match the whole text.

use crate::core::foreign::ForeignText;

/// A parsed glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    /// What stands between the stars; matched from left to right.
    chunks: Vec<Chunk>,
    /// Every text that matches begins with this, which is quickly seen: most texts are asked about in vain.
    head: String,
    /// Every text that matches ends with this.
    tail: String,
}

/// Single characters, and whether a star stands before them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Chunk {
    star: bool,
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(char),
    /// Any character but `/`.
    Any,
    /// Any of these ranges, or none of them.
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// A text that is no glob.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{pattern:?} is not a pattern: {reason}")]
pub struct InvalidGlob {
    /// The text.
    pub pattern: ForeignText,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Glob {
    /// Parses a pattern.
    pub fn parse(pattern: &str) -> Result<Self, InvalidGlob> {
        let invalid = |reason| InvalidGlob {
            pattern: ForeignText::new(pattern),
            reason,
        };
        let mut chunks = vec![Chunk::default()];
        let mut rest = pattern.chars();
        while let Some(c) = rest.next() {
            let item = match c {
                '*' => {
                    chunks.push(Chunk {
                        star: true,
                        items: Vec::new(),
                    });
                    continue;
                }
                '?' => Item::Any,
                '[' => set(&mut rest).map_err(invalid)?,
                '\\' => Item::Literal(rest.next().ok_or("a backslash stands at its end").map_err(invalid)?),
                literal => Item::Literal(literal),
            };
            if let Some(chunk) = chunks.last_mut() {
                chunk.items.push(item);
            }
        }
        // Several stars in a row are one.
        let last = chunks.len() - 1;
        let mut index = 0;
        chunks.retain(|chunk| {
            index += 1;
            index - 1 == last || !(chunk.star && chunk.items.is_empty())
        });
        let literals = |items: &mut dyn Iterator<Item = &Item>| -> Vec<char> {
            let literal = |item: &Item| match item {
                Item::Literal(literal) => Some(*literal),
                Item::Any | Item::Set { .. } => None,
            };
            items.map_while(literal).collect()
        };
        let first = chunks.first().filter(|chunk| !chunk.star);
        let last = chunks.last();
        Ok(Self {
            head: literals(&mut first.iter().flat_map(|chunk| &chunk.items))
                .iter()
                .collect(),
            tail: literals(&mut last.iter().flat_map(|chunk| chunk.items.iter().rev()))
                .iter()
                .rev()
                .collect(),
            chunks,
        })
    }

    /// Whether the pattern matches all of `text`. The time is at most the product of both lengths: each chunk takes the
    /// first place where it fits and never another one, as in Go.
    pub fn matches(&self, text: &str) -> bool {
        if !text.starts_with(&self.head) || !text.ends_with(&self.tail) {
            return false;
        }
        let mut rest = text;
        for (index, chunk) in self.chunks.iter().enumerate() {
            let last = index + 1 == self.chunks.len();
            let fits = |at: &str| chunk.strip(at).map(str::len).filter(|left| !last || *left == 0);
            let found = if chunk.star && chunk.items.is_empty() {
                // A star at the end.
                (!rest.contains('/')).then_some(0)
            } else if chunk.star {
                let reach = rest.find('/').unwrap_or(rest.len());
                let starts = rest.char_indices().map(|(at, _)| at).take_while(|at| *at <= reach);
                starts
                    .chain([rest.len()].into_iter().filter(|end| *end == reach))
                    .find_map(|at| fits(&rest[at..]))
            } else {
                fits(rest)
            };
            match found {
                Some(left) => rest = &rest[rest.len() - left..],
                None => return false,
            }
        }
        rest.is_empty()
    }
}

impl Chunk {
    /// What is left of `text` behind this chunk; `None` when it does not fit there.
    fn strip<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut rest = text.chars();
        for item in &self.items {
            let c = rest.next()?;
            let fits = match item {
                Item::Literal(literal) => c == *literal,
                Item::Any => c != '/',
                Item::Set { negated, ranges } => {
                    ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
                }
            };
            if !fits {
                return None;
            }
        }
        Some(rest.as_str())
    }
}

/// A set, behind its bracket.
fn set(rest: &mut std::str::Chars<'_>) -> Result<Item, &'static str> {
    let negated = rest.as_str().starts_with('^');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && rest.as_str().starts_with(']') {
            rest.next();
            return Ok(Item::Set { negated, ranges });
        }
        let low = set_char(rest)?;
        let high = if rest.as_str().starts_with('-') {
            rest.next();
            set_char(rest)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

fn set_char(rest: &mut std::str::Chars<'_>) -> Result<char, &'static str> {
    match rest.next() {
        None => Err("a [ has no ]"),
        Some('-') => Err("a - in a set has nothing before it"),
        Some(']') => Err("a set is empty, or a range has no end"),
        Some('\\') => rest.next().ok_or("a backslash stands at its end"),
        Some(c) => Ok(c),
    }
}

#[cfg(test)]
mod tests;
