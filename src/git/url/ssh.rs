//! The two ways to write a repository that is reached over SSH.
//!
//! git hands user and host to `ssh` and the path to a shell on the server, quoted. Nothing that either could take for an
//! option gets that far.

use url::Url;

use super::{GitUrlError, Parts, Scheme, bracketed, checked_path, redacted};

const SCP: &str = "a repository over SSH is written as user@host:path or ssh://user@host/path";

/// `place` and `path` of `place:path`, where no slash comes before the colon. An IPv6 address stands in brackets.
pub(super) fn split_scp(text: &str) -> Option<(&str, &str)> {
    let start = match (text.find('['), text.find(']')) {
        (Some(open), Some(close)) if text[..open].ends_with('@') && open < close => close,
        _ => 0,
    };
    let colon = start + text[start..].find(':')?;
    let (place, path) = (&text[..colon], &text[colon + 1..]);
    (!place.contains('/')).then_some((place, path))
}

/// `ssh://[user@]host[:port]/path`.
pub(super) fn url(text: &str) -> Result<Parts, GitUrlError> {
    let malformed = |reason| GitUrlError::Malformed {
        url: redacted(text),
        reason,
    };
    let url = Url::parse(text).map_err(|_| malformed("host or port cannot be read"))?;
    if url.password().is_some() {
        return Err(GitUrlError::Credentials { url: redacted(text) });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(malformed("it has a query or a fragment"));
    }
    let host = checked_host(url.host_str().unwrap_or_default()).map_err(malformed)?;
    let user = checked_user(url.username()).map_err(malformed)?;
    let path = checked_path(url.path()).map_err(malformed)?;
    let port = match url.port() {
        Some(0) => return Err(malformed("its port is 0")),
        port => port.unwrap_or(Scheme::Ssh.default_port()),
    };
    let mut whole = String::from("ssh://");
    if !user.is_empty() {
        whole.extend([user, "@"]);
    }
    whole.push_str(&bracketed(&host));
    if port != Scheme::Ssh.default_port() {
        whole.extend([":", &port.to_string()]);
    }
    whole.push_str(path);
    Ok(Parts {
        text: whole,
        scheme: Scheme::Ssh,
        host,
        port,
    })
}

/// `user@host:path`. A path from the root is the same as in an `ssh://` URL.
pub(super) fn scp(text: &str, place: &str, path: &str) -> Result<Parts, GitUrlError> {
    let malformed = |reason| GitUrlError::Malformed {
        url: redacted(text),
        reason,
    };
    // `user:password@host:path`: what looks like a path holds the rest of the credentials.
    if !place.contains('@') && path.split('/').next().is_some_and(|start| start.contains('@')) {
        return Err(GitUrlError::Credentials { url: redacted(text) });
    }
    let (user, host) = place.rsplit_once('@').ok_or_else(|| malformed(SCP))?;
    let host = checked_host(host).map_err(malformed)?;
    let user = checked_user(user).map_err(malformed)?;
    if user.is_empty() {
        return Err(malformed(SCP));
    }
    let path = checked_path(path).map_err(malformed)?;
    if path.starts_with('-') {
        return Err(malformed("its path starts with a dash"));
    }
    // git decodes the path of a URL, but not this one.
    if path.starts_with('/') && !path.contains('%') && !user.contains(['@', '%']) {
        return url(&format!("ssh://{user}@{}{path}", bracketed(&host)));
    }
    Ok(Parts {
        text: format!("{user}@{}:{path}", bracketed(&host)),
        scheme: Scheme::Ssh,
        host,
        port: Scheme::Ssh.default_port(),
    })
}

/// A name or an address, without brackets, in lower case.
fn checked_host(host: &str) -> Result<String, &'static str> {
    let bare = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) if address.parse::<std::net::Ipv6Addr>().is_ok() => address,
        Some(_) => return Err("the brackets hold no IPv6 address"),
        None if host.contains(':') => return Err("an IPv6 address is written in brackets"),
        None => host,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if bare.is_empty() || bare.starts_with(['-', '.']) || !bare.chars().all(plain) {
        return Err("its host is no name and no address");
    }
    Ok(bare.to_ascii_lowercase())
}

/// A user as it is written; the only character that may be percent-encoded is `@`.
fn checked_user(user: &str) -> Result<&str, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '@');
    if user.starts_with('-') || !user.replace("%40", "@").chars().all(plain) {
        return Err("its user holds other characters than letters, digits and . - _ + @");
    }
    Ok(user)
}

#[cfg(test)]
mod tests {
    use super::super::{RemoteUrl, Scheme};

    #[test]
    fn both_forms_are_read() {
        for (given, expected, host, port) in [
            ("ssh://git@h/a/b.git", "ssh://git@h/a/b.git", "h", 22),
            (
                "SSH://git@Git.Example.com:22/A/",
                "ssh://git@git.example.com/A",
                "git.example.com",
                22,
            ),
            ("git+ssh://git@h:2222/a", "ssh://git@h:2222/a", "h", 2222),
            ("ssh://h/a", "ssh://h/a", "h", 22),
            (
                "ssh://me%40example.com@h:2022/p/a",
                "ssh://me%40example.com@h:2022/p/a",
                "h",
                2022,
            ),
            ("ssh://git@[::1]:2222/a", "ssh://git@[::1]:2222/a", "::1", 2222),
            ("git@H:a/b.git", "git@h:a/b.git", "h", 22),
            ("git@h:2222/b.git", "git@h:2222/b.git", "h", 22),
            ("git@h:/srv/a.git/", "ssh://git@h/srv/a.git", "h", 22),
            ("git@[::1]:a/b", "git@[::1]:a/b", "::1", 22),
            ("me@example.com@h:a/b", "me@example.com@h:a/b", "h", 22),
        ] {
            let url = RemoteUrl::parse(given).unwrap();
            assert_eq!(
                (url.as_str(), url.host(), url.port(), url.scheme()),
                (expected, host, port, Scheme::Ssh),
                "{given}"
            );
        }
        let (one, other) = ("ssh://git@h:2222/a", "ssh://git@h:2223/a");
        assert_eq!(RemoteUrl::parse(one).unwrap().origin(), "ssh://h:2222");
        assert_ne!(RemoteUrl::parse(one), RemoteUrl::parse(other));
        assert_ne!(RemoteUrl::parse("git@h:a"), RemoteUrl::parse("ssh://git@h/a"));
    }

    #[test]
    fn the_user_is_not_shown() {
        for url in ["ssh://token@h/a", "token@h:a"] {
            let shown = RemoteUrl::parse(url).unwrap().to_string();
            assert!(!shown.contains("token"), "{shown}");
        }
    }

    #[test]
    fn what_ssh_could_take_for_an_option_is_refused() {
        for (given, expected) in [
            ("ssh://-oProxyCommand=x/a", "host"),
            ("ssh://-oProxyCommand=x@h/a", "user"),
            ("ssh://%2doProxyCommand@h/a", "user"),
            ("ssh://git@-oProxyCommand=x/a", "host"),
            ("git@-oProxyCommand=x:a", "host"),
            ("git@h:-a", "dash"),
            ("ssh://git@h", "names no repository"),
            ("ssh://git@h/", "names no repository"),
            ("git@h:", "names no repository"),
            ("ssh://git@h:0/a", "port"),
            ("ssh://git@h:x/a", "cannot be read"),
            ("ssh:///a", "host"),
            ("ssh://git@h/a?b", "query"),
            ("ssh://git@h/a%0ab", "encoded control"),
            ("ssh://g;t@h/a", "user"),
            ("git@h;x:a", "host"),
            ("@h:a", "user@host:path"),
            ("h:a", "user@host:path"),
        ] {
            let error = RemoteUrl::parse(given).unwrap_err().to_string();
            assert!(error.contains(expected), "{given}: {error}");
        }
    }
}
