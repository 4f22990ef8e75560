//! A file that other programs can open and that lies on no disk: gone with this process, whatever becomes of it.

use std::{io, path::Path};

use crate::secret::Secret;

/// A text in a file that only this user can open, as long as the value lives.
pub(super) struct MemoryFile(Inner);

#[cfg(target_os = "linux")]
type Inner = linux::Memory;
#[cfg(not(target_os = "linux"))]
type Inner = tempfile::NamedTempFile;

impl MemoryFile {
    /// A file with this text.
    #[cfg(target_os = "linux")]
    pub(super) fn new(text: &Secret) -> io::Result<Self> {
        linux::Memory::new(text.expose().as_bytes()).map(Self)
    }

    /// A file with this text. Only Linux has files without a disk; elsewhere, where this program is run by hand, it is a
    /// private temporary one.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(text: &Secret) -> io::Result<Self> {
        use std::io::Write as _;

        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(text.expose().as_bytes())?;
        Ok(Self(file))
    }

    /// Where programs that we start find it.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        fs::File,
        io::{self, Write as _},
        os::fd::AsRawFd as _,
        path::{Path, PathBuf},
        process,
    };

    use rustix::fs::{MemfdFlags, Mode, fchmod, memfd_create};

    /// `memfd_create(2)`.
    pub(super) struct Memory {
        _file: File,
        path: PathBuf,
    }

    impl Memory {
        pub(super) fn new(bytes: &[u8]) -> io::Result<Self> {
            // Not inherited: children open it by the name that it has in this process, which the kernel lets only the
            // same user do.
            let file = memfd_create("argocd-image-updater", MemfdFlags::CLOEXEC)?;
            // ssh takes no key that others may read.
            fchmod(&file, Mode::RUSR | Mode::WUSR)?;
            let mut file = File::from(file);
            file.write_all(bytes)?;
            let path = format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd());
            Ok(Self {
                path: path.into(),
                _file: file,
            })
        }

        pub(super) fn path(&self) -> &Path {
            &self.path
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, process::Command};

    use super::*;

    #[test]
    fn a_child_reads_the_file_and_nobody_after_its_end() {
        let file = MemoryFile::new(&Secret::new("top secret\n")).unwrap();
        let path = file.path().to_owned();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Twice, since ssh opens a key more than once.
        for _ in 0..2 {
            let output = Command::new("cat").arg(&path).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), "top secret\n");
        }
        drop(file);
        let gone = std::fs::read_to_string(&path).map_or(true, |text| !text.contains("secret"));
        assert!(gone, "{path:?}");
    }
}
