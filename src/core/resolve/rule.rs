//! One rule of a resource: what it says for every application that it matches, worked out once, and then per application
//! the place that is written.

use std::sync::Arc;

use crate::{
    api::{
        argocd::{Application, ApplicationSource},
        v1alpha1::{ImageConfig, WriteBackConfig},
    },
    core::{
        foreign::ForeignText,
        plan::place,
        report::Remark,
        repository_url,
        resolve::{
            ApplicationKind, CurrentFrom, GitCredentialRef, GitTarget, ResolveContext, ResolvedImage, SourceSlot,
            TrackedApplication, WriteTarget, aliases,
            image::{self, General},
            origin::Origin,
            settings::Layer,
            source_type::{self, SourceType},
            unsupported,
            wildcard::{self, Wildcards},
            write_target::{
                self, GitDestination, InvalidWriteBack,
                commits::{self, CommitSettings},
            },
        },
        select::live::LiveImages,
        verdict::{Reason, Verdict},
    },
};

/// What one rule is made of, wherever that was said.
pub(super) struct Source<'a> {
    pub(super) images: &'a [ImageConfig],
    /// Where each image stands.
    pub(super) origins: Vec<Origin>,
    pub(super) write_back: WriteBackConfig,
    pub(super) write_back_layers: Vec<Layer<WriteBackConfig>>,
    pub(super) general: General,
}

/// An application whose source has no place for images, with the way out where there is one.
fn no_kind(source_type: SourceType) -> Verdict {
    let message = "the application has no source of type Helm, Kustomize or Plugin (yet)";
    let way_out = match source_type {
        SourceType::Directory => {
            "; images in plain manifests are written to git: set method git and writeBackTarget manifests"
        }
        _ => "",
    };
    Verdict::new(Reason::UnsupportedSource, format!("{message}{way_out}"))
}

/// What one rule says.
#[derive(Debug)]
pub(super) struct Rule {
    write_back: WriteBackConfig,
    write_back_layers: Vec<Layer<WriteBackConfig>>,
    commits: CommitSettings,
    /// Why no application of this rule is written.
    fault: Option<Verdict>,
    images: Arc<[ResolvedImage]>,
    wildcards: Option<Wildcards>,
}

impl Rule {
    /// A rule under which nothing is written.
    pub(super) fn refused(fault: Verdict) -> Self {
        Self {
            write_back: WriteBackConfig::default(),
            write_back_layers: Vec::new(),
            commits: CommitSettings::default(),
            fault: Some(fault),
            images: Arc::new([]),
            wildcards: None,
        }
    }

    /// Works out what holds for every application. The images can be told apart; that was looked at before.
    pub(super) fn compile(source: Source<'_>, warnings: &mut Vec<Remark>) -> Self {
        let Source {
            images,
            origins,
            write_back,
            write_back_layers,
            general,
        } = source;
        let names = aliases::aliases(images).unwrap_or_default();
        let resolve = |((image, origin), alias): ((&ImageConfig, &Origin), String)| ResolvedImage {
            tracked: image::resolve(image, &alias, origin, &general, warnings).map(Arc::new),
            reference: wildcard::reference(&image.image_name).ok(),
            alias,
        };
        let images: Arc<[_]> = images.iter().zip(&origins).zip(names).map(resolve).collect();
        let mut rule = Self {
            wildcards: Wildcards::of(&images, &origins),
            images,
            write_back,
            write_back_layers,
            commits: CommitSettings::default(),
            fault: None,
        };
        rule.warn_of_half_an_author(warnings);
        if general.git {
            rule.fault = unsupported::of_write_back(&rule.write_back_layers);
            match commits::settings(&rule.write_back) {
                Ok(commits) => rule.commits = commits,
                Err(error) => rule.fault = Some(rule.fault.take().unwrap_or_else(|| rule.invalid_write_back(&error))),
            }
        }
        rule
    }

    /// What the rule says for `application`; `stalled` gets what holds up some of its images.
    pub(super) fn apply(
        &self,
        application: &Application,
        context: &ResolveContext,
        stalled: &mut Vec<Remark>,
    ) -> Result<TrackedApplication, Verdict> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let holds = |source_type: SourceType, source: &ApplicationSource| self.holds(source_type, source);
        let destination =
            write_target::resolve_holding(&self.write_back, application, &context.argocd_namespace, &holds)
                .map_err(|error| self.invalid_write_back(&error))?;
        let (source_type, source) = match destination.kind(destination.source_type) {
            None => self.explicit(application),
            Some(_) => None,
        }
        .unwrap_or((destination.source_type, destination.slot));
        let kind = destination.kind(source_type).ok_or_else(|| no_kind(source_type))?;
        Ok(TrackedApplication {
            kind,
            source_type,
            source,
            target: match destination.git {
                None => WriteTarget::Application,
                Some(git) => WriteTarget::Git(Box::new(self.git_target(git, application)?)),
            },
            images: self.images_of(application, kind, stalled),
        })
    }

    /// Whether a value of one of the images stands in `source`, which is written through git.
    fn holds(&self, source_type: SourceType, source: &ApplicationSource) -> bool {
        let Some(kind) = source_type.kind(true) else {
            return false;
        };
        let mut tracked = self.images.iter().filter_map(|image| image.tracked.as_ref().ok());
        tracked.any(|image| place::has_value(source, kind, image))
    }

    /// The type and the source that the application itself or the targets of the images say, when Argo CD does not and the
    /// current version of an image is read from there.
    fn explicit(&self, application: &Application) -> Option<(SourceType, SourceSlot)> {
        let tracked = || self.images.iter().filter_map(|image| image.tracked.as_ref().ok());
        if !tracked().any(|image| image.current_from == CurrentFrom::Manifest) {
            return None;
        }
        let mut named = tracked().filter_map(|image| SourceType::wanted_by(&image.manifest_target));
        let first = named.next().filter(|first| named.all(|other| other == *first));
        let found = source_type::explicit(application, first)?;
        let (slot, _) = source_type::select(application, found)?;
        Some((found, slot))
    }

    fn images_of(
        &self,
        application: &Application,
        kind: ApplicationKind,
        stalled: &mut Vec<Remark>,
    ) -> Arc<[ResolvedImage]> {
        let Some(wildcards) = &self.wildcards else {
            return Arc::clone(&self.images);
        };
        let live = LiveImages::parse(application.live_images());
        let expansion = wildcards.expand(&self.images, &live, kind);
        stalled.extend(expansion.stalled);
        expansion.images
    }

    /// An author without name or mail would be half the controller's own.
    fn warn_of_half_an_author(&self, warnings: &mut Vec<Remark>) {
        let author = self.write_back.git_config.as_ref().and_then(|git| git.author.as_ref());
        let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        let half = author.is_some_and(|author| given(&author.name) != given(&author.email));
        if half && write_target::is_git(&self.write_back) {
            warnings.push(Remark {
                field: self.field("gitConfig.author"),
                message: "name and email are both needed; the controller's own author is used".to_owned(),
            });
        }
    }

    /// The path of a field of the write-back settings, in the most specific layer that has it.
    fn field(&self, name: &str) -> String {
        let present = |layer: &&Layer<WriteBackConfig>| {
            let git = layer.settings.git_config.as_ref();
            match name {
                "method" => layer.settings.method.is_some(),
                "gitConfig.branch" => git.is_some_and(|git| git.branch.is_some()),
                "gitConfig.writeBackTarget" => git.is_some_and(|git| git.write_back_target.is_some()),
                "gitConfig.repository" => git.is_some_and(|git| git.repository.is_some()),
                "gitConfig.message" => git.is_some_and(|git| git.message.is_some()),
                "gitConfig.commitGrouping" => git.is_some_and(|git| git.commit_grouping.is_some()),
                "gitConfig.author" => git.is_some_and(|git| git.author.is_some()),
                _ => git.is_some_and(|git| git.pull_request.is_some()),
            }
        };
        let layer = self.write_back_layers.iter().rev().find(present);
        let nowhere = Origin::Resource("spec".to_owned());
        let origin = layer.map_or(&nowhere, |layer| &layer.origin);
        origin.field(&format!("writeBackConfig.{name}"))
    }

    fn invalid_write_back(&self, error: &InvalidWriteBack) -> Verdict {
        match error.field() {
            Some(field) => Verdict::new(Reason::InvalidSetting, format!("{}: {error}", self.field(field))),
            None => Verdict::new(Reason::UnsupportedSource, error.to_string()),
        }
    }

    /// The target, when it is a git repository and its credentials may be used for `application`: a Secret of its own
    /// namespace, or Argo CD's, and none in the URL.
    fn git_target(&self, git: GitDestination, application: &Application) -> Result<GitTarget, Verdict> {
        self.check_repository(&git)?;
        if let GitCredentialRef::Secret(secret) = &git.credentials
            && secret.namespace != application.namespace()
        {
            let namespace = application.namespace();
            let field = self.field("method");
            return Err(Verdict::new(
                Reason::CredentialsUnavailable,
                format!("{field}: the Secret {secret} is not in the namespace {namespace:?} of the application"),
            ));
        }
        let CommitSettings {
            message,
            grouping,
            refresh,
        } = self.commits.clone();
        Ok(GitTarget {
            repository: git.repository,
            credentials: git.credentials,
            base: (!matches!(git.base.as_str(), "" | "HEAD")).then_some(git.base),
            push: git.push,
            file: git.file,
            target_key: git.target_key,
            author: git.author,
            message,
            grouping,
            refresh,
        })
    }

    /// Refuses what is no git repository, and URLs that must not be used as they are.
    fn check_repository(&self, git: &GitDestination) -> Result<(), Verdict> {
        let unusable = |message: String| Err(Verdict::new(Reason::TargetUnusable, message));
        if let Some(url) = repository_url::without_credentials(&git.repository) {
            return unusable(format!(
                "{}: a repository URL must not carry a user or password; put them into the repository Secret (fields \
                 username and password)",
                ForeignText::new(&url)
            ));
        }
        let url = ForeignText::new(&git.repository);
        if git.is_registry {
            return unusable(format!(
                "the source that would be written is {url}, a registry and no git repository; name the file of another \
                 source (writeBackTarget: helmvalues:$<ref>/<path>, or kustomization), or set gitConfig.repository"
            ));
        }
        if git
            .repository
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("oci://"))
        {
            let field = self.field("gitConfig.repository");
            return unusable(format!("{field}: {url} is an OCI registry and no git repository"));
        }
        if repository_url::climbs(&git.repository) {
            return unusable(format!("{url}: a repository URL must not have . or .. in its path"));
        }
        Ok(())
    }
}
