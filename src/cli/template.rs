//! `template`: what a template of commit messages or branches makes of sample data, before it is used.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, anyhow};

use super::{
    printer::{self, is_hostile},
    template_file,
};
use crate::{
    core::{
        gotmpl::{RenderError, Template},
        image::{Digest, ImageRef, ImageVersion, VersionWords},
        render::{
            branch::{self, BranchData, BranchError},
            described::DescribedChange,
            message_template::{CommitMessage, DEFAULT_TEMPLATE, MessageFault, MessageTemplate},
        },
    },
    settings::look::{TemplateArgs, TemplateKind},
};

/// The application of the samples.
const APPLICATION: &str = "example-app";

/// The fields that only the data of branches has.
const BRANCH_FIELDS: [&str; 4] = ["AppNamespace", "Images", "SHA256", "TargetKey"];

/// Labels that many images have; OCI image specification, "Pre-Defined Annotation Keys".
const LABELS: [(&str, &str); 6] = [
    ("org.opencontainers.image.created", "2026-01-02T03:04:05Z"),
    (
        "org.opencontainers.image.revision",
        "5c3a1e0f9b7d24688ace0135792468bdf0e1c2d3",
    ),
    (
        "org.opencontainers.image.source",
        "https://git.example.com/example/example",
    ),
    ("org.opencontainers.image.title", "example"),
    ("org.opencontainers.image.url", "https://example.com"),
    ("org.opencontainers.image.version", "1.0.1"),
];

/// The answer: what the template makes, and one line break.
pub fn print(args: &TemplateArgs) -> anyhow::Result<()> {
    let (name, text) = read(args.path.as_deref(), args.kind)?;
    let template = Template::parse(&text).map_err(|invalid| template_file::fault(&name, &invalid))?;
    let kind = args.kind.unwrap_or_else(|| kind_of(&template));
    let samples = Samples::new(&args.label);
    let made = match kind {
        TemplateKind::Message => messages(&name, &text, &samples)?,
        TemplateKind::Branch => samples.branch(&text).map_err(|error| refused(&name, error))?,
    };
    if args.kind.is_none() && kind == TemplateKind::Branch {
        writeln!(
            io::stderr(),
            "this is a branch, by its fields; --kind=message tells otherwise"
        )?;
    }
    let made = made.replace(|c| is_hostile(c) && !matches!(c, '\n' | '\t'), "\u{fffd}");
    printer::to_stdout(&(made + "\n"))?;
    Ok(())
}

/// The template, and what to call it in errors.
fn read(path: Option<&Path>, kind: Option<TemplateKind>) -> anyhow::Result<(String, String)> {
    let built_in = match kind {
        Some(TemplateKind::Branch) => branch::PULL_REQUEST_TEMPLATE,
        Some(TemplateKind::Message) | None => DEFAULT_TEMPLATE,
    };
    let (name, text) = match path {
        None => return Ok(("the built-in template".to_owned(), built_in.to_owned())),
        Some(path) if path == Path::new("-") => ("standard input".to_owned(), template_file::text(io::stdin().lock())),
        Some(path) => (
            path.display().to_string(),
            File::open(path).and_then(template_file::text),
        ),
    };
    let text = text.with_context(|| format!("{name} cannot be read"))?;
    if text.trim().is_empty() {
        writeln!(io::stderr(), "{name} has no text: this is the built-in template")?;
        return Ok((name, built_in.to_owned()));
    }
    Ok((name, text))
}

/// What a template makes, as its fields tell.
fn kind_of(template: &Template) -> TemplateKind {
    let of_branch = BRANCH_FIELDS.into_iter().any(|field| template.mentions_field(field));
    if of_branch && !template.mentions_field("AppChanges") {
        TemplateKind::Branch
    } else {
        TemplateKind::Message
    }
}

/// The message; of a template that tells labels, one with them and one without.
fn messages(name: &str, text: &str, samples: &Samples) -> anyhow::Result<String> {
    let template = MessageTemplate::parse(text).map_err(|invalid| template_file::fault(name, &invalid))?;
    let with = samples.message(name, &template, true)?;
    if !template.uses_labels() {
        return Ok(with);
    }
    let without = samples.message(name, &template, false)?;
    Ok(format!(
        "== When the images have labels\n{}\n\n== When they have none\n{}",
        with.trim_end_matches('\n'),
        without
    ))
}

/// That the template in `name` makes no branch.
fn refused(name: &str, error: BranchError) -> anyhow::Error {
    match error {
        BranchError::Invalid(invalid) => template_file::fault(name, &invalid),
        BranchError::Template(error) => failed(name, &error),
        error => anyhow!("{name}: {error}"),
    }
}

fn failed(name: &str, error: &RenderError) -> anyhow::Error {
    match error {
        RenderError::Failed { line, reason } => anyhow!("{name}: line {line}: {reason}"),
        error => anyhow!("{name}: {error}"),
    }
}

/// An application with a version and a digest that change.
struct Samples {
    images: [(&'static str, ImageRef, ImageVersion, ImageVersion); 2],
    labels: BTreeMap<String, String>,
}

impl Samples {
    fn new(labels: &[(String, String)]) -> Self {
        let tag = |tag: &str| ImageVersion {
            tag: tag.to_owned(),
            digest: String::new(),
        };
        let digest = |of: &str| ImageVersion {
            tag: "latest".to_owned(),
            digest: Digest::of(of.as_bytes()).to_string(),
        };
        let image = |name: &str| ImageRef {
            registry: String::new(),
            name: name.to_owned(),
            version: None,
        };
        let usual = LABELS.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self {
            images: [
                ("example", image("example/example"), tag("1.0.0"), tag("1.0.1")),
                ("updater", image("example/updater"), digest("before"), digest("after")),
            ],
            labels: usual.into_iter().chain(labels.iter().cloned()).collect(),
        }
    }

    fn changes(&self, with_labels: bool) -> Vec<DescribedChange<'_>> {
        let changes = self.images.iter().map(|(alias, image, old, new)| DescribedChange {
            image,
            alias,
            old,
            new,
            words: VersionWords::Either,
            labels: with_labels.then_some(&self.labels),
        });
        changes.collect()
    }

    fn message(&self, name: &str, template: &MessageTemplate, with_labels: bool) -> anyhow::Result<String> {
        let CommitMessage { text, fault } = template.render(APPLICATION, &self.changes(with_labels));
        match fault {
            Some(MessageFault::Failed(error)) => Err(anyhow!("{}; commits would say {text:?}", failed(name, &error))),
            None if !text.trim().is_empty() => Ok(text),
            Some(MessageFault::Blank) | None => Err(anyhow!("{name}: {}", MessageFault::Blank)),
        }
    }

    fn branch(&self, template: &str) -> Result<String, BranchError> {
        branch::push_branch(
            template,
            &BranchData {
                app_namespace: "argocd",
                app_name: APPLICATION,
                target_key: "0f1e2d3c",
                changes: &self.changes(false),
            },
        )
    }
}
