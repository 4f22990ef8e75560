//! From the text of a file to the objects in it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{kind::Kind, schema::Schema};
use crate::{
    api::{
        argocd::{AppProject, Application},
        v1alpha1::ImageUpdater,
    },
    core::yaml::{self, Document, Step, Stream},
};

/// What an object is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// Where in a file an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The index of the document.
    pub(super) document: usize,
    /// The index in `items`, when the document is a list of objects.
    pub(super) item: Option<usize>,
    /// The line, counted from 1.
    pub(super) line: usize,
}

/// An object as it stands in a file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) value: Value,
    pub(super) place: Place,
}

/// A mistake that a user must mend before the folder is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) objects: Vec<Found>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<String>,
    /// Why nothing of the file could be read; a warning says so too.
    pub(super) unread: Option<String>,
}

/// A file of which nothing could be read, so that nobody knows which objects it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadFile {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub message: String,
}

impl fmt::Display for UnreadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.message)
    }
}

/// Reads files by the same rules.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) schema: Schema,
    pub(super) default_namespace: String,
}

impl Reader {
    /// Reads the objects of one file. Mistakes in an ImageUpdater are faults, in other kinds warnings: the object is left
    /// out. Other kinds, and what is no object at all, are passed over.
    pub(super) fn read(&self, file: &Path, text: &str) -> Content {
        let mut content = Content::default();
        let stream = match Stream::parse(text) {
            Ok(stream) => stream,
            Err(e) => {
                let message = format!("not YAML, so it is not read: {e}");
                content.warnings.push(format!("{}: {message}", file.display()));
                content.unread = Some(message);
                return content;
            }
        };
        for (index, document) in stream.documents().iter().enumerate() {
            self.document(file, index, document, &mut content);
        }
        content
    }

    fn document(&self, file: &Path, index: usize, document: &Document<'_>, content: &mut Content) {
        let value = match document.to_value() {
            Ok(value) => value,
            Err(e) => {
                if let Some(kind) = named_kind(document) {
                    content.report(kind, file, e.line, e.reason.to_owned());
                }
                return;
            }
        };
        let kind = value["kind"].as_str().unwrap_or_default();
        let is_list = kind == "List"
            || kind
                .strip_suffix("List")
                .is_some_and(|kind| Kind::named(kind).is_some());
        match (&value["items"], is_list) {
            (Value::Array(items), true) => {
                for (item, value) in items.iter().enumerate() {
                    let steps = vec![Step::Key("items".to_owned()), Step::Index(item)];
                    self.object(file, (index, Some(item)), value, (document, steps), content);
                }
            }
            _ => self.object(file, (index, None), &value, (document, Vec::new()), content),
        }
    }

    fn object(
        &self,
        file: &Path,
        (index, item): (usize, Option<usize>),
        value: &Value,
        (document, steps): (&Document<'_>, Vec<Step>),
        content: &mut Content,
    ) {
        let line = document.line_of(&steps.clone().into());
        let api_version = value["apiVersion"].as_str().unwrap_or_default();
        let name_of_kind = value["kind"].as_str().unwrap_or_default();
        let Some(kind) = Kind::of(api_version, name_of_kind) else {
            if let Some(kind) = Kind::named(name_of_kind) {
                let message = format!(
                    "{name_of_kind} of apiVersion {api_version:?} is not read; use {}",
                    kind.api_version()
                );
                content.report(kind, file, line, message);
            }
            return;
        };
        let key = match self.key(kind, value) {
            Ok(key) => key,
            Err(message) => return content.report(kind, file, line, message),
        };
        if kind == Kind::ImageUpdater {
            let misfits = self.schema.misfits(value);
            for misfit in &misfits {
                let at: Vec<Step> = steps.iter().chain(misfit.path.steps()).cloned().collect();
                let message = format!("{} {}: {}: {}", kind.name(), key.name, misfit.path, misfit.reason);
                content.report(kind, file, document.line_of(&at.into()), message);
            }
            if !misfits.is_empty() {
                return;
            }
        }
        if let Err(message) = decodes(kind, value) {
            return content.report(kind, file, line, format!("{} {}: {message}", kind.name(), key.name));
        }
        content.objects.push(Found {
            key,
            value: value.clone(),
            place: Place {
                document: index,
                item,
                line,
            },
        });
    }

    fn key(&self, kind: Kind, value: &Value) -> Result<Key, String> {
        let metadata = &value["metadata"];
        let name = metadata["name"]
            .as_str()
            .ok_or_else(|| format!("{} without metadata.name", kind.name()))?;
        let namespace = match &metadata["namespace"] {
            Value::Null => self.default_namespace.as_str(),
            Value::String(namespace) if namespace.is_empty() => self.default_namespace.as_str(),
            Value::String(namespace) => namespace.as_str(),
            _ => return Err(format!("{} {name}: metadata.namespace is no text", kind.name())),
        };
        for (field, text, most) in [("name", name, 253), ("namespace", namespace, 63)] {
            if !is_dns_name(text, most) {
                return Err(format!("{} {name:?}: metadata.{field} is no valid name", kind.name()));
            }
        }
        Ok(Key {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl Content {
    fn report(&mut self, kind: Kind, file: &Path, line: usize, message: String) {
        let fault = Fault {
            file: file.to_owned(),
            line,
            message,
        };
        if kind == Kind::ImageUpdater {
            self.faults.push(fault);
        } else {
            self.warnings.push(format!("{fault}; the object is not read"));
        }
    }
}

/// Lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit: also safe as a file name.
pub(super) fn is_dns_name(text: &str, most: usize) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= most
        && text.bytes().all(|b| word(b) || b == b'-' || b == b'.')
        && text.bytes().next().is_some_and(word)
        && text.bytes().last().is_some_and(word)
}

/// The kind of a document that is no data as a whole.
fn named_kind(document: &Document<'_>) -> Option<Kind> {
    Kind::named(document.locate(&yaml::Path::root().key("kind"))?.text()?)
}

/// Whether the object is what its type says; the typed clients of the API would choke on it otherwise.
pub(super) fn decodes(kind: Kind, value: &Value) -> Result<(), String> {
    fn typed<T: DeserializeOwned>(value: &Value) -> Result<(), String> {
        serde_json::from_value::<T>(value.clone())
            .map(drop)
            .map_err(|e| e.to_string())
    }
    match kind {
        Kind::ImageUpdater => typed::<ImageUpdater>(value),
        Kind::Application => typed::<Application>(value),
        Kind::AppProject => typed::<AppProject>(value),
        Kind::ConfigMap => typed::<ConfigMap>(value),
        // The decoder's message could hold what it could not decode.
        Kind::Secret => typed::<Secret>(value).map_err(|_| "data must be base64, and stringData text".to_owned()),
        Kind::Event => Ok(()),
    }
}

/// A Secret as the API server keeps it: `stringData` goes into `data`.
pub(super) fn fold_string_data(secret: &mut Value) {
    let Some(object) = secret.as_object_mut() else { return };
    let Some(Value::Object(texts)) = object.shift_remove("stringData") else {
        return;
    };
    let data = object.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    let Some(data) = data.as_object_mut() else { return };
    for (key, text) in texts {
        data.insert(key, Value::String(STANDARD.encode(text.as_str().unwrap_or_default())));
    }
}
