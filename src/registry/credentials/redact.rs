//! What a program said on its error output, made fit for the log.
//!
//! It may repeat what it was told in its environment or what it is about to print. None of that may be read later.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

use crate::{core::foreign::ForeignText, secret::Secret};

/// The most of it that is shown.
pub(super) const MAX_SHOWN: usize = 4 * 1024;
/// The most lines that are shown.
const MAX_LINES: usize = 32;
/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// A variable whose name holds one of these words is taken for a secret.
const SECRET_WORDS: [&str; 5] = ["TOKEN", "PASSWORD", "SECRET", "KEY", "CREDENTIAL"];

/// The values of those variables whose names look as if they were secret.
pub(super) fn secret_values(variables: impl Iterator<Item = (String, String)>) -> Vec<Secret> {
    let looks_secret = |name: &str| {
        let name = name.to_ascii_uppercase();
        SECRET_WORDS.iter().any(|word| name.contains(word))
    };
    variables
        .filter(|(name, _)| looks_secret(name))
        .flat_map(|(_, value)| with_lines(&value))
        .collect()
}

/// What was printed for us, as it may be repeated: the whole, its lines, user and password, and each in base64.
pub(super) fn printed(output: &[u8]) -> Vec<Secret> {
    let output = String::from_utf8_lossy(output);
    let mut found = with_lines(&output);
    for line in output.lines() {
        let halves = line.split_once(':').map(|(user, password)| [user, password]);
        for part in std::iter::once(line).chain(halves.into_iter().flatten()) {
            found.push(Secret::new(part));
            // `echo` adds a line break before something else encodes it.
            for text in [part.to_owned(), format!("{part}\n")] {
                let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
                found.extend(engines.into_iter().map(|engine| Secret::new(engine.encode(&text))));
            }
        }
    }
    found
}

/// A text of several lines is mostly repeated line by line.
fn with_lines(text: &str) -> Vec<Secret> {
    let whole = std::iter::once(text.trim_end_matches(['\r', '\n']));
    whole.chain(text.lines()).map(Secret::new).collect()
}

/// The lines of `said` without `secrets`, as one text of at most [`MAX_SHOWN`] bytes; each line is cut by itself. `whole`
/// tells whether it is all that was said: when not, the beginning of a secret at its end is left out too.
pub(super) fn shown(said: &[u8], whole: bool, secrets: &[Secret]) -> String {
    let mut secrets: Vec<&str> = secrets.iter().map(Secret::expose).collect();
    secrets.retain(|secret| !secret.trim().is_empty());
    // The longest first: one may be part of another.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    let mut text = String::from_utf8_lossy(said).into_owned();
    if !whole {
        let cut = secrets
            .iter()
            .filter_map(|secret| begun(&text, secret))
            .max()
            .unwrap_or(0);
        text.truncate(text.len() - cut);
    }
    // Found before anything is replaced, so that one replacement does not hide another's half.
    let mut hidden = vec![false; text.len()];
    for secret in &secrets {
        for (at, _) in text.match_indices(secret) {
            hidden[at..at + secret.len()].fill(true);
        }
    }
    let mut clean = String::new();
    for (at, c) in text.char_indices() {
        if !hidden[at] {
            clean.push(c);
        } else if at == 0 || !hidden[at - 1] {
            clean.push_str(HIDDEN);
        }
    }
    let mut lines = String::new();
    let said = clean
        .lines()
        .map(ForeignText::new)
        .filter(|line| !line.as_str().is_empty());
    for line in said.take(MAX_LINES) {
        let separator = if lines.is_empty() { "" } else { " | " };
        if lines.len() + separator.len() + line.as_str().len() > MAX_SHOWN {
            break;
        }
        lines.push_str(separator);
        lines.push_str(line.as_str());
    }
    lines
}

/// How many bytes at the end of `text` are the beginning of `secret`.
fn begun(text: &str, secret: &str) -> Option<usize> {
    let ends = |at: &usize| secret.is_char_boundary(*at) && text.ends_with(&secret[..*at]);
    (1..secret.len()).rev().find(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_every_spelling_and_the_rest_is_kept() {
        let variables = [
            ("REGISTRY_TOKEN", "abc\ndef"),
            ("db_password", "hunter2"),
            ("HOME", "/root"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut secrets = secret_values(variables.into_iter());
        secrets.extend(printed(b"bob:s3cret\n"));
        for (said, expected) in [
            ("", ""),
            ("login failed\nfor /root\n\n", "login failed | for /root"),
            ("bob has s3cret", "*** has ***"),
            ("bob:s3cret", "***"),
            ("abc\ndef", "***"),
            ("one def two", "one *** two"),
            ("hunter2hunter2", "***"),
            ("Basic Ym9iOnMzY3JldA==", "Basic ***"),
            ("Basic Ym9iOnMzY3JldA", "Basic ***"),
            ("czNjcmV0Cg==", "***"),
            ("a\u{1b}[31mb\u{202e}", "a[31mb"),
        ] {
            assert_eq!(shown(said.as_bytes(), true, &secrets), expected, "{said:?}");
        }
    }

    #[test]
    fn secrets_that_overlap_leave_no_half_of_one() {
        let secrets = [Secret::new("abcd"), Secret::new("cdef")];
        assert_eq!(shown(b"x abcdef y", true, &secrets), "x *** y");
    }

    #[test]
    fn the_beginning_of_a_secret_at_the_end_of_what_was_read_is_left_out() {
        let secrets = [Secret::new("s3cret")];
        assert_eq!(shown(b"it is s3cr", false, &secrets), "it is");
        assert_eq!(shown(b"it is s3cr", true, &secrets), "it is s3cr");
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let many = "a line of some length\n".repeat(10_000);
        assert!(shown(many.as_bytes(), true, &[]).len() <= MAX_SHOWN);
        let long = "x".repeat(100_000);
        assert!(shown(long.as_bytes(), true, &[]).len() <= MAX_SHOWN);
    }
}
