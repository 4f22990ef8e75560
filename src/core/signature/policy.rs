//! What a resource demands, after its layers were merged.

use crate::{
    api::v1alpha1::{CosignKey, ImagesVerification},
    core::{
        foreign::ForeignText,
        verdict::{Reason, Verdict},
    },
};

/// The most keys that one image may name.
const MAX_KEYS: usize = 32;

/// Whose signatures an image needs, and what happens without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignaturePolicy {
    /// Where the public keys lie; a signature by any one of them is enough. Never empty.
    pub keys: Vec<KeyRef>,
    /// What happens when the chosen tag is not signed.
    pub on_unverified: OnUnverified,
}

/// Where public keys lie: a key of a Secret in the namespace of the Application, holding one or more PEM blocks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRef {
    /// The Secret.
    pub secret_name: String,
    /// The key in its `data`.
    pub key: String,
}

/// What happens when the chosen tag is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnverified {
    /// The image stays as it is.
    #[default]
    Block,
    /// The next best tag that is signed is taken.
    Fallback,
}

/// Why `imagesVerification` cannot be honoured. Nothing is updated then. Prints what is wrong with [`Self::field`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// It names no key.
    #[error("it is enabled without a key: set cosignKey, or enabled: false")]
    KeyRequired,
    /// Half a reference to a key.
    #[error("secretName and key are both needed")]
    KeyIncomplete(KeyField),
    /// More keys than are tried.
    #[error("more than {MAX_KEYS} keys; put several PEM blocks into one Secret key")]
    TooManyKeys,
    /// Signatures by identity instead of by key.
    #[error("it is not yet supported; use cosignKey, or remove it")]
    Keyless,
    /// A word that is neither `block` nor `fallback`.
    #[error("{0:?} is neither block nor fallback")]
    OnUnverified(ForeignText),
}

/// Where a key is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyField {
    /// `cosignKey`.
    Single,
    /// An entry of `cosignKeys`, from 0.
    Listed(usize),
}

impl SignaturePolicy {
    /// Reads the merged settings of an image for which signatures are demanded. The single key counts among the others.
    pub fn of(settings: &ImagesVerification) -> Result<Self, InvalidPolicy> {
        let ImagesVerification {
            enabled: _,
            cosign_key,
            cosign_keys,
            keyless,
            on_unverified,
        } = settings;
        if keyless.is_some() {
            return Err(InvalidPolicy::Keyless);
        }
        let single = cosign_key.iter().map(|key| (KeyField::Single, key));
        let several = cosign_keys.iter().flatten().enumerate();
        let mut keys = Vec::new();
        for (field, key) in single.chain(several.map(|(at, key)| (KeyField::Listed(at), key))) {
            let key = KeyRef::of(key).ok_or(InvalidPolicy::KeyIncomplete(field))?;
            if !keys.contains(&key) {
                keys.push(key);
            }
            if keys.len() > MAX_KEYS {
                return Err(InvalidPolicy::TooManyKeys);
            }
        }
        if keys.is_empty() {
            return Err(InvalidPolicy::KeyRequired);
        }
        let on_unverified = match on_unverified.as_deref() {
            None | Some("" | "block") => OnUnverified::Block,
            Some("fallback") => OnUnverified::Fallback,
            Some(other) => return Err(InvalidPolicy::OnUnverified(ForeignText::new(other))),
        };
        Ok(Self { keys, on_unverified })
    }
}

impl KeyRef {
    fn of(key: &CosignKey) -> Option<Self> {
        let CosignKey { secret_name, key } = key;
        (!secret_name.is_empty() && !key.is_empty()).then(|| Self {
            secret_name: secret_name.clone(),
            key: key.clone(),
        })
    }
}

impl InvalidPolicy {
    /// The verdict for the image; `field` is the path of [`Self::field`] in the words of whoever wrote it.
    pub fn verdict(&self, field: &str) -> Verdict {
        let reason = match self {
            Self::Keyless => Reason::UnsupportedSetting,
            Self::KeyRequired | Self::KeyIncomplete(_) | Self::TooManyKeys | Self::OnUnverified(_) => {
                Reason::InvalidSetting
            }
        };
        Verdict::new(reason, format!("{field}: {self}"))
    }

    /// The field that is wrong, below `imagesVerification`; empty when it is the block itself.
    pub fn field(&self) -> String {
        match self {
            Self::KeyRequired => String::new(),
            Self::KeyIncomplete(KeyField::Single) => "cosignKey".to_owned(),
            Self::KeyIncomplete(KeyField::Listed(at)) => format!("cosignKeys[{at}]"),
            Self::TooManyKeys => "cosignKeys".to_owned(),
            Self::Keyless => "keyless".to_owned(),
            Self::OnUnverified(_) => "onUnverified".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(given: &serde_json::Value) -> Result<SignaturePolicy, InvalidPolicy> {
        SignaturePolicy::of(&serde_json::from_value(given.clone()).unwrap())
    }

    #[test]
    fn any_one_of_all_named_keys_may_have_signed() {
        let key = |name: &str| json!({"secretName": name, "key": "cosign.pub"});
        for (given, expected) in [
            (json!({"cosignKey": key("a")}), vec!["a"]),
            (json!({"cosignKeys": [key("a"), key("b"), key("a")]}), vec!["a", "b"]),
            (
                json!({"cosignKey": key("c"), "cosignKeys": [key("a"), key("c")]}),
                vec!["c", "a"],
            ),
        ] {
            let policy = of(&given).unwrap();
            let names: Vec<_> = policy.keys.iter().map(|key| key.secret_name.as_str()).collect();
            assert_eq!(names, expected, "{given}");
            assert_eq!(policy.on_unverified, OnUnverified::Block, "{given}");
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_an_error_that_names_the_field() {
        let key = json!({"secretName": "s", "key": "k"});
        let many: Vec<_> = (0..33)
            .map(|n| json!({"secretName": format!("s{n}"), "key": "k"}))
            .collect();
        for (given, reason, field, words) in [
            (json!({}), Reason::InvalidSetting, "", "set cosignKey"),
            (json!({"cosignKeys": []}), Reason::InvalidSetting, "", "set cosignKey"),
            (
                json!({"cosignKey": {"secretName": "", "key": "k"}}),
                Reason::InvalidSetting,
                "cosignKey",
                "are both needed",
            ),
            (
                json!({"cosignKeys": [key, {"secretName": "s", "key": ""}]}),
                Reason::InvalidSetting,
                "cosignKeys[1]",
                "are both needed",
            ),
            (
                json!({"cosignKeys": many}),
                Reason::InvalidSetting,
                "cosignKeys",
                "more than 32",
            ),
            (
                json!({"keyless": {}, "cosignKey": key}),
                Reason::UnsupportedSetting,
                "keyless",
                "not yet supported",
            ),
            (
                json!({"cosignKey": key, "onUnverified": "warn"}),
                Reason::InvalidSetting,
                "onUnverified",
                "\"warn\" is neither block nor fallback",
            ),
        ] {
            let error = of(&given).unwrap_err();
            assert_eq!(error.field(), field, "{given}");
            let verdict = error.verdict("here");
            assert_eq!(verdict.reason, reason, "{given}");
            assert!(verdict.message.starts_with("here: "), "{given}: {verdict}");
            assert!(verdict.message.contains(words), "{given}: {verdict}");
        }
    }

    #[test]
    fn what_happens_without_a_signature_is_read() {
        let key = json!({"secretName": "s", "key": "k"});
        for (given, expected) in [
            ("block", OnUnverified::Block),
            ("", OnUnverified::Block),
            ("fallback", OnUnverified::Fallback),
        ] {
            let policy = of(&json!({"cosignKey": key, "onUnverified": given})).unwrap();
            assert_eq!(policy.on_unverified, expected, "{given}");
        }
    }
}
