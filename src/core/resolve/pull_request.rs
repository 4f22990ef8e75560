//! A `pullRequest` block: exactly one forge, clean labels, and the key that names its head branch.

use sha2::{Digest as _, Sha256};

use crate::api::v1alpha1::PullRequest;

/// Where pull requests are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forge {
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Bitbucket Server.
    BitbucketServer,
    /// Azure DevOps.
    AzureDevOps,
}

impl Forge {
    /// Every forge there is.
    pub const ALL: &[Self] = &[
        Self::GitHub,
        Self::GitLab,
        Self::Gitea,
        Self::Bitbucket,
        Self::BitbucketServer,
        Self::AzureDevOps,
    ];

    /// The name of the field that chooses it.
    pub fn field(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Bitbucket => "bitbucket",
            Self::BitbucketServer => "bitbucketServer",
            Self::AzureDevOps => "azureDevops",
        }
    }
}

/// The forge that `settings` names, when it names exactly one.
pub fn forge(settings: &PullRequest) -> Option<Forge> {
    let named = [
        (settings.github.is_some(), Forge::GitHub),
        (settings.gitlab.is_some(), Forge::GitLab),
        (settings.gitea.is_some(), Forge::Gitea),
        (settings.bitbucket.is_some(), Forge::Bitbucket),
        (settings.bitbucket_server.is_some(), Forge::BitbucketServer),
        (settings.azure_dev_ops.is_some(), Forge::AzureDevOps),
    ];
    let mut named = named.into_iter().filter_map(|(set, forge)| set.then_some(forge));
    named.next().filter(|_| named.next().is_none())
}

/// The labels, trimmed, without empty ones and repetitions, in their order.
pub fn labels(settings: &PullRequest) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for label in settings.labels.iter().flatten().map(|label| label.trim()) {
        if !label.is_empty() && !labels.iter().any(|known| known == label) {
            labels.push(label.to_owned());
        }
    }
    labels
}

/// What tells pull requests of one repository apart: the first 8 hex digits of the SHA-256 of
/// `<repository>|<configured base branch, may be empty>|<target file or folder>`.
pub fn target_key(repository: &str, configured_base: &str, target: &str) -> String {
    let hash = Sha256::digest(format!("{repository}|{configured_base}|{target}"));
    hex::encode(&hash[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_forge_is_wanted() {
        for (given, expected) in [
            (serde_json::json!({"github": {}}), Some(Forge::GitHub)),
            (serde_json::json!({"azureDevops": {}}), Some(Forge::AzureDevOps)),
            (serde_json::json!({}), None),
            (serde_json::json!({"github": {}, "gitea": {}}), None),
        ] {
            let settings: PullRequest = serde_json::from_value(given.clone()).unwrap();
            let found = forge(&settings);
            assert_eq!(found, expected, "{given}");
            assert!(found.is_none_or(|forge| given.get(forge.field()).is_some()), "{given}");
        }
    }

    #[test]
    fn the_key_is_that_of_branches_that_exist_already() {
        let repository = "https://git.acme.test/gitops.git";
        assert_eq!(
            target_key(repository, "main", "apps/shop/.argocd-source-shop.yaml"),
            "fed791c4"
        );
    }
}
