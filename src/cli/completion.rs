//! `completion`: scripts that complete the command line in a shell.

use clap::ValueEnum;
use clap_complete::Shell as Generator;

use super::args;

/// A shell that can be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// Fish.
    Fish,
    /// PowerShell.
    #[value(name = "powershell")]
    PowerShell,
}

/// The script for `shell`.
pub fn script(shell: Shell) -> String {
    let generator = match shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
        Shell::PowerShell => Generator::PowerShell,
    };
    let mut text = Vec::new();
    clap_complete::generate(generator, &mut args::command(), "argocd-image-updater", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
