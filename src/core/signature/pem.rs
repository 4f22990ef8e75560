//! PEM blocks (RFC 7468) as people keep them in Secrets: with text around them, several in a row, with any line ending.

use base64::Engine as _;

use super::base64_text::BASE64;

/// One block. The label is what stands after `BEGIN`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) content: Result<Vec<u8>, Damage>,
}

/// Why a block has no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// No `END` line closes it, or one of another label does.
    #[error("it has no matching END line")]
    Unterminated,
    /// What stands between the lines is no base64.
    #[error("it is not base64")]
    NotBase64,
}

/// All blocks of `text`, damaged ones too. Text around them is passed over.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines().map(str::trim) {
        if let Some(label) = boundary(line, "-----BEGIN ") {
            if let Some((unclosed, _)) = open.replace((label, String::new())) {
                blocks.push(damaged(unclosed));
            }
        } else if let Some(closed) = boundary(line, "-----END ") {
            if let Some((label, body)) = open.take() {
                blocks.push(if label == closed {
                    let content = BASE64.decode(&body).map_err(|_| Damage::NotBase64);
                    Block { label, content }
                } else {
                    damaged(label)
                });
            }
        } else if let Some((_, body)) = &mut open
            && !is_header(line)
        {
            body.extend(line.split_ascii_whitespace());
        }
    }
    if let Some((unclosed, _)) = open {
        blocks.push(damaged(unclosed));
    }
    blocks
}

fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

/// `Proc-Type: 4,ENCRYPTED` and the like; base64 has no colon.
fn is_header(line: &str) -> bool {
    line.contains(':')
}

fn damaged(label: &str) -> Block<'_> {
    Block {
        label,
        content: Err(Damage::Unterminated),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_block_is_found_whatever_stands_around_it() {
        let ok = |label, content: &[u8]| Block {
            label,
            content: Ok(content.to_vec()),
        };
        let bad = |label, damage| Block {
            label,
            content: Err(damage),
        };
        for (given, expected) in [
            ("", vec![]),
            ("not a key", vec![]),
            ("-----BEGIN A-----\nYWI=\n-----END A-----\n", vec![ok("A", b"ab")]),
            ("-----BEGIN A-----\r\nYW\r\nI=\r\n-----END A-----", vec![ok("A", b"ab")]),
            (
                "  -----BEGIN A-----\n  Y W\n\tI=\n  -----END A-----  ",
                vec![ok("A", b"ab")],
            ),
            (
                "the old key:\n-----BEGIN A-----\nYQ==\n-----END A-----\nand\n-----BEGIN B-----\nYg==\n-----END B-----",
                vec![ok("A", b"a"), ok("B", b"b")],
            ),
            (
                "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nYQ==\n-----END A-----",
                vec![ok("A", b"a")],
            ),
            ("-----BEGIN A-----\n-----END A-----", vec![ok("A", b"")]),
            ("-----BEGIN A-----\nYQ==", vec![bad("A", Damage::Unterminated)]),
            (
                "-----BEGIN A-----\nYQ==\n-----END B-----",
                vec![bad("A", Damage::Unterminated)],
            ),
            (
                "-----BEGIN A-----\nYQ==\n-----BEGIN B-----\nYg==\n-----END B-----",
                vec![bad("A", Damage::Unterminated), ok("B", b"b")],
            ),
            (
                "-----BEGIN A-----\n*\n-----END A-----",
                vec![bad("A", Damage::NotBase64)],
            ),
            ("-----END A-----", vec![]),
        ] {
            assert_eq!(blocks(given), expected, "{given:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"((-----(BEGIN|END) [AB]-----|\PC{0,5}|YQ==|:)\s?){0,8}|(?s).*") {
            let _ = blocks(&text);
        }
    }
}
