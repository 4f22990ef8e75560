use super::*;
use crate::core::image::ImageRef;

fn claimant(resource: &str) -> Claimant {
    Claimant {
        resource: ObjectKey::new("argocd", resource),
        application: ObjectKey::new("argocd", "shop"),
    }
}

fn written(tag: &str) -> Written {
    let entry = Entry::KustomizeImage {
        name: None,
        image: ImageRef::parse(&format!("a/x:{tag}")).unwrap(),
    };
    Written::new(&Target::Application("u".to_owned()), SourceSlot::Single, &[entry])
}

fn version(generation: i64, requested: &str) -> Version {
    Version {
        uid: String::new(),
        generation,
        requested: (!requested.is_empty()).then(|| requested.to_owned()),
    }
}

/// Asks and, when it may be written, writes; then somebody takes it back.
fn attempt(memory: &mut Memory, tag: &str, version: &Version, resource: &str) -> &'static str {
    let claimant = claimant(resource);
    let asker = Asker {
        claimant: &claimant,
        version,
    };
    match memory.judge(&written(tag), tag, asker, true) {
        Judgement::Write => {
            memory.wrote(&written(tag), asker);
            "write"
        }
        Judgement::Suspect => "suspect",
        Judgement::TakenBack(verdict) => {
            assert_eq!(verdict.reason, Reason::Reverted);
            "reverted"
        }
    }
}

#[test]
fn a_value_is_written_twice_and_then_left_alone_until_something_new() {
    let mut memory = Memory::default();
    for (tag, version, resource, expected) in [
        ("2", version(1, ""), "a", "write"),
        ("2", version(1, ""), "a", "write"),
        ("2", version(1, ""), "a", "reverted"),
        ("2", version(1, ""), "a", "reverted"),
        // Another resource that wants the same is no reason to go on.
        ("2", version(7, ""), "b", "reverted"),
        // A newer tag.
        ("3", version(1, ""), "a", "write"),
        ("3", version(1, ""), "a", "write"),
        ("3", version(1, ""), "a", "reverted"),
        // A changed resource.
        ("3", version(2, ""), "a", "write"),
        ("3", version(2, ""), "a", "write"),
        ("3", version(2, ""), "a", "reverted"),
        // A requested reconcile, once for each value.
        ("3", version(2, "now"), "a", "write"),
        ("3", version(2, "now"), "a", "write"),
        ("3", version(2, "now"), "a", "reverted"),
        ("3", version(2, "again"), "a", "write"),
    ] {
        let found = attempt(&mut memory, tag, &version, resource);
        assert_eq!(found, expected, "{tag} {version:?} {resource}");
    }
    assert_eq!(memory.len(), 1);
}

#[test]
fn only_real_writes_count() {
    let mut memory = Memory::default();
    let (claimant, version) = (claimant("a"), version(1, ""));
    let asker = Asker {
        claimant: &claimant,
        version: &version,
    };
    for _ in 0..5 {
        assert_eq!(memory.judge(&written("2"), "2", asker, true), Judgement::Write);
    }
    assert!(memory.is_empty());
}

#[test]
fn what_was_seen_before_the_last_write_is_no_proof() {
    let mut memory = Memory::default();
    let (claimant, version) = (claimant("a"), version(1, ""));
    let asker = Asker {
        claimant: &claimant,
        version: &version,
    };
    memory.wrote(&written("2"), asker);
    memory.wrote(&written("2"), asker);
    let judge = |memory: &mut Memory, fresh| memory.judge(&written("2"), "2", asker, fresh);
    assert_eq!(judge(&mut memory, false), Judgement::Suspect);
    let Judgement::TakenBack(verdict) = judge(&mut memory, true) else {
        panic!("a fresh look is proof")
    };
    for words in [
        "2 was written 2 times",
        "reconcile-requested-at",
        "ignoreApplicationDifferences",
        "git",
    ] {
        assert!(verdict.message.contains(words), "{verdict}");
    }
    assert_eq!(
        judge(&mut memory, false),
        Judgement::TakenBack(verdict),
        "it is not read again in every cycle"
    );
}

#[test]
fn what_is_gone_is_forgotten_and_the_memory_is_bounded() {
    let mut memory = Memory::default();
    attempt(&mut memory, "2", &version(1, ""), "a");
    memory.retain(|claimant| claimant.resource.name == "a");
    assert_eq!(memory.len(), 1);
    memory.retain(|_| false);
    assert!(memory.is_empty());

    let (claimant, version) = (claimant("a"), version(1, ""));
    let asker = Asker {
        claimant: &claimant,
        version: &version,
    };
    let nth = |index: usize| Written {
        places: (Target::Application(index.to_string()), Vec::new()),
        values: Vec::new(),
    };
    for index in 0..MOST + 3 {
        memory.wrote(&nth(index), asker);
    }
    assert_eq!(memory.len(), MOST);
    assert!(!memory.places.contains_key(&nth(2).places), "the first go first");
    assert!(memory.places.contains_key(&nth(MOST + 2).places));
}
