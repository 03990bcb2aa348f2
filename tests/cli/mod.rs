//! The command line as scripts and people meet it: streams, files, exit codes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests make their input")]

mod analyze;
mod folders;
mod hostile;
mod outputs;
mod reference;
mod ticket;

use assert_cmd::Command;

/// The program, with nothing of the environment that it would listen to.
fn rdpwhy() -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("rdpwhy");
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS"] {
        command.env_remove(variable);
    }
    command
}

/// What it writes to standard output, having ended with `code`.
#[track_caller]
fn stdout(command: &mut Command, code: i32) -> String {
    let done = command.assert().code(code);
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

/// What it writes to standard error, having ended with `code` and written
/// nothing to standard output.
#[track_caller]
fn complaint(command: &mut Command, code: i32) -> String {
    let done = command.assert().code(code).stdout("");
    String::from_utf8(done.get_output().stderr.clone()).unwrap()
}
