//! Generated pages are what the code says. `UPDATE_DOCS=1 cargo test --test it docs` (or `make docs`) writes them anew.

use std::{fs, path::Path};

use argocd_image_updater::core::report::reference;

#[test]
fn the_page_of_conditions_and_reasons_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reasons.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, reference::page()).expect("a writable checkout");
    }
    let written = fs::read_to_string(&path).expect("docs/reasons.md is there");
    assert_eq!(written, reference::page(), "docs/reasons.md is stale: run `make docs`");
}
