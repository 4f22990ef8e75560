//! The command line: what is asked for, and the printed answer. `run` puts the controller together in [`mod@run`].

pub mod args;
pub mod completion;
pub mod crd;
pub mod run;
pub mod version;

use std::io::Write as _;

use self::args::Command;
pub use self::run::Exit;
use crate::{git::askpass, settings::Settings};

/// Does what the command line asks for.
pub fn main() -> anyhow::Result<Exit> {
    // git starts this program again to ask for a user name or a password.
    if askpass::answer_if_asked() {
        return Ok(Exit::Success);
    }
    let text = match args::parse(std::env::args_os())? {
        Command::Run(args) => {
            let (settings, warnings) = Settings::resolve(*args, &|variable| std::env::var(variable).ok())?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            return runtime.block_on(run::run(settings, warnings));
        }
        Command::Crd => crd::yaml()?,
        Command::Version { short } => version::text(short),
        Command::Completion(shell) => completion::script(shell),
        Command::Help(text) => text,
    };
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        // The reader has seen enough, as with `| head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Success),
        written => Ok(written.map(|()| Exit::Success)?),
    }
}
