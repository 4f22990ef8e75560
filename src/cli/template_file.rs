//! Files with templates: read as far as a template may be long, and refused with file, line and reason.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::Path,
};

use anyhow::{Context as _, anyhow};

use crate::core::{
    gotmpl::{InvalidTemplate, MAX_TEMPLATE},
    render::message_template::MessageTemplate,
};

/// The template of commit messages in this file. An empty path, a file that is not there, and one without any text mean the
/// built-in template.
pub(super) fn message(path: &Path) -> anyhow::Result<MessageTemplate> {
    if path == Path::new("") {
        return Ok(MessageTemplate::default());
    }
    let name = path.display().to_string();
    let text = match File::open(path).and_then(text) {
        Ok(text) => text,
        // A folder is what Kubernetes mounts in place of a key that is not there.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {
            tracing::info!("{name} is not there: commits get the built-in message");
            String::new()
        }
        Err(error) => return Err(error).with_context(|| format!("{name} cannot be read")),
    };
    MessageTemplate::parse(&text).map_err(|invalid| fault(&name, &invalid))
}

/// The text, no longer than is needed to see that it is too long.
pub(super) fn text(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(MAX_TEMPLATE as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// That the template in `name` is none.
pub(super) fn fault(name: &str, invalid: &InvalidTemplate) -> anyhow::Error {
    let InvalidTemplate { line, reason } = invalid;
    anyhow!("{name}: line {line}: {reason}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_not_there_or_empty_is_the_built_in_template() {
        let folder = tempfile::tempdir().unwrap();
        let blank = folder.path().join("blank");
        fs::write(&blank, " \n").unwrap();
        for path in [Path::new(""), &folder.path().join("nothing"), folder.path(), &blank] {
            let made = message(path).unwrap().render("shop", &[]).text;
            assert_eq!(made, "build: automatic update of shop\n\n", "{}", path.display());
        }
    }

    #[test]
    fn a_file_that_is_no_template_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commit.template");
        for (bytes, expected) in [
            (
                b"x\n\n{{ nope }}".to_vec(),
                "commit.template: line 3: there is no function \"nope\"",
            ),
            (b"{{ range .AppChanges }}".to_vec(), "commit.template: line 1: "),
            (vec![0xff], "commit.template cannot be read: "),
            (
                vec![b'x'; MAX_TEMPLATE + 1],
                "commit.template: line 1: 65537 bytes are more than",
            ),
        ] {
            fs::write(&path, bytes).unwrap();
            let error = format!("{:#}", message(&path).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}
