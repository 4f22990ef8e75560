//! The file that keeps facts, as others may leave it.

use std::{fs, path::Path, sync::Arc};

use proptest::prelude::*;

use super::{
    facts::{Facts, KEY, Key},
    file::{self, decode, encode},
    *,
};
use crate::{
    core::{
        foreign::ForeignText,
        image::{Digest, Platform, Platforms, TagFacts, manifest::Exclusion, manifest::FactsWanted},
    },
    registry::session::Known,
};

const NAME: &str = "registry-facts.jsonl";
const DAMAGED: &str = "registry-facts.jsonl.damaged";

fn image(name: &str) -> Known {
    Known::Facts(Arc::new(TagFacts {
        digest: Digest::of(name.as_bytes()),
        created: Some("2024-05-01T10:00:00Z".parse().unwrap()),
        labels: [("a".to_owned(), name.to_owned())].into(),
    }))
}

fn some() -> Vec<(Key, Known)> {
    let excluded = [
        Exclusion::Schema1,
        Exclusion::EmptyIndex,
        Exclusion::TooLarge,
        Exclusion::NoWantedPlatform {
            wanted: "linux/amd64".to_owned(),
        },
        Exclusion::NotAnImage {
            why: ForeignText::new("a \"chart\""),
        },
    ];
    let all = excluded
        .map(Known::Excluded)
        .into_iter()
        .chain([image("x"), image("é\n")]);
    all.enumerate()
        .map(|(n, known)| (Key([u8::try_from(n).unwrap(); KEY]), known))
        .collect()
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = names.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_reads_the_same_and_only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("made/by/itself");
    assert_eq!(file::open(&folder).unwrap(), []);
    for _ in 0..2 {
        file::write(&folder, &encode(&some())).unwrap();
        assert_eq!(file::open(&folder).unwrap(), some());
    }
    assert_eq!(files(&folder), [NAME]);
    let mode = fs::metadata(folder.join(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_gone_or_missing_is_not_written() {
    let digest = Digest::of(b"x");
    let labelled = Exclusion::Labelled {
        media_type: ForeignText::new("application/vnd.other"),
    };
    let passing =
        [Exclusion::Gone, Exclusion::PartMissing { digest }, labelled].map(|why| (Key([1; KEY]), Known::Excluded(why)));
    assert_eq!(encode(&passing), encode(&[]));
}

#[test]
fn a_damaged_file_is_set_aside_and_the_program_starts() {
    let folder = tempfile::tempdir().unwrap();
    let whole = String::from_utf8(encode(&some())).unwrap();
    let no_lines = whole.replace("\"l\":{\"a\":\"x\"}", "\"l\":{\"a\":\"y\"}");
    assert_ne!(no_lines, whole);
    for (what, text) in [
        ("empty", String::new()),
        ("cut off", whole[..whole.len() - 20].to_owned()),
        (
            "without its last line",
            whole[..=whole.trim_end().rfind('\n').unwrap()].to_owned(),
        ),
        ("changed", no_lines),
        ("of another program", "{\"format\":\"other\"}\n".to_owned()),
        (
            "of another version",
            whole.replacen("\"version\":2", "\"version\":1", 1),
        ),
        ("binary", "\u{0}\u{1}\n\u{2}".to_owned()),
        ("only its first line", whole.lines().next().unwrap().to_owned() + "\n"),
    ] {
        fs::write(folder.path().join(NAME), &text).unwrap();
        assert_eq!(file::open(folder.path()).unwrap(), [], "{what}");
        assert_eq!(files(folder.path()), [DAMAGED], "{what}: one at most");
        assert_eq!(fs::read_to_string(folder.path().join(DAMAGED)).unwrap(), text, "{what}");
    }
}

#[test]
fn what_is_no_file_is_set_aside_and_nobody_waits_for_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(NAME);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &place, fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    assert_eq!(file::open(folder.path()).unwrap(), []);
    assert_eq!(files(folder.path()), [DAMAGED]);
    fs::remove_file(folder.path().join(DAMAGED)).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &place).unwrap();
    assert_eq!(file::open(folder.path()).unwrap(), []);
    assert_eq!(files(folder.path()), [DAMAGED]);
}

#[test]
fn what_cannot_even_be_set_aside_does_not_keep_the_program_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(NAME), "damaged").unwrap();
    fs::create_dir(folder.path().join(DAMAGED)).unwrap();
    assert_eq!(file::open(folder.path()).unwrap(), []);
    assert_eq!(files(folder.path()), [NAME, DAMAGED]);
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join(NAME)).unwrap();
    file.set_len(1 << 30).unwrap();
    assert_eq!(file::open(folder.path()).unwrap(), []);
    assert_eq!(files(folder.path()), [DAMAGED]);
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error_that_names_it_and_its_cause_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = file::open(&path).unwrap_err();
        let CacheError::Folder { cause, .. } = &error;
        let expected = format!(
            "the cache folder {} cannot be used: {cause}; give one that this program may write, or none",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
        assert!(
            std::error::Error::source(&error).is_none(),
            "the cause would be printed twice"
        );
    }
}

#[test]
fn facts_of_another_image_are_not_believed() {
    let platforms = Platforms(vec![Platform::new("linux", "amd64")]);
    let view = View {
        connection: 1,
        api_url: "https://r.test/".to_owned(),
        repository: "app".to_owned(),
        identity: None,
    };
    let (digest, wanted) = (Digest::of(b"x"), FactsWanted::Created);
    let mut facts = Facts::default();
    facts.keep(&view, digest, &platforms, wanted, &image("other"));
    assert_eq!(facts.find(&view, digest, &platforms, wanted), None);
    facts.keep(&view, digest, &platforms, wanted, &image("x"));
    assert_eq!(facts.find(&view, digest, &platforms, wanted), Some(image("x")));
    // Neither for other platforms, nor of another repository; but whoever asks.
    assert_eq!(facts.find(&view, digest, &Platforms::any(), wanted), None);
    let other = View {
        repository: "other".to_owned(),
        ..view.clone()
    };
    assert_eq!(facts.find(&other, digest, &platforms, wanted), None);
    let bob = crate::registry::Credentials::new("bob", "secret".to_owned());
    let bobs = View {
        identity: Some(bob.identity()),
        connection: 2,
        ..view
    };
    assert_eq!(
        facts.find(&bobs, digest, &platforms, FactsWanted::Digest),
        Some(image("x"))
    );
}

#[test]
fn a_hundred_thousand_images_are_kept_within_their_bound() {
    let mut facts = Facts::default();
    for n in 0..150_000_u32 {
        let mut key = [0; KEY];
        key[..4].copy_from_slice(&n.to_le_bytes());
        facts.put(Key(key), Known::Excluded(Exclusion::Schema1));
    }
    let kept = facts.all().len();
    assert!((50_000..=100_000).contains(&kept), "{kept}");
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&text);
    }

    #[test]
    fn no_change_of_one_byte_is_read_as_something_else(at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let mut text = encode(&some());
        let at = at.index(text.len());
        text[at] = text[at].wrapping_add(by);
        if let Ok(read) = decode(&text) {
            prop_assert_eq!(read, some());
        }
    }
}
