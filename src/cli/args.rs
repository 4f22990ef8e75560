//! The command line: subcommands, and the order in which they and their flags may stand.

use std::ffi::OsString;

use clap::{
    CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    error::{ContextKind, ErrorKind},
};

use super::completion::Shell;
use crate::settings::{
    flags::{self, RunArgs},
    look::{PlanArgs, RegistriesCheckArgs, TemplateArgs, TestArgs},
};

const EXAMPLES: &str = "\
Examples:
  Keep a cluster up to date, asking every 5 minutes:
    argocd-image-updater run --interval=5m
  See what would be written, and why, without writing anything:
    argocd-image-updater plan
  See which tag of an image would be picked:
    argocd-image-updater test ghcr.io/acme/api --semver-constraint=1.x
  See whether all registries can be reached, and take the credentials:
    argocd-image-updater registries check
  See what a commit message looks like, before its template is mounted:
    argocd-image-updater template commit.template
  The same job on a folder of manifests, without a cluster:
    argocd-image-updater run --once --directory ./manifests
  Install the resource:
    argocd-image-updater crd | kubectl apply -f -";

const PLAN_EXAMPLES: &str = "\
Examples:
  What the controller would do now, and why the other images stay:
    argocd-image-updater plan --argocd-namespace=argocd
  Only one resource, with every tag and the rule that dropped it:
    argocd-image-updater plan --resource=argocd/shop --explain
  A folder of manifests, in a pipeline:
    argocd-image-updater plan --directory=./manifests
  The new versions, for a script:
    argocd-image-updater plan -o json | jq -r '.resources[].applications[].images[] | select(.outcome == \"Change\") | .chosen'

Exit status: 0 nothing to do, 2 something would change, 1 something needs a person or went wrong, whatever would change.";

const TEST_EXAMPLES: &str = "\
Examples:
  The highest version:
    argocd-image-updater test ghcr.io/acme/api
  The highest 1.x, with every tag and the rule that dropped it:
    argocd-image-updater test ghcr.io/acme/api --semver-constraint=1.x --explain
  The newest build of the main branch:
    argocd-image-updater test ghcr.io/acme/api --update-strategy=newest-build --allow-tags='regexp:^main-'
  Compare only the number at the end:
    argocd-image-updater test ghcr.io/acme/api --update-strategy=numerical --extract='^main-.*-([0-9]+)$'
  With credentials of a Secret, or of a variable (user:password):
    argocd-image-updater test ghcr.io/acme/api --credentials=pullsecret:argocd/regcred
    argocd-image-updater test ghcr.io/acme/api --credentials=env:REGISTRY_CREDENTIALS

The answer is printed on standard output, everything else on standard error.
Exit status: 0 also when no tag can be picked, 1 when something went wrong.";

const REGISTRIES_EXAMPLES: &str = "\
Examples:
  Check a file before it is mounted:
    argocd-image-updater registries check --conf=registries.conf
  Check the registries of a running controller from inside of its pod:
    kubectl exec -n argocd deploy/argocd-image-updater-controller -- argocd-image-updater registries check
  The registries that fail, for a script:
    argocd-image-updater registries check -o json | jq -r '.registries[] | select(.ok | not) | .name'

A table is printed on standard output, everything else on standard error.
Exit status: 0 when all is well, 1 when a registry failed or the file cannot be used.";

const TEMPLATE_HELP: &str = "\
Examples:
  The message that is used where nothing is configured:
    argocd-image-updater template
  A file, before it becomes the key git.commit-message-template of the ConfigMap:
    argocd-image-updater template commit.template
  One line, as gitConfig.message could have it:
    echo 'chore({{ .AppName }}): {{ range .AppChanges }}{{ .Image }} {{ .NewTag }} {{ end }}' | argocd-image-updater template -
  A branch, as it stands behind the colon of gitConfig.branch:
    echo 'image-updates/{{ .AppName }}-{{ slice .SHA256 0 12 }}' | argocd-image-updater template -
  With a label that your own images have:
    argocd-image-updater template commit.template --label=com.example.ticket=SHOP-17

Data of a commit message:
  .AppName      the application; in a commit that several share, their names: shop, web and 3 more
  .AppChanges   the images that change. In {{ range .AppChanges }} ... {{ end }} of each of them:
    .Image      the name without registry: acme/api
    .OldTag     what ran before: 1.0.0; the digest where digests are written, tag@digest with pinDigest
    .NewTag     what is written, in the same form
    .Labels     labels of the new image: {{ index .Labels \"org.opencontainers.image.revision\" }}

Data of a branch:
  .AppName .AppNamespace   the application
  .TargetKey               8 digits that stand for repository, branch and file
  .SHA256                  64 digits that stand for all changes
  .Images                  the images that change. In {{ range .Images }} ... {{ end }} of each of them:
    .Name .Alias           the name without registry, the alias
    .OldTag .NewTag        as above

Functions: and or not eq ne lt le gt ge len index slice print printf println html js urlquery. docs/templates.md tells more.
The answer is printed on standard output, everything else on standard error.
Exit status: 0 when the template can be used, 1 when not.";

/// What the user asks for.
#[derive(Debug)]
pub enum Command {
    /// Run the controller.
    Run(Box<RunArgs>),
    /// Print what a cycle would do.
    Plan(Box<PlanArgs>),
    /// Print which tag of an image would be picked.
    Test(Box<TestArgs>),
    /// Print what a template makes.
    Template(TemplateArgs),
    /// Check the registries file, and every registry in it.
    RegistriesCheck(Box<RegistriesCheckArgs>),
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
    /// Print this help, since an argument is missing, and fail.
    HelpOnly(String),
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
    /// Print what a cycle would do, and why, without writing anything.
    ///
    /// Shows every image of every Application that an ImageUpdater selects: its version, the one that is picked, and
    /// the reason when it stays; then what would change in the Application or in git.
    #[command(args_override_self = true, after_help = PLAN_EXAMPLES)]
    Plan(Box<PlanArgs>),
    /// Print which tag of an image would be picked.
    ///
    /// Asks the registry of the image and nobody else. A cluster is only contacted for credentials that lie in a
    /// Secret.
    #[command(args_override_self = true, arg_required_else_help = true, after_help = TEST_EXAMPLES)]
    Test(Box<TestArgs>),
    /// Print what a template of commit messages or branches makes of two sample changes.
    ///
    /// Nothing is asked of a cluster or a registry. A template that tells labels is shown twice: a registry need not have
    /// any.
    #[command(args_override_self = true, after_help = TEMPLATE_HELP)]
    Template(TemplateArgs),
    /// Look after the registries file.
    #[command(arg_required_else_help = true, subcommand_required = true, after_help = REGISTRIES_EXAMPLES)]
    Registries {
        /// What to do.
        #[command(subcommand)]
        command: RegistriesCommands,
    },
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

#[derive(Debug, Subcommand)]
enum RegistriesCommands {
    /// Check the registries file, and every registry in it: whether it answers, and whether it takes the credentials.
    ///
    /// Nothing is asked about any image. A cluster is only contacted for credentials that lie in a Secret. Mirrors that have
    /// no entry of their own are asked as well. Without entries Docker Hub is asked, as it is built in.
    #[command(args_override_self = true, after_help = REGISTRIES_EXAMPLES)]
    Check(Box<RegistriesCheckArgs>),
}

/// The command line as clap sees it, for completion scripts.
pub(super) fn command() -> clap::Command {
    ["run", "plan", "test", "template"]
        .into_iter()
        .fold(Cli::command(), |command, name| {
            command.mut_subcommand(name, flags::as_in_go)
        })
        .mut_subcommand("registries", |command| command.mut_subcommand("check", flags::as_in_go))
}

/// Whether the flag needs a value. Boolean flags take one after `=` only.
fn needs_value(arg: &clap::Arg) -> bool {
    arg.get_action().takes_values() && arg.get_num_args().is_none()
}

/// Understands the arguments, the first of which is the program itself.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let command = command();
    let mut args = subcommand_first(args.into_iter().collect(), &command);
    if let [_, help, flag] = args.as_slice()
        && help == "help"
        && (flag == "--help" || flag == "-h")
    {
        // The help of the help is the help.
        args.truncate(2);
    }
    let parsed = command
        .clone()
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(Cli {
            command: Some(Subcommands::Run(args)),
        }) => Ok(Command::Run(args)),
        Ok(Cli {
            command: Some(Subcommands::Plan(args)),
        }) => Ok(Command::Plan(args)),
        Ok(Cli {
            command: Some(Subcommands::Test(args)),
        }) => Ok(Command::Test(args)),
        Ok(Cli {
            command: Some(Subcommands::Template(args)),
        }) => Ok(Command::Template(args)),
        Ok(Cli {
            command:
                Some(Subcommands::Registries {
                    command: RegistriesCommands::Check(args),
                }),
        }) => Ok(Command::RegistriesCheck(args)),
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
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Ok(Command::HelpOnly(error.to_string()))
        }
        Err(error) if is_missing_image(&error) => {
            let help = command
                .clone()
                .find_subcommand_mut("test")
                .map(clap::Command::render_help);
            Ok(Command::HelpOnly(
                help.map_or_else(String::new, |help| help.to_string()),
            ))
        }
        Err(error) => {
            let text = error.to_string();
            Err(UsageError(
                text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned(),
            ))
        }
    }
}

/// Whether `test` was called without an image.
fn is_missing_image(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::MissingRequiredArgument
        && error
            .get(ContextKind::InvalidArg)
            .is_some_and(|missing| missing.to_string().contains("<IMAGE>"))
}

/// Moves the subcommand before the flags that stand before it: `--metrics-bind-address=:8443 run` is how the shipped
/// Deployment starts the program.
fn subcommand_first(mut args: Vec<OsString>, command: &clap::Command) -> Vec<OsString> {
    let takes_next = |word: &str| {
        let flags = command.get_subcommands().flat_map(clap::Command::get_arguments);
        let named = |arg: &clap::Arg| match (word.strip_prefix("--"), word.strip_prefix('-')) {
            (Some(long), _) => arg.get_long() == Some(long),
            (None, Some(short)) => arg.get_short().is_some_and(|c| short == c.to_string()),
            (None, None) => false,
        };
        flags.into_iter().any(|arg| named(arg) && needs_value(arg))
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
