//! Runs the `git` program: the only way to the network, and the only child processes of the git layer.
//!
//! Each run has its own process group, which is killed when the time is over or the caller stops waiting; an environment
//! made from nothing, so that no configuration, credential helper, hook or `.netrc` of a user takes part; and bounded
//! output. The host is checked before git starts. Which URLs may be spoken to is decided in `url`, what the words of git mean in `answers`.

use std::{
    env,
    ffi::OsString,
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::AtomicBool,
    time::Duration,
};

use tokio::{process::Command, sync::OnceCell, time};

use super::{
    askpass,
    credentials::GitCredentials,
    error::GitError,
    process::{Group, Output},
    url::RemoteUrl,
};
use crate::http::egress;

/// The oldest git that is used.
const OLDEST: (u32, u32) = (2, 39);
/// The most bytes of a file of CA certificates that is looked at.
const CA_LIMIT: u64 = 4 << 20;

/// What git inherits from our own environment: where programs and temporary files are, proxies, and trust.
const INHERITED: &[&str] = &[
    "PATH",
    "TMPDIR",
    "GIT_EXEC_PATH",
    "LD_LIBRARY_PATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
];

/// The rest of git's environment.
const FIXED: &[(&str, &str)] = &[
    ("HOME", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ALLOW_PROTOCOL", "http:https"),
    ("GIT_DEFAULT_REF_FORMAT", "files"),
    ("LC_ALL", "C"),
];

/// Configuration of every run.
const CONFIGURATION: &[&str] = &[
    "protocol.version=2",
    // A server may redirect the first request (GitLab adds `.git`, GitHub follows renames) but no later one. git asks
    // anew for credentials on another host, and askpass gives them to the original scheme, host and port only.
    "http.followRedirects=initial",
    // Under 1000 bytes a second for 30 seconds is no answer.
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "credential.helper=",
    "core.hooksPath=/dev/null",
    // Mirrors are made anew when they grow too large; nothing runs in the background.
    "gc.auto=0",
    "maintenance.auto=false",
    "push.recurseSubmodules=no",
    "fetch.recurseSubmodules=false",
];

/// How git is run.
#[derive(Debug, Clone)]
pub struct TransportOptions {
    /// The program that answers git's prompts: one that calls [`askpass::answer_if_asked`] first.
    pub askpass: PathBuf,
    /// Folders with files named like a host that hold the CA certificates to trust for it; the first match counts.
    pub tls_dirs: Vec<PathBuf>,
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
        let inherited = INHERITED
            .iter()
            .filter_map(|name| Some((*name, env::var_os(name)?)))
            .collect();
        Self {
            options,
            folder,
            inherited,
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
        command.env_clear().envs(FIXED.iter().copied());
        command.envs(self.inherited.iter().map(|(name, value)| (name, value)));
        // No repository above the folder of the mirrors takes part.
        command.env("GIT_CEILING_DIRECTORIES", self.folder.parent().unwrap_or(&self.folder));
        command.current_dir(&self.folder).kill_on_drop(true);
        command
    }

    /// Runs git and waits for it. An exit code other than 0 is not an error here: what it means depends on the operation.
    pub(super) async fn run(&self, call: Call<'_>) -> Result<Output, GitError> {
        self.check().await?;
        let failed = |error: io::Error| GitError::Program {
            reason: error.to_string(),
        };
        let resolved = if call.operation.is_remote() {
            Some(resolve(call.url).await?)
        } else {
            None
        };
        let mut command = self.command();
        let in_mirror = call.operation.is_in_mirror();
        if in_mirror {
            command.env("GIT_DIR", call.mirror);
        }
        if call.operation.is_remote() {
            self.prepare_remote(&mut command, call.url, call.credentials).await;
        }
        for setting in CONFIGURATION {
            command.arg("-c").arg(setting);
        }
        if let Some(resolved) = resolved.flatten() {
            command.arg("-c").arg(format!("http.curloptResolve={resolved}"));
        }
        command.args(call.arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.process_group(0).spawn().map_err(failed)?;
        let mut group = Group::new(child, in_mirror.then_some(call.interrupted));
        let result = time::timeout(self.options.timeout, group.finish(call.stdin)).await;
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

    /// Trust and credentials, for the environment of this one git only.
    async fn prepare_remote(&self, command: &mut Command, url: &RemoteUrl, credentials: &GitCredentials) {
        if let Some(bundle) = self.ca_bundle(url.host()).await {
            command.env("GIT_SSL_CAINFO", bundle);
        }
        let answers = askpass::environment(url, credentials);
        if !answers.is_empty() {
            command.env("GIT_ASKPASS", &self.options.askpass).envs(answers);
        }
    }

    /// The file of CA certificates for `host`, if there is one that holds any.
    async fn ca_bundle(&self, host: &str) -> Option<PathBuf> {
        // A host is one plain file name, or there is no file for it.
        if host.is_empty() || host.contains('/') || host.starts_with('.') {
            return None;
        }
        for folder in &self.options.tls_dirs {
            let path = folder.join(host);
            let Ok(about) = tokio::fs::metadata(&path).await else {
                continue;
            };
            if !about.is_file() || about.len() > CA_LIMIT {
                continue;
            }
            if let Ok(text) = tokio::fs::read(&path).await
                && String::from_utf8_lossy(&text).contains("-----BEGIN CERTIFICATE-----")
            {
                return Some(path);
            }
        }
        None
    }
}

/// Checks the repository's host, and tells git which addresses to connect to (`host:port:address,address`, as libcurl's
/// `CURLOPT_RESOLVE` wants it), so that these are the ones that were checked. Nothing when there is nothing to tell: the
/// host is an address, or cannot be resolved here.
///
/// A proxy resolves the host by itself, whatever is told here.
async fn resolve(url: &RemoteUrl) -> Result<Option<String>, GitError> {
    let refused = |reason| GitError::Refused {
        repository: url.clone(),
        reason,
    };
    let addresses = egress::check_host(url.host()).await.map_err(refused)?;
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

/// `git version 2.39.5 (Apple Git-154)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("git version ")?.split(['.', ' ', '\n']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_named_like_the_host_is_trusted_for_it() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let certificate = "-----BEGIN CERTIFICATE-----\n";
        std::fs::write(folders[0].path().join("empty.example.com"), "").unwrap();
        std::fs::create_dir(folders[0].path().join("folder.example.com")).unwrap();
        std::fs::write(folders[1].path().join("git.example.com"), certificate).unwrap();
        std::fs::write(folders[1].path().join(".hidden"), certificate).unwrap();
        let mut options = TransportOptions::new(PathBuf::from("askpass"));
        options.tls_dirs = folders.iter().map(|folder| folder.path().to_path_buf()).collect();
        let git = GitProgram::new(options, folders[0].path().to_path_buf());
        let expected = folders[1].path().join("git.example.com");
        assert_eq!(git.ca_bundle("git.example.com").await, Some(expected));
        for host in [
            "empty.example.com",
            "folder.example.com",
            "other.example.com",
            "",
            "..",
            ".hidden",
            "a/b",
        ] {
            assert_eq!(git.ca_bundle(host).await, None, "{host}");
        }
    }

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
