//! Commit messages from a user's template.
//!
//! Pure. The message of a commit never fails: a template that cannot be evaluated gives a fixed text, and the fault
//! beside it for whoever reports it. Whether a template is valid is found out when it is parsed. Read on:
//! [`super::message`] for the message of a commit that several applications may share, [`crate::core::gotmpl`] for the
//! language, [`super::pull_request`] for what becomes of the message there.

use super::described::DescribedChange;
use crate::core::gotmpl::{InvalidTemplate, RenderError, Template, Value};

/// The template that counts where no other is configured.
pub const DEFAULT_TEMPLATE: &str = "build: automatic update of {{ .AppName }}

{{ range .AppChanges -}}
updates image {{ .Image }} tag '{{ .OldTag }}' to '{{ .NewTag }}'
{{ end -}}
";

/// A template for commit messages.
///
/// Its data: `.AppName`, and `.AppChanges` with `.Image` (the name without registry), `.OldTag`, `.NewTag` (the digest
/// where there is one, `tag@digest` with `pinDigest`) and `.Labels` (those of the new image).
#[derive(Debug, Clone)]
pub struct MessageTemplate(Template);

/// The message of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMessage {
    /// The text, as the template makes it; it may be blank.
    pub text: String,
    /// Why the text is not the template's own.
    pub fault: Option<MessageFault>,
}

/// Why a commit has not the message that its template should make.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum MessageFault {
    /// The template cannot be evaluated with these changes.
    #[error("{0}")]
    Failed(#[from] RenderError),
    /// It makes a blank text, and git wants a message.
    #[error("the template gives a blank message")]
    Blank,
}

impl MessageTemplate {
    /// Parses a template; a blank one is [`DEFAULT_TEMPLATE`].
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let text = if text.trim().is_empty() { DEFAULT_TEMPLATE } else { text };
        Template::parse(text).map(Self)
    }

    /// Whether labels are asked for, so that they have to be known.
    pub fn uses_labels(&self) -> bool {
        self.0.mentions_field("Labels")
    }

    /// The message for the changes of one application, or of the applications that `app_name` lists.
    pub fn render(&self, app_name: &str, changes: &[DescribedChange<'_>]) -> CommitMessage {
        match self.0.render(&data(app_name, changes)) {
            Ok(text) => CommitMessage { text, fault: None },
            Err(fault) => CommitMessage {
                text: fallback(app_name),
                fault: Some(fault.into()),
            },
        }
    }
}

impl Default for MessageTemplate {
    /// The template that counts where no other is configured.
    fn default() -> Self {
        Self::parse(DEFAULT_TEMPLATE).expect("the default template is valid")
    }
}

/// The message of a commit whose template gives none.
pub(super) fn fallback(app_name: &str) -> String {
    format!("build: update of application {app_name}")
}

fn data(app_name: &str, changes: &[DescribedChange<'_>]) -> Value {
    let changes = changes.iter().map(|change| {
        Value::fields([
            ("Image", change.image.name.as_str().into()),
            ("OldTag", change.old_text().as_ref().into()),
            ("NewTag", change.new_text().as_ref().into()),
            ("Labels", change.label_values()),
        ])
    });
    Value::fields([("AppName", app_name.into()), ("AppChanges", changes.collect())])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::core::image::{ImageRef, ImageVersion, VersionWords};

    fn version(tag: &str, digest: &str) -> ImageVersion {
        ImageVersion {
            tag: tag.to_owned(),
            digest: digest.to_owned(),
        }
    }

    fn message(template: &str, labels: Option<&BTreeMap<String, String>>) -> CommitMessage {
        message_in(VersionWords::Either, template, labels)
    }

    fn message_in(words: VersionWords, template: &str, labels: Option<&BTreeMap<String, String>>) -> CommitMessage {
        let (api, job) = (
            ImageRef::parse("quay.io/acme/api:1.x").unwrap(),
            ImageRef::parse("acme/job:main").unwrap(),
        );
        let versions = [
            (version("v1.0.0", ""), version("v1.1.0", "")),
            (version("main", "sha256:0a"), version("main", "sha256:1b")),
        ];
        let changes: Vec<_> = [&api, &job]
            .into_iter()
            .zip(&versions)
            .map(|(image, (old, new))| DescribedChange {
                image,
                alias: "a",
                old,
                new,
                words,
                labels,
            })
            .collect();
        MessageTemplate::parse(template).unwrap().render("shop", &changes)
    }

    #[test]
    fn a_blank_template_is_the_default() {
        for blank in ["", " \n"] {
            assert_eq!(
                message(blank, None).text,
                "build: automatic update of shop\n\n\
                 updates image acme/api tag 'v1.0.0' to 'v1.1.0'\n\
                 updates image acme/job tag 'sha256:0a' to 'sha256:1b'\n"
            );
        }
        assert!(!MessageTemplate::parse("").unwrap().uses_labels());
    }

    #[test]
    fn a_pinned_version_has_its_tag() {
        let template = "{{ range .AppChanges }}{{ .OldTag }} {{ .NewTag }};{{ end }}";
        assert_eq!(
            message_in(VersionWords::Both, template, None).text,
            "v1.0.0 v1.1.0;main@sha256:0a main@sha256:1b;"
        );
    }

    #[test]
    fn labels_are_known_by_their_key() {
        let template = "{{ range .AppChanges }}{{ index .Labels \"org.opencontainers.image.revision\" }};{{ end }}";
        let labels = BTreeMap::from([("org.opencontainers.image.revision".to_owned(), "deadbeef".to_owned())]);
        assert_eq!(message(template, Some(&labels)).text, "deadbeef;deadbeef;");
        assert_eq!(message(template, None).text, ";;");
        assert!(MessageTemplate::parse(template).unwrap().uses_labels());
    }

    #[test]
    fn a_template_that_fails_gives_the_fixed_text_and_the_fault() {
        let message = message("{{ .Nope }}", None);
        assert_eq!(message.text, "build: update of application shop");
        assert!(message.fault.unwrap().to_string().contains(".Nope"));
    }
}
