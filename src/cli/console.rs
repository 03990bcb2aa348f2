//! Standard output and standard error, and who may colour them.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use rdpwhy::report::escape;

use super::args::{Global, When};

/// Where results and remarks go.
pub(super) struct Console {
    global: Global,
}

impl Console {
    pub(super) const fn new(global: &Global) -> Self {
        Self { global: *global }
    }

    /// Whether results on standard output are coloured.
    pub(super) fn colors_stdout(&self) -> bool {
        match self.global.color {
            When::Always => true,
            When::Never => false,
            // anstream knows NO_COLOR, CLICOLOR, TERM and the terminal.
            When::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        }
    }

    /// Whether results in a file are coloured.
    pub(super) const fn colors_files(&self) -> bool {
        matches!(self.global.color, When::Always)
    }

    /// Standard output, for one result.
    pub(super) fn stdout(&self) -> impl Write {
        let choice = if self.colors_stdout() { ColorChoice::Always } else { ColorChoice::Never };
        io::BufWriter::new(AutoStream::new(io::stdout().lock(), choice))
    }

    /// Standard output, for what machines read: JSON has no colours to take out,
    /// and looking for them takes a sixth of the time of a long report.
    pub(super) fn machine_stdout(&self) -> impl Write + use<> {
        io::BufWriter::with_capacity(1 << 16, io::stdout().lock())
    }

    /// Whether progress may be drawn.
    pub(super) fn shows_progress(&self) -> bool {
        !self.global.quiet && !self.global.no_progress && io::stderr().is_terminal()
    }

    /// Whether results appear where progress is drawn.
    pub(super) fn prints_to_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// A remark for those who asked for them.
    pub(super) fn remark(&self, text: &str) {
        if self.global.verbose {
            Self::say(&format!("rdpwhy: {text}"));
        }
    }

    /// Whether only results and what went wrong are wanted.
    #[cfg(all(feature = "live", unix))]
    pub(super) const fn is_quiet(&self) -> bool {
        self.global.quiet
    }

    /// A line for standard error, for those who write it by themselves.
    #[cfg(all(feature = "live", unix))]
    pub(super) fn line(text: &str) -> String {
        format!("rdpwhy: {}\n", escape::sentence(text))
    }

    /// What went wrong, and why.
    pub(super) fn error(&self, error: &anyhow::Error) {
        Self::say(&format!("rdpwhy: error: {error:#}"));
    }

    /// What was left out of a result, and why.
    pub(super) fn complain(&self, text: &str) {
        Self::say(&format!("rdpwhy: {text}"));
    }

    /// One line on standard error. File names are strangers' words here too.
    fn say(text: &str) {
        let lines = text.lines().map(escape::sentence).collect::<Vec<_>>().join("\n");
        // Nobody is left to be told when standard error is closed.
        let _ = writeln!(io::stderr(), "{lines}");
    }
}
