//! The file that keeps facts over restarts.
//!
//! One line of JSON that says what this is, with the number of the lines after it and their SHA-256; then a line for each
//! image. Keys are hashes: no repository and no credentials are in it. The checksum finds accidents, not intent: who can
//! write the folder can make the program believe anything about dates and labels of images.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::facts::{KEY, Key, MAX_ENTRIES};
use crate::{
    core::{
        foreign::ForeignText,
        image::{TagFacts, manifest::Exclusion},
    },
    registry::session::Known,
};

/// The file in the folder.
const NAME: &str = "registry-facts.jsonl";
/// Where one that cannot be used is put; the next one takes its place.
const DAMAGED: &str = "registry-facts.jsonl.damaged";
/// Says what the file is.
const FORMAT: &str = "argocd-image-updater registry facts";
/// Raised with the format, and when `core::image::manifest` reads something else out of the same bytes.
const VERSION: u32 = 2;
/// The largest file that is read. What the program itself writes is smaller.
const MAX_BYTES: u64 = 128 << 20;

/// More than the first line takes.
const HEADER: usize = 1024;

/// Why the folder of the cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It cannot be made, or written, or its file cannot be read.
    #[error("the cache folder {} cannot be used: {cause}; give one that this program may write, or none", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What went wrong. It is in the message, which ends with the advice, and so no source beside it.
        cause: io::Error,
    },
}

/// Why a file is set aside.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damaged {
    #[error("it is not a file")]
    NotAFile,
    #[error("it is larger than 128 MiB")]
    TooLarge,
    #[error("its first line does not say that it is such a file")]
    Foreign,
    #[error("it was written by another version of this program")]
    Version,
    #[error("its checksum is wrong; it was cut off, or changed")]
    Checksum,
    #[error("line {0} cannot be read")]
    Line(usize),
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    lines: usize,
    sha256: String,
}

/// One image. Short names, because there are many.
#[derive(Serialize, Deserialize)]
struct Line {
    /// The key.
    k: String,
    #[serde(flatten)]
    known: Written,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Written {
    #[serde(rename = "f")]
    Facts {
        /// The digest.
        d: String,
        /// When it was created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        c: Option<Timestamp>,
        /// The labels.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        l: BTreeMap<String, String>,
    },
    Schema1,
    EmptyIndex,
    NoWantedPlatform(String),
    NotAnImage(String),
    TooLarge,
}

impl Written {
    fn of(known: &Known) -> Option<Self> {
        Some(match known {
            Known::Facts(facts) => Self::Facts {
                d: facts.digest.to_string(),
                c: facts.created,
                l: facts.labels.clone(),
            },
            Known::Excluded(why) => match why {
                Exclusion::Schema1 => Self::Schema1,
                Exclusion::EmptyIndex => Self::EmptyIndex,
                Exclusion::NoWantedPlatform { wanted } => Self::NoWantedPlatform(wanted.clone()),
                Exclusion::NotAnImage { why } => Self::NotAnImage(why.as_str().to_owned()),
                Exclusion::TooLarge => Self::TooLarge,
                Exclusion::Gone | Exclusion::PartMissing { .. } | Exclusion::Labelled { .. } => return None,
            },
        })
    }

    fn known(self) -> Option<Known> {
        let why = match self {
            Self::Facts { d, c, l } => {
                return Some(Known::Facts(Arc::new(TagFacts {
                    digest: d.parse().ok()?,
                    created: c,
                    labels: l,
                })));
            }
            Self::Schema1 => Exclusion::Schema1,
            Self::EmptyIndex => Exclusion::EmptyIndex,
            Self::NoWantedPlatform(wanted) => Exclusion::NoWantedPlatform {
                wanted: ForeignText::new(&wanted).to_string(),
            },
            Self::NotAnImage(why) => Exclusion::NotAnImage {
                why: ForeignText::new(&why),
            },
            Self::TooLarge => Exclusion::TooLarge,
        };
        Some(Known::Excluded(why))
    }
}

/// The text of the file. What would make it too large to be read again is left out.
pub(super) fn encode(all: &[(Key, Known)]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut lines = 0;
    for (key, known) in all {
        let Some(known) = Written::of(known) else { continue };
        let k = hex::encode(key.0);
        let Ok(line) = serde_json::to_vec(&Line { k, known }) else {
            continue;
        };
        if (body.len() + line.len() + HEADER) as u64 > MAX_BYTES {
            break;
        }
        body.extend(line);
        body.push(b'\n');
        lines += 1;
    }
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        lines,
        sha256: hex::encode(Sha256::digest(&body)),
    };
    let mut text = serde_json::to_vec(&header).unwrap_or_default();
    text.push(b'\n');
    text.append(&mut body);
    text
}

/// Everything that the text of a file says.
pub(super) fn decode(text: &[u8]) -> Result<Vec<(Key, Known)>, Damaged> {
    let end = text.iter().position(|b| *b == b'\n').ok_or(Damaged::Foreign)?;
    let (first, body) = (&text[..end], &text[end + 1..]);
    let header: Header = serde_json::from_slice(first).map_err(|_| Damaged::Foreign)?;
    if header.format != FORMAT {
        return Err(Damaged::Foreign);
    }
    if header.version != VERSION {
        return Err(Damaged::Version);
    }
    if header.sha256 != hex::encode(Sha256::digest(body)) || header.lines > MAX_ENTRIES {
        return Err(Damaged::Checksum);
    }
    let mut all = Vec::new();
    for (n, line) in body.split_inclusive(|b| *b == b'\n').take(MAX_ENTRIES).enumerate() {
        let read = || {
            let line: Line = serde_json::from_slice(line).ok()?;
            let mut key = [0; KEY];
            hex::decode_to_slice(&line.k, &mut key).ok()?;
            Some((Key(key), line.known.known()?))
        };
        all.push(read().ok_or(Damaged::Line(n + 2))?);
    }
    Ok(all)
}

/// Makes the folder and reads what its file says; blocks. A file that cannot be used is set aside with a warning, one that
/// may not be written is an error.
pub(super) fn open(folder: &Path) -> Result<Vec<(Key, Known)>, CacheError> {
    let fail = |cause| CacheError::Folder {
        folder: folder.to_owned(),
        cause,
    };
    std::fs::create_dir_all(folder).map_err(fail)?;
    tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    let path = folder.join(NAME);
    let read = match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => read(&path).map_err(fail)?,
        // A pipe would be waited for without end, and a link may lead anywhere.
        Ok(_) => Err(Damaged::NotAFile),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    match read {
        Ok(all) => Ok(all),
        Err(why) => {
            let became = match std::fs::rename(&path, folder.join(DAMAGED)) {
                Ok(()) => format!("It is now {DAMAGED}"),
                Err(error) => format!("It stays there, since it cannot be moved ({error})"),
            };
            tracing::warn!(
                "{} is not used: {why}. {became}, and what it said is asked again",
                path.display()
            );
            Ok(Vec::new())
        }
    }
}

fn read(path: &Path) -> io::Result<Result<Vec<(Key, Known)>, Damaged>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    Ok(if text.len() as u64 > MAX_BYTES {
        Err(Damaged::TooLarge)
    } else {
        decode(&text)
    })
}

/// Puts `text` in the place of the file, whole or not at all; blocks. Only the program's own user may read it.
pub(super) fn write(folder: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(NAME)).map_err(|error| error.error)?;
    Ok(())
}
