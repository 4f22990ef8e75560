//! The message of a commit: of one application, or of several that share it.
//!
//! Pure, never blank, and of bounded length. Read on: [`super::message_template`] for what a template sees.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    described::DescribedChange,
    message_template::{CommitMessage, MessageFault, MessageTemplate, fallback},
};
use crate::core::plan::ImageChange;

/// The most bytes of the list of applications that share a commit, beyond the first of them: the list stands in the first
/// line, which people see cut elsewhere.
const MAX_NAMES: usize = 100;

/// The most changes that the message of a shared commit tells.
const MAX_CHANGES: usize = 500;

/// The most bytes of a message.
const MAX_MESSAGE: usize = 64 << 10;

/// The most bytes that are left out more, so that a message ends with a whole line.
const MAX_LINE: usize = 1 << 10;

/// What stands at the end of a message that was cut.
const CUT: &str = "...\n";

/// What a commit changes for one application.
#[derive(Debug, Clone)]
pub struct MessagePart<'a> {
    /// The application's name.
    pub application: &'a str,
    /// Its changes, in their order.
    pub changes: Vec<DescribedChange<'a>>,
}

impl<'a> MessagePart<'a> {
    /// The changes of an application with the labels of their new images, in the same order.
    pub fn new(application: &'a str, changes: &'a [ImageChange], labels: &'a [BTreeMap<String, String>]) -> Self {
        let mut labels = labels.iter();
        let changes = changes.iter().map(|change| {
            let described = DescribedChange::from(change);
            labels.next().map_or(described, |labels| described.with_labels(labels))
        });
        Self {
            application,
            changes: changes.collect(),
        }
    }
}

/// The message of a commit that holds these parts.
///
/// Of several applications `.AppName` is a list, `shop, web and 3 more`, and a change that several of them have alike
/// stands once in `.AppChanges`. A template that cannot be evaluated, or gives a blank text, is replaced by a fixed
/// message, with the fault beside it.
pub fn for_commit(template: &MessageTemplate, parts: &[MessagePart<'_>]) -> CommitMessage {
    let names = names(parts);
    let (changes, more) = match parts {
        [part] => (part.changes.clone(), 0),
        parts => distinct(parts),
    };
    let CommitMessage { mut text, mut fault } = template.render(&names, &changes);
    if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
        text = fallback(&names);
        fault = Some(MessageFault::Blank);
    }
    if more > 0 && fault.is_none() {
        text.truncate(text.trim_end().len());
        let _ = writeln!(text, "\n\nand {more} more");
    }
    CommitMessage { text: cut(text), fault }
}

/// The names of the applications, each once, in their order.
fn names(parts: &[MessagePart<'_>]) -> String {
    let mut seen = BTreeSet::new();
    let names = parts.iter().map(|part| part.application);
    let names: Vec<_> = names.filter(|name| seen.insert(*name)).collect();
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        if index > 0 && text.len() + name.len() > MAX_NAMES {
            let _ = write!(text, " and {} more", names.len() - index);
            break;
        }
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{name}");
    }
    text
}

/// The changes that a template can tell apart, and how many of them are left out.
fn distinct<'a>(parts: &[MessagePart<'a>]) -> (Vec<DescribedChange<'a>>, usize) {
    let mut seen = BTreeSet::new();
    let changes = parts.iter().flat_map(|part| &part.changes).copied();
    let mut distinct: Vec<_> = changes
        .filter(|change| seen.insert((&change.image.name, change.old_text(), change.new_text(), change.labels)))
        .collect();
    let more = distinct.len().saturating_sub(MAX_CHANGES);
    distinct.truncate(MAX_CHANGES);
    (distinct, more)
}

/// The text, cut behind the last line that is whole, unless that is far away.
fn cut(mut text: String) -> String {
    if text.len() > MAX_MESSAGE {
        text.truncate(text.floor_char_boundary(MAX_MESSAGE - CUT.len() - 1));
        match text.rfind('\n') {
            Some(end) if text.len() - end <= MAX_LINE => text.truncate(end + 1),
            _ => text.push('\n'),
        }
        text.push_str(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        image::{ImageRef, ImageVersion, VersionWords},
        keys::ObjectKey,
    };

    fn version(tag: &str) -> ImageVersion {
        ImageVersion {
            tag: tag.to_owned(),
            digest: String::new(),
        }
    }

    fn change(image: &str, old: ImageVersion, new: ImageVersion) -> ImageChange {
        ImageChange {
            application: ObjectKey::new("argocd", "shop"),
            alias: "api".to_owned(),
            image: ImageRef::parse(image).unwrap(),
            old,
            new,
            words: VersionWords::Either,
            note: None,
        }
    }

    fn api() -> ImageChange {
        change("quay.io/acme/api:1.x", version("v1.0.0"), version("v1.1.0"))
    }

    fn part<'a>(application: &'a str, changes: &'a [ImageChange]) -> MessagePart<'a> {
        MessagePart::new(application, changes, &[])
    }

    fn message(template: &str, parts: &[MessagePart<'_>]) -> CommitMessage {
        for_commit(&MessageTemplate::parse(template).unwrap(), parts)
    }

    #[test]
    fn every_change_has_a_line_with_the_name_without_its_registry() {
        let digest = |digest: &str| ImageVersion {
            digest: digest.to_owned(),
            ..version("main")
        };
        let job = change("acme/job:main", digest("sha256:0a"), digest("sha256:1b"));
        assert_eq!(
            message("", &[part("shop", &[api(), job])]),
            CommitMessage {
                text: "build: automatic update of shop\n\n\
                       updates image acme/api tag 'v1.0.0' to 'v1.1.0'\n\
                       updates image acme/job tag 'sha256:0a' to 'sha256:1b'\n"
                    .to_owned(),
                fault: None
            }
        );
    }

    #[test]
    fn a_pinned_image_is_told_with_its_tag() {
        let pinned = ImageChange {
            words: VersionWords::Both,
            new: ImageVersion {
                digest: "sha256:0a".to_owned(),
                ..version("v1.1.0")
            },
            ..api()
        };
        assert_eq!(
            message("", &[part("shop", &[pinned])]).text,
            "build: automatic update of shop\n\nupdates image acme/api tag 'v1.0.0' to 'v1.1.0@sha256:0a'\n"
        );
    }

    #[test]
    fn applications_that_share_a_commit_tell_the_same_change_once() {
        let (same, other) = ([api()], [api(), change("acme/job", version("1"), version("2"))]);
        let parts = [part("shop", &same), part("web", &other), part("shop", &same)];
        assert_eq!(
            message("", &parts).text,
            "build: automatic update of shop, web\n\n\
             updates image acme/api tag 'v1.0.0' to 'v1.1.0'\n\
             updates image acme/job tag '1' to '2'\n"
        );
    }

    #[test]
    fn changes_with_other_labels_are_other_changes() {
        let changes = [api()];
        let labels = ["1", "2"].map(|value| [BTreeMap::from([("a".to_owned(), value.to_owned())])]);
        let parts = labels
            .each_ref()
            .map(|labels| MessagePart::new("shop", &changes, labels));
        let template = "{{ range .AppChanges }}{{ .Labels.a }};{{ end }}";
        assert_eq!(message(template, &parts).text, "1;2;");
    }

    #[test]
    fn the_list_of_applications_is_short() {
        for (count, expected) in [
            (1, "application-00"),
            (2, "application-00, application-01"),
            (
                8,
                "application-00, application-01, application-02, application-03, application-04, application-05 and 2 more",
            ),
        ] {
            let names: Vec<_> = (0..count).map(|n| format!("application-{n:02}")).collect();
            let parts: Vec<_> = names.iter().map(|name| part(name, &[])).collect();
            assert_eq!(message("{{ .AppName }}", &parts).text, expected);
        }
        let long = "x".repeat(253);
        let parts = [part(&long, &[]), part("b", &[])];
        assert_eq!(message("{{ .AppName }}", &parts).text, format!("{long} and 1 more"));
    }

    #[test]
    fn a_shared_commit_tells_five_hundred_changes_and_the_number_of_the_rest() {
        let changes: Vec<_> = (0..501)
            .map(|n| change(&format!("acme/i{n}"), version("1"), version("2")))
            .collect();
        let (first, rest) = changes.split_at(300);
        let text = message("", &[part("shop", first), part("web", rest)]).text;
        assert_eq!(text.matches("updates image").count(), 500);
        assert!(text.ends_with("acme/i499 tag '1' to '2'\n\nand 1 more\n"), "{text}");
    }

    #[test]
    fn a_template_that_makes_no_message_is_replaced_and_told() {
        let changes = [api()];
        for (template, parts, text, fault) in [
            (
                "{{ .Nope }}",
                vec![part("shop", &changes)],
                "build: update of application shop",
                ".Nope",
            ),
            (
                "{{ .Nope }}",
                vec![part("shop", &changes), part("web", &changes)],
                "build: update of application shop, web",
                ".Nope",
            ),
            (
                "{{ range .AppChanges }} {{ end }}\n",
                vec![part("shop", &changes)],
                "build: update of application shop",
                "blank",
            ),
            (
                "\0",
                vec![part("shop", &changes)],
                "build: update of application shop",
                "blank",
            ),
        ] {
            let message = message(template, &parts);
            assert_eq!(message.text, text, "{template}");
            let told = message.fault.map(|fault| fault.to_string()).unwrap_or_default();
            assert!(told.contains(fault), "{template}: {told}");
        }
    }

    #[test]
    fn a_long_message_is_cut_behind_a_whole_line() {
        let lines = "{{ range .AppChanges }}{{ .Image }} is new\n{{ end }}";
        let changes: Vec<_> = (0..9000)
            .map(|n| change(&format!("i{n}"), version("1"), version("2")))
            .collect();
        let text = message(lines, &[part("shop", &changes)]).text;
        assert!(text.len() <= MAX_MESSAGE && text.len() > MAX_MESSAGE - 100);
        assert!(text.ends_with(" is new\n...\n"), "{}", &text[text.len() - 50..]);

        let one_line = message(
            "a\n\n{{ range .AppChanges }}äöü{{ .Image }}{{ end }}",
            &[part("shop", &changes)],
        )
        .text;
        assert!(one_line.len() <= MAX_MESSAGE && one_line.len() > MAX_MESSAGE - 100);
        assert!(one_line.ends_with("\n...\n"));
    }
}
