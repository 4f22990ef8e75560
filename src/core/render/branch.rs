//! The branch that changes are pushed to, from a user's template.
//!
//! Pure. [`BranchTemplate::render`] gives the name as the template makes it; [`fit`] shortens what git cannot store. The
//! rest of git's rules for names is checked where branches are pushed.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::described::DescribedChange;
use crate::core::gotmpl::{InvalidTemplate, RenderError, Template, Value};

/// The template of the branch that a pull request is made from.
pub const PULL_REQUEST_TEMPLATE: &str = "image-updater-{{ .TargetKey }}-{{ .SHA256 }}";

/// The most bytes of a branch name.
const MAX_NAME: usize = 255;

/// The most bytes of one component of a name; git adds `.lock` to it, and file systems stop at 255.
const MAX_COMPONENT: usize = 250;

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
    /// It could not be evaluated.
    #[error("the branch name: {0}")]
    Template(#[from] RenderError),
    /// The result is empty.
    #[error("the branch name: the template gives an empty text")]
    Empty,
}

impl BranchTemplate {
    /// Parses a template.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        Template::parse(text).map(Self)
    }

    /// The branch name, cut to 255 bytes.
    pub fn render(&self, data: &BranchData<'_>) -> Result<String, BranchError> {
        let mut name = self.0.render(&values(data))?;
        if name.is_empty() {
            return Err(BranchError::Empty);
        }
        name.truncate(name.floor_char_boundary(MAX_NAME));
        Ok(name)
    }
}

/// The name with every component cut to what git can store. A name that is short enough stays as it is.
pub fn fit(name: &str) -> String {
    let components = name.split('/').map(|component| {
        if component.len() <= MAX_COMPONENT {
            return component;
        }
        // What the cut leaves must not end in what git refuses at the end of a component.
        let mut cut = component
            .get(..component.floor_char_boundary(MAX_COMPONENT))
            .unwrap_or("");
        while let Some(shorter) = cut.strip_suffix(".lock").or_else(|| cut.strip_suffix('.')) {
            cut = shorter;
        }
        cut
    });
    components.collect::<Vec<_>>().join("/")
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

    fn render(template: &str) -> Result<String, BranchError> {
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
        BranchTemplate::parse(template).unwrap().render(&BranchData {
            app_namespace: "argocd",
            app_name: "shop",
            target_key: "0123abcd",
            changes: &changes,
        })
    }

    #[test]
    fn every_field_is_filled() {
        let hash = "76e0c13750b27b527a953875f186d833a8bd47726fcb39ba2a8c9574943bcfaa";
        for (template, expected) in [
            (PULL_REQUEST_TEMPLATE, format!("image-updater-0123abcd-{hash}")),
            (
                "{{.AppNamespace}}/{{.AppName}}{{range .Images}}/{{.Alias}}-{{.Name}}-{{.OldTag}}-{{.NewTag}}{{end}}",
                "argocd/shop/api-acme/api-v1.0.0-v1.1.0".to_owned(),
            ),
        ] {
            assert_eq!(render(template), Ok(expected));
        }
    }

    #[test]
    fn a_long_name_is_cut_and_so_are_its_components() {
        let long = render(&"é".repeat(200)).unwrap();
        assert_eq!(long, "é".repeat(127));
        assert_eq!(fit(&long), "é".repeat(125));
        for (given, expected) in [
            ("a/b".to_owned(), "a/b".to_owned()),
            ("x".repeat(250), "x".repeat(250)),
            (format!("a/{}", "x".repeat(253)), format!("a/{}", "x".repeat(250))),
            (format!("{}.lock.and.more", "x".repeat(245)), "x".repeat(245)),
            (format!("{}..........", "x".repeat(245)), "x".repeat(245)),
        ] {
            assert_eq!(fit(&given), expected);
        }
    }

    #[test]
    fn a_template_without_a_name_is_an_error() {
        assert_eq!(render("{{ range .Images }}{{ end }}"), Err(BranchError::Empty));
        assert!(matches!(render("{{ .Nope }}"), Err(BranchError::Template(_))));
    }
}
