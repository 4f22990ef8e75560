//! Keeps facts in a folder: reads them at the start, writes what is new every few minutes and at the end.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Mutex, task::JoinHandle, time};

use super::{Cache, CacheError, file};

/// How often what is new is written.
const EVERY: Duration = Duration::from_mins(5);

/// Writes what registries said about digests into a folder, as long as it lives. [`Keeper::finish`] writes the last time.
pub struct Keeper {
    writer: Arc<Writer>,
    task: JoinHandle<()>,
}

struct Writer {
    cache: Arc<Cache>,
    folder: PathBuf,
    /// [`super::facts::Facts::changes`] of what the file says.
    written: Mutex<u64>,
}

impl Keeper {
    /// Reads the folder's file into `cache`, and begins to keep it.
    pub(crate) async fn start(cache: Arc<Cache>, folder: &Path) -> Result<Self, CacheError> {
        let path = folder.to_owned();
        let read = blocking(move || file::open(&path)).await;
        let read = read.unwrap_or_else(|cause| {
            Err(CacheError::Folder {
                folder: folder.to_owned(),
                cause,
            })
        })?;
        for (key, known) in read {
            cache.facts().put(key, known);
        }
        let changes = cache.facts().changes();
        let writer = Arc::new(Writer {
            written: Mutex::new(changes),
            folder: folder.to_owned(),
            cache,
        });
        let task = tokio::spawn(Arc::clone(&writer).run());
        Ok(Self { writer, task })
    }

    /// Writes what is new, and ends.
    pub async fn finish(self) {
        self.writer.write().await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Writer {
    async fn run(self: Arc<Self>) {
        let mut ticks = time::interval_at(time::Instant::now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.write().await;
        }
    }

    /// Writes the file when there is something new. What cannot be written is tried again the next time.
    async fn write(&self) {
        let mut written = self.written.lock().await;
        let changes = self.cache.facts().changes();
        if changes == *written {
            return;
        }
        let (cache, folder) = (Arc::clone(&self.cache), self.folder.clone());
        let done = blocking(move || {
            let all = cache.facts().all();
            file::write(&folder, &file::encode(&all))
        });
        match done.await.and_then(|done| done) {
            Ok(()) => *written = changes,
            Err(error) => tracing::warn!("the cache folder {}: {error}", self.folder.display()),
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}
