//! Somebody else who commits to a repository: a clone, and the git program.
//!
//! Nothing of whoever runs the tests takes part: no configuration, no credential helper, no home folder.

use std::{path::PathBuf, process::Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::process::Command;

/// Who the writer is to a server.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// User and password, or user and token.
    pub login: Option<(String, String)>,
    /// The file of the CA that its certificate is from.
    pub ca: Option<PathBuf>,
}

/// A clone on a branch, removed when dropped.
pub struct Writer {
    folder: tempfile::TempDir,
    identity: Identity,
}

impl Writer {
    /// An empty repository on `main` whose `origin` is `url`.
    pub async fn begin(url: &str, identity: Identity) -> Self {
        let writer = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            identity,
        };
        writer
            .git(&["init", "--quiet", "--template=", "--initial-branch=main"])
            .await;
        writer.git(&["remote", "add", "origin", url]).await;
        writer
    }

    /// A clone of `url` on `branch`.
    pub async fn clone(url: &str, branch: &str, identity: Identity) -> Self {
        let writer = Self::begin(url, identity).await;
        writer.git(&["fetch", "--quiet", "origin"]).await;
        let upstream = format!("origin/{branch}");
        writer.git(&["checkout", "--quiet", "-B", branch, &upstream]).await;
        writer
    }

    /// Writes files into the work tree and commits them.
    pub async fn commit(&self, message: &str, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a writable folder");
            std::fs::write(path, text).expect("a writable folder");
        }
        self.git(&["add", "--all"]).await;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message])
            .await;
    }

    /// Pushes the present commit to a branch; the words of git when it was refused.
    pub async fn push(&self, branch: &str) -> Result<(), String> {
        let update = format!("HEAD:refs/heads/{branch}");
        self.try_git(&["push", "--quiet", "origin", &update]).await.map(drop)
    }

    /// Runs git, which must succeed; what it printed.
    pub async fn git(&self, arguments: &[&str]) -> String {
        let result = self.try_git(arguments).await;
        result.unwrap_or_else(|words| panic!("git {arguments:?}: {words}"))
    }

    /// Runs git; what it printed, or its words when it failed.
    pub async fn try_git(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/dev/null")
            .env("LC_ALL", "C")
            .env("NO_PROXY", "*")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for kind in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{kind}_NAME"), "Somebody Else");
            command.env(format!("GIT_{kind}_EMAIL"), "else@example.com");
        }
        let mut settings = vec![("gc.auto", "0".to_owned())];
        if let Some((user, password)) = &self.identity.login {
            let basic = STANDARD.encode(format!("{user}:{password}"));
            settings.push(("http.extraHeader", format!("Authorization: Basic {basic}")));
        }
        if let Some(ca) = &self.identity.ca {
            settings.push(("http.sslCAInfo", ca.display().to_string()));
        }
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (at, (key, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{at}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        let output = command.output().await.expect("git is in PATH");
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}
