//! Positions in a text: lines, columns, and what stands between two nodes.

/// The first position at or after `at` that is neither white space nor comment.
pub(super) fn skip_trivia(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = at;
    if at == 0 && text.starts_with('\u{feff}') {
        at = '\u{feff}'.len_utf8();
    }
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'#' if opens_comment(bytes, at) => at = line_end(text, at),
            _ => break,
        }
    }
    at
}

/// A `#` opens a comment only at the start of the text or after white space.
fn opens_comment(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| bytes.get(before))
        .is_none_or(|before| matches!(before, b' ' | b'\t' | b'\r' | b'\n' | 0xbf))
}

/// The byte at `at`, if there is one.
pub(super) fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

/// Where the line of `at` ends: before its line break, or at the end of the text.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    let end = rest.iter().position(|b| *b == b'\n').map_or(text.len(), |n| at + n);
    if end > at && end < text.len() && byte(text, end - 1) == Some(b'\r') {
        end - 1
    } else {
        end
    }
}

/// Where the line of `at` begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1)
}

/// Where the line before the one that begins at `start` ends; `None` for the first line.
pub(super) fn previous_line_end(text: &str, start: usize) -> Option<usize> {
    let feed = start.checked_sub(1)?;
    match feed.checked_sub(1) {
        Some(at) if byte(text, at) == Some(b'\r') => Some(at),
        _ => Some(feed),
    }
}

/// Bytes between the start of the line and `at`. Indentation is ASCII, so this is a column where it is used.
pub(super) fn column(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    let mark = if start == 0 && text.starts_with('\u{feff}') {
        3
    } else {
        0
    };
    (at - start).saturating_sub(mark)
}

/// Whether only blanks stand before `at` on its line.
pub(super) fn first_on_line(text: &str, at: usize) -> bool {
    let line = text.get(line_start(text, at)..at).unwrap_or_default();
    line.trim_start_matches('\u{feff}').bytes().all(|b| b == b' ')
}

/// Whether both positions are on one line.
pub(super) fn same_line(text: &str, from: usize, to: usize) -> bool {
    text.as_bytes()
        .get(from..to)
        .is_none_or(|between| !between.contains(&b'\n'))
}
