//! Generated pages are what the code says. `UPDATE_DOCS=1 cargo test --test it docs` (or `make docs`) writes them anew.

use std::{fs, path::Path};

use argocd_image_updater::core::report::{plan_view::Plan, reference};

#[test]
fn the_page_of_conditions_and_reasons_is_fresh() {
    fresh("docs/reasons.md", &reference::page());
}

#[test]
fn the_schema_of_a_plan_is_fresh() {
    let schema = serde_json::to_string_pretty(&Plan::schema()).expect("a schema is JSON");
    fresh("docs/plan.schema.json", &(schema + "\n"));
}

fn fresh(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, expected).expect("a writable checkout");
    }
    let written = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"));
    assert!(written == expected, "{file} is stale: run `make docs`");
}
