//! What a git server is told by whom, and what nobody else gets to see: over https and http, and over SSH.

mod github_app;
mod ssh;
mod web;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use argocd_image_updater::{
    git::{
        BranchName, GitCredentials, GitError, MirrorOptions, Mirrors, RemoteUrl, RepoPath, Signature,
        credentials::from_named_secret,
    },
    secret::Secret,
};
use tempfile::TempDir;

/// Everything that a mirror needs, and a record of who was asked for secrets.
struct Desk {
    folder: TempDir,
    options: MirrorOptions,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("answers");
        let record = folder.path().join("record");
        // It notes how it was called and the arguments of all processes, and hands over to the real one.
        let script = format!(
            "#!/bin/sh\n{{ printf '%s ' \"$@\"; echo; cat /proc/[0-9]*/cmdline; }} >>'{}' 2>/dev/null\n\
             exec '{}' \"$@\"\n",
            record.display(),
            env!("CARGO_BIN_EXE_argocd-image-updater"),
        );
        install(&program, &script);
        let mut options = MirrorOptions::new(program);
        options.transport.ssh_config = folder.path().join("no-config");
        options.transport.ssh_known_hosts = folder.path().join("no-known-hosts");
        Self { folder, options }
    }

    /// How our own program was called, and the arguments of every process at those moments.
    fn record(&self) -> String {
        let bytes = fs::read(self.folder.path().join("record")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    }

    /// Reads the head of `main`, commits and pushes; the text of `a.txt` at that head.
    async fn visit(&self, url: &str, credentials: &GitCredentials) -> Result<String, GitError> {
        let root = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let mirrors = Mirrors::new(root.path(), self.options.clone())?;
        let url = RemoteUrl::parse(url).expect("a URL");
        let mirror = mirrors.open(&url, credentials).await?;
        let main = BranchName::parse("main").expect("a name");
        let heads = mirror.heads().await?;
        let head = mirror.ensure(&heads, std::slice::from_ref(&main)).await?[&main];
        let path = RepoPath::parse("a.txt").expect("a path");
        let text = format!("{:?}", mirror.read(head, &path).await?);
        let author = Signature {
            name: "Bot".to_owned(),
            email: "bot@example.com".to_owned(),
            time: "2026-01-02T03:04:05Z".parse().expect("a time"),
        };
        let edits = [(path, b"changed\n".to_vec())];
        let commit = mirror.commit(head, &edits, "a change", &author).await?;
        let commit = commit.expect("the file changes");
        let pushed = mirror.push(&main, commit, Some(head)).await;
        pushed.expect("who may read may write here");
        leaves_nothing_behind(root.path(), credentials);
        Ok(text)
    }

    /// The error of a visit that fails.
    async fn failure(&self, url: &str, credentials: &GitCredentials) -> GitError {
        self.visit(url, credentials).await.expect_err("it is refused")
    }
}

/// The texts that must be nowhere.
fn secrets(credentials: &GitCredentials) -> Vec<String> {
    use argocd_image_updater::git::credentials::Login;

    match &credentials.login {
        Login::Password { password, .. } => vec![password.expose().to_owned()],
        Login::Bearer(token) => vec![token.expose().to_owned()],
        _ => vec!["PRIVATE KEY".to_owned()],
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

/// Written by a child: a handle of ours that is open for writing could be inherited by a child that is just being started,
/// and then the program could not be executed.
fn install(path: &Path, script: &str) {
    let mut child = Command::new("install")
        .args(["-m", "0755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("install");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin.write_all(script.as_bytes()).expect("install reads");
    drop(stdin);
    assert!(child.wait().expect("install").success());
}

/// The credentials that a Secret with these fields gives for `url`.
fn secret(fields: &[(&str, &str)], url: &str) -> GitCredentials {
    let fields: BTreeMap<_, _> = fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Secret::new(*value)))
        .collect();
    from_named_secret(&fields, &RemoteUrl::parse(url).expect("a URL")).expect("credentials")
}

/// No file below the mirrors holds a secret.
fn leaves_nothing_behind(root: &Path, credentials: &GitCredentials) {
    let secrets = secrets(credentials);
    for file in files(root) {
        let text = fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        for secret in &secrets {
            assert!(!text.contains(secret), "{} is in {}", secret, file.display());
        }
    }
}
