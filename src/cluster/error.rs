//! What can go wrong between us and the Kubernetes API, in words that name the way out.
//!
//! Every error says what was tried ([`Action`]); a missing right names the rule to add. Nothing of an answer gets in but
//! the server's own message, cleaned and cut; of a Secret not even where it could not be read.

use std::{fmt, time::Duration};

use kube::core::{Resource, Status};

use super::requests::Overdue;
use crate::core::{disposition::Disposition, foreign::ForeignText};

/// A request to the Kubernetes API that did not do what it should.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ClusterError {
    /// Role-based access control forbids it.
    #[error("not allowed to {action}: the service account needs {}, in {}", .action.rule(), .action.role())]
    Forbidden {
        /// What was tried.
        action: Box<Action>,
    },
    /// The credentials are not known to the server.
    #[error("cannot {action}: the Kubernetes API refuses our credentials: {answer}")]
    Unauthorized {
        /// What was tried.
        action: Box<Action>,
        /// The server's words.
        answer: ForeignText,
    },
    /// The object, or its whole kind, is not there.
    #[error("cannot {action}: {}", .action.absence())]
    NotFound {
        /// What was tried.
        action: Box<Action>,
    },
    /// Somebody else wrote in between.
    #[error("cannot {action}: somebody else wrote in between: {answer}")]
    Conflict {
        /// What was tried.
        action: Box<Action>,
        /// The server's words.
        answer: ForeignText,
    },
    /// The server answered with another error.
    #[error("cannot {action}: the Kubernetes API answers {code}: {answer}")]
    Refused {
        /// What was tried.
        action: Box<Action>,
        /// The HTTP status.
        code: u16,
        /// The server's words.
        answer: ForeignText,
    },
    /// There was no answer in time.
    #[error("cannot {action}: no answer within {after:?}")]
    Timeout {
        /// What was tried.
        action: Box<Action>,
        /// How long was waited.
        after: Duration,
    },
    /// There is no connection to the server, or it broke.
    #[error("cannot {action}: the Kubernetes API cannot be reached: {reason}")]
    Unreachable {
        /// What was tried.
        action: Box<Action>,
        /// The chain of causes.
        reason: ForeignText,
    },
    /// The answer, or the object in it, is not what it should be.
    #[error("cannot {action}: the answer cannot be read: {reason}")]
    Unreadable {
        /// What was tried.
        action: Box<Action>,
        /// What is wrong with it.
        reason: ForeignText,
    },
    /// There is no usable configuration of a client.
    #[error("no Kubernetes configuration: {reason}")]
    Configuration {
        /// What was tried, and what was wrong with it.
        reason: String,
    },
}

impl ClusterError {
    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Configuration { .. } => Disposition::Stalled,
            Self::Forbidden { .. } | Self::Unauthorized { .. } | Self::NotFound { .. } | Self::Unreadable { .. } => {
                Disposition::BackOff
            }
            Self::Refused { code, .. } if *code < 500 && *code != 429 => Disposition::BackOff,
            Self::Refused { .. } | Self::Timeout { .. } | Self::Unreachable { .. } => Disposition::Retry,
            Self::Conflict { .. } => Disposition::DecideAgain,
        }
    }
}

/// What is tried: a verb on a resource. Printed as `patch applications argocd/shop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    verb: &'static str,
    group: String,
    resource: String,
    namespace: Option<String>,
    name: Option<String>,
}

impl Action {
    /// `verb` on the objects of kind `K` in `namespace`, or in all of them.
    pub(crate) fn new<K: Resource<DynamicType = ()>>(verb: &'static str, namespace: Option<&str>) -> Self {
        Self {
            verb,
            group: K::group(&()).into_owned(),
            resource: K::plural(&()).into_owned(),
            namespace: namespace.map(str::to_owned),
            name: None,
        }
    }

    /// The same on one object.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The same on a subresource.
    pub(crate) fn subresource(mut self, subresource: &str) -> Self {
        self.resource = format!("{}/{subresource}", self.resource);
        self
    }

    /// The rule of a Role that allows it.
    pub fn rule(&self) -> String {
        let Self {
            verb, group, resource, ..
        } = self;
        format!("the rule apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]")
    }

    fn role(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("a Role in namespace {namespace}"),
            None => "a ClusterRole".to_owned(),
        }
    }

    fn absence(&self) -> String {
        match &self.name {
            Some(_) => "it does not exist".to_owned(),
            None => format!(
                "the Kubernetes API has no resource {}; is its CustomResourceDefinition installed?",
                self.full_resource()
            ),
        }
    }

    fn full_resource(&self) -> String {
        match self.group.as_str() {
            "" => self.resource.clone(),
            group => format!("{}.{group}", self.resource),
        }
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The error behind a failed call of the client.
    pub(crate) fn failed(&self, error: &kube::Error) -> ClusterError {
        let action = Box::new(self.clone());
        match error {
            kube::Error::Api(status) => self.answered(status),
            kube::Error::SerdeError(error) => self.unreadable(error),
            kube::Error::Service(inner) if inner.is::<Overdue>() => ClusterError::Timeout {
                action,
                after: inner.downcast_ref::<Overdue>().map_or(Duration::ZERO, |o| o.0),
            },
            other => ClusterError::Unreachable {
                action,
                reason: chain(other),
            },
        }
    }

    /// The error behind an error answer.
    pub(crate) fn answered(&self, status: &Status) -> ClusterError {
        let action = Box::new(self.clone());
        let answer = ForeignText::new(&words(status));
        match status.code {
            401 => ClusterError::Unauthorized { action, answer },
            // Admission refuses with 403 as well; the words of the authoriser are "User x cannot list resource y ...".
            403 if status.message.contains(" cannot ") => ClusterError::Forbidden { action },
            404 => ClusterError::NotFound { action },
            409 => ClusterError::Conflict { action, answer },
            code => ClusterError::Refused { action, code, answer },
        }
    }

    pub(super) fn unreadable(&self, error: &serde_json::Error) -> ClusterError {
        let reason = match self.resource.as_str() {
            // serde quotes the value that it stumbled over.
            "secrets" => ForeignText::new("it is no Secret"),
            _ => ForeignText::new(&error.to_string()),
        };
        ClusterError::Unreadable {
            action: Box::new(self.clone()),
            reason,
        }
    }

    pub(super) fn not_sent(&self, error: &kube::core::request::Error) -> ClusterError {
        ClusterError::Unreachable {
            action: Box::new(self.clone()),
            reason: chain(error),
        }
    }

    pub(super) fn too_many(&self, limit: usize) -> ClusterError {
        ClusterError::Unreadable {
            action: Box::new(self.clone()),
            reason: ForeignText::new(&format!("there are more than {limit} objects")),
        }
    }

    pub(super) fn refused_name(&self, text: &str) -> ClusterError {
        ClusterError::Refused {
            action: Box::new(self.clone()),
            code: 400,
            answer: ForeignText::new(&format!("{text:?} cannot be the name of an object")),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.full_resource())?;
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => {
                write!(f, " {}/{}", ForeignText::new(namespace), ForeignText::new(name))
            }
            (Some(namespace), None) => write!(f, " in namespace {}", ForeignText::new(namespace)),
            (None, _) => f.write_str(" in all namespaces"),
        }
    }
}

/// Whether `text` can stand in a URL as it is. What makes a legal name beyond that is left to the server.
pub(super) fn is_path_segment(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(legal) && !matches!(text, "." | "..")
}

/// The server's words, with the causes that it lists apart: a failed JSON Patch test is told only there.
fn words(status: &Status) -> String {
    let mut text = status.message.clone();
    for cause in status.details.iter().flat_map(|d| &d.causes) {
        if !text.contains(&cause.message) {
            text = format!("{text}: {}", cause.message);
        }
    }
    text
}

/// An error with its causes, each told once.
fn chain(error: &dyn std::error::Error) -> ForeignText {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    ForeignText::new(&text)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;

    use super::*;
    use crate::api::argocd::{AppProject, Application};

    fn status(code: u16, message: &str) -> Status {
        Status::failure(message, "").with_code(code)
    }

    #[test]
    fn a_missing_right_names_the_rule_and_where_it_belongs() {
        let forbidden = status(
            403,
            "appprojects.argoproj.io \"web\" is forbidden: User \"u\" cannot get resource \"appprojects\"",
        );
        let one = Action::new::<AppProject>("get", Some("argocd")).named("web");
        assert_eq!(
            one.answered(&forbidden).to_string(),
            "not allowed to get appprojects.argoproj.io argocd/web: the service account needs the rule apiGroups: \
             [\"argoproj.io\"], resources: [\"appprojects\"], verbs: [\"get\"], in a Role in namespace argocd"
        );
        let all = Action::new::<Secret>("list", None);
        let text = all.answered(&forbidden).to_string();
        assert!(
            text.contains("apiGroups: [\"\"], resources: [\"secrets\"], verbs: [\"list\"], in a ClusterRole"),
            "{text}"
        );
    }

    #[test]
    fn a_refusal_of_admission_is_not_taken_for_a_missing_right() {
        let action = Action::new::<Application>("patch", Some("argocd")).named("shop");
        let error = action.answered(&status(403, "admission webhook \"policy.test\" denied the request: no"));
        assert!(matches!(error, ClusterError::Refused { code: 403, .. }), "{error}");
        assert_eq!(error.disposition(), Disposition::BackOff);
    }

    #[test]
    fn each_answer_says_what_to_do() {
        let action = Action::new::<Application>("patch", Some("argocd")).named("shop");
        for (code, expected) in [
            (401, Disposition::BackOff),
            (404, Disposition::BackOff),
            (409, Disposition::DecideAgain),
            (422, Disposition::BackOff),
            (429, Disposition::Retry),
            (500, Disposition::Retry),
        ] {
            assert_eq!(action.answered(&status(code, "no")).disposition(), expected, "{code}");
        }
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_not_quoted() {
        let error = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        assert!(error.to_string().contains("hunter2"));
        let action = Action::new::<Secret>("get", Some("argocd")).named("creds");
        assert!(!action.unreadable(&error).to_string().contains("hunter2"));
    }

    #[test]
    fn a_name_that_would_change_the_url_is_refused() {
        for (text, expected) in [
            ("shop", true),
            ("a.b-c", true),
            ("", false),
            ("..", false),
            ("a/b", false),
            ("a?x=y", false),
            ("a%2fb", false),
            ("a b", false),
        ] {
            assert_eq!(is_path_segment(text), expected, "{text}");
        }
    }
}
