//! Runs the `git` program: the only way to the network, and the only child processes of the git layer.
//!
//! Each run has its own process group, which is killed when the time is over or the caller stops waiting; an environment
//! made from nothing (see `environment`), so that no configuration, credential helper, hook or `.netrc` of a user takes
//! part; and bounded output. The host is checked before git starts. Which URLs may be spoken to is decided in `url`, what
//! the words of git mean in `answers`.

use std::{
    ffi::OsString,
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{process::Command, sync::OnceCell, time};

use super::{
    answers::{self, Kind},
    app_tokens::{self, AppTokens},
    credentials::{GitCredentials, Login, TOKEN_USER},
    environment::{self, CONFIGURATION, Prepared},
    error::GitError,
    process::{Group, Output},
    redact::{redact, without},
    trust::ca_bundle,
    url::{RemoteUrl, Scheme},
};
use crate::{http::egress, secret::Secret};

/// The oldest git that is used.
const OLDEST: (u32, u32) = (2, 39);

/// How git is run.
#[derive(Debug, Clone)]
pub struct TransportOptions {
    /// The program that answers git and ssh: one that calls
    /// [`answer_if_asked`](super::askpass::answer_if_asked) first.
    pub askpass: PathBuf,
    /// Folders with files named like a host that hold the CA certificates to trust for it; the first match counts.
    pub tls_dirs: Vec<PathBuf>,
    /// The host keys of SSH servers (`/app/config/ssh/ssh_known_hosts`; sshd(8) has its format).
    pub ssh_known_hosts: PathBuf,
    /// The configuration of the ssh client, when there is such a file (`/app/.ssh/config`; ssh_config(5)).
    pub ssh_config: PathBuf,
    /// Who gives tokens of GitHub Apps; without it their credentials are refused.
    pub app_tokens: Option<Arc<dyn AppTokens>>,
    /// How long one run may take (90 seconds; `ARGOCD_EXEC_TIMEOUT`).
    pub timeout: Duration,
    /// How long after the request to stop it is killed (10 seconds; `ARGOCD_EXEC_FATAL_TIMEOUT`).
    pub kill_after: Duration,
}

impl TransportOptions {
    /// The defaults, with `askpass` to answer prompts.
    pub fn new(askpass: PathBuf) -> Self {
        Self {
            askpass,
            tls_dirs: Vec::new(),
            ssh_known_hosts: PathBuf::from("/app/config/ssh/ssh_known_hosts"),
            ssh_config: PathBuf::from("/app/.ssh/config"),
            app_tokens: None,
            timeout: Duration::from_secs(90),
            kill_after: Duration::from_secs(10),
        }
    }
}

/// What git is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    ListRemote,
    Fetch,
    Push,
    Initialise,
    ListReferences,
    UpdateReference,
}

impl Operation {
    /// The sub-command, for errors.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ListRemote => "ls-remote",
            Self::Fetch => "fetch",
            Self::Push => "push",
            Self::Initialise => "init",
            Self::ListReferences => "for-each-ref",
            Self::UpdateReference => "update-ref",
        }
    }

    /// Whether it speaks to the server, and so gets credentials.
    fn is_remote(self) -> bool {
        matches!(self, Self::ListRemote | Self::Fetch | Self::Push)
    }

    /// Whether it works in the mirror.
    fn is_in_mirror(self) -> bool {
        !matches!(self, Self::ListRemote | Self::Initialise)
    }
}

/// One run of git.
pub(super) struct Call<'a> {
    pub(super) operation: Operation,
    /// All arguments, the sub-command first.
    pub(super) arguments: &'a [&'a str],
    pub(super) stdin: String,
    pub(super) url: &'a RemoteUrl,
    pub(super) credentials: &'a GitCredentials,
    /// The folder of the mirror.
    pub(super) mirror: &'a Path,
    /// Set when git was stopped half-way in the mirror, and so may have left locks and temporary files.
    pub(super) interrupted: &'a AtomicBool,
}

/// The `git` program, with everything that is the same in each run.
#[derive(Debug)]
pub struct GitProgram {
    options: TransportOptions,
    /// Where runs without a mirror take place: a folder that is no repository.
    folder: PathBuf,
    inherited: Vec<(&'static str, OsString)>,
    checked: OnceCell<()>,
}

impl GitProgram {
    /// The program of `PATH`; it is looked for and its version checked with the first run.
    pub fn new(options: TransportOptions, folder: PathBuf) -> Self {
        Self {
            options,
            folder,
            inherited: environment::inherited(),
            checked: OnceCell::new(),
        }
    }

    /// Checks once that git is there and new enough.
    pub async fn check(&self) -> Result<(), GitError> {
        self.checked.get_or_try_init(|| self.read_version()).await.copied()
    }

    async fn read_version(&self) -> Result<(), GitError> {
        let program = |reason: String| GitError::Program { reason };
        let mut command = self.command();
        command.arg("--version").stdin(Stdio::null());
        let output = match time::timeout(self.options.timeout, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(program("it was not found".into()));
            }
            Ok(Err(error)) => return Err(program(error.to_string())),
            Err(_) => return Err(program("it does not answer to --version".into())),
        };
        let text = String::from_utf8_lossy(&output.stdout);
        match version(&text) {
            Some(found) if found >= OLDEST => Ok(()),
            Some((major, minor)) => Err(program(format!("its version is {major}.{minor}"))),
            None => Err(program("it does not tell its version".into())),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.env_clear().envs(environment::FIXED.iter().copied());
        command.envs(self.inherited.iter().map(|(name, value)| (name, value)));
        // No repository above the folder of the mirrors takes part.
        command.env("GIT_CEILING_DIRECTORIES", self.folder.parent().unwrap_or(&self.folder));
        command.current_dir(&self.folder).kill_on_drop(true);
        command
    }

    /// Runs git and waits for it. An exit code other than 0 is not an error here: what it means depends on the operation.
    ///
    /// A token that the server no longer takes is renewed once.
    pub(super) async fn run(&self, call: Call<'_>) -> Result<Output, GitError> {
        self.check().await?;
        let app = match &call.credentials.login {
            Login::GitHubApp(app) if call.operation.is_remote() => app,
            login => {
                let output = self.run_as(&call, login).await?;
                return unless_key_is_shut(&call, output);
            }
        };
        let token = app_tokens::token(&self.options, &call, app, None).await?;
        let output = self.run_with_token(&call, &token).await?;
        if !is_refused(&output) {
            return Ok(output);
        }
        let fresh = app_tokens::token(&self.options, &call, app, Some(token.clone())).await?;
        if fresh == token {
            return Ok(output);
        }
        self.run_with_token(&call, &fresh).await
    }

    async fn run_with_token(&self, call: &Call<'_>, token: &Secret) -> Result<Output, GitError> {
        let login = Login::Password {
            username: TOKEN_USER.into(),
            password: token.clone(),
            unasked: false,
        };
        let mut output = self.run_as(call, &login).await?;
        output.stderr = without(&output.stderr, token.expose());
        Ok(output)
    }

    async fn run_as(&self, call: &Call<'_>, login: &Login) -> Result<Output, GitError> {
        let failed = |error: io::Error| GitError::Program {
            reason: error.to_string(),
        };
        let mut command = self.command();
        let in_mirror = call.operation.is_in_mirror();
        if in_mirror {
            command.env("GIT_DIR", call.mirror);
        }
        for setting in CONFIGURATION {
            command.arg("-c").arg(setting);
        }
        // Its files are there as long as git runs.
        let prepared = if call.operation.is_remote() {
            self.prepare(call, login).await?
        } else {
            Prepared::default()
        };
        prepared.apply(&mut command);
        command.args(call.arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.process_group(0).spawn().map_err(failed)?;
        let mut group = Group::new(child, in_mirror.then_some(call.interrupted));
        let result = time::timeout(self.options.timeout, group.finish(call.stdin.clone())).await;
        match result {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => {
                group.stop(self.options.kill_after).await;
                Err(GitError::Timeout {
                    repository: call.url.clone(),
                    after: self.options.timeout,
                })
            }
        }
    }

    /// Trust, credentials and the way to the server, for this one git only.
    async fn prepare(&self, call: &Call<'_>, login: &Login) -> Result<Prepared, GitError> {
        let (url, connection) = (call.url, &call.credentials.connection);
        let resolved = resolve(url).await?;
        let proxy = connection.proxy_to(url);
        if let Some(proxy) = proxy {
            check(url, proxy.host()).await?;
        }
        let mut prepared = Prepared::new(url);
        if let Some(program) = self.missing(url) {
            return Err(GitError::Program { reason: program });
        }
        let done = match url.scheme() {
            Scheme::Ssh => prepared.ssh(&self.options, connection, login, proxy),
            Scheme::Https | Scheme::Http => {
                let bundle = ca_bundle(&self.options.tls_dirs, url.host()).await;
                prepared.trust(bundle.map(|(path, _)| path), resolved);
                prepared.web(&self.options.askpass, url, connection, login, proxy)
            }
        };
        done.map_err(|error| GitError::Program {
            reason: format!("a secret cannot be handed to it: {error}"),
        })?;
        Ok(prepared)
    }

    /// What is missing for a URL: ssh is a program of its own.
    fn missing(&self, url: &RemoteUrl) -> Option<String> {
        let path = self.inherited.iter().find(|(name, _)| *name == "PATH");
        let found = path.and_then(|(_, path)| super::ssh::program(path));
        (url.scheme() == Scheme::Ssh && found.is_none())
            .then(|| "the ssh program was not found, install openssh-client".to_owned())
    }
}

fn is_refused(output: &Output) -> bool {
    !output.status.success() && answers::kind(&output.stderr) == Some(Kind::Unauthorized)
}

/// ssh does not say that a passphrase is wrong: it goes on without the key.
fn unless_key_is_shut(call: &Call<'_>, output: Output) -> Result<Output, GitError> {
    match &call.credentials.login {
        Login::SshKey(key) if key.passphrase().is_some() && is_refused(&output) => Err(GitError::SshKey {
            repository: call.url.clone(),
            answer: answers::essence(&redact(&output.stderr, call.credentials)),
        }),
        _ => Ok(output),
    }
}

/// Checks the repository's host, and tells git which addresses to connect to (`host:port:address,address`, as libcurl's
/// `CURLOPT_RESOLVE` wants it), so that these are the ones that were checked. Nothing when there is nothing to tell: the
/// host is an address, or cannot be resolved here.
///
/// A proxy resolves the host by itself, whatever is told here.
async fn resolve(url: &RemoteUrl) -> Result<Option<String>, GitError> {
    let addresses = check(url, url.host()).await?;
    if addresses.is_empty() || url.host().parse::<IpAddr>().is_ok() {
        return Ok(None);
    }
    let addresses: Vec<_> = addresses
        .into_iter()
        .map(|address| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        })
        .collect();
    Ok(Some(format!("{}:{}:{}", url.host(), url.port(), addresses.join(","))))
}

/// Whether `host` may be asked, and at which addresses: the repository's own, or that of its proxy.
pub(super) async fn check(url: &RemoteUrl, host: &str) -> Result<Vec<IpAddr>, GitError> {
    egress::check_host(host).await.map_err(|reason| GitError::Refused {
        repository: url.clone(),
        reason,
    })
}

/// `git version 2.39.5 (Apple Git-154)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("git version ")?.split(['.', ' ', '\n']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn git_connects_to_the_addresses_that_were_checked() {
        let told = resolve(&RemoteUrl::parse("http://localhost:8080/a").unwrap()).await;
        let told = told.unwrap().unwrap();
        let addresses = told.strip_prefix("localhost:8080:").unwrap();
        assert!(
            addresses.split(',').all(|a| ["127.0.0.1", "[::1]"].contains(&a)),
            "{told}"
        );
        for host in ["127.0.0.1", "[::1]", "no-such-name.invalid"] {
            let url = RemoteUrl::parse(&format!("https://{host}/a")).unwrap();
            assert_eq!(resolve(&url).await, Ok(None), "{host}");
        }
    }

    #[test]
    fn the_version_of_git_is_read() {
        for (given, expected) in [
            ("git version 2.39.5\n", Some((2, 39))),
            ("git version 2.50.1 (Apple Git-155)\n", Some((2, 50))),
            ("git version 3.0\n", Some((3, 0))),
            ("gti version 2.39", None),
            ("git version ", None),
        ] {
            assert_eq!(version(given), expected, "{given}");
        }
    }
}
