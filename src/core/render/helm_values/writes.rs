//! What a values file shall say about an image.

/// One value for one parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueWrite {
    /// The path in the file, such as `image.tag` or `containers[0].image`.
    pub parameter: String,
    /// The value. An empty one is never written.
    pub value: String,
    /// Whether the registry in front of the value is left out where the file has a value without one. So for names and
    /// whole references, because charts often keep the registry under a key of its own.
    pub registry_as_in_file: bool,
}

impl ValueWrite {
    /// The value to write where `present` stands now.
    pub(super) fn value_beside(&self, present: Option<&str>) -> &str {
        let present = present.filter(|present| self.registry_as_in_file && !present.is_empty());
        match (present.map(behind_registry), behind_registry(&self.value)) {
            (Some(None), Some(rest)) => rest,
            _ => &self.value,
        }
    }
}

/// What follows the registry: a first component with a dot.
fn behind_registry(name: &str) -> Option<&str> {
    let (first, rest) = name.split_once('/')?;
    (first.contains('.') && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_registry_stays_one() {
        for (registry_as_in_file, present, new, written) in [
            (true, Some("acme/api"), "quay.io/acme/api", "acme/api"),
            (true, Some("ghcr.io/acme/api"), "quay.io/acme/api", "quay.io/acme/api"),
            (true, Some("api:1.2"), "quay.io/acme/api:1.3", "acme/api:1.3"),
            (
                true,
                Some("acme/api"),
                "localhost:5000/acme/api",
                "localhost:5000/acme/api",
            ),
            (true, Some("acme/api"), "acme/api", "acme/api"),
            (true, Some("api.v2"), "nginx", "nginx"),
            (true, None, "quay.io/acme/api", "quay.io/acme/api"),
            (true, Some(""), "quay.io/acme/api", "quay.io/acme/api"),
            (false, Some("acme/api"), "quay.io/acme/api", "quay.io/acme/api"),
        ] {
            let write = ValueWrite {
                parameter: "image".to_owned(),
                value: new.to_owned(),
                registry_as_in_file,
            };
            assert_eq!(write.value_beside(present), written, "{present:?} {new}");
        }
    }
}
