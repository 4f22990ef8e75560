//! Commit messages from templates, and what a pull request makes of a message.

use std::collections::BTreeMap;

use argocd_image_updater::core::{
    image::{ImageRef, ImageVersion, VersionWords},
    render::{
        described::DescribedChange,
        message::{self, MessagePart},
        message_template::MessageTemplate,
        pull_request::PullRequestText,
    },
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let text = |key: &str| input[key].as_str().ok_or_else(|| format!("{key} is missing"));
    if input.get("commit_message").is_some() {
        let message = input["commit_message"].as_str().unwrap_or_default();
        let request = PullRequestText::from_message(message, text("app_namespace")?, text("app_name")?);
        return Ok(json!({"title": request.title, "body": request.body}));
    }
    let changes = Changes::read(input)?;
    let Ok(template) = MessageTemplate::parse(text("template")?) else {
        return Ok(json!({"error": "template_invalid"}));
    };
    let application = text("app_name")?;
    let rendered = template.render(application, &changes.described()).text;
    let part = MessagePart {
        application,
        changes: changes.described(),
    };
    let committed = message::for_commit(&template, &[part]).text;
    if committed != rendered && !rendered.trim().is_empty() {
        return Err(format!("{rendered:?} is committed as {committed:?}"));
    }
    Ok(json!({"message": rendered}))
}

/// The changes of a case.
pub(super) struct Changes(Vec<Change>);

struct Change {
    image: ImageRef,
    alias: String,
    old: ImageVersion,
    new: ImageVersion,
    labels: BTreeMap<String, String>,
}

impl Changes {
    pub(super) fn read(input: &Value) -> Result<Self, String> {
        let changes = input["changes"].as_array().ok_or("changes is missing")?;
        changes.iter().map(change).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn described(&self) -> Vec<DescribedChange<'_>> {
        let described = self.0.iter().map(|change| DescribedChange {
            image: &change.image,
            alias: &change.alias,
            old: &change.old,
            new: &change.new,
            words: VersionWords::Either,
            labels: Some(&change.labels),
        });
        described.collect()
    }
}

fn change(change: &Value) -> Result<Change, String> {
    let image = change["image"].as_str().ok_or("image is missing")?;
    let version = |version: &Value| ImageVersion {
        tag: version["tag"].as_str().unwrap_or_default().to_owned(),
        digest: version["digest"].as_str().unwrap_or_default().to_owned(),
    };
    let labels = change["new"]["labels"].as_object();
    Ok(Change {
        image: ImageRef::parse(image).map_err(|error| error.to_string())?,
        alias: change["alias"].as_str().unwrap_or_default().to_owned(),
        old: version(&change["old"]),
        new: version(&change["new"]),
        labels: labels
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
    })
}
