//! From a URL to what is asked for.

use std::time::Duration;

use http::Uri;

use super::{answer::ApiError, kind::Kind, selector::Selector};

/// What a request is about.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// `None` means all namespaces.
    pub(super) namespace: Option<String>,
    /// `None` means the whole collection.
    pub(super) name: Option<String>,
    /// The `status` subresource.
    pub(super) status: bool,
}

/// The query of a request, as far as it is honoured; `limit` may be ignored by a server, and is.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) selector: Selector,
    pub(super) watch: bool,
    pub(super) resource_version: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) initial_events: bool,
    pub(super) dry_run: bool,
}

impl Target {
    /// `/api/v1/...` and `/apis/<group>/<version>/...`.
    pub(super) fn parse(uri: &Uri) -> Result<Self, ApiError> {
        let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(ApiError::no_resource()),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
            rest => (None, rest),
        };
        let (plural, name, status) = match rest {
            [plural] => (plural, None, false),
            [plural, name] => (plural, Some((*name).to_owned()), false),
            [plural, name, "status"] => (plural, Some((*name).to_owned()), true),
            _ => return Err(ApiError::no_resource()),
        };
        let kind = Kind::served(group, version, plural).ok_or_else(ApiError::no_resource)?;
        if name.is_some() && namespace.is_none() {
            return Err(ApiError::no_resource());
        }
        Ok(Self {
            kind,
            namespace,
            name,
            status,
        })
    }
}

impl Query {
    pub(super) fn parse(kind: Kind, uri: &Uri) -> Result<Self, ApiError> {
        let mut query = Self::default();
        let (mut labels, mut fields) = (String::new(), String::new());
        for (key, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let is_true = matches!(&*value, "" | "1" | "true");
            match &*key {
                "labelSelector" => labels = value.into_owned(),
                "fieldSelector" => fields = value.into_owned(),
                "watch" => query.watch = is_true,
                "resourceVersion" => query.resource_version = Some(value.into_owned()),
                "timeoutSeconds" => query.timeout = value.parse().ok().map(Duration::from_secs),
                "sendInitialEvents" => query.initial_events = is_true,
                "dryRun" => query.dry_run = value == "All",
                _ => {}
            }
        }
        query.selector = Selector::parse(kind, &labels, &fields).map_err(ApiError::bad_request)?;
        Ok(query)
    }
}
