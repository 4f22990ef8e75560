//! The generated reference of conditions and reasons, so that documentation and code cannot drift apart.

use std::fmt::Write as _;

use crate::core::verdict::Reason;

/// The conditions of a resource: type, when it is true, and whether it is always present.
const CONDITIONS: &[(&str, &str)] = &[
    (
        "Ready",
        "The last cycle ran. False when the resource as a whole cannot be processed.",
    ),
    ("Reconciling", "A cycle is running for more than two seconds."),
    (
        "Error",
        "Something needs a person: the whole resource, or some images (see `status.problems`).",
    ),
    (
        "Stalled",
        "A setting must be changed before everything, or the part that it concerns, is done. The message names the field. \
         Present only when true.",
    ),
    ("Suspended", "`spec.suspend` is set. Present only when true."),
    (
        "Conflict",
        "Another resource, or another image, owns the place of an image and wants another value there. The message names \
         it. Present only when true.",
    ),
    (
        "Warning",
        "Settings contradict each other, are deprecated or were corrected, or what is written may be taken back by an \
         ApplicationSet or a parent Application; or `registries.conf` cannot be used, and what it said before stays in use. \
         Present only when true.",
    ),
];

/// The page as Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Conditions and reasons\n\nGenerated from the code by `make docs`.\n\n## Conditions of an ImageUpdater\n\n\
         | type | true when |\n|---|---|\n",
    );
    for (kind, words) in CONDITIONS {
        let _ = writeln!(page, "| `{kind}` | {words} |");
    }
    page.push_str(
        "\n## Why an image does not change\n\nIn `status.problems` (those that need a person) and in the log.\n\n\
         | reason | needs a person | meaning |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let attention = if reason.needs_attention() { "yes" } else { "no" };
        let _ = writeln!(page, "| `{reason}` | {attention} | {} |", reason.words());
    }
    page
}
