//! Where people see a commit: the page of the forge, from the URL of the repository alone.

use url::Url;

/// The page of `commit` in a browser, without credentials; `None` where the server is of no known kind.
///
/// A server is known by its host: those of the public forges, and one whose name begins with that of its software, as
/// `gitlab.example.com`. A guess that is wrong costs a dead link in a status. The forms are those that the forges show
/// themselves.
pub(super) fn commit_page(repository: &str, commit: &str) -> Option<String> {
    let is_commit = (7..=64).contains(&commit.len()) && commit.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_commit {
        return None;
    }
    let Web { base, host, path } = Web::parse(repository)?;
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return None;
    }
    match forge(&host)? {
        Forge::GitHub | Forge::Gitea if parts.len() == 2 => Some(format!("{base}/{path}/commit/{commit}")),
        Forge::GitLab if parts.len() >= 2 => Some(format!("{base}/{path}/-/commit/{commit}")),
        Forge::Bitbucket if parts.len() == 2 => Some(format!("{base}/{path}/commits/{commit}")),
        Forge::Azure => match *parts.as_slice() {
            [.., before, "_git", _] if before != "_git" => Some(format!("{base}/{path}/commit/{commit}")),
            ["v3", organisation, project, name] => Some(format!(
                "https://dev.azure.com/{organisation}/{project}/_git/{name}/commit/{commit}"
            )),
            _ => None,
        },
        Forge::GitHub | Forge::Gitea | Forge::GitLab | Forge::Bitbucket => None,
    }
}

/// The kinds of servers that differ in the path of a commit.
enum Forge {
    /// GitHub and GitHub Enterprise.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea and Forgejo, as at Codeberg.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Azure DevOps.
    Azure,
}

fn forge(host: &str) -> Option<Forge> {
    match host {
        "github.com" => return Some(Forge::GitHub),
        "gitlab.com" => return Some(Forge::GitLab),
        "codeberg.org" | "gitea.com" => return Some(Forge::Gitea),
        "bitbucket.org" => return Some(Forge::Bitbucket),
        "dev.azure.com" | "ssh.dev.azure.com" | "vs-ssh.visualstudio.com" => return Some(Forge::Azure),
        _ if host.ends_with(".visualstudio.com") => return Some(Forge::Azure),
        _ if host.ends_with(".ghe.com") => return Some(Forge::GitHub),
        _ => {}
    }
    // A name that goes on after a public forge's own is meant to look like it.
    if ["github.com.", "gitlab.com."]
        .iter()
        .any(|forge| host.starts_with(forge))
    {
        return None;
    }
    match host.split_once('.')?.0 {
        "github" => Some(Forge::GitHub),
        "gitlab" => Some(Forge::GitLab),
        "gitea" | "forgejo" => Some(Forge::Gitea),
        _ => None,
    }
}

/// A repository as a browser reaches it.
struct Web {
    /// `https://host[:port]`.
    base: String,
    /// The host that people know, in lower case.
    host: String,
    /// Without slashes at its ends and without `.git`.
    path: String,
}

impl Web {
    /// Reads `https://...`, `ssh://...` and `[user@]host:path`.
    fn parse(repository: &str) -> Option<Self> {
        let text = repository.trim();
        let (url, is_ssh) = match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => {
                (Url::parse(text).ok()?, false)
            }
            // Read as a web URL, so that host and path are checked and escaped alike.
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ssh") => {
                (Url::parse(&format!("https://{rest}")).ok()?, true)
            }
            Some(_) => return None,
            None => {
                let (host, path) = text.split_once(':')?;
                let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
                if host.is_empty() || host.contains('/') {
                    return None;
                }
                (
                    Url::parse(&format!("https://{host}/{}", path.trim_start_matches('/'))).ok()?,
                    true,
                )
            }
        };
        let host = url.host_str()?.to_ascii_lowercase();
        // The names under which public forges take SSH where only the port of https is open.
        let host = match host.as_str() {
            "ssh.github.com" => "github.com",
            "altssh.gitlab.com" => "gitlab.com",
            "altssh.bitbucket.org" => "bitbucket.org",
            host => host,
        };
        let base = match (is_ssh, url.port()) {
            // The port is that of SSH.
            (true, _) => format!("https://{host}"),
            (false, None) => format!("{}://{host}", url.scheme()),
            (false, Some(port)) => format!("{}://{host}:{port}", url.scheme()),
        };
        let path = url.path().trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        Some(Self {
            base,
            host: host.to_owned(),
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table")]
    fn the_page_of_a_commit_is_known_at_well_known_servers_only() {
        for (repository, expected) in [
            (
                "https://github.com/acme/deploy.git",
                "https://github.com/acme/deploy/commit/",
            ),
            (
                "https://GitHub.com/Acme/Deploy/",
                "https://github.com/Acme/Deploy/commit/",
            ),
            (
                "git@github.com:acme/deploy.git",
                "https://github.com/acme/deploy/commit/",
            ),
            ("github.com:acme/deploy.git", "https://github.com/acme/deploy/commit/"),
            (
                "ssh://git@github.com/acme/deploy.git",
                "https://github.com/acme/deploy/commit/",
            ),
            (
                "ssh://git@ssh.github.com:443/acme/deploy",
                "https://github.com/acme/deploy/commit/",
            ),
            (
                "https://acme.ghe.com/acme/deploy",
                "https://acme.ghe.com/acme/deploy/commit/",
            ),
            (
                "https://github.example.com/acme/deploy",
                "https://github.example.com/acme/deploy/commit/",
            ),
            (
                "https://gitlab.com/acme/team/deploy.git",
                "https://gitlab.com/acme/team/deploy/-/commit/",
            ),
            (
                "https://gitlab.example.com:8443/a/b",
                "https://gitlab.example.com:8443/a/b/-/commit/",
            ),
            (
                "http://gitlab.example.com/a/b",
                "http://gitlab.example.com/a/b/-/commit/",
            ),
            (
                "ssh://git@gitlab.example.com:2222/a/b.git",
                "https://gitlab.example.com/a/b/-/commit/",
            ),
            (
                "ssh://git@altssh.gitlab.com:443/a/b",
                "https://gitlab.com/a/b/-/commit/",
            ),
            (
                "https://codeberg.org/acme/deploy.git",
                "https://codeberg.org/acme/deploy/commit/",
            ),
            (
                "https://gitea.example.com/acme/deploy",
                "https://gitea.example.com/acme/deploy/commit/",
            ),
            (
                "git@forgejo.example.com:acme/deploy",
                "https://forgejo.example.com/acme/deploy/commit/",
            ),
            (
                "https://bitbucket.org/acme/deploy.git",
                "https://bitbucket.org/acme/deploy/commits/",
            ),
            (
                "git@bitbucket.org:acme/deploy.git",
                "https://bitbucket.org/acme/deploy/commits/",
            ),
            (
                "https://dev.azure.com/acme/My%20Shop/_git/deploy",
                "https://dev.azure.com/acme/My%20Shop/_git/deploy/commit/",
            ),
            (
                "git@ssh.dev.azure.com:v3/acme/shop/deploy",
                "https://dev.azure.com/acme/shop/_git/deploy/commit/",
            ),
            (
                "https://acme.visualstudio.com/shop/_git/deploy",
                "https://acme.visualstudio.com/shop/_git/deploy/commit/",
            ),
            (
                "acme@vs-ssh.visualstudio.com:v3/acme/shop/deploy",
                "https://dev.azure.com/acme/shop/_git/deploy/commit/",
            ),
            // Never a user or a password.
            (
                "https://bot:hunter2@github.com/acme/deploy",
                "https://github.com/acme/deploy/commit/",
            ),
            (
                "https://github.com/acme/deploy?token=hunter2",
                "https://github.com/acme/deploy/commit/",
            ),
            // Nobody knows.
            ("https://git.example.com/acme/deploy.git", ""),
            ("https://github.com.example.com/acme/deploy", ""),
            ("https://notgithub.com/acme/deploy", ""),
            ("https://github.com/deploy", ""),
            ("https://github.com/a/b/c", ""),
            ("https://github.com/a//b", ""),
            ("https://dev.azure.com/acme/shop", ""),
            ("git@ssh.dev.azure.com:v2/acme/shop/deploy", ""),
            ("file:///srv/github.com/a/b", ""),
            ("/srv/git/deploy", ""),
            ("gitlab", ""),
            ("", ""),
        ] {
            let expected = (!expected.is_empty()).then(|| format!("{expected}{COMMIT}"));
            assert_eq!(commit_page(repository, COMMIT), expected, "{repository}");
        }
    }

    #[test]
    fn what_is_no_commit_has_no_page() {
        for commit in ["", "main", "0123", "0123456789abcdef/../x", &"a".repeat(65)] {
            assert_eq!(commit_page("https://github.com/acme/deploy", commit), None, "{commit}");
        }
    }

    proptest! {
        #[test]
        fn a_page_is_one_for_the_web_and_never_carries_credentials(text in "[ -~]{0,40}", user in "[a-z]{1,9}") {
            for repository in [text.clone(), format!("https://{user}:{user}@github.com/{text}"), format!("github.com:{text}")] {
                if let Some(page) = commit_page(&repository, COMMIT) {
                    let page = Url::parse(&page).expect("a URL");
                    prop_assert!(matches!(page.scheme(), "https" | "http"));
                    prop_assert_eq!((page.username(), page.password()), ("", None));
                    prop_assert!(page.path().ends_with(COMMIT));
                }
            }
        }
    }
}
