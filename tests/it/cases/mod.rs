//! Runs every example file through the real public functions.
//!
//! The folder is `tests/fixtures/cases`; the environment variable `CASES_DIR` replaces it (same file names, other
//! cases; files may be missing). A case expects `sane_expected` where present, else `expected`.

use std::{fmt::Write as _, fs, io::Write as _, path::PathBuf};

use serde_json::Value;

mod annotations_to_cr;
mod app_source_type;
mod application_spec_edit;
mod argocd_source_file;
mod branch_template;
mod commit_template;
mod credentials_parse;
mod glob_match;
mod helm_values_edit;
mod helm_values_from_application;
mod image_ref_parse;
mod kustomization_edit;
mod platform_match;
mod registries_conf;
mod settings_merge;
mod signature_verify;
mod specificity;
mod tag_metadata;
mod update_decision;
mod url_helpers;
mod version_constraint_select;

/// What an adapter does: the complete actual value in the shape of the expectation.
type Adapter = fn(&Value) -> Result<Value, String>;

const ADAPTERS: &[(&str, Adapter)] = &[
    ("annotations_to_cr", annotations_to_cr::run),
    ("app_source_type", app_source_type::run),
    ("application_spec_edit", application_spec_edit::run),
    ("argocd_source_file", argocd_source_file::run),
    ("branch_template", branch_template::run),
    ("commit_template", commit_template::run),
    ("credentials_parse", credentials_parse::run),
    ("glob_match", glob_match::run),
    ("helm_values_edit", helm_values_edit::run),
    ("helm_values_from_application", helm_values_from_application::run),
    ("image_ref_parse", image_ref_parse::run),
    ("kustomization_edit", kustomization_edit::run),
    ("platform_match", platform_match::run),
    ("registries_conf", registries_conf::run),
    ("settings_merge", settings_merge::run),
    ("signature_verify", signature_verify::run),
    ("specificity", specificity::run),
    ("tag_metadata", tag_metadata::run),
    ("update_decision", update_decision::run),
    ("url_helpers", url_helpers::run),
    ("version_constraint_select", version_constraint_select::run),
];

/// Files whose subject does not exist yet, with the reason.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("webhook_image_match", "webhooks are not received yet"),
    ("webhook_payloads", "webhooks are not received yet"),
];

/// What did not come out as expected, and how many did.
#[derive(Default)]
struct Tally {
    passed: usize,
    failures: Vec<String>,
}

#[test]
fn every_case_gives_what_it_expects() {
    let folder = std::env::var_os("CASES_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases"),
        PathBuf::from,
    );
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("a readable folder entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no cases in {}", folder.display());

    let mut failed = String::new();
    for path in files {
        let name = path.file_stem().expect("a file name").to_string_lossy().into_owned();
        let cases: Vec<Value> =
            serde_json::from_slice(&fs::read(&path).expect("a readable file")).expect("a JSON list of cases");
        if UNSUPPORTED.iter().any(|(file, _)| *file == name) {
            say(&format!(
                "cases: {name}.json: 0 passed, 0 failed, {} unsupported",
                cases.len()
            ));
            continue;
        }
        let Some((_, run)) = ADAPTERS.iter().find(|(file, _)| *file == name) else {
            let _ = writeln!(failed, "{name}.json: no adapter");
            continue;
        };
        let tally = judge(&cases, *run);
        say(&format!(
            "cases: {name}.json: {} passed, {} failed, 0 unsupported",
            tally.passed,
            tally.failures.len()
        ));
        for failure in tally.failures {
            let _ = writeln!(failed, "{name}.json: {failure}");
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}

/// Past the capture of the test runner: the counts are worth seeing when all is well, too.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn judge(cases: &[Value], run: Adapter) -> Tally {
    let mut tally = Tally::default();
    for case in cases {
        let mut expected = case.get("sane_expected").unwrap_or(&case["expected"]).clone();
        if let Some(expected) = expected.as_object_mut() {
            // Tells which way the original took; not a result.
            expected.remove("in_place");
        }
        match run(&case["input"]) {
            Ok(actual) if actual == expected => tally.passed += 1,
            Ok(actual) => {
                tally
                    .failures
                    .push(format!("{}\n  expected {expected}\n  actual   {actual}", case["name"]));
            }
            Err(why) => tally.failures.push(format!("{}: {why}", case["name"])),
        }
    }
    tally
}
