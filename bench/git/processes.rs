//! What a process and everything below it hold, read from `/proc`.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How often memory is looked at.
const EVERY: Duration = Duration::from_millis(3);

/// Watches the resident memory of a process and everything below it.
pub(crate) struct MemoryWatch {
    peak: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl MemoryWatch {
    pub(crate) fn of(pid: u32) -> Self {
        let (peak, ends) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (highest, end) = (Arc::clone(&peak), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                highest.fetch_max(resident(pid), Ordering::Relaxed);
                std::thread::sleep(EVERY);
            }
        });
        Self {
            peak,
            ends,
            thread: Some(thread),
        }
    }

    /// The most so far, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// KiB of a process and everything below it.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let own = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    let below: u64 = children(pid).into_iter().map(resident).sum();
    own.unwrap_or(0) + below
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lines = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let text: String = lines.collect();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// How many threads a process has.
pub(crate) fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// How many files a process has open.
pub(crate) fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Files below a folder, and their bytes.
pub(crate) fn stored(folder: &Path) -> (usize, u64) {
    let mut sum = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(about) if about.is_dir() => {
                let (files, bytes) = stored(&entry.path());
                sum = (sum.0 + files, sum.1 + bytes);
            }
            Ok(about) => sum = (sum.0 + 1, sum.1 + about.len()),
            Err(_) => {}
        }
    }
    sum
}
