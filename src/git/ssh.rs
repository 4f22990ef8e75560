//! How git is told to run `ssh`: with our key and no other, with the host keys that are known, and without a person.
//!
//! What is given on the command line cannot be changed by a configuration file (ssh_config(5): the first value counts).

use std::{
    env::split_paths,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{
    askpass::{shell_quoted, tunnel_setting},
    transport::TransportOptions,
};

/// Options of every run.
const OPTIONS: &[&str] = &[
    // Neither the agent nor the other keys of whoever runs this.
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "NumberOfPasswordPrompts=1",
    "ConnectTimeout=15",
    // A dead connection is noticed within 30 seconds, as over http.
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    // Nothing of it outlives the run, and the server gets no way back.
    "ControlMaster=no",
    "ControlPath=none",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "LogLevel=ERROR",
];

/// What one run of ssh needs besides.
pub(super) struct Ssh<'a> {
    /// The file of the key.
    pub(super) key: Option<&'a Path>,
    /// Whether ssh may ask (our own program) for a passphrase.
    pub(super) asks: bool,
    /// Host keys are not checked.
    pub(super) insecure: bool,
    /// Connections go through a tunnel.
    pub(super) tunnel: bool,
}

impl Ssh<'_> {
    /// The value of `GIT_SSH_COMMAND`: words for a shell, none of them secret.
    pub(super) fn command(&self, options: &TransportOptions) -> String {
        let config = if options.ssh_config.is_file() {
            options.ssh_config.to_string_lossy().into_owned()
        } else {
            "none".to_owned()
        };
        let mut words = vec!["ssh".to_owned(), "-F".to_owned(), config];
        let mut add = |option: String| words.extend(["-o".to_owned(), option]);
        OPTIONS.iter().for_each(|option| add((*option).to_owned()));
        // With it ssh would not even ask for a passphrase.
        add(format!("BatchMode={}", if self.asks { "no" } else { "yes" }));
        if self.insecure {
            add("StrictHostKeyChecking=no".to_owned());
            add("UserKnownHostsFile=/dev/null".to_owned());
        } else {
            add("StrictHostKeyChecking=yes".to_owned());
            add(format!("UserKnownHostsFile={}", quoted(&options.ssh_known_hosts)));
        }
        if let Some(key) = self.key {
            add(format!("IdentityFile={}", quoted(key)));
        }
        if self.tunnel {
            add(format!("ProxyCommand={}", tunnel_setting(&options.askpass)));
        }
        let words: Vec<_> = words.iter().map(|word| shell_quoted(word)).collect();
        words.join(" ")
    }
}

/// A path as a value of ssh_config(5), where `%` begins a token.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().replace('%', "%%"))
}

/// Where `ssh` is, by a value of `PATH`.
pub(super) fn program(path: &OsStr) -> Option<PathBuf> {
    split_paths(path)
        .map(|folder| folder.join("ssh"))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> TransportOptions {
        let mut options = TransportOptions::new(PathBuf::from("/bin/us"));
        options.ssh_known_hosts = PathBuf::from("/etc/known hosts");
        options.ssh_config = PathBuf::from("/does/not/exist");
        options
    }

    #[test]
    fn host_keys_are_checked_unless_it_is_said_otherwise() {
        for (insecure, strict, file) in [
            (
                false,
                "'StrictHostKeyChecking=yes'",
                "'UserKnownHostsFile=\"/etc/known hosts\"'",
            ),
            (true, "'StrictHostKeyChecking=no'", "'UserKnownHostsFile=/dev/null'"),
        ] {
            let ssh = Ssh {
                key: None,
                asks: false,
                insecure,
                tunnel: false,
            };
            let command = ssh.command(&options());
            assert!(command.starts_with("'ssh' '-F' 'none' "), "{command}");
            assert!(command.contains(strict) && command.contains(file), "{command}");
            assert!(
                command.contains("'BatchMode=yes'") && !command.contains("Proxy"),
                "{command}"
            );
        }
    }

    #[test]
    fn the_mounted_configuration_the_key_and_the_tunnel_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut options = options();
        options.ssh_config = file.path().to_owned();
        let ssh = Ssh {
            key: Some(Path::new("/proc/1/fd/9")),
            asks: true,
            insecure: false,
            tunnel: true,
        };
        let command = ssh.command(&options);
        assert!(
            command.contains(&format!("'-F' '{}'", file.path().display())),
            "{command}"
        );
        assert!(command.contains("'IdentityFile=\"/proc/1/fd/9\"'"), "{command}");
        assert!(command.contains("'BatchMode=no'"), "{command}");
        assert!(
            command.contains(r"'ProxyCommand='\''/bin/us'\'' tunnel %h %p'"),
            "{command}"
        );
    }

    #[test]
    fn the_program_is_looked_for_where_git_would() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(program(folder.path().as_os_str()), None);
        let file = folder.path().join("ssh");
        std::fs::write(&file, "").unwrap();
        let path = std::env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();
        assert_eq!(program(&path), Some(file));
    }
}
