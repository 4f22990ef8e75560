//! Answers for people: text that fits the terminal, coloured where that is wanted, without anything that a stranger could
//! do to it.
//!
//! What is printed is decided elsewhere: `plan` knows the lines of a plan, `tags` those of `--explain`, `values` how a
//! value looks on one line. Here is only how a line is made.

use std::io::{self, IsTerminal as _, Write as _};

use crate::settings::look::ColorChoice;

pub mod plan;
pub mod progress;
pub mod registries;
pub mod tags;

mod values;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// As it is.
    Plain,
    /// A title.
    Bold,
    /// What is of less interest.
    Dim,
    /// What is new.
    Green,
    /// What goes, or is wrong.
    Red,
    /// What should be looked at.
    Yellow,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\u{1b}[1m",
            Self::Dim => "\u{1b}[2m",
            Self::Green => "\u{1b}[32m",
            Self::Red => "\u{1b}[31m",
            Self::Yellow => "\u{1b}[33m",
        }
    }
}

/// Where an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Whether text is coloured.
    pub color: bool,
    /// The columns of the terminal; `None` where lines may be of any length, as in a pipe.
    pub width: Option<usize>,
}

/// The least room that is left for a text at the end of a line, on however narrow a terminal.
const LEAST_ROOM: usize = 24;

impl Page {
    /// Standard output.
    pub fn of_stdout(color: ColorChoice) -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let size = rustix::termios::tcgetwinsize(&stdout).ok();
        Self {
            color: match color {
                ColorChoice::Auto => is_terminal && !no_color && !dumb,
                ColorChoice::Always => true,
                ColorChoice::Never => false,
            },
            // A terminal that does not know its size says 0.
            width: size
                .filter(|_| is_terminal)
                .map(|size| usize::from(size.ws_col))
                .filter(|width| *width > 0),
        }
    }

    /// `text` in this colour; made harmless first.
    fn paint(self, ink: Ink, text: &str) -> String {
        let text = clean(text);
        if self.color && ink != Ink::Plain && !text.is_empty() {
            format!("{}{text}\u{1b}[0m", ink.code())
        } else {
            text
        }
    }

    /// One line of cells, each padded to its width, and a text at the end, which is continued below itself when it does not
    /// fit.
    pub(super) fn row(self, indent: usize, cells: &[(Ink, &str, usize)], ink: Ink, last: &str) -> String {
        let mut line = " ".repeat(indent);
        let mut used = indent;
        for (ink, text, width) in cells {
            let shown = fit(&clean(text), *width);
            let pad = width.saturating_sub(shown.chars().count()) + 2;
            line.push_str(&self.paint(*ink, &shown));
            line.push_str(&" ".repeat(pad));
            used += width + 2;
        }
        let room = self.width.map(|width| width.saturating_sub(used).max(LEAST_ROOM));
        for (index, part) in wrap(&clean(last), room).iter().enumerate() {
            if index > 0 {
                line.push('\n');
                line.push_str(&" ".repeat(used));
            }
            line.push_str(&self.paint(ink, part));
        }
        let kept = line.trim_end_matches(' ').len();
        line.truncate(kept);
        line.push('\n');
        line
    }

    /// One line of a diff. It is continued below itself, never cut: what differs may stand at its end.
    pub(super) fn signed(self, indent: usize, ink: Ink, sign: &str, text: &str) -> String {
        let room = self.width.map(|width| width.saturating_sub(indent + 2).max(LEAST_ROOM));
        let mut lines = String::new();
        for (index, part) in wrap(&clean(text), room).iter().enumerate() {
            let sign = if index == 0 { sign } else { " " };
            lines.push_str(&" ".repeat(indent));
            lines.push_str(&self.paint(ink, &format!("{sign} {part}")));
            lines.push('\n');
        }
        lines
    }

    /// One line as it is, blanks and all. Where it does not fit, the terminal continues it.
    pub(super) fn verbatim(self, indent: usize, ink: Ink, text: &str) -> String {
        format!("{}{}\n", " ".repeat(indent), self.paint(ink, text))
    }

    /// One line that is cut where the terminal ends.
    pub(super) fn cut(self, indent: usize, ink: Ink, text: &str) -> String {
        let room = self
            .width
            .map_or(usize::MAX, |width| width.saturating_sub(indent).max(LEAST_ROOM));
        format!("{}{}\n", " ".repeat(indent), self.paint(ink, &fit(&clean(text), room)))
    }
}

/// Writes an answer to standard output. A reader that has seen enough, as with `| head`, is no error.
pub fn to_stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Whether a character could change a terminal, or how the rest of a line is shown, without being seen itself.
pub(super) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `text` on one line and harmless: white space is a blank, and what is hostile is spelled out, `\u{1b}`.
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => clean.push(' '),
            c if is_hostile(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    clean
}

/// At most `width` characters, the last of which says that there are more.
fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `text` in lines of at most `room` characters, parted at blanks where there are some. Never empty.
fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room.map(|room| room.max(1)) else {
        return vec![text.to_owned()];
    };
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            lines.push(String::new());
            used = 0;
        }
        let mut rest: Vec<char> = word.chars().collect();
        while rest.len() > room {
            let tail = rest.split_off(room);
            if let Some(line) = lines.last_mut() {
                line.extend(rest);
            }
            lines.push(String::new());
            rest = tail;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
            }
            used = if used > 0 { used + 1 } else { 0 } + rest.len();
            line.extend(rest);
        }
    }
    lines
}

/// A version for a column: of a digest only as much as a person compares.
pub(super) fn short_version(version: &str) -> String {
    const SHOWN: usize = 12;

    match version.split_once("sha256:") {
        Some((front, hex)) if hex.len() > SHOWN && hex.is_ascii() => format!("{front}sha256:{}…", &hex[..SHOWN]),
        _ => version.to_owned(),
    }
}

#[cfg(test)]
mod tests;
