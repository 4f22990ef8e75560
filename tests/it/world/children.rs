//! The program as a child process. What it writes is kept, and searched for the secrets of the tests.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Command,
    task::JoinHandle,
};

use super::PASSWORDS;

/// How much of what the program wrote a failing test shows.
const LAST_LINES: usize = 60;

/// A running program. It is killed when dropped.
pub struct Child {
    process: tokio::process::Child,
    log: Arc<Mutex<String>>,
    readers: [JoinHandle<String>; 2],
}

/// A program that ended.
#[derive(Debug)]
pub struct Finished {
    /// Whether it ended with status 0.
    pub success: bool,
    /// Its status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote.
    pub log: String,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Child {
    /// Starts the program.
    pub fn start(arguments: &[String]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// Starts the program with more environment variables.
    pub fn start_with(arguments: &[String], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_argocd-image-updater")])
            .args(arguments)
            .env("NO_PROXY", "*")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts (setpriv is part of util-linux)");
        let log = Arc::<Mutex<String>>::default();
        let readers = [
            tokio::spawn(read(child.stdout.take().expect("a pipe"), log.clone())),
            tokio::spawn(read(child.stderr.take().expect("a pipe"), log.clone())),
        ];
        Self {
            process: child,
            log,
            readers,
        }
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic while locked").clone()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    /// Waits until it wrote `text`.
    pub async fn wrote(&self, text: &str) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while !self.log().contains(text) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "it never wrote {text:?}:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends a signal by name, `TERM`.
    pub async fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status()
            .await;
        assert!(status.expect("kill is there").success());
    }

    /// Waits for its end.
    pub async fn finish(mut self) -> Finished {
        let status = tokio::time::timeout(Duration::from_mins(5), self.process.wait()).await;
        let status = status
            .unwrap_or_else(|_| panic!("it does not end:\n{}", self.log()))
            .expect("it can be waited for");
        let [stdout, stderr] = &mut self.readers;
        let (stdout, stderr) = (stdout.await, stderr.await);
        Finished {
            success: status.success(),
            code: status.code(),
            log: self.log(),
            stdout: stdout.expect("the pipe is read to its end"),
            stderr: stderr.expect("the pipe is read to its end"),
        }
    }

    /// Ends it as the kubelet does.
    pub async fn stop(self) -> Finished {
        self.signal("TERM").await;
        self.finish().await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let log = self.log();
        if std::thread::panicking() {
            let lines: Vec<_> = log.lines().collect();
            tell(&lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"));
        }
        for password in PASSWORDS {
            // A second panic would hide the first.
            assert!(
                std::thread::panicking() || !log.contains(password),
                "a password was written:\n{log}"
            );
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test that fails says what the program did")]
fn tell(log: &str) {
    eprintln!("the program wrote at last:\n{log}");
}

async fn read(pipe: impl AsyncRead + Unpin, log: Arc<Mutex<String>>) -> String {
    let mut lines = BufReader::new(pipe).lines();
    let mut own = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = log.lock().expect("no panic while locked");
        for text in [&mut *log, &mut own] {
            text.push_str(&line);
            text.push('\n');
        }
    }
    own
}
