//! Floor 7: arguments, commands, progress, exit codes.
//!
//! Results go to standard output or to the file that `-o` names; progress and
//! errors go to standard error. This floor owns what the library may not have:
//! the clock, the terminal, and files to write.

mod advice;
mod analyze;
mod args;
mod bundle;
mod codes;
mod console;
mod descriptor;
mod destination;
mod each;
mod evidence;
mod exit;
mod explain;
mod inputs;
#[cfg(feature = "live")]
mod interfaces;
#[cfg(all(feature = "live", unix))]
mod live;
mod output;
mod progress;
mod redaction;
mod reference;
mod reveal;
mod stages;
mod temporary;

use std::ffi::OsString;
use std::io;

use clap::Parser;

use args::{Arguments, Command};
use console::Console;
pub(crate) use exit::Exit;

/// Runs the tool with the arguments of a process, its name first.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(told) => {
            // Help and version are results, the rest are errors; clap knows
            // where each goes. A closed pipe is no reason to complain.
            let _ = told.print();
            return if told.use_stderr() { Exit::Usage } else { Exit::Success };
        }
    };
    #[cfg(unix)]
    if makes_a_report_file(&arguments.command) {
        // Without this a signal ends the run all the same.
        let _ = temporary::vanish_with_the_process();
    }
    let mut console = Console::new(&arguments.global);
    let done = match &arguments.command {
        Command::Analyze(analyze) => analyze::run(analyze, &console),
        Command::Evidence(evidence) => evidence::run(evidence, &mut console),
        Command::Bundle(bundle) => bundle::run(bundle, &mut console),
        Command::Reveal(reveal) => reveal::run(reveal, &mut console),
        Command::Explain(explain) => explain::run(explain, &mut console),
        Command::CaptureAdvice => advice::run(&mut console),
        #[cfg(feature = "live")]
        Command::Interfaces => interfaces::run(&mut console),
        #[cfg(all(feature = "live", unix))]
        Command::Live(live) => live::run(live, &mut console),
        #[cfg(not(all(feature = "live", unix)))]
        Command::Live(_) => Err(exit::Told::usage(
            "live: this build reads saved captures alone; rdpwhy capture-advice says how to take one",
        )),
        Command::Completions(completions) => reference::completions(completions, &mut console),
        Command::Man(man) => reference::man(man, &mut console),
    };
    done.unwrap_or_else(|error| {
        if is_closed_pipe(&error) {
            return Exit::Success;
        }
        console.error(&error);
        Exit::of(&error)
    })
}

/// Whether a file waits to be whole meanwhile. `live`, which makes some, too, ends in
/// its own way.
#[cfg(unix)]
fn makes_a_report_file(command: &Command) -> bool {
    match command {
        Command::Analyze(asked) => asked.output.is_some() || asked.each.is_some(),
        Command::Evidence(_) | Command::Bundle(_) => true,
        _ => false,
    }
}

/// Whether the reader of our output went away, as `head` does. It has what it
/// wanted.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|e| e.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
