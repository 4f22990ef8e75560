//! How git and the servers word what went wrong. The one place that looks at their texts (git runs with `LC_ALL=C`).
//!
//! The tables are read from top to bottom and compared in lower case.

use super::error::HostKeyProblem;
use crate::core::foreign::ForeignText;

/// What kind of failure a text tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Credentials were refused, or there were none.
    Unauthorized,
    /// No such repository, or none that we may see.
    NotFound,
    /// The private key for SSH cannot be opened.
    SshKey,
    /// The host key of an SSH server is not the right one.
    HostKey(HostKeyProblem),
    /// ssh does not know the user that it runs as.
    NoUser,
    /// A redirect that is not followed.
    Redirect,
    /// The object format is SHA-256.
    Sha256,
    /// A reference that was asked for is gone.
    ReferenceGone,
    /// The certificate of the server is not trusted.
    Certificate,
    /// Too slow.
    Timeout,
    /// No connection, or an answer like 500.
    Unreachable,
    /// The mirror on our own disk is broken.
    Damage,
}

/// Texts of git's standard error.
const FAILURES: &[(&str, Kind)] = &[
    ("mismatched algorithms", Kind::Sha256),
    ("unknown object format", Kind::Sha256),
    ("couldn't find remote ref", Kind::ReferenceGone),
    // OpenSSH, most of it followed by git's "Could not read from remote repository".
    ("host key has been revoked", Kind::HostKey(HostKeyProblem::Revoked)),
    ("revoked host key", Kind::HostKey(HostKeyProblem::Revoked)),
    (
        "has changed and you have requested strict",
        Kind::HostKey(HostKeyProblem::Changed),
    ),
    (
        "host identification has changed",
        Kind::HostKey(HostKeyProblem::Changed),
    ),
    ("host key is known for", Kind::HostKey(HostKeyProblem::Unknown)),
    ("host key verification failed", Kind::HostKey(HostKeyProblem::Unknown)),
    ("no user exists for uid", Kind::NoUser),
    ("load key \"/", Kind::SshKey),
    ("permission denied (", Kind::Unauthorized),
    ("does not let ssh through", Kind::Unreachable),
    ("no route to host", Kind::Unreachable),
    ("kex_exchange_identification", Kind::Unreachable),
    ("connection closed by", Kind::Unreachable),
    ("does not appear to be a git repository", Kind::NotFound),
    ("authentication failed for", Kind::Unauthorized),
    // Gitea, of a deploy key that may only read.
    ("is not authorized to write to", Kind::Unauthorized),
    ("could not read username for", Kind::Unauthorized),
    ("could not read password for", Kind::Unauthorized),
    ("returned error: 401", Kind::Unauthorized),
    ("returned error: 403", Kind::Unauthorized),
    ("returned error: 301", Kind::Redirect),
    ("returned error: 302", Kind::Redirect),
    ("returned error: 303", Kind::Redirect),
    ("returned error: 307", Kind::Redirect),
    ("returned error: 308", Kind::Redirect),
    ("returned error: 404", Kind::NotFound),
    ("' not found", Kind::NotFound),
    ("repository not found", Kind::NotFound),
    ("could not be found", Kind::NotFound),
    ("ssl certificate problem", Kind::Certificate),
    ("certificate verification failed", Kind::Certificate),
    ("certificate verify failed", Kind::Certificate),
    ("no alternative certificate subject", Kind::Certificate),
    ("error setting certificate", Kind::Certificate),
    ("operation too slow", Kind::Timeout),
    ("timed out", Kind::Timeout),
    ("could not resolve", Kind::Unreachable),
    ("failed to connect", Kind::Unreachable),
    ("couldn't connect", Kind::Unreachable),
    ("connection refused", Kind::Unreachable),
    ("connection reset", Kind::Unreachable),
    ("returned error: 429", Kind::Unreachable),
    ("returned error: 5", Kind::Unreachable),
    ("empty reply from server", Kind::Unreachable),
    ("recv failure", Kind::Unreachable),
    ("unexpected disconnect", Kind::Unreachable),
    ("hung up", Kind::Unreachable),
    ("early eof", Kind::Unreachable),
    ("rpc failed", Kind::Unreachable),
    ("not a git repository", Kind::Damage),
    ("bad object", Kind::Damage),
    ("bad tree object", Kind::Damage),
    ("object file", Kind::Damage),
    ("loose object", Kind::Damage),
    ("packfile", Kind::Damage),
    ("unable to read tree", Kind::Damage),
    ("unable to read sha1", Kind::Damage),
    ("failed to read object", Kind::Damage),
    ("missing tree", Kind::Damage),
    ("missing blob", Kind::Damage),
    ("invalid object", Kind::Damage),
    ("bad config", Kind::Damage),
];

/// What git adds when ssh, or what the server ran for it, has failed.
const SSH_FAILED: &str = "Could not read from remote repository";

/// How servers say that a branch is no longer where we saw it: only then is rendering on the new head worth it.
const MOVED_HEAD: &[&str] = &[
    // git itself, from the heads that the server listed.
    "stale info",
    "non-fast-forward",
    "fetch first",
    "remote ref updated since checkout",
    // git's receiving side and what forges make of it (GitHub, GitLab, Gitea, Bitbucket).
    "incorrect old value provided",
    "cannot lock ref",
    "failed to update ref",
    "failed to lock",
    "reference already exists",
    // JGit (Gerrit), Azure DevOps.
    "lock_failure",
    "lock failure",
    "has already been updated by another client",
];

/// Refusals that use words of [`MOVED_HEAD`] although no head moved: `a` exists where `a/b` should be created.
const NOT_MOVED: &[&str] = &[
    "exists; cannot create",
    "unable to resolve reference",
    "permission denied",
];

/// The kind of failure that git's standard error tells of, if it is one that we know.
pub(super) fn kind(stderr: &str) -> Option<Kind> {
    let text = stderr.to_lowercase();
    // What the server prints about its own disk is no damage of ours.
    let ours: String = text.lines().filter(|line| !line.starts_with("remote:")).collect();
    FAILURES
        .iter()
        .find(|(words, kind)| match kind {
            Kind::Damage => ours.contains(words),
            _ => text.contains(words),
        })
        .map(|(_, kind)| *kind)
}

/// Whether a reference was refused because its head moved; `reason` is what stands in parentheses, `stderr` the rest.
pub(super) fn is_moved_head(reason: &str, stderr: &str) -> bool {
    let (reason, stderr) = (reason.to_lowercase(), stderr.to_lowercase());
    let says = |text: &str, words: &[&str]| words.iter().any(|words| text.contains(words));
    if says(&reason, NOT_MOVED) || says(&stderr, NOT_MOVED) {
        return false;
    }
    says(&reason, MOVED_HEAD)
}

/// What a person should read of git's standard error: first the server's own words, then git's error.
pub(super) fn essence(stderr: &str) -> ForeignText {
    if stderr.contains(SSH_FAILED) {
        return ssh_words(stderr);
    }
    let remote = remote_words(stderr);
    let errors = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("fatal: ").or_else(|| line.strip_prefix("error: ")));
    let words: Vec<&str> = remote.into_iter().chain(errors).collect();
    if words.is_empty() {
        return ForeignText::new(stderr);
    }
    ForeignText::new(&words.join("; "))
}

/// What ssh printed before git gave up, without the frames that it draws and the advice that git adds.
fn ssh_words(stderr: &str) -> ForeignText {
    let advice = [
        "Please make sure you have the correct access rights",
        "and the repository exists.",
    ];
    let words: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| line.chars().any(char::is_alphanumeric))
        .filter(|line| !line.contains(SSH_FAILED) && !advice.contains(line))
        .collect();
    if words.is_empty() {
        return ForeignText::new(stderr);
    }
    ForeignText::new(&words.join("; "))
}

/// What the server printed (`remote: ...`), and the refusal of the reference: in the words of git or of the server.
pub(super) fn refusal(reason: &str, stderr: &str) -> ForeignText {
    let mut words = vec![reason];
    words.extend(remote_words(stderr));
    ForeignText::new(&words.join("; "))
}

/// The lines that the server printed, without those that only draw a frame.
fn remote_words(stderr: &str) -> Vec<&str> {
    stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|line| line.chars().any(char::is_alphanumeric))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_git_and_servers_are_understood() {
        for (given, expected) in [
            (
                "fatal: Authentication failed for 'https://h/a/'",
                Some(Kind::Unauthorized),
            ),
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled",
                Some(Kind::Unauthorized),
            ),
            (
                "fatal: unable to access 'https://h/a/': The requested URL returned error: 403",
                Some(Kind::Unauthorized),
            ),
            ("fatal: repository 'https://h/a/' not found", Some(Kind::NotFound)),
            (
                "fatal: unable to access 'https://h/a/': The requested URL returned error: 503",
                Some(Kind::Unreachable),
            ),
            (
                "fatal: mismatched algorithms: client sha1; server sha256",
                Some(Kind::Sha256),
            ),
            (
                "fatal: couldn't find remote ref refs/heads/x",
                Some(Kind::ReferenceGone),
            ),
            (
                "fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none",
                Some(Kind::Certificate),
            ),
            ("error: object file ./objects/aa/bb is empty", Some(Kind::Damage)),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                Some(Kind::Unauthorized),
            ),
            (
                "No ED25519 host key is known for [h]:22 and you have requested strict checking.\n\
                 Host key verification failed.",
                Some(Kind::HostKey(HostKeyProblem::Unknown)),
            ),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                Some(Kind::HostKey(HostKeyProblem::Changed)),
            ),
            (
                "Load key \"/proc/1/fd/9\": incorrect passphrase supplied to decrypt private key\n\
                 git@h: Permission denied (publickey).",
                Some(Kind::SshKey),
            ),
            ("No user exists for uid 1234", Some(Kind::NoUser)),
            (
                "fatal: unable to access 'https://h/a/': The requested URL returned error: 301",
                Some(Kind::Redirect),
            ),
            ("remote: fatal: bad object HEAD\nfatal: something new", None),
            ("fatal: something new", None),
            ("", None),
        ] {
            assert_eq!(kind(given), expected, "{given}");
        }
    }

    #[test]
    fn only_a_moved_head_is_taken_for_one() {
        for (reason, stderr, expected) in [
            ("stale info", "", true),
            ("fetch first", "", true),
            ("non-fast-forward", "", true),
            ("incorrect old value provided", "", true),
            (
                "failed to update ref",
                "remote: error: cannot lock ref 'refs/heads/main': is at a but expected b",
                true,
            ),
            (
                "cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'",
                "",
                false,
            ),
            (
                "failed to update ref",
                "remote: 'refs/heads/a' exists; cannot create 'refs/heads/a/b'",
                false,
            ),
            ("pre-receive hook declined", "remote: please fetch first", false),
            ("protected branch hook declined", "", false),
            ("shallow update not allowed", "", false),
        ] {
            assert_eq!(is_moved_head(reason, stderr), expected, "{reason} {stderr}");
        }
    }

    #[test]
    fn a_refusal_carries_the_servers_words() {
        let stderr = "remote: ======\nremote: only bots may push \x1b[31m\nerror: failed to push some refs to 'x'\n";
        assert_eq!(
            refusal("pre-receive hook declined", stderr).as_str(),
            "pre-receive hook declined; only bots may push [31m"
        );
        assert_eq!(
            essence(stderr).as_str(),
            "only bots may push [31m; failed to push some refs to 'x'"
        );
        assert_eq!(essence("plain words").as_str(), "plain words");
        let ssh = "@@@@@\ngit@h: Permission denied (publickey).\r\nfatal: Could not read from remote repository.\n\n\
                   Please make sure you have the correct access rights\nand the repository exists.\n";
        assert_eq!(essence(ssh).as_str(), "git@h: Permission denied (publickey).");
    }
}
