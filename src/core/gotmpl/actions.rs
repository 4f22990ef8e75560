//! What stands in `{{ }}`: whether every block is opened and closed, before anything else is read.
//!
//! The parser behind this module stops at a stray `{{end}}` and takes the end of the text for every missing one, both
//! without a word, so this is checked here by the rules of Go. Comments become empty texts on the way, because the parser
//! trims the text around them differently.

use super::{InvalidTemplate, MAX_DEPTH};

/// A block that waits for its `{{end}}`.
struct Block {
    kind: Kind,
    line: usize,
    has_else: bool,
    /// How many `{{else if}}` or `{{else with}}` it has; each is a level of its own to the parser.
    chained: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    If,
    With,
    Range,
    /// `define` or `block`.
    Template,
}

/// Checks `text`, and returns it with empty texts in the place of comments. Lines stay what they are.
pub(super) fn check(text: &str) -> Result<String, InvalidTemplate> {
    let mut scan = Scan {
        text,
        at: 0,
        counted: 0,
        line: 1,
        open: Vec::new(),
    };
    let mut out = String::with_capacity(text.len());
    while let Some(start) = scan.next_action() {
        out.push_str(&text[scan.at..start]);
        scan.at = start;
        out.push_str(&scan.action()?);
    }
    if let Some(block) = scan.open.last() {
        return Err(InvalidTemplate::at(block.line, "this block has no {{end}}"));
    }
    out.push_str(&text[scan.at..]);
    Ok(out)
}

struct Scan<'t> {
    text: &'t str,
    /// Up to here all is done.
    at: usize,
    /// Line breaks are counted up to here.
    counted: usize,
    line: usize,
    open: Vec<Block>,
}

impl Scan<'_> {
    fn next_action(&mut self) -> Option<usize> {
        let start = self.at + self.text[self.at..].find("{{")?;
        self.line += self.text[self.counted..start].matches('\n').count();
        self.counted = start;
        Some(start)
    }

    fn error(&self, reason: &str) -> InvalidTemplate {
        InvalidTemplate::at(self.line, reason)
    }

    /// Reads one action, and returns what the parser shall read in its place.
    fn action(&mut self) -> Result<String, InvalidTemplate> {
        let start = self.at;
        let mut inside = start + 2;
        let bytes = self.text.as_bytes();
        let trims = bytes.get(inside) == Some(&b'-') && bytes.get(inside + 1).is_some_and(|b| is_space(*b));
        if trims {
            inside += 2;
        }
        let rest = &self.text[inside..];
        if let Some(comment) = rest.strip_prefix("/*") {
            return self.comment(start, inside, comment);
        }
        let body = rest.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
        if body.starts_with("/*") {
            return Err(self.error("a comment must begin right behind the braces, as in {{/* ... */}}"));
        }
        self.at = inside + self.action_end(rest)?;
        self.block(body)?;
        Ok(self.text[start..self.at].to_owned())
    }

    fn comment(&mut self, start: usize, inside: usize, comment: &str) -> Result<String, InvalidTemplate> {
        let end = comment
            .find("*/")
            .ok_or_else(|| self.error("the comment is not closed by */"))?;
        let behind = &comment[end + 2..];
        let trims = is_trimming_end(behind);
        if !trims && !behind.starts_with("}}") {
            return Err(self.error("a comment must be closed right before the braces, as in {{/* ... */}}"));
        }
        let close = if trims { 4 } else { 2 };
        self.at = inside + 2 + end + 2 + close;
        let lines = "\n".repeat(comment[..end].matches('\n').count());
        let opening = &self.text[start..inside];
        let closing = &self.text[self.at - close..self.at];
        Ok(format!("{opening}\"\"{lines}{closing}"))
    }

    /// The number of bytes of the action, its closing braces included.
    fn action_end(&self, rest: &str) -> Result<usize, InvalidTemplate> {
        let bytes = rest.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += match byte {
                b'}' if bytes.get(at + 1) == Some(&b'}') => return Ok(at + 2),
                b'"' | b'\'' => self.quoted(&rest[at..])?,
                b'`' => {
                    2 + rest[at + 1..]
                        .find('`')
                        .ok_or_else(|| self.error("the text in backquotes is not closed"))?
                }
                _ => 1,
            };
        }
        Err(self.error("the action is not closed by }}"))
    }

    /// The number of bytes of a text in quotes, which may not go over the line.
    fn quoted(&self, rest: &str) -> Result<usize, InvalidTemplate> {
        let mut bytes = rest.bytes().enumerate();
        let quote = bytes.next().map(|(_, quote)| quote);
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'\\' => {
                    bytes.next();
                }
                b'\n' => break,
                _ if Some(byte) == quote => return Ok(at + 1),
                _ => {}
            }
        }
        Err(self.error("the text in quotes is not closed on its line"))
    }

    /// Opens or closes the block of an action with this content.
    fn block(&mut self, body: &str) -> Result<(), InvalidTemplate> {
        let (word, rest) = first_word(body);
        let kind = match word {
            "if" => Kind::If,
            "with" => Kind::With,
            "range" => Kind::Range,
            "define" if !self.open.is_empty() => {
                return Err(self.error("{{define}} may not stand in another block"));
            }
            "block" => {
                self.block_value(rest.trim_start())?;
                Kind::Template
            }
            "define" => Kind::Template,
            "else" => return self.otherwise(first_word(rest.trim_start()).0),
            "end" => {
                let opened = self.open.pop();
                return opened.map(|_| ()).ok_or_else(|| self.error("{{end}} without a block"));
            }
            "break" | "continue" => return self.leaves_loop(),
            _ => return Ok(()),
        };
        self.open.push(Block {
            kind,
            line: self.line,
            has_else: false,
            chained: 0,
        });
        self.check_depth()
    }

    /// A block has a value behind its name.
    fn block_value(&self, rest: &str) -> Result<(), InvalidTemplate> {
        let name = match rest.bytes().next() {
            Some(b'"') => self.quoted(rest)?,
            Some(b'`') => rest[1..].find('`').map_or(rest.len(), |end| end + 2),
            // The parser says what is wrong with the name.
            _ => return Ok(()),
        };
        let behind = rest[name..].trim_start();
        if behind.starts_with("}}") || behind.starts_with("-}}") {
            return Err(self.error("{{block}} needs a value behind its name, as in {{block \"name\" .}}"));
        }
        Ok(())
    }

    fn otherwise(&mut self, chained: &str) -> Result<(), InvalidTemplate> {
        let error = InvalidTemplate::at(self.line, "{{else}} where none may stand");
        let block = match self.open.last_mut() {
            Some(block) if block.kind != Kind::Template && !block.has_else => block,
            _ => return Err(error),
        };
        match (chained, block.kind) {
            ("if", Kind::If) | ("with", Kind::With) => block.chained += 1,
            ("if" | "with", _) => return Err(error),
            _ => block.has_else = true,
        }
        self.check_depth()
    }

    fn leaves_loop(&self) -> Result<(), InvalidTemplate> {
        let mut around = self.open.iter().rev().take_while(|block| block.kind != Kind::Template);
        if around.any(|block| block.kind == Kind::Range && !block.has_else) {
            Ok(())
        } else {
            Err(self.error("{{break}} and {{continue}} may only stand in {{range}}"))
        }
    }

    fn check_depth(&self) -> Result<(), InvalidTemplate> {
        let depth: usize = self.open.iter().map(|block| 1 + block.chained).sum();
        if depth < MAX_DEPTH {
            Ok(())
        } else {
            Err(self.error(&format!(
                "blocks are nested, or follow each other by else, deeper than {MAX_DEPTH} levels"
            )))
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether ` -}}` comes next.
fn is_trimming_end(text: &str) -> bool {
    text.strip_prefix([' ', '\t', '\r', '\n'])
        .is_some_and(|text| text.starts_with("-}}"))
}

fn first_word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c != '_' && !c.is_alphanumeric());
    text.split_at(end.unwrap_or(text.len()))
}
