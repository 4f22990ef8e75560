//! What the fuzz targets share.
//!
//! A target reads text as users write it, because such a corpus can be read and written by people: one thing per line,
//! the first line what is configured, the others what it is asked about.

use argocd_image_updater::core::{
    image::{ImageVersion, TagName},
    select::{Knowledge, Policy, Selection, Situation, TagList, TagOrder, select},
};
use jiff::Timestamp;

/// The most lines that are looked at, so that what compares all with all stays quick.
const MOST_LINES: usize = 16;

/// The longest message for a person, in bytes, and a line that may be put together of two of them.
const LONGEST_MESSAGE: usize = 2048;

/// The input as text: what is configured, and what it is asked about. `None` for what is no UTF-8.
pub fn lines(data: &[u8]) -> Option<(&str, Vec<&str>)> {
    let text = str::from_utf8(data).ok()?;
    let mut lines = text.split('\n');
    let first = lines.next()?;
    Some((first, lines.take(MOST_LINES).collect()))
}

/// Checks that a message is fit for a log, a status or a terminal, whatever a stranger wrote.
pub fn assert_presentable(message: &str) {
    assert!(!message.is_empty(), "a message says something");
    assert!(message.len() <= LONGEST_MESSAGE, "{} bytes: {message}", message.len());
    assert!(!message.contains(char::is_control), "{message:?}");
}

/// What a policy picks of tags whose names are all that is known, while `running` runs.
pub fn pick(policy: &Policy, running: Option<&TagName>, tags: &[TagName]) -> Option<TagName> {
    let list = TagList {
        tags: tags.to_vec(),
        ..TagList::default()
    };
    let live = running.map(|tag| ImageVersion {
        tag: tag.as_str().to_owned(),
        digest: String::new(),
    });
    let situation = Situation {
        live: live.as_ref(),
        ..Situation::at(Timestamp::UNIX_EPOCH)
    };
    match select(policy, &situation, &list, TagOrder::None, &Knowledge::default()) {
        Selection::Decided(decision) => match decision.picked {
            Ok(candidate) => Some(candidate.tag),
            Err(verdict) => {
                assert_presentable(&verdict.message);
                None
            }
        },
        Selection::Need(questions) => panic!("a name is enough, but it asks {questions:?}"),
    }
}

/// Checks what holds for every strategy that needs only names: the pick is admitted, the order of the list does not
/// matter, neither does what a filter or the constraint drops, and what was picked stays.
pub fn assert_fair(policy: &Policy, tags: &[TagName]) {
    let picked = pick(policy, None, tags);
    let admitted: Vec<_> = tags.iter().filter(|tag| policy.admit(tag).is_ok()).cloned().collect();
    let reversed: Vec<_> = tags.iter().rev().cloned().collect();
    assert_eq!(picked.is_some(), !admitted.is_empty(), "one of {admitted:?} is picked");
    assert!(
        picked.as_ref().is_none_or(|tag| admitted.contains(tag)),
        "{picked:?} of {admitted:?}"
    );
    assert_eq!(pick(policy, None, &reversed), picked, "the order of the list");
    assert_eq!(pick(policy, None, &admitted), picked, "what is dropped");
    assert_eq!(pick(policy, picked.as_ref(), tags), picked, "what runs already");
}
