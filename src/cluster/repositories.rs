//! Argo CD's repository credentials: Secrets labelled `repository` (one repository) and `repo-creds` (templates).
//!
//! Which of them serves a repository is decided in `core::resolve::repository_match`.

use k8s_openapi::api::core::v1 as k8s;
use kube::api::ListParams;
use serde::Deserialize;

use super::{
    Cluster, ClusterError,
    error::Action,
    requests_for,
    secrets::{RawSecret, SecretFields},
};
use crate::{
    core::resolve::repository_match::{RepositoryEntry, choose},
    secret::{RedactedUrl, Secret},
};

/// The label by which Argo CD finds its Secrets.
const LABEL: &str = "argocd.argoproj.io/secret-type";

/// Secrets per page of a list, and the most pages: more than 10,000 repositories are an error, not half an answer.
const PAGE: u32 = 200;
const PAGES: usize = 50;

/// Fields that count as credentials.
const CREDENTIALS: [&str; 9] = [
    "username",
    "password",
    "bearerToken",
    "sshPrivateKey",
    "tlsClientCertData",
    "githubAppPrivateKey",
    "gcpServiceAccountKey",
    "useAzureWorkloadIdentity",
    "azureServicePrincipalClientSecret",
];

/// Fields of a template that belong to itself and are not passed on: a template never weakens the checks of a connection.
const NOT_PASSED_ON: [&str; 6] = ["url", "project", "name", "type", "insecure", "insecureIgnoreHostKey"];

/// One Secret with repository credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositorySecret {
    /// The name of the Secret.
    pub name: String,
    /// All its text fields.
    pub fields: SecretFields,
}

/// All repository credentials of an Argo CD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositorySecrets {
    /// Those of one repository each.
    pub repositories: Vec<RepositorySecret>,
    /// Those for all repositories below a URL.
    pub templates: Vec<RepositorySecret>,
}

/// Argo CD has no credentials for a repository.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error(
    "Argo CD has no credentials for {repository} (project {project:?}): add a Secret labelled \
     argocd.argoproj.io/secret-type=repository or repo-creds with this url, or use git:secret:<namespace>/<name>"
)]
pub struct NoRepositoryCredentials {
    /// The repository.
    pub repository: RedactedUrl,
    /// The project of the application.
    pub project: String,
}

impl RepositorySecret {
    /// The text of a field; empty when it is absent.
    fn text(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", Secret::expose).trim()
    }

    /// Whether there is anything in it by which one can log in.
    pub fn has_credentials(&self) -> bool {
        has_credentials(&self.fields)
    }
}

fn has_credentials(fields: &SecretFields) -> bool {
    CREDENTIALS.iter().any(|name| match (*name, fields.get(*name)) {
        ("useAzureWorkloadIdentity", Some(value)) => value.expose().trim() == "true",
        (_, value) => value.is_some_and(|value| !value.is_empty()),
    })
}

impl RepositorySecrets {
    /// Whether what reaches `repository` comes from a Secret that serves only `project`.
    pub fn are_of_one_project(&self, repository: &str, project: &str, normalize: impl Fn(&str) -> String) -> bool {
        self.choice(repository, project, normalize)
            .0
            .is_some_and(|own| !own.text("project").is_empty())
    }

    /// The Secret of `repository` itself, and the template that fills it.
    fn choice(
        &self,
        repository: &str,
        project: &str,
        normalize: impl Fn(&str) -> String,
    ) -> (Option<&RepositorySecret>, Option<&RepositorySecret>) {
        let urls = |secrets: &[RepositorySecret]| -> Vec<String> {
            secrets.iter().map(|secret| normalize(secret.text("url"))).collect()
        };
        let (own_urls, template_urls) = (urls(&self.repositories), urls(&self.templates));
        let own = entries(&self.repositories, &own_urls);
        let templates = entries(&self.templates, &template_urls);
        let choice = choose(&own, &templates, &normalize(repository), project);
        (
            choice.repository.and_then(|index| self.repositories.get(index)),
            choice.template.and_then(|index| self.templates.get(index)),
        )
    }

    /// The fields with which `repository` is reached by an application of `project`. `normalize` makes equal URLs equal.
    pub fn for_repository(
        &self,
        repository: &str,
        project: &str,
        normalize: impl Fn(&str) -> String,
    ) -> Result<SecretFields, NoRepositoryCredentials> {
        let (own, template) = self.choice(repository, project, normalize);
        let mut fields = own.map(|secret| secret.fields.clone()).unwrap_or_default();
        for (name, value) in template.into_iter().flat_map(|secret| &secret.fields) {
            let missing = fields.get(name).is_none_or(Secret::is_empty);
            if missing && !NOT_PASSED_ON.contains(&name.as_str()) {
                fields.insert(name.clone(), value.clone());
            }
        }
        if has_credentials(&fields) {
            return Ok(fields);
        }
        Err(NoRepositoryCredentials {
            repository: RedactedUrl::new(repository),
            project: project.to_owned(),
        })
    }
}

fn entries<'a>(secrets: &'a [RepositorySecret], urls: &'a [String]) -> Vec<RepositoryEntry<'a>> {
    let pairs = secrets.iter().zip(urls);
    pairs
        .map(|(secret, url)| RepositoryEntry {
            name: &secret.name,
            url,
            project: secret.text("project"),
            has_credentials: secret.has_credentials(),
        })
        .collect()
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    items: Vec<RawSecret>,
}

#[derive(Deserialize, Default)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

impl Cluster {
    /// All repository credentials in `namespace`, the one of Argo CD. Two lists, so ask once per cycle.
    pub async fn repository_secrets(&self, namespace: &str) -> Result<RepositorySecrets, ClusterError> {
        let (repositories, templates) = tokio::try_join!(
            self.labelled_secrets(namespace, "repository"),
            self.labelled_secrets(namespace, "repo-creds"),
        )?;
        Ok(RepositorySecrets {
            repositories,
            templates,
        })
    }

    async fn labelled_secrets(&self, namespace: &str, kind: &str) -> Result<Vec<RepositorySecret>, ClusterError> {
        let action = Action::new::<k8s::Secret>("list", Some(namespace));
        let requests = requests_for::<k8s::Secret>(&action)?;
        let mut params = ListParams::default().labels(&format!("{LABEL}={kind}")).limit(PAGE);
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let page: Page = self.call(&action, requests.list(&params)).await?;
            found.extend(page.items.into_iter().map(|raw| RepositorySecret {
                name: raw.metadata.name.clone(),
                fields: raw.fields(),
            }));
            match page.metadata.next.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(found),
            }
        }
        Err(action.too_many(PAGES * PAGE as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, fields: &[(&str, &str)]) -> RepositorySecret {
        let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), Secret::new(*v))).collect();
        RepositorySecret {
            name: name.to_owned(),
            fields,
        }
    }

    fn plain(url: &str) -> String {
        url.trim().to_lowercase()
    }

    #[test]
    fn a_template_fills_empty_fields_but_never_switches_checks_off() {
        let secrets = RepositorySecrets {
            repositories: vec![secret(
                "own",
                &[("url", "https://g.test/a/b"), ("proxy", "http://p"), ("password", "")],
            )],
            templates: vec![secret(
                "all",
                &[
                    ("url", "https://g.test/A"),
                    ("username", "bot"),
                    ("password", "pw"),
                    ("proxy", "http://other"),
                    ("insecure", "true"),
                ],
            )],
        };
        let fields = secrets.for_repository("https://g.test/a/b", "web", plain).unwrap();
        let shown: Vec<_> = fields.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
        assert_eq!(
            shown,
            [
                ("password", "pw"),
                ("proxy", "http://p"),
                ("url", "https://g.test/a/b"),
                ("username", "bot"),
            ]
        );
    }

    #[test]
    fn a_repository_without_credentials_is_an_error_that_says_what_to_do() {
        let secrets = RepositorySecrets {
            repositories: vec![secret(
                "own",
                &[("url", "https://g.test/a"), ("useAzureWorkloadIdentity", "false")],
            )],
            templates: Vec::new(),
        };
        let error = secrets
            .for_repository("https://u:pw@g.test/a", "web", plain)
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("https://g.test/a") && text.contains("repo-creds"),
            "{text}"
        );
        assert!(!text.contains("pw"), "{text}");
    }

    #[test]
    fn a_secret_of_a_project_serves_that_project_and_says_so() {
        let fields = |project: &'static str, password: &'static str| {
            [
                ("url", "https://g.test/a"),
                ("project", project),
                ("password", password),
            ]
        };
        let secrets = RepositorySecrets {
            repositories: vec![
                secret("ops", &fields("ops", "ops-pw")),
                secret("web", &fields(" web ", "web-pw")),
            ],
            templates: vec![secret("all", &[("url", "https://g.test"), ("password", "all-pw")])],
        };
        for (project, password, of_one) in [
            ("ops", "ops-pw", true),
            ("web", "web-pw", true),
            ("default", "all-pw", false),
            ("OPS", "all-pw", false),
            ("", "all-pw", false),
        ] {
            let found = secrets.for_repository("https://g.test/a", project, plain).unwrap();
            assert_eq!(found["password"].expose(), password, "{project}");
            assert_eq!(
                secrets.are_of_one_project("https://g.test/a", project, plain),
                of_one,
                "{project}"
            );
        }
        let scoped = RepositorySecrets {
            templates: Vec::new(),
            ..secrets
        };
        assert!(scoped.for_repository("https://g.test/a", "default", plain).is_err());
    }

    #[test]
    fn every_kind_of_credential_counts() {
        for field in CREDENTIALS {
            assert!(secret("s", &[(field, "true")]).has_credentials(), "{field}");
        }
        assert!(!secret("s", &[("url", "x"), ("insecure", "true")]).has_credentials());
    }
}
