//! Filling the store from the folder, and reading one file again that somebody else changed.

use std::{collections::BTreeSet, path::Path};

use super::{
    DirectoryError, Fault, Shared, files,
    kind::Kind,
    read::{Content, Key, Reader, UnreadFile},
    scan,
    store::{MAX_EVENTS, Object, Store},
};
use crate::core::yaml::MAX_TEXT;

/// The most bytes of files that are read.
const MAX_BYTES: usize = 512 << 20;

/// What was read, and what was left out.
pub(super) struct Loaded {
    pub(super) store: Store,
    /// Everything that was left out.
    pub(super) warnings: Vec<String>,
    /// The files among that.
    pub(super) unread: Vec<UnreadFile>,
}

/// Reads everything.
pub(super) fn load(root: &Path, sidecar: &Path, reader: &Reader) -> Result<Loaded, DirectoryError> {
    let scan = scan::scan(root)?;
    let mut warnings = scan.warnings;
    let mut unread = Vec::new();
    let mut faults = Vec::new();
    let mut store = Store::new();
    let mut read = 0;
    for file in scan.files {
        let text = match text(&file) {
            Ok(text) => text,
            Err(message) => {
                let file = UnreadFile { file, message };
                warnings.push(file.to_string());
                unread.push(file);
                continue;
            }
        };
        read += text.len();
        if read > MAX_BYTES {
            return Err(DirectoryError::TooMany {
                folder: root.to_owned(),
                what: "bytes in all files",
                most: MAX_BYTES,
            });
        }
        let content = reader.read(&file, &text);
        let keep_text = content.objects.iter().any(|found| found.key.kind.is_patched());
        warnings.extend(content.warnings);
        unread.extend(content.unread.map(|message| UnreadFile {
            file: file.clone(),
            message,
        }));
        faults.extend(content.faults);
        for found in content.objects {
            let key = found.key.clone();
            if let Some(first) = store.objects.get(&key) {
                faults.push(twice(&key, first, &file, found.place.line));
                continue;
            }
            store
                .objects
                .insert(key, Object::new(found, file.clone(), store.version));
        }
        if keep_text {
            store.texts.insert(file, text);
        }
    }
    if !faults.is_empty() {
        return Err(DirectoryError::Invalid(faults));
    }
    recall(&mut store, sidecar, &mut warnings);
    Ok(Loaded {
        store,
        warnings,
        unread,
    })
}

/// What earlier runs left in the sidecar folder: status of ImageUpdaters, and events.
fn recall(store: &mut Store, sidecar: &Path, warnings: &mut Vec<String>) {
    let keys: Vec<Key> = store
        .objects
        .keys()
        .filter(|key| key.kind == Kind::ImageUpdater)
        .cloned()
        .collect();
    for key in keys {
        let path = files::status_file(sidecar, &key, store.objects.iter());
        match files::read_status(&path, &key) {
            Ok(status) => {
                if let Some(object) = store.objects.get_mut(&key) {
                    object.status = status;
                }
            }
            Err(why) => warnings.push(why),
        }
    }
    match files::read_events(sidecar) {
        Ok(events) => store.events = events.into_iter().rev().take(MAX_EVENTS).rev().collect(),
        Err(why) => warnings.push(why),
    }
}

fn text(file: &Path) -> Result<String, String> {
    let why = |why: &str| format!("{why}, so it is not read");
    match files::read_bounded(file, MAX_TEXT as u64) {
        Ok(Some(bytes)) => String::from_utf8(bytes).map_err(|_| why("not UTF-8")),
        Ok(None) => Err(why(&format!("more than {MAX_TEXT} bytes"))),
        Err(e) => Err(why(&e.to_string())),
    }
}

fn twice(key: &Key, first: &Object, file: &Path, line: usize) -> Fault {
    let message = format!(
        "{} {}/{} is there twice, also in {}:{}",
        key.kind.name(),
        key.namespace,
        key.name,
        first.file.display(),
        first.place.line
    );
    Fault {
        file: file.to_owned(),
        line,
        message,
    }
}

impl Shared {
    /// Takes over what a changed file says now, so that a second try can work on it. The answer is for the user.
    pub(super) fn reload(&self, store: &mut Store, file: &Path, bytes: Option<Vec<u8>>) -> String {
        let changed = format!("{} was changed by somebody else since it was read", file.display());
        let text = match bytes.map(String::from_utf8) {
            Some(Ok(text)) => text,
            Some(Err(_)) => return format!("{changed}, and is no UTF-8 now"),
            None => {
                take_over(store, file, Content::default());
                store.texts.remove(file);
                return format!("{changed}, and cannot be read now");
            }
        };
        let content = self.reader.read(file, &text);
        let is_elsewhere = |key: &Key| store.objects.get(key).filter(|object| object.file != file);
        let mut seen = BTreeSet::new();
        let twice = content.objects.iter().find_map(|found| {
            let line = found.place.line;
            match is_elsewhere(&found.key) {
                Some(first) => Some(twice(&found.key, first, file, line).to_string()),
                None if seen.insert(&found.key) => None,
                None => Some(format!("{}:{line}: an object is there twice", file.display())),
            }
        });
        let fault = content.faults.first().map(ToString::to_string).or(twice);
        if let Some(fault) = fault.or_else(|| content.warnings.first().cloned()) {
            return format!("{changed}, and cannot be used as it is now: {fault}");
        }
        take_over(store, file, content);
        store.texts.insert(file.to_owned(), text);
        format!("{changed}; it was read again, please try again")
    }
}

/// Replaces the objects of one file by those of `content`.
fn take_over(store: &mut Store, file: &Path, content: Content) {
    let old: Vec<Key> = store
        .objects
        .iter()
        .filter(|(_, object)| object.file == file)
        .map(|(key, _)| key.clone())
        .collect();
    for key in old {
        if !content.objects.iter().any(|found| found.key == key) {
            store.remove(&key);
        }
    }
    for found in content.objects {
        let key = found.key.clone();
        match store.objects.get_mut(&key) {
            Some(object) if object.value == found.value => object.place = found.place,
            Some(object) => {
                let mut next = object.clone();
                next.generation += 1;
                next.place = found.place;
                next.value = found.value;
                store.put(&key, next);
            }
            None => {
                store.put(&key, Object::new(found, file.to_owned(), 0));
            }
        }
    }
}
