//! `WWW-Authenticate` challenges (RFC 9110, section 11.6.1).

/// The most of one header that is read.
const MAX_HEADER: usize = 8 * 1024;
/// The most challenges that are read.
const MAX_CHALLENGES: usize = 16;

/// One challenge: a scheme and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// In lower case.
    pub scheme: String,
    /// Names in lower case, in the order of the header.
    params: Vec<(String, String)>,
}

impl Challenge {
    /// Without what belongs to one request only (scope, error): what is left is the same for every request.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        self.params
            .retain(|(key, _)| self.scheme == "bearer" && matches!(key.as_str(), "realm" | "service"));
        self
    }

    /// The first parameter with this name (lower case).
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads one header, which may hold several challenges. What cannot be read is passed over.
pub fn parse(header: &str) -> Vec<Challenge> {
    let mut rest = Cursor(header.get(..MAX_HEADER.min(header.len())).unwrap_or(""));
    let mut challenges: Vec<Challenge> = Vec::new();
    while !rest.0.is_empty() {
        rest.skip(|c| c == ',' || c.is_ascii_whitespace());
        let word = rest.take(is_token);
        if word.is_empty() {
            rest.advance();
            continue;
        }
        let mut ahead = Cursor(rest.0);
        ahead.skip(|c| c.is_ascii_whitespace());
        if ahead.0.starts_with('=') {
            rest = ahead;
            rest.advance();
            rest.skip(|c| c.is_ascii_whitespace());
            let value = rest.value();
            if let Some(challenge) = challenges.last_mut() {
                challenge.params.push((word.to_ascii_lowercase(), value));
            }
        } else if challenges.len() < MAX_CHALLENGES {
            challenges.push(Challenge {
                scheme: word.to_ascii_lowercase(),
                params: Vec::new(),
            });
        } else {
            break;
        }
    }
    challenges
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// What is still to be read.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn take(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !fits(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn skip(&mut self, fits: impl Fn(char) -> bool) {
        self.take(fits);
    }

    fn advance(&mut self) {
        let mut chars = self.0.chars();
        chars.next();
        self.0 = chars.as_str();
    }

    /// A token or a quoted string; an unclosed one ends with the header.
    fn value(&mut self) -> String {
        if !self.0.starts_with('"') {
            return self.take(|c| c != ',' && !c.is_ascii_whitespace()).to_owned();
        }
        self.advance();
        let mut value = String::new();
        let mut escaped = false;
        while let Some(c) = self.0.chars().next() {
            self.advance();
            match c {
                _ if escaped => {
                    value.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => break,
                _ => value.push(c),
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn challenges_are_read_as_the_rfc_writes_them() {
        let read = |header: &str| -> Vec<(String, Vec<(String, String)>)> {
            parse(header).into_iter().map(|c| (c.scheme, c.params)).collect()
        };
        let p = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        for (header, expected) in [
            ("", vec![]),
            (
                r#"Bearer realm="https://auth.example.com/token",service="a, b",scope="x\"y""#,
                vec![(
                    "bearer",
                    vec![
                        p("realm", "https://auth.example.com/token"),
                        p("service", "a, b"),
                        p("scope", "x\"y"),
                    ],
                )],
            ),
            (
                r#"Basic realm="r", Bearer realm = t , Service=s"#,
                vec![
                    ("basic", vec![p("realm", "r")]),
                    ("bearer", vec![p("realm", "t"), p("service", "s")]),
                ],
            ),
            ("Negotiate, Basic", vec![("negotiate", vec![]), ("basic", vec![])]),
            (r#"BASIC realm="open"#, vec![("basic", vec![p("realm", "open")])]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(s, p)| (s.to_owned(), p)).collect();
            assert_eq!(read(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in r#"(Bearer|realm|=|"|\\|,| |é)*|.*"#) {
            parse(&header);
        }
    }
}
