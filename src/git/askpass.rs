//! How git gets a password: it starts this very program, which answers from the environment of that one git process.
//!
//! So nothing secret stands in an argument list, in a URL or on disk. The answer is given only to a prompt for the scheme,
//! host and port that the credentials belong to: a server that redirects git elsewhere gets nothing.

use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
};

use url::Url;

use super::{credentials::GitCredentials, url::RemoteUrl};

/// Set to [`MODE`] in the environment of git; the same name that the original uses.
const MODE_VARIABLE: &str = "ARGOCD_BINARY_NAME";
const MODE: &str = "argocd-git-ask-pass";
const ORIGIN_VARIABLE: &str = "ARGOCD_IMAGE_UPDATER_ASK_PASS_ORIGIN";
const USERNAME_VARIABLE: &str = "ARGOCD_IMAGE_UPDATER_ASK_PASS_USERNAME";
const PASSWORD_VARIABLE: &str = "ARGOCD_IMAGE_UPDATER_ASK_PASS_PASSWORD";

/// Answers git's prompt when git started this process to ask for a user or password; says whether that was so.
///
/// To be called first in `main`, which returns at once on true. A prompt that is not for us ends the process with exit
/// code 1, so that git does not take silence for an empty password.
pub fn answer_if_asked() -> bool {
    if env::var_os(MODE_VARIABLE).is_none_or(|mode| mode != MODE) {
        return false;
    }
    let prompt = env::args().nth(1).unwrap_or_default();
    let variable = |name| env::var(name).unwrap_or_default();
    let (username, password) = (variable(USERNAME_VARIABLE), variable(PASSWORD_VARIABLE));
    let Some(answer) = answer(&prompt, &variable(ORIGIN_VARIABLE), &username, &password) else {
        std::process::exit(1);
    };
    if writeln!(io::stdout(), "{answer}").is_err() {
        std::process::exit(1);
    }
    true
}

/// The environment of one git process that makes [`answer_if_asked`] answer for `url`; nothing for anonymous access.
pub(super) fn environment(url: &RemoteUrl, credentials: &GitCredentials) -> Vec<(&'static str, OsString)> {
    match credentials {
        GitCredentials::Anonymous => Vec::new(),
        GitCredentials::Password { username, password } => vec![
            (MODE_VARIABLE, MODE.into()),
            (ORIGIN_VARIABLE, url.origin().into()),
            (USERNAME_VARIABLE, username.into()),
            (PASSWORD_VARIABLE, password.expose().into()),
        ],
    }
}

/// The answer to `Username for 'https://host': ` and `Password for 'https://user@host': `, if the prompt is for `origin`.
fn answer<'a>(prompt: &str, origin: &str, username: &'a str, password: &'a str) -> Option<&'a str> {
    let (what, rest) = prompt.split_once(" for '")?;
    let (place, _) = rest.rsplit_once('\'')?;
    if Url::parse(place).ok()?.origin() != Url::parse(origin).ok()?.origin() {
        return None;
    }
    match what {
        "Username" => Some(username),
        "Password" => Some(password),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_prompt_for_our_own_server_is_answered() {
        let origin = "https://git.example.com";
        for (prompt, expected) in [
            ("Username for 'https://git.example.com': ", Some("bob")),
            ("Username for 'https://git.example.com:443': ", Some("bob")),
            ("Password for 'https://bob@git.example.com': ", Some("pw")),
            ("Password for 'https://bob%40x@git.example.com': ", Some("pw")),
            ("Password for 'https://bob@git.example.com/a/b.git': ", Some("pw")),
            ("Password for 'https://bob@git.example.com:8443': ", None),
            ("Password for 'http://bob@git.example.com': ", None),
            ("Password for 'https://git.example.com@evil.example': ", None),
            ("Password for 'https://evil.example/'https://git.example.com': ", None),
            ("Passphrase for 'https://git.example.com': ", None),
            ("Password: ", None),
            ("", None),
        ] {
            assert_eq!(answer(prompt, origin, "bob", "pw"), expected, "{prompt}");
        }
        assert_eq!(answer("Username for 'https://h': ", "", "bob", "pw"), None);
        // Opaque origins are never equal, not even to themselves.
        assert_eq!(answer("Username for 'foo:bar': ", "foo:bar", "bob", "pw"), None);
    }
}
