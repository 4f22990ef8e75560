//! How git and ssh get what is secret: they start this very program, which answers from the environment of that one
//! process.
//!
//! So nothing secret stands in an argument list, in a URL or on disk. Three kinds of questions are known by their
//! arguments: git's credential helper ([`helper`]), ssh's prompt for a passphrase, and ssh's way through a proxy
//! ([`tunnel`]).

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, Write as _},
    path::Path,
    process,
};

use super::{credentials::Proxy, url::RemoteUrl};
use crate::secret::Secret;

mod helper;
mod tunnel;

/// Set to [`MODE`] in the environment of git; the same name that the original uses.
const MODE_VARIABLE: &str = "ARGOCD_BINARY_NAME";
const MODE: &str = "argocd-git-ask-pass";
/// The scheme, host and port that user and password are for.
const ORIGIN_VARIABLE: &str = "ARGOCD_IMAGE_UPDATER_ASK_PASS_ORIGIN";
const USERNAME_VARIABLE: &str = "ARGOCD_IMAGE_UPDATER_ASK_PASS_USERNAME";
const PASSWORD_VARIABLE: &str = "ARGOCD_IMAGE_UPDATER_ASK_PASS_PASSWORD";
/// The file that the passphrase is for.
const KEY_VARIABLE: &str = "ARGOCD_IMAGE_UPDATER_ASK_PASS_KEY";
const PASSPHRASE_VARIABLE: &str = "ARGOCD_IMAGE_UPDATER_ASK_PASS_PASSPHRASE";
/// The URL of the proxy.
const PROXY_VARIABLE: &str = "ARGOCD_IMAGE_UPDATER_ASK_PASS_PROXY";

/// The first argument of a credential helper.
const HELPER: &str = "credential";
/// The first argument of a tunnel.
const TUNNEL: &str = "tunnel";

type Environment = Vec<(&'static str, OsString)>;

/// Answers when git or ssh started this process to ask for something; says whether that was so.
///
/// To be called first in `main`, which returns at once on true. A question that is not for us ends the process with exit
/// code 1, so that silence is not taken for an empty answer.
pub fn answer_if_asked() -> bool {
    if env::var_os(MODE_VARIABLE).is_none_or(|mode| mode != MODE) {
        return false;
    }
    let variable = |name| env::var(name).unwrap_or_default();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [HELPER, "get"] => helper::read(io::stdin().lock()).and_then(|question| {
            let (username, password) = (variable(USERNAME_VARIABLE), variable(PASSWORD_VARIABLE));
            if question.is_for(&variable(ORIGIN_VARIABLE)) {
                print(&format!("username={username}\npassword={password}\n"))
            } else {
                // git then looks elsewhere, and finds nothing.
                Ok(())
            }
        }),
        // Git tells what became of the answer; nothing is kept.
        [HELPER, ..] => Ok(()),
        [TUNNEL, host, port] => tunnel::run(&variable(PROXY_VARIABLE), host, port),
        [prompt] if is_for_key(prompt, &variable(KEY_VARIABLE)) => print(&(variable(PASSPHRASE_VARIABLE) + "\n")),
        _ => Err(io::Error::other("nothing is known about that")),
    };
    if let Err(error) = done {
        // ssh and git pass it on, and it is read in `answers`. There is nobody else to tell.
        let _ = writeln!(io::stderr(), "{error}");
        process::exit(1);
    }
    true
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// `Enter passphrase for key '/path': `
fn is_for_key(prompt: &str, path: &str) -> bool {
    let wanted = format!("Enter passphrase for key '{path}'");
    !path.is_empty() && prompt.starts_with(&wanted)
}

/// The value of `credential.helper` that makes git ask `program`.
pub(super) fn helper_setting(program: &Path) -> String {
    format!("!{} {HELPER}", shell_quoted(&program.to_string_lossy()))
}

/// The value of ssh's `ProxyCommand` that makes `program` connect.
pub(super) fn tunnel_setting(program: &Path) -> String {
    // ssh puts host and port in for these, so a percent sign of our own is doubled.
    let program = shell_quoted(&program.to_string_lossy()).replace('%', "%%");
    format!("{program} {TUNNEL} %h %p")
}

/// One word for a POSIX shell.
pub(super) fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The environment that makes the helper answer for `url`.
pub(super) fn for_password(url: &RemoteUrl, username: &Secret, password: &Secret) -> Environment {
    vec![
        (MODE_VARIABLE, MODE.into()),
        (ORIGIN_VARIABLE, url.origin().into()),
        (USERNAME_VARIABLE, username.expose().into()),
        (PASSWORD_VARIABLE, password.expose().into()),
    ]
}

/// The environment that makes ssh ask `program` for the passphrase of the key in the file `path`, and no person.
pub(super) fn for_passphrase(program: &Path, path: &OsStr, passphrase: &Secret) -> Environment {
    vec![
        (MODE_VARIABLE, MODE.into()),
        (KEY_VARIABLE, path.into()),
        (PASSPHRASE_VARIABLE, passphrase.expose().into()),
        ("SSH_ASKPASS", program.into()),
        ("SSH_ASKPASS_REQUIRE", "force".into()),
    ]
}

/// The environment that makes a tunnel go through `proxy`.
pub(super) fn for_tunnel(proxy: &Proxy) -> Environment {
    vec![
        (MODE_VARIABLE, MODE.into()),
        (PROXY_VARIABLE, proxy.url().expose().into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_prompt_for_our_own_key_is_answered() {
        for (prompt, path, expected) in [
            ("Enter passphrase for key '/proc/1/fd/9': ", "/proc/1/fd/9", true),
            ("Enter passphrase for key '/proc/1/fd/91': ", "/proc/1/fd/9", false),
            ("Enter passphrase for key '/app/.ssh/id': ", "/proc/1/fd/9", false),
            ("git@h's password: ", "/proc/1/fd/9", false),
            ("Enter passphrase for key '': ", "", false),
        ] {
            assert_eq!(is_for_key(prompt, path), expected, "{prompt}");
        }
    }

    #[test]
    fn a_program_in_a_folder_with_blanks_stays_one_word() {
        let program = Path::new("/it's 100% here/updater");
        assert_eq!(helper_setting(program), r"!'/it'\''s 100% here/updater' credential");
        assert_eq!(tunnel_setting(program), r"'/it'\''s 100%% here/updater' tunnel %h %p");
    }
}
