//! The layers, as the imports tell them. An arrow is an allowed import; whoever may import a layer may import what that
//! layer may, but siblings (`registry`, `git`, `cluster`) do not import each other, and the pure core has no effects.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;

/// What each module may import of this crate.
const PICTURE: &[(&str, &[&str])] = &[
    (
        "main",
        &[
            "cli",
            "controller",
            "engine",
            "registry",
            "git",
            "cluster",
            "core",
            "api",
            "settings",
            "identity",
            "http",
            "telemetry",
            "secret",
        ],
    ),
    (
        "cli",
        &[
            "controller",
            "engine",
            "registry",
            "git",
            "cluster",
            "core",
            "api",
            "settings",
            "identity",
            "http",
            "telemetry",
            "secret",
        ],
    ),
    (
        "controller",
        &[
            "engine",
            "registry",
            "git",
            "cluster",
            "core",
            "api",
            "settings",
            "http",
            "telemetry",
            "secret",
        ],
    ),
    (
        "engine",
        &[
            "registry",
            "git",
            "cluster",
            "core",
            "api",
            "settings",
            "identity",
            "http",
            "telemetry",
            "secret",
        ],
    ),
    ("registry", &["core", "api", "http", "telemetry", "secret"]),
    ("git", &["core", "api", "http", "telemetry", "secret"]),
    ("cluster", &["core", "api", "http", "telemetry", "secret"]),
    ("settings", &["core", "telemetry", "secret"]),
    ("identity", &["core", "api", "http", "telemetry", "secret"]),
    ("http", &["core", "telemetry", "secret"]),
    ("telemetry", &["core", "secret"]),
    ("secret", &[]),
    ("core", &["api", "secret"]),
    ("api", &["secret"]),
];

/// What `core` and `api` must not touch: the clock, the environment, files, the network, other processes, logs, threads.
const EFFECTS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "axum",
    "git2",
    "governor",
    "hyper",
    "hyper_util",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "kube::Api",
    "kube::Client",
    "kube::Config",
    "kube::client",
    "kube::config",
    "kube::runtime",
    "moka",
    "reqwest",
    "ring",
    "rustix",
    "rustls",
    "tempfile",
    "tokio",
    "tokio_util",
    "tower",
    "tracing",
    "tracing_subscriber",
];

/// Every path that a source names: `use` lists taken apart, and paths in the code. Comments and texts are left out.
fn paths(source: &str) -> BTreeSet<String> {
    static COMMENT: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)//.*$"));
    static TEXT: LazyLock<Regex> = LazyLock::new(|| regex(r#""(?:[^"\\]|\\.)*""#));
    static USE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?s)\buse\s+([^;]+);"));
    static PATH: LazyLock<Regex> = LazyLock::new(|| regex(r"\b\w+(?:::\w+)+"));
    let code = COMMENT.replace_all(source, "");
    let code = TEXT.replace_all(&code, "\"\"");
    let mut found = BTreeSet::new();
    for tree in USE.captures_iter(&code) {
        expand(
            "",
            &tree[1].split_whitespace().collect::<Vec<_>>().join(" "),
            &mut found,
        );
    }
    found.extend(PATH.find_iter(&code).map(|path| path.as_str().to_owned()));
    found
}

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

/// Takes `a::{b, c::{d, e}}` apart.
fn expand(prefix: &str, tree: &str, found: &mut BTreeSet<String>) {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        found.insert(format!("{prefix}{path}"));
        return;
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    expand(&format!("{prefix}{}", head.trim()), &inner[start..at], found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// What is compiled into the program: a test module at the end of a file may read files.
fn production(source: &str) -> &str {
    source
        .find("#[cfg(test)]\nmod tests {")
        .map_or(source, |at| &source[..at])
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The module path of a file below `src`: `git/mod.rs` and `git.rs` are both `git`.
fn module(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> = file
        .with_extension("")
        .components()
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// The top-level module of this crate that `path` leads to, seen from `module`.
fn leads_to(path: &str, module: &[String]) -> Option<String> {
    let mut steps = path.split("::").peekable();
    if let Some(&first) = steps.peek()
        && (first == "crate" || first == "argocd_image_updater")
    {
        steps.next();
        return steps.next().map(str::to_owned);
    }
    let mut place = module.len();
    while steps.next_if_eq(&"super").is_some() {
        place = place.checked_sub(1)?;
    }
    // `super` from a top-level module is the crate itself.
    if place == 0 && !module.is_empty() {
        steps.next().map(str::to_owned)
    } else {
        None
    }
}

fn is_effect(path: &str) -> bool {
    // What the program was built for is a constant.
    !path.starts_with("std::env::consts")
        && EFFECTS
            .iter()
            .any(|effect| path == *effect || path.starts_with(&format!("{effect}::")))
}

/// Every import of `file` that the picture does not have, and every effect of a pure layer.
fn strangers(file: &Path, source: &str) -> Vec<String> {
    let module = module(file);
    let Some(own) = module.first().filter(|own| *own != "lib") else {
        return Vec::new();
    };
    let Some((_, allowed)) = PICTURE.iter().find(|(name, _)| name == own) else {
        return vec![format!("{}: the module {own} is not in the picture", file.display())];
    };
    let mut found = Vec::new();
    for path in paths(production(source)) {
        if let Some(target) = leads_to(&path, &module)
            && target != *own
            && PICTURE.iter().any(|(name, _)| *name == target)
            && !allowed.contains(&target.as_str())
        {
            found.push(format!("{}: {own} must not import {target} ({path})", file.display()));
        }
        if ["core", "api"].contains(&own.as_str()) && is_effect(&path) {
            found.push(format!("{}: {own} is pure, and {path} is not", file.display()));
        }
    }
    found
}

#[test]
fn no_module_imports_what_the_picture_of_the_layers_does_not_have() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    assert!(files.len() > 20, "{files:?}");
    let mut found = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).expect("a source file");
        found.extend(strangers(file.strip_prefix(&root).expect("below src"), &source));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_picture_has_no_circle_and_names_every_module() {
    for (name, allowed) in PICTURE {
        for target in *allowed {
            let (_, back) = PICTURE
                .iter()
                .find(|(other, _)| other == target)
                .expect("a module of the picture");
            assert!(!back.contains(name), "{name} and {target} import each other");
        }
    }
    let library = include_str!("../../src/lib.rs");
    for module in library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
    {
        assert!(PICTURE.iter().any(|(name, _)| *name == module), "{module}");
    }
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    for (file, source) in [
        ("core/a.rs", "use crate::git::Mirror;"),
        ("core/a/b.rs", "use crate::{\n    api::x,\n    git::{self, Mirror},\n};"),
        ("core/a.rs", "fn f() { crate::cluster::read() }"),
        ("core/a.rs", "use super::super::http::Client;"),
        ("git/mod.rs", "use super::registry::Registries;"),
        ("git/a.rs", "use crate::registry as other;"),
        ("api/a.rs", "use crate::core::image;"),
        ("secret.rs", "use crate::core::image;"),
        ("settings/mod.rs", "use crate::cli::args;"),
        ("cluster/a.rs", "use crate::engine::Engine;"),
        ("registry/a.rs", "use crate::identity::Identities;"),
        ("identity/a.rs", "use crate::registry::Credentials;"),
        ("core/a.rs", "use std::{collections::BTreeMap, fs};"),
        ("core/a.rs", "use tokio::sync::Mutex;"),
        ("core/a.rs", "let now = jiff::Timestamp::now();"),
        ("core/a.rs", "use std::time::{Duration, SystemTime};"),
        ("api/a.rs", "use kube::{Client, Resource};"),
        ("news/mod.rs", ""),
    ] {
        assert!(!strangers(Path::new(file), source).is_empty(), "{file}: {source}");
    }
    for (file, source) in [
        ("core/a.rs", "//! See [`crate::git`].\nuse crate::api::v1alpha1;"),
        (
            "core/a/b.rs",
            "use super::{c, super::d::E};\nlet text = \"crate::git::x\";",
        ),
        ("core/a.rs", "use std::{collections::BTreeMap, time::Duration};"),
        ("core/a.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}"),
        ("engine/a.rs", "use crate::{git::Mirror, registry::Registries};"),
        ("cli/run.rs", "use crate::engine::Engine;"),
        ("main.rs", "use argocd_image_updater::git::askpass;"),
    ] {
        assert_eq!(
            strangers(Path::new(file), source),
            Vec::<String>::new(),
            "{file}: {source}"
        );
    }
}
