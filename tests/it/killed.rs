//! The program is killed while it writes to git, and started again.
//!
//! Where it is killed is random: after so many steps of its requests the git server stands still, and then it dies. Half
//! of the time its git processes die with it (as when a container ends), half of the time they live on.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    pin::pin,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio::{process::Command, sync::oneshot};

use crate::{
    support::git_server::GitServer,
    world::{
        Fleet, PASSWORDS,
        fleet::{application, file, repository, text, updater},
    },
};

const ROUNDS: usize = 20;
const NAMES: [&str; 3] = ["api", "web", "worker"];

/// Random numbers that a seed brings back (xorshift).
struct Random(u64);

impl Random {
    /// Seeded by the clock; a test that fails shows the seed, and `KILLED_SEED` sets it.
    #[expect(clippy::print_stderr, reason = "a test that fails says how to see it again")]
    fn new() -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("it is later than 1970");
        let seed = std::env::var("KILLED_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(now.subsec_nanos()) | 1;
        eprintln!("KILLED_SEED={seed}");
        Self(u64::from(seed) << 20)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn noise(&mut self, bytes: usize) -> String {
        (0..bytes)
            .map(|_| char::from(b'!' + u8::try_from(self.below(90)).expect("it is small")))
            .collect()
    }
}

struct World {
    server: GitServer,
    fleet: Fleet,
    random: Random,
}

impl World {
    /// A repository whose fetch takes some pieces.
    async fn given() -> Self {
        let mut random = Random::new();
        let server = GitServer::start().await;
        let noise = random.noise(300 << 10);
        // git keeps what it fetches as a pack from a hundred objects on, and takes apart what is less.
        let others = (0..100).map(|number| format!("others/{number}"));
        let files = NAMES.iter().map(|name| format!("{name}/kustomization.yaml"));
        let files: Vec<(String, String)> = files
            .chain(others)
            .map(|path| (path.clone(), format!("# {path}\n")))
            .collect();
        let mut files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        files.push(("noise.txt", &noise));
        let url = server.create_repo("deploy", &files);
        server.require_password("bot", PASSWORDS[0]);
        let mut objects: Vec<Value> = NAMES.iter().map(|name| application(name, &url)).collect();
        objects.push(updater(&json!({})));
        objects.push(repository(
            &url,
            &json!({ "username": "bot", "password": PASSWORDS[0] }),
        ));
        let fleet = Fleet::given(&objects).await;
        Self { server, fleet, random }
    }

    /// From which step of the git server to which a cycle fetches and pushes. It begins by listing heads.
    async fn steps_of_a_cycle(&mut self) -> Range<u64> {
        self.fleet.release("v1.0.1");
        self.fleet.cycle().await;
        let start = self.server.steps();
        self.fleet.cycle().await;
        let listed = self.server.steps();
        let noise = self.random.noise(100 << 10);
        self.server.commit_as_other("deploy", "main", "noise.txt", &noise);
        self.fleet.release("v1.1.0");
        self.fleet.cycle().await;
        let end = self.server.steps();
        (listed - start)..(end - listed)
    }

    /// Starts the program and kills it when the git server stands still; whether it came so far.
    async fn kill_when(&self, reached: oneshot::Receiver<()>, with_children: bool) -> bool {
        let program = self.fleet.start(&["--once"]);
        let pid = program.pid();
        let mut finish = pin!(program.finish());
        let is_killed = tokio::select! {
            reached = reached => reached.is_ok(),
            _ = &mut finish => false,
        };
        if is_killed {
            kill(pid, with_children).await;
            assert_eq!(finish.await.code, None, "a signal ended it");
        }
        self.server.go_on();
        is_killed
    }
}

/// Kills a process, and those that it started if that is wanted.
async fn kill(pid: u32, with_children: bool) {
    let children = if with_children { descendants(pid) } else { Vec::new() };
    for victim in std::iter::once(pid).chain(children) {
        // One that ended by itself is not there.
        let kill = Command::new("kill")
            .args(["-s", "KILL", &victim.to_string()])
            .output()
            .await;
        kill.expect("kill is there");
    }
}

/// The processes that a process started, and those that they started.
fn descendants(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lines = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: String = lines.collect();
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    children
        .flat_map(|child| std::iter::once(child).chain(descendants(child)))
        .collect()
}

/// All files below a folder, with their sizes.
fn files_below(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // What is removed meanwhile is not there.
        match entry.metadata() {
            Ok(about) if about.is_dir() => found.append(&mut files_below(&entry.path())),
            Ok(about) => found.push((entry.path(), about.len())),
            Err(_) => {}
        }
    }
    found
}

/// What a git that was killed leaves behind.
fn leftovers(cache: &Path) -> Vec<PathBuf> {
    let files = files_below(cache).into_iter().map(|(path, _)| path);
    let is_leftover = |path: &PathBuf| {
        let inside = path.strip_prefix(cache).unwrap_or(path);
        let temporary = inside.iter().any(|part| {
            let part = part.to_string_lossy();
            ["tmp_", "incoming-", "trash-", "shallow_"]
                .iter()
                .any(|start| part.starts_with(start))
        });
        // `.lock` is that of the folder itself, and always there.
        temporary || (path.extension().is_some_and(|end| end == "lock") && !path.ends_with(".lock"))
    };
    files.filter(is_leftover).collect()
}

#[tokio::test]
async fn whoever_kills_it_at_twenty_random_points_finds_each_change_once_after_the_next_start() {
    let mut world = World::given().await;
    let steps = world.steps_of_a_cycle().await;
    let (mut theirs, mut killed) = (2, 0);
    for round in 0..ROUNDS {
        let tag = format!("v1.{}.0", round + 2);
        // Somebody's commit makes a fetch necessary.
        let noise = world.random.noise(100 << 10);
        world.server.commit_as_other("deploy", "main", "noise.txt", &noise);
        theirs += 1;
        world.fleet.release(&tag);
        let after = steps.start + world.random.below(steps.end - steps.start);

        let reached = world.server.stand_still_after(after);
        killed += usize::from(world.kill_when(reached, round % 2 == 0).await);
        world.fleet.cycle().await;

        assert_eq!(world.fleet.problems(), [], "round {round}, after {after}");
        for name in NAMES {
            let written = world.server.file("deploy", "main", &file(name));
            assert_eq!(written, Some(text(&tag)), "{name}, round {round}, after {after}");
        }
        let log = world.server.log("deploy", "main");
        let mut commits: BTreeMap<String, usize> = BTreeMap::new();
        for commit in &log {
            assert!(commit.parents.len() < 2, "{commit:?}");
            for file in &commit.files {
                *commits.entry(file.clone()).or_default() += 1;
            }
        }
        for name in NAMES {
            assert_eq!(commits[&file(name)], round + 3, "{name}, round {round}, after {after}");
        }
        assert_eq!(log.len(), theirs + NAMES.len() * (round + 3));
        assert!(world.server.is_sound("deploy"));
    }
    // Where data comes in larger pieces than in the first cycle, the last steps are not there.
    assert!(killed > ROUNDS / 2, "{killed}");
    assert_eq!(leftovers(&world.fleet.cache()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn fetches_that_are_killed_do_not_fill_the_disk() {
    let mut world = World::given().await;
    world.fleet.release("v1.1.0");
    // More than a mirror needs, and less than two half fetches beside it.
    let most = 2 * (300 << 10);
    let mut left = 0;
    for round in 0..ROUNDS {
        let reached = world.server.stand_still_in_pack(1 + world.random.below(3));
        assert!(world.kill_when(reached, true).await);
        let bytes: u64 = files_below(&world.fleet.cache()).iter().map(|(_, bytes)| bytes).sum();
        assert!(bytes < most, "round {round}: {bytes}");
        left += leftovers(&world.fleet.cache()).len();
    }
    assert!(left > 0, "no half pack was ever there");

    world.fleet.cycle().await;

    assert_eq!(world.fleet.problems(), []);
    assert_eq!(leftovers(&world.fleet.cache()), Vec::<PathBuf>::new());
}
