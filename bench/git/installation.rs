//! Applications that are written to git, and what a cycle over them costs.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    git_server::{GitServer, Requests},
    processes::{self, MemoryWatch},
    world::{Running, World, print_line},
};

/// How many files one folder has, those of an Application among them.
const FILES_IN_FOLDER: usize = 10;
/// Longer than any bench: cycles happen on request.
const INTERVAL: &str = "12h";
const UPDATER: &str = "all";

/// What is written where. Applications are spread over repositories, and in each over branches.
pub(crate) struct Layout {
    pub(crate) applications: usize,
    pub(crate) repositories: usize,
    pub(crate) branches: usize,
    /// Of each repository.
    pub(crate) files: usize,
    /// Of each repository, on `main`.
    pub(crate) commits: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            applications: 1,
            repositories: 1,
            branches: 1,
            files: 1,
            commits: 1,
        }
    }
}

impl Layout {
    fn repository(&self, application: usize) -> String {
        format!("deploy-{}", application % self.repositories)
    }

    fn branch(&self, application: usize) -> String {
        match self.branches {
            1 => "main".to_owned(),
            branches => format!("stage-{}", application / self.repositories % branches),
        }
    }

    /// What `git fast-import` makes a repository of.
    fn stream(&self) -> String {
        let mut stream = String::new();
        for commit in 0..self.commits {
            let second = 1_700_000_000 + commit;
            let _ = write!(
                stream,
                "commit refs/heads/main\nmark :{}\ncommitter Somebody <somebody@example.com> {second} +0000\ndata 1\nm\n",
                commit + 1
            );
            if commit == 0 {
                (0..self.files).for_each(|file| add(&mut stream, file, 0));
            } else {
                add(&mut stream, commit % self.files, commit);
            }
        }
        for branch in (0..self.branches).filter(|_| self.branches > 1) {
            let _ = write!(stream, "reset refs/heads/stage-{branch}\nfrom :{}\n\n", self.commits);
        }
        stream
    }
}

/// Writes one of the files, as a repository of manifests has them.
fn add(stream: &mut String, file: usize, version: usize) {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config-{file}\n  labels: {{ app: app-{file} }}\ndata:\n  \
         version: '{version}'\n  note: a line that makes the file about as long as such files are\n"
    );
    let folder = file / FILES_IN_FOLDER;
    let _ = write!(
        stream,
        "M 100644 inline apps/app-{folder}/config-{file}.yaml\ndata {}\n{text}\n",
        text.len()
    );
}

/// The running program, and all that it talks to.
pub(crate) struct Installation {
    world: World,
    pub(crate) git: GitServer,
    layout: Layout,
    namespace: String,
    program: Running,
    memory: MemoryWatch,
}

impl Installation {
    /// Makes everything and starts the program, for which there is nothing to do yet.
    pub(crate) async fn start(world: World, layout: Layout) -> Self {
        let git = GitServer::start().await;
        for repository in 0..layout.repositories {
            let repository = format!("deploy-{repository}");
            git.create_repo(&repository, &[]);
            git.fast_import(&repository, &layout.stream());
        }
        git.require_password("bot", "password-of-the-bench");
        let namespace = world.namespace().await;
        world.registry.push("app", "v1.0.0", "2026-01-01T00:00:00Z");
        let applications: Vec<Value> = (0..layout.applications)
            .map(|at| application(&layout, &git, at))
            .collect();
        world.objects(&namespace, &applications).await;
        let secrets: Vec<Value> = (0..layout.repositories).map(|at| secret(&git, at)).collect();
        world.objects(&namespace, &secrets).await;
        world.objects(&namespace, &[updater()]).await;
        let program = world.program(&namespace, INTERVAL);
        world.checked(&namespace, 1).await;
        let memory = MemoryWatch::of(program.pid());
        Self {
            world,
            git,
            layout,
            namespace,
            program,
            memory,
        }
    }

    /// Somebody else commits to every branch.
    pub(crate) fn others_commit(&self) {
        for application in 0..self.layout.applications {
            let (repository, branch) = (self.layout.repository(application), self.layout.branch(application));
            if application < self.layout.repositories * self.layout.branches {
                let text = format!("{:?}\n", self.git.head(&repository, &branch));
                self.git.commit_as_other(&repository, &branch, "README.md", &text);
            }
        }
    }

    /// A new tag comes out, and every Application gets it; ends when the cycle is over.
    pub(crate) async fn cycle(&self, number: usize) {
        let tag = format!("v1.{number}.0");
        self.world.registry.push("app", &tag, "2026-01-01T00:00:00Z");
        self.request(number).await;
    }

    async fn request(&self, number: usize) {
        let value = number.to_string();
        self.world.request_cycle(&self.namespace, UPDATER, &value).await;
        self.world.handled(&self.namespace, UPDATER, &value).await;
    }

    /// A cycle that writes to every Application, and its figures.
    pub(crate) async fn write(&self, title: &str, number: usize) {
        let before = Figures::of(self);
        self.cycle(number).await;
        before.tell(title, self);
        let tag = format!("app:v1.{number}.0\n");
        let is_missing = |at: &usize| {
            let path = format!("apps/app-{at}/.argocd-source-app-{at}.yaml");
            let file = self
                .git
                .file(&self.layout.repository(*at), &self.layout.branch(*at), &path);
            !file.unwrap_or_default().contains(&tag)
        };
        let missing = (0..self.layout.applications).filter(is_missing).count();
        assert_eq!(missing, 0, "Applications that were not written");
    }

    /// A cycle in which nothing is to be written, and its figures.
    pub(crate) async fn rest(&self, title: &str, number: usize) {
        let before = Figures::of(self);
        self.request(number).await;
        before.tell(title, self);
    }

    /// What the program holds now.
    pub(crate) fn tell_what_is_held(&self, title: &str) {
        let pid = self.program.pid();
        let (files, bytes) = processes::stored(&self.world.temporary());
        let tell = |what: &str, value: String| print_line(&format!("  {title}: {what}"), value);
        tell("threads", processes::threads(pid).to_string());
        tell("open files", processes::open_files(pid).to_string());
        tell("files on disk", files.to_string());
        tell("bytes on disk, KiB", (bytes >> 10).to_string());
        tell("resident memory, KiB", self.program.memory("VmRSS"));
    }
}

/// What was counted until a moment.
struct Figures {
    at: Instant,
    requests: Requests,
    cpu: Duration,
    cpu_of_children: Duration,
    /// Bytes of the program's log.
    logged: usize,
}

impl Figures {
    fn of(installation: &Installation) -> Self {
        Self {
            at: Instant::now(),
            requests: installation.git.requests(),
            cpu: installation.program.cpu(),
            cpu_of_children: installation.program.cpu_of_children(),
            logged: installation.world.log().len(),
        }
    }

    /// What came to it since.
    fn tell(&self, title: &str, installation: &Installation) {
        let now = Self::of(installation);
        let tell = |what: &str, value: String| print_line(&format!("  {title}: {what}"), value);
        let seconds = |duration: Duration| format!("{:.2}", duration.as_secs_f64());
        tell("listings", (now.requests.listings - self.requests.listings).to_string());
        tell("fetches", (now.requests.fetches - self.requests.fetches).to_string());
        tell("pushes", (now.requests.pushes - self.requests.pushes).to_string());
        tell("requests", (now.requests.all - self.requests.all).to_string());
        tell("wall, s", seconds(now.at - self.at));
        let log = installation.world.log();
        let pushes: Vec<&str> = log[self.logged..]
            .lines()
            .filter(|line| line.contains("push_ms"))
            .collect();
        for (key, what) in [
            ("fetch_ms", "longest fetch, ms"),
            ("render_ms", "longest reading, rendering and committing, ms"),
            ("push_ms", "longest push, ms"),
        ] {
            let longest = pushes.iter().filter_map(|line| number(line, key)).max();
            if let Some(longest) = longest {
                tell(what, longest.to_string());
            }
        }
        tell("CPU, s", seconds(now.cpu.saturating_sub(self.cpu)));
        tell(
            "CPU of its git processes, s",
            seconds(now.cpu_of_children.saturating_sub(self.cpu_of_children)),
        );
        tell(
            "peak memory with children so far, KiB",
            installation.memory.peak().to_string(),
        );
        tell("peak memory without so far, KiB", installation.program.memory("VmHWM"));
    }
}

/// The number in `key=123` of a line of the log.
fn number(line: &str, key: &str) -> Option<u64> {
    let (_, rest) = line.split_once(&format!("{key}="))?;
    let digits: String = rest
        .chars()
        .skip_while(|c| *c == '"')
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

fn application(layout: &Layout, git: &GitServer, at: usize) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": format!("app-{at}") },
        "spec": {
            "project": "default",
            "destination": { "server": "https://kubernetes.default.svc", "namespace": "web" },
            "source": {
                "repoURL": git.url(&layout.repository(at)), "path": format!("apps/app-{at}"),
                "targetRevision": layout.branch(at),
            },
        },
        "status": { "sourceType": "Kustomize", "summary": { "images": ["r.example.com/app:v1.0.0"] } },
    })
}

fn updater() -> Value {
    json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
        "metadata": { "name": UPDATER },
        "spec": {
            "writeBackConfig": { "method": "git" },
            "applicationRefs": [{
                "namePattern": "app-*", "images": [{ "alias": "app", "imageName": "r.example.com/app:1.x" }],
            }],
        },
    })
}

fn secret(git: &GitServer, at: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": format!("deploy-{at}"), "labels": { "argocd.argoproj.io/secret-type": "repository" },
        },
        "stringData": {
            "type": "git", "url": git.url(&format!("deploy-{at}")),
            "username": "bot", "password": "password-of-the-bench",
        },
    })
}
