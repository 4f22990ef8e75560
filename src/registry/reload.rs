//! Follows `registries.conf` and the files that it names while the program runs.
//!
//! A mounted ConfigMap or Secret changes by a symbolic link that leads elsewhere, an editor writes in place or moves a file:
//! what they have in common is what is read afterwards. So the files are read every few seconds, and what was the same twice
//! is taken over. A version that cannot be used changes nothing; it is told until it is mended.

use std::{
    io::ErrorKind,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::{io::AsyncReadExt as _, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{
    error::RegistryError,
    pool::{Prepared, Registries},
};
use crate::core::{
    foreign::ForeignText,
    registries::{MAX_FILE, RegistriesConf, RegistriesConfError},
};

/// How often the files are looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why the present version of the file is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// The file was there, and is not any more.
    #[error("it is not there any more; to go on without entries, leave an empty file")]
    Gone,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(ForeignText),
    /// Its text is not what it should be.
    #[error(transparent)]
    Invalid(#[from] RegistriesConfError),
    /// An address, a certificate or a key that it names cannot be used.
    #[error(transparent)]
    Setting(#[from] RegistryError),
}

/// What became of one look at the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// All is as it was, or not yet the same for two looks.
    Nothing,
    /// A new version is in use.
    TakenOver,
    /// The new version cannot be used; the one before it stays.
    Kept(Arc<ReloadError>),
}

/// Tells when the file was taken over, or could not be.
pub struct RegistriesChanges(pub(super) watch::Receiver<Option<Arc<ReloadError>>>);

impl RegistriesChanges {
    /// Waits for the next time; for ever when nobody follows the file any more.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A `registries.conf` that is followed.
pub struct RegistriesFile {
    path: PathBuf,
    registries: Registries,
    /// What the last look saw.
    seen: Option<Version>,
    /// What was acted upon last.
    settled: Option<Version>,
}

/// Tells two states of all the files apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    text: [u8; 32],
    rest: Result<[u8; 32], ReloadError>,
}

/// What the file is.
enum Text {
    There(String),
    Missing,
    Unreadable(String),
}

impl RegistriesFile {
    /// The file at `path`, from which `registries` was made just now.
    pub fn new(path: impl Into<PathBuf>, registries: Registries) -> Self {
        Self {
            path: path.into(),
            registries,
            seen: None,
            settled: None,
        }
    }

    /// Looks every `interval` until `end`.
    pub async fn follow(mut self, interval: Duration, end: CancellationToken) {
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
            self.look().await;
        }
    }

    /// Looks once. What is new is taken over when the look before saw the same: who writes a file in place is not always
    /// done when it is read.
    pub async fn look(&mut self) -> Look {
        let text = read(&self.path).await;
        let bytes = if let Text::There(text) = &text {
            text.as_bytes()
        } else {
            b""
        };
        let text_id = Sha256::digest(bytes).into();
        let prepared = self.prepare(text).await;
        let version = Version {
            text: text_id,
            rest: prepared.as_ref().map(Prepared::id).map_err(Clone::clone),
        };
        if self.seen.replace(version.clone()).as_ref() != Some(&version) || self.settled.as_ref() == Some(&version) {
            return Look::Nothing;
        }
        self.settled = Some(version);
        match prepared {
            Ok(prepared) => self.take_over(prepared),
            Err(error) => self.keep(error),
        }
    }

    async fn prepare(&self, text: Text) -> Result<Prepared, ReloadError> {
        let conf = match text {
            Text::There(text) => Arc::new(RegistriesConf::parse(&text)?),
            // There was none from the beginning, or it said nothing.
            Text::Missing if self.registries.conf().entries().is_empty() => self.registries.conf(),
            Text::Missing => return Err(ReloadError::Gone),
            Text::Unreadable(why) => return Err(ReloadError::Unreadable(ForeignText::new(&why))),
        };
        Ok(self.registries.prepare(conf).await?)
    }

    fn take_over(&self, prepared: Prepared) -> Look {
        let path = self.path.display();
        let was_bad = self.registries.problem().is_some();
        let is_new = self.registries.adopt(prepared);
        if !is_new && !was_bad {
            return Look::Nothing;
        }
        tracing::info!("{path} is read again: what it says now is in use");
        for warning in self.registries.conf().warnings() {
            tracing::warn!("{path}: {warning}");
        }
        self.registries.set_problem(None);
        Look::TakenOver
    }

    fn keep(&self, error: ReloadError) -> Look {
        let before = self.registries.problem();
        let error = Arc::new(error);
        if before.as_ref() != Some(&error) {
            tracing::error!(
                "{} is not taken over, what it said before stays in use: {error}",
                self.path.display()
            );
            self.registries.set_problem(Some(Arc::clone(&error)));
        }
        Look::Kept(error)
    }
}

/// The whole file, and not more than one may have: what is longer is refused when it is parsed.
async fn read(path: &Path) -> Text {
    let missing = |kind: ErrorKind| matches!(kind, ErrorKind::NotFound | ErrorKind::IsADirectory);
    let whole = async {
        // Opening a named pipe would wait for a writer.
        if tokio::fs::metadata(path).await?.file_type().is_fifo() {
            return Err(std::io::Error::other("it is not a file"));
        }
        let mut text = String::new();
        let file = tokio::fs::File::open(path).await?;
        file.take(MAX_FILE as u64 + 1).read_to_string(&mut text).await?;
        Ok(text)
    };
    match whole.await {
        Ok(text) => Text::There(text),
        Err(error) if missing(error.kind()) => Text::Missing,
        Err(error) => Text::Unreadable(error.to_string()),
    }
}
