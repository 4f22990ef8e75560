//! The schema of `registries.conf`: what may stand in the file, before any rule between its entries is checked.
//!
//! Data only. The rules (which keys are required, which entry serves an image) are in `core::registries`.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::secret::Secret;

/// The whole file. An absent or empty list is a file without entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistriesFile {
    /// The entries, in the order of the file.
    pub registries: Option<Vec<RegistryEntry>>,
}

/// One entry, as written. Keys that the file does not have are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryEntry {
    /// A label for people. Required.
    pub name: Option<String>,
    /// Base URL of the registry's API. Required.
    pub api_url: Option<String>,
    /// Which images it serves: `host[:port][/path]`.
    pub prefix: Option<String>,
    /// Whether it serves images without a registry part.
    #[serde(deserialize_with = "optional_bool")]
    #[serde(default)]
    pub default: Option<bool>,
    /// Namespace put in front of one-component names.
    pub defaultns: Option<String>,
    /// Where the credentials lie.
    pub credentials: Option<String>,
    /// How long credentials that were read stay in use: `5h`.
    pub credsexpire: Option<String>,
    /// Whether the registry lists tags in time order, and in which.
    pub tagsortmode: Option<String>,
    /// Whether the server's certificate is not checked.
    #[serde(deserialize_with = "optional_bool")]
    #[serde(default)]
    pub insecure: Option<bool>,
    /// A file with more CA certificates (PEM).
    pub ca_file: Option<String>,
    /// More CA certificates (PEM).
    pub ca_data: Option<String>,
    /// Requests per second; zero and less are no limit.
    pub limit: Option<i64>,
    /// Where its images are asked for first: `host[:port][/path]`, put in the place of `prefix`.
    pub mirrors: Option<Vec<String>>,
    /// A file with our own certificate chain (PEM), for a server that asks who connects.
    pub client_cert: Option<String>,
    /// A file with the private key of `client_cert` (PEM).
    pub client_key: Option<String>,
    /// The URL of the proxy for this registry; it may hold user and password.
    #[serde(deserialize_with = "proxy")]
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// Accepted for old files; it has no effect.
    #[serde(deserialize_with = "optional_bool")]
    #[serde(default)]
    pub ping: Option<bool>,
}

/// A boolean as YAML 1.1 writes it.
struct Yaml11Bool(bool);

impl<'de> Deserialize<'de> for Yaml11Bool {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Yaml11Bool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean (true, false, yes, no, on, off)")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Yaml11Bool, E> {
                Ok(Yaml11Bool(value))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Yaml11Bool, E> {
                match text {
                    "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(Yaml11Bool(true)),
                    "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(Yaml11Bool(false)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        from.deserialize_any(Visitor)
    }
}

fn optional_bool<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(Option::<Yaml11Bool>::deserialize(from)?.map(|b| b.0))
}

/// What is no text is not repeated in the error, which then must say where it stands.
fn proxy<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Option::deserialize(from).map_err(|_| de::Error::custom("`proxy`: a URL is expected"))
}
