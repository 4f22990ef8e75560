//! The program: parse, dispatch, exit code.

use std::{io::Write as _, process::ExitCode};

use argocd_image_updater::{
    cli::{self, Exit},
    git::askpass,
};

fn main() -> ExitCode {
    // git starts this program again to ask for a user name or a password.
    if askpass::answer_if_asked() {
        return ExitCode::SUCCESS;
    }
    match cli::main() {
        Ok(Exit::Success) => ExitCode::SUCCESS,
        Ok(Exit::Failure) => ExitCode::FAILURE,
        Err(error) => {
            // There is nobody left to tell when this fails.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
