//! The program: parse, dispatch, exit code.

use std::{io::Write as _, process::ExitCode};

use argocd_image_updater::cli;

/// Memory that one thread takes and another gives back, as every cycle does thousands of times, is used again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
