//! Text that a stranger wrote: tags, labels, server answers.

use std::fmt;

/// The most bytes of foreign text that reach a log, a status or a terminal.
pub const LIMIT: usize = 256;

/// Foreign text made safe to show: control characters removed, cut to [`LIMIT`] bytes (on a character boundary).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ForeignText(String);

impl ForeignText {
    /// Cleans `text`. Runs of white space and line breaks become one blank.
    pub fn new(text: &str) -> Self {
        let mut clean = String::with_capacity(text.len().min(LIMIT));
        let mut blank = false;
        for c in text.chars() {
            if c.is_whitespace() {
                blank = !clean.is_empty();
                continue;
            }
            if c.is_control() || is_invisible(c) {
                continue;
            }
            let more = c.len_utf8() + usize::from(blank);
            if clean.len() + more > LIMIT - '…'.len_utf8() {
                clean.push('…');
                return Self(clean);
            }
            if std::mem::take(&mut blank) {
                clean.push(' ');
            }
            clean.push(c);
        }
        Self(clean)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that change how the rest of a line is shown without being seen themselves.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl fmt::Display for ForeignText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ForeignText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_excess_are_removed() {
        assert_eq!(ForeignText::new("a\u{1b}[31mb\n\n c\u{202e}").as_str(), "a[31mb c");
        let long = ForeignText::new(&"é".repeat(400));
        assert!(long.as_str().len() <= LIMIT, "{}", long.as_str().len());
        assert!(long.as_str().ends_with('…'));
    }
}
