//! One pattern as tokens, and whether a text fits.

/// What one part of a pattern stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Token {
    /// This character.
    Literal(char),
    /// One character; a slash only where said.
    One {
        /// Whether a slash counts.
        slash: bool,
    },
    /// Any run of characters, none at all too.
    Star {
        /// Whether slashes count.
        slash: bool,
    },
    /// Any number of folders, each with the slash behind it.
    Folders,
    /// One character of these ranges, or of none of them.
    Set {
        /// Whether the ranges are excluded.
        negated: bool,
        /// Both ends count.
        ranges: Vec<(char, char)>,
    },
}

impl Token {
    /// Whether it may stand for nothing here.
    fn may_be_skipped(&self, at_component: bool) -> bool {
        match self {
            Self::Star { .. } => true,
            Self::Folders => at_component,
            Self::Literal(_) | Self::One { .. } | Self::Set { .. } => false,
        }
    }

    /// Whether it takes `c`, and whether it goes on after that.
    fn takes(&self, c: char) -> (bool, bool) {
        match self {
            Self::Literal(literal) => (*literal == c, false),
            Self::One { slash } => (*slash || c != '/', false),
            Self::Star { slash } => (*slash || c != '/', true),
            Self::Folders => (true, true),
            Self::Set { negated, ranges } => {
                let found = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                (found != *negated, false)
            }
        }
    }
}

/// The tokens of a clean path with globs in it, of which the folders `literal` in front hold none.
pub(super) fn of_glob(path: &str, literal: &str) -> Vec<Token> {
    let (literal, rest) = match path.strip_prefix(literal) {
        Some(rest) if !literal.is_empty() => (literal, rest),
        _ => ("", path),
    };
    let mut tokens: Vec<Token> = literal.chars().map(Token::Literal).collect();
    let mut parts = rest.split('/').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        if part == "**" {
            tokens.push(Token::Folders);
            if is_last {
                tokens.extend([Token::One { slash: false }, Token::Star { slash: false }]);
            }
            continue;
        }
        tokens.extend(part.chars().map(|c| match c {
            '*' => Token::Star { slash: false },
            '?' => Token::One { slash: false },
            c => Token::Literal(c),
        }));
        if !is_last {
            tokens.push(Token::Literal('/'));
        }
    }
    tokens
}

/// Whether the whole `text` fits.
pub(super) fn matches(tokens: &[Token], text: &str) -> bool {
    after(tokens, text.chars()).last() == Some(&true)
}

/// Whether a path that begins with this folder may fit.
pub(super) fn may_begin(tokens: &[Token], folder: &str) -> bool {
    after(tokens, folder.chars().chain(['/'])).contains(&true)
}

/// Before which tokens the match may stand when `text` is read; one more for the end.
fn after(tokens: &[Token], text: impl Iterator<Item = char>) -> Vec<bool> {
    let mut states = vec![false; tokens.len() + 1];
    states[0] = true;
    skip(tokens, &mut states, true);
    for c in text {
        let mut next = vec![false; states.len()];
        for (index, token) in tokens.iter().enumerate().filter(|(index, _)| states[*index]) {
            let (fits, stays) = token.takes(c);
            let to = if stays { index } else { index + 1 };
            next[to] |= fits;
        }
        skip(tokens, &mut next, c == '/');
        states = next;
    }
    states
}

fn skip(tokens: &[Token], states: &mut [bool], at_component: bool) {
    for (index, token) in tokens.iter().enumerate() {
        if states[index] && token.may_be_skipped(at_component) {
            states[index + 1] = true;
        }
    }
}
