//! Where a repository is: the one place that decides which git URLs are spoken to.
//!
//! Only `https://`, `http://` and SSH. A local path or a remote helper (`ext::`) would let the text of a resource run programs
//! or read files of this process, so they are refused before any git sees them.

use std::{fmt, sync::Arc};

use url::Url;

use crate::secret::RedactedUrl;

mod ssh;

/// The most bytes of a repository URL.
const LIMIT: usize = 2048;

/// A repository on a server: `https://host[:port]/path` or `http://...` without user, password, query and fragment;
/// `ssh://[user@]host[:port]/path` or `user@host:path`.
///
/// Two URLs are equal when scheme, user, host, port and path are (the host in any case, the default port written or not,
/// one trailing slash or not). `.git` counts: a server may hold `app` beside `app.git`. `user@host:path` is below the
/// user's home and so another one than `ssh://user@host/path`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteUrl(Arc<Parts>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    /// As git gets it; the rest follows from it.
    text: String,
    scheme: Scheme,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

/// How a repository is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// HTTP.
    Http,
    /// SSH.
    Ssh,
}

/// Why a text is not a repository URL that can be used. The text is shown without credentials.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum GitUrlError {
    /// Nothing there.
    #[error("the repository URL is empty")]
    Empty,
    /// Longer than 2048 bytes.
    #[error("the repository URL is longer than {LIMIT} bytes")]
    TooLong,
    /// Spaces, line breaks, backslashes, or a dash in front.
    #[error("{url:?} is not a repository URL: {reason}")]
    Malformed {
        /// The text.
        url: RedactedUrl,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A path on this machine, with or without `file:`.
    #[error("{url:?} is a path on this machine; only https://, http:// and SSH repositories are written")]
    Local {
        /// The text.
        url: RedactedUrl,
    },
    /// `ext::...` and the like, which run programs.
    #[error("{url:?} names a git remote helper; only https://, http:// and SSH repositories are written")]
    RemoteHelper {
        /// The text.
        url: RedactedUrl,
    },
    /// Any other scheme, `git://` among them.
    #[error("{url}: the scheme {scheme:?} is not supported; use https://, http:// or ssh://")]
    Scheme {
        /// The text.
        url: RedactedUrl,
        /// Its scheme.
        scheme: String,
    },
    /// `https://user:password@host/...`
    #[error(
        "{url}: a repository URL must not carry a user or password; put them into the repository Secret \
         (fields username and password)"
    )]
    Credentials {
        /// The text without them.
        url: RedactedUrl,
    },
}

impl RemoteUrl {
    /// Reads the URL of a repository. Blanks around it are dropped.
    pub fn parse(text: &str) -> Result<Self, GitUrlError> {
        let text = text.trim();
        let malformed = |reason| GitUrlError::Malformed {
            url: redacted(text),
            reason,
        };
        if text.is_empty() {
            return Err(GitUrlError::Empty);
        }
        if text.len() > LIMIT {
            return Err(GitUrlError::TooLong);
        }
        if text.starts_with('-') {
            return Err(malformed("it starts with a dash"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(malformed("it contains blanks, control characters or backslashes"));
        }
        let parts = match kind(text)? {
            Kind::Web(url) => web(text, url)?,
            Kind::SshUrl => ssh::url(text)?,
            Kind::Scp { place, path } => ssh::scp(text, place, path)?,
        };
        Ok(Self(Arc::new(parts)))
    }

    /// The URL as git gets it.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// How the repository is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The host without port and without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The port, that of the scheme if none is written.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// Scheme, host and port (`https://git.example.com:8443`): what credentials are bound to. The port of the scheme is
    /// left out.
    pub fn origin(&self) -> String {
        let host = bracketed(&self.0.host);
        let (scheme, port) = (self.0.scheme.as_str(), self.0.port);
        if port == self.0.scheme.default_port() {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    }
}

impl Scheme {
    /// As it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
            Self::Ssh => 22,
        }
    }
}

/// What a text is, by its beginning.
enum Kind<'a> {
    Web(Url),
    SshUrl,
    /// `place:path`.
    Scp {
        place: &'a str,
        path: &'a str,
    },
}

fn kind(text: &str) -> Result<Kind<'_>, GitUrlError> {
    let url = redacted(text);
    if let Some((helper, _)) = text.split_once("::")
        && helper
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    {
        return Err(GitUrlError::RemoteHelper { url });
    }
    let Some((scheme, _)) = text.split_once("://") else {
        let file = text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("file:"));
        // git reads `host:path` as SSH unless a slash comes before the colon.
        return match ssh::split_scp(text) {
            Some((place, path)) if !file => Ok(Kind::Scp { place, path }),
            _ => Err(GitUrlError::Local { url }),
        };
    };
    match scheme.to_ascii_lowercase().as_str() {
        "https" | "http" => Url::parse(text).map(Kind::Web).map_err(|_| GitUrlError::Malformed {
            url,
            reason: "host or port cannot be read",
        }),
        "ssh" | "git+ssh" | "ssh+git" => Ok(Kind::SshUrl),
        "file" => Err(GitUrlError::Local { url }),
        scheme if scheme.contains(['/', ':', '@']) => Err(GitUrlError::Local { url }),
        scheme => Err(GitUrlError::Scheme {
            url,
            scheme: scheme.to_owned(),
        }),
    }
}

/// A web URL, normalised: without its trailing slash.
fn web(text: &str, mut url: Url) -> Result<Parts, GitUrlError> {
    let malformed = |reason| GitUrlError::Malformed {
        url: redacted(text),
        reason,
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(GitUrlError::Credentials { url: redacted(text) });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(malformed("it has a query or a fragment"));
    }
    let path = checked_path(url.path()).map_err(malformed)?.to_owned();
    url.set_path(&path);
    let scheme = match url.scheme() {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    let host = url.host_str().unwrap_or_default();
    Ok(Parts {
        scheme,
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: url.port().unwrap_or_else(|| scheme.default_port()),
        text: url.into(),
    })
}

/// The path without its trailing slash, when it names a repository.
fn checked_path(path: &str) -> Result<&str, &'static str> {
    // git speaks a line protocol with its own helpers; an encoded line break must not get into it.
    let lower = path.to_ascii_lowercase();
    if ["%00", "%0a", "%0d"].iter().any(|code| lower.contains(code)) {
        return Err("it contains an encoded control character");
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err("it names no repository on its host");
    }
    Ok(path)
}

/// A host as it stands in a URL.
fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

fn redacted(text: &str) -> RedactedUrl {
    RedactedUrl::new(text)
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RedactedUrl::new(self.as_str()).fmt(f)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn web_urls_are_normalised() {
        for (given, expected) in [
            ("https://git.example.com/a/b.git", "https://git.example.com/a/b.git"),
            (" HTTPS://Git.Example.COM:443/a/b/ ", "https://git.example.com/a/b"),
            ("http://[::1]:8080/A.git", "http://[::1]:8080/A.git"),
        ] {
            assert_eq!(RemoteUrl::parse(given).unwrap().to_string(), expected, "{given}");
        }
        let url = RemoteUrl::parse("http://[::1]:8080/a").unwrap();
        assert_eq!((url.host(), url.port()), ("::1", 8080));
        assert_eq!(url.origin(), "http://[::1]:8080");
        assert_eq!(RemoteUrl::parse("https://h/a").unwrap().port(), 443);
    }

    #[test]
    fn what_is_no_repository_on_a_server_is_refused_by_its_kind() {
        for (given, expected) in [
            ("", "is empty"),
            ("--upload-pack=touch /tmp/x", "dash"),
            ("-https://h/a", "dash"),
            ("ext::sh -c touch", "control characters"),
            ("ext::sh", "remote helper"),
            ("https::https://h/a", "remote helper"),
            ("file:///srv/git", "on this machine"),
            ("file:/srv/git", "on this machine"),
            ("/srv/git", "on this machine"),
            ("../git", "on this machine"),
            ("C:\\git", "backslashes"),
            ("h:a/b.git", "user@host:path"),
            ("C:/git", "user@host:path"),
            ("git://h/a", "scheme \"git\""),
            ("ftp://h/a", "scheme \"ftp\""),
            ("https://", "cannot be read"),
            ("https://h", "names no repository"),
            ("https://h/a?b=c", "query"),
            ("https://h/a%0ahost=evil", "encoded control"),
            ("https://h/a b", "blanks"),
        ] {
            let error = RemoteUrl::parse(given).unwrap_err().to_string();
            assert!(error.contains(expected), "{given}: {error}");
        }
    }

    #[test]
    fn credentials_in_the_url_are_refused_and_not_repeated() {
        for given in [
            "https://bob:hunter2@h/a",
            "https://hunter2@h/a",
            "ssh://bob:hunter2@h/a",
            "bob:hunter2@h:a",
        ] {
            let error = RemoteUrl::parse(given).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error} {error:?}");
        }
        let error = RemoteUrl::parse("https://bob@h/a").unwrap_err().to_string();
        assert!(error.contains("repository Secret"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_reads_the_same_again(text in ".{0,60}") {
            if let Ok(url) = RemoteUrl::parse(&text) {
                prop_assert_eq!(RemoteUrl::parse(url.as_str()).unwrap(), url);
            }
            for start in ["https://h/", "ssh://git@h/", "git@h:", "ssh://"] {
                if let Ok(url) = RemoteUrl::parse(&format!("{start}{text}")) {
                    prop_assert_eq!(RemoteUrl::parse(url.as_str()).unwrap(), url);
                }
            }
        }
    }
}
