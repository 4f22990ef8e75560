//! The variables and files in which a platform puts identities.

use std::{collections::BTreeMap, sync::Arc};

use tokio::io::AsyncReadExt as _;

use crate::secret::Secret;

/// The largest file that is read: a key, a token, or a description of them.
const MAX_FILE: u64 = 64 * 1024;

/// Where variables are looked up. An empty variable counts as one that is not there.
#[derive(Clone)]
pub struct Environment(Variables);

#[derive(Clone)]
enum Variables {
    OfThisProcess,
    These(Arc<BTreeMap<String, String>>),
}

impl Environment {
    /// The environment of this process, read when it is asked.
    pub fn of_this_process() -> Self {
        Self(Variables::OfThisProcess)
    }

    /// These variables and no others.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Variables::These(Arc::new(variables.into_iter().collect())))
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Variables::OfThisProcess => std::env::var(name).ok(),
            Variables::These(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(Secret::new)
    }
}

/// Reads a file that a platform keeps up to date. White space at its ends is removed.
pub(super) async fn file(path: &str) -> Result<Secret, String> {
    let read = async {
        let mut text = String::new();
        let file = tokio::fs::File::open(path).await?;
        file.take(MAX_FILE + 1).read_to_string(&mut text).await?;
        Ok::<_, std::io::Error>(text)
    };
    let text = read.await.map_err(|error| format!("{path} cannot be read: {error}"))?;
    if text.len() as u64 > MAX_FILE {
        return Err(format!("{path} is larger than 64 KiB"));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("{path} is empty"));
    }
    Ok(Secret::new(text))
}
