//! `version`: what this program is and how it was built.

use crate::core::image::Platform;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version on one line (`v1.0.0+1a2b3c4`), or six lines with how the program was built.
///
/// Who builds a release sets `BUILD_DATE` and `GIT_COMMIT`. The lines keep the names that scripts know, also the two
/// that name Go.
pub fn text(short: bool) -> String {
    let commit = option_env!("GIT_COMMIT").unwrap_or("unknown");
    let version = format!("v{VERSION}+{}", commit.get(..7).unwrap_or(commit));
    if short {
        return version;
    }
    format!(
        "argocd-image-updater: {version}\n  BuildDate: {date}\n  GitCommit: {commit}\n  \
         GoVersion: none (Rust {rust})\n  GoCompiler: rustc\n  Platform: {platform}",
        date = option_env!("BUILD_DATE").unwrap_or("unknown"),
        rust = env!("CARGO_PKG_RUST_VERSION"),
        platform = Platform::of_this_program(),
    )
}
