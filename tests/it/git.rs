//! The git layer against a real git server over HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use argocd_image_updater::{
    core::{disposition::Disposition, verdict::Reason},
    git::{
        BaseError, BranchName, Counters, EntryKind, FileContent, GitCredentials, GitError, Mirror, MirrorOptions,
        Mirrors, ObjectId, PushError, RemoteHeads, RemoteUrl, RepoPath, Signature, Unusable,
    },
};
use tempfile::TempDir;

use crate::support::git_server::GitServer;

const PASSWORD: &str = "hunter2-7c1f/%+";

/// A server, and the mirrors of one process.
struct World {
    server: GitServer,
    root: TempDir,
    mirrors: Mirrors,
}

impl World {
    async fn new(files: &[(&str, &str)]) -> Self {
        let server = GitServer::start().await;
        server.create_repo("deploy", files);
        let root = tempfile::tempdir().unwrap();
        let mirrors = mirrors(root.path());
        Self { server, root, mirrors }
    }

    async fn mirror(&self) -> Arc<Mirror> {
        self.open(&self.server.url("deploy"), &GitCredentials::anonymous())
            .await
    }

    async fn open(&self, url: &str, credentials: &GitCredentials) -> Arc<Mirror> {
        let url = RemoteUrl::parse(url).unwrap();
        self.mirrors.open(&url, credentials).await.unwrap()
    }

    /// The process ends and starts again with the same folder.
    fn restart(self) -> Self {
        let Self {
            server,
            root,
            mirrors: old,
        } = self;
        drop(old);
        let mirrors = mirrors(root.path());
        Self { server, root, mirrors }
    }

    /// The folder of the only mirror.
    fn mirror_folder(&self) -> PathBuf {
        let slot = self.root.path().join("git-0");
        let mut folders: Vec<_> = fs::read_dir(slot)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders.remove(0)
    }
}

fn options() -> MirrorOptions {
    MirrorOptions::new(PathBuf::from(env!("CARGO_BIN_EXE_argocd-image-updater")))
}

fn mirrors(root: &Path) -> Mirrors {
    Mirrors::new(root, options()).unwrap()
}

fn password(password: &str) -> GitCredentials {
    GitCredentials::password("bot@example.com", password)
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn author() -> Signature {
    Signature {
        name: "Release Bot".to_owned(),
        email: "bot@example.com".to_owned(),
        time: "2026-01-02T03:04:05Z".parse().unwrap(),
    }
}

/// The head of `main`, fetched.
async fn main_head(mirror: &Mirror) -> ObjectId {
    let heads = mirror.heads().await.unwrap();
    mirror.ensure(&heads, &[branch("main")]).await.unwrap()[&branch("main")]
}

async fn commit(mirror: &Mirror, parent: ObjectId, file: &str, text: &str) -> ObjectId {
    let edits = [(path(file), text.as_bytes().to_vec())];
    let made = mirror.commit(parent, &edits, "a change", &author()).await.unwrap();
    made.expect("the file changes")
}

async fn text(mirror: &Mirror, commit: ObjectId, file: &str) -> Option<String> {
    match mirror.read(commit, &path(file)).await.unwrap() {
        Some(FileContent::Text(text)) => Some(text),
        Some(FileContent::Unusable(reason)) => panic!("{file} is {reason}"),
        None => None,
    }
}

#[tokio::test]
async fn a_file_is_read_changed_and_pushed() {
    let world = World::new(&[("apps/web/values.yaml", "tag: 1\n"), ("README.md", "hello\n")]).await;
    let mirror = world.mirror().await;
    let heads = mirror.heads().await.unwrap();
    assert_eq!(heads.default_branch(), Some(&branch("main")));
    let head = mirror.fetch(&[branch("main")]).await.unwrap()[&branch("main")];
    assert_eq!(Some(head), heads.branch(&branch("main")));
    assert_eq!(
        text(&mirror, head, "apps/web/values.yaml").await.as_deref(),
        Some("tag: 1\n")
    );
    assert_eq!(text(&mirror, head, "apps/missing/values.yaml").await, None);

    let edits = [
        (path("apps/web/values.yaml"), b"tag: 2\n".to_vec()),
        (path("apps/new/deep/.argocd-source-web.yaml"), b"a: 1\n".to_vec()),
    ];
    let message = "build: update\n\n\n# kept, though it starts with a hash\nline   \n\n";
    let made = mirror.commit(head, &edits, message, &author()).await.unwrap().unwrap();
    let diff = mirror.diff(head, made).await.unwrap();
    assert!(diff.contains("-tag: 1\n+tag: 2\n"), "{diff}");
    assert!(diff.contains("+++ b/apps/new/deep/.argocd-source-web.yaml"), "{diff}");
    mirror.push(&branch("main"), made, Some(head)).await.unwrap();

    let server = &world.server;
    assert_eq!(server.head("deploy", "main"), Some(made.to_string()));
    let log = server.log("deploy", "main");
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!(
        log[0].message,
        "build: update\n\n# kept, though it starts with a hash\nline"
    );
    assert_eq!(log[0].author, "Release Bot <bot@example.com>");
    assert_eq!(log[0].parents, [head.to_string()]);
    assert_eq!(
        log[0].files,
        ["apps/new/deep/.argocd-source-web.yaml", "apps/web/values.yaml"]
    );
    assert_eq!(server.file("deploy", "main", "README.md").as_deref(), Some("hello\n"));
    assert!(
        server
            .entry("deploy", "main", "apps/new/deep/.argocd-source-web.yaml")
            .starts_with("100644 blob")
    );
    assert!(server.last_diff("deploy", "main").contains("+tag: 2"));
    assert!(server.is_sound("deploy"));
    let expected = Counters {
        ls_remote: 1,
        fetch: 1,
        push: 1,
    };
    assert_eq!(world.mirrors.counters(), expected);
    assert_eq!((server.requests().fetches, server.requests().pushes), (1, 1));
}

#[tokio::test]
async fn a_pushed_head_needs_no_fetch_even_after_a_restart() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let made = commit(&mirror, head, "a.txt", "2\n").await;
    mirror.push(&branch("main"), made, Some(head)).await.unwrap();
    assert_eq!(main_head(&mirror).await, made);
    assert_eq!(world.mirrors.counters().fetch, 1);
    drop(mirror);

    let world = world.restart();
    let mirror = world.mirror().await;
    assert_eq!(main_head(&mirror).await, made);
    assert_eq!(text(&mirror, made, "a.txt").await.as_deref(), Some("2\n"));
    assert_eq!(world.mirrors.counters().fetch, 0);

    world.server.commit_as_other("deploy", "main", "b.txt", "theirs\n");
    let head = main_head(&mirror).await;
    assert_eq!(text(&mirror, head, "b.txt").await.as_deref(), Some("theirs\n"));
    assert_eq!(world.mirrors.counters().fetch, 1);
}

#[tokio::test]
async fn content_that_is_there_already_makes_no_commit() {
    let world = World::new(&[("a/b.txt", "same\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let edits = [(path("a/b.txt"), b"same\n".to_vec())];
    assert_eq!(mirror.commit(head, &edits, "nothing", &author()).await, Ok(None));
    assert_eq!(mirror.commit(head, &[], "nothing", &author()).await, Ok(None));
}

#[tokio::test]
async fn an_existing_file_keeps_its_mode() {
    let world = World::new(&[]).await;
    world.server.fast_import(
        "deploy",
        "commit refs/heads/main\ncommitter A <a@x> 1700000000 +0000\ndata 1\nm\nM 100755 inline run.sh\ndata 2\nx\n",
    );
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let made = commit(&mirror, head, "run.sh", "y\n").await;
    mirror.push(&branch("main"), made, Some(head)).await.unwrap();
    assert!(
        world
            .server
            .entry("deploy", "main", "run.sh")
            .starts_with("100755 blob")
    );
}

#[tokio::test]
async fn a_commit_without_author_or_message_is_refused() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let edits = [(path("a.txt"), b"2\n".to_vec())];
    let nobody = Signature {
        name: "<>\n".to_owned(),
        ..author()
    };
    let error = mirror.commit(head, &edits, "m", &nobody).await.unwrap_err();
    assert!(error.to_string().contains("author"), "{error}");
    let error = mirror.commit(head, &edits, " \n\n", &author()).await.unwrap_err();
    assert_eq!(
        (error.reason(), error.disposition()),
        (Reason::InvalidSetting, Disposition::Stalled)
    );
}

#[tokio::test]
async fn several_commits_are_one_push_and_keep_the_work_of_others() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let first = commit(&mirror, head, "a.txt", "2\n").await;
    let second = commit(&mirror, first, "b.txt", "2\n").await;
    world.server.commit_as_other("deploy", "main", "theirs.txt", "x\n");

    let error = mirror.push(&branch("main"), second, Some(head)).await.unwrap_err();
    assert!(
        matches!(&error, PushError::HeadMoved { answer, .. } if answer.as_str() == "stale info"),
        "{error:?}"
    );
    assert_eq!(error.disposition(), Disposition::DecideAgain);

    let head = main_head(&mirror).await;
    let first = commit(&mirror, head, "a.txt", "2\n").await;
    let second = commit(&mirror, first, "b.txt", "2\n").await;
    mirror.push(&branch("main"), second, Some(head)).await.unwrap();
    assert_eq!(world.server.log("deploy", "main").len(), 4);
    assert_eq!(
        world.server.file("deploy", "main", "theirs.txt").as_deref(),
        Some("x\n")
    );
}

#[tokio::test]
async fn a_head_that_moves_while_the_push_is_on_its_way_is_told_from_other_refusals() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let made = commit(&mirror, head, "a.txt", "2\n").await;
    world
        .server
        .sneak_in_before_next_push("deploy", "main", "theirs.txt", "x\n");
    let error = mirror.push(&branch("main"), made, Some(head)).await.unwrap_err();
    assert!(matches!(error, PushError::HeadMoved { .. }), "{error:?}");
    assert_eq!(world.server.log("deploy", "main")[0].message, "somebody was faster");
}

#[tokio::test]
async fn a_branch_that_somebody_else_made_or_removed_is_a_moved_head() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let made = commit(&mirror, head, "a.txt", "2\n").await;
    mirror.push(&branch("new/branch"), made, None).await.unwrap();
    assert_eq!(world.server.head("deploy", "new/branch"), Some(made.to_string()));

    let other = commit(&mirror, head, "a.txt", "3\n").await;
    let error = mirror.push(&branch("new/branch"), other, None).await.unwrap_err();
    assert!(
        matches!(error, PushError::HeadMoved { expected: None, .. }),
        "{error:?}"
    );

    world.server.delete_branch("deploy", "new/branch");
    let next = commit(&mirror, made, "a.txt", "4\n").await;
    let error = mirror.push(&branch("new/branch"), next, Some(made)).await.unwrap_err();
    assert!(matches!(error, PushError::HeadMoved { .. }), "{error:?}");

    // A folder of references cannot become one: trying again would not help.
    let error = mirror.push(&branch("main/x"), made, None).await.unwrap_err();
    assert!(matches!(error, PushError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_branch_and_a_folder_of_branches_may_take_each_others_place() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    world.server.commit_as_other("deploy", "x", "a.txt", "2\n");
    mirror.fetch(&[branch("x")]).await.unwrap();
    world.server.delete_branch("deploy", "x");
    let head = world.server.commit_as_other("deploy", "x/y", "a.txt", "3\n");
    let fetched = mirror.fetch(&[branch("x/y")]).await.unwrap();
    assert_eq!(fetched[&branch("x/y")].to_string(), head);
}

#[tokio::test]
async fn a_branch_that_was_rewritten_is_fetched_as_it_is() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    main_head(&mirror).await;
    world.server.fast_import(
        "deploy",
        "reset refs/heads/main\n\ncommit refs/heads/main\ncommitter A <a@x> 1700000000 +0000\ndata 1\nm\n\
         deleteall\nM 100644 inline other.txt\ndata 2\nx\n",
    );
    let head = main_head(&mirror).await;
    assert_eq!(text(&mirror, head, "a.txt").await, None);
    assert_eq!(text(&mirror, head, "other.txt").await.as_deref(), Some("x\n"));
}

#[tokio::test]
async fn a_commit_that_does_not_follow_the_head_is_never_sent() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let ours = commit(&mirror, head, "a.txt", "2\n").await;
    world.server.commit_as_other("deploy", "main", "theirs.txt", "x\n");
    let moved = main_head(&mirror).await;
    let error = mirror.push(&branch("main"), ours, Some(moved)).await.unwrap_err();
    assert!(matches!(error, PushError::NotDescendant { .. }), "{error:?}");
    assert_eq!(world.server.pushes(), 0);
}

#[tokio::test]
async fn a_refusal_of_a_hook_carries_the_servers_words() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let made = commit(&mirror, head, "a.txt", "2\n").await;
    world
        .server
        .refuse_pushes("deploy", "main is frozen until Monday; please fetch first\n");
    let error = mirror.push(&branch("main"), made, Some(head)).await.unwrap_err();
    assert!(matches!(error, PushError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("main is frozen until Monday"), "{error}");
    assert_eq!(error.disposition(), Disposition::BackOff);

    world.server.allow_pushes("deploy");
    mirror.push(&branch("main"), made, Some(head)).await.unwrap();
    // A push whose answer was lost is done when the server has the commit.
    mirror.push(&branch("main"), made, Some(head)).await.unwrap();
}

#[tokio::test]
async fn a_password_is_sent_to_its_server_and_shown_nowhere() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    world.server.require_password("bot@example.com", PASSWORD);
    let mirror = world.open(&world.server.url("deploy"), &password(PASSWORD)).await;
    let head = main_head(&mirror).await;
    let made = commit(&mirror, head, "a.txt", "2\n").await;
    mirror.push(&branch("main"), made, Some(head)).await.unwrap();
    assert!(!format!("{mirror:?} {:?}", world.mirrors).contains("hunter2"));
    for file in files_below(world.root.path()) {
        let content = fs::read(&file).unwrap();
        assert!(
            !String::from_utf8_lossy(&content).contains("hunter2"),
            "{}",
            file.display()
        );
    }
}

#[tokio::test]
async fn wrong_and_missing_credentials_are_told_as_such_and_without_the_password() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let url = world.server.url("deploy");
    let open = world.mirror().await;
    let head = main_head(&open).await;
    let made = commit(&open, head, "a.txt", "2\n").await;
    world.server.require_password("bot@example.com", "another");
    for credentials in [password(PASSWORD), GitCredentials::anonymous()] {
        let mirror = world.open(&url, &credentials).await;
        let error = mirror.heads().await.unwrap_err();
        assert!(matches!(error, GitError::Unauthorized { .. }), "{error:?}");
        assert_eq!(error.reason(), Reason::CredentialsUnavailable);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        let error = mirror.fetch(&[branch("main")]).await.unwrap_err();
        assert!(matches!(error, GitError::Unauthorized { .. }), "{error:?}");
    }
    let error = open.push(&branch("main"), made, Some(head)).await.unwrap_err();
    assert!(matches!(error, PushError::Unauthorized { .. }), "{error:?}");
}

#[tokio::test]
async fn two_branches_are_one_fetch_and_two_callers_share_it() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    world.server.commit_as_other("deploy", "release", "a.txt", "2\n");
    let mirror = world.mirror().await;
    let heads = mirror.heads().await.unwrap();
    let names = [branch("main"), branch("release")];
    let (one, two) = tokio::join!(mirror.ensure(&heads, &names), mirror.ensure(&heads, &names));
    assert_eq!(one, two);
    assert_eq!(
        text(&mirror, one.unwrap()[&branch("release")], "a.txt")
            .await
            .as_deref(),
        Some("2\n")
    );
    assert_eq!((world.mirrors.counters().fetch, world.server.fetches()), (1, 1));
}

#[tokio::test]
async fn what_the_remote_calls_a_tag_or_lacks_is_no_base() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    world.server.tag("deploy", "v1.0.0", "main");
    world.server.create_repo("empty", &[]);
    let heads = world.mirror().await.heads().await.unwrap();
    assert!(matches!(heads.base("v1.0.0"), Err(BaseError::Tag { .. })));
    assert!(matches!(heads.base("other"), Err(BaseError::Missing { .. })));
    let id = world.server.head("deploy", "main").unwrap();
    assert!(matches!(heads.base(&id), Err(BaseError::Commit { .. })));
    assert_eq!(heads.base("HEAD").unwrap().0, branch("main"));

    let empty = world
        .open(&world.server.url("empty"), &GitCredentials::anonymous())
        .await;
    let heads: RemoteHeads = empty.heads().await.unwrap();
    assert_eq!(heads.base(""), Err(BaseError::EmptyRepository));

    let mirror = world.mirror().await;
    let error = mirror.fetch(&[branch("main"), branch("gone")]).await.unwrap_err();
    assert!(
        matches!(&error, GitError::BranchGone { branch, .. } if branch.as_str() == "gone"),
        "{error:?}"
    );
    assert_eq!(world.mirrors.counters().fetch, 1);
}

#[tokio::test]
async fn a_repository_with_sha256_is_refused_clearly() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let url = world.server.create_sha256_repo("modern");
    let mirror = world.open(&url, &GitCredentials::anonymous()).await;
    for error in [
        mirror.heads().await.unwrap_err(),
        mirror.fetch(&[branch("main")]).await.unwrap_err(),
    ] {
        assert!(matches!(error, GitError::Sha256 { .. }), "{error:?}");
        assert_eq!(error.disposition(), Disposition::Stalled);
    }
}

#[tokio::test]
async fn links_submodules_and_lfs_pointers_are_reported_and_never_written() {
    let world = World::new(&[]).await;
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n";
    world.server.fast_import(
        "deploy",
        &format!(
            "commit refs/heads/main\ncommitter A <a@x> 1700000000 +0000\ndata 1\nm\n\
             M 120000 inline link\ndata 4\nreal\nM 160000 3ddef165bb670dd06c3c4469fb781f4effd6e440 module\n\
             M 100644 inline big.yaml\ndata {}\n{pointer}\nM 100644 inline real/a.yaml\ndata 2\nx\n\
             M 100644 inline latin\ndata 3\na\u{fc}\n",
            pointer.len()
        ),
    );
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    for (file, expected) in [
        ("link", Unusable::Symlink),
        ("link/a.yaml", Unusable::Symlink),
        ("module", Unusable::Submodule),
        ("module/a.yaml", Unusable::Submodule),
        ("big.yaml", Unusable::LfsPointer),
        ("real", Unusable::Directory),
        ("real/a.yaml/b", Unusable::Blocked),
    ] {
        let seen = mirror.read(head, &path(file)).await.unwrap();
        assert_eq!(seen, Some(FileContent::Unusable(expected)), "{file}");
        let edits = [(path(file), b"new\n".to_vec())];
        let error = mirror.commit(head, &edits, "m", &author()).await.unwrap_err();
        assert!(
            matches!(error, GitError::PathUnusable { reason, .. } if reason == expected),
            "{file}: {error:?}"
        );
        assert_eq!(error.reason(), Reason::TargetUnusable);
    }
    let both = [(path("n/a"), b"1".to_vec()), (path("n/a/b"), b"2".to_vec())];
    assert!(mirror.commit(head, &both, "m", &author()).await.is_err());

    let entries = mirror.list(head, None).await.unwrap().unwrap();
    let kinds: BTreeMap<_, _> = entries.into_iter().map(|entry| (entry.name, entry.kind)).collect();
    assert_eq!(kinds["link"], EntryKind::Symlink);
    assert_eq!(kinds["module"], EntryKind::Submodule);
    assert_eq!(kinds["real"], EntryKind::Directory);
    let real = mirror.list(head, Some(&path("real"))).await.unwrap().unwrap();
    assert_eq!(
        (real.len(), real[0].name.as_str(), real[0].kind),
        (1, "a.yaml", EntryKind::File)
    );
    assert_eq!(mirror.list(head, Some(&path("missing"))).await, Ok(None));
}

#[tokio::test]
async fn a_damaged_mirror_is_made_anew() {
    let mut world = World::new(&[("a.txt", "1\n"), ("b.txt", "2\n")]).await;
    let damages: [fn(&Path); 5] = [
        |folder| fs::remove_dir_all(folder.join("objects")).unwrap(),
        |folder| fs::write(folder.join("HEAD"), "garbage").unwrap(),
        |folder| fs::write(folder.join("config"), "[core\n").unwrap(),
        |folder| fs::remove_file(folder.join("mirror-format")).unwrap(),
        |folder| {
            for file in files_below(&folder.join("objects")) {
                fs::remove_file(&file).unwrap();
                fs::write(&file, "").unwrap();
            }
        },
    ];
    for damage in damages {
        let head = main_head(&*world.mirror().await).await;
        damage(&world.mirror_folder());
        world = world.restart();
        let mirror = world.mirror().await;
        assert_eq!(main_head(&mirror).await, head);
        assert_eq!(text(&mirror, head, "a.txt").await.as_deref(), Some("1\n"));
    }
}

#[tokio::test]
async fn damage_that_shows_while_we_work_is_mended_by_the_next_fetch() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    for file in files_below(&world.mirror_folder().join("objects")) {
        fs::remove_file(&file).unwrap();
        fs::write(&file, "").unwrap();
    }
    let error = mirror.read(head, &path("a.txt")).await.unwrap_err();
    assert!(
        matches!(error, GitError::Damaged { .. } | GitError::NotFetched { .. }),
        "{error:?}"
    );
    assert_eq!(error.disposition(), Disposition::Retry);
    mirror.fetch(&[branch("main")]).await.unwrap();
    assert_eq!(text(&mirror, head, "a.txt").await.as_deref(), Some("1\n"));
}

#[tokio::test]
async fn locks_and_temporary_files_of_a_killed_process_do_no_harm() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    main_head(&*world.mirror().await).await;
    let folder = world.mirror_folder();
    let leftovers = [
        "shallow.lock",
        "HEAD.lock",
        "packed-refs.lock",
        "config.lock",
        "objects/pack/tmp_pack_abc",
    ];
    for name in leftovers {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), "x").unwrap();
    }
    for file in files_below(&folder.join("refs/mirror")) {
        fs::write(file.with_extension("lock"), "").unwrap();
    }
    let world = world.restart();
    world.server.commit_as_other("deploy", "main", "a.txt", "2\n");
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    assert_eq!(text(&mirror, head, "a.txt").await.as_deref(), Some("2\n"));
    assert!(leftovers.iter().all(|name| !folder.join(name).exists()));
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_given_up_and_git_is_gone() {
    let server = GitServer::start().await;
    let url = RemoteUrl::parse(&server.create_repo("deploy", &[("a.txt", "1\n")])).unwrap();
    let root = tempfile::tempdir().unwrap();
    let mut options = options();
    options.transport.timeout = Duration::from_millis(400);
    options.transport.kill_after = Duration::from_millis(200);
    let mirrors = Mirrors::new(root.path(), options).unwrap();
    let mirror = mirrors.open(&url, &GitCredentials::anonymous()).await.unwrap();
    server.delay(Some(Duration::from_mins(1)));
    let error = mirror.fetch(&[branch("main")]).await.unwrap_err();
    assert!(matches!(error, GitError::Timeout { .. }), "{error:?}");

    // Somebody who stops waiting stops git as well.
    assert!(
        tokio::time::timeout(Duration::from_millis(150), mirror.fetch(&[branch("main")]))
            .await
            .is_err()
    );
    let place = url.to_string();
    for _ in 0..100 {
        if processes_with(&place).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(processes_with(&place), Vec::<String>::new());
    server.delay(None);
    mirror.fetch(&[branch("main")]).await.unwrap();
}

#[tokio::test]
async fn a_server_in_trouble_is_not_taken_for_a_refusal() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let mirror = world.mirror().await;
    let head = main_head(&mirror).await;
    let made = commit(&mirror, head, "a.txt", "2\n").await;
    for (status, expected) in [
        (500, Reason::WriteFailed),
        (503, Reason::WriteFailed),
        (429, Reason::WriteFailed),
        (403, Reason::CredentialsUnavailable),
        (404, Reason::TargetUnusable),
    ] {
        world.server.fail_with(Some(status));
        let error = mirror.heads().await.unwrap_err();
        assert_eq!(error.reason(), expected, "{status}: {error:?}");
        let error = mirror.push(&branch("main"), made, Some(head)).await.unwrap_err();
        assert_eq!(error.reason(), expected, "{status}: {error:?}");
        assert!(
            !matches!(error, PushError::Refused { .. } | PushError::HeadMoved { .. }),
            "{status}: {error:?}"
        );
    }
    let nobody = RemoteUrl::parse("http://127.0.0.1:1/a.git").unwrap();
    let mirror = world.mirrors.open(&nobody, &GitCredentials::anonymous()).await.unwrap();
    assert!(matches!(mirror.heads().await, Err(GitError::Unreachable { .. })));
}

#[tokio::test]
async fn a_large_push_and_many_branches_pass_through() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    world.server.require_password("bot@example.com", PASSWORD);
    let mirror = world.open(&world.server.url("deploy"), &password(PASSWORD)).await;
    // Larger than git sends without chunks, and not compressible.
    let mut state = 1_u64;
    let noise: Vec<u8> = (0..3 << 20)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .collect();
    let head = main_head(&mirror).await;
    let made = mirror
        .commit(head, &[(path("noise"), noise)], "m", &author())
        .await
        .unwrap()
        .unwrap();
    mirror.push(&branch("main"), made, Some(head)).await.unwrap();
    assert_eq!(world.server.pushes(), 1);

    let names: Vec<BranchName> = (0..100).map(|n| branch(&format!("team/{n}/release"))).collect();
    let commits: Vec<String> = names
        .iter()
        .map(|name| {
            let length = name.as_str().len();
            format!(
                "commit refs/heads/{name}\ncommitter A <a@x> 1700000000 +0000\ndata 1\nm\n\
                 M 100644 inline n.txt\ndata {length}\n{name}\n"
            )
        })
        .collect();
    world.server.fast_import("deploy", &commits.concat());
    let before = world.mirrors.counters().fetch;
    let heads = mirror.heads().await.unwrap();
    let fetched = mirror.ensure(&heads, &names).await.unwrap();
    assert_eq!(fetched.len(), 100);
    assert_eq!(world.mirrors.counters().fetch, before + 1);
    assert!(world.server.is_sound("deploy"));
}

#[tokio::test]
async fn a_redirect_to_another_server_takes_no_password_along() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let other = GitServer::start().await;
    other.create_repo("deploy", &[("a.txt", "1\n")]);
    other.require_password("bot@example.com", PASSWORD);
    world.server.redirect_to(&other);
    let mirror = world.open(&world.server.url("deploy"), &password(PASSWORD)).await;
    let error = mirror.heads().await.unwrap_err();
    assert!(matches!(error, GitError::Unauthorized { .. }), "{error:?}");
    assert!(other.requests().all > 0);
    assert_eq!(other.requests().authorized, 0);
}

#[tokio::test]
async fn a_host_that_gives_credentials_of_the_machine_is_refused_before_git_starts() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    for (url, expected) in [
        (
            "http://169.254.169.254/latest/meta-data",
            "169.254.169.254 is a link-local address",
        ),
        ("http://[::ffff:169.254.169.254]/a", "is a link-local address"),
        ("http://2852039166/a", "169.254.169.254 is a link-local address"),
        ("https://100.100.100.200/a", "the metadata service of a cloud"),
        (
            "http://metadata.google.internal/a",
            "the name of the metadata service of a cloud",
        ),
    ] {
        let mirror = world.open(url, &password(PASSWORD)).await;
        let error = mirror.heads().await.unwrap_err();
        assert!(matches!(error, GitError::Refused { .. }), "{url}: {error:?}");
        assert!(error.to_string().contains(expected), "{url}: {error}");
        assert!(!error.to_string().contains(PASSWORD), "{error}");
    }
}

#[tokio::test]
async fn a_repository_is_read_by_the_name_of_its_host() {
    let world = World::new(&[("a.txt", "1\n")]).await;
    let url = world.server.url("deploy").replace("127.0.0.1", "localhost");
    assert!(url.contains("localhost"), "{url}");
    let mirror = world.open(&url, &password(PASSWORD)).await;
    assert!(mirror.heads().await.is_ok());
}

#[test]
fn only_web_addresses_are_repositories() {
    for text in [
        "file:///srv/git",
        "/srv/git",
        "../git",
        "ext::sh -c true",
        "git://h/a",
        "ssh://git@h/a",
        "git@h:a",
        "--upload-pack=x",
        "https://bot:hunter2@h/a",
    ] {
        let error = RemoteUrl::parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.append(&mut files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// The command lines of all processes that name this text.
fn processes_with(text: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}
