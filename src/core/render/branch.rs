//! The branch that changes are pushed to, from a user's template.
//!
//! Pure. [`BranchTemplate::render`] gives the name as the template makes it; [`push_branch`] one that git takes, or says
//! which rule it breaks. The same changes have the same name.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{
    branch_name::{self, MAX_COMPONENT},
    described::DescribedChange,
};
use crate::core::{
    foreign::ForeignText,
    gotmpl::{InvalidTemplate, RenderError, Template, Value},
};

/// The template of the branch that a pull request is made from.
pub const PULL_REQUEST_TEMPLATE: &str = "image-updater-{{ .TargetKey }}-{{ .SHA256 }}";

/// The most bytes of a branch name.
const MAX_NAME: usize = 255;

/// A template for branch names.
///
/// Its data: `.Images` with `.Name` (without registry), `.Alias`, `.OldTag`, `.NewTag` (the digest where there is one);
/// `.SHA256` over all changes, `.AppNamespace`, `.AppName`, `.TargetKey`.
#[derive(Debug, Clone)]
pub struct BranchTemplate(Template);

/// What a branch is made for.
#[derive(Debug, Clone, Copy)]
pub struct BranchData<'a> {
    /// The namespace of the application.
    pub app_namespace: &'a str,
    /// The application.
    pub app_name: &'a str,
    /// The place that is written, as [`target_key`](crate::core::resolve::pull_request::target_key) makes it.
    pub target_key: &'a str,
    /// The changes, in their order.
    pub changes: &'a [DescribedChange<'a>],
}

/// A template that gives no branch name.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum BranchError {
    /// It is no template.
    #[error("the branch name: {0}")]
    Invalid(#[from] InvalidTemplate),
    /// It could not be evaluated.
    #[error("the branch name: {0}")]
    Template(#[from] RenderError),
    /// The result is empty.
    #[error("the branch name: the template gives an empty text")]
    Empty,
    /// The result is no name of a branch.
    #[error("the branch name: the template {template:?} gives {name:?}, which git refuses: {rule}")]
    Refused {
        /// The template.
        template: ForeignText,
        /// What it gives.
        name: ForeignText,
        /// The rule that this breaks.
        rule: &'static str,
    },
}

/// The branch that a configured template names for these changes, in a form that git takes: cut to 255 bytes and its
/// components to 250, without white space around it.
pub fn push_branch(template: &str, data: &BranchData<'_>) -> Result<String, BranchError> {
    let full = BranchTemplate::parse(template)?.full(data)?;
    let name = match cut(full.trim()) {
        // What a cut leaves at the end is nobody's mistake.
        name if name.len() < full.trim().len() => presentable(name),
        name => name,
    };
    if name.is_empty() {
        return Err(BranchError::Empty);
    }
    let name = fit(name);
    match branch_name::broken_rule(&name) {
        None => Ok(name),
        Some(rule) => Err(BranchError::Refused {
            template: ForeignText::new(template),
            name: ForeignText::new(&name),
            rule,
        }),
    }
}

impl BranchTemplate {
    /// Parses a template.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        Template::parse(text).map(Self)
    }

    /// The text that the template makes, cut to 255 bytes. It need not be a name that git takes: see [`push_branch`].
    pub fn render(&self, data: &BranchData<'_>) -> Result<String, BranchError> {
        let full = self.full(data)?;
        if full.is_empty() {
            return Err(BranchError::Empty);
        }
        Ok(cut(&full).to_owned())
    }

    fn full(&self, data: &BranchData<'_>) -> Result<String, BranchError> {
        Ok(self.0.render(&values(data))?)
    }
}

fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(MAX_NAME)).unwrap_or(name)
}

/// The name with every component cut to what git can store. A name that is short enough stays as it is.
pub fn fit(name: &str) -> String {
    let components = name.split('/').map(|component| {
        if component.len() <= MAX_COMPONENT {
            return component;
        }
        let cut = component.get(..component.floor_char_boundary(MAX_COMPONENT));
        presentable(cut.unwrap_or(""))
    });
    components.collect::<Vec<_>>().join("/")
}

/// What a cut leaves, without what git refuses at the end of a name.
fn presentable(mut cut: &str) -> &str {
    while let Some(shorter) = [".lock", ".", "/"].into_iter().find_map(|end| cut.strip_suffix(end)) {
        cut = shorter;
    }
    cut
}

/// The hash over changes, in their order.
fn hash(changes: &[DescribedChange<'_>]) -> String {
    let mut text = String::new();
    for change in changes {
        let _ = write!(
            text,
            "{}-{}-{},",
            change.image.name,
            change.old_text(),
            change.new_text()
        );
    }
    hex::encode(Sha256::digest(text))
}

fn values(data: &BranchData<'_>) -> Value {
    let images = data.changes.iter().map(|change| {
        Value::fields([
            ("Name", change.image.name.as_str().into()),
            ("Alias", change.alias.into()),
            ("OldTag", change.old_text().as_ref().into()),
            ("NewTag", change.new_text().as_ref().into()),
        ])
    });
    Value::fields([
        ("Images", images.collect()),
        ("SHA256", hash(data.changes).into()),
        ("AppNamespace", data.app_namespace.into()),
        ("AppName", data.app_name.into()),
        ("TargetKey", data.target_key.into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::image::{ImageRef, ImageVersion, VersionWords};

    const HASH: &str = "76e0c13750b27b527a953875f186d833a8bd47726fcb39ba2a8c9574943bcfaa";

    fn with_data<T>(test: impl FnOnce(&BranchData<'_>) -> T) -> T {
        let version = |tag: &str| ImageVersion {
            tag: tag.to_owned(),
            digest: String::new(),
        };
        let image = ImageRef::parse("quay.io/acme/api:1.x").unwrap();
        let (old, new) = (version("v1.0.0"), version("v1.1.0"));
        let changes = [DescribedChange {
            image: &image,
            alias: "api",
            old: &old,
            new: &new,
            words: VersionWords::Either,
            labels: None,
        }];
        test(&BranchData {
            app_namespace: "argocd",
            app_name: "shop",
            target_key: "0123abcd",
            changes: &changes,
        })
    }

    fn render(template: &str) -> Result<String, BranchError> {
        with_data(|data| BranchTemplate::parse(template).unwrap().render(data))
    }

    fn push(template: &str) -> Result<String, BranchError> {
        with_data(|data| push_branch(template, data))
    }

    #[test]
    fn every_field_is_filled() {
        for (template, expected) in [
            (PULL_REQUEST_TEMPLATE, format!("image-updater-0123abcd-{HASH}")),
            (
                "{{.AppNamespace}}/{{.AppName}}{{range .Images}}/{{.Alias}}-{{.Name}}-{{.OldTag}}-{{.NewTag}}{{end}}",
                "argocd/shop/api-acme/api-v1.0.0-v1.1.0".to_owned(),
            ),
        ] {
            assert_eq!(render(template), Ok(expected.clone()));
            assert_eq!(push(template), Ok(expected));
        }
    }

    #[test]
    fn the_same_changes_have_the_same_branch() {
        let template = "iu/{{ .AppNamespace }}/{{ .AppName }}-{{ .SHA256 }}";
        assert_eq!(push(template), push(template));
        assert_eq!(push(template), Ok(format!("iu/argocd/shop-{HASH}")));
    }

    #[test]
    fn a_long_name_is_cut_and_so_are_its_components() {
        assert_eq!(render(&"é".repeat(200)), Ok("é".repeat(127)));
        let (x240, x253) = ("x".repeat(240), "x".repeat(253));
        for (template, expected) in [
            ("a/b".to_owned(), "a/b".to_owned()),
            ("é".repeat(200), "é".repeat(125)),
            ("x".repeat(250), "x".repeat(250)),
            (format!("a/{x253}"), format!("a/{}", "x".repeat(250))),
            (format!("{}.lock.and.more", "x".repeat(245)), "x".repeat(245)),
            (format!("{}..........", "x".repeat(245)), "x".repeat(245)),
            // The cut at 255 falls behind a slash, a dot, a lock.
            (
                format!("{x240}/{}/b", "y".repeat(13)),
                format!("{x240}/{}", "y".repeat(13)),
            ),
            (
                format!("{x240}/{}.b", "y".repeat(13)),
                format!("{x240}/{}", "y".repeat(13)),
            ),
            (
                format!("{x240}/{}.locks", "y".repeat(9)),
                format!("{x240}/{}", "y".repeat(9)),
            ),
        ] {
            assert_eq!(push(&template), Ok(expected), "{template}");
        }
    }

    #[test]
    fn white_space_around_a_name_does_not_count() {
        assert_eq!(push("  {{ .AppName }}\n"), Ok("shop".to_owned()));
    }

    #[test]
    fn a_template_without_a_name_is_an_error() {
        assert_eq!(render("{{ range .Images }}{{ end }}"), Err(BranchError::Empty));
        assert!(matches!(render("{{ .Nope }}"), Err(BranchError::Template(_))));
        for (template, expected) in [
            (
                "{{ range .Images }}{{ end }}",
                "the branch name: the template gives an empty text",
            ),
            (" \n", "the branch name: the template gives an empty text"),
            ("{{ .AppName", "the branch name: the template is not valid: line 1:"),
            ("{{ .Nope }}", "the branch name: the template failed: line 1:"),
            (
                "iu/{{ .AppName }}:{{ .SHA256 }}",
                "the template \"iu/{{ .AppName }}:{{ .SHA256 }}\" gives \"iu/shop:76e0",
            ),
            (
                "iu//{{ .AppName }}",
                "gives \"iu//shop\", which git refuses: it starts or ends with a slash",
            ),
            (
                "a.lock",
                "which git refuses: a component starts with a dot or ends with .lock",
            ),
            ("update shop", "which git refuses: it contains a blank"),
        ] {
            let error = push(template).unwrap_err().to_string();
            assert!(error.contains(expected), "{template:?}: {error}");
        }
    }
}
