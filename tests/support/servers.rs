//! Server programs, and their processes, which never outlive the test process, whatever becomes of it.
//!
//! A [`Household`] owns a work folder and the processes in it. They are killed and the folder is removed when it is
//! dropped; when the test process dies first, by a shell that waits for the end of a pipe, and by the kernel.

use std::{
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock, mpsc},
};

/// Where `tests/env/build` has put a server.
pub fn path(name: &str) -> PathBuf {
    let output = Command::new(source("tests/env/build"))
        .args(["--print", name])
        .output()
        .expect("tests/env/build can be run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let path = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    match path {
        Some(path) if output.status.success() => path.into(),
        _ => panic!(
            "the tests need {name}: run `make env`\n{}",
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// A file of this repository.
pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket").port()
}

/// Gathers process groups from its standard input, and ends them and the folder when that ends.
const UNDERTAKER: &str = r#"
groups=
while read -r group; do groups="$groups $group"; done
for group in $groups; do kill -KILL -- "-$group" 2>/dev/null; done
for try in 1 2 3 4 5; do rm -rf "$1" && exit; sleep 0.2; done
"#;

/// A work folder and the processes in it.
pub struct Household {
    folder: PathBuf,
    undertaker: Child,
    groups: Mutex<Option<ChildStdin>>,
}

impl Household {
    /// An empty one.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix(&format!("argocd-image-updater-test-{name}-"))
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let mut undertaker = Command::new("sh")
            .args(["-c", UNDERTAKER, "undertaker"])
            .arg(&folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        let groups = Mutex::new(undertaker.stdin.take());
        Self {
            folder,
            undertaker,
            groups,
        }
    }

    /// The work folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a server; what it says goes to `<name>.log` in the folder.
    pub fn spawn(&self, name: &str, command: &Command) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{name}.log")))
            .expect("a log file");
        let mut wrapped = Command::new("setpriv");
        wrapped
            .args(["--pdeathsig", "KILL", "--"])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(&self.folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(key, value),
                None => wrapped.env_remove(key),
            };
        }
        let child = spawn_for_life(wrapped).unwrap_or_else(|e| panic!("{name} cannot be started: {e}"));
        let mut groups = self.groups.lock().expect("no panic while it is held");
        writeln!(groups.as_mut().expect("open until dropped"), "{}", child.id()).expect("the undertaker listens");
        child
    }

    /// What a server said last.
    pub fn log(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Household {
    fn drop(&mut self) {
        drop(self.groups.lock().map(|mut groups| groups.take()));
        let _ = self.undertaker.wait();
    }
}

/// Spawns from a thread that lives as long as the process: the kernel kills the child when the *thread* that started it
/// ends, and every test has a thread of its own.
fn spawn_for_life(command: Command) -> std::io::Result<Child> {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static NURSERY: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let nursery = NURSERY.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let (reply, answer) = mpsc::channel();
    nursery.send((command, reply)).expect("the nursery never ends");
    answer.recv().expect("the nursery always answers")
}
