//! Programs that print credentials.

use std::{
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

use super::{Credentials, CredentialsError, from_user_password, redact};
use crate::core::foreign::ForeignText;

/// The longest that a program may run.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is read of what it prints.
const MAX_OUTPUT: usize = 64 * 1024;
/// The most that is kept of its error output; less is shown.
const MAX_SAID: usize = 64 * 1024;
/// How often a program is started anew that is being written at that moment.
const BUSY_TRIES: u32 = 5;
/// How long its pipes may stay open when it and its group are gone: by somebody who left the group.
const GRACE: Duration = Duration::from_millis(500);

/// What became of a program.
pub(super) struct Run {
    pub(super) result: Result<Credentials, CredentialsError>,
    /// Its error output, without secrets and bounded; empty when there is none.
    pub(super) said: String,
}

/// Runs the program at `path` (absolute) without arguments and reads `user:password` from what it prints; one trailing
/// line break is removed.
///
/// It inherits the environment, runs in a process group of its own, and the whole group ends with it, after ten seconds
/// at the latest. What it writes to its error output goes to the log, without what it printed and without the values of
/// secret variables: as a warning when it fails, else at debug.
pub async fn run_ext(path: &str) -> Result<Credentials, CredentialsError> {
    let Run { result, said } = run(path, TIMEOUT).await;
    if !said.is_empty() {
        let program = ForeignText::new(path);
        if result.is_ok() {
            tracing::debug!(%program, %said, "the error output of a credentials program that succeeded");
        } else {
            tracing::warn!(%program, %said, "the error output of a credentials program that failed");
        }
    }
    result
}

pub(super) async fn run(path: &str, timeout: Duration) -> Run {
    let fail = |reason: String| CredentialsError::Program {
        path: ForeignText::new(path),
        reason,
    };
    let mut output = Output::default();
    let result = match end_of(path, timeout, &mut output).await {
        Err(reason) => Err(fail(reason)),
        Ok(status) if !status.success() => Err(fail(format!("failed with {status}; what it said is in the log"))),
        Ok(_) => match str::from_utf8(&output.printed.bytes) {
            Ok(text) => from_user_password(text),
            Err(_) => Err(CredentialsError::NotText),
        },
    };
    let said = if output.said.bytes.is_empty() {
        String::new()
    } else {
        let variables = std::env::vars_os().map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        });
        let mut secrets = redact::secret_values(variables);
        secrets.extend(redact::printed(&output.printed.bytes));
        redact::shown(&output.said.bytes, !output.said.more, &secrets)
    };
    Run { result, said }
}

/// Both outputs of a program, as far as they are kept.
#[derive(Default)]
struct Output {
    printed: Kept,
    said: Kept,
}

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Whether there was more than is kept.
    more: bool,
}

/// Starts the program, reads what it prints and waits for its end; an error says why there is none.
async fn end_of(path: &str, timeout: Duration, output: &mut Output) -> Result<ExitStatus, String> {
    if !path.starts_with('/') {
        return Err("is not named by an absolute path".to_owned());
    }
    let mut child = start(path).await.map_err(|e| format!("cannot be started: {e}"))?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let outcome = tokio::time::timeout(timeout, finish(&mut child, &mut group, output)).await;
    group.end();
    match outcome {
        Err(_) => Err(format!("did not end within {} seconds", timeout.as_secs())),
        Ok(Err(Broken::TooMuch)) => Err("printed more than 64 KiB".to_owned()),
        Ok(Err(Broken::Io(error))) => Err(format!("could not be read: {error}")),
        Ok(Ok(status)) => Ok(status),
    }
}

async fn start(path: &str) -> io::Result<Child> {
    let mut tries = 0;
    loop {
        let started = Command::new(path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
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

/// Why a program was not followed to its end.
enum Broken {
    /// It printed too much to be credentials.
    TooMuch,
    Io(io::Error),
}

/// Reads both outputs until the program ends. Its group ends at once with it: a child that it left behind would keep the
/// pipes open. Both outputs are kept also when this future is dropped before its end.
async fn finish(child: &mut Child, group: &mut Group, output: &mut Output) -> Result<ExitStatus, Broken> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async {
        tokio::try_join!(
            read(stdout, MAX_OUTPUT, true, &mut output.printed),
            read(stderr, MAX_SAID, false, &mut output.said)
        )
    };
    tokio::pin!(reading);
    let status = tokio::select! {
        read = &mut reading => {
            read?;
            return child.wait().await.map_err(Broken::Io);
        }
        status = child.wait() => status.map_err(Broken::Io)?,
    };
    group.end();
    // Who left the group may hold the pipes for ever; what the program itself wrote is in them by now.
    if let Ok(read) = tokio::time::timeout(GRACE, reading).await {
        read?;
    }
    Ok(status)
}

/// Reads to the end and keeps the first `most` bytes. More than that is an error when it is `strict`, else passed over.
async fn read(from: Option<impl AsyncRead + Unpin>, most: usize, strict: bool, to: &mut Kept) -> Result<(), Broken> {
    let Some(mut from) = from else { return Ok(()) };
    let mut piece = vec![0; 4096];
    loop {
        let count = from.read(&mut piece).await.map_err(Broken::Io)?;
        if count == 0 {
            return Ok(());
        }
        let room = most - to.bytes.len();
        to.bytes.extend_from_slice(&piece[..count.min(room)]);
        to.more |= count > room;
        if to.more && strict {
            return Err(Broken::TooMuch);
        }
    }
}

/// Ends a process group when it goes out of scope, also when the caller is cancelled.
struct Group(Option<Pid>);

impl Group {
    /// Once only: later the number may belong to somebody else.
    fn end(&mut self) {
        if let Some(group) = self.0.take() {
            // An error means that nobody is left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}
