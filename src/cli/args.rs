//! The command line: what can be asked for. Parsing does nothing else.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::exit;

mod ticket;

pub(super) use ticket::{BundleArguments, EvidenceArguments, Redaction, Reveal};

/// Why did this Remote Desktop connection die?
///
/// rdpwhy reads packet captures, rebuilds every Remote Desktop (RDP) connection
/// in them, finds the stage in which it ended, says who ended it and how that
/// is known, with frame numbers. It only reads: no packet is ever sent, and
/// nothing leaves this computer.
#[derive(Debug, Parser)]
#[command(name = "rdpwhy", version, propagate_version = true, max_term_width = 100)]
#[command(after_long_help = TOP_EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) global: Global,
}

const TOP_EXAMPLES: &str = "\
Examples:
  rdpwhy analyze trace.pcapng              why did it die?
  rdpwhy bundle trace.pcapng -o ticket.zip --redact   reports and packets for a ticket
  rdpwhy explain 0x904 0x7                 what the Remote Desktop client's codes mean
  rdpwhy explain injected-reset            what a finding means and what to do next
  rdpwhy analyze --help                    everything that analyze can do";

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Analyze(Analyze),
    Explain(Explain),
    Evidence(EvidenceArguments),
    Bundle(BundleArguments),
    Reveal(Reveal),
    /// Print the commands that make a good capture
    ///
    /// For Windows (pktmon, netsh) and Linux or macOS (tcpdump, dumpcap); on the
    /// client, the server and a machine in between; whole packets, a ring buffer
    /// for failures that take their time, and both ends at once.
    #[command(after_long_help = ADVICE_EXAMPLES)]
    CaptureAdvice,
    /// List the network interfaces of this machine, with their addresses
    #[cfg(feature = "live")]
    #[command(after_long_help = INTERFACES_EXAMPLES)]
    Interfaces,
    #[cfg(all(feature = "live", unix))]
    Live(super::live::Live),
    #[cfg(not(all(feature = "live", unix)))]
    #[command(hide = true)]
    Live(Elsewhere),
    Completions(Completions),
    Man(Man),
}

/// What a build without libpcap is asked in vain.
#[cfg(not(all(feature = "live", unix)))]
#[derive(Debug, Args)]
pub(super) struct Elsewhere {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    asked: Vec<std::ffi::OsString>,
}

/// What applies to every command.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Colours: on a terminal, always, or never
    ///
    /// `auto` colours a terminal unless NO_COLOR is set or TERM is `dumb`. A file
    /// written with -o has colours only with `always`.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: When,
    /// Nothing on standard error but errors: no progress, no remarks
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// Remarks on standard error: what was read, and how fast
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// No progress bar
    ///
    /// Without this, one is drawn on standard error when that is a terminal and
    /// reading takes longer than a blink.
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
}

/// Whether to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// Where it makes sense.
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

/// Say why the Remote Desktop connections in a capture died
///
/// Reads pcap, pcapng, NetMon 2.x and snoop captures, as such or in gzip, zstd
/// or lz4; the content decides, not the name. Several files, or a folder with
/// the files of a ring, are one timeline; captures that have nothing to do with
/// each other are analysed with --each. Other formats are named, with the command
/// that converts them.
#[derive(Debug, Args)]
#[command(after_long_help = analyze_help())]
pub(super) struct Analyze {
    /// Captures, folders of captures, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// How to write the report
    ///
    /// `text` is for the terminal; `markdown` for tickets, its first line a title
    /// without names or addresses; `html` is one page with diagrams to attach,
    /// print or archive, which loads nothing. `json` is one document with everything,
    /// `ndjson` one line for each connection; the schemas of these two are part
    /// of the project and keep their names within a version.
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    /// Write the report to this file instead of standard output
    ///
    /// The file appears when it is complete, or not at all. An input is never
    /// overwritten.
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Analyse each capture by itself, on all cores, and write its report to FOLDER
    ///
    /// For captures that have nothing to do with each other: of several tickets,
    /// say. Each is told in a line on standard output; its report is called as the
    /// capture, with the format behind it (a.pcap.html). Not for the files of a
    /// ring, where a connection goes on in the next, nor for captures of both ends
    /// of a connection.
    #[arg(long, value_name = "FOLDER", conflicts_with = "output")]
    pub(super) each: Option<PathBuf>,
    /// Show every attempt in full, however many there are
    ///
    /// Without this, the forms for people show a few failed attempts in full and
    /// the others by cause and server. And of attempts that carried no data, or
    /// that the client gave up after the first messages (a server that faces the
    /// Internet is probed all day), every form lists about the first thousand and
    /// counts the others by server and by how they ended.
    #[arg(long)]
    pub(super) all: bool,
    /// Report only the attempts of this client or server; may be repeated
    ///
    /// All packets are read: what other connections tell of this host's is not
    /// lost.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) host: Vec<IpAddr>,
    /// Exit with 0 also when an attempt failed
    #[arg(long)]
    pub(super) exit_zero: bool,
    /// Put the SHA-256 of each capture into the report
    ///
    /// It proves later which file was analysed. `auto` does so where all input
    /// together is at most 64 MiB: hashing a large capture takes longer than
    /// analysing it. Without a value: always.
    #[arg(long, value_name = "WHEN", default_value = "auto", default_missing_value = "always")]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(super) sha256: When,
    #[command(flatten)]
    pub(super) redaction: Redaction,
}

const ANALYZE_EXAMPLES: &str = "\
Examples:
  rdpwhy analyze trace.pcapng
      The report for people, on the terminal.
  rdpwhy analyze ring/ -o report.txt
      Every capture in a folder, in order of time; the report goes to a file.
  rdpwhy analyze trace.pcapng --format html -o report.html
      A page with diagrams, to be attached to the ticket.
  rdpwhy analyze trace.pcapng --format markdown
      For a ticket: a title on the first line, the proof below.
  rdpwhy analyze a.pcap b.pcap.gz --format json | jq '.attempts[] | .sentence'
      Two captures, for a script.
  rdpwhy analyze tickets/ --each reports/ --format html
      Each capture by itself, on all cores: a line each here, a page each there.
  ssh gateway timeout 60 tcpdump -i eth0 -U -w - tcp port 3389 | rdpwhy analyze -
      A minute of another computer's traffic, as it arrives.
  rdpwhy analyze trace.pcapng -q --exit-zero --format ndjson >> connections.ndjson
      One line for each connection, to be collected.";

fn analyze_help() -> String {
    format!("{ANALYZE_EXAMPLES}\n\n{}", exit::HELP)
}

/// Formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people, 80 columns wide.
    Text,
    /// For tickets.
    #[value(alias = "md")]
    Markdown,
    /// One page with diagrams, to be attached or printed.
    Html,
    /// One JSON document.
    Json,
    /// One JSON object a line, one line a connection.
    Ndjson,
}

impl Format {
    /// Whether people read it as it is.
    pub(super) const fn is_for_people(self) -> bool {
        matches!(self, Self::Text | Self::Markdown | Self::Html)
    }

    /// What the names of its files end in.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

/// Explain findings and stages of a report, and codes of dialogs and logs
///
/// A finding or stage is named as in the report. A code is written as it is
/// shown, hexadecimal (0x904) or decimal (2308), or by its name; a second code
/// after it is its extended error code. A word before it says where it was
/// read: reason, extended, negotiation, licence, authorization, ntstatus,
/// alert. Without anything, all findings are listed.
#[derive(Debug, Args)]
#[command(after_long_help = EXPLAIN_EXAMPLES)]
pub(super) struct Explain {
    /// Findings (injected-reset), stages (tls) or codes (0x904 0x7)
    #[arg(value_name = "ID|STAGE|CODE")]
    pub(super) what: Vec<String>,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  rdpwhy explain                           list all findings
  rdpwhy explain 0x904 0x7                 an error code and its extended code
  rdpwhy explain 2308                      the same code in decimal
  rdpwhy explain alert 49                  a TLS alert
  rdpwhy explain 0xC000006D                a status of event 4625
  rdpwhy explain licensing                 a stage
  rdpwhy explain injected-reset no-answer  two findings";

const ADVICE_EXAMPLES: &str = "\
Examples:
  rdpwhy capture-advice                    everything
  rdpwhy capture-advice | grep tcpdump     the commands of one tool";

/// Write the completions of a shell to standard output
#[derive(Debug, Args)]
#[command(after_long_help = COMPLETIONS_EXAMPLES)]
pub(super) struct Completions {
    /// The shell
    pub(super) shell: Shell,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  rdpwhy completions bash > ~/.local/share/bash-completion/completions/rdpwhy
  rdpwhy completions zsh > ~/.zfunc/_rdpwhy
  rdpwhy completions powershell >> $PROFILE";

#[cfg(feature = "live")]
const INTERFACES_EXAMPLES: &str = "\
Examples:
  rdpwhy interfaces                        where could I capture? Take one that is up
  tcpdump -i eth0 -s 0 -w rdp.pcap port 3389";

/// Write a manual page to standard output
#[derive(Debug, Args)]
#[command(after_long_help = MAN_EXAMPLES)]
pub(super) struct Man {
    /// The command that the page is about; without it, rdpwhy itself
    #[arg(value_name = "COMMAND")]
    pub(super) page: Option<String>,
}

const MAN_EXAMPLES: &str = "\
Examples:
  rdpwhy man | man -l -                    read it
  rdpwhy man analyze > rdpwhy-analyze.1    keep the page of a command";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn everything_is_described() {
        fn check(command: &clap::Command) {
            let name = command.get_name();
            assert!(command.get_about().is_some() || name == "help", "{name}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name}: {argument}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
        for command in Arguments::command().get_subcommands() {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:"), "{} has no examples", command.get_name());
        }
    }

    #[test]
    fn sha256_takes_a_value_or_none() {
        let parse = |line: &str| match Arguments::try_parse_from(line.split(' ')).unwrap().command {
            Command::Analyze(analyze) => (analyze.sha256, analyze.files.len()),
            other => panic!("{other:?}"),
        };
        assert_eq!(parse("rdpwhy analyze a"), (When::Auto, 1));
        assert_eq!(parse("rdpwhy analyze --sha256 a"), (When::Always, 1));
        assert_eq!(parse("rdpwhy analyze --sha256=never a b"), (When::Never, 2));
    }
}
