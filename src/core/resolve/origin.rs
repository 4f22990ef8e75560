//! Where a setting was said, so that messages name it in the words of whoever wrote it.

/// Where a layer of settings stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the object at this path of the resource: `spec.applicationRefs[0]`.
    Resource(String),
}

impl Origin {
    /// The name of the field at `path` below the object that holds the layer, as a user finds it.
    pub fn field(&self, path: &str) -> String {
        match self {
            Self::Resource(owner) => format!("{owner}.{path}"),
        }
    }
}
