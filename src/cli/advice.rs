//! `rdpwhy capture-advice`: the commands for a capture that tells.

use std::io::Write;

use rdpwhy::report::text::prose;

use super::console::Console;
use super::exit::Exit;

const PAGE: &str = include_str!("advice.md");

/// Prints the page.
pub(super) fn run(console: &mut Console) -> anyhow::Result<Exit> {
    let color = console.colors_stdout();
    let mut out = console.stdout();
    prose(PAGE, color, &mut out)?;
    out.flush()?;
    Ok(Exit::Success)
}
