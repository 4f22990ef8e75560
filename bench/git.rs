//! What writing to git costs a whole installation: requests of git, time, CPU and memory with all child processes.
//!
//! The git server is `git http-backend` inside this process and counts what it is asked for; it works on the same
//! processors, so wall time is more than it would be elsewhere. CPU is that of the program and of its children that ended
//! (`/proc/PID/stat`, utime to cstime). Memory is the sum of the resident sets of the program and everything below it,
//! looked at every 3 ms: pages that two of them share count twice. `make bench` prints the figures; nothing here passes or
//! fails on time. It needs `make env`. Names after `--` choose among the parts.

#![expect(clippy::disallowed_methods, reason = "a bench measures time and starts programs")]

#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/apiserver.rs"]
mod apiserver;
#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/git_server.rs"]
mod git_server;
#[path = "git/installation.rs"]
mod installation;
#[path = "git/processes.rs"]
mod processes;
#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/registry.rs"]
mod registry;
#[expect(unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/servers.rs"]
mod servers;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared between the benches, and another one uses more of it"
)]
mod world;

use std::time::Duration;

use installation::{Installation, Layout};
use world::{World, print_line};

/// How long each answer of a server that is far away takes.
const LATENCY: Duration = Duration::from_millis(20);
/// How often something is written in the test of what grows.
const MANY_CYCLES: usize = 200;

fn main() {
    // `cargo bench` passes its own arguments, and `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        if wanted("one-branch") {
            one_branch().await;
        }
        if wanted("far") {
            five_repositories_far_away().await;
        }
        if wanted("branches") {
            hundred_branches().await;
        }
        if wanted("large") {
            large_repository().await;
        }
        if wanted("flat") {
            many_cycles().await;
        }
    });
}

/// Whether a part was asked for; all are when none was named.
fn wanted(part: &str) -> bool {
    let mut named = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

async fn one_branch() {
    print_line("200 Applications, one repository of 2,000 files, one branch", "");
    let layout = Layout {
        applications: 200,
        files: 2000,
        ..Layout::default()
    };
    let installation = Installation::start(World::start().await, layout).await;
    installation.write("first write", 1).await;
    installation.others_commit();
    installation.write("after a commit of others", 2).await;
    installation.write("nobody else wrote", 3).await;
    installation.rest("nothing to do", 4).await;
}

async fn five_repositories_far_away() {
    print_line("100 Applications over 5 repositories, 20 ms for each answer", "");
    let layout = Layout {
        applications: 100,
        repositories: 5,
        files: 1000,
        ..Layout::default()
    };
    let installation = Installation::start(World::start().await, layout).await;
    installation.git.delay(Some(LATENCY));
    installation.write("first write", 1).await;
    installation.others_commit();
    installation.write("after a commit of others", 2).await;
    installation.rest("nothing to do", 3).await;
}

async fn hundred_branches() {
    print_line("100 Applications on 100 branches of one repository", "");
    let layout = Layout {
        applications: 100,
        branches: 100,
        files: 1000,
        ..Layout::default()
    };
    let installation = Installation::start(World::start().await, layout).await;
    installation.write("first write", 1).await;
    installation.others_commit();
    installation.write("after a commit of others", 2).await;
}

async fn large_repository() {
    print_line("One Application in a repository of 20,000 files and 2,000 commits", "");
    let layout = Layout {
        files: 20_000,
        commits: 2000,
        ..Layout::default()
    };
    let installation = Installation::start(World::start().await, layout).await;
    installation.write("first write", 1).await;
    installation.others_commit();
    installation.write("after a commit of others", 2).await;
    installation.write("nobody else wrote", 3).await;
}

async fn many_cycles() {
    print_line("10 Applications in 2 repositories, written 200 times", "");
    let layout = Layout {
        applications: 10,
        repositories: 2,
        files: 100,
        ..Layout::default()
    };
    let installation = Installation::start(World::start().await, layout).await;
    for cycle in 1..=MANY_CYCLES {
        if cycle % 2 == 0 {
            installation.others_commit();
        }
        installation.cycle(cycle).await;
        if [2, 50, 100, 150, MANY_CYCLES].contains(&cycle) {
            installation.tell_what_is_held(&format!("after {cycle} cycles"));
        }
    }
}
