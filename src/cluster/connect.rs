//! Where the Kubernetes API is, who we are there, and which namespace is ours.
//!
//! One configuration serves everything this program does. Nothing of it is logged: it holds credentials.

use std::path::Path;

use http::{HeaderValue, header::USER_AGENT};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};

use super::ClusterError;

/// Where a pod finds the namespace of its own service account.
const SERVICE_ACCOUNT_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

const NAME: &str = concat!("argocd-image-updater/", env!("CARGO_PKG_VERSION"));

/// A client, and the namespace of its context.
///
/// Looked for in this order: the file `kubeconfig` when it is given; the files named by `KUBECONFIG`; the service
/// account of the pod; `~/.kube/config`. What is given explicitly must be usable: nothing else is tried then.
pub async fn client(kubeconfig: Option<&Path>) -> Result<(kube::Client, String), ClusterError> {
    let mut config = match kubeconfig {
        Some(path) => from_file(path).await?,
        None => from_surroundings().await?,
    };
    config.headers.push((USER_AGENT, HeaderValue::from_static(NAME)));
    let namespace = config.default_namespace.clone();
    // Fails only when a provider is there already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = kube::Client::try_from(config).map_err(|error| configuration(&error.to_string()))?;
    Ok((client, namespace))
}

async fn from_file(path: &Path) -> Result<Config, ClusterError> {
    let told = |error: &dyn std::fmt::Display| configuration(&format!("{}: {error}", path.display()));
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| told(&error))?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| told(&error))
}

async fn from_surroundings() -> Result<Config, ClusterError> {
    if std::env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty()) {
        return Config::from_kubeconfig(&KubeConfigOptions::default())
            .await
            .map_err(|error| configuration(&format!("KUBECONFIG: {error}")));
    }
    let in_cluster = match Config::incluster_env() {
        Ok(config) => return Ok(config),
        Err(error) => error,
    };
    Config::from_kubeconfig(&KubeConfigOptions::default())
        .await
        .map_err(|home| {
            configuration(&format!(
                "give --kubeconfig or KUBECONFIG (not in a pod: {in_cluster}; ~/.kube/config: {home})"
            ))
        })
}

fn configuration(reason: &str) -> ClusterError {
    ClusterError::Configuration {
        reason: reason.to_owned(),
    }
}

/// The controller's own namespace: `POD_NAMESPACE`, else the namespace of the pod's service account, else
/// `argocd_namespace` when it is set, else `context`, the namespace of the client.
pub fn own_namespace(argocd_namespace: &str, context: &str) -> String {
    let pod = std::env::var("POD_NAMESPACE").unwrap_or_default();
    let account = std::fs::read_to_string(SERVICE_ACCOUNT_NAMESPACE).unwrap_or_default();
    first_of([&pod, &account, argocd_namespace, context])
}

fn first_of(candidates: [&str; 4]) -> String {
    let mut candidates = candidates.into_iter().map(str::trim);
    candidates.find(|text| !text.is_empty()).unwrap_or("default").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_namespace_is_the_first_that_is_known() {
        for (given, expected) in [
            (["pod", "account", "argocd", "context"], "pod"),
            (["", "account\n", "argocd", "context"], "account"),
            ([" ", "", "argocd", "context"], "argocd"),
            (["", "", "", "context"], "context"),
            (["", "", "", ""], "default"),
        ] {
            assert_eq!(first_of(given), expected, "{given:?}");
        }
    }

    #[tokio::test]
    async fn an_unusable_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        for text in [
            None,
            Some("contexts: 1"),
            Some("apiVersion: v1\nkind: Config\ncurrent-context: gone\n"),
        ] {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let error = client(Some(&path)).await.err().unwrap().to_string();
            assert!(error.contains(&path.display().to_string()), "{text:?}: {error}");
        }
    }

    #[tokio::test]
    async fn the_namespace_of_the_context_comes_with_the_client() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
            clusters: [{name: k, cluster: {server: \"http://127.0.0.1:1\"}}]\nusers: [{name: u, user: {}}]\n\
            contexts: [{name: c, context: {cluster: k, user: u, namespace: tools}}]\n";
        std::fs::write(&path, text).unwrap();
        assert_eq!(client(Some(&path)).await.unwrap().1, "tools");
    }
}
