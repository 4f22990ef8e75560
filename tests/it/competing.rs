//! Five others commit to the branch that two hundred Applications are written to, all at the same time.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures::{FutureExt as _, future::join_all};
use serde_json::{Value, json};

use crate::{
    support::{
        git_server::GitServer,
        writer::{Identity, Writer},
    },
    world::{
        Fleet, PASSWORDS,
        fleet::{application, file, repository, text, updater},
    },
};

const APPLICATIONS: usize = 200;
const WRITERS: usize = 5;
/// Others commit until we are done, but no more than this each: there is an end to it.
const COMMITS: usize = 10;
/// How often one of them loses against the rest before the test is wrong.
const TRIES: usize = 200;

fn name(number: usize) -> String {
    format!("app-{number:03}")
}

/// Commits and pushes until `done`, each commit on top of what is there then; the messages of what was pushed.
async fn compete(url: &str, number: usize, done: &AtomicBool) -> Vec<String> {
    let login = Some(("bot".to_owned(), PASSWORDS[0].to_owned()));
    let writer = Writer::clone(url, "main", Identity { login, ca: None }).await;
    let mut pushed = Vec::new();
    while pushed.len() < COMMITS {
        let message = format!("writer {number}, commit {}", pushed.len());
        let path = format!("writers/{number}/{}", pushed.len());
        writer.commit(&message, &[(&path, &message)]).await;
        let mut tries = 0;
        while let Err(words) = writer.push("main").await {
            assert!(words.contains("rejected"), "{words}");
            tries += 1;
            assert!(tries < TRIES, "{words}");
            writer.git(&["fetch", "--quiet", "origin"]).await;
            writer.git(&["rebase", "--quiet", "origin/main"]).await;
        }
        pushed.push(message);
        if done.load(Ordering::SeqCst) {
            break;
        }
    }
    pushed
}

#[tokio::test]
async fn every_change_and_every_commit_of_five_others_is_in_a_linear_history_once() {
    let server = GitServer::start().await;
    let names: Vec<String> = (0..APPLICATIONS).map(name).collect();
    let files: Vec<String> = names.iter().map(|name| format!("{name}/kustomization.yaml")).collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|file| (file.as_str(), "kind: Kustomization\n"))
        .collect();
    let url = server.create_repo("deploy", &files);
    server.require_password("bot", PASSWORDS[0]);
    let mut objects: Vec<Value> = names.iter().map(|name| application(name, &url)).collect();
    objects.push(updater(&json!({})));
    objects.push(repository(
        &url,
        &json!({ "username": "bot", "password": PASSWORDS[0] }),
    ));
    let fleet = Fleet::given(&objects).await;
    fleet.release("v1.1.0");

    let (done, gone) = (AtomicBool::new(false), AtomicUsize::new(0));
    let others = (0..WRITERS).map(|number| {
        let work = compete(&url, number, &done);
        work.inspect(|_| {
            gone.fetch_add(1, Ordering::SeqCst);
        })
    });
    let others = join_all(others);
    let ours = async {
        loop {
            let alone = gone.load(Ordering::SeqCst) == WRITERS;
            fleet.cycle().await;
            let problems = fleet.problems();
            if problems.is_empty() {
                break;
            }
            assert!(!alone, "nobody was there to lose against: {:?}", problems[0]);
        }
        done.store(true, Ordering::SeqCst);
    };
    let (others, ()) = tokio::join!(others, ours);

    let log = server.log("deploy", "main");
    assert!(
        log.iter().rev().skip(1).all(|commit| commit.parents.len() == 1),
        "it is linear"
    );
    let mut messages: BTreeMap<&str, usize> = BTreeMap::new();
    for commit in &log {
        *messages.entry(commit.message.as_str()).or_default() += 1;
    }
    for pushed in &others {
        assert!(!pushed.is_empty());
        for message in pushed {
            assert_eq!(messages.get(message.as_str()), Some(&1), "{message}");
        }
    }
    let mut written: BTreeMap<&str, usize> = BTreeMap::new();
    for commit in log
        .iter()
        .filter(|commit| commit.author != "Somebody Else <else@example.com>")
    {
        assert_eq!(commit.files.len(), 1, "{commit:?}");
        *written.entry(commit.files[0].as_str()).or_default() += 1;
    }
    assert_eq!(written.len(), APPLICATIONS);
    assert!(written.values().all(|count| *count == 1), "{written:?}");
    for name in &names {
        assert_eq!(
            server.file("deploy", "main", &file(name)),
            Some(text("v1.1.0")),
            "{name}"
        );
    }
    let theirs: usize = others.iter().map(Vec::len).sum();
    assert_eq!(log.len(), 1 + APPLICATIONS + theirs);
    assert!(server.is_sound("deploy"));
}
