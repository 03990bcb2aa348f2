//! What the process tells the shell.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use rdpwhy::capture::{OpenReason, Problem};
use rdpwhy::report::document::Report;

/// The exit codes. They are part of the interface and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done; for an analysis: no attempt failed.
    Success = 0,
    /// 1: at least one attempt failed.
    FailedAttempts = 1,
    /// 2: the command line makes no sense.
    Usage = 2,
    /// 3: part of the input could not be read, what could be is reported; or the
    /// report could not be written.
    Unreadable = 3,
    /// 4: no RDP in the capture.
    NoRdp = 4,
    /// 5: the operating system does not permit it.
    NotPermitted = 5,
}

/// For `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0  analysed, and no attempt failed
  1  at least one attempt failed (0 with --exit-zero)
  2  the command line makes no sense
  3  part of the input could not be read (what could be is reported), or the
     report could not be written
  4  no RDP in the capture
  5  not permitted
  The highest that applies of 5, 3, 1 and 4 wins, in this order.
  A reader that goes away (rdpwhy ... | head) is no error.";

impl Exit {
    /// What an analysis comes to. Missing input outweighs a failed attempt: a
    /// script that acts on 1 must be able to trust that nothing was left out.
    pub(super) fn of_report(report: &Report, exit_zero: bool) -> Self {
        let summary = &report.summary;
        if !summary.complete || !report.unreadable.is_empty() {
            Self::Unreadable
        } else if summary.failed > 0 {
            if exit_zero { Self::Success } else { Self::FailedAttempts }
        } else if summary.connections == 0 && report.side_channels.is_empty() {
            Self::NoRdp
        } else {
            Self::Success
        }
    }

    /// What it comes to that part of the input could not be read; `None` where all
    /// could.
    pub(super) fn of_problems(problems: &[Problem]) -> Option<Self> {
        let denied = if problems.iter().any(is_denied) { Self::NotPermitted } else { Self::Unreadable };
        (!problems.is_empty()).then_some(denied)
    }

    /// The same, where what could be read comes to this.
    pub(super) fn or_missing(self, missing: Option<Self>) -> Self {
        Self::of_all(missing.into_iter().chain([self]))
    }

    /// What several analyses come to, each of captures of its own.
    pub(super) fn of_all(exits: impl IntoIterator<Item = Self>) -> Self {
        // As for one that read them all: captures without RDP beside one that has
        // some are nothing to tell.
        const HIGHEST_FIRST: [Exit; 5] =
            [Exit::NotPermitted, Exit::Unreadable, Exit::FailedAttempts, Exit::Success, Exit::NoRdp];
        let exits: Vec<_> = exits.into_iter().collect();
        HIGHEST_FIRST.into_iter().find(|exit| exits.contains(exit)).unwrap_or(Self::Success)
    }

    /// What an error comes to.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        if let Some(told) = error.downcast_ref::<Told>() {
            return told.exit;
        }
        let denied = |e: &io::Error| e.kind() == io::ErrorKind::PermissionDenied;
        if error.chain().filter_map(|e| e.downcast_ref::<io::Error>()).any(denied) {
            Self::NotPermitted
        } else {
            Self::Unreadable
        }
    }
}

fn is_denied(problem: &Problem) -> bool {
    let error = match problem {
        Problem::Open(error) => match &error.reason {
            OpenReason::Io(error) => error,
            _ => return false,
        },
        Problem::Read(error) => &error.error,
    };
    error.kind() == io::ErrorKind::PermissionDenied
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that knows its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Told {
    /// The exit code.
    pub(super) exit: Exit,
    /// What is wrong, what was expected, what to do next.
    pub(super) message: String,
}

impl Told {
    /// The command line makes no sense.
    pub(super) fn usage(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Usage, message: message.into() }.into()
    }

    /// Of all that was given nothing could be read; why was told of each.
    pub(super) fn all_is_missing(exit: Exit, given: &[PathBuf]) -> anyhow::Error {
        let message = format!("{}: nothing could be read, so nothing was written; see above why", listed(given));
        Self { exit, message }.into()
    }

    /// Everything was looked into, and no capture was among it.
    pub(super) fn nothing_to_read(given: &[PathBuf]) -> anyhow::Error {
        let given = listed(given);
        let message = format!(
            "{given}: no capture in here; expected files in pcap, pcapng, NetMon 2.x or snoop format. Folders within \
             a folder are not read: name them, too"
        );
        Self { exit: Exit::Unreadable, message }.into()
    }
}

fn listed(files: &[PathBuf]) -> String {
    files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdpwhy::capture::{OpenError, ReadError};
    use rdpwhy::report::document::{SchemaVersion, Summary, Tool};

    fn exit(summary: Summary, exit_zero: bool) -> Exit {
        let report = Report {
            schema_version: SchemaVersion,
            tool: Tool::this(),
            captures: vec![],
            attempts: vec![],
            connections: vec![],
            counted: vec![],
            findings: vec![],
            side_channels: vec![],
            servers: vec![],
            clients: vec![],
            summary,
            notices: vec![],
            unreadable: vec![],
        };
        Exit::of_report(&report, exit_zero)
    }

    #[test]
    fn missing_input_outweighs_failures_and_failures_outweigh_silence() {
        let whole = Summary { complete: true, ..Summary::default() };
        let failed = Summary { failed: 1, connections: 2, ..whole.clone() };
        assert_eq!(exit(whole.clone(), false), Exit::NoRdp);
        assert_eq!(exit(Summary { connections: 1, ..whole.clone() }, false), Exit::Success);
        assert_eq!(exit(failed.clone(), false), Exit::FailedAttempts);
        assert_eq!(exit(failed.clone(), true), Exit::Success);
        assert_eq!(exit(Summary { complete: false, ..failed }, true), Exit::Unreadable);
    }

    #[test]
    fn of_several_the_worst_counts() {
        use Exit::{FailedAttempts, NoRdp, NotPermitted, Success, Unreadable};
        assert_eq!(Exit::of_all([Success, FailedAttempts, NoRdp]), FailedAttempts);
        assert_eq!(Exit::of_all([NoRdp, Success]), Success);
        assert_eq!(Exit::of_all([NoRdp, NoRdp]), NoRdp);
        assert_eq!(Exit::of_all([Unreadable, FailedAttempts, NotPermitted]), NotPermitted);
        assert_eq!(Exit::of_all([FailedAttempts, Unreadable]), Unreadable);
    }

    #[test]
    fn what_is_not_permitted_outweighs_all_else() {
        use io::ErrorKind::{NotFound, PermissionDenied};
        let open = |kind| {
            let reason = OpenReason::Io(io::Error::from(kind));
            Problem::Open(OpenError { name: "no.pcap".into(), inside: vec![], reason })
        };
        let read = |kind| Problem::Read(ReadError { name: "no.pcap".into(), error: io::Error::from(kind) });
        let folder = Problem::Open(OpenError { name: "a".into(), inside: vec![], reason: OpenReason::Folder });
        assert_eq!(Exit::of_problems(&[]), None);
        assert_eq!(Exit::of_problems(&[open(NotFound), folder]), Some(Exit::Unreadable));
        for denied in [open(PermissionDenied), read(PermissionDenied)] {
            assert_eq!(Exit::of_problems(&[open(NotFound), denied]), Some(Exit::NotPermitted));
        }
        for exit in [Exit::Success, Exit::FailedAttempts, Exit::NoRdp, Exit::Unreadable] {
            assert_eq!(exit.or_missing(None), exit);
            assert_eq!(exit.or_missing(Exit::of_problems(&[read(NotFound)])), Exit::Unreadable);
            assert_eq!(exit.or_missing(Exit::of_problems(&[open(PermissionDenied)])), Exit::NotPermitted);
        }
    }

    #[test]
    fn errors_know_their_exit_code() {
        let denied = anyhow::Error::from(io::Error::from(io::ErrorKind::PermissionDenied)).context("report.txt");
        assert_eq!(Exit::of(&denied), Exit::NotPermitted);
        assert_eq!(Exit::of(&io::Error::from(io::ErrorKind::StorageFull).into()), Exit::Unreadable);
        assert_eq!(Exit::of(&Told::usage("no")), Exit::Usage);
    }
}
