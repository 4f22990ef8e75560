//! Writing files, so that nobody ever sees half of one, and the sidecar folder.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    read::Key,
    store::{Object, uid},
};
use crate::core::yaml::{self, Stream};

/// The folder for everything that is not the user's.
pub(super) const SIDECAR: &str = ".argocd-image-updater";

const NOTE: &str = "# Written by argocd-image-updater. It can be deleted while the program does not run.\n";

/// Puts `text` in the place of the file, whose mode stays.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".argocd-image-updater-")
        .tempfile_in(folder)?;
    if let Ok(metadata) = fs::metadata(path) {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|e| e.error)
}

/// Reads at most `most` bytes; `None` for a file that has more.
pub(super) fn read_bounded(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// Makes the sidecar folder and says where it is.
pub(super) fn sidecar(root: &Path) -> io::Result<PathBuf> {
    let path = root.join(SIDECAR);
    fs::create_dir_all(path.join("status"))?;
    let is_link = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.is_symlink());
    if is_link(&path)? || is_link(&path.join("status"))? {
        return Err(io::Error::other(format!("{SIDECAR} is a symbolic link")));
    }
    Ok(path)
}

/// The file of an object's status. Names of objects may run into each other where namespace and name meet; then the file
/// carries the uid's beginning as well.
pub(super) fn status_file<'a>(
    sidecar: &Path,
    key: &Key,
    objects: impl Iterator<Item = (&'a Key, &'a Object)>,
) -> PathBuf {
    let stem = |key: &Key| format!("{}-{}-{}", key.kind.name().to_lowercase(), key.namespace, key.name);
    let own = stem(key);
    let ambiguous = objects
        .map(|(other, _)| other)
        .any(|other| other != key && stem(other) == own);
    let file = if ambiguous {
        format!("{own}-{}.yaml", &uid(key)[..8])
    } else {
        format!("{own}.yaml")
    };
    sidecar.join("status").join(file)
}

/// Writes an object's status into its sidecar file.
pub(super) fn write_status(path: &Path, key: &Key, status: &Value) -> io::Result<()> {
    let value = json!({
        "apiVersion": key.kind.api_version(),
        "kind": key.kind.name(),
        "metadata": {"name": key.name, "namespace": key.namespace},
        "status": status,
    });
    replace(path, &format!("{NOTE}{}", yaml::write(&value)))
}

/// Reads an object's status from its sidecar file. `Ok(None)` when there is none, or it is another object's.
pub(super) fn read_status(path: &Path, key: &Key) -> Result<Option<Value>, String> {
    let Some(value) = read_yaml(path)? else { return Ok(None) };
    let metadata = &value["metadata"];
    let is_own =
        value["kind"] == key.kind.name() && metadata["namespace"] == key.namespace && metadata["name"] == key.name;
    Ok(is_own.then(|| value["status"].clone()).filter(Value::is_object))
}

/// The file of the events.
pub(super) fn events_file(sidecar: &Path) -> PathBuf {
    sidecar.join("events.yaml")
}

/// Writes all events that are kept.
pub(super) fn write_events<'a>(sidecar: &Path, events: impl Iterator<Item = &'a Value>) -> io::Result<()> {
    // One line of JSON each, which is YAML as well: the file is written anew for every event.
    let mut text = format!("{NOTE}apiVersion: v1\nkind: List\nitems:\n");
    for event in events {
        text.push_str("- ");
        text.push_str(&event.to_string());
        text.push('\n');
    }
    replace(&events_file(sidecar), &text)
}

/// Reads the events of earlier runs.
pub(super) fn read_events(sidecar: &Path) -> Result<Vec<Value>, String> {
    let value = read_yaml(&events_file(sidecar))?.unwrap_or_default();
    Ok(value["items"].as_array().cloned().unwrap_or_default())
}

/// The data of a sidecar file; `None` when there is no such file.
fn read_yaml(path: &Path) -> Result<Option<Value>, String> {
    let unreadable = |why: String| format!("{}: {why}; it is not used", path.display());
    let text = match read_bounded(path, yaml::MAX_TEXT as u64) {
        Ok(Some(bytes)) => String::from_utf8(bytes).map_err(|e| unreadable(e.to_string()))?,
        Ok(None) => return Err(unreadable("too large".to_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(e.to_string())),
    };
    let stream = Stream::parse(&text).map_err(|e| unreadable(e.to_string()))?;
    match stream.documents().first() {
        Some(document) => document.to_value().map(Some).map_err(|e| unreadable(e.to_string())),
        None => Ok(None),
    }
}
