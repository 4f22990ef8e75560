//! The command line: subcommands, and the order in which they and their flags may stand.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind};

use super::completion::Shell;
use crate::settings::flags::{self, RunArgs};

const EXAMPLES: &str = "\
Examples:
  Keep a cluster up to date, asking every 5 minutes:
    argocd-image-updater run --interval=5m
  See what would be written, once, and change no Application and no repository:
    argocd-image-updater run --once --dry-run --loglevel=debug
  The same job on a folder of manifests, without a cluster:
    argocd-image-updater run --once --directory ./manifests
  Install the resource:
    argocd-image-updater crd | kubectl apply -f -";

/// What the user asks for.
#[derive(Debug)]
pub enum Command {
    /// Run the controller.
    Run(Box<RunArgs>),
    /// Print the CustomResourceDefinition.
    Crd,
    /// Print the version.
    Version {
        /// On one line.
        short: bool,
    },
    /// Print the completion script of a shell.
    Completion(Shell),
    /// Print this help.
    Help(String),
}

/// A command line that cannot be understood: what is wrong, and how the command is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

/// Keeps the container images of Argo CD Applications up to date.
#[derive(Debug, Parser)]
#[command(name = "argocd-image-updater", bin_name = "argocd-image-updater", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Subcommands>,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Run the controller.
    ///
    /// Flags win over environment variables, which win over defaults. An empty variable counts as not set. Boolean
    /// flags are written --flag or --flag=false.
    #[command(args_override_self = true, after_help = EXAMPLES)]
    Run(Box<RunArgs>),
    /// Print the CustomResourceDefinition of ImageUpdater as YAML.
    #[command(after_help = "Example:\n  argocd-image-updater crd | kubectl apply -f -")]
    Crd,
    /// Print the version and how this program was built.
    Version {
        /// Only the version, on one line.
        #[arg(long)]
        short: bool,
    },
    /// Print the completion script of a shell.
    #[command(after_help = "Example:\n  source <(argocd-image-updater completion bash)")]
    Completion {
        /// The shell.
        shell: Shell,
    },
}

/// The command line as clap sees it, for completion scripts.
pub(super) fn command() -> clap::Command {
    Cli::command().mut_subcommand("run", flags::as_in_go)
}

/// Whether the flag needs a value. Boolean flags take one after `=` only.
fn needs_value(arg: &clap::Arg) -> bool {
    arg.get_action().takes_values() && arg.get_num_args().is_none()
}

/// Understands the arguments, the first of which is the program itself.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let command = command();
    let args = subcommand_first(args.into_iter().collect(), &command);
    let parsed = command
        .clone()
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(Cli {
            command: Some(Subcommands::Run(args)),
        }) => Ok(Command::Run(args)),
        Ok(Cli {
            command: Some(Subcommands::Crd),
        }) => Ok(Command::Crd),
        Ok(Cli {
            command: Some(Subcommands::Version { short }),
        }) => Ok(Command::Version { short }),
        Ok(Cli {
            command: Some(Subcommands::Completion { shell }),
        }) => Ok(Command::Completion(shell)),
        Ok(Cli { command: None }) => Ok(Command::Help(command.clone().render_help().to_string())),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(Command::Help(error.to_string())),
        Err(error) => {
            let text = error.to_string();
            Err(UsageError(
                text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned(),
            ))
        }
    }
}

/// Moves the subcommand before the flags that stand before it: `--metrics-bind-address=:8443 run` is how the shipped
/// Deployment starts the program.
fn subcommand_first(mut args: Vec<OsString>, command: &clap::Command) -> Vec<OsString> {
    let takes_next = |word: &str| {
        word.strip_prefix("--").is_some_and(|flag| {
            command.find_subcommand("run").is_some_and(|run| {
                run.get_arguments()
                    .any(|arg| arg.get_long() == Some(flag) && needs_value(arg))
            })
        })
    };
    let mut at = 1;
    while let Some(word) = args.get(at).map(|word| word.to_string_lossy().into_owned()) {
        if word == "--" {
            break;
        }
        if takes_next(&word) {
            at += 2;
        } else if word.starts_with('-') {
            at += 1;
        } else {
            let subcommand = args.remove(at);
            args.insert(1, subcommand);
            break;
        }
    }
    args
}
