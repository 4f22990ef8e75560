//! Redacted values: what is secret never reaches a log, an error, a status or a debug print.
//!
//! A leaf. Values are wrapped where they are read and unwrapped with [`Secret::expose`] only where they are sent.

use std::fmt;

/// A secret text. `Debug` prints `***`, there is no `Display`, and comparison is for tests and caches only.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that was just read.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // What is no text is not repeated in the error.
        let wrong = |_| serde::de::Error::custom("a text is expected");
        String::deserialize(from).map(Self).map_err(wrong)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A URL that is safe to print: user and password, query and fragment are left out.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RedactedUrl(String);

impl RedactedUrl {
    /// Redacts `url`. A text that is no URL (`git@host:path`) keeps only what follows the last `@` before the path.
    pub fn new(url: &str) -> Self {
        if let Ok(mut parsed) = url::Url::parse(url)
            && parsed.has_host()
        {
            // A URL that cannot carry credentials has none to remove.
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.set_query(None);
            parsed.set_fragment(None);
            return Self(parsed.to_string());
        }
        let cut = url.split(['/', '?', '#']).next().unwrap_or("");
        let skip = cut.rfind('@').map_or(0, |at| at + 1);
        Self(url[skip..].split(['?', '#']).next().unwrap_or("").to_owned())
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }

    #[test]
    fn a_url_is_printed_without_what_may_be_secret() {
        for (given, expected) in [
            (
                "https://bob:pw@git.example.com/a.git?token=x#y",
                "https://git.example.com/a.git",
            ),
            ("git@git.example.com:a/b.git", "git.example.com:a/b.git"),
            ("/srv/git", "/srv/git"),
        ] {
            assert_eq!(RedactedUrl::new(given).to_string(), expected, "{given}");
        }
    }
}
