//! A child process with all that it starts: fed, read within bounds, and gone when nobody waits for it any more.

use std::{
    io,
    process::ExitStatus,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::Child,
    time,
};

/// The most bytes of standard output: a listing of about a million references.
const STDOUT_LIMIT: usize = 64 << 20;
/// How much of the end of standard error is kept, in bytes.
const STDERR_KEPT: usize = 16 << 10;

/// What a run gave. Bounded: all of standard output, the end of standard error, in which credentials
/// may be seen: they are taken out before anything of it is shown.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// A running git with all its children. Dropping it before it has ended kills them all.
pub(super) struct Group<'a> {
    child: Child,
    id: Option<Pid>,
    interrupted: Option<&'a AtomicBool>,
    ended: bool,
}

impl<'a> Group<'a> {
    pub(super) fn new(child: Child, interrupted: Option<&'a AtomicBool>) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self {
            child,
            id,
            interrupted,
            ended: false,
        }
    }

    /// Feeds git, reads it to its end and waits for it.
    pub(super) async fn finish(&mut self, input: String) -> io::Result<Output> {
        let pipe_missing = || io::Error::other("a pipe to git is missing");
        let mut stdin = self.child.stdin.take().ok_or_else(pipe_missing)?;
        let stdout = self.child.stdout.take().ok_or_else(pipe_missing)?;
        let stderr = self.child.stderr.take().ok_or_else(pipe_missing)?;
        let feed = async move {
            // git may end before it has read everything; its exit code tells then.
            let _ = stdin.write_all(input.as_bytes()).await;
        };
        let ((), stdout, stderr) = tokio::join!(feed, read_all(stdout), read_tail(stderr));
        let (stdout, stderr) = (stdout?, stderr?);
        let status = self.child.wait().await?;
        self.ended = true;
        Ok(Output { status, stdout, stderr })
    }

    /// Asks git to end, which lets it remove its locks, and kills it if it does not.
    pub(super) async fn stop(&mut self, kill_after: Duration) {
        self.signal(Signal::TERM);
        let _ = time::timeout(kill_after, self.child.wait()).await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // The group may have ended by itself in this moment.
            let _ = kill_process_group(id, signal);
        }
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.signal(Signal::KILL);
        if let Some(interrupted) = self.interrupted {
            interrupted.store(true, Ordering::Release);
        }
    }
}

/// All of standard output; an error when it is larger than [`STDOUT_LIMIT`].
async fn read_all(stream: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut bytes = Vec::new();
    stream.take(STDOUT_LIMIT as u64 + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > STDOUT_LIMIT {
        return Err(io::Error::other("it printed more than 64 MiB"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The end of standard error; the fatal line comes last.
async fn read_tail(mut stream: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut kept = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        kept.extend_from_slice(&piece[..count]);
        if kept.len() > 2 * STDERR_KEPT {
            kept.drain(..kept.len() - STDERR_KEPT);
        }
    }
}
