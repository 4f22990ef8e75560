//! A real SSH server: OpenSSH's `sshd` on a free loopback port, with host keys of its own, that gives out bare git
//! repositories. It runs as whoever runs the tests, who is also the user to log in as.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::servers::{Household, free_port};

/// Where Debian has it; it is in no user's `PATH`.
const SSHD: &str = "/usr/sbin/sshd";
/// The passphrase of encrypted keys.
pub const PASSPHRASE: &str = "open sesame: 100% 'quoted'";

/// How a private key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// OpenSSH's own.
    OpenSsh,
    /// `BEGIN RSA PRIVATE KEY`, `BEGIN EC PRIVATE KEY`.
    Pem,
    /// `BEGIN PRIVATE KEY`, `BEGIN ENCRYPTED PRIVATE KEY`.
    Pkcs8,
}

/// The server.
pub struct Sshd {
    household: Household,
    port: u16,
    user: String,
}

impl Sshd {
    /// Starts a server that lets nobody in yet.
    pub fn start() -> Self {
        assert!(
            Path::new(SSHD).is_file(),
            "the tests need {SSHD}: install Debian's package openssh-server"
        );
        let household = Household::new("sshd");
        let folder = household.folder().to_owned();
        make_host_key(&folder.join("host"));
        fs::write(folder.join("authorized_keys"), "").expect("a file");
        // Only root's sshd wants it, and Debian makes it when the service starts.
        if is_root() {
            fs::create_dir_all("/run/sshd").expect("root may make /run/sshd");
        }
        for _ in 0..5 {
            let port = free_port();
            let config = folder.join("sshd_config");
            fs::write(&config, configuration(&folder, port)).expect("a file");
            let mut command = Command::new(SSHD);
            command.args(["-D", "-e", "-f"]).arg(&config);
            let mut child = household.spawn("sshd", &command);
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let deadline = Instant::now() + Duration::from_secs(30);
            while child.try_wait().expect("a child").is_none() && Instant::now() < deadline {
                if std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                    let user = user();
                    return Self { household, port, user };
                }
                std::thread::yield_now();
            }
            // Somebody else took the port meanwhile.
        }
        panic!("sshd does not start:\n{}", household.log("sshd"));
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The URL of the repository in a folder.
    pub fn url(&self, folder: &Path) -> String {
        self.url_at("127.0.0.1", folder)
    }

    /// The same under another name of this machine.
    pub fn url_at(&self, host: &str, folder: &Path) -> String {
        format!("ssh://{}@{host}:{}{}", self.user, self.port, folder.display())
    }

    /// A file of known hosts with the key of this server, under its address.
    pub fn known_hosts(&self) -> PathBuf {
        self.known_hosts_with("known_hosts", "127.0.0.1", &self.folder().join("host.pub"))
    }

    /// A file of known hosts that has another key for this server.
    pub fn wrong_known_hosts(&self) -> PathBuf {
        let other = self.folder().join("other-host");
        make_host_key(&other);
        self.known_hosts_with("wrong_known_hosts", "127.0.0.1", &other.with_extension("pub"))
    }

    fn known_hosts_with(&self, name: &str, host: &str, key: &Path) -> PathBuf {
        let key = fs::read_to_string(key).expect("a public key");
        let path = self.folder().join(name);
        fs::write(&path, format!("[{host}]:{} {key}", self.port)).expect("a file");
        path
    }

    /// Makes a key pair, lets it in, and gives the private key.
    pub fn new_key(&self, kind: &str, format: KeyFormat, passphrase: &str) -> String {
        let (private, public) = make_key(self.folder(), kind, format, passphrase);
        let mut file = fs::File::options()
            .append(true)
            .open(self.folder().join("authorized_keys"))
            .expect("a file");
        file.write_all(public.as_bytes()).expect("a file can be written");
        private
    }

    /// A key that nobody lets in.
    pub fn stranger(&self) -> String {
        make_key(self.folder(), "ed25519", KeyFormat::OpenSsh, "").0
    }

    /// What it said last.
    pub fn log(&self) -> String {
        self.household.log("sshd")
    }

    /// A private folder that goes with the server.
    pub fn folder(&self) -> &Path {
        self.household.folder()
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\n\
         PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\nAcceptEnv GIT_PROTOCOL\nMaxStartups 100\nLogLevel VERBOSE\n"
    )
}

fn make_host_key(path: &Path) {
    keygen(&["-t", "ed25519", "-N", "", "-C", "", "-f", text(path)]);
}

/// The private and the public key.
fn make_key(folder: &Path, kind: &str, format: KeyFormat, passphrase: &str) -> (String, String) {
    let path = tempfile::Builder::new()
        .prefix("key-")
        .tempdir_in(folder)
        .expect("a folder")
        .keep()
        .join("key");
    let format = match format {
        KeyFormat::OpenSsh => "RFC4716",
        KeyFormat::Pem => "PEM",
        KeyFormat::Pkcs8 => "PKCS8",
    };
    let bits = if kind == "rsa" { "2048" } else { "256" };
    let file = text(&path);
    keygen(&[
        "-t", kind, "-b", bits, "-m", format, "-N", passphrase, "-C", "", "-f", file,
    ]);
    let private = fs::read_to_string(&path).expect("a private key");
    // Nobody finds it but who was given it.
    fs::remove_file(&path).expect("a private key");
    let public = fs::read_to_string(path.with_extension("pub")).expect("a public key");
    (private, public)
}

fn keygen(arguments: &[&str]) {
    let output = Command::new("ssh-keygen")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the tests need ssh-keygen: install Debian's package openssh-client");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ssh-keygen {arguments:?}: {words}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders are UTF-8")
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0)
}

/// Makes a file that only its owner can read.
pub fn private_file(path: &Path, content: &str) {
    fs::write(path, content).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}
