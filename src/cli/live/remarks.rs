//! What is said beside the lines, on standard error.
//!
//! Its reader may sleep as well as that of the lines (`2>&1 | less`): so it is
//! written by a thread of its own. And it must not be written into a table.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use rdpwhy::report::redact::Redactor;

use super::outlet::Outlet;
use crate::cli::console::Console;

/// Remarks that wait for the end of a table: a flapping interface fills no
/// memory.
const MAX_HELD: usize = 100;

/// Says what happens to the capture.
pub(super) struct Remarks {
    outlet: Outlet,
    redactor: Option<Arc<Redactor>>,
    quiet: bool,
    /// A table is drawn on the same terminal: it is told afterwards.
    holds: bool,
    held: Vec<String>,
    left_out: usize,
    last: String,
}

impl Remarks {
    /// Begins; with a table on the terminal, if `with_table`.
    pub(super) fn new(console: &Console, with_table: bool, redactor: Option<Arc<Redactor>>) -> Self {
        Self {
            outlet: Outlet::to_stderr(),
            redactor,
            quiet: console.is_quiet(),
            holds: with_table && io::stderr().is_terminal(),
            held: Vec::new(),
            left_out: 0,
            last: String::new(),
        }
    }

    /// Something happened that went as it should; not when `--quiet`. A table
    /// shows it, and the summary counts it.
    pub(super) fn note(&mut self, says: &str) {
        self.hide(says);
        if !self.quiet && !self.holds {
            self.outlet.line(Console::line(&self.last));
        }
    }

    /// Something happened that people have to know.
    pub(super) fn complain(&mut self, says: &str) {
        self.hide(says);
        if !self.holds {
            self.outlet.line(Console::line(&self.last));
        } else if self.held.len() < MAX_HELD {
            self.held.push(self.last.clone());
        } else {
            self.left_out += 1;
        }
    }

    /// Puts pseudonyms in place of addresses, where that is asked for.
    fn hide(&mut self, says: &str) {
        let hidden = self.redactor.as_ref().map(|redactor| redactor.sentence(says));
        self.last = hidden.unwrap_or_else(|| says.to_owned());
    }

    /// What was said last, for the table.
    pub(super) fn last(&self) -> &str {
        &self.last
    }

    /// The table is gone: says what waited for that. From now on, all is said at
    /// once.
    pub(super) fn release(&mut self) {
        self.holds = false;
        let left_out = std::mem::take(&mut self.left_out);
        let more = (left_out > 0).then(|| format!("{left_out} more remarks were left out"));
        for line in std::mem::take(&mut self.held).iter().chain(&more) {
            self.outlet.line(Console::line(line));
        }
    }

    /// Waits until all is written, `patience` at most.
    pub(super) fn finish(&mut self, patience: Duration) {
        self.outlet.finish(patience);
    }
}
