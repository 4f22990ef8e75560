//! The one place that speaks to the Kubernetes API, real or served from a folder.
//!
//! [`Cluster`] is the handle; each file beside this one adds what is done with one kind of object. Nothing here decides
//! anything: it reads, watches, patches, and says what went wrong in words that name the way out ([`ClusterError`]).
//! How a client is configured: [`connect`]. How many requests fly at once, and how long one may take: `requests`.

pub mod applications;
pub mod connect;
pub mod directory;
pub mod error;
pub mod events;
pub mod projects;
pub mod repositories;
pub mod secrets;
pub mod status;
pub mod updaters;
pub mod watch;

mod requests;

use std::sync::Arc;

use kube::core::{NamespaceResourceScope, Request, Resource};
use serde::de::DeserializeOwned;

pub use error::ClusterError;
use error::{Action, is_path_segment};
use requests::Counters;

/// How this program is called in `managedFields` of what it writes.
const FIELD_MANAGER: &str = "argocd-image-updater";

/// A Kubernetes API, real or served from a folder; cheap to clone.
///
/// There is no request rate limit, only a bound of 32 requests in flight (watches aside) and a time limit for each.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    counters: Arc<Counters>,
    /// Whether somebody watches the Applications and acts on their annotations; nobody does in a folder.
    has_argo_cd: bool,
}

impl Cluster {
    /// Wraps `client`: every request of the result and its clones is counted, bounded and timed.
    pub fn new(client: kube::Client) -> Self {
        let counters = Arc::new(Counters::default());
        Self {
            client: requests::guarded(client, Arc::clone(&counters)),
            counters,
            has_argo_cd: true,
        }
    }

    /// The same over the API of a folder ([`directory`]): what is meant for a running Argo CD is left out, as it would only
    /// be a line in somebody's file.
    pub fn of_folder(client: kube::Client) -> Self {
        Self {
            has_argo_cd: false,
            ..Self::new(client)
        }
    }

    /// The guarded client, for what has no method here.
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// How many requests were sent so far, the start of each watch included.
    pub fn requests(&self) -> u64 {
        self.counters.sent()
    }

    /// How many requests were answered with an error (a missing object is none), or not at all.
    pub fn failed_requests(&self) -> u64 {
        self.counters.failed()
    }

    /// Sends `request` and reads the answer as a `T`. The text of the answer is never logged: it may be a Secret.
    async fn call<T: DeserializeOwned>(
        &self,
        action: &Action,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, ClusterError> {
        let request = request.map_err(|error| action.not_sent(&error))?;
        let text = self
            .client
            .request_text(request)
            .await
            .map_err(|error| action.failed(&error))?;
        serde_json::from_str(&text).map_err(|error| action.unreadable(&error))
    }

    /// Like [`Self::call`], but a missing object is `None`.
    async fn call_optional<T: DeserializeOwned>(
        &self,
        action: &Action,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Option<T>, ClusterError> {
        match self.call(action, request).await {
            Ok(found) => Ok(Some(found)),
            Err(ClusterError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The requests for objects of kind `K` in the namespace of `action`.
///
/// Refuses a namespace or name that would change the meaning of the URL, since both can be written by a stranger.
fn requests_for<K>(action: &Action) -> Result<Request, ClusterError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let namespace = action.namespace().unwrap_or_default();
    for text in [Some(namespace), action.name()].into_iter().flatten() {
        if !is_path_segment(text) {
            return Err(action.refused_name(text));
        }
    }
    Ok(Request::new(K::url_path(&(), Some(namespace))))
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("requests", &self.requests())
            .finish_non_exhaustive()
    }
}
