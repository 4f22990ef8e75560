//! The override file that Argo CD reads beside an application's manifests: `.argocd-source-<app>.yaml`.
//!
//! A new file has a fixed layout. Of an existing one only the values of configured images change; unknown keys, other
//! entries and comments stay. Helm parameters are kept sorted by name, and an entry that moves takes the comments above it
//! along. Pure; the edits themselves are made by [`crate::core::yaml`].

mod kustomize;
mod source;

use serde_json::{Map, Value, json};

use crate::core::yaml::{self, Change, EditError, Edited, Op, Path, Stream};

/// What an override file says for the configured images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overrides {
    /// Helm parameters.
    Helm(Vec<HelmParameter>),
    /// Kustomize images: `[name=]reference`.
    Kustomize(Vec<String>),
    /// Variables of a plugin.
    Plugin(Vec<PluginVariable>),
}

/// A Helm parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmParameter {
    /// The parameter.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether Helm takes the value as text whatever it looks like.
    pub force_string: bool,
}

/// A variable of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginVariable {
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// An override file that was not rendered.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum RenderError {
    /// The existing file could not be edited.
    #[error("the override file: {0}")]
    Edit(#[from] EditError),
}

/// Renders the override file. `existing` is the file as it is, if there is one.
///
/// A file that is blank, no YAML, or not of Argo CD's shape is replaced. Nothing to write gives [`Edited::Unchanged`],
/// also where there is no file.
pub fn render(existing: Option<&str>, overrides: &Overrides) -> Result<Edited, RenderError> {
    edit(existing, overrides, |_| overrides.clone())
}

/// As [`render`], and a list that is new in the file gets the entries of `repeated` as well, which are of the same kind.
///
/// Argo CD reads the file as a JSON merge patch over the source of the Application, so without them the list would take
/// away what the source says.
pub fn render_repeating(
    existing: Option<&str>,
    overrides: &Overrides,
    repeated: &Overrides,
) -> Result<Edited, RenderError> {
    edit(existing, overrides, |list| match list {
        List::New => overrides.clone().and(repeated),
        List::Said(_) => overrides.clone(),
    })
}

fn edit(
    existing: Option<&str>,
    overrides: &Overrides,
    all: impl Fn(&List) -> Overrides,
) -> Result<Edited, RenderError> {
    if overrides.is_empty() {
        return Ok(Edited::Unchanged);
    }
    let existing = existing.unwrap_or_default();
    let Some(list) = read(existing, overrides) else {
        let new = yaml::write(&all(&List::New).to_value());
        return Ok(if new == existing {
            Edited::Unchanged
        } else {
            Edited::New(new)
        });
    };
    let overrides = all(&list);
    let old = list.entries();
    let changes = match &overrides {
        Overrides::Helm(parameters) => helm_changes(old, parameters),
        Overrides::Kustomize(images) => kustomize::changes(&overrides.path(), old, images),
        Overrides::Plugin(variables) => plugin_changes(old, variables),
    };
    Ok(yaml::edit(existing, 0, &changes)?)
}

/// The list of a file that Argo CD can read.
enum List {
    /// The file does not speak of it, so what counts is the list of the source.
    New,
    /// What the file says instead of the source; a null says that there is nothing.
    Said(Vec<Value>),
}

impl List {
    fn entries(&self) -> &[Value] {
        match self {
            Self::New => &[],
            Self::Said(list) => list,
        }
    }
}

impl Overrides {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Helm(list) => list.is_empty(),
            Self::Kustomize(list) => list.is_empty(),
            Self::Plugin(list) => list.is_empty(),
        }
    }

    /// With the entries of `more`, which are of the same kind.
    fn and(mut self, more: &Self) -> Self {
        match (&mut self, more) {
            (Self::Helm(list), Self::Helm(more)) => list.extend_from_slice(more),
            (Self::Kustomize(list), Self::Kustomize(more)) => list.extend_from_slice(more),
            (Self::Plugin(list), Self::Plugin(more)) => list.extend_from_slice(more),
            _ => {}
        }
        self
    }

    fn keys(&self) -> [&'static str; 2] {
        match self {
            Self::Helm(_) => ["helm", "parameters"],
            Self::Kustomize(_) => ["kustomize", "images"],
            Self::Plugin(_) => ["plugin", "env"],
        }
    }

    fn path(&self) -> Path {
        let [outer, inner] = self.keys();
        Path::root().key(outer).key(inner)
    }

    /// The content of a new file.
    fn to_value(&self) -> Value {
        let list: Vec<Value> = match self {
            Self::Helm(list) => {
                let mut list: Vec<_> = list.iter().collect();
                list.sort_by(|a, b| a.name.cmp(&b.name));
                list.into_iter().map(HelmParameter::to_value).collect()
            }
            Self::Kustomize(list) => list.iter().map(|image| json!(image)).collect(),
            Self::Plugin(list) => list.iter().map(PluginVariable::to_value).collect(),
        };
        let [outer, inner] = self.keys();
        json!({ outer: { inner: list } })
    }
}

impl HelmParameter {
    fn to_value(&self) -> Value {
        json!({"name": self.name, "value": self.value, "forcestring": self.force_string})
    }
}

impl PluginVariable {
    fn to_value(&self) -> Value {
        json!({"name": self.name, "value": self.value})
    }
}

/// The existing list. `None` for a file that is blank, or that Argo CD could not read.
fn read(text: &str, overrides: &Overrides) -> Option<List> {
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return None;
    }
    let stream = Stream::parse(text).ok()?;
    let Some(document) = stream.documents().first() else {
        return Some(List::New);
    };
    let mut value = document.to_value().ok()?;
    if value.is_null() {
        return Some(List::New);
    }
    for key in overrides.keys() {
        value = match value {
            Value::Null => Value::Null,
            Value::Object(mut map) => match map.shift_remove(key) {
                Some(value) => value,
                None => return Some(List::New),
            },
            _ => return None,
        };
    }
    let list = match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list,
        _ => return None,
    };
    let fits = |entry: &Value| match overrides {
        Overrides::Kustomize(_) => entry.is_string(),
        Overrides::Helm(_) | Overrides::Plugin(_) => entry.is_object(),
    };
    list.iter().all(fits).then_some(List::Said(list))
}

fn name_of(entry: &Value) -> &str {
    entry.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Sets the value of every entry of this name. `false` when there is none.
fn set_value(path: &Path, old: &[Value], name: &str, value: &str, changes: &mut Vec<Change>) -> bool {
    let mut found = false;
    for (index, entry) in old.iter().enumerate().filter(|(_, entry)| name_of(entry) == name) {
        found = true;
        if entry.get("value").and_then(Value::as_str) != Some(value) {
            let path = path.clone().index(index).key("value");
            changes.push(Change {
                path,
                op: Op::Set(json!(value)),
            });
        }
    }
    found
}

fn plugin_changes(old: &[Value], variables: &[PluginVariable]) -> Vec<Change> {
    let path = Overrides::Plugin(Vec::new()).path();
    let mut changes = Vec::new();
    for variable in variables {
        if !set_value(&path, old, &variable.name, &variable.value, &mut changes) {
            changes.push(Change {
                path: path.clone(),
                op: Op::Append(variable.to_value()),
            });
        }
    }
    changes
}

fn helm_changes(old: &[Value], parameters: &[HelmParameter]) -> Vec<Change> {
    let path = Overrides::Helm(Vec::new()).path();
    let mut changes = Vec::new();
    let mut names: Vec<&str> = old.iter().map(name_of).collect();
    for parameter in parameters {
        if set_value(&path, old, &parameter.name, &parameter.value, &mut changes) {
            for (index, entry) in old
                .iter()
                .enumerate()
                .filter(|(_, entry)| name_of(entry) == parameter.name)
            {
                if force_string(entry) != Some(parameter.force_string) {
                    let key = entry
                        .as_object()
                        .and_then(|entry| force_key(entry))
                        .unwrap_or(FORCE_KEY);
                    let path = path.clone().index(index).key(key);
                    changes.push(Change {
                        path,
                        op: Op::Set(json!(parameter.force_string)),
                    });
                }
            }
        } else {
            names.push(&parameter.name);
            changes.push(Change {
                path: path.clone(),
                op: Op::Append(parameter.to_value()),
            });
        }
    }
    // Spelling and order alone are no reason for a commit.
    if !changes.is_empty() {
        spell_keys(&path, old, &mut changes);
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|index| names.get(*index).copied());
        if !order.is_sorted() {
            changes.push(Change {
                path,
                op: Op::Reorder(order),
            });
        }
    }
    changes
}

const FORCE_KEY: &str = "forcestring";

/// The key of this meaning, in whatever case it is written; the common spelling wins.
fn force_key(entry: &Map<String, Value>) -> Option<&str> {
    let found = entry.get_key_value(FORCE_KEY).map(|(key, _)| key);
    found
        .or_else(|| entry.keys().find(|key| key.eq_ignore_ascii_case(FORCE_KEY)))
        .map(String::as_str)
}

fn force_string(entry: &Value) -> Option<bool> {
    let entry = entry.as_object()?;
    entry.get(force_key(entry)?)?.as_bool()
}

/// Gives the key its common spelling wherever it is written otherwise.
fn spell_keys(path: &Path, old: &[Value], changes: &mut Vec<Change>) {
    for (index, entry) in old.iter().enumerate() {
        let Some(key) = entry.as_object().and_then(force_key) else {
            continue;
        };
        if key != FORCE_KEY {
            let path = path.clone().index(index).key(key);
            changes.push(Change {
                path,
                op: Op::Rename(FORCE_KEY.to_owned()),
            });
        }
    }
}

#[cfg(test)]
mod tests;
