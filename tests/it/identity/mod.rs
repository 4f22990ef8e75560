//! What clouds and token servers are told, against stand-ins on the loopback interface that check requests as the vendors
//! document them. `service-account.pem` was made for these tests.

mod aws;
mod azure;
mod flow;
mod gcp;
mod identity_token;
mod keeping;
mod program;
pub(crate) mod stand_in;

use argocd_image_updater::identity::{Environment, Identities};

/// Identities with these variables and no others.
fn identities(variables: &[(&str, &str)]) -> Identities {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Identities::new(Environment::of(variables))
}

/// A file with `text`, and its path.
fn file(text: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(&file, text).expect("a file");
    let path = file.path().to_str().expect("a path in UTF-8").to_owned();
    (file, path)
}
