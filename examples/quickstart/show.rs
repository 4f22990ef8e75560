//! Prints for people: colour only on a terminal, and not when `NO_COLOR` is set.

#![expect(clippy::print_stdout, reason = "this is what the example is for")]

use std::io::{IsTerminal as _, stdout};

use similar::{ChangeTag, TextDiff};

fn paint(colour: &str, text: &str) -> String {
    let plain = !stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    if plain {
        text.to_owned()
    } else {
        format!("\u{1b}[{colour}m{text}\u{1b}[0m")
    }
}

/// A new part of the story.
pub(crate) fn title(text: &str) {
    println!("\n{}", paint("1;36", &format!("== {text}")));
}

/// A part of a part.
pub(crate) fn heading(text: &str) {
    println!("\n  {}", paint("1", text));
}

/// A plain line.
pub(crate) fn line(text: &str) {
    println!("  {text}");
}

/// What was decided for an image.
pub(crate) fn decided(text: &str) {
    println!("  {}", paint("33", text));
}

/// What became of one tag.
pub(crate) fn tag(tag: &str, fate: &str) {
    println!("      {tag:<14} {fate}");
}

/// The lines that changed, with two lines around them.
pub(crate) fn diff(before: &str, after: &str) {
    let diff = TextDiff::from_lines(before, after);
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, colour) = match change.tag() {
                ChangeTag::Delete => ("-", "31"),
                ChangeTag::Insert => ("+", "32"),
                ChangeTag::Equal => (" ", "2"),
            };
            println!(
                "    {}",
                paint(
                    colour,
                    &format!("{sign}{}", change.to_string_lossy().trim_end_matches('\n'))
                )
            );
        }
    }
}

/// A commit with its diff, as git prints it.
pub(crate) fn commit(text: &str) {
    for line in text.lines() {
        let colour = match line.as_bytes().first() {
            Some(b'+') => "32",
            Some(b'-') => "31",
            _ => "0",
        };
        println!("    {}", paint(colour, line));
    }
}
