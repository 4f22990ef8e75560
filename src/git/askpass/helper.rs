//! Git's credential helper protocol (gitcredentials(7), git-credential(1)): lines of `key=value` up to a blank one.

use std::io::{self, BufRead as _, Read};

use url::Url;

/// The most bytes of a question.
const LIMIT: u64 = 64 << 10;

/// Whom git wants to log in to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Question {
    protocol: String,
    /// Host, and the port when it is not that of the protocol.
    host: String,
}

/// Reads what git asks.
pub(super) fn read(from: impl Read) -> io::Result<Question> {
    let mut question = Question::default();
    for line in io::BufReader::new(from.take(LIMIT)).lines() {
        let line = line?;
        match line.split_once('=') {
            Some(("protocol", value)) => value.clone_into(&mut question.protocol),
            Some(("host", value)) => value.clone_into(&mut question.host),
            None if line.is_empty() => break,
            _ => {}
        }
    }
    Ok(question)
}

impl Question {
    /// Whether it is about `origin`: a server that redirects git elsewhere gets nothing.
    pub(super) fn is_for(&self, origin: &str) -> bool {
        let asked = Url::parse(&format!("{}://{}", self.protocol, self.host));
        match (asked, Url::parse(origin)) {
            (Ok(asked), Ok(ours)) => {
                let bare = asked.username().is_empty() && asked.path() == "/";
                // Opaque origins are never equal, not even to themselves.
                bare && asked.origin() == ours.origin()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_question_about_our_own_server_is_answered() {
        for (given, expected) in [
            ("protocol=https\nhost=git.example.com\n\n", true),
            ("protocol=https\nhost=git.example.com:443\nwwwauth[]=Basic\n\n", true),
            (
                "capability[]=authtype\nprotocol=https\nhost=Git.Example.com\npath=a/b.git\n",
                true,
            ),
            ("protocol=https\nhost=git.example.com:8443\n\n", false),
            ("protocol=http\nhost=git.example.com\n\n", false),
            ("protocol=https\nhost=evil.example\n\n", false),
            ("protocol=https\nhost=x@git.example.com\n\n", false),
            ("protocol=https\nhost=git.example.com/x\n\n", false),
            ("protocol=https\n\nhost=git.example.com\n", false),
            ("protocol=cert\nhost=\npath=/proc/1/fd/9\n\n", false),
            ("", false),
        ] {
            let question = read(given.as_bytes()).unwrap();
            assert_eq!(question.is_for("https://git.example.com"), expected, "{given}");
            assert!(!question.is_for(""), "{given}");
        }
        let opaque = read(&b"protocol=foo\nhost=bar\n"[..]).unwrap();
        assert!(!opaque.is_for("foo://bar"));
    }

    proptest! {
        #[test]
        fn any_question_is_read_without_panic(text in "(protocol=|host=|https|h|\n|.)*") {
            if let Ok(question) = read(text.as_bytes()) {
                question.is_for("https://h");
            }
        }
    }
}
