//! A real git server inside the process: `git http-backend` as CGI behind a loopback port.
//!
//! It counts what it is asked for, and can be told to refuse, to wait, to fail, or to let another writer in first.
//! Used by the tests and by the quickstart; everything it made is removed when it is dropped.

#[path = "git_backend.rs"]
mod backend;

use std::{
    collections::{HashMap, VecDeque},
    fmt::Write as _,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderMap, Method, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};

use backend::{handle, is_probe};

/// A git server on a free loopback port. Repositories are bare folders in a temporary folder.
pub struct GitServer {
    inner: Arc<Inner>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// How often the server was asked for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requests {
    /// Connections that were opened (`info/refs`) for reading, without those that were asked who they are.
    pub listings: u64,
    /// Packs that were sent.
    pub fetches: u64,
    /// Pushes that arrived, refused ones as well.
    pub pushes: u64,
    /// Requests that carried credentials, right or wrong.
    pub authorized: u64,
    /// Requests of any kind.
    pub all: u64,
}

/// A commit as a reader of the repository sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The id.
    pub id: String,
    /// The ids of its parents.
    pub parents: Vec<String>,
    /// The whole message, without the line break at its end.
    pub message: String,
    /// `name <mail>`.
    pub author: String,
    /// The files that it changed.
    pub files: Vec<String>,
}

/// What stands in front of the backend.
#[derive(Default)]
struct Switches {
    /// The header that every request has to have.
    authorization: Option<String>,
    fail_with: Option<u16>,
    redirect_to: Option<SocketAddr>,
    delay: Option<Duration>,
    /// Repository -> commits that get in just before the next pushes.
    sneak: HashMap<String, VecDeque<(String, String, String)>>,
    /// What the next pushes are answered instead of being done.
    rejections: VecDeque<String>,
    trap: Option<Trap>,
}

/// When everything stands still.
struct Trap {
    /// How many more steps until then.
    left: u64,
    /// Only pieces of packs count.
    in_pack: bool,
    /// Who wants to know.
    reached: oneshot::Sender<()>,
}

struct Inner {
    root: tempfile::TempDir,
    switches: Mutex<Switches>,
    still: watch::Sender<bool>,
    steps: AtomicU64,
    listings: AtomicU64,
    fetches: AtomicU64,
    pushes: AtomicU64,
    authorized: AtomicU64,
    all: AtomicU64,
}

impl GitServer {
    /// Starts a server that lets everybody read and write.
    pub async fn start() -> Self {
        let inner = Arc::new(Inner {
            root: tempfile::tempdir().expect("a temporary folder can be made"),
            switches: Mutex::default(),
            still: watch::Sender::new(false),
            steps: AtomicU64::new(0),
            listings: AtomicU64::new(0),
            fetches: AtomicU64::new(0),
            pushes: AtomicU64::new(0),
            authorized: AtomicU64::new(0),
            all: AtomicU64::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let app = axum::Router::new().fallback(handle).with_state(Arc::clone(&inner));
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server on loopback runs");
        });
        Self { inner, address, task }
    }

    /// The URL of a repository.
    pub fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}.git", self.address)
    }

    /// The folder of a repository.
    pub fn folder(&self, repository: &str) -> PathBuf {
        self.inner.folder(repository)
    }

    /// Makes a repository with these files in a first commit on `main`; without files it stays empty.
    pub fn create_repo(&self, repository: &str, files: &[(&str, &str)]) -> String {
        self.create(repository, "sha1");
        if !files.is_empty() {
            self.inner.commit(repository, "main", "first commit", files);
        }
        self.url(repository)
    }

    /// Makes a repository that uses SHA-256, with one commit.
    pub fn create_sha256_repo(&self, repository: &str) -> String {
        self.create(repository, "sha256");
        self.inner
            .commit(repository, "main", "first commit", &[("a.txt", "a\n")]);
        self.url(repository)
    }

    fn create(&self, repository: &str, format: &str) {
        let folder = self.folder(repository);
        let folder = folder.to_str().expect("temporary folders are UTF-8");
        let format = format!("--object-format={format}");
        let arguments = [
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--initial-branch=main",
            &format,
            folder,
        ];
        git(self.inner.root.path(), &arguments, b"");
        for (key, value) in [
            ("http.receivepack", "true"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            ("gc.auto", "0"),
        ] {
            git(Path::new(folder), &["config", key, value], b"");
        }
    }

    /// From now on this user and password are wanted for everything.
    pub fn require_password(&self, username: &str, password: &str) {
        let basic = STANDARD.encode(format!("{username}:{password}"));
        self.require_authorization(&format!("Basic {basic}"));
    }

    /// From now on this value of the header `Authorization` is wanted for everything.
    pub fn require_authorization(&self, value: &str) {
        self.inner.switches().authorization = Some(value.to_owned());
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request is answered with this status, until `None`.
    pub fn fail_with(&self, status: Option<u16>) {
        self.inner.switches().fail_with = status;
    }

    /// Every request is sent on to another server.
    pub fn redirect_to(&self, other: &Self) {
        self.inner.switches().redirect_to = Some(other.address);
    }

    /// Every request waits before it is answered.
    pub fn delay(&self, delay: Option<Duration>) {
        self.inner.switches().delay = delay;
    }

    /// How far all requests have come since the start, in steps: one comes in, a piece of its body is passed on, a piece of
    /// the answer goes out, the answer ends.
    pub fn steps(&self) -> u64 {
        self.inner.steps.load(Ordering::SeqCst)
    }

    /// After so many more steps nothing goes on until [`Self::go_on`]; then the answer of this comes.
    pub fn stand_still_after(&self, steps: u64) -> oneshot::Receiver<()> {
        self.inner.set_trap(steps, false)
    }

    /// The same after so many pieces of packs that are fetched.
    pub fn stand_still_in_pack(&self, pieces: u64) -> oneshot::Receiver<()> {
        self.inner.set_trap(pieces, true)
    }

    /// Everything goes on.
    pub fn go_on(&self) {
        self.inner.switches().trap = None;
        self.inner.still.send_replace(false);
    }

    /// A hook of the server refuses every push with these words.
    pub fn refuse_pushes(&self, repository: &str, words: &str) {
        let hooks = self.folder(repository).join("hooks");
        let (hook, text) = (hooks.join("pre-receive"), hooks.join("words"));
        std::fs::create_dir_all(&hooks).expect("a folder can be made");
        std::fs::write(&text, words).expect("a file can be written");
        // Written by a child: a handle of ours that is open for writing could be inherited by another child that is just
        // being started, and then the hook could not be executed.
        let script = format!("#!/bin/sh\ncat '{}' >&2\nexit 1\n", text.display());
        let status = Command::new("install")
            .args(["-m", "0755", "/dev/stdin"])
            .arg(&hook)
            .stdin(Stdio::piped())
            .spawn()
            .and_then(|mut child| {
                let mut stdin = child.stdin.take().expect("stdin is a pipe");
                stdin.write_all(script.as_bytes())?;
                drop(stdin);
                child.wait()
            });
        assert!(status.expect("install runs").success(), "the hook can be written");
    }

    /// The next push is not done: the server answers that each of its references was refused, with this reason, as
    /// `git-receive-pack` does. Several calls stand in a queue.
    pub fn reject_next_push(&self, reason: &str) {
        self.inner.switches().rejections.push_back(reason.to_owned());
    }

    /// Pushes are taken again.
    pub fn allow_pushes(&self, repository: &str) {
        let hook = self.folder(repository).join("hooks/pre-receive");
        std::fs::remove_file(hook).expect("the hook is there");
    }

    /// Another writer commits this just before the next push arrives: after the pusher has seen the heads. Several calls
    /// stand in a queue, one for each push.
    pub fn sneak_in_before_next_push(&self, repository: &str, branch: &str, path: &str, text: &str) {
        self.inner
            .switches()
            .sneak
            .entry(repository.to_owned())
            .or_default()
            .push_back((branch.to_owned(), path.to_owned(), text.to_owned()));
    }

    /// Another writer commits this now; the branch is made from `main` if it is not there. The id of the commit.
    pub fn commit_as_other(&self, repository: &str, branch: &str, path: &str, text: &str) -> String {
        let message = format!("somebody changes {path}");
        self.inner.commit(repository, branch, &message, &[(path, text)]);
        self.head(repository, branch).expect("the branch was just written")
    }

    /// Feeds `git fast-import`, for what the other helpers cannot make (symbolic links, submodules, force pushes).
    pub fn fast_import(&self, repository: &str, stream: &str) {
        git(
            &self.folder(repository),
            &["fast-import", "--quiet", "--force"],
            stream.as_bytes(),
        );
    }

    /// Makes a lightweight tag.
    pub fn tag(&self, repository: &str, tag: &str, branch: &str) {
        git(&self.folder(repository), &["tag", tag, branch], b"");
    }

    /// Lets a branch be at a commit, as a merge does that needs no commit of its own.
    pub fn move_branch(&self, repository: &str, branch: &str, commit: &str) {
        let reference = format!("refs/heads/{branch}");
        git(&self.folder(repository), &["update-ref", &reference, commit], b"");
    }

    /// Makes another branch the default one.
    pub fn set_default_branch(&self, repository: &str, branch: &str) {
        let reference = format!("refs/heads/{branch}");
        git(&self.folder(repository), &["symbolic-ref", "HEAD", &reference], b"");
    }

    /// Removes a branch.
    pub fn delete_branch(&self, repository: &str, branch: &str) {
        let reference = format!("refs/heads/{branch}");
        git(&self.folder(repository), &["update-ref", "-d", &reference], b"");
    }

    /// The head of a branch, if there is one.
    pub fn head(&self, repository: &str, branch: &str) -> Option<String> {
        self.inner.head(repository, branch)
    }

    /// The commits of a branch, newest first.
    pub fn log(&self, repository: &str, branch: &str) -> Vec<Commit> {
        let format = "--format=%x1e%H%x1f%P%x1f%an <%ae>%x1f%B%x1f";
        let text = git(
            &self.folder(repository),
            &["-c", "core.quotePath=false", "log", format, "--name-only", branch],
            b"",
        );
        text.split('\u{1e}')
            .filter_map(|commit| {
                let mut fields = commit.split('\u{1f}');
                Some(Commit {
                    id: fields.next().filter(|id| !id.is_empty())?.to_owned(),
                    parents: fields.next()?.split_whitespace().map(str::to_owned).collect(),
                    author: fields.next()?.to_owned(),
                    message: fields.next()?.trim_end().to_owned(),
                    files: fields
                        .next()?
                        .lines()
                        .filter(|l| !l.is_empty())
                        .map(str::to_owned)
                        .collect(),
                })
            })
            .collect()
    }

    /// A file at the head of a branch, if it is there.
    pub fn file(&self, repository: &str, branch: &str, path: &str) -> Option<String> {
        let object = format!("refs/heads/{branch}:{path}");
        try_git(&self.folder(repository), &["cat-file", "blob", &object], b"").ok()
    }

    /// What `git ls-tree` says of a path at the head of a branch: `100644 blob <id>\t<path>`.
    pub fn entry(&self, repository: &str, branch: &str, path: &str) -> String {
        git(&self.folder(repository), &["ls-tree", "-r", branch, "--", path], b"")
            .trim_end()
            .to_owned()
    }

    /// The diff of the last commit of a branch.
    pub fn last_diff(&self, repository: &str, branch: &str) -> String {
        git(&self.folder(repository), &["show", "--format=", branch], b"")
    }

    /// Whether git finds nothing wrong with the repository.
    pub fn is_sound(&self, repository: &str) -> bool {
        try_git(&self.folder(repository), &["fsck", "--strict"], b"").is_ok()
    }

    /// Packs that were sent since the start.
    pub fn fetches(&self) -> u64 {
        self.requests().fetches
    }

    /// Pushes that arrived since the start, refused ones as well.
    pub fn pushes(&self) -> u64 {
        self.requests().pushes
    }

    /// What was asked for since the start.
    pub fn requests(&self) -> Requests {
        Requests {
            listings: self.inner.listings.load(Ordering::SeqCst),
            fetches: self.inner.fetches.load(Ordering::SeqCst),
            pushes: self.inner.pushes.load(Ordering::SeqCst),
            authorized: self.inner.authorized.load(Ordering::SeqCst),
            all: self.inner.all.load(Ordering::SeqCst),
        }
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self, repository: &str) -> PathBuf {
        self.root.path().join(format!("{repository}.git"))
    }

    fn head(&self, repository: &str, branch: &str) -> Option<String> {
        let reference = format!("refs/heads/{branch}");
        let arguments = ["rev-parse", "--verify", "--quiet", &reference];
        try_git(&self.folder(repository), &arguments, b"")
            .ok()
            .map(|id| id.trim().to_owned())
    }

    /// A commit on top of `branch`, or of `main` when there is no such branch.
    fn commit(&self, repository: &str, branch: &str, message: &str, files: &[(&str, &str)]) {
        let mut stream = format!(
            "commit refs/heads/{branch}\ncommitter Somebody Else <else@example.com> 1700000000 +0000\ndata {}\n{message}\n",
            message.len()
        );
        if let Some(base) = self.head(repository, branch).or_else(|| self.head(repository, "main")) {
            let _ = writeln!(stream, "from {base}");
        }
        for (path, text) in files {
            let _ = writeln!(stream, "M 100644 inline {path}\ndata {}\n{text}", text.len());
        }
        git(&self.folder(repository), &["fast-import", "--quiet"], stream.as_bytes());
    }

    fn set_trap(&self, left: u64, in_pack: bool) -> oneshot::Receiver<()> {
        let (reached, told) = oneshot::channel();
        self.switches().trap = Some(Trap { left, in_pack, reached });
        told
    }

    /// Counts a step, and waits while everything stands still.
    async fn step(&self, in_pack: bool) {
        self.steps.fetch_add(1, Ordering::SeqCst);
        {
            let mut switches = self.switches();
            let due = |trap: &mut Trap| {
                let counts = in_pack || !trap.in_pack;
                let due = counts && trap.left == 0;
                trap.left = trap.left.saturating_sub(u64::from(counts));
                due
            };
            if let Some(trap) = switches.trap.take_if(due) {
                self.still.send_replace(true);
                // Nobody may be waiting any more.
                let _ = trap.reached.send(());
            }
        }
        // The sender is ours, so it is there.
        let _ = self.still.subscribe().wait_for(|still| !still).await;
    }

    /// Counts what was let in.
    fn count_listing(&self, path: &str, query: &str) {
        if path.ends_with("/info/refs") && query.contains("git-upload-pack") {
            self.listings.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn count(&self, method: &Method, path: &str, headers: &HeaderMap) {
        let add = |counter: &AtomicU64| counter.fetch_add(1, Ordering::SeqCst);
        add(&self.all);
        if headers.contains_key(header::AUTHORIZATION) {
            add(&self.authorized);
        }
        if method == Method::POST && path.ends_with("/git-receive-pack") && !is_probe(headers) {
            add(&self.pushes);
        }
    }
}

/// Runs git in a folder and returns what it printed.
fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    try_git(folder, arguments, input).unwrap_or_else(|error| panic!("git {arguments:?}: {error}"))
}

fn try_git(folder: &Path, arguments: &[&str], input: &[u8]) -> Result<String, String> {
    let mut command = Command::new("git");
    clean(&mut command).args(arguments).current_dir(folder);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // A git that ends early says so by its exit code.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// No configuration of whoever runs the tests takes part.
fn clean(command: &mut Command) -> &mut Command {
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ASKPASS",
    ] {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("LC_ALL", "C")
}
