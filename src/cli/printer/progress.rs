//! How far the work is, for somebody who waits in front of a terminal.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

/// Nobody minds waiting for so long.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const BEAT: Duration = Duration::from_millis(200);

/// Waits for `work`; when that lasts, and standard error is a terminal, one line there tells what `told` says.
pub async fn during<T>(work: impl Future<Output = T>, told: impl Fn() -> String) -> T {
    let mut work = std::pin::pin!(work);
    if !io::stderr().is_terminal() {
        return work.await;
    }
    let mut shown = String::new();
    let mut next = PATIENCE;
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            () = tokio::time::sleep(next) => {}
        }
        next = BEAT;
        let text = told();
        if text != shown {
            write(&text);
            shown = text;
        }
    };
    if !shown.is_empty() {
        write("");
    }
    done
}

/// Puts `text` in the place of the line.
fn write(text: &str) {
    // Progress is no result: when it cannot be shown, nothing is lost.
    let _ = write!(io::stderr(), "\r\u{1b}[K{text}");
    let _ = io::stderr().flush();
}
