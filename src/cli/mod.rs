//! The command line: what is asked for, and the printed answer. `run` puts the controller together in [`mod@run`];
//! `plan`, `test`, `registries check` and `template` only look.

pub mod args;
pub mod completion;
pub mod crd;
mod mirrors;
pub mod plan;
pub mod printer;
pub mod registries;
pub mod run;
pub mod template;
pub mod test;
pub mod version;

mod document;
mod git;
mod template_file;
mod world;

use std::io::Write as _;

use self::args::Command;
pub use self::run::Exit;
use crate::{
    git::askpass,
    settings::{Settings, look::PlanSettings},
};

/// `text`, which may quote what a stranger wrote, without anything that a terminal would take for a command. Lines stay.
pub fn for_terminal(text: &str) -> String {
    text.split('\n').map(printer::clean).collect::<Vec<_>>().join("\n")
}

/// Does what the command line asks for.
pub fn main() -> anyhow::Result<Exit> {
    // git starts this program again to ask for a user name or a password.
    if askpass::answer_if_asked() {
        return Ok(Exit::Success);
    }
    let text = match args::parse(std::env::args_os())? {
        Command::Run(args) => {
            let (settings, warnings) = Settings::resolve(*args, &|variable| std::env::var(variable).ok())?;
            return runtime()?.block_on(run::run(settings, warnings));
        }
        Command::Plan(args) => {
            let (settings, warnings) = PlanSettings::resolve(*args, &|variable| std::env::var(variable).ok())?;
            return runtime()?.block_on(plan::plan(settings, warnings));
        }
        Command::Test(args) => return runtime()?.block_on(test::test(*args)),
        Command::Template(args) => {
            template::print(&args)?;
            return Ok(Exit::Success);
        }
        Command::RegistriesCheck(args) => return runtime()?.block_on(registries::check(*args)),
        Command::HelpOnly(text) => {
            writeln!(std::io::stderr(), "{}", text.trim_end())?;
            return Ok(Exit::Failure);
        }
        Command::Crd => crd::yaml()?,
        Command::Version { short } => version::text(short),
        Command::Completion(shell) => completion::script(shell),
        Command::Help(text) => text,
    };
    printer::to_stdout(&format!("{}\n", text.trim_end()))?;
    Ok(Exit::Success)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
