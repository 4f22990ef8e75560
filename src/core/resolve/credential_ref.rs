//! Where a registry credential lies, never its value.
//!
//! Pure. Reading what the reference names is done by the cluster reader and by `registry::credentials`.

use crate::core::keys::ObjectKey;

/// Where a registry credential lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CredentialRef {
    /// A field of a Secret: `user:password`.
    Secret {
        /// The Secret.
        secret: ObjectKey,
        /// The field.
        field: String,
    },
    /// A Secret of type `kubernetes.io/dockerconfigjson`.
    PullSecret(ObjectKey),
    /// An environment variable of this process: `user:password`.
    Env(String),
    /// An executable that prints `user:password`; an absolute path.
    Ext(String),
    /// The identity that this vendor gave to the process; nothing is configured beside it.
    Cloud(Vendor),
}

/// A cloud that gives processes identities, and has registries of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vendor {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Gcp,
    /// Microsoft Azure.
    Azure,
}

impl Vendor {
    /// As it is written in front of the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Aws, Self::Gcp, Self::Azure]
            .into_iter()
            .find(|vendor| vendor.as_str().eq_ignore_ascii_case(text))
    }
}

/// A text that names no credentials. The text itself is not kept: people put passwords there by mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the credentials source cannot be read: {reason} (example: {example})")]
pub struct InvalidCredentialRef {
    reason: &'static str,
    example: &'static str,
}

const PULL_SECRET: &str = "pullsecret:argocd/regcred";
const SECRET: &str = "secret:argocd/registry#credentials";
const ENV: &str = "env:REGISTRY_CREDENTIALS";
const EXT: &str = "ext:/scripts/login.sh";
const CLOUD: &str = "aws:";

impl CredentialRef {
    /// Splits the accepted and ignored `registry=` from the front. The first `=` separates when text stands before it.
    pub fn split_registry(text: &str) -> (Option<&str>, &str) {
        match text.split_once('=') {
            Some((registry, rest)) if !registry.is_empty() => (Some(registry), rest),
            _ => (None, text),
        }
    }

    /// Reads `[registry=]type:value`, the type in any case: `secret:<ns>/<name>#<field>`, `pullsecret:<ns>/<name>`,
    /// `env:<NAME>`, `ext:<absolute path>`, or `aws:`, `gcp:`, `azure:` with nothing behind it. Nothing is trimmed.
    pub fn parse(text: &str) -> Result<Self, InvalidCredentialRef> {
        let fail = |reason, example| Err(InvalidCredentialRef { reason, example });
        let (_, source) = Self::split_registry(text);
        let Some((kind, value)) = source.split_once(':') else {
            return fail("a type and a colon are missing", PULL_SECRET);
        };
        if let Some(vendor) = Vendor::parse(kind) {
            return if value.is_empty() {
                Ok(Self::Cloud(vendor))
            } else {
                fail("nothing may follow the colon of aws:, gcp: and azure:", CLOUD)
            };
        }
        if value.contains(':') {
            return fail("it has more than one colon", PULL_SECRET);
        }
        if value.is_empty() {
            return fail("nothing follows the colon", PULL_SECRET);
        }
        match kind.to_ascii_lowercase().as_str() {
            "secret" => match object(value).and_then(|(key, name)| Some((key, name.split_once('#')?))) {
                Some((namespace, (name, field))) if !name.is_empty() && !field.is_empty() && !field.contains('#') => {
                    Ok(Self::Secret {
                        secret: ObjectKey::new(namespace, name),
                        field: field.to_owned(),
                    })
                }
                _ => fail("namespace, name and field are needed", SECRET),
            },
            "pullsecret" => match object(value) {
                Some((namespace, name)) => Ok(Self::PullSecret(ObjectKey::new(namespace, name))),
                None => fail("namespace and name are needed", PULL_SECRET),
            },
            "env" => Ok(Self::Env(value.to_owned())),
            "ext" if value.starts_with('/') => Ok(Self::Ext(value.to_owned())),
            "ext" => fail("the path of the program is not absolute", EXT),
            _ => fail("the type is none of secret, pullsecret, env, ext, aws, gcp, azure", ENV),
        }
    }

    /// The namespace of the Secret, for the rule that an image's credentials come from its application's namespace.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Secret { secret, .. } | Self::PullSecret(secret) => Some(&secret.namespace),
            Self::Env(_) | Self::Ext(_) | Self::Cloud(_) => None,
        }
    }
}

/// Namespace and rest around the only slash, neither empty.
fn object(value: &str) -> Option<(&str, &str)> {
    let (namespace, name) = value.split_once('/')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains('/')).then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_error_does_not_repeat_what_may_be_a_password() {
        let error = CredentialRef::parse("bob:hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_cloud_is_named_with_nothing_behind_the_colon() {
        for (text, vendor) in [
            ("aws:", Some(Vendor::Aws)),
            ("GCP:", Some(Vendor::Gcp)),
            ("any=azure:", Some(Vendor::Azure)),
            ("aws", None),
            ("aws: ", None),
            ("aws:arn:aws:iam::1:role/x", None),
            ("gcp:someone@project.iam.gserviceaccount.com", None),
            ("ibm:", None),
        ] {
            let parsed = CredentialRef::parse(text);
            assert_eq!(parsed.clone().ok(), vendor.map(CredentialRef::Cloud), "{text}");
            if let Err(error) = parsed {
                assert!(!error.to_string().contains("iam"), "{error}");
            }
        }
    }

    #[test]
    fn the_namespace_is_known_whatever_the_spelling() {
        for (text, namespace) in [
            ("Secret:other/x#f", Some("other")),
            ("any=secret:other/x#f", Some("other")),
            ("PullSecret:a/b", Some("a")),
            ("env:X", None),
            ("ext:/bin/x", None),
        ] {
            assert_eq!(CredentialRef::parse(text).unwrap().namespace(), namespace, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(secret|env|ext|a=)?[:/#=a-z]{0,12}|.*") {
            let _ = CredentialRef::parse(&text);
        }
    }
}
