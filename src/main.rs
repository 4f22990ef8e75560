//! The program: parse, dispatch, exit code.

use std::{io::Write as _, process::ExitCode};

use argocd_image_updater::cli;

fn main() -> ExitCode {
    match cli::main() {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            // There is nobody left to tell when this fails.
            let _ = writeln!(std::io::stderr(), "error: {}", cli::for_terminal(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}
