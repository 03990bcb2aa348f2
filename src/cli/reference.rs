//! What packages ship beside the program: completions and manual pages, made
//! from the command line's own description.

use clap::CommandFactory;

use super::args::{Arguments, Completions, Man};
use super::console::Console;
use super::exit::{Exit, Told};
use std::io::Write;

/// The completions of a shell.
pub(super) fn completions(asked: &Completions, console: &mut Console) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "rdpwhy", &mut script);
    let mut out = console.stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Exit::Success)
}

/// A manual page.
pub(super) fn man(asked: &Man, console: &mut Console) -> anyhow::Result<Exit> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command(asked.page.as_deref())?).render(&mut page)?;
    let mut out = console.stdout();
    out.write_all(&page)?;
    out.flush()?;
    Ok(Exit::Success)
}

/// The command that a page is about.
fn command(name: Option<&str>) -> anyhow::Result<clap::Command> {
    let mut root = Arguments::command();
    root.build();
    let Some(name) = name else { return Ok(root) };
    match root.find_subcommand(name) {
        Some(command) => Ok(command.clone()),
        None => {
            let names: Vec<_> = root.get_subcommands().map(clap::Command::get_name).filter(|n| *n != "help").collect();
            Err(Told::usage(format!("there is no command '{name}'; expected one of: {}", names.join(", "))))
        }
    }
}
