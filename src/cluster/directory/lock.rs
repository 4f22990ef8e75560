//! One process at a time works on a folder.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

use super::DirectoryError;

/// The folder's lock; it is free again when this is dropped or the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Takes the lock in the sidecar folder `sidecar` of `folder`.
    pub(super) fn take(folder: &Path, sidecar: &Path) -> Result<Self, DirectoryError> {
        let not_writable = |source| DirectoryError::NotWritable {
            folder: folder.to_owned(),
            source,
        };
        let path = sidecar.join("lock");
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let mut file = file.map_err(not_writable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(DirectoryError::Locked {
                    folder: folder.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(errno) => return Err(not_writable(errno.into())),
        }
        // The number is only for the message of the next one; the lock itself does not depend on it.
        file.set_len(0).map_err(not_writable)?;
        file.rewind().map_err(not_writable)?;
        writeln!(file, "{}", std::process::id()).map_err(not_writable)?;
        Ok(Self(file))
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    let digits = text.trim();
    if read.is_ok() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        format!("process {digits}")
    } else {
        "another process".to_owned()
    }
}
