//! Programs that print credentials.

use std::{
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
};

use super::{Credentials, CredentialsError, from_user_password};
use crate::core::foreign::ForeignText;

/// The longest that a program may run.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is read of what it prints.
const MAX_OUTPUT: u64 = 64 * 1024;
/// How often a program is started anew that is being written at that moment.
const BUSY_TRIES: u32 = 5;

/// Runs the program at `path` (absolute) without arguments and reads `user:password` from what it prints; one trailing
/// line break is removed.
///
/// It inherits the environment, runs in a process group of its own, and the whole group ends with it, after ten seconds
/// at the latest. What it writes to its error output is not shown, since it may hold secrets.
pub async fn run_ext(path: &str) -> Result<Credentials, CredentialsError> {
    run(path, TIMEOUT).await
}

pub(super) async fn run(path: &str, timeout: Duration) -> Result<Credentials, CredentialsError> {
    let fail = |reason: String| CredentialsError::Program {
        path: ForeignText::new(path),
        reason,
    };
    if !path.starts_with('/') {
        return Err(fail("is not named by an absolute path".to_owned()));
    }
    let mut child = start(path).await.map_err(|e| fail(format!("cannot be started: {e}")))?;
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let outcome = tokio::time::timeout(timeout, finish(&mut child)).await;
    drop(group);
    let (status, output) = outcome
        .map_err(|_| fail(format!("did not end within {} seconds", timeout.as_secs())))?
        .map_err(|e| fail(format!("could not be read: {e}")))?;
    match status {
        None => return Err(fail("printed more than 64 KiB".to_owned())),
        Some(status) if !status.success() => {
            let reason = format!("failed with {status}; its error output is not shown, as it may hold secrets");
            return Err(fail(reason));
        }
        Some(_) => {}
    }
    from_user_password(&String::from_utf8(output).map_err(|_| CredentialsError::NotText)?)
}

async fn start(path: &str) -> io::Result<Child> {
    let mut tries = 0;
    loop {
        let started = Command::new(path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        match started {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            started => return started,
        }
    }
}

/// Reads what is printed and waits for the end. A program that prints too much is not waited for and has no status.
async fn finish(child: &mut Child) -> io::Result<(Option<ExitStatus>, Vec<u8>)> {
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_OUTPUT + 1).read_to_end(&mut output).await?;
    }
    if output.len() as u64 > MAX_OUTPUT {
        return Ok((None, output));
    }
    Ok((Some(child.wait().await?), output))
}

/// Ends a process group when it goes out of scope, also when the caller is cancelled.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An error means that nobody is left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
